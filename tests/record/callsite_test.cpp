#include <plume/record/callsite.hpp>

#include <cstdint>
#include <string>
#include <string_view>

#include "support/catch.hpp"
#include "support/recorded.hpp"

using namespace plume::literals;
using plume::detail::enclosing_function;
using plume::detail::has_control_character;
using plume::detail::has_number_segment;
using plume::detail::has_uuid;
using plume::detail::type_name;

namespace {
struct Order {};
} // namespace

namespace warehouse {
struct Invoice {};
template <class T> struct Box {};
} // namespace warehouse

TEST_CASE("a name with an id in its path is told from one with a number elsewhere") {
    STATIC_REQUIRE(has_number_segment("/orders/17"));
    STATIC_REQUIRE(has_number_segment("GET /orders/17/items"));
    STATIC_REQUIRE(has_number_segment("user/17"));
    STATIC_REQUIRE(has_number_segment("17/user"));
    STATIC_REQUIRE(has_number_segment("/orders/17?full"));
    STATIC_REQUIRE(has_number_segment("GET /orders/17 again"));
    STATIC_REQUIRE_FALSE(has_number_segment("/orders/{id}"));
    STATIC_REQUIRE_FALSE(has_number_segment("attempt 2 of 3"));
    STATIC_REQUIRE_FALSE(has_number_segment("/api/v2/orders"));
    STATIC_REQUIRE_FALSE(has_number_segment("HTTP/1.1"));
    STATIC_REQUIRE_FALSE(has_number_segment("17"));
    STATIC_REQUIRE_FALSE(has_number_segment(""));
    STATIC_REQUIRE_FALSE(has_number_segment("a / b"));
}

TEST_CASE("a name with a UUID is found, wherever it is") {
    STATIC_REQUIRE(has_uuid("123e4567-e89b-12d3-a456-426614174000"));
    STATIC_REQUIRE(has_uuid("GET /orders/123E4567-E89B-12D3-A456-426614174000/items"));
    STATIC_REQUIRE_FALSE(has_uuid("123e4567-e89b-12d3-a456-42661417400"));
    STATIC_REQUIRE_FALSE(has_uuid("123e4567-e89b-12d3-a456-42661417400g"));
    STATIC_REQUIRE_FALSE(has_uuid("checkout"));
}

TEST_CASE("control characters in a name are found") {
    STATIC_REQUIRE(has_control_character("a\nb"));
    STATIC_REQUIRE(has_control_character("\x7f"));
    STATIC_REQUIRE_FALSE(has_control_character("grüße an alle"));
}

TEST_CASE("a function is named as g++ spells it, without types and arguments") {
    STATIC_REQUIRE(enclosing_function("int main()") == "main");
    STATIC_REQUIRE(enclosing_function("void shop::checkout(const Order&, int)") ==
                   "shop::checkout");
    STATIC_REQUIRE(enclosing_function("virtual bool shop::Cart::add(Item) const") ==
                   "shop::Cart::add");
    STATIC_REQUIRE(enclosing_function("static std::map<int, std::pair<A, B> > f(void (*)(int))") ==
                   "f");
    STATIC_REQUIRE(enclosing_function("T shop::twice(T) [with T = int]") == "shop::twice");
    STATIC_REQUIRE(enclosing_function("void f(std::function<void(int)>) [with T = void (*)()]") ==
                   "f");
    STATIC_REQUIRE(enclosing_function("shop::Cart::Cart(int)") == "shop::Cart::Cart");
    STATIC_REQUIRE(enclosing_function("shop::Cart::~Cart()") == "shop::Cart::~Cart");
    STATIC_REQUIRE(enclosing_function("void shop::F::operator()(int) const") ==
                   "shop::F::operator()");
    STATIC_REQUIRE(enclosing_function("void (anonymous namespace)::f(int)") ==
                   "(anonymous namespace)::f");
    STATIC_REQUIRE(enclosing_function("void {anonymous}::f(int)") == "{anonymous}::f");
}

TEST_CASE("a function is named as clang spells it, without types and arguments") {
    STATIC_REQUIRE(enclosing_function("T shop::twice(T) [T = int]") == "shop::twice");
    STATIC_REQUIRE(enclosing_function("auto f(T) [T = void (int)]") == "f");
    STATIC_REQUIRE(enclosing_function("void shop::f()::(anonymous class)::operator()() const") ==
                   "shop::f");
    STATIC_REQUIRE(enclosing_function("auto shop::f()::(lambda at shop.cpp:7:5)::operator()()") ==
                   "shop::f");
}

TEST_CASE("a lambda is named after the function around it") {
    STATIC_REQUIRE(enclosing_function("shop::checkout()::<lambda(int)>") == "shop::checkout");
    STATIC_REQUIRE(enclosing_function("void shop::f(int)::<lambda()>::<lambda()>::Here::name()") ==
                   "shop::f");
}

