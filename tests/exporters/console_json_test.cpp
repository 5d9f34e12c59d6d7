#include <plume/exporters/console/json.hpp>

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>

#include "support/catch.hpp"
#include "support/console.hpp"
#include "support/scene.hpp"

using plume::ConsoleForm;
using plume::scene::printed;
using plume::scene::Stage;

TEST_CASE("a JSON line has everything that a span has") {
    Stage stage;
    const bool flags[] = {true, false};
    const std::string_view words[] = {"a", "b c"};
    auto& actor = stage.add("GET /orders/{id}", 2, 1, {123, 12'523})
                      .remote()
                      .kind(plume::SpanKind::server)
                      .failed("card declined")
                      .with("order.id", std::int64_t{-42})
                      .with("ratio", 0.5)
                      .with("flags", std::span<const bool>{flags})
                      .with("words", std::span<const std::string_view>{words})
                      .event("retry", 200, {{"attempt", std::int64_t{2}}})
                      .link(9, {{"why", "batch"}});
    actor.details().trace_state = "vendor=1";
    actor.details().dropped_attributes = 1;
    actor.details().dropped_events = 2;
    actor.details().dropped_links = 3;
    actor.source().function = "checkout";
    CHECK(printed(stage, {.form = ConsoleForm::json}) ==
          R"({"time_unix_ns":1785576600000123000,"duration_ns":12400000,"name":"GET /orders/{id}",)"
          R"("kind":"server","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736",)"
          R"("span_id":"0000000000000002","parent_span_id":"0000000000000001",)"
          R"("parent_is_remote":true,"trace_state":"vendor=1","status":"error",)"
          R"("status_message":"card declined","service":"shop","thread_id":7,)"
          R"("attributes":{"order.id":-42,"ratio":0.5,"flags":[true,false],"words":["a","b c"]},)"
          R"("dropped_attributes":1,"events":[{"time_unix_ns":1785576600000200000,"name":"retry",)"
          R"("attributes":{"attempt":2}}],"dropped_events":2,)"
          R"("links":[{"trace_id":"00000000000000010000000000000002",)"
          R"("span_id":"0000000000000009","attributes":{"why":"batch"}}],"dropped_links":3,)"
          R"("source":{"file":"shop/checkout.cpp","line":42,"function":"checkout",)"
          R"("scope":"plume"}})"
          "\n");
}

TEST_CASE("a JSON line leaves out counts of nothing") {
    Stage stage;
    stage.add("root", 1, 0, {0, 100});
    CHECK(printed(stage, {.form = ConsoleForm::json}) ==
          R"({"time_unix_ns":1785576600000000000,"duration_ns":100000,"name":"root",)"
          R"("kind":"internal","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736",)"
          R"("span_id":"0000000000000001","parent_span_id":null,"status":"unset",)"
          R"("service":"shop","thread_id":7,"attributes":{},"events":[],"links":[],)"
          R"("source":{"file":"shop/checkout.cpp","line":42,"function":"","scope":"plume"}})"
          "\n");
}

TEST_CASE("JSON has no number for NaN and the infinities, so they are strings") {
    Stage stage;
    using Limits = std::numeric_limits<double>;
    const double all[] = {Limits::infinity(), 1e300};
    stage.add("root", 1, 0, {0, 100})
        .with("a", Limits::quiet_NaN())
        .with("b", -Limits::infinity())
        .with("c", std::span<const double>{all});
    CHECK(printed(stage, {.form = ConsoleForm::json})
              .find(R"("attributes":{"a":"NaN","b":"-Infinity","c":["Infinity",1e+300]})") !=
          std::string::npos);
}

TEST_CASE("JSON strings are escaped, and valid whatever they held") {
    using namespace std::string_view_literals;
    Stage stage;
    stage.add("q\" b\\ n\n t\t e\x1b z\0 c\xc2\x9b o\xe2\x80\xae u\xc3\xbc x\xff"sv, 1, 0, {0, 1});
    CHECK(printed(stage, {.form = ConsoleForm::json})
              .find(R"("name":"q\" b\\ n\n t\t e\u001b z\u0000 c\u009b o\u202e uü x\ufffd")") !=
          std::string::npos);
}

TEST_CASE("what is no tree is printed at once, root or not") {
    Stage stage;
    stage.add("child", 2, 1, {0, 1});
    CHECK_FALSE(printed(stage, {.form = ConsoleForm::line}).empty());
    stage.add("child", 2, 1, {0, 1});
    CHECK_FALSE(printed(stage, {.form = ConsoleForm::json}).empty());
}
