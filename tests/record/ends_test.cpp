#include <plume/record/ends.hpp>

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>

#include "support/catch.hpp"
#include "support/hand_drained.hpp"
#include "support/recorded.hpp"

using namespace plume::literals;
using plume::AsyncSpan;
using plume::Span;
using plume::test::HandDrained;
using plume::test::on_a_new_ring;
using plume::test::on_a_thread;
using plume::test::recorded;

namespace {

/// Events until the ring has no room for another one.
void fill_the_ring() {
    const auto& dropped = plume::detail::own_lane()->dropped_records;
    for (const auto before = dropped.load(); dropped.load() == before;)
        plume::event("fill"_name, "n"_a = 1);
}

plume::Sampler not_the_health_checks() {
    return plume::Sampler::by_rule({{.name = "health", .then = plume::Sampler::always_off()}},
                                   plume::Sampler::always_on());
}

} // namespace

TEST_CASE("spans off the stack and spans out of order end while their ring is full") {
    HandDrained drained;
    on_a_new_ring([&] {
        std::deque<AsyncSpan> flight;
        for (int i = 0; i < 6'000; ++i) flight.emplace_back("request"_name);
        drained.pass();
        std::optional<Span> root{std::in_place, "root"_name};
        const plume::SpanContext context = root->context();
        std::optional<Span> outer{std::in_place, "outer"_name};
        std::optional<Span> inner{std::in_place, "inner"_name};
        fill_the_ring();
        flight.clear(); // more than the reserve has room for
        CHECK(plume::detail::own_lane()->late.load() != nullptr);
        outer.reset();
        CHECK(plume::current_context().span_id == context.span_id);
        inner.reset();
        root.reset();
        CHECK_FALSE(plume::current_context().valid());
        drained.pass();
        PLUME_SPAN("next root");
        CHECK(plume::current_context().trace_id != context.trace_id);
    });
    const auto spans = drained.spans();
    CHECK(spans.size() == 6'004);
    CHECK(drained.assembler().begun() == drained.assembler().ended());
    std::size_t children = 0;
    for (const auto& span : spans) children += span.parent_span_id.valid() ? 1 : 0;
    CHECK(children == 2); // outer and inner
}

TEST_CASE("what ends while a ring is full leaves the rest of its room to others") {
    HandDrained drained;
    on_a_new_ring([&] {
        PLUME_SPAN("root");
        fill_the_ring();
        for (int i = 0; i < 5'000; ++i) { // a span that ends out of order is promised half of that
            std::optional<Span> first{std::in_place, "first"_name};
            std::optional<Span> second{std::in_place, "second"_name};
            first.reset();
            second.reset();
            if (i % 100 == 0) drained.pass();
        }
        CHECK(plume::current_context().valid());
    });
    CHECK(drained.spans().size() > 1);
    CHECK(drained.assembler().begun() == drained.assembler().ended());
}

TEST_CASE("a thread whose unsampled root ends on another thread records again") {
    plume::Options options;
    options.sampler = not_the_health_checks();
    const auto seen = recorded(options, [] {
        on_a_thread([] {
            auto health = std::make_unique<Span>("health"_name);
            { PLUME_SPAN("below"); }
            on_a_thread([&] { health.reset(); });
            PLUME_SPAN("request");
        });
    });
    CHECK(seen.tree() == "request\n");
}

TEST_CASE("an unsampled root that ends elsewhere inside a context scope is over after it") {
    plume::Options options;
    options.sampler = not_the_health_checks();
    const auto seen = recorded(options, [] {
        on_a_thread([] {
            auto health = std::make_unique<Span>("health"_name);
            {
                const plume::ContextScope scope{{}};
                on_a_thread([&] { health.reset(); });
                PLUME_SPAN("inside");
            }
            PLUME_SPAN("after");
        });
    });
    CHECK(seen.tree() == "inside\nafter\n");
}

TEST_CASE("a root that ends on another thread is nobody's parent from there on") {
    const auto seen = recorded([] {
        on_a_thread([] {
            auto root = std::make_unique<Span>("root"_name);
            { PLUME_SPAN("child"); }
            on_a_thread([&] { root.reset(); });
            CHECK_FALSE(plume::current_context().valid());
            { PLUME_SPAN("second root"); }
            PLUME_SPAN("third root");
        });
    });
    CHECK(seen.tree() == "root\n"
                         "  child\n"
                         "second root\n"
                         "third root\n");
    CHECK(seen["second root"].trace_id != seen["root"].trace_id);
    CHECK(seen["third root"].trace_id != seen["second root"].trace_id);
}

TEST_CASE("a root that ends on another thread stays the parent below spans that are open") {
    const auto seen = recorded([] {
        on_a_thread([] {
            auto root = std::make_unique<Span>("root"_name);
            {
                PLUME_SPAN("child");
                on_a_thread([&] { root.reset(); });
                PLUME_SPAN("grandchild");
            }
            PLUME_SPAN("next root");
        });
    });
    CHECK(seen.tree() == "root\n"
                         "  child\n"
                         "    grandchild\n"
                         "next root\n");
    CHECK(seen["next root"].trace_id != seen["root"].trace_id);
}

TEST_CASE("spans that end on other threads leave their ring as much room as before") {
    const auto seen = recorded([] {
        on_a_thread([] {
            PLUME_SPAN("root");
            std::deque<Span> moved;
            for (int i = 0; i < 100; ++i) moved.emplace_back("moved"_name);
            on_a_thread([&] { moved.clear(); });
            const plume::detail::Lane& lane = *plume::detail::own_lane();
            CHECK(lane.grant_end - lane.head.load() - lane.free_room() == 8); // the root's end
        });
    });
    CHECK(seen.spans.size() == 101);
}