TEST_CASE("a member of a class template keeps its own name") {
    CHECK(enclosing_function("void shop::Box<T>::open() [with T = int]").ends_with("::open"));
    CHECK(enclosing_function("void shop::Box<int>::open() [T = int]").ends_with("::open"));
    CHECK(enclosing_function("T shop::Box<T>::get(U) [with U = int; T = char]").ends_with("::get"));
    CHECK(enclosing_function("void shop::f<int>()") == "shop::f");
}

TEST_CASE("an operator keeps its sign") {
    CHECK(enclosing_function("bool shop::operator<(const A&, const B&)") == "shop::operator<");
    CHECK(enclosing_function("bool shop::A::operator>(const B&) const") == "shop::A::operator>");
    CHECK(enclosing_function("A& shop::A::operator<<(int)") == "shop::A::operator<<");
    CHECK(enclosing_function("auto shop::A::operator->() const") == "shop::A::operator->");
    CHECK(enclosing_function("auto shop::A::operator<=>(const A&) const") ==
          "shop::A::operator<=>");
    CHECK(enclosing_function("shop::A::operator bool() const") == "shop::A::operator bool");
    CHECK(enclosing_function("static void* shop::A::operator new(std::size_t)") ==
          "shop::A::operator new");
}

TEST_CASE("whatever a compiler writes, there is a name") {
    for (const std::string_view odd : {"<lambda()>", "<lambda()>::<lambda()>::Here::name()",
                                       "(anonymous class)::operator()()", "f", "", ")", "((", "<"})
        CHECK(enclosing_function(odd).size() <= odd.size());
    CHECK_FALSE(enclosing_function("<lambda()>::<lambda()>::Here::name()").empty());
}

TEST_CASE("types are named as they are written") {
    CHECK(type_name<int>() == "int");
    CHECK(type_name<warehouse::Invoice>() == "warehouse::Invoice");
    CHECK(type_name<warehouse::Box<int>>() == "warehouse::Box<int>");
    CHECK(type_name<Order>().ends_with("::Order"));
}

TEST_CASE("a callsite describes its line, its attributes and its kind") {
    struct Line {
        static constexpr std::string_view name() { return "line"; }
        static constexpr std::string_view file() { return "file.cpp"; }
        static constexpr std::string_view function() { return "f"; }
        static constexpr std::string_view scope_name() { return "scope"; }
        static constexpr std::string_view scope_version() { return "1.0"; }
        static constexpr unsigned line() { return 7; }
        static constexpr unsigned char level() { return 2; }
        static constexpr int clock() { return PLUME_CLOCK_MONOTONIC; }
    };
    using plume::detail::KeyValue;
    using Site =
        plume::detail::CallsiteOf<plume::detail::SiteKind::span, Line, KeyValue<"a", std::int64_t>,
                                  plume::detail::KindTag<plume::SpanKind::server>,
                                  KeyValue<"b.c", std::string_view>>;
    constexpr const plume::detail::Description& description = Site::description;
    STATIC_REQUIRE(description.name == "line");
    STATIC_REQUIRE(description.line == 7);
    STATIC_REQUIRE(description.level == 2);
    STATIC_REQUIRE(description.wants_monotonic);
    STATIC_REQUIRE(description.kind == plume::SpanKind::server);
    STATIC_REQUIRE(description.field_count == 2);
    STATIC_REQUIRE(std::string_view{description.fields[0].key} == "a");
    STATIC_REQUIRE(description.fields[0].type == plume::WireType::int64);
    STATIC_REQUIRE(std::string_view{description.fields[1].key} == "b.c");
    STATIC_REQUIRE(description.fields[1].key_size == 3);
    STATIC_REQUIRE_FALSE(description.one_word_fields);
}

namespace {
void never_called() { PLUME_SPAN("a line that never runs", "key"_a = 1); }
} // namespace

TEST_CASE("a line is registered before it has run") {
    static_cast<void>(&never_called);
    const auto& registry = plume::detail::runtime().registry;
    int found = 0;
    for (std::uint32_t i = plume::detail::control::first_site; i < registry.size(); ++i)
        if (registry.at(i)->name == "a line that never runs") ++found;
    CHECK(found == 1);
}

TEST_CASE("a line is off without a session, and on with one") {
    static const auto here = [] { PLUME_SPAN("switched line"); };
    const auto is_on = [] {
        const auto& registry = plume::detail::runtime().registry;
        for (std::uint32_t i = plume::detail::control::first_site; i < registry.size(); ++i)
            if (registry.at(i)->name == "switched line")
                return registry.at(i)->live->index.load() == i;
        return false;
    };
    CHECK_FALSE(is_on());
    const auto seen = plume::test::recorded([&] {
        CHECK(is_on());
        here();
    });
    CHECK_FALSE(is_on());
    CHECK(seen.spans.size() == 1);
}
