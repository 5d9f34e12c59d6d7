// url.hpp - a URL that libcurl takes apart, so that it is read as the transfer reads it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include <curl/curl.h>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

struct CurlFree {
    void operator()(CURLU* url) const noexcept { curl_url_cleanup(url); }
    void operator()(char* text) const noexcept { curl_free(text); }
};

/// A text that libcurl has made; empty if it has not.
class CurlText {
  public:
    explicit CurlText(char* text) noexcept : text_{text} {}
    [[nodiscard]] std::string_view view() const noexcept {
        return text_ ? std::string_view{text_.get()} : std::string_view{};
    }

  private:
    std::unique_ptr<char, CurlFree> text_;
};

class CurlUrl {
  public:
    /// A URL without a scheme gets the one that libcurl would guess.
    explicit CurlUrl(const char* url) noexcept : parts_{curl_url()} {
        constexpr unsigned as_transfers_do = CURLU_GUESS_SCHEME;
        if (!parts_ || !url || *url == '\0' ||
            curl_url_set(parts_.get(), CURLUPART_URL, url, as_transfers_do) != CURLUE_OK)
            parts_.reset();
    }

    /// False for what is no URL, or one of a scheme that this libcurl does not know.
    [[nodiscard]] bool valid() const noexcept { return parts_ != nullptr; }

    /// Credentials included.
    [[nodiscard]] CurlText whole() const noexcept { return part(CURLUPART_URL); }
    [[nodiscard]] CurlText scheme() const noexcept { return part(CURLUPART_SCHEME); }
    [[nodiscard]] CurlText host() const noexcept { return part(CURLUPART_HOST); }

    /// Of the scheme if the URL names none; absent where the scheme has none.
    [[nodiscard]] std::optional<std::int64_t> port() const noexcept {
        const CurlText digits = part(CURLUPART_PORT, CURLU_DEFAULT_PORT);
        if (digits.view().empty()) return std::nullopt;
        std::int64_t port = 0;
        for (const char digit : digits.view()) port = port * 10 + (digit - '0');
        return port;
    }

  private:
    [[nodiscard]] CurlText part(CURLUPart which, unsigned flags = 0) const noexcept {
        char* text = nullptr;
        if (!parts_ || curl_url_get(parts_.get(), which, &text, flags) != CURLUE_OK)
            return CurlText{nullptr};
        return CurlText{text};
    }

    std::unique_ptr<CURLU, CurlFree> parts_;
};

/// An IPv6 address without the brackets that it has in a URL.
[[nodiscard]] inline std::string_view without_brackets(std::string_view host) noexcept {
    if (host.size() > 2 && host.front() == '[' && host.back() == ']')
        return host.substr(1, host.size() - 2);
    return host;
}

} // namespace detail
} // namespace plume
