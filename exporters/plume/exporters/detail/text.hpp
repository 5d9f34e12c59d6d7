// text.hpp - JSON values written through a bare pointer: strings, numbers, ids.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include <plume/core/ids.hpp>
#include <plume/exporters/detail/bytes.hpp>

namespace plume::otlp::json {

/// Digits of the longest 64-bit integer with its sign, and of the longest shortest double.
inline constexpr std::size_t max_number = 32;

/// Copies a literal; its size is known to the compiler, so that this is a few stores.
template <std::size_t Size>
[[nodiscard]] char* put(char* out, const char (&literal)[Size]) noexcept {
    std::memcpy(out, literal, Size - 1);
    return out + Size - 1;
}
template <std::size_t Size>
void put(Bytes& bytes, const char (&literal)[Size]) {
    bytes.finish(put(bytes.room(Size - 1), literal));
}

/// How many leading bytes of `text` stand for themselves in a JSON string (RFC 8259, 7).
[[nodiscard]] inline std::size_t plain_prefix(std::string_view text) noexcept {
    std::size_t at = 0;
    if constexpr (std::endian::native == std::endian::little) {
        // Eight bytes at a time; each term has the high bit of the first byte that it looks for.
        constexpr std::uint64_t ones = ~std::uint64_t{0} / 255;
        const auto zero_bytes = [](std::uint64_t x) { return (x - ones) & ~x & ones * 0x80; };
        for (; at + 8 <= text.size(); at += 8) {
            std::uint64_t word;
            std::memcpy(&word, text.data() + at, sizeof word);
            const std::uint64_t control = (word - ones * 0x20) & ~word & ones * 0x80;
            const std::uint64_t special =
                control | zero_bytes(word ^ ones * '"') | zero_bytes(word ^ ones * '\\');
            if (special != 0) return at + static_cast<std::size_t>(std::countr_zero(special)) / 8;
        }
    }
    while (at != text.size() && static_cast<unsigned char>(text[at]) >= 0x20 && text[at] != '"' &&
           text[at] != '\\')
        ++at;
    return at;
}

[[nodiscard]] inline char* escape(char* out, char c) noexcept {
    *out++ = '\\';
    switch (c) {
    case '"':
    case '\\': *out++ = c; return out;
    case '\n': *out++ = 'n'; return out;
    case '\r': *out++ = 'r'; return out;
    case '\t': *out++ = 't'; return out;
    default: break;
    }
    out = put(out, "u00");
    *out++ = plume::detail::hex_digits[c >> 4 & 1];
    *out++ = plume::detail::hex_digits[c & 15];
    return out;
}

/// A quoted string; `value` is UTF-8 already.
inline void text(Bytes& bytes, std::string_view value) {
    constexpr std::size_t piece = 512; // bounds the room for the worst case, six bytes for one
    char* out = bytes.room(6 * std::min(piece, value.size()) + 2);
    *out++ = '"';
    for (;;) {
        std::string_view rest = value.substr(0, piece);
        value.remove_prefix(rest.size());
        while (!rest.empty()) {
            const std::size_t plain = plain_prefix(rest);
            std::memcpy(out, rest.data(), plain);
            out += plain;
            if (plain == rest.size()) break;
            out = escape(out, rest[plain]);
            rest.remove_prefix(plain + 1);
        }
        if (value.empty()) break;
        bytes.finish(out);
        out = bytes.room(6 * std::min(piece, value.size()) + 1);
    }
    *out++ = '"';
    bytes.finish(out);
}

template <class Integer>
[[nodiscard]] char* integer(char* out, Integer value) noexcept {
    return std::to_chars(out, out + max_number, value).ptr;
}
/// proto3's JSON mapping has 64-bit integers as strings, since JavaScript's numbers lose digits.
template <class Integer>
[[nodiscard]] char* quoted(char* out, Integer value) noexcept {
    *out++ = '"';
    out = integer(out, value);
    *out++ = '"';
    return out;
}
/// How proto3's JSON mapping spells what JSON has no number for.
[[nodiscard]] inline std::string_view not_finite(double value) noexcept {
    if (std::isnan(value)) return "NaN";
    return value < 0 ? "-Infinity" : "Infinity";
}
/// The shortest digits that read back as `value`; what JSON has no number for is a string.
[[nodiscard]] inline char* real(char* out, double value) noexcept {
    if (value == 0 && std::signbit(value)) return put(out, "-0.0"); // "-0" reads as an integer
    if (std::isfinite(value)) return std::to_chars(out, out + max_number, value).ptr;
    const std::string_view name = not_finite(value);
    *out++ = '"';
    std::memcpy(out, name.data(), name.size());
    out += name.size();
    *out++ = '"';
    return out;
}

[[nodiscard]] inline char* hex(char* out, std::uint64_t value) noexcept {
    static constexpr auto pairs = [] { // two digits at once: ids are a fifth of the output
        std::array<char, 512> digits{};
        for (std::size_t i = 0; i != 256; ++i) {
            digits[2 * i] = plume::detail::hex_digits[i >> 4];
            digits[2 * i + 1] = plume::detail::hex_digits[i & 15];
        }
        return digits;
    }();
    for (int shift = 56; shift >= 0; shift -= 8, out += 2)
        std::memcpy(out, pairs.data() + 2 * (value >> shift & 0xff), 2);
    return out;
}
/// Ids are hexadecimal, unlike other bytes, which proto3 has in base64 (OTLP 1.11, JSON encoding).
[[nodiscard]] inline char* id(char* out, TraceId id) noexcept {
    return hex(hex(out, id.high), id.low);
}
[[nodiscard]] inline char* id(char* out, SpanId id) noexcept { return hex(out, id.value); }

} // namespace plume::otlp::json
