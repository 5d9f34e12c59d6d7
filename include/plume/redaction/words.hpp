// words.hpp - finds e-mail addresses, tokens, passwords in URLs and named values in a text.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <plume/redaction/characters.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// An e-mail address around an @, or around the %40 that a URL has instead, of which `behind` is
/// the end. It begins at `floor` or later. The domain has a dot, and no number as its last part:
/// root@localhost and package@1.2.3 are no addresses.
constexpr Part email_at(std::string_view text, std::size_t at, std::size_t behind,
                        std::size_t floor) noexcept {
    using namespace character;
    std::size_t begin = at;
    const auto is_apostrophe = [&](std::size_t i) { // o'brien, but not the quote before a text
        return i >= floor + 2 && text[i - 1] == '\'' && is(text[i - 2], alphanumeric) &&
               is_at(text, i, alphanumeric);
    };
    while (begin > floor && (is(text[begin - 1], mailbox) || is_apostrophe(begin))) --begin;
    while (begin < at && text[begin] == '.') ++begin;
    if (begin == at) return {};

    std::size_t end = behind;
    while (is_at(text, end, host) ||
           (end != behind && end < text.size() && text[end] == '.' && text[end - 1] != '.'))
        ++end;
    for (std::string_view domain = text.substr(behind, end - behind);;) {
        const std::size_t dot = domain.rfind('.');
        if (dot == std::string_view::npos) return {};
        const std::string_view last = domain.substr(dot + 1);
        if (last.size() >= 2 && !is(last[0], digit) && last[0] != '-')
            return {begin, behind + domain.size()};
        domain = domain.substr(0, dot);
    }
}

/// What separates "Bearer" from its token, in headers, URLs, JSON and code.
constexpr std::size_t behind_separators(std::string_view text, std::size_t i) noexcept {
    constexpr std::string_view separators = " \t:=\"'+";
    const std::size_t most = i + 8;
    while (i < text.size() && i < most) {
        if (separators.find(text[i]) != std::string_view::npos) ++i;
        else if (text.substr(i, 3) == "%20") i += 3;
        else break;
    }
    return i;
}

/// Words of prose are in one case and shorter than tokens: "bearer token expired".
constexpr bool looks_generated(std::string_view token) noexcept {
    bool lower = false;
    bool upper = false; // but for the first letter
    for (std::size_t i = 0; i < token.size(); ++i) {
        if (!is(token[i], character::alphanumeric) || is(token[i], character::digit)) return true;
        if (lowered(token[i]) == token[i]) lower = true;
        else upper = upper || i != 0;
    }
    return token.size() >= 20 || (lower && upper);
}

/// The token behind "Bearer", which begins at text[i] (RFC 6750, 2.1).
constexpr Part bearer_at(std::string_view text, std::size_t i) noexcept {
    if (!has_word(text, i, "bearer") || is_before(text, i, character::alphanumeric)) return {};
    const std::size_t begin = behind_separators(text, i + 6);
    std::size_t end = end_of(text, begin, character::token);
    while (end < text.size() && text[end] == '=') ++end;
    if (begin == i + 6 || !looks_generated(text.substr(begin, end - begin))) return {};
    return {begin, end};
}

/// Whether it is base64 of "user:password": of printable bytes, a colon among them.
constexpr bool holds_credentials(std::string_view base64) noexcept {
    bool colon = false;
    unsigned bits = 0;
    unsigned count = 0;
    for (const char c : base64) {
        constexpr std::string_view digits =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        const std::size_t value = digits.find(c);
        if (value == std::string_view::npos) return false;
        bits = (bits << 6U | static_cast<unsigned>(value)) & 0xFFFFU;
        if ((count += 6) < 8) continue;
        count -= 8;
        const unsigned byte = bits >> count & 0xFFU;
        if (byte < 0x20 || byte == 0x7F) return false;
        colon = colon || byte == ':';
    }
    return colon;
}

