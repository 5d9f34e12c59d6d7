// request_carrier.hpp - the headers of a request as they were sent, not as cpp-httplib tells them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <httplib.h>

#include <plume/propagation/baggage_text.hpp>
#include <plume/propagation/carrier.hpp>
#include <plume/propagation/header_text.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// Whether this cpp-httplib replaces %XX in the values of headers: until 0.44 it did in all of them
/// but a few (its notes on that release; RFC 9110, 5.5, knows no such thing).
constexpr bool unescapes_headers(std::string_view version) noexcept {
    if (!version.starts_with("0.")) return false;
    unsigned minor = 0;
    for (std::size_t i = 2; i < version.size() && version[i] >= '0' && version[i] <= '9'; ++i)
        minor = minor * 10 + static_cast<unsigned>(version[i] - '0');
    return minor < 44;
}

/// Makes baggage of what is left when somebody has replaced each %XX in it. Which commas,
/// semicolons and blanks at the ends of values were escaped nobody knows any more: they count as
/// not escaped.
inline std::string escaped_again(std::string_view header) {
    constexpr std::string_view separators = ",;=";
    std::string escaped;
    char before = ','; // the last one that is no blank
    for (std::size_t i = 0; i < header.size(); ++i) {
        const char c = header[i];
        if (c == ' ' || c == '\t') {
            const std::size_t next = header.find_first_not_of(" \t", i);
            const bool inside = next != std::string_view::npos &&
                                separators.find(header[next]) == std::string_view::npos &&
                                separators.find(before) == std::string_view::npos;
            if (inside) append_percent_encoded(escaped, header.substr(i, 1));
            else escaped += c;
            continue;
        }
        before = c;
        // A plus sign is sent as it is by some, who mean a blank, and is no matter of ours.
        if (separators.find(c) != std::string_view::npos || c == '+') escaped += c;
        else append_percent_encoded(escaped, header.substr(i, 1));
    }
    return escaped;
}

/// Reads contexts from what cpp-httplib knows of a request, which is to live longer. One thread at
/// a time. Allocates for baggage alone.
class RequestCarrier {
  public:
    explicit RequestCarrier(const httplib::Headers& headers) noexcept : headers_{headers} {}

    [[nodiscard]] std::string_view get(std::string_view name) const {
        return as_sent(name, headers_.get(name));
    }
    template <class F>
    void each(std::string_view name, F&& f) const {
        headers_.each(name, [&](std::string_view value) { f(as_sent(name, value)); });
    }
    template <class F>
    void each_name(F&& f) const {
        headers_.each_name(f);
    }

  private:
    /// Of the headers of all formats, these alone are sent with escapes.
    [[nodiscard]] std::string_view as_sent(std::string_view name, std::string_view value) const {
        if constexpr (unescapes_headers(CPPHTTPLIB_VERSION)) {
            if (name == "baggage" || name.starts_with("uberctx-"))
                return escaped_ = escaped_again(value);
        }
        return value;
    }

    PairsCarrier<const httplib::Headers> headers_;
    mutable std::string escaped_; ///< until the next call, as carriers may
};

} // namespace detail
} // namespace plume
