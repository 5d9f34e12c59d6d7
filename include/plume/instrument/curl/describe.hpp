// describe.hpp - what a span says about a transfer: its request, and how it went.
//
// Everything is asked of the handle itself, so that none of the user's options, callbacks and
// pointers is touched. Attributes are those of OpenTelemetry's HTTP conventions (stable), "HTTP
// client span".
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <curl/curl.h>

#include <plume/instrument/curl/errors.hpp>
#include <plume/instrument/curl/options.hpp>
#include <plume/instrument/curl/url.hpp>
#include <plume/trace/span_api.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

template <class T>
[[nodiscard]] T curl_info(CURL* easy, CURLINFO what) noexcept {
    T value{};
    return curl_easy_getinfo(easy, what, &value) == CURLE_OK ? value : T{};
}
[[nodiscard]] inline std::string_view curl_text(CURL* easy, CURLINFO what) noexcept {
    const char* text = curl_info<const char*>(easy, what);
    return text ? std::string_view{text} : std::string_view{};
}

[[nodiscard]] inline bool is_http(std::string_view scheme) noexcept {
    return scheme == "http" || scheme == "https" || scheme == "ws" || scheme == "wss";
}

/// network.protocol.version, or nothing if no response came.
[[nodiscard]] inline std::optional<std::string_view> http_version(CURL* easy) noexcept {
    switch (curl_info<long>(easy, CURLINFO_HTTP_VERSION)) {
    case CURL_HTTP_VERSION_1_0: return "1.0";
    case CURL_HTTP_VERSION_1_1: return "1.1";
    case CURL_HTTP_VERSION_2_0: return "2";
    case CURL_HTTP_VERSION_3: return "3";
    default: return std::nullopt;
    }
}

/// Says on a span what libcurl knows of a transfer: as far as it does when the span begins, for
/// samplers, and so that it can be seen while it hangs; the rest at its end. What turns out to be
/// different then is said again, but not what redirects have made of it: URL and method are those
/// of the first request (HTTP conventions, `url.full`), the status is that of the last one, and
/// http.request.resend_count says how many came before it.
class [[gnu::visibility("default")]] CurlDescription {
  public:
    /// Asks the handle what it is about to request, or has requested. False: the same as before.
    bool look(CURL* easy, const CurlOptions& options) {
        const bool other_url = look_at_url(easy, options);
        const bool other_method = look_at_method(easy, options);
        return other_url || other_method;
    }

    /// Gives what was seen to `sink`, as attributes behind `first`.
    template <class Sink, class... First>
    auto tell(Sink&& sink, const First&... first) const {
        const auto given = [](std::string_view text) {
            return text.empty() ? std::nullopt : std::optional{text};
        };
        const HttpMethod method = methods_->read(method_);
        const bool known = http_ && !method_.empty();
        return sink(first...,
                    Key<"http.request.method">{} = known ? given(method.value) : std::nullopt,
                    Key<"http.request.method_original">{} = known ? method.original : std::nullopt,
                    Key<"url.full">{} = given(full_url_), Key<"server.address">{} = given(host_),
                    Key<"server.port">{} = port_,
                    Key<"url.scheme">{} = http_ ? std::nullopt : given(scheme_));
    }

    /// `span` has begun, with the attributes of tell() or without.
    template <class S>
    void begin(const curl_slist* headers, const CurlOptions& options, const S& span) const {
        name(span);
        if (!http_ || !options.capture) return;
        options.capture->request_headers().set(
            span, options.capture->redaction(),
            [&](std::string_view name, auto&& add) { each_header(headers, name, add); });
    }

    template <class S>
    void end(CURL* easy, CURLcode code, const CurlOptions& options, const S& span) {
        const long redirects = curl_info<long>(easy, CURLINFO_REDIRECT_COUNT);
        if (redirects > 0 ? look_behind_redirects(easy, options) : look(easy, options)) {
            tell([&span](const auto&... attributes) { span.set(attributes...); });
            name(span);
        }
        describe_peer(easy, span);
        const long resent = options.resend_count + redirects;
        if (http_ && resent > 0) span.set(Key<"http.request.resend_count">{} = resent);
        if (options.phases) describe_phases(easy, span);
        if (http_ && options.capture) {
            options.capture->response_headers().set(
                span, options.capture->redaction(),
                [&](std::string_view name, auto&& add) { each_header(easy, name, add); });
        }
        describe_outcome(easy, code, span);
    }

