#define PLUME_POLICY "policy/team_policy.hpp"
#include <plume/policy.hpp>

#include <optional>
#include <string>
#include <string_view>

#include <plume/fields.hpp>
#include <plume/plume.hpp>

#include "core/policy/login.hpp"
#include "support/catch.hpp"
#include "support/recorded.hpp"

using namespace plume::literals;
using plume::test::recorded;

namespace {

const shop::Login ann{7, "ann@example.org", "pa55word", {{"4111111111111111", 30}}};

} // namespace

TEST_CASE("keys that a policy calls sensitive are REDACTED, whatever they are given") {
    const auto seen = recorded([] {
        PLUME_SPAN("login", "shop.email"_a = "ann@example.org", "shop.user.password"_a = 1234,
                   "shop.card"_a = plume::fields(*ann.card), "shop.id"_a = 7);
        plume::current().event("try again"_name, "shop.user.password"_a = ann.password);
    });
    const auto& span = seen["login"];
    CHECK(seen.tree_with_attributes() == "login {shop.card=REDACTED, shop.email=REDACTED, "
                                         "shop.id=7, shop.user.password=REDACTED}\n");
    CHECK(span.events.at(0).attributes ==
          plume::RecordedAttributes{{"shop.user.password", "REDACTED"}});
}

TEST_CASE("members whose keys are sensitive are REDACTED, structs as a whole") {
    const auto tree = [](const auto& object) {
        return recorded([&] { PLUME_SPAN("login", "shop"_a = plume::fields(object)); })
            .tree_with_attributes();
    };
    CHECK(tree(ann) == "login {shop.card=REDACTED, shop.email=REDACTED, shop.id=7, "
                       "shop.password=REDACTED}\n");
    CHECK(tree(std::optional<shop::Login>{}) == "login\n");
}

TEST_CASE("keys of conventions need no prefix of the team") {
    const auto seen = recorded([] {
        PLUME_SPAN("convention", "http.request.method"_a = "GET", "db.system.name"_a = "sqlite");
    });
    CHECK(seen["convention"].attributes.size() == 2);
}

TEST_CASE("what Plume adds by itself is not the matter of a policy") {
    const auto seen = recorded([] {
        PLUME_SPAN_AS(span, "exception");
        span.record_exception("some_error", "message");
        static const plume::Name name{"a_name_of_run_time"};
        PLUME_SPAN_DYNAMIC(name, "test.n"_a = 1);
    });
    CHECK(seen["exception"].events.at(0).name == "exception");
    CHECK(seen["a_name_of_run_time"].attributes.size() == 1);
}

TEST_CASE("a policy may set the level of its files") {
    const auto seen = recorded([] {
        PLUME_SPAN_DEBUG("debug");
        PLUME_SPAN_TRACE("trace");
    });
    CHECK(seen.tree() == "debug\n");
}

TEST_CASE("files with different policies, and with none, are one program") {
    const auto with = recorded([] {
        const plume::Span span{"login"_name, "shop"_a = plume::fields(ann),
                               "shop.email"_a = ann.email};
    });
    CHECK(with.tree_with_attributes() == "login {shop.card=REDACTED, shop.email=REDACTED, "
                                         "shop.id=7, shop.password=REDACTED}\n");
    CHECK(shop::record_without_policy(ann).tree_with_attributes() ==
          "login {shop.card.number=4111111111111111, shop.card.year=30, "
          "shop.email=ann@example.org, shop.id=7, shop.password=pa55word}\n");
}
