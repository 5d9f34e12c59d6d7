#include <plume/exporters/console/text.hpp>

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>

#include "support/catch.hpp"

using namespace std::string_view_literals;
using namespace plume::console;

namespace {

std::string escaped(std::string_view text, std::size_t limit = unlimited) {
    Text out;
    Clip{out, limit, "…"}.escaped(text);
    return fmt::to_string(out);
}
std::string word_of(std::string_view text, char separator = ' ') {
    Text out;
    put_word(out, text, separator);
    return fmt::to_string(out);
}
std::string shown(const plume::Attribute& attribute, std::size_t limit = unlimited) {
    Text out;
    put_value(out, attribute, limit, "…");
    return fmt::to_string(out);
}
std::string time_of(std::uint64_t unix_ns) {
    Text out;
    put_time(out, unix_ns, ' ');
    return fmt::to_string(out);
}

} // namespace

TEST_CASE("a duration has three significant digits and the unit that suits it") {
    CHECK(duration(0, "µ") == "0ns");
    CHECK(duration(999, "µ") == "999ns");
    CHECK(duration(1'000, "µ") == "1.00µs");
    CHECK(duration(1'234, "u") == "1.23us");
    CHECK(duration(12'345, "µ") == "12.3µs");
    CHECK(duration(123'456, "µ") == "123µs");
    CHECK(duration(12'400'000, "µ") == "12.4ms");
    CHECK(duration(1'500'000'000, "µ") == "1.50s");
    CHECK(duration(999'000'000'000, "µ") == "999s");
}

TEST_CASE("a duration that rounds up takes the form of what it rounds to") {
    CHECK(duration(9'994, "µ") == "9.99µs");
    CHECK(duration(9'996, "µ") == "10.0µs");
    CHECK(duration(99'960, "µ") == "100µs");
    CHECK(duration(999'600, "µ") == "1.00ms");
    CHECK(duration(999'999'999, "µ") == "1.00s");
}

TEST_CASE("a duration of hours is told in whole seconds") {
    CHECK(duration(3'600'400'000'000, "µ") == "3600s");
    CHECK(duration(std::numeric_limits<std::uint64_t>::max(), "µ") == "18446744074s");
}

TEST_CASE("a time is written in UTC to the microsecond") {
    CHECK(time_of(0) == "1970-01-01 00:00:00.000000");
    CHECK(time_of(1'709'251'199'999'999'999) == "2024-02-29 23:59:59.999999");
    CHECK(time_of(1'785'576'600'000'123'000) == "2026-08-01 09:30:00.000123");
}

TEST_CASE("a double is told from an integer") {
    CHECK(shown({"k", 1.0}) == "1.0");
    CHECK(shown({"k", 0.1}) == "0.1");
    CHECK(shown({"k", 1e300}) == "1e+300");
    CHECK(shown({"k", std::int64_t{1}}) == "1");
    CHECK(shown({"k", std::numeric_limits<double>::quiet_NaN()}) == "NaN");
    CHECK(shown({"k", -std::numeric_limits<double>::infinity()}) == "-Infinity");
}

TEST_CASE("what commands a terminal is escaped") {
    CHECK(escaped("a\nb\tc\rd") == R"(a\nb\tc\rd)");
    CHECK(escaped("\x1b[2J"sv) == R"(\x1b[2J)");
    CHECK(escaped("nul\0del\x7f"sv) == R"(nul\x00del\x7f)");
    CHECK(escaped("C1: \xc2\x9b") == R"(C1: \u009b)");
    CHECK(escaped("override: \xe2\x80\xae") == R"(override: \u202e)");
    CHECK(escaped("line: \xe2\x80\xa8") == R"(line: \u2028)");
}

TEST_CASE("what is no UTF-8 is shown byte by byte") {
    CHECK(escaped("\xff") == R"(\xff)");
    CHECK(escaped("\xc3") == R"(\xc3)");                         // cut short
    CHECK(escaped("\xc0\xaf") == R"(\xc0\xaf)");                 // a slash, too long
    CHECK(escaped("\xed\xa0\x80") == R"(\xed\xa0\x80)");         // a surrogate
    CHECK(escaped("\xf4\x90\x80\x80") == R"(\xf4\x90\x80\x80)"); // beyond U+10FFFF
}

TEST_CASE("letters of every script stay as they are, and are counted as one each") {
    CHECK(escaped("Größe 東京 🚀") == "Größe 東京 🚀");
    CHECK(width("Größe 東京 🚀") == 10);
}

TEST_CASE("a text that is cut ends in an ellipsis, and never in half a character or escape") {
    CHECK(escaped("abcd", 4) == "abcd");
    CHECK(escaped("abcde", 4) == "abcd…");
    CHECK(escaped("ööööö", 4) == "öööö…");
    CHECK(escaped("abc\n", 4) == "abc…");
}

TEST_CASE("a word is quoted only if it could be taken for something else") {
    CHECK(word_of("plain") == "plain");
    CHECK(word_of("a=b,c") == "a=b,c");
    CHECK(word_of(R"(C:\temp)") == R"(C:\temp)");
    CHECK(word_of("") == R"("")");
    CHECK(word_of("two words") == R"("two words")");
    CHECK(word_of(R"(say "hi")") == R"("say \"hi\"")");
    CHECK(word_of("a\\\nb") == R"("a\\\nb")");
    CHECK(word_of("key=", '=') == R"("key=")");
}

TEST_CASE("an array has no blank between its elements") {
    const bool flags[] = {true, false};
    const std::int64_t numbers[] = {1, -2};
    const double fractions[] = {0.5, 2};
    const std::string_view words[] = {"a", "b c"};
    CHECK(shown({"k", std::span<const bool>{flags}}) == "[true,false]");
    CHECK(shown({"k", std::span<const std::int64_t>{numbers}}) == "[1,-2]");
    CHECK(shown({"k", std::span<const double>{fractions}}) == "[0.5,2.0]");
    CHECK(shown({"k", std::span<const std::string_view>{words}}) == R"(["a","b c"])");
    CHECK(shown({"k", std::span<const bool>{}}) == "[]");
}

TEST_CASE("a value that is cut still closes its quotes and brackets") {
    const std::int64_t numbers[] = {100, 200, 300};
    CHECK(shown({"k", "two long words"}, 8) == R"("two long…")");
    CHECK(shown({"k", std::span<const std::int64_t>{numbers}}, 5) == "[100,2…]");
}
