#include <plume/core/attribute.hpp>

#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <list>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "support/catch.hpp"
#include "support/recorded.hpp"

using namespace plume::literals;
using namespace std::chrono_literals;
using namespace std::string_literals;
using namespace std::string_view_literals;
using plume::RecordedValue;
using plume::test::recorded;

namespace {

/// The value under "k" of a span that `begin` begins.
std::optional<RecordedValue> recorded_by(const std::function<void()>& begin) {
    const auto seen = recorded(begin);
    const RecordedValue* const value = seen.spans.at(0).attribute("k");
    return value ? std::optional{*value} : std::nullopt;
}

/// What becomes of a value on its way.
template <class T>
std::optional<RecordedValue> through(const T& value) {
    return recorded_by([&] { PLUME_SPAN("span", "k"_a = value); });
}

RecordedValue boolean(bool value) { return value; }
RecordedValue int64(std::int64_t value) { return value; }
RecordedValue float64(double value) { return value; }
RecordedValue text(std::string value) { return value; }
using Booleans = std::vector<bool>;
using Ints = std::vector<std::int64_t>;
using Floats = std::vector<double>;
using Texts = std::vector<std::string>;

enum Unscoped { zero, one, two };
enum class Scoped : std::uint8_t { low = 3, high = 200 };
enum class Signed : std::int64_t { negative = -5 };
enum class Huge : std::uint64_t { most = UINT64_MAX };
enum class Letter : char { a = 'a' };
enum class Switch : bool { off, on };

} // namespace

TEST_CASE("a bool is recorded as one") {
    CHECK(through(true) == boolean(true));
    CHECK(through(false) == boolean(false));
}

TEST_CASE("integers of every type keep their value") {
    CHECK(through(std::numeric_limits<signed char>::min()) == int64(-128));
    CHECK(through(std::numeric_limits<unsigned char>::max()) == int64(255));
    CHECK(through(std::numeric_limits<short>::min()) == int64(-32768));
    CHECK(through(std::numeric_limits<unsigned short>::max()) == int64(65535));
    CHECK(through(std::numeric_limits<int>::min()) == int64(INT32_MIN));
    CHECK(through(std::numeric_limits<unsigned>::max()) == int64(UINT32_MAX));
    CHECK(through(std::numeric_limits<long>::min()) == int64(INT64_MIN));
    CHECK(through(std::numeric_limits<long long>::max()) == int64(INT64_MAX));
    CHECK(through(std::size_t{42}) == int64(42));
    CHECK(through(0ULL) == int64(0));
    CHECK(through(static_cast<unsigned long long>(INT64_MAX)) == int64(INT64_MAX));
}

TEST_CASE("an integer that is too large for an int64 becomes its digits") {
    CHECK(through(static_cast<std::uint64_t>(INT64_MAX) + 1) == text("9223372036854775808"));
    CHECK(through(UINT64_MAX) == text("18446744073709551615"));
}

TEST_CASE("large and small unsigned integers of one line are told apart each time") {
    const auto seen = recorded([] {
        for (const std::uint64_t n : {std::uint64_t{1}, UINT64_MAX, std::uint64_t{2}})
            PLUME_SPAN("span", "k"_a = n, "other"_a = true);
    });
    REQUIRE(seen.spans.size() == 3);
    CHECK(*seen.spans[0].attribute("k") == int64(1));
    CHECK(*seen.spans[1].attribute("k") == text("18446744073709551615"));
    CHECK(*seen.spans[2].attribute("k") == int64(2));
    CHECK(*seen.spans[1].attribute("other") == boolean(true));
}

TEST_CASE("floating point numbers of every type are recorded as doubles") {
    CHECK(through(0.5F) == float64(0.5));
    CHECK(through(-2.25) == float64(-2.25));
    CHECK(through(1.5L) == float64(1.5));
    CHECK(through(std::numeric_limits<double>::denorm_min()) ==
          float64(std::numeric_limits<double>::denorm_min()));
    CHECK(through(std::numeric_limits<double>::infinity()) ==
          float64(std::numeric_limits<double>::infinity()));
    CHECK(through(-std::numeric_limits<double>::infinity()) ==
          float64(-std::numeric_limits<double>::infinity()));
    CHECK(std::isnan(std::get<double>(through(std::numeric_limits<double>::quiet_NaN()).value())));
    CHECK(std::signbit(std::get<double>(through(-0.0).value())));
}

TEST_CASE("a char is a text of one character") { CHECK(through('x') == text("x")); }

