// utf8.hpp - whether text is UTF-8, and what to make of it when it is not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// The length of the well-formed sequence at the front of `text`, or 0 (Unicode 15, table 3-7).
constexpr std::size_t utf8_sequence(std::string_view text) noexcept {
    const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const auto follows = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xBF) {
        return i < text.size() && byte(i) >= low && byte(i) <= high;
    };
    const unsigned lead = byte(0);
    if (lead < 0x80) return 1;
    if (lead >= 0xC2 && lead <= 0xDF) return follows(1) ? 2 : 0;
    if (lead >= 0xE0 && lead <= 0xEF) {
        const unsigned low = lead == 0xE0 ? 0xA0 : 0x80;
        const unsigned high = lead == 0xED ? 0x9F : 0xBF;
        return follows(1, low, high) && follows(2) ? 3 : 0;
    }
    if (lead >= 0xF0 && lead <= 0xF4) {
        const unsigned low = lead == 0xF0 ? 0x90 : 0x80;
        const unsigned high = lead == 0xF4 ? 0x8F : 0xBF;
        return follows(1, low, high) && follows(2) && follows(3) ? 4 : 0;
    }
    return 0;
}

inline bool is_ascii(std::string_view text) noexcept {
    std::uint64_t bits = 0;
    std::size_t i = 0;
    for (; i + 8 <= text.size(); i += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, text.data() + i, 8);
        bits |= word;
    }
    for (; i < text.size(); ++i) bits |= static_cast<unsigned char>(text[i]);
    return (bits & 0x8080808080808080U) == 0;
}

inline bool is_utf8(std::string_view text) noexcept {
    if (is_ascii(text)) [[likely]]
        return true;
    while (!text.empty()) {
        const std::size_t size = utf8_sequence(text);
        if (size == 0) return false;
        text.remove_prefix(size);
    }
    return true;
}

/// Each byte that belongs to no character becomes U+FFFD.
inline constexpr std::string_view replacement_character = "\xEF\xBF\xBD";

inline std::size_t repaired_size(std::string_view text) noexcept {
    std::size_t bytes = 0;
    while (!text.empty()) {
        const std::size_t size = utf8_sequence(text);
        bytes += size != 0 ? size : replacement_character.size();
        text.remove_prefix(size != 0 ? size : 1);
    }
    return bytes;
}

/// Writes repaired_size(text) bytes and returns their number.
inline std::size_t repair_utf8(std::string_view text, char* to) noexcept {
    char* at = to;
    while (!text.empty()) {
        const std::size_t size = utf8_sequence(text);
        const std::string_view piece = size != 0 ? text.substr(0, size) : replacement_character;
        std::memcpy(at, piece.data(), piece.size());
        at += piece.size();
        text.remove_prefix(size != 0 ? size : 1);
    }
    return static_cast<std::size_t>(at - to);
}

/// Text that was cut after so many bytes, without the character that the cut went through.
constexpr std::string_view without_partial_character(std::string_view text) noexcept {
    for (std::size_t back = 1; back <= 3 && back <= text.size(); ++back) {
        const auto byte = static_cast<unsigned char>(text[text.size() - back]);
        if (byte < 0x80) break;
        if (byte < 0xC0) continue; // a continuation: its lead is further to the front
        const std::size_t wanted = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : 2;
        if (wanted > back) return text.substr(0, text.size() - back);
        break;
    }
    return text;
}

} // namespace detail
} // namespace plume
