// numbers.hpp - finds card numbers and IP addresses in a text, and cuts addresses short.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <plume/redaction/characters.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

// Every function looks at one place and at a bounded stretch from there.

/// A number goes on before text[i] or behind it, as in 1.2.3.4.5 or in 0.41111.
constexpr bool goes_on_before(std::string_view text, std::size_t i) noexcept {
    return is_before(text, i, character::alphanumeric) ||
           (i >= 2 && text[i - 1] == '.' && is(text[i - 2], character::digit));
}
constexpr bool goes_on_behind(std::string_view text, std::size_t i) noexcept {
    return is_at(text, i, character::alphanumeric) ||
           (i < text.size() && text[i] == '.' && is_at(text, i + 1, character::digit));
}

/// ISO/IEC 7812-1, annex B. `digits` are characters.
constexpr bool passes_luhn(std::string_view digits) noexcept {
    unsigned sum = 0;
    for (std::size_t i = 0; i < digits.size(); ++i) {
        const auto digit = static_cast<unsigned>(digits[digits.size() - 1 - i] - '0');
        sum += i % 2 == 0 ? digit : digit < 5 ? 2 * digit : 2 * digit - 9;
    }
    return sum % 10 == 0;
}

inline constexpr std::size_t shortest_card = 13;
inline constexpr std::size_t longest_card = 19;

/// A separator between groups of digits: its size, or 0. Forms send blanks as + or %20.
constexpr std::size_t group_separator(std::string_view text, std::size_t i) noexcept {
    if (i >= text.size()) return 0;
    if (text[i] == ' ' || text[i] == '-' || text[i] == '+') return 1;
    return text.substr(i, 3) == "%20" ? 3 : 0;
}

/// A card number that begins at text[i], a digit that none stands before: 13 to 19 digits that pass
/// Luhn's check, in one group or in several of four or more, the last one of any size. Of several
/// the longest. None begins with 0, other than numbers that are filled up with zeros.
constexpr Part card_at(std::string_view text, std::size_t i) noexcept {
    if (text[i] == '0' || goes_on_before(text, i)) return {};
    std::array<char, longest_card> digits{};
    std::size_t count = 0;
    Part found;
    for (std::size_t at = i;;) {
        const std::size_t group = at;
        for (; is_at(text, at, character::digit); ++at) {
            if (count == longest_card) return found;
            digits[count++] = text[at];
        }
        if (count >= shortest_card && !goes_on_behind(text, at) &&
            passes_luhn({digits.data(), count}))
            found = {i, at};
        const std::size_t separator = group_separator(text, at);
        if (at - group < 4 || separator == 0 || !is_at(text, at + separator, character::digit))
            return found;
        at += separator;
    }
}

/// Whether an integer is a card number. Most integers of that size are times and ids, and one in
/// ten of them passes the check: so only what begins as the large issuers' cards do.
inline bool is_card(std::int64_t number) noexcept {
    constexpr std::int64_t least = 1'000'000'000'000;
    if (number < least) [[likely]]
        return false;
    std::array<char, 20> text{};
    const char* end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
    const std::string_view digits{text.data(), static_cast<std::size_t>(end - text.data())};
    const bool issued = (digits[0] >= '3' && digits[0] <= '6') ||
                        (digits.substr(0, 4) >= "2221" && digits.substr(0, 4) <= "2720");
    return issued && passes_luhn(digits);
}

/// Four numbers up to 255 with dots between: the end of the address, or `i` if there is none.
constexpr std::size_t end_of_ipv4(std::string_view text, std::size_t i) noexcept {
    std::size_t at = i;
    for (int part = 0; part < 4; ++part) {
        if (part != 0 && (at >= text.size() || text[at++] != '.')) return i;
        unsigned value = 0;
        const std::size_t begin = at;
        for (; is_at(text, at, character::digit); ++at) {
            if (at - begin == 3) return i;
            value = value * 10 + static_cast<unsigned>(text[at] - '0');
        }
        if (at == begin || value > 255) return i;
    }
    return at;
}

/// An IPv4 address that begins at text[i], a digit that none stands before; 1.2.3.4.5 and v1.2.3.4
/// are none. Neither are this host's own: 127.… and 0.0.0.0 are nobody's.
constexpr Part ipv4_at(std::string_view text, std::size_t i) noexcept {
    if (goes_on_before(text, i)) return {};
    const std::size_t end = end_of_ipv4(text, i);
    if (end == i || goes_on_behind(text, end)) return {};
    const std::string_view address = text.substr(i, end - i);
    if (address.starts_with("127.") || address == "0.0.0.0") return {};
    return {i, end};
}

