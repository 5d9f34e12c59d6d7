// redaction.cpp - what the built-in rules find in any text, beside finders that try every place and
// every length.
#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <arpa/inet.h>

#include <plume/redaction/redactor.hpp>

#include "fuzz.hpp"

using fuzz::require;
using plume::Pattern;

namespace {

using Parts = std::vector<std::string>;

// The reference.

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 && c >= 0; }
/// The character `by` places off, or a blank beyond the ends.
char near(const std::string& text, std::size_t at, int by) {
    const auto i = static_cast<std::ptrdiff_t>(at) + by;
    return i < 0 || i >= static_cast<std::ptrdiff_t>(text.size())
               ? ' '
               : text[static_cast<std::size_t>(i)];
}
/// Whether text[begin, end) is not a part of a longer word or number.
bool stands_alone(const std::string& text, std::size_t begin, std::size_t end) {
    const bool before = is_word(near(text, begin, -1)) ||
                        (near(text, begin, -1) == '.' && is_digit(near(text, begin, -2)));
    const bool behind =
        is_word(near(text, end, 0)) || (near(text, end, 0) == '.' && is_digit(near(text, end, 1)));
    return !before && !behind;
}

bool is_card(std::string text) {
    for (std::size_t at = 0; (at = text.find("%20")) != std::string::npos;)
        text.replace(at, 3, " ");
    for (char& c : text)
        if (c == '-' || c == '+') c = ' ';
    const std::vector<std::string> groups = fuzz::split(text, ' ');
    std::string digits;
    for (std::size_t i = 0; i < groups.size(); ++i) {
        if (groups[i].empty() || !std::ranges::all_of(groups[i], is_digit)) return false;
        if (i + 1 != groups.size() && groups[i].size() < 4) return false;
        digits += groups[i];
    }
    if (digits.size() < 13 || digits.size() > 19 || digits[0] == '0') return false;
    int sum = 0;
    bool twice = false;
    for (auto c = digits.rbegin(); c != digits.rend(); ++c, twice = !twice) {
        const int value = (*c - '0') * (twice ? 2 : 1);
        sum += value / 10 + value % 10;
    }
    return sum % 10 == 0;
}

bool is_ipv4(const std::string& text) {
    const std::vector<std::string> numbers = fuzz::split(text, '.');
    return numbers.size() == 4 && !text.starts_with("127.") && text != "0.0.0.0" &&
           std::ranges::all_of(numbers, [](const std::string& number) {
               return !number.empty() && number.size() <= 3 &&
                      std::ranges::all_of(number, is_digit) && std::stoi(number) <= 255;
           });
}

/// From left to right, and at each place the longest.
template <class Is>
Parts longest_first(const std::string& text, std::size_t most, Is is) {
    Parts parts;
    for (std::size_t begin = 0; begin < text.size(); ++begin) {
        if (!is_digit(text[begin])) continue;
        for (std::size_t end = std::min(text.size(), begin + most); end > begin; --end) {
            const std::string part = text.substr(begin, end - begin);
            if (!stands_alone(text, begin, end) || !is(part)) continue;
            parts.push_back(part);
            begin = end - 1;
            break;
        }
    }
    return parts;
}

bool is_ipv6(const std::string& text) {
    std::array<unsigned char, 16> bytes{};
    return text.find('\0') == text.npos && inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1 &&
           text != "::" && text != "::1" && std::ranges::any_of(text, is_digit);
}

/// What everybody takes for an e-mail address.
bool is_plain_email(const std::string& text) {
    const std::vector<std::string> halves = fuzz::split(text, '@');
    if (halves.size() != 2 || halves[0].empty() || !std::ranges::all_of(halves[0], is_word))
        return false;
    const std::vector<std::string> labels = fuzz::split(halves[1], '.');
    return labels.size() > 1 && labels.back().size() > 1 && !is_digit(labels.back()[0]) &&
           std::ranges::all_of(labels, [](const std::string& label) {
               return !label.empty() && std::ranges::all_of(label, is_word);
           });
}

