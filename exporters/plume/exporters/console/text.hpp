// text.hpp - strings of unknown origin, shown so that none forges a line or commands a terminal.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

#include <fmt/format.h>

#include <plume/core/ids.hpp>
#include <plume/export/span_data.hpp>
#include <plume/exporters/console/words.hpp>

namespace plume::console {

/// For lines that programs read: nothing is cut.
inline constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

/// A code point and the bytes that it took; `valid` is false for one byte that is not UTF-8.
struct CodePoint {
    char32_t value = 0;
    std::size_t size = 1;
    bool valid = true;
};

/// The first code point of `text`, which is not empty (RFC 3629, 3: shortest form, no surrogates).
[[nodiscard]] constexpr CodePoint decode(std::string_view text) noexcept {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(0);
    if (lead < 0x80) return {lead, 1, true};
    // C0 and C1 could only begin a form that is too long, F5 and above one beyond U+10FFFF.
    const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    const CodePoint invalid{lead, 1, false};
    if (lead < 0xc2 || lead > 0xf4 || text.size() < size) return invalid;
    char32_t value = lead & (0xffU >> (size + 1));
    for (std::size_t i = 1; i < size; ++i) {
        if ((byte(i) & 0xc0) != 0x80) return invalid;
        value = (value << 6) | (byte(i) & 0x3fU);
    }
    constexpr std::array<char32_t, 5> smallest{0, 0, 0x80, 0x800, 0x10000};
    if (value < smallest[size] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
        return invalid;
    return {value, size, true};
}

/// What must not reach a terminal as it is: C0 and C1 controls, which it obeys (ECMA-48); line
/// separators; and bidirectional marks and overrides, which make text read as what it is not
/// (CVE-2021-42574). All are below U+10000.
[[nodiscard]] constexpr bool is_control(char32_t c) noexcept {
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || c == 0x200e || c == 0x200f ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

/// Cells that `shown` takes on a terminal: code points. Wide and combining characters are off.
[[nodiscard]] constexpr std::size_t width(std::string_view shown) noexcept {
    return static_cast<std::size_t>(
        std::ranges::count_if(shown, [](char c) { return (c & 0xc0) != 0x80; }));
}

/// Where shown text goes until `limit` code points are used up; what is more becomes one `…`.
class Clip {
  public:
    Clip(Text& out, std::size_t limit, std::string_view ellipsis) noexcept
        : out_{out}, room_{limit}, ellipsis_{ellipsis} {}

    /// As it is: the caller knows what it is made of.
    void plain(std::string_view text) {
        while (!text.empty() && !full_) {
            const std::size_t size = decode(text).size;
            unit(text.substr(0, size), 1);
            text.remove_prefix(size);
        }
    }
    /// With `\n`, `\x1b`, `\u202e` for controls and for what is not UTF-8; between quotes, quotes
    /// and backslashes are escaped, too.
    void escaped(std::string_view text, bool quoted = false) {
        while (!text.empty() && !full_) {
            const CodePoint c = decode(text);
            if (!c.valid || is_control(c.value)) escape(c);
            else if (quoted && (c.value == '"' || c.value == '\\'))
                unit(c.value == '"' ? "\\\"" : "\\\\", 2);
            else unit(text.substr(0, c.size), 1);
            text.remove_prefix(c.size);
        }
    }
    void quoted(std::string_view text) {
        put(out_, "\""); // outside of the limit, so that each quote has its partner
        escaped(text, true);
        put(out_, "\"");
    }
    [[nodiscard]] bool full() const noexcept { return full_; }

  private:
    /// All of `shown` or nothing, so that no cut goes through a letter or an escape.
    void unit(std::string_view shown, std::size_t cells) {
        full_ = cells > room_;
        put(out_, full_ ? ellipsis_ : shown);
        if (!full_) room_ -= cells;
    }
    void escape(CodePoint c) {
        switch (c.value) {
        case '\n': return unit("\\n", 2);
        case '\r': return unit("\\r", 2);
        case '\t': return unit("\\t", 2);
        default: break;
        }
        // Two digits for one byte, four for a code point: U+009B is not the stray byte 9B.
        const bool byte = !c.valid || c.value < 0x80;
        std::array<char, 6> shown{'\\', byte ? 'x' : 'u'};
        const std::size_t size = byte ? 4 : 6;
        auto rest = static_cast<std::uint32_t>(c.value);
        for (std::size_t i = size; i > 2; rest >>= 4) shown[--i] = detail::hex_digits[rest & 15];
        unit({shown.data(), size}, size);
    }

    Text& out_;
    std::size_t room_;
    std::string_view ellipsis_;
    bool full_ = false;
};

/// Whether a word of `key=value` needs quotes, to be told from its neighbours, or because it will
/// have escapes. A backslash alone is no reason: without quotes it stands for itself, and paths and
/// patterns stay readable.
[[nodiscard]] constexpr bool needs_quotes(std::string_view text, char separator = ' ') noexcept {
    if (text.empty()) return true;
    while (!text.empty()) {
        const CodePoint c = decode(text);
        if (!c.valid || is_control(c.value) || c.value == ' ' || c.value == '"' ||
            c.value == static_cast<unsigned char>(separator))
            return true;
        text.remove_prefix(c.size);
    }
    return false;
}

/// A key, a name or another word that is never cut.
inline void put_word(Text& out, std::string_view word, char separator = ' ') {
    Clip clip{out, unlimited, ""};
    if (needs_quotes(word, separator)) clip.quoted(word);
    else put(out, word);
}

/// `true`, `42`, `1.5`, `text`, `"two words"`, `[1,2]`, `["a","b"]`: never a blank outside quotes,
/// so that awk and cut see fields. Beyond `limit` code points comes the ellipsis; what encloses the
/// value is closed nevertheless.
inline void put_value(Text& out, const Attribute& attribute, std::size_t limit = unlimited,
                      std::string_view ellipsis = "") {
    Clip clip{out, limit, ellipsis};
    const auto one = [&](auto value) {
        if constexpr (std::is_same_v<decltype(value), std::string_view>) clip.quoted(value);
        else if constexpr (std::is_same_v<decltype(value), bool>)
            clip.plain(value ? "true" : "false");
        else clip.plain(number(value));
    };
    attribute.visit([&](auto value) {
        if constexpr (std::is_same_v<decltype(value), std::string_view>) {
            if (needs_quotes(value)) clip.quoted(value);
            else clip.plain(value);
        } else if constexpr (requires { value.size(); }) {
            put(out, "[");
            for (std::size_t i = 0; i < value.size() && !clip.full(); ++i) {
                if (i != 0) clip.plain(",");
                if (!clip.full()) one(value[i]);
            }
            put(out, "]");
        } else {
            one(value);
        }
    });
}

} // namespace plume::console