/// The credentials behind "Basic", which begins at text[i] (RFC 7617, 2).
constexpr Part basic_at(std::string_view text, std::size_t i) noexcept {
    if (!has_word(text, i, "basic") || is_before(text, i, character::alphanumeric)) return {};
    const auto is_base64 = [text](std::size_t at) {
        return is_at(text, at, character::alphanumeric) ||
               (at < text.size() && (text[at] == '+' || text[at] == '/'));
    };
    constexpr std::size_t enough = 256; // to see the colon behind the user's name
    const std::size_t begin = behind_separators(text, i + 5);
    std::size_t end = begin;
    while (end - begin < enough && is_base64(end)) ++end;
    if (begin == i + 5 || !holds_credentials(text.substr(begin, end - begin))) return {};
    while (is_base64(end)) ++end;
    while (end < text.size() && text[end] == '=') ++end;
    return {begin, end};
}

/// A JSON web token whose third character is text[i], a J: base64 of `{"`, and a dot further on
/// (RFC 7519).
constexpr Part web_token_at(std::string_view text, std::size_t i) noexcept {
    if (i < 2 || text.substr(i - 2, 3) != "eyJ" || is_before(text, i - 2, character::alphanumeric))
        return {};
    std::size_t end = end_of(text, i, character::base64url);
    while (text[end - 1] == '.') --end;
    const std::string_view token = text.substr(i - 2, end - (i - 2));
    if (token.size() < 20 || token.find('.') == std::string_view::npos) return {};
    return {i - 2, end};
}

/// The user and the password of a URL whose "://" begins at text[i]. One of them may be empty.
struct UserAndPassword {
    Part user;
    Part password;
    std::size_t end = 0; ///< behind the @; 0: there is neither
};
constexpr UserAndPassword credentials_at(std::string_view text, std::size_t i) noexcept {
    if (text.substr(i, 3) != "://" || !is_before(text, i, character::alphanumeric)) return {};
    const std::size_t begin = i + 3;
    std::size_t at = std::string_view::npos; // the last @: a password may have some
    constexpr std::string_view behind_authority = "/?#\\\"'<>";
    for (std::size_t end = begin; end < text.size(); ++end) {
        const char c = text[end];
        if (static_cast<unsigned char>(c) <= ' ' ||
            behind_authority.find(c) != std::string_view::npos)
            break;
        if (c == '@') at = end;
    }
    if (at == std::string_view::npos) return {};
    const std::size_t colon = std::min(text.find(':', begin), at);
    return {{begin, colon}, {std::min(colon + 1, at), at}, at + 1};
}

// Named values: password=x, password = 'x', "password":"x".

/// The name before an = or, in JSON, before a colon; empty if there is none.
constexpr std::string_view name_before(std::string_view text, std::size_t i) noexcept {
    constexpr std::size_t longest_name = 64;
    constexpr std::size_t most_blanks = 8;
    std::size_t end = i;
    while (end != 0 && i - end < most_blanks && text[end - 1] == ' ') --end;
    const bool quoted = end != 0 && text[end - 1] == '"';
    if (text[i] == ':' && !quoted) return {};
    if (quoted) --end;
    std::size_t begin = end;
    while (end - begin < longest_name && is_before(text, begin, character::name)) --begin;
    return text.substr(begin, end - begin);
}

/// The value behind text[i], without its quotes. Placeholders of SQL are no values.
constexpr Part value_behind(std::string_view text, std::size_t i) noexcept {
    std::size_t begin = i + 1;
    while (begin < text.size() && text[begin] == ' ') ++begin;
    if (begin == text.size()) return {};
    const char quote = text[begin];
    if (quote == '"' || quote == '\'') {
        std::size_t end = ++begin;
        for (; end < text.size() && text[end] != quote; ++end)
            if (text[end] == '\\' && end + 1 < text.size()) ++end;
        return {begin, end};
    }
    constexpr std::string_view behind_value = "&;,\"'()[]{}<>#";
    std::size_t end = begin;
    while (end < text.size() && static_cast<unsigned char>(text[end]) > ' ' &&
           behind_value.find(text[end]) == std::string_view::npos)
        ++end;
    const std::string_view value = text.substr(begin, end - begin);
    const bool is_numbered = value.starts_with('$') && value.size() > 1 &&
                             end_of(value, 1, character::digit) == value.size();
    if (value == "?" || is_numbered) return {};
    return {begin, end};
}

} // namespace detail
} // namespace plume
