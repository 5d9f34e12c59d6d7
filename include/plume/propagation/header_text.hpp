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

/// Takes what stands before the next separator off the front of `list`, and the separator.
constexpr std::string_view take_until(std::string_view& list, char separator) noexcept {
    const std::size_t at = list.find(separator);
    const std::string_view part = list.substr(0, at);
    list.remove_prefix(at == std::string_view::npos ? list.size() : at + 1);
    return part;
}

// Eight digits at once, one a byte of a word, and two such words side by side. Ids are most of what
// is read and written here, and digit by digit they would cost several times as much.

using WordPair [[gnu::vector_size(16)]] = std::uint64_t;

constexpr std::uint64_t each_byte(std::uint64_t value) noexcept {
    return value * 0x0101010101010101U;
}

/// The first character is the lowest byte.
inline std::uint64_t load_text(const char* text) noexcept {
    std::uint64_t word = 0;
    std::memcpy(&word, text, 8);
    return std::endian::native == std::endian::big ? __builtin_bswap64(word) : word;
}
/// 4 to 8 characters, in whatever order.
inline std::uint64_t load_short_text(const char* text, std::size_t size) noexcept {
    std::uint32_t front = 0;
    std::uint32_t back = 0;
    std::memcpy(&front, text, 4);
    std::memcpy(&back, text + size - 4, 4);
    return front | std::uint64_t{back} << 32U;
}

/// Bytes of 0 to 15 as digits. What is larger becomes no digit.
inline WordPair digits_of(WordPair nibbles) noexcept {
    const WordPair letters = ((nibbles + each_byte(6)) >> 4) & each_byte(1);
    return nibbles + each_byte('0') + (letters << 5) + (letters << 3) - letters; // 'a' - '0' - 10
}

inline char* write_hex16(char* out, std::uint64_t value) noexcept {
    // The first digits are the lowest.
    WordPair words = {__builtin_bswap32(static_cast<std::uint32_t>(value >> 32U)),
                      __builtin_bswap32(static_cast<std::uint32_t>(value))};
    words = (words | words << 16) & 0x0000ffff0000ffffU;
    words = (words | words << 8) & 0x00ff00ff00ff00ffU;
    words = (words >> 4 | words << 8) & each_byte(0x0f);
    words = digits_of(words);
    if (std::endian::native == std::endian::big)
        words = WordPair{__builtin_bswap64(words[0]), __builtin_bswap64(words[1])};
    std::memcpy(out, &words, 16);
    return out + 16;
}

/// Reads sixteen lowercase digits. If they are anything else, bits of `wrong` are set; otherwise
/// it stays as it is.
inline std::uint64_t read_hex16(const char* text, WordPair& wrong) noexcept {
    WordPair words;
    std::memcpy(&words, text, 16);
    if (std::endian::native == std::endian::big)
        words = WordPair{__builtin_bswap64(words[0]), __builtin_bswap64(words[1])};
    const WordPair letters = (words >> 6) & each_byte(1);
    WordPair value = (words & each_byte(0x0f)) + (letters << 3) + letters;
    // They are digits iff what they amount to is written as they are.
    wrong |= (value & each_byte(0xf0)) | (digits_of(value) ^ words);
    value = (value << 4 | value >> 8) & 0x00ff00ff00ff00ffU;
    value = (value | value >> 8) & 0x0000ffff0000ffffU;
    value |= value >> 16;
    const std::uint64_t high = __builtin_bswap32(static_cast<std::uint32_t>(value[0]));
    return high << 32U | __builtin_bswap32(static_cast<std::uint32_t>(value[1]));
}

/// Eight characters in lower case. Others than letters of ASCII stay as they are.
constexpr std::uint64_t lower(std::uint64_t word) noexcept {
    const std::uint64_t seven_bits = word & each_byte(0x7f);
    const std::uint64_t from_a = seven_bits + each_byte(0x80 - 'A');
    const std::uint64_t beyond_z = seven_bits + each_byte(0x7f - 'Z');
    return word | ((from_a & ~beyond_z & ~word & each_byte(0x80)) >> 2U);
}

[[gnu::noinline]] inline bool same_letters(const char* a, const char* b,
                                           std::size_t size) noexcept {
    const auto same = [](std::uint64_t x, std::uint64_t y) {
        return x == y || lower(x) == lower(y);
    };
    if (size < 4) {
        for (std::size_t i = 0; i < size; ++i)
            if (lower(a[i]) != lower(b[i])) return false;
        return true;
    }
    if (size < 8) return same(load_short_text(a, size), load_short_text(b, size));
    for (std::size_t i = 0; i + 8 < size; i += 8)
        if (!same(load_text(a + i), load_text(b + i))) return false;
    return same(load_text(a + size - 8), load_text(b + size - 8));
}

/// Names of headers are compared without regard to case (RFC 9110, 5.1). Most differ in length, or
/// in the first letter.
[[gnu::always_inline]] inline bool same_name(std::string_view a, std::string_view b) noexcept {
    return a.size() == b.size() && (a.empty() || (((a[0] ^ b[0]) & ~0x20) == 0 &&
                                                  same_letters(a.data(), b.data(), a.size())));
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
