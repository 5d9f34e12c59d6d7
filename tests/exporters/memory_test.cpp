#include <plume/exporters/memory.hpp>

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <plume/plume.hpp>
#include <plume/session.hpp>

#include "support/catch.hpp"
#include "support/scene.hpp"

using namespace std::chrono_literals;
using plume::MemoryExporter;
using plume::scene::Stage;

TEST_CASE("a copy of the memory exporter sees what the other one received") {
    MemoryExporter memory;
    MemoryExporter given{memory};
    MemoryExporter moved{std::move(given)};
    Stage stage;
    stage.add("visit", 1, 0, {0, 10});
    CHECK(stage.deliver(moved).error.empty());
    CHECK(memory.size() == 1);
    CHECK(memory.spans().at(0).name == "visit");
}

TEST_CASE("a recorded span owns all that its batch only lent") {
    MemoryExporter memory;
    {
        Stage stage;
        const std::string name = "a name that is too long for a small string";
        const std::string_view words[] = {"one", "two"};
        auto& actor = stage.add(name, 2, 1, {5, 25}).failed(name).kind(plume::SpanKind::client);
        actor.with(name, std::string_view{name}).with("words", std::span{words});
        actor.event(name, 7, {{"attempt", std::int64_t{2}}}).link(9, {{"why", "retry"}});
        actor.details().trace_state = name;
        actor.details().dropped_events = 3;
        actor.source().function = name;
        actor.span().flags = plume::trace_flags::sampled;
        (void)stage.deliver(memory, name);
    }
    const auto spans = memory.spans();
    REQUIRE(spans.size() == 1);
    const plume::RecordedSpan& span = spans[0];
    const std::string name = "a name that is too long for a small string";
    CHECK(span.name == name);
    CHECK(span.trace_id == plume::scene::trace);
    CHECK(span.span_id == plume::SpanId{2});
    CHECK(span.parent_span_id == plume::SpanId{1});
    CHECK(span.begin_unix_ns == plume::scene::dawn + 5'000);
    CHECK(span.duration_ns() == 20'000);
    CHECK(span.kind == plume::SpanKind::client);
    CHECK(span.status == plume::StatusCode::error);
    CHECK(span.status_message == name);
    CHECK(span.trace_state == name);
    CHECK(span.dropped_events == 3);
    CHECK(span.thread_id == 7);
    CHECK(span.flags == plume::trace_flags::sampled);
    CHECK(span.service == name);
    CHECK(span.source.file == "shop/checkout.cpp");
    CHECK(span.source.function == name);
    CHECK(span.source.line == 42);
    CHECK(span.attributes == plume::RecordedAttributes{
                                 {name, name}, {"words", std::vector<std::string>{"one", "two"}}});
    REQUIRE(span.events.size() == 1);
    CHECK(span.events[0].name == name);
    CHECK(span.events[0].time_unix_ns == plume::scene::dawn + 7'000);
    CHECK(span.events[0].attributes == plume::RecordedAttributes{{"attempt", std::int64_t{2}}});
    REQUIRE(span.links.size() == 1);
    CHECK(span.links[0].span_id == plume::SpanId{9});
    CHECK(span.links[0].attributes == plume::RecordedAttributes{{"why", std::string{"retry"}}});
}

TEST_CASE("an attribute of a recorded span is found by its key") {
    MemoryExporter memory;
    Stage stage;
    stage.add("visit", 1, 0, {0, 10}).with("order.id", std::int64_t{42}).with("ratio", 1.0);
    (void)stage.deliver(memory);
    const plume::RecordedSpan span = memory.spans().at(0);
    REQUIRE(span.attribute("order.id"));
    CHECK(*span.attribute("order.id") == plume::RecordedValue{std::int64_t{42}});
    CHECK(span.attribute("order") == nullptr);
    CHECK(span.text("order.id") == "42");
    CHECK(span.text("ratio") == "1.0");
    CHECK(span.text("order").empty());
}

TEST_CASE("a memory exporter that was cleared begins anew") {
    MemoryExporter memory;
    Stage stage;
    stage.add("before", 1, 0, {0, 10});
    (void)stage.deliver(memory);
    memory.clear();
    CHECK(memory.size() == 0);
    stage.add("after", 2, 0, {0, 10});
    (void)stage.deliver(memory);
    CHECK(tree_of(memory) == "after\n");
}

TEST_CASE("a test can wait for spans that another thread delivers") {
    const MemoryExporter memory;
    std::thread worker{[given = memory]() mutable {
        for (std::uint64_t id = 1; id <= 100; ++id) {
            Stage stage;
            stage.add("visit", id, 0, {id, id + 1});
            (void)stage.deliver(given);
        }
    }};
    CHECK(memory.wait_for(100));
    worker.join();
    CHECK(memory.size() == 100);
}

TEST_CASE("a session hands over what has ended without a flush, whatever its batches wait for") {
    const MemoryExporter memory;
    const plume::Session session{{.service_name = "test", .batch_delay = std::chrono::hours{1}},
                                 memory};
    {
        PLUME_SPAN("outer");
        PLUME_SPAN("inner");
    }
    CHECK(memory.wait_for(2));
    CHECK(tree_of(memory) == "outer\n  inner\n");
}

TEST_CASE("a test that waits for spans in vain is told so") {
    const MemoryExporter memory;
    CHECK_FALSE(memory.wait_for(1, 0ns));
}

TEST_CASE("what was recorded before a fork is the parent's alone") {
    MemoryExporter memory;
    Stage stage;
    stage.add("visit", 1, 0, {0, 10});
    (void)stage.deliver(memory);
    memory.forked();
    CHECK(memory.spans().empty());
}

TEST_CASE("a tree of spans shows who is below whom, and which one failed") {
    MemoryExporter memory;
    Stage stage;
    stage.add("visit", 3, 2, {20, 30}).failed();
    stage.add("visit", 2, 1, {10, 40});
    stage.add("visit", 1, 0, {0, 50});
    (void)stage.deliver(memory);
    CHECK(tree_of(memory) == "visit\n"
                             "  visit\n"
                             "    visit !\n");
}

TEST_CASE("children in a tree stand in the order in which they began") {
    MemoryExporter memory;
    Stage stage;
    stage.add("third", 4, 1, {30, 35});
    stage.add("first", 2, 1, {10, 40});
    stage.add("root", 1, 0, {0, 50});
    stage.add("second", 3, 1, {20, 25});
    stage.add("also third", 5, 1, {30, 32});
    (void)stage.deliver(memory);
    CHECK(tree_of(memory) == "root\n"
                             "  first\n"
                             "  second\n"
                             "  third\n"
                             "  also third\n");
}

TEST_CASE("a span whose parent is not there stands at the left of the tree") {
    MemoryExporter memory;
    Stage stage;
    stage.add("below", 3, 2, {15, 20});
    stage.add("orphan", 2, 99, {10, 40});
    stage.add("remote", 5, 98, {5, 50}).remote();
    (void)stage.deliver(memory);
    CHECK(tree_of(memory) == "remote\n"
                             "orphan\n"
                             "  below\n");
}

TEST_CASE("equal span ids of different traces are not related") {
    MemoryExporter memory;
    Stage stage;
    stage.add("one", 1, 0, {0, 10});
    stage.add("of the other trace", 2, 1, {5, 6}).of({7, 7});
    (void)stage.deliver(memory);
    CHECK(tree_of(memory) == "one\n"
                             "of the other trace\n");
}

TEST_CASE("a tree shows attributes by key if it is asked to") {
    MemoryExporter memory;
    Stage stage;
    stage.add("visit", 1, 0, {0, 10}).with("b", true).with("a", "two words").failed();
    stage.add("plain", 2, 1, {1, 2});
    (void)stage.deliver(memory);
    CHECK(tree_of(memory, {.attributes = true}) == "visit ! {a=two words, b=true}\n"
                                                   "  plain\n");
    CHECK(tree_of(memory) == "visit !\n  plain\n");
}

TEST_CASE("every span is in the tree once, whatever its ids claim") {
    MemoryExporter memory;
    Stage stage;
    stage.add("its own parent", 1, 1, {1, 2});
    stage.add("circle a", 2, 3, {2, 3});
    stage.add("circle b", 3, 2, {3, 4});
    stage.add("twin", 4, 0, {5, 6});
    stage.add("twin", 4, 0, {6, 7});
    stage.add("child of twins", 5, 4, {7, 8});
    (void)stage.deliver(memory);
    CHECK(tree_of(memory) == "twin\n"
                             "  child of twins\n"
                             "twin\n"
                             "its own parent\n"
                             "circle a\n"
                             "  circle b\n");
}

TEST_CASE("a chain of calls may be as long as memory allows") {
    MemoryExporter memory;
    Stage stage;
    constexpr std::uint64_t depth = 3'000;
    for (std::uint64_t id = depth; id > 0; --id)
        stage.add("down", id, id - 1, {id, 2 * depth - id});
    (void)stage.deliver(memory);
    std::string expected;
    for (std::uint64_t level = 0; level < depth; ++level)
        expected += std::string(2 * level, ' ') + "down\n";
    CHECK((tree_of(memory) == expected)); // too long to be printed
}
