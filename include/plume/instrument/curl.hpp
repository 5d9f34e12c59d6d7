// curl.hpp - client spans for libcurl: one call on an easy handle, one object with a multi handle.
#pragma once

#include <curl/curl.h>

#include <plume/core/config.hpp>
#include <plume/instrument/curl/describe.hpp>
#include <plume/instrument/curl/headers_in_force.hpp>
#include <plume/instrument/curl/options.hpp>
#include <plume/instrument/curl/transfer.hpp>
#include <plume/instrument/curl/transfers.hpp>
#include <plume/trace/context.hpp>
#include <plume/trace/span.hpp>

static_assert(LIBCURL_VERSION_NUM >= 0x075400, "plume: curl.hpp needs libcurl 7.84 or newer");

namespace plume {

/// curl_easy_perform() under a client span, which is current meanwhile: what the transfer's
/// callbacks record becomes its child. The service at the other end sees the span as its parent.
///
///     plume::perform(curl, headers);
///
/// `headers` is the list for CURLOPT_HTTPHEADER, or null. This sets the option itself: libcurl has
/// one list for each handle and does not give it back, so a list that is set beforehand and not
/// handed over would be lost. The headers of the propagators come before it, in the place of
/// headers of theirs that it has; the list is not changed, and afterwards it is what the handle has
/// set. No other option of the handle is touched.
///
/// The span is named after the method. Redirects that libcurl follows are part of it: URL and
/// method are those of the first request, the status is that of the last one, and
/// http.request.resend_count says how many came before it. A status from 400 on is an error, and so
/// is every result but CURLE_OK and those by which a callback cancels. A URL of another scheme than
/// HTTP makes a span that is named after the scheme, and no header is added.
///
/// Blocks as curl_easy_perform() does, throws nothing of its own but std::bad_alloc. Without a
/// session only a context in force is passed on; if there is none, or with PLUME_ENABLED 0, this is
/// curl_easy_setopt() and curl_easy_perform().
///
/// `Enabled` and `S` are left to their defaults: they keep files with different switches apart.
template <bool Enabled = (PLUME_ENABLED != 0), class S = Span>
CURLcode perform(CURL* easy, curl_slist* headers, const CurlOptions& options = {}) {
    if constexpr (Enabled) {
        if (!easy) return curl_easy_perform(easy); // knows what to say to that
        detail::CurlDescription description;
        const S span{detail::Anywhere<"HTTP">{}, [&](auto&& sink) {
                         description.look(easy, options);
                         return description.tell(sink, client);
                     }};
        if (span.recording()) description.begin(headers, options, span);
        const detail::CurlHeadersInForce in_force{easy, headers, current_context()};
        const CURLcode code = curl_easy_perform(easy);
        if (span.recording()) description.end(easy, code, options, span);
        return code;
    } else {
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
        return curl_easy_perform(easy);
    }
}

} // namespace plume