/// An IPv6 address: its groups, and where it ends in the text that it was read from.
struct Ipv6 {
    std::array<std::uint16_t, 8> groups{};
    std::size_t end = 0;  ///< 0: there is none
    std::size_t ipv4 = 0; ///< where it ends in an IPv4 address; 0: it does not
};

constexpr unsigned digit_value(char c) noexcept {
    return is(c, character::digit) ? static_cast<unsigned>(c - '0')
                                   : static_cast<unsigned>(lowered(c) - 'a') + 10;
}

/// The text representations of RFC 4291, 2.2.
constexpr Ipv6 read_ipv6(std::string_view text, std::size_t at) noexcept {
    const auto is_gap = [text](std::size_t i) { return text.substr(i, 2) == "::"; };
    Ipv6 address;
    std::size_t count = 0;
    std::size_t gap = 8; // how many groups come before the ::
    if (is_gap(at)) {
        gap = 0;
        at += 2;
    }
    while (count < 8 && is_at(text, at, character::hex)) {
        if (const std::size_t end = count <= 6 ? end_of_ipv4(text, at) : at; end != at) {
            address.ipv4 = at;
            count += 2; // their values are of no interest
            at = end;
            break;
        }
        unsigned value = 0;
        const std::size_t begin = at;
        for (; at - begin < 4 && is_at(text, at, character::hex); ++at)
            value = value << 4U | digit_value(text[at]);
        address.groups[count++] = static_cast<std::uint16_t>(value);
        if (count < 8 && is_gap(at)) {
            if (gap != 8) return {};
            gap = count;
            at += 2;
        } else if (count < 8 && at < text.size() && text[at] == ':' &&
                   is_at(text, at + 1, character::hex)) {
            ++at;
        } else {
            break;
        }
    }
    if (gap == 8 ? count != 8 : count >= 8) return {};
    if (gap != 8) {
        const auto first = address.groups.begin();
        std::shift_right(first + static_cast<std::ptrdiff_t>(gap), address.groups.end(),
                         static_cast<std::ptrdiff_t>(8 - count));
        std::fill_n(first + static_cast<std::ptrdiff_t>(gap), 8 - count, std::uint16_t{0});
    }
    address.end = at;
    return address;
}

/// An IPv6 address whose first colon is text[colon]. What has no decimal digit is none: a::b and
/// dead::beef are names in C++. Neither are :: and ::1, which are nobody's.
constexpr Part ipv6_at(std::string_view text, std::size_t colon) noexcept {
    std::size_t begin = colon;
    while (colon - begin < 4 && is_before(text, begin, character::hex)) --begin;
    if (begin == colon && text.substr(colon, 2) != "::") return {};
    if (goes_on_before(text, begin) || (begin != 0 && text[begin - 1] == ':')) return {};
    const Ipv6 address = read_ipv6(text, begin);
    if (address.end == 0 || goes_on_behind(text, address.end)) return {};
    if (text.substr(address.end, 1) == ":" && is_at(text, address.end + 1, character::hex))
        return {};
    const std::string_view whole = text.substr(begin, address.end - begin);
    if (whole == "::" || whole == "::1" ||
        std::ranges::none_of(whole, [](char c) { return is(c, character::digit); }))
        return {};
    return {begin, address.end};
}

/// Writes an address that ipv4_at() or ipv6_at() has found without what tells one line from its
/// neighbours: 203.0.113.0 (/24), 2001:db8:7:: (/48). Returns the number of bytes: not more than
/// the address has.
inline std::size_t write_cut_address(char* to, std::string_view address) noexcept {
    const std::size_t end_of_network = address.rfind('.');
    const Ipv6 parsed =
        address.find(':') != std::string_view::npos ? read_ipv6(address, 0) : Ipv6{};
    const auto& groups = parsed.groups;
    const bool is_mapped = parsed.ipv4 != 0 && groups[0] == 0 && groups[1] == 0 && groups[2] == 0;
    if (parsed.end == 0 || is_mapped) {
        *std::ranges::copy(address.substr(0, end_of_network + 1), to).out = '0';
        return end_of_network + 2;
    }
    char* at = to;
    const int last = groups[2] != 0 ? 2 : groups[1] != 0 ? 1 : groups[0] != 0 ? 0 : -1;
    for (int i = 0; i <= last; ++i) {
        at = std::to_chars(at, at + 4, groups[static_cast<std::size_t>(i)], 16).ptr;
        *at++ = ':';
    }
    if (last < 0) *at++ = ':';
    *at++ = ':';
    return static_cast<std::size_t>(at - to);
}

} // namespace detail
} // namespace plume
