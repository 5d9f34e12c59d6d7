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
#include <plume/on_span.hpp>

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

/// The names of spans: of the known methods, and of all others.
[[nodiscard]] inline const Name& name_of(const HttpMethod& method) noexcept {
    static const auto names = []<std::size_t... I>(std::index_sequence<I...>) {
        return std::array<Name, sizeof...(I) + 1>{Name{known_methods[I]}..., Name{"HTTP"}};
    }(std::make_index_sequence<known_methods.size()>{});
    return names[method.index];
}

/// Says on a span what libcurl knows of a transfer: as far as it does when the span begins, so
/// that it can be seen while it hangs, and the rest at its end. What turns out to be different
/// then, after redirects above all, is said again: the attributes are those of the last request,
/// as the status is (HTTP conventions, "HTTP request retries and redirects": a span is one
/// request, and http.request.resend_count how many came before it).
class [[gnu::visibility("default")]] CurlDescription {
  public:
    template <class S>
    void begin(CURL* easy, const curl_slist* headers, const CurlOptions& options,
               const S& span) noexcept {
        describe_url(easy, options, span);
        describe_method(easy, span);
        if (options.capture) {
            options.capture->request_headers().set(
                span, [&](std::string_view name, auto&& add) { each_header(headers, name, add); });
        }
    }

    template <class S>
    void end(CURL* easy, CURLcode code, const CurlOptions& options, const S& span) noexcept {
        describe_url(easy, options, span);
        describe_method(easy, span);
        describe_peer(easy, span);
        const long resent = options.resend_count + curl_info<long>(easy, CURLINFO_REDIRECT_COUNT);
        if (http_ && resent > 0) span.set(Key<"http.request.resend_count">{} = resent);
        if (options.phases) describe_phases(easy, span);
        if (http_ && options.capture) {
            options.capture->response_headers().set(
                span, [&](std::string_view name, auto&& add) { each_header(easy, name, add); });
        }
        describe_outcome(easy, code, span);
    }

    /// The transfer was given up: nobody knows how it would have gone.
    template <class S>
    static void cancelled(const S& span) noexcept {
        span.set(Key<"error.type">{} = "cancelled");
        span.set_error("given up before it was done");
    }

  private:
    template <class S>
    void describe_url(CURL* easy, const CurlOptions& options, const S& span) noexcept {
        const std::string_view now = curl_text(easy, CURLINFO_EFFECTIVE_URL);
        if (now == url_) return;
        url_ = now;
        // What libcurl cannot take apart is not shown: there is no telling what in it is secret.
        const CurlUrl url{url_.c_str()};
        if (!url.valid()) return;
        scheme_ = url.scheme().view();
        http_ = is_http(scheme_);
        std::string buffer;
        const UrlRedaction plain{};
        const CurlText whole = url.whole();
        const CurlText host = url.host();
        const UrlRedaction& redaction = options.capture ? options.capture->redaction() : plain;
        span.set(Key<"url.full">{} = redaction.url(whole.view(), buffer));
        if (!host.view().empty())
            span.set(Key<"server.address">{} = without_brackets(host.view()),
                     Key<"server.port">{} = url.port());
        if (!http_) {
            span.set(Key<"url.scheme">{} = scheme_);
            span.rename(Name{scheme_}); // one of the few that this libcurl speaks
        }
    }

    template <class S>
    void describe_method(CURL* easy, const S& span) noexcept {
        if (!http_) return;
        const std::string_view now = curl_text(easy, CURLINFO_EFFECTIVE_METHOD);
        if (now == method_ || now.empty()) return;
        method_ = now;
        const HttpMethod method{method_};
        span.set(Key<"http.request.method">{} = method.value,
                 Key<"http.request.method_original">{} = method.original);
        span.rename(name_of(method));
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
        // CURLOPT_FAILONERROR makes an error of libcurl's own of what the status says already.
        if (code != CURLE_OK && code != CURLE_HTTP_RETURNED_ERROR) {
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
    std::string method_; ///< as the span has it by now
    std::string scheme_;
    bool http_ = true; ///< as long as nothing else is known
};

} // namespace detail
} // namespace plume
