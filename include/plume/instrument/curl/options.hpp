// options.hpp - what a caller may want to know about the transfers of libcurl, beyond the rule.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <plume/instrument/detail/http.hpp>

namespace plume {

struct CurlCaptureOptions {
    std::vector<std::string> request_headers = {};  ///< of the list that the caller hands over
    std::vector<std::string> response_headers = {}; ///< of the last response, trailers left out
    /// Keys in queries whose values are hidden, besides those that the conventions list.
    std::vector<std::string> secret_query_keys = {};
    /// Methods that spans tell as they are, in place of all others; any other method is "_OTHER".
    /// Their case matters. Not set: OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS, else those of RFC
    /// 9110, PATCH and QUERY.
    std::vector<std::string> known_methods = {};
};

/// Which headers spans show as `http.request.header.<name>` and `http.response.header.<name>`, and
/// what they hide. Make one per configuration, once: the keys are interned for ever. Immutable, so
/// that any thread may use it; must outlive the transfers that it is given to.
class CurlCapture {
  public:
    explicit CurlCapture(const CurlCaptureOptions& options)
        : request_headers_{"http.request.header.", options.request_headers},
          response_headers_{"http.response.header.", options.response_headers},
          redaction_{options.secret_query_keys}, methods_{options.known_methods} {}

    [[nodiscard]] const detail::CapturedHeaders& request_headers() const noexcept {
        return request_headers_;
    }
    [[nodiscard]] const detail::CapturedHeaders& response_headers() const noexcept {
        return response_headers_;
    }
    [[nodiscard]] const detail::UrlRedaction& redaction() const noexcept { return redaction_; }
    [[nodiscard]] const detail::KnownMethods& methods() const noexcept { return methods_; }

  private:
    detail::CapturedHeaders request_headers_;
    detail::CapturedHeaders response_headers_;
    detail::UrlRedaction redaction_;
    detail::KnownMethods methods_;
};

struct CurlOptions {
    /// Which try this is: 0 is the first. Redirects that libcurl follows are counted on top.
    int resend_count = 0;
    /// How long name lookup, connecting, TLS and the first byte took, as `curl.<phase>_us`.
    bool phases = false;
    const CurlCapture* capture = nullptr; ///< null: no headers
    /// The method of the first request, for transfers that are redirected: libcurl knows only that
    /// of the last one, and makes a GET of a POST that is answered 303. Is to live as long as the
    /// transfer, as a literal does. Empty: what libcurl says.
    std::string_view method = {};
};

} // namespace plume
