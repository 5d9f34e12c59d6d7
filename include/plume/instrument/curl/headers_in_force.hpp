// headers_in_force.hpp - a handle that sends a context along with the user's headers, for a while.
#pragma once

#include <utility>

#include <curl/curl.h>

#include <plume/instrument/curl/describe.hpp>
#include <plume/instrument/curl/headers.hpp>
#include <plume/propagation/propagation.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// Mail is the other thing that libcurl writes CURLOPT_HTTPHEADER into, and a trace has no business
/// there. A URL that is not known yet is taken for one of HTTP.
[[nodiscard]] inline bool sends_http_headers(CURL* easy) noexcept {
    const char* text = curl_info<const char*>(easy, CURLINFO_EFFECTIVE_URL);
    if (!text || *text == '\0' || curl_strnequal(text, "http", 4)) return true;
    const CurlUrl url{text};
    return !url.valid() || is_http(url.scheme().view());
}

/// The handle has the user's list alone before and after.
class [[gnu::visibility("default")]] CurlHeadersInForce {
  public:
    CurlHeadersInForce() noexcept = default;
    CurlHeadersInForce(CURL* easy, curl_slist* headers, const SpanContext& context)
        : easy_{easy}, theirs_{headers}, headers_{headers} {
        if (context != SpanContext{} && sends_http_headers(easy)) inject(context, headers_);
        curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, headers_.list());
    }
    CurlHeadersInForce(CurlHeadersInForce&& other) noexcept
        : easy_{std::exchange(other.easy_, nullptr)}, theirs_{other.theirs_},
          headers_{std::move(other.headers_)} {}
    CurlHeadersInForce& operator=(CurlHeadersInForce&& other) noexcept {
        std::swap(easy_, other.easy_);
        std::swap(theirs_, other.theirs_);
        headers_ = std::move(other.headers_);
        return *this;
    }
    ~CurlHeadersInForce() {
        if (easy_ && headers_.added()) curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, theirs_);
    }

  private:
    CURL* easy_ = nullptr;
    curl_slist* theirs_ = nullptr;
    CurlHeaders headers_{nullptr};
};

} // namespace detail
} // namespace plume
