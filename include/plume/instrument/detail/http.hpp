// http.hpp - what all HTTP spans have in common: methods, statuses, hosts, captured headers.
//
// The rules are those of OpenTelemetry's HTTP conventions (stable), "HTTP spans".
#pragma once

#include <algorithm>
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

#include <plume/core/config.hpp>
#include <plume/core/environment.hpp>
#include <plume/instrument/detail/url.hpp>
#include <plume/propagation/header_text.hpp>
#include <plume/trace/span_api.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// The methods of RFC 9110, PATCH of RFC 5789, and QUERY, which the conventions list too.
inline constexpr std::array<std::string_view, 10> default_methods{
    "GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE", "QUERY"};

/// A method as spans tell it.
struct HttpMethod {
    std::string_view value;                   ///< http.request.method
    std::optional<std::string_view> original; ///< http.request.method_original, where it differs
    const Name* name;                         ///< of a span of which nothing else is known
};

/// The methods that spans tell as they are; all others are one. Methods are case-sensitive.
/// Immutable. What it reads refers to it.
class [[gnu::visibility("default")]] KnownMethods {
  public:
    /// Empty: those of OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS, a list with commas; without that,
    /// the default.
    explicit KnownMethods(std::vector<std::string> methods) {
        if (methods.empty()) methods = of_variable();
        if (methods.empty()) methods.assign(default_methods.begin(), default_methods.end());
        for (std::string& method : methods) {
            const Name name{method};
            methods_.push_back({std::move(method), name});
        }
    }

    /// Those that hold where no option says otherwise, as the variable is at the first call.
    static const KnownMethods& usual() {
        static const KnownMethods& methods = *new KnownMethods{{}}; // for exit handlers too
        return methods;
    }

    [[nodiscard]] HttpMethod read(std::string_view text) const noexcept {
        for (const Known& known : methods_)
            if (known.text == text) return {known.text, std::nullopt, &known.name};
        return {"_OTHER", text, &other_};
    }
    /// How names of spans begin: with a method that is known, or "HTTP".
    [[nodiscard]] std::string_view word(std::string_view text) const noexcept {
        return read(text).original ? "HTTP" : text;
    }

  private:
    struct Known {
        std::string text;
        Name name;
    };
    static std::vector<std::string> of_variable() {
        std::vector<std::string> methods;
        const auto value = variable("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS");
        std::string_view rest = value ? std::string_view{*value} : std::string_view{};
        while (!rest.empty()) {
            const std::string_view method = trimmed(take_until(rest, ','));
            if (!method.empty()) methods.emplace_back(method);
        }
        return methods;
    }

