// baggage_text.hpp - the grammar of a baggage header (W3C Baggage, 3.3.1), its limits and escapes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <plume/core/utf8.hpp>
#include <plume/propagation/header_text.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

// W3C Baggage, 3.3.2: whoever propagates has to keep that much, and may drop what is more.
inline constexpr std::size_t most_baggage_members = 64;
inline constexpr std::size_t most_baggage_bytes = 8192;

/// What keys consist of (RFC 9110, 5.6.2).
constexpr bool is_token(std::string_view text) noexcept {
    constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
    for (const char c : text) {
        const char letter = lower(c);
        if (!(letter >= 'a' && letter <= 'z') && !(c >= '0' && c <= '9') &&
            marks.find(c) == std::string_view::npos)
            return false;
    }
    return !text.empty();
}

constexpr bool is_baggage_octet(char c) noexcept {
    return c >= 0x21 && c <= 0x7e && c != '"' && c != ',' && c != ';' && c != '\\';
}

/// The `key = value` of a member, or the `key [= value]` of a property, without blanks around.
struct [[gnu::visibility("default")]] BaggagePair {
    std::string_view key;
    std::string_view value;
    bool has_value = false;

    explicit constexpr BaggagePair(std::string_view text) noexcept
        : has_value{text.find('=') != std::string_view::npos} {
        key = without_blanks(take_until(text, '='));
        value = without_blanks(text);
    }
    [[nodiscard]] constexpr bool valid() const noexcept {
        for (const char c : value)
            if (!is_baggage_octet(c)) return false;
        return is_token(key);
    }
    [[nodiscard]] constexpr std::size_t size() const noexcept {
        return key.size() + (has_value ? 1 : 0) + value.size();
    }
};

/// Calls f(pair) for key and value of a member, then for each property. False as soon as one is
/// not as it should be.
template <class F>
constexpr bool each_baggage_pair(std::string_view member, F&& f) {
    for (bool property = false;; property = true) {
        const std::size_t end = member.find(';');
        const BaggagePair pair{member.substr(0, end)};
        if (!pair.valid() || (!property && !pair.has_value)) return false;
        f(pair);
        if (end == std::string_view::npos) return true;
        member.remove_prefix(end + 1);
    }
}

/// The bytes of a member without the blanks in it, or 0 if it is none.
constexpr std::size_t baggage_member_size(std::string_view member) noexcept {
    std::size_t size = 0;
    const bool valid = each_baggage_pair(
        member, [&size](const BaggagePair& pair) { size += pair.size() + (size != 0 ? 1 : 0); });
    return valid ? size : 0;
}

/// Whether a baggage can be sent as it is: all of it valid, without blanks, within the limits.
constexpr bool is_clean_baggage(std::string_view text) noexcept {
    if (text.size() > most_baggage_bytes || text.ends_with(',')) return false;
    std::size_t members = 0;
    while (!text.empty()) {
        const std::string_view member = take_until(text, ',');
        if (member.empty() || baggage_member_size(member) != member.size()) return false;
        ++members;
    }
    return members <= most_baggage_members;
}

/// Adds those members of a header to a clean baggage that are valid and for which there is room,
/// each as a whole, without its blanks.
inline void append_baggage(std::string& baggage, std::size_t& members, std::string_view header) {
    while (!header.empty() && members < most_baggage_members) {
        const std::string_view member = take_until(header, ',');
        const std::size_t size = baggage_member_size(member);
        const std::size_t comma = baggage.empty() ? 0 : 1;
        if (size == 0 || baggage.size() + comma + size > most_baggage_bytes) continue;
        ++members;
        char separator = ',';
        each_baggage_pair(member, [&](const BaggagePair& pair) {
            if (!baggage.empty()) baggage += separator;
            separator = ';';
            baggage += pair.key;
            if (pair.has_value) baggage += '=';
            baggage += pair.value;
        });
    }
}

/// Everything but what cannot be misunderstood becomes %XX: more than W3C Baggage asks for, since
/// there are readers that take a plus sign for a blank.
inline void append_percent_encoded(std::string& out, std::string_view text) {
    constexpr char digits[] = "0123456789ABCDEF";
    for (const char c : text) {
        if (is_baggage_octet(c) && c != '%' && c != '+') {
            out += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out += '%';
        out += digits[byte >> 4U];
        out += digits[byte & 15U];
    }
}

/// "a%20b" as "a b". A % without two digits behind it stays as it is; what is no UTF-8 becomes
/// U+FFFD (W3C Baggage, 3.3.1.1.3).
inline std::string percent_decoded_utf8(std::string_view text) {
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned byte = static_cast<unsigned char>(text[i]);
        if (byte == '%' && i + 2 < text.size()) {
            const unsigned high = hex_digit(text[i + 1]);
            const unsigned low = hex_digit(text[i + 2]);
            if (high < 16 && low < 16) {
                byte = high << 4U | low;
                i += 2;
            }
        }
        decoded += static_cast<char>(byte);
    }
    if (is_utf8(decoded)) return decoded;
    std::string repaired(repaired_size(decoded), '\0');
    repair_utf8(decoded, repaired.data());
    return repaired;
}

} // namespace detail
} // namespace plume
