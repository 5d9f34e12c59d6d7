#include <plume/fields.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/recorded.hpp"

// ./dev check boost_names says which Boost it means, so that it cannot test another one unnoticed.
#ifdef PLUME_TEST_BOOST_VERSION
static_assert(BOOST_VERSION == PLUME_TEST_BOOST_VERSION && BOOST_PFR_CORE_NAME_ENABLED);
#endif

using namespace plume::literals;
using namespace std::chrono_literals;
using plume::detail::member_name;
using plume::test::recorded;

namespace shop {

enum class State : std::uint8_t { open = 1, paid = 2 };

struct Place {
    double latitude;
    double longitude;
};
struct Address {
    std::string city;
    Place place;
};
struct Order {
    int id;
    std::string customer;
    Address address;
    std::optional<double> discount;
    std::vector<std::int64_t> items;
    State state;
    std::chrono::milliseconds waited;
    bool paid;
};

struct Account {
    int id;
    std::string email;
    plume::Secret<std::string> password;
    std::optional<plume::Secret<std::string>> pin;
    std::string card;
    std::map<int, int> history; // no attribute may have this type
};
PLUME_REDACT(Account, email, card, history);

struct Wallet {
    Account account;
    std::optional<Account> other;
};

} // namespace shop

namespace {

struct Unnamed {
    int a;
    const int b_2;
};
template <class T>
struct Box {
    T value;
};
struct Nothing {};

/// The attributes of the first span that a function records, in their order.
plume::RecordedAttributes attributes(const std::function<void()>& record) {
    return recorded(record).spans.at(0).attributes;
}
template <class T>
plume::RecordedAttributes attributes_of(const T& object) {
    return attributes([&] { PLUME_SPAN("span", "o"_a = plume::fields(object)); });
}

shop::Order some_order() {
    return {7, "Ann", {"Rome", {41.9, 12.5}}, 0.5, {3, 4}, shop::State::paid, 1500ms, true};
}
shop::Account some_account(int id) {
    return {id, "ann@example.org", {"pa55word"}, {{"1234"}}, "4111111111111111", {{1, 2}}};
}

} // namespace

TEST_CASE("a struct is recorded as the attributes that one would write by hand") {
    const shop::Order order = some_order();
    CHECK(attributes([&] { PLUME_SPAN("span", "order"_a = plume::fields(order)); }) ==
          attributes([&] {
              PLUME_SPAN("span", "order.id"_a = order.id, "order.customer"_a = order.customer,
                         "order.address.city"_a = order.address.city,
                         "order.address.place.latitude"_a = order.address.place.latitude,
                         "order.address.place.longitude"_a = order.address.place.longitude,
                         "order.discount"_a = order.discount, "order.items"_a = order.items,
                         "order.state"_a = order.state, "order.waited"_a = order.waited,
                         "order.paid"_a = order.paid);
          }));
}

TEST_CASE("a struct stands among other attributes and a kind") {
    const Box<shop::Place> box{{1.5, 2.5}};
    CHECK(attributes([&] {
              PLUME_SPAN("span", "first"_a = 1, "box"_a = plume::fields(box), plume::client,
                         "text"_a = "t", "again"_a = plume::fields(box.value), "last"_a = 2);
          }) == attributes([] {
              PLUME_SPAN("span", "first"_a = 1, "box.value.latitude"_a = 1.5,
                         "box.value.longitude"_a = 2.5, "text"_a = "t", "again.latitude"_a = 1.5,
                         "again.longitude"_a = 2.5, "last"_a = 2);
          }));
}

TEST_CASE("names of members are known of types in every place") {
    struct Local {
        int first_;
        std::array<int, 3> second;
        const char* third;
    };
    STATIC_REQUIRE(member_name<shop::Order, 0>() == "id");
    STATIC_REQUIRE(member_name<shop::Order, 2>() == "address");
    STATIC_REQUIRE(member_name<shop::Order, 7>() == "paid");
    STATIC_REQUIRE(member_name<Unnamed, 0>() == "a");
    STATIC_REQUIRE(member_name<Unnamed, 1>() == "b_2");
    STATIC_REQUIRE(member_name<Box<Unnamed>, 0>() == "value");
    STATIC_REQUIRE(member_name<Box<Local>, 0>() == "value");
    STATIC_REQUIRE(member_name<Local, 0>() == "first_");
    STATIC_REQUIRE(member_name<Local, 1>() == "second");
    STATIC_REQUIRE(member_name<Local, 2>() == "third");

    CHECK(attributes_of(Local{1, {2, 3, 4}, "t"}) == attributes([] {
              PLUME_SPAN("span", "o.first_"_a = 1, "o.second"_a = std::array{2, 3, 4},
                         "o.third"_a = "t");
          }));
}