TEST_CASE("text of every type is copied") {
    CHECK(through("literal") == text("literal"));
    CHECK(through("with \"quotes\" and \\") == text("with \"quotes\" and \\"));
    CHECK(through("") == text(""));
    CHECK(through("string"s) == text("string"));
    CHECK(through(""s) == text(""));
    CHECK(through("view"sv) == text("view"));
    CHECK(through(std::string_view{}) == text(""));
    CHECK(through("a\0b"sv) == text("a\0b"s));
    const char* pointer = "pointer";
    CHECK(through(pointer) == text("pointer"));
    char writable[] = "writable";
    CHECK(through(writable) == text("writable"));
    char* to_writable = writable;
    CHECK(through(to_writable) == text("writable"));
    CHECK(through("grüße, 世界 🪶") == text("grüße, 世界 🪶"));
}

TEST_CASE("a null pointer is an empty text") {
    const char* pointer = nullptr;
    CHECK(through(pointer) == text(""));
}

TEST_CASE("anything that converts to a view of text is text") {
    struct Path {
        std::string path;
        operator std::string_view() const { return path; }
    };
    CHECK(through(Path{"/etc"}) == text("/etc"));
}

TEST_CASE("a text may have any length up to the limit") {
    for (std::size_t size = 0; size < 40; ++size) {
        const auto seen = recorded([size] {
            PLUME_SPAN("span", "before"_a = 1, "k"_a = std::string(size, 'x'), "after"_a = 2);
        });
        CHECK(seen["span"].attributes == plume::RecordedAttributes{{"before", std::int64_t{1}},
                                                                   {"k", std::string(size, 'x')},
                                                                   {"after", std::int64_t{2}}});
    }
}

TEST_CASE("an enum is its number") {
    CHECK(through(two) == int64(2));
    CHECK(through(Scoped::high) == int64(200));
    CHECK(through(Signed::negative) == int64(-5));
    CHECK(through(Huge::most) == text("18446744073709551615"));
    CHECK(through(Letter::a) == int64('a'));
    CHECK(through(Switch::on) == boolean(true));
}

TEST_CASE("a duration is recorded in seconds") {
    CHECK(through(1500ms) == float64(1.5));
    CHECK(through(2h) == float64(7200.0));
    CHECK(through(-1ns) == float64(-1e-9));
    CHECK(through(std::chrono::duration<float>{0.25F}) == float64(0.25));
    CHECK(through(std::chrono::duration<int, std::ratio<1, 60>>{30}) == float64(0.5));
    CHECK(through(std::chrono::nanoseconds::max()) == float64(9223372036.854775807));
}

TEST_CASE("an optional that is present is its value") {
    CHECK(through(std::optional{7}) == int64(7));
    CHECK(through(std::optional{true}) == boolean(true));
    CHECK(through(std::optional{0.5}) == float64(0.5));
    CHECK(through(std::optional{"text"s}) == text("text"));
    CHECK(through(std::optional{""sv}) == text(""));
    CHECK(through(std::optional{'x'}) == text("x"));
    CHECK(through(std::optional{UINT64_MAX}) == text("18446744073709551615"));
    CHECK(through(std::optional{Letter::a}) == int64('a'));
    CHECK(through(std::optional{250ms}) == float64(0.25));
    CHECK(through(std::optional{std::vector{1, 2}}) == RecordedValue{Ints{1, 2}});
    CHECK(through(std::optional{std::vector{"a"s, "b"s}}) == RecordedValue{Texts{"a", "b"}});
}

TEST_CASE("an optional that is absent is no attribute") {
    CHECK(through(std::optional<int>{}) == std::nullopt);
    CHECK(through(std::optional<std::string>{}) == std::nullopt);
    CHECK(through(std::optional<std::vector<double>>{}) == std::nullopt);
}

TEST_CASE("an absent optional leaves its neighbours, and what was set before, alone") {
    const auto seen = recorded([] {
        PLUME_SPAN("span", "a"_a = 1, "b"_a = std::optional<std::string>{}, "c"_a = "three",
                   "d"_a = std::optional<int>{});
        plume::set("a"_a = std::optional<int>{}, "c"_a = std::optional{"four"s});
    });
    CHECK(seen.tree_with_attributes() == "span {a=1, c=four}\n");
}

TEST_CASE("ranges of every kind are arrays") {
    CHECK(through(std::vector{1, -2, 3}) == RecordedValue{Ints{1, -2, 3}});
    CHECK(through(std::array{1.5, 2.5}) == RecordedValue{Floats{1.5, 2.5}});
    const int c_array[] = {4, 5};
    CHECK(through(c_array) == RecordedValue{Ints{4, 5}});
    CHECK(through(std::span{c_array}) == RecordedValue{Ints{4, 5}});
    CHECK(through(std::deque{6, 7}) == RecordedValue{Ints{6, 7}});
    CHECK(through(std::list{8, 9}) == RecordedValue{Ints{8, 9}});
    CHECK(through(std::set{3, 1, 2}) == RecordedValue{Ints{1, 2, 3}});
}

