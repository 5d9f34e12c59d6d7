#include <plume/core/utf8.hpp>

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>

#include "support/catch.hpp"

using namespace std::string_view_literals;
using plume::detail::is_ascii;
using plume::detail::is_utf8;
using plume::detail::repair_utf8;
using plume::detail::repaired_size;
using plume::detail::utf8_sequence;
using plume::detail::without_partial_character;

namespace {

/// A code point as UTF-8; surrogates and numbers beyond Unicode in the form they would have.
std::string encoded(std::uint32_t point) {
    const auto byte = [](std::uint32_t value) { return static_cast<char>(value); };
    if (point < 0x80) return {byte(point)};
    if (point < 0x800) return {byte(0xC0 | point >> 6), byte(0x80 | (point & 0x3F))};
    if (point < 0x10000)
        return {byte(0xE0 | point >> 12), byte(0x80 | (point >> 6 & 0x3F)),
                byte(0x80 | (point & 0x3F))};
    return {byte(0xF0 | point >> 18), byte(0x80 | (point >> 12 & 0x3F)),
            byte(0x80 | (point >> 6 & 0x3F)), byte(0x80 | (point & 0x3F))};
}

std::string repaired(std::string_view text) {
    std::string result(repaired_size(text), '?');
    const std::size_t written = repair_utf8(text, result.data());
    CHECK(written == result.size());
    return result;
}

} // namespace

TEST_CASE("every character of Unicode is well-formed, and nothing else") {
    bool all = true;
    for (std::uint32_t point = 0; point < 0x140000; ++point) {
        const bool is_character = point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF);
        const std::string text = encoded(point);
        all = all && utf8_sequence(text) == (is_character ? text.size() : 0);
        all = all && is_utf8(text) == is_character;
    }
    CHECK(all);
}

TEST_CASE("a character that takes more bytes than it needs is not well-formed") {
    CHECK_FALSE(is_utf8("\xC0\x80"));
    CHECK_FALSE(is_utf8("\xC1\xBF"));
    CHECK_FALSE(is_utf8("\xE0\x9F\xBF"));
    CHECK_FALSE(is_utf8("\xF0\x8F\xBF\xBF"));
    CHECK(is_utf8("\xE0\xA0\x80"));
    CHECK(is_utf8("\xF0\x90\x80\x80"));
}

TEST_CASE("a character that is cut off is not well-formed") {
    for (const std::string_view text : {"ä"sv, "世"sv, "🪶"sv})
        for (std::size_t size = 1; size < text.size(); ++size)
            CHECK_FALSE(is_utf8(text.substr(0, size)));
}

TEST_CASE("a broken byte is found wherever it is") {
    for (std::size_t size = 1; size < 40; ++size)
        for (std::size_t at = 0; at < size; ++at) {
            std::string text(size, 'x');
            CHECK(is_ascii(text));
            text[at] = '\x80';
            CHECK_FALSE(is_ascii(text));
            CHECK_FALSE(is_utf8(text));
        }
    CHECK(is_ascii(""));
    CHECK(is_utf8(""));
    CHECK(is_utf8("a\0b"sv));
}

TEST_CASE("what is well-formed is left as it is when text is repaired") {
    for (const std::string_view text : {""sv, "plain"sv, "grüße 世界 🪶"sv, "a\0b"sv})
        CHECK(repaired(text) == text);
}

TEST_CASE("each byte that belongs to no character becomes a replacement character") {
    CHECK(repaired("\xff") == "\uFFFD");
    CHECK(repaired("a\xe4z") == "a\uFFFDz");
    CHECK(repaired("\xE4\xB8") == "\uFFFD\uFFFD");
    CHECK(repaired("\xE4\xB8ü") == "\uFFFD\uFFFDü");
    CHECK(repaired("\xC0\x80") == "\uFFFD\uFFFD");
}

TEST_CASE("whatever bytes are repaired, the result is UTF-8 and keeps all that was") {
    std::mt19937 random{1};
    for (int i = 0; i < 20'000; ++i) {
        std::string text;
        for (std::size_t n = random() % 12; n > 0; --n)
            text += random() % 2 == 0 ? encoded(static_cast<std::uint32_t>(random() % 0x110000))
                                      : std::string(1, static_cast<char>(random()));
        const std::string result = repaired(text);
        REQUIRE(is_utf8(result));
        REQUIRE(result.size() <= 3 * text.size());
        REQUIRE((is_utf8(text) ? result == text : result != text));
        REQUIRE(repaired(result) == result);
    }
}

TEST_CASE("text that is cut anywhere loses no more than the character that was cut") {
    const std::string_view text = "aäb世c🪶dé";
    for (std::size_t size = 0; size <= text.size(); ++size) {
        const std::string_view kept = without_partial_character(text.substr(0, size));
        CHECK(is_utf8(kept));
        CHECK(kept.size() + 4 > size);
        CHECK(text.starts_with(kept));
        if (is_utf8(text.substr(0, size))) CHECK(kept.size() == size);
    }
}

TEST_CASE("a cut leaves bytes alone that were broken before") {
    CHECK(without_partial_character("ab\x80\x80\x80\x80") == "ab\x80\x80\x80\x80");
    CHECK(without_partial_character("ab\xC3\xA4\x80") == "ab\xC3\xA4\x80");
    CHECK(without_partial_character("\xff\xff").size() <= 2);
    CHECK(without_partial_character("").empty());
}