// What is tested.

class Found {
  public:
    explicit Found(Pattern pattern)
        : rules_{.keys = {{"*pass*"}}, .values = {pattern}}, keys_{rules_},
          finder_{rules_, keys_, [](std::string_view) {}} {}

    Parts in(const std::string& text) {
        Parts parts;
        require(finder_.find(text) != plume::detail::Findings::all, "no built-in rule fails");
        std::size_t end = 0;
        for (const auto& part : finder_.parts()) {
            require(part.begin >= end && part.begin < part.end && part.end <= text.size(),
                    "parts are in order, not empty, and in the text");
            end = part.end;
            parts.push_back(text.substr(part.begin, part.end - part.begin));
        }
        return parts;
    }

  private:
    plume::Redaction rules_;
    plume::detail::KeyRules keys_;
    plume::detail::Finder finder_;
};

void numbers(const std::string& text) {
    static Found cards{Pattern::card};
    static Found addresses{Pattern::ip_address};
    constexpr std::size_t longest_card = 19 + 4 * 3; // four separators of three bytes
    require(cards.in(text) == longest_first(text, longest_card, is_card), "card numbers");

    Parts found = addresses.in(text);
    std::erase_if(found, [](const std::string& part) { return part.find(':') != part.npos; });
    if (text.find(':') == text.npos) // with colons it may be a part of the other kind
        require(found == longest_first(text, 15, is_ipv4), "IPv4 addresses");
    for (const std::string& part : addresses.in(text)) {
        std::array<char, 48> cut{};
        const std::size_t size = plume::detail::write_cut_address(cut.data(), part);
        require(size <= part.size(), "what is cut is not longer");
        const std::string again{cut.data(), size};
        std::array<char, 48> twice{};
        require(std::string(twice.data(), plume::detail::write_cut_address(twice.data(), again)) ==
                    again,
                "what is cut stays as it is");
    }
}

/// What stands between blanks and is clearly secret is found; so is what no token can hide.
void words(const std::string& text) {
    static Found addresses{Pattern::ip_address};
    static Found mail{Pattern::email};
    const auto covered = [](const Parts& parts, const std::string& word) {
        return std::ranges::any_of(
            parts, [&word](const std::string& part) { return part.find(word) != part.npos; });
    };
    for (const std::string& word : fuzz::split(text, ' ')) {
        if (is_ipv6(word)) require(covered(addresses.in(text), word), "IPv6 addresses");
        if (is_plain_email(word)) require(covered(mail.in(text), word), "e-mail addresses");
    }
}

void every_rule(const std::string& text) {
    static plume::detail::Redactor redactor{
        plume::Redaction::standard(), {1, 2}, [](std::string_view) {}};
    plume::detail::Blocks memory;
    for (const plume::detail::Treatment treatment :
         {plume::detail::Treatment::search, plume::detail::Treatment::mask}) {
        plume::Attribute attribute{"key", std::string_view{text}};
        require(redactor.apply(memory, attribute, treatment), "nothing is dropped");
        require(plume::detail::is_utf8({attribute.text, attribute.size}), "UTF-8 stays valid");
        require(attribute.size <= 2 * text.size() + 32, "nothing grows beyond its bound");
    }
    for (const std::string& word : fuzz::split(text, ' '))
        if (is_plain_email(word))
            require(redactor.text(memory, text).find(word) == std::string_view::npos,
                    "what was found is gone");
    const std::string_view cut = plume::detail::Redactor::without_cut_word(text);
    require(text.starts_with(cut), "what is left of a cut text is its beginning");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::size_t most = 512; // the reference is slow
    const std::string_view raw{reinterpret_cast<const char*>(data), std::min(size, most)};
    std::string text(plume::detail::repaired_size(raw), '\0');
    plume::detail::repair_utf8(raw, text.data());
    numbers(text);
    words(text);
    every_rule(text);
    return 0;
}