TEST_CASE("arrays may hold every type that an attribute may") {
    CHECK(through(std::vector{true, false, true}) == RecordedValue{Booleans{true, false, true}});
    const bool booleans[] = {true, false};
    CHECK(through(booleans) == RecordedValue{Booleans{true, false}});
    CHECK(through(std::array<unsigned char, 2>{0, 255}) == RecordedValue{Ints{0, 255}});
    CHECK(through(std::vector<std::uint64_t>{0, INT64_MAX}) == RecordedValue{Ints{0, INT64_MAX}});
    CHECK(through(std::vector<float>{0.5F}) == RecordedValue{Floats{0.5}});
    CHECK(through(std::vector{"a"s, ""s, "a longer text"s}) ==
          RecordedValue{Texts{"a", "", "a longer text"}});
    CHECK(through(std::vector{"a"sv}) == RecordedValue{Texts{"a"}});
    const char* pointers[] = {"a", nullptr, "b"};
    CHECK(through(pointers) == RecordedValue{Texts{"a", "", "b"}});
    CHECK(through(std::vector{'x', 'y'}) == RecordedValue{Texts{"x", "y"}});
    CHECK(through(std::vector{Scoped::low, Scoped::high}) == RecordedValue{Ints{3, 200}});
    CHECK(through(std::vector{Letter::a}) == RecordedValue{Ints{'a'}});
    CHECK(through(std::vector{1s, 2s}) == RecordedValue{Floats{1.0, 2.0}});
}

TEST_CASE("one integer that is too large makes texts of a whole array") {
    CHECK(through(std::vector<std::uint64_t>{1, UINT64_MAX}) ==
          RecordedValue{Texts{"1", "18446744073709551615"}});
}

TEST_CASE("an empty range is an empty array of its type") {
    CHECK(through(std::vector<bool>{}) == RecordedValue{Booleans{}});
    CHECK(through(std::vector<int>{}) == RecordedValue{Ints{}});
    CHECK(through(std::vector<std::uint64_t>{}) == RecordedValue{Ints{}});
    CHECK(through(std::span<const double>{}) == RecordedValue{Floats{}});
    CHECK(through(std::array<std::string, 0>{}) == RecordedValue{Texts{}});
}

TEST_CASE("arguments that end with their line are copied before") {
    const auto make_string = [] { return "a string that is too long for its object"s; };
    const auto make_strings = [&] { return std::vector{make_string(), "short"s}; };
    const auto make_optional = [&] { return std::optional{make_string()}; };
    const auto same = [&](const plume::test::Recorded& seen) {
        for (const auto& span : seen.spans) {
            CHECK(*span.attribute("string") == text(make_string()));
            CHECK(*span.attribute("strings") == RecordedValue{Texts{make_string(), "short"}});
            CHECK(*span.attribute("optional") == text(make_string()));
            CHECK(*span.attribute("char") == text("a"));
        }
        CHECK(seen.spans.size() == 4);
    };
    same(recorded([&] {
        PLUME_SPAN("macro", "string"_a = make_string(), "strings"_a = make_strings(),
                   "optional"_a = make_optional(), "char"_a = make_string().front());
        const plume::Span by_function{"function"_name, "string"_a = make_string(),
                                      "strings"_a = make_strings(), "optional"_a = make_optional(),
                                      "char"_a = make_string().front()};
        const plume::AsyncSpan async{"async"_name, "string"_a = make_string(),
                                     "strings"_a = make_strings(), "optional"_a = make_optional(),
                                     "char"_a = make_string().front()};
        PLUME_SPAN("set");
        plume::set("string"_a = make_string(), "strings"_a = make_strings(),
                   "optional"_a = make_optional(), "char"_a = make_string().front());
    }));
}

TEST_CASE("the elements of an array are not copied on their way into the ring") {
    static int copies;
    struct Word {
        std::string text;
        explicit Word(std::string t) : text{std::move(t)} {}
        Word(const Word& other) : text{other.text} { ++copies; }
        Word& operator=(const Word&) = delete;
        operator std::string_view() const { return text; }
    };
    std::deque<Word> words;
    words.emplace_back("a word that is too long for its object");
    words.emplace_back("another");
    copies = 0;
    const auto seen = recorded_by([&] { PLUME_SPAN("span", "k"_a = words); });
    CHECK(seen == RecordedValue{Texts{"a word that is too long for its object", "another"}});
    CHECK(copies == 0);
}

