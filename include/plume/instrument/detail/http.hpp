// http.hpp - what all HTTP spans have in common: methods, statuses, captured headers.
//
// The rules are those of OpenTelemetry's HTTP conventions (stable), "HTTP spans".
#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include <plume/config.hpp>
#include <plume/instrument/detail/url.hpp>
#include <plume/on_span.hpp>
#include <plume/propagation/header_text.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// The methods of RFC 9110, and PATCH of RFC 5789; all others are one, whoever invents them.
inline constexpr std::array<std::string_view, 9> known_methods{
    "GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE"};

/// A method as spans tell it. Methods are case-sensitive.
struct HttpMethod {
    std::string_view value = "_OTHER";        ///< http.request.method
    std::string_view name = "HTTP";           ///< in the name of a span
    std::optional<std::string_view> original; ///< http.request.method_original, where it differs
    std::size_t index = known_methods.size(); ///< in `known_methods`; its size for the others

    constexpr explicit HttpMethod(std::string_view text) noexcept {
        for (std::size_t i = 0; i < known_methods.size(); ++i)
            if (known_methods[i] == text) {
                value = name = known_methods[i];
                index = i;
                return;
            }
        original = text;
    }
};

/// What a response means for a span: 4xx is the client's mistake, so only the client has failed;
/// from 5xx on, and below 100, neither has got what it should.
constexpr bool is_server_error(int status) noexcept { return status >= 500 || status < 100; }
constexpr bool is_client_error(int status) noexcept { return status >= 400 || status < 100; }

/// A status as `error.type` has it: text. Holds its characters.
class StatusText {
  public:
    explicit StatusText(int status) noexcept {
        const auto [end, error] = std::to_chars(text_, text_ + sizeof text_, status);
        size_ = error == std::errc{} ? static_cast<std::size_t>(end - text_) : 0;
    }
    [[nodiscard]] std::string_view view() const noexcept { return {text_, size_}; }

  private:
    char text_[12];
    std::size_t size_;
};

/// Whether the name of a header is `lowercase`, whatever case it has.
constexpr bool is_header(std::string_view name, std::string_view lowercase) noexcept {
    if (name.size() != lowercase.size()) return false;
    for (std::size_t i = 0; i < name.size(); ++i)
        if (lower(name[i]) != lowercase[i]) return false;
    return true;
}

/// "1.1" of "HTTP/1.1": network.protocol.version. Empty if it is something else.
constexpr std::string_view protocol_version(std::string_view text) noexcept {
    return text.starts_with("HTTP/") ? text.substr(5) : std::string_view{};
}

/// A host and a port, as they stand in a `Host` header and in a URL. The port is 0 if there is
/// none; the brackets of an IPv6 address are left out.
struct HostAndPort {
    std::string_view host;
    int port = 0;

    constexpr explicit HostAndPort(std::string_view text) noexcept : host{text} {
        const std::size_t bracket = text.starts_with('[') ? text.find(']') : std::string_view::npos;
        const bool bracketed = bracket != std::string_view::npos;
        const std::size_t colon = text.find(':', bracketed ? bracket : 0);
        if (bracketed) host = text.substr(1, bracket - 1);
        if (colon == std::string_view::npos) return;
        if (!bracketed) {
            if (text.find(':', colon + 1) != std::string_view::npos) return; // a bare IPv6 address
            host = text.substr(0, colon);
        }
        int value = 0;
        const std::string_view digits = text.substr(colon + 1);
        if (digits.empty() || digits.size() > 5) return;
        for (const char c : digits) {
            if (c < '0' || c > '9') return;
            value = value * 10 + (c - '0');
        }
        if (value <= 65535) port = value;
    }
};

/// Headers that the user wants on spans, as http.request.header.<lowercase name> and the like.
class [[gnu::visibility("default")]] CapturedHeaders {
  public:
    CapturedHeaders() = default;
    /// `prefix`: "http.request.header." or "http.response.header."
    CapturedHeaders(std::string_view prefix, const std::vector<std::string>& names) {
        for (const std::string& name : names) {
            std::string lowercase;
            for (const char c : name) lowercase += lower(c);
            const RunTimeListKey key{std::string{prefix} + lowercase};
            headers_.push_back({std::move(lowercase), key});
        }
    }

    [[nodiscard]] bool empty() const noexcept { return headers_.empty(); }

    /// Says on `span` what the wanted headers are. `each_value(name, f)` calls `f` with each value
    /// of the header of that name, which is in lowercase. Of one header, 16 values are kept.
    template <class Span, class EachValue>
    void set(const Span& span, EachValue&& each_value) const {
        for (const Header& header : headers_) {
            Values values;
            each_value(std::string_view{header.name},
                       [&values](std::string_view value) { values.add(value); });
            if (values.size() != 0) span.set_texts(header.key, values);
        }
    }

  private:
    struct Header {
        std::string name;
        RunTimeListKey key;
    };
    class Values {
      public:
        void add(std::string_view value) noexcept {
            if (size_ < texts_.size()) texts_[size_++] = value;
        }
        [[nodiscard]] const std::string_view* begin() const noexcept { return texts_.data(); }
        [[nodiscard]] const std::string_view* end() const noexcept { return begin() + size_; }
        [[nodiscard]] std::size_t size() const noexcept { return size_; }

      private:
        std::array<std::string_view, 16> texts_;
        std::size_t size_ = 0;
    };

    std::vector<Header> headers_;
};

/// Calls what belongs to the user. What it throws stops here: no request fails because tracing it
/// did. `Exceptions` keeps files that are compiled with and without them apart.
template <bool Exceptions = PLUME_EXCEPTIONS != 0, class F>
void call_hook(F&& f) noexcept {
#if PLUME_EXCEPTIONS
    try {
        f();
    } catch (...) { // it is the user's, and it is not told to us
    }
#else
    f();
#endif
}

} // namespace detail
} // namespace plume
