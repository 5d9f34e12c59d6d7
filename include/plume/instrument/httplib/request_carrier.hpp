// request_carrier.hpp - the headers of a request as they were sent, not as cpp-httplib tells them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
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
/// a time. Allocates for baggage alone. cpp-httplib keeps headers in a tree, which is walked
/// once and not for each name.
class RequestCarrier {
  public:
    explicit RequestCarrier(const httplib::Headers& headers) noexcept : headers_{headers} {
        for (const auto& header : headers) {
            if (header.first.empty()) continue;
            const unsigned place = place_of(header.first);
            shared_ |= static_cast<std::uint32_t>(places_[place] != nullptr) << place;
            places_[place] = &header;
        }
    }

    [[nodiscard]] std::string_view get(std::string_view name) const {
        std::string_view first;
        bool found = false;
        each_as_told(name, [&](std::string_view value) {
            if (!found) first = value;
            found = true;
        });
        return as_sent(name, first);
    }
    template <class F>
    void each(std::string_view name, F&& f) const {
        each_as_told(name, [&](std::string_view value) { f(as_sent(name, value)); });
    }
    template <class F>
    void each_name(F&& f) const {
        headers_.each_name(f);
    }

  private:
    /// The same for names that differ in case alone. Those of the headers that every request is
    /// asked for, and of those that most requests have, differ.
    [[gnu::always_inline]] static unsigned place_of(std::string_view name) noexcept {
        return (static_cast<unsigned char>(name[0]) + 5 * static_cast<unsigned>(name.size())) % 32;
    }

    /// `name` is not empty.
    template <class F>
    [[gnu::always_inline]] void each_as_told(std::string_view name, F&& f) const {
        const unsigned place = place_of(name);
        if ((shared_ >> place & 1U) != 0) return headers_.each(name, f);
        if (const auto* header = places_[place]; header && same_name(header->first, name))
            f(std::string_view{header->second});
    }

    /// Of the headers of all formats, these alone are sent with escapes.
    [[nodiscard]] std::string_view as_sent(std::string_view name, std::string_view value) const {
        if constexpr (unescapes_headers(CPPHTTPLIB_VERSION)) {
            if (name == "baggage" || name.starts_with("uberctx-"))
                return escaped_ = escaped_again(value);
        }
        return value;
    }

    PairsCarrier<const httplib::Headers> headers_;
    std::array<const httplib::Headers::value_type*, 32> places_{}; ///< the last header of each
    std::uint32_t shared_ = 0;    ///< a bit for each place of several headers
    mutable std::string escaped_; ///< until the next call, as carriers may
};

} // namespace detail
} // namespace plume