TEST_CASE("a value is the same, however it came to the span") {
    const auto same = [](const auto& value, const RecordedValue& expected) {
        CHECK(through(value) == expected);
        const auto by_function =
            recorded_by([&] { const plume::Span span{"span"_name, "k"_a = value}; });
        const auto async =
            recorded_by([&] { const plume::AsyncSpan span{"span"_name, "k"_a = value}; });
        const auto later = recorded_by([&] {
            PLUME_SPAN("span");
            PLUME_SET("k"_a = value);
        });
        const auto again = recorded_by([&] {
            PLUME_SPAN_AS(span, "span", "k"_a = "another");
            span.set("k"_a = value);
        });
        CHECK(by_function == expected);
        CHECK(async == expected);
        CHECK(later == expected);
        CHECK(again == expected);
        const auto seen = recorded([&] {
            PLUME_SPAN_AS(span, "span");
            PLUME_EVENT("event", "k"_a = value);
            span.link(span.context(), "k"_a = value);
        });
        CHECK(seen["span"].events.at(0).attributes.at(0).value == expected);
        CHECK(seen["span"].links.at(0).attributes.at(0).value == expected);
    };
    same(true, boolean(true));
    same(UINT64_MAX, text("18446744073709551615"));
    same("text"s, text("text"));
    same(std::optional{1.5}, float64(1.5));
    same(std::vector{"a"s, "b"s}, RecordedValue{Texts{"a", "b"}});
}

TEST_CASE("a span may have a mixture of all types") {
    const auto seen = recorded([] {
        PLUME_SPAN("span", "bool"_a = true, "text"_a = "t", "none"_a = std::optional<int>{},
                   "ints"_a = std::vector{1, 2}, "big"_a = UINT64_MAX, "double"_a = 2.0,
                   "texts"_a = std::array{"a", "b"}, "some"_a = std::optional{1}, "int"_a = -1);
    });
    CHECK(seen.tree_with_attributes() ==
          "span {big=18446744073709551615, bool=true, double=2.0, int=-1, ints=[1, 2], some=1, "
          "text=t, texts=[a, b]}\n");
}

TEST_CASE("a span may have 128 attributes") {
#define EIGHT(n)                                                                                   \
    #n "0"_a = n##0, #n "1"_a = n##1, #n "2"_a = n##2, #n "3"_a = n##3, #n "4"_a = n##4,           \
       #n "5"_a = n##5, #n "6"_a = n##6, #n "7"_a = n##7
    const auto seen = recorded([] {
        PLUME_SPAN("span", EIGHT(1), EIGHT(2), EIGHT(3), EIGHT(4), EIGHT(5), EIGHT(6), EIGHT(7),
                   EIGHT(8), EIGHT(10), EIGHT(11), EIGHT(12), EIGHT(13), EIGHT(14), EIGHT(15),
                   EIGHT(16), EIGHT(17));
    });
#undef EIGHT
    REQUIRE(seen["span"].attributes.size() == 128);
    for (const auto& attribute : seen["span"].attributes)
        CHECK(attribute.key == plume::text_of(attribute.value));
    CHECK(seen["span"].dropped_attributes == 0);
}

TEST_CASE("which types have which form in the ring is known at compile time") {
    using plume::WireType;
    using plume::detail::wire_type;
    const auto type_of = []<class T>(const T& value) {
        return wire_type<decltype(plume::detail::canonical(value))>;
    };
    CHECK(type_of(true) == WireType::boolean);
    CHECK(type_of(std::uint32_t{1}) == WireType::int64);
    CHECK(type_of(std::uint64_t{1}) == WireType::uint64);
    CHECK(type_of(1.0F) == WireType::float64);
    CHECK(type_of("text"s) == WireType::string);
    CHECK(type_of(std::vector<bool>{}) == WireType::boolean_array);
    CHECK(type_of(std::vector<std::uint64_t>{}) == WireType::uint64_array);
    CHECK(type_of(std::array<std::string_view, 1>{}) == WireType::string_array);
    CHECK(static_cast<int>(type_of(std::optional<int>{})) ==
          (static_cast<int>(WireType::int64) | static_cast<int>(WireType::optional_bit)));
    STATIC_REQUIRE(plume::detail::one_word<std::int64_t>);
    STATIC_REQUIRE_FALSE(plume::detail::one_word<std::string_view>);
    STATIC_REQUIRE_FALSE(plume::detail::one_word<plume::detail::Maybe<std::int64_t>>);
}