TEST_CASE("a struct can be given wherever attributes can") {
    const shop::Place place{1.5, 2.5};
    const plume::RecordedAttributes both =
        attributes([] { PLUME_SPAN("span", "p.latitude"_a = 1.5, "p.longitude"_a = 2.5); });

    const auto seen = recorded([&] {
        const plume::AsyncSpan async{"async"_name, "p"_a = plume::fields(place)};
        {
            const plume::Span span{"by hand"_name, "p"_a = plume::fields(place)};
            span.event("event"_name, "p"_a = plume::fields(place));
            span.link(async.context(), "p"_a = plume::fields(place));
        }
        {
            PLUME_SPAN_AS(span, "set");
            span.set("p"_a = plume::fields(place));
        }
        {
            PLUME_SPAN("macros");
            PLUME_SET("p"_a = plume::fields(place));
            PLUME_EVENT("event", "p"_a = plume::fields(place));
        }
        {
            PLUME_SPAN("current");
            plume::set("p"_a = plume::fields(place));
        }
    });
    for (const char* const name : {"async", "by hand", "set", "macros", "current"})
        CHECK(seen[name].attributes == both);
    CHECK(seen["by hand"].events.at(0).attributes == both);
    CHECK(seen["by hand"].links.at(0).attributes == both);
    CHECK(seen["by hand"].links.at(0).span_id == seen["async"].span_id);
    CHECK(seen["macros"].events.at(0).attributes == both);
}

TEST_CASE("a struct may be gone when its expression is over") {
    CHECK(attributes([] { PLUME_SPAN("span", "o"_a = plume::fields(some_order())); }) ==
          attributes([order = some_order()] { PLUME_SPAN("span", "o"_a = plume::fields(order)); }));
}

TEST_CASE("of an optional struct without a value nothing is recorded") {
    struct Route {
        std::optional<shop::Address> from;
        std::optional<shop::Address> to;
        int length;
    };
    CHECK(attributes_of(Route{{}, {{"Rome", {1, 2}}}, 5}) == attributes([] {
              PLUME_SPAN("span", "o.to.city"_a = "Rome", "o.to.place.latitude"_a = 1.0,
                         "o.to.place.longitude"_a = 2.0, "o.length"_a = 5);
          }));
    CHECK(attributes_of(std::optional<shop::Place>{}).empty());
    CHECK(attributes_of(std::optional{shop::Place{1, 2}}) == attributes_of(shop::Place{1, 2}));
}

TEST_CASE("optional members of an optional struct are absent one by one") {
    struct Part {
        std::optional<int> number;
        std::optional<std::vector<int>> list;
        std::string text;
    };
    struct Whole {
        std::optional<Part> part;
    };
    CHECK(attributes_of(Whole{}).empty());
    CHECK(attributes_of(Whole{{{{}, {}, "t"}}}) ==
          attributes([] { PLUME_SPAN("span", "o.part.text"_a = "t"); }));
    CHECK(attributes_of(Whole{{{5, {{1, 2}}, "t"}}}) == attributes([] {
              PLUME_SPAN("span", "o.part.number"_a = 5, "o.part.list"_a = std::vector{1, 2},
                         "o.part.text"_a = "t");
          }));
}

TEST_CASE("a struct without members adds nothing") {
    CHECK(attributes_of(Nothing{}).empty());
    CHECK(attributes_of(Box<Nothing>{}).empty());
}

TEST_CASE("members that are secret or named by PLUME_REDACT are left out") {
    CHECK(attributes_of(some_account(7)) == attributes([] { PLUME_SPAN("span", "o.id"_a = 7); }));
    CHECK(attributes_of(shop::Wallet{some_account(7), some_account(8)}) ==
          attributes([] { PLUME_SPAN("span", "o.account.id"_a = 7, "o.other.id"_a = 8); }));
}

TEST_CASE("a struct of numbers takes one word for each, and no size") {
    struct Numbers {
        int a;
        double b;
        bool c;
        shop::State d;
        shop::Place place;
    };
    using Record = decltype("n"_a = plume::fields(std::declval<const Numbers&>()))::value_type;
    STATIC_REQUIRE(plume::detail::value_count<Record> == 6);
    STATIC_REQUIRE(plume::detail::one_word<Record>);

    std::uint64_t bytes = 0;
    const auto seen = recorded([&] {
        PLUME_SPAN("around");
        const std::uint64_t before = plume::detail::own_lane()->head.load();
        { PLUME_SPAN("span", "n"_a = plume::fields(Numbers{1, 2.5, true, {}, {3, 4}})); }
        bytes = plume::detail::own_lane()->head.load() - before;
    });
    CHECK(bytes == 16 + 6 * 8);
}

TEST_CASE("a struct is evaluated only if somebody takes it") {
    int evaluated = 0;
    const auto place = [&] {
        ++evaluated;
        return shop::Place{1, 2};
    };
    { PLUME_SPAN("no session", "p"_a = plume::fields(place())); }
    PLUME_SET("p"_a = plume::fields(place()));
    CHECK(evaluated == 0);
    recorded([&] { PLUME_SPAN("span", "p"_a = plume::fields(place())); });
    CHECK(evaluated == 1);
}

TEST_CASE("long members are cut as other attributes are") {
    plume::Options options;
    options.longest_text = 8;
    const std::string text(100, 'x');
    plume::test::on_a_new_ring([&] {
        const auto seen = recorded(
            options, [&] { PLUME_SPAN("span", "box"_a = plume::fields(Box<std::string>{text})); });
        CHECK(seen["span"].attributes ==
              plume::RecordedAttributes{{"box.value", std::string(8, 'x')}});
        CHECK(seen.stats.truncated_values == 1);
    });
}
