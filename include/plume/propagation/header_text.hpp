// header_text.hpp - what the formats of headers have in common: blanks, lists, hexadecimal ids.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// Blanks as headers know them (RFC 9110, 5.6.3: OWS).
constexpr bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }

constexpr std::string_view without_blanks(std::string_view text) noexcept {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

constexpr char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

/// Names of headers are compared without regard to case (RFC 9110, 5.1).
constexpr bool same_name(std::string_view a, std::string_view b) noexcept {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (a[i] != b[i] && lower(a[i]) != lower(b[i])) return false;
    return true;
}

/// Takes what stands before the next separator off the front of `list`, and the separator.
constexpr std::string_view take_until(std::string_view& list, char separator) noexcept {
    const std::size_t at = list.find(separator);
    const std::string_view part = list.substr(0, at);
    list.remove_prefix(at == std::string_view::npos ? list.size() : at + 1);
    return part;
}

// Eight digits at once, one a byte of a word. Ids are most of what is read and written here, and
// digit by digit they would cost five times as much.

constexpr std::uint64_t each_byte(std::uint64_t value) noexcept {
    return value * 0x0101010101010101U;
}

/// The first character is the lowest byte.
inline std::uint64_t load_text(const char* text) noexcept {
    std::uint64_t word = 0;
    std::memcpy(&word, text, 8);
    return std::endian::native == std::endian::big ? __builtin_bswap64(word) : word;
}
inline void store_text(char* text, std::uint64_t word) noexcept {
    if (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
    std::memcpy(text, &word, 8);
}

/// Bytes of 0 to 15 as digits.
constexpr std::uint64_t digits_of(std::uint64_t nibbles) noexcept {
    const std::uint64_t letters = ((nibbles + each_byte(6)) >> 4U) & each_byte(1);
    return nibbles + each_byte('0') + letters * ('a' - '0' - 10);
}

inline char* write_hex8(char* out, std::uint32_t value) noexcept {
    std::uint64_t word = __builtin_bswap32(value); // now the first digits are the lowest
    word = (word | word << 16U) & 0x0000ffff0000ffffU;
    word = (word | word << 8U) & 0x00ff00ff00ff00ffU;
    word = (word >> 4U | word << 8U) & 0x0f0f0f0f0f0f0f0fU;
    store_text(out, digits_of(word));
    return out + 8;
}
inline char* write_hex16(char* out, std::uint64_t value) noexcept {
    out = write_hex8(out, static_cast<std::uint32_t>(value >> 32U));
    return write_hex8(out, static_cast<std::uint32_t>(value));
}

/// Reads eight lowercase digits, and clears `ok` if they are anything else.
inline std::uint32_t read_hex8(const char* text, bool& ok) noexcept {
    const std::uint64_t word = load_text(text);
    std::uint64_t value = (word & each_byte(0x0f)) + ((word >> 6U) & each_byte(1)) * 9;
    // They are digits iff what they amount to is written as they are.
    ok = ok && (value & each_byte(0xf0)) == 0 && digits_of(value) == word;
    value = (value << 4U | value >> 8U) & 0x00ff00ff00ff00ffU;
    value = (value | value >> 8U) & 0x0000ffff0000ffffU;
    return __builtin_bswap32(static_cast<std::uint32_t>(value | value >> 16U));
}
inline std::uint64_t read_hex16(const char* text, bool& ok) noexcept {
    const std::uint64_t high = read_hex8(text, ok);
    return high << 32U | read_hex8(text + 8, ok);
}

/// The value of one digit of either case, or 16.
constexpr unsigned hex_digit(char c) noexcept {
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
    const char letter = lower(c);
    return letter >= 'a' && letter <= 'f' ? static_cast<unsigned>(letter - 'a') + 10 : 16;
}

/// 1 to 32 digits of either case, padded on the left. False for anything else.
constexpr bool read_padded_hex(std::string_view text, std::uint64_t& high,
                               std::uint64_t& low) noexcept {
    if (text.empty() || text.size() > 32) return false;
    high = low = 0;
    for (const char c : text) {
        const unsigned digit = hex_digit(c);
        if (digit > 15) return false;
        high = high << 4U | low >> 60U;
        low = low << 4U | digit;
    }
    return true;
}
/// 1 to 16 digits of either case.
constexpr bool read_padded_hex(std::string_view text, std::uint64_t& value) noexcept {
    std::uint64_t high = 0;
    return text.size() <= 16 && read_padded_hex(text, high, value);
}

} // namespace detail
} // namespace plume