    std::vector<Known> methods_;
    Name other_{"HTTP"};
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

/// Whether all of `text` may stand in the name of a host, or in an IPv4 address (RFC 3986, 3.2.2).
/// Names that are not ASCII are taken as they are.
constexpr bool is_host_name(std::string_view text) noexcept {
    for (const char c : text) {
        const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                           (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80;
        if (!plain && std::string_view{"-._~%!$&'()*+,;="}.find(c) == std::string_view::npos)
            return false;
    }
    return !text.empty();
}

/// Whether `text` is an IPv6 address, as far as its groups tell (RFC 4291, 2.2), with a zone or
/// without.
constexpr bool is_ipv6(std::string_view text) noexcept {
    const std::string_view address = text.substr(0, text.find('%'));
    int colons = 0;
    int in_group = 0;
    bool dotted = false;
    for (const char c : address) {
        if (c == ':') {
            if (dotted) return false; // an IPv4 address is the last of the groups
            ++colons;
            in_group = 0;
        } else if (c == '.') {
            dotted = true;
            in_group = 0;
        } else if (value_of_hex(c) < 0 || ++in_group > 4) {
            return false;
        }
    }
    const bool shortened = address.find("::") != std::string_view::npos;
    return (shortened ? colons <= 7 : colons == (dotted ? 6 : 7)) &&
           (address.size() == text.size() || is_host_name(text.substr(address.size() + 1)));
}

/// A host and a port, as they stand in a `Host` header and in a URL. Credentials in front are left
/// out, and so are the brackets of an IPv6 address. What is no host is empty.
struct HostAndPort {
    std::string_view host;
    int port = 0;          ///< 0 if there is none
    bool bad_port = false; ///< there is one, and it is not from 1 to 65535

    constexpr explicit HostAndPort(std::string_view text) noexcept {
        if (const std::size_t at = text.rfind('@'); at != std::string_view::npos)
            text.remove_prefix(at + 1);
        if (text.starts_with('[')) {
            const std::size_t bracket = text.find(']');
            if (bracket == std::string_view::npos || !is_ipv6(text.substr(1, bracket - 1))) return;
            if (bracket + 1 < text.size() && text[bracket + 1] != ':') return;
            host = text.substr(1, bracket - 1);
            text.remove_prefix(bracket + 1);
        } else if (is_ipv6(text)) {
            host = text; // bare
            return;
        } else {
            const std::string_view name = text.substr(0, text.find(':'));
            if (!is_host_name(name)) return;
            host = name;
            text.remove_prefix(name.size());
        }
        if (text.size() <= 1) return; // "shop:" names no port (RFC 3986, 3.2.3)
        read_port(text.substr(1));
    }

  private:
    constexpr void read_port(std::string_view digits) noexcept {
        bad_port = true;
        if (digits.size() > 5) return;
        int value = 0;
        for (const char c : digits) {
            if (c < '0' || c > '9') return;
            value = value * 10 + (c - '0');
        }
        if (value < 1 || value > 65535) return;
        port = value;
        bad_port = false;
    }
};

/// The value of a header as spans show it: without the credentials of URLs and hosts, and without
/// the secrets in the query of what is a URL. The result is `value` or a view of `buffer`.
inline std::string_view shown_header(std::string_view lowercase, std::string_view value,
                                     const UrlRedaction& redaction, std::string& buffer) {
    constexpr std::array<std::string_view, 6> urls{"location", "content-location", "referer",
                                                   "origin",   "x-original-url",   "x-rewrite-url"};
    constexpr std::array<std::string_view, 4> hosts{"host", "forwarded", "x-forwarded-for",
                                                    "x-forwarded-host"};
    if (std::find(urls.begin(), urls.end(), lowercase) != urls.end())
        return redaction.reference(value, buffer);
    if (std::find(hosts.begin(), hosts.end(), lowercase) != hosts.end())
        return UrlRedaction::hosts(value, buffer);
    return UrlRedaction::text(value, buffer);
}

/// Whether `text` may be sent as a header, or as a part of one: without what could end it and begin
/// another (RFC 9110, 5.5).
constexpr bool fits_in_header(std::string_view text) noexcept {
    for (const char c : text)
        if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f) return false;
    return true;
}

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
    void set(const Span& span, const UrlRedaction& redaction, EachValue&& each_value) const {
        for (const Header& header : headers_) {
            Values values;
            each_value(std::string_view{header.name}, [&](std::string_view value) {
                values.add([&](std::string& buffer) {
                    return shown_header(header.name, value, redaction, buffer);
                });
            });
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
        /// `shown(buffer)` is a text that stays, or a view of `buffer`.
        template <class Shown>
        void add(const Shown& shown) {
            if (size_ == texts_.size()) return;
            texts_[size_] = shown(buffers_[size_]);
            ++size_;
        }
        [[nodiscard]] const std::string_view* begin() const noexcept { return texts_.data(); }
        [[nodiscard]] const std::string_view* end() const noexcept { return begin() + size_; }
        [[nodiscard]] std::size_t size() const noexcept { return size_; }

      private:
        std::array<std::string_view, 16> texts_;
        std::array<std::string, 16> buffers_; ///< empty, but for what had to be left out
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
