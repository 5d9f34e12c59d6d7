// characters.hpp - which bytes belong to words, numbers, addresses: one table for all matchers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// A part of a text: from `begin` to before `end`. Empty: nothing was found.
struct Part {
    std::size_t begin = 0;
    std::size_t end = 0;
    [[nodiscard]] constexpr bool empty() const noexcept { return begin == end; }
};

namespace character {
inline constexpr std::uint8_t digit = 1;
inline constexpr std::uint8_t hex = 2;
inline constexpr std::uint8_t alphanumeric = 4;
inline constexpr std::uint8_t mailbox = 8; ///< of an e-mail address, before the @
inline constexpr std::uint8_t host = 16;   ///< of a domain name, without the dot
inline constexpr std::uint8_t token = 32;  ///< token68 (RFC 9110, 11.2), and % for what is encoded
inline constexpr std::uint8_t base64url = 64; ///< and the dot, as in a JSON web token
inline constexpr std::uint8_t name = 128;     ///< of a parameter
} // namespace character

constexpr std::array<std::uint8_t, 256> classify_characters() noexcept {
    using namespace character;
    std::array<std::uint8_t, 256> table{};
    const auto add = [&table](std::string_view bytes, unsigned classes) {
        for (const char c : bytes) {
            auto& entry = table[static_cast<unsigned char>(c)];
            entry = static_cast<std::uint8_t>(entry | classes);
        }
    };
    constexpr unsigned word = alphanumeric | mailbox | host | token | base64url | name;
    add("0123456789", digit | hex | word);
    add("abcdefABCDEF", hex | word);
    add("ghijklmnopqrstuvwxyzGHIJKLMNOPQRSTUVWXYZ", word);
    // The bytes of other letters: internationalised addresses (RFC 6531) are addresses too.
    for (unsigned c = 0x80; c < 0x100; ++c) table[c] = mailbox | host;
    add("-", mailbox | host | token | base64url | name);
    add("_", mailbox | token | base64url | name);
    add(".", mailbox | token | base64url | name);
    add("~+%", mailbox | token);
    add("/", token);
    return table;
}
inline constexpr std::array<std::uint8_t, 256> character_classes = classify_characters();

constexpr bool is(char c, unsigned classes) noexcept {
    return (character_classes[static_cast<unsigned char>(c)] & classes) != 0;
}

/// Whether text[i] is there, and of one of the classes.
constexpr bool is_at(std::string_view text, std::size_t i, unsigned classes) noexcept {
    return i < text.size() && is(text[i], classes);
}
/// Whether a character of one of the classes stands right before text[i].
constexpr bool is_before(std::string_view text, std::size_t i, unsigned classes) noexcept {
    return i != 0 && is(text[i - 1], classes);
}
/// Where the characters of these classes end that begin at text[i].
constexpr std::size_t end_of(std::string_view text, std::size_t i, unsigned classes) noexcept {
    while (is_at(text, i, classes)) ++i;
    return i;
}

/// A letter in lower case; of other bytes it makes other bytes.
constexpr char lowered(char c) noexcept { return static_cast<char>(c | 0x20); }

/// Whether `word`, which is in lower case, begins at text[i], in any case.
constexpr bool has_word(std::string_view text, std::size_t i, std::string_view word) noexcept {
    if (text.size() - i < word.size()) return false;
    for (std::size_t k = 0; k < word.size(); ++k)
        if (lowered(text[i + k]) != word[k]) return false;
    return true;
}

} // namespace detail
} // namespace plume