  private:
    bool look_at_url(CURL* easy, const CurlOptions& options) {
        const std::string_view now = curl_text(easy, CURLINFO_EFFECTIVE_URL);
        if (now == url_) return false;
        url_ = now;
        // What libcurl cannot take apart is not shown: there is no telling what in it is secret.
        const CurlUrl url{url_.c_str()};
        const UrlRedaction plain{};
        const UrlRedaction& redaction = options.capture ? options.capture->redaction() : plain;
        std::string buffer;
        full_url_ = redaction.url(url.whole().view(), buffer);
        scheme_ = url.scheme().view();
        http_ = scheme_.empty() || is_http(scheme_);
        host_ = without_brackets(url.host().view());
        port_ = host_.empty() ? std::nullopt : url.port();
        return true;
    }
    bool look_at_method(CURL* easy, const CurlOptions& options) {
        if (options.capture) methods_ = &options.capture->methods();
        const std::string_view now =
            options.method.empty() ? curl_text(easy, CURLINFO_EFFECTIVE_METHOD) : options.method;
        if (now == method_) return false;
        method_ = now;
        return true;
    }
    /// A URL that was not known before, and a method: redirects make a GET of some, and of none
    /// anything else. Of a GET it is not known what it was before, unless the caller says so.
    bool look_behind_redirects(CURL* easy, const CurlOptions& options) {
        const bool other_url = url_.empty() && look_at_url(easy, options);
        const bool other_method = look_at_method(easy, options);
        return other_url || other_method;
    }

    template <class S>
    void name(const S& span) const {
        // A scheme is one of the few that this libcurl speaks.
        if (http_) span.rename(*methods_->read(method_).name);
        else span.rename(Name{scheme_});
    }

    template <class S>
    static void describe_peer(CURL* easy, const S& span) noexcept {
        const std::string_view address = curl_text(easy, CURLINFO_PRIMARY_IP);
        if (address.empty()) return;
        span.set(Key<"network.peer.address">{} = address,
                 Key<"network.peer.port">{} = curl_info<long>(easy, CURLINFO_PRIMARY_PORT));
    }

    /// As libcurl counts: from the beginning to the end of the phase, 0 for one that was not
    /// reached. Of the last request, where redirects were followed.
    template <class S>
    static void describe_phases(CURL* easy, const S& span) noexcept {
        const auto us = [easy](CURLINFO what) {
            return std::int64_t{curl_info<curl_off_t>(easy, what)};
        };
        span.set(Key<"curl.namelookup_us">{} = us(CURLINFO_NAMELOOKUP_TIME_T),
                 Key<"curl.connect_us">{} = us(CURLINFO_CONNECT_TIME_T),
                 Key<"curl.appconnect_us">{} = us(CURLINFO_APPCONNECT_TIME_T),
                 Key<"curl.pretransfer_us">{} = us(CURLINFO_PRETRANSFER_TIME_T),
                 Key<"curl.starttransfer_us">{} = us(CURLINFO_STARTTRANSFER_TIME_T),
                 Key<"curl.redirect_us">{} = us(CURLINFO_REDIRECT_TIME_T),
                 Key<"curl.total_us">{} = us(CURLINFO_TOTAL_TIME_T));
    }

    template <class S>
    void describe_outcome(CURL* easy, CURLcode code, const S& span) const noexcept {
        const int status =
            http_ ? static_cast<int>(curl_info<long>(easy, CURLINFO_RESPONSE_CODE)) : 0;
        if (status != 0) {
            span.set(Key<"http.response.status_code">{} = status,
                     Key<"network.protocol.version">{} = http_version(easy));
        }
        // CURLOPT_FAILONERROR makes an error of libcurl's own of what the status says already, and
        // who cancels on purpose has not failed (HTTP conventions, "Status", since 1.41).
        if (code != CURLE_OK && code != CURLE_HTTP_RETURNED_ERROR && !is_cancelled(code)) {
            const long os_errno = curl_info<long>(easy, CURLINFO_OS_ERRNO);
            span.set(Key<"error.type">{} = curl_error_type(code, os_errno));
            span.set_error(curl_easy_strerror(code));
        } else if (status != 0 && is_client_error(status)) {
            span.set(Key<"error.type">{} = StatusText{status}.view());
            span.set_status(StatusCode::error);
        }
    }

    template <class Add>
    static void each_header(const curl_slist* headers, std::string_view name, Add& add) noexcept {
        for (; headers; headers = headers->next) {
            const std::string_view line = headers->data ? headers->data : "";
            const std::size_t colon = line.find(':');
            if (colon == line.npos || !is_header(line.substr(0, colon), name)) continue;
            const std::size_t begin = line.find_first_not_of(" \t", colon + 1);
            if (begin != line.npos) add(line.substr(begin)); // "Name:" takes a header away
        }
    }
    template <class Add>
    static void each_header(CURL* easy, std::string_view name, Add& add) {
        const std::string terminated{name};
        constexpr int of_the_last_request = -1;
        curl_header* header = nullptr;
        for (std::size_t i = 0; curl_easy_header(easy, terminated.c_str(), i, CURLH_HEADER,
                                                 of_the_last_request, &header) == CURLHE_OK;
             ++i)
            add(std::string_view{header->value});
    }

    std::string url_;    ///< as libcurl has it, credentials and all; never recorded
    std::string method_; ///< as libcurl has it
    const KnownMethods* methods_ = &KnownMethods::usual();
    std::string full_url_;
    std::string scheme_;
    std::string host_;
    std::optional<std::int64_t> port_;
    bool http_ = true; ///< as long as nothing else is known
};

} // namespace detail
} // namespace plume
