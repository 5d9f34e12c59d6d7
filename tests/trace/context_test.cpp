#include <plume/context.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/recorded.hpp"

using namespace plume::literals;
using plume::AsyncSpan;
using plume::ContextScope;
using plume::current_context;
using plume::SpanContext;
using plume::SuppressScope;
using plume::test::on_a_thread;
using plume::test::recorded;

namespace {

/// As it came in a `traceparent`.
SpanContext remote(std::uint8_t flags = plume::trace_flags::sampled) {
    SpanContext context;
    context.trace_id = {0x4bf92f3577b34da6, 0xa3ce929d0e0e4736};
    context.span_id = {0x00f067aa0ba902b7};
    context.flags = flags;
    context.is_remote = true;
    return context;
}

bool same_ids(const SpanContext& context, const plume::RecordedSpan& span) {
    return context.trace_id == span.trace_id && context.span_id == span.span_id;
}

/// No trace that begins here is sampled, until the end of the scope.
class NothingSampled {
  public:
    NothingSampled() {
        plume::set_sampler(plume::Sampler::parent_based(plume::Sampler::always_off()));
    }
    ~NothingSampled() { plume::detail::runtime().sampling.store(nullptr); }
    NothingSampled(const NothingSampled&) = delete;
    NothingSampled& operator=(const NothingSampled&) = delete;
};

} // namespace

// The current context.

TEST_CASE("the current context is that of the innermost span") {
    SpanContext outside, outer, inner, outer_again, outside_again;
    const auto seen = recorded([&] {
        outside = current_context();
        {
            PLUME_SPAN("outer");
            outer = current_context();
            {
                PLUME_SPAN("inner");
                inner = current_context();
            }
            outer_again = current_context();
        }
        outside_again = current_context();
    });
    CHECK_FALSE(outside.valid());
    CHECK(same_ids(outer, seen["outer"]));
    CHECK(same_ids(inner, seen["inner"]));
    CHECK(outer_again == outer);
    CHECK(outside_again == outside);
    CHECK(inner.flags == (plume::trace_flags::sampled | plume::trace_flags::random));
}

TEST_CASE("without a session there is no current context, and none is made") {
    PLUME_SPAN("nobody sees this");
    CHECK_FALSE(current_context().valid());
}

// ContextScope.

TEST_CASE("a context from another service is the parent of what begins here") {
    const auto seen = recorded([] {
        const ContextScope scope{remote()};
        PLUME_SPAN("handler");
        PLUME_SPAN("below");
    });
    CHECK(seen["handler"].trace_id == remote().trace_id);
    CHECK(seen["handler"].parent_span_id == remote().span_id);
    CHECK(seen["handler"].parent_is_remote);
    CHECK(seen["handler"].flags == plume::trace_flags::sampled);
    CHECK(seen["below"].parent_span_id == seen["handler"].span_id);
    CHECK_FALSE(seen["below"].parent_is_remote);
    CHECK(seen["below"].flags == plume::trace_flags::sampled);
}

TEST_CASE("only what has its parent in another process is a local root, and what has none") {
    const auto seen = recorded([] {
        {
            const ContextScope scope{remote()};
            PLUME_SPAN("remote parent");
            const AsyncSpan child{"child"_name};
        }
        PLUME_SPAN("no parent");
        const ContextScope scope{current_context()};
        PLUME_SPAN("local parent");
    });
    CHECK(seen["remote parent"].parent_is_remote);
    CHECK_FALSE(seen["child"].parent_is_remote);
    CHECK(seen["child"].parent_span_id == seen["remote parent"].span_id);
    CHECK_FALSE(seen["no parent"].parent_is_remote);
    CHECK_FALSE(seen["local parent"].parent_is_remote);
    CHECK(seen["local parent"].parent_span_id == seen["no parent"].span_id);
}

TEST_CASE("every root in a scope is a child of its context") {
    const auto seen = recorded([] {
        const ContextScope scope{remote()};
        { PLUME_SPAN("first"); }
        { PLUME_SPAN("second"); }
    });
    CHECK(seen["first"].parent_span_id == remote().span_id);
    CHECK(seen["second"].parent_span_id == remote().span_id);
    CHECK(seen["first"].span_id != seen["second"].span_id);
}

TEST_CASE("what a scope has put aside goes on after it") {
    SpanContext before, after;
    const auto seen = recorded([&] {
        PLUME_SPAN("outer");
        before = current_context();
        {
            const ContextScope scope{remote()};
            PLUME_SPAN("inside");
        }
        after = current_context();
        PLUME_SPAN("child");
    });
    CHECK(before == after);
    CHECK(seen["child"].parent_span_id == seen["outer"].span_id);
    CHECK(seen["child"].trace_id == seen["outer"].trace_id);
    CHECK(seen["inside"].trace_id == remote().trace_id);
}

TEST_CASE("scopes may be nested") {
    SpanContext second = remote();
    second.trace_id = {7, 8};
    second.span_id = {9};
    const auto seen = recorded([&] {
        const ContextScope outer{remote()};
        PLUME_SPAN("outer");
        {
            const ContextScope inner{second};
            { PLUME_SPAN("inner"); }
            {
                const ContextScope innermost{remote()};
                PLUME_SPAN("innermost");
            }
            PLUME_SPAN("inner again");
        }
        PLUME_SPAN("outer again");
    });
    CHECK(seen["inner"].parent_span_id == plume::SpanId{9});
    CHECK(seen["innermost"].parent_span_id == remote().span_id);
    CHECK(seen["inner again"].parent_span_id == plume::SpanId{9});
    CHECK(seen["outer again"].parent_span_id == seen["outer"].span_id);
}

TEST_CASE("a scope of an invalid context means that there is no parent") {
    const auto seen = recorded([] {
        PLUME_SPAN("outer");
        const ContextScope scope{SpanContext{}};
        CHECK_FALSE(current_context().valid());
        PLUME_SPAN("a trace of its own");
    });
    CHECK_FALSE(seen["a trace of its own"].parent_span_id.valid());
    CHECK(seen["a trace of its own"].trace_id != seen["outer"].trace_id);
}

TEST_CASE("a guard outside knows its ids inside a scope, too") {
    const auto seen = recorded([] {
        PLUME_SPAN_AS(outer, "outer");
        const SpanContext before = outer.context();
        const ContextScope scope{remote()};
        CHECK(outer.context() == before);
        PLUME_SPAN_AS(inner, "inner");
        CHECK(outer.context() == before);
        CHECK(inner.context().trace_id == remote().trace_id);
        const ContextScope another{SpanContext{}};
        PLUME_SPAN("innermost");
        CHECK(outer.context() == before);
        CHECK(inner.context().trace_id == remote().trace_id);
    });
    CHECK(seen.spans.size() == 3);
}

TEST_CASE("a guard outside can speak about its span inside a scope") {
    const auto seen = recorded([] {
        PLUME_SPAN_AS(outer, "outer");
        const ContextScope scope{remote()};
        PLUME_SPAN("inner");
        outer.set("key"_a = 1);
    });
    CHECK(seen["outer"].text("key") == "1");
    CHECK(seen["inner"].attributes.empty());
}

TEST_CASE("the trace state of a context is handed down to all below") {
    const std::string state = "vendor=value,other=1";
    SpanContext context = remote();
    context.trace_state = state;
    std::string passed;
    const auto seen = recorded([&] {
        {
            const ContextScope scope{context};
            PLUME_SPAN("handler");
            PLUME_SPAN("below");
            passed = current_context().trace_state;
            const AsyncSpan async{"async"_name};
        }
        PLUME_SPAN("after");
    });
    CHECK(passed == state);
    CHECK(seen["handler"].trace_state == state);
    CHECK(seen["below"].trace_state == state);
    CHECK(seen["async"].trace_state == state);
    CHECK(seen["after"].trace_state.empty());
}

TEST_CASE(
    "a trace state of more than 512 bytes is cut in what is exported, not in what travels on") {
    const std::string state(600, 's');
    SpanContext context = remote();
    context.trace_state = state;
    std::size_t passed = 0;
    const auto seen = recorded([&] {
        const ContextScope scope{context};
        PLUME_SPAN("handler");
        passed = current_context().trace_state.size();
    });
    CHECK(seen["handler"].trace_state == std::string(512, 's'));
    CHECK(passed == 600);
}

TEST_CASE("work on another thread is a child of the span that ordered it") {
    const auto seen = recorded([] {
        PLUME_SPAN("order");
        const SpanContext context = current_context();
        std::vector<std::thread> workers;
        for (int i = 0; i < 3; ++i)
            workers.emplace_back([context] {
                const ContextScope scope{context};
                PLUME_SPAN("work");
                PLUME_SPAN("step");
            });
        for (auto& worker : workers) worker.join();
    });
    CHECK(seen.tree() == "order\n"
                         "  work\n    step\n"
                         "  work\n    step\n"
                         "  work\n    step\n");
}

TEST_CASE("without a session a context passes through a scope unchanged") {
    const std::string state = "vendor=value";
    SpanContext context = remote(0x05);
    context.trace_state = state;
    const ContextScope scope{context};
    PLUME_SPAN("nobody sees this");
    CHECK(current_context() == context);
    AsyncSpan async{"nor this"_name};
    CHECK(async.context() == context);
    CHECK_FALSE(async.recording());
    {
        const ContextScope inner{async.context()};
        CHECK(current_context() == context);
        const ContextScope none{SpanContext{}};
        CHECK_FALSE(current_context().valid());
    }
    CHECK(current_context() == context);
}

TEST_CASE("a scope may stay while a session begins and ends") {
    const ContextScope scope{remote()};
    const auto seen = recorded([] { PLUME_SPAN("handler"); });
    CHECK(seen["handler"].parent_span_id == remote().span_id);
    CHECK(current_context() == remote());
}

TEST_CASE("a scope that ends after the one around it has nothing left to undo") {
    SpanContext second = remote();
    second.span_id = {9};
    const auto seen = recorded([&] {
        PLUME_SPAN("root");
        const SpanContext root = current_context();
        std::optional<ContextScope> outer{std::in_place, remote()};
        std::optional<ContextScope> inner{std::in_place, second};
        outer.reset();
        CHECK(current_context() == root);
        inner.reset();
        CHECK(current_context() == root);
        PLUME_SPAN("child");
    });
    CHECK(seen["child"].parent_span_id == seen["root"].span_id);
}

// Not sampled.

TEST_CASE("a context that is not sampled hands that decision on, and nothing is recorded") {
    SpanContext within;
    const auto seen = recorded([&] {
        const ContextScope scope{remote(0)};
        CHECK(current_context() == remote(0));
        PLUME_SPAN_AS(span, "handler");
        CHECK_FALSE(span.recording());
        CHECK_FALSE(span.context().valid());
        PLUME_SPAN("below");
        PLUME_EVENT("lost");
        within = current_context();
    });
    CHECK(seen.spans.empty());
    CHECK(seen.stats.begun == 0);
    CHECK(within.valid());
    CHECK(within.trace_id == remote().trace_id);
    CHECK_FALSE(within.sampled());
}

TEST_CASE("a trace that was decided against passes that on, until its root ends") {
    SpanContext within, below, after;
    const auto seen = recorded([&] {
        {
            std::optional<NothingSampled> nothing{std::in_place};
            PLUME_SPAN("root");
            nothing.reset();
            within = current_context();
            PLUME_SPAN("child");
            below = current_context();
        }
        after = current_context();
        PLUME_SPAN("next");
    });
    CHECK(seen.tree() == "next\n");
    CHECK(within.valid());
    CHECK_FALSE(within.sampled());
    CHECK((within.flags & plume::trace_flags::random) != 0);
    CHECK(below == within);
    CHECK_FALSE(after.valid());
    CHECK(seen["next"].trace_id != within.trace_id);
}

TEST_CASE("a scope inside a trace that is not recorded has a decision of its own") {
    const auto seen = recorded([] {
        std::optional<NothingSampled> nothing{std::in_place};
        PLUME_SPAN("not recorded");
        nothing.reset();
        const SpanContext before = current_context();
        {
            const ContextScope scope{remote()};
            PLUME_SPAN("recorded");
        }
        CHECK(current_context() == before);
        PLUME_SPAN("not recorded either");
    });
    CHECK(seen.tree() == "recorded\n");
}

TEST_CASE("a trace that is not recorded may end inside a scope, and the next one is recorded") {
    const auto seen = recorded([] {
        std::optional<NothingSampled> nothing{std::in_place};
        std::optional<plume::Span> root{std::in_place, "not recorded"_name};
        nothing.reset();
        {
            const ContextScope scope{remote()};
            root.reset();
            PLUME_SPAN("inside");
        }
        PLUME_SPAN("after");
    });
    CHECK(seen["inside"].parent_span_id == remote().span_id);
    CHECK_FALSE(seen["after"].parent_span_id.valid());
}

TEST_CASE("an unsampled span of a scope that ends after it does not unmute the trace outside") {
    const auto seen = recorded([] {
        const NothingSampled nothing;
        PLUME_SPAN("not recorded");
        std::optional<plume::Span> inner;
        {
            const ContextScope scope{remote(0)};
            inner.emplace("nor this"_name);
        }
        inner.reset();
        plume::detail::runtime().sampling.store(nullptr);
        PLUME_SPAN("child of the first");
    });
    CHECK(seen.spans.empty());
}

TEST_CASE("an unsampled span that is ended on another thread unmutes nothing there") {
    const auto seen = recorded([] {
        std::optional<NothingSampled> nothing{std::in_place};
        std::optional<plume::Span> span;
        on_a_thread([&] {
            PLUME_SPAN("not recorded");
            std::optional<plume::Span> elsewhere;
            on_a_thread([&] { span.emplace("nor this"_name); });
            nothing.reset();
            span.reset();
            PLUME_SPAN("child of the first");
        });
    });
    CHECK(seen.spans.empty());
}

// SuppressScope.

TEST_CASE("nothing is traced in a suppressed scope") {
    const auto seen = recorded([] {
        PLUME_SPAN("outer");
        {
            const SuppressScope quiet;
            CHECK_FALSE(current_context().valid());
            PLUME_SPAN_AS(span, "unseen");
            CHECK_FALSE(span.recording());
            PLUME_EVENT("unseen");
            plume::set("unseen"_a = 1);
            const AsyncSpan async{"unseen"_name};
            CHECK_FALSE(async.recording());
            const AsyncSpan with_parent{"unseen"_name, remote()};
            const ContextScope scope{remote()};
            PLUME_SPAN("unseen, with a parent");
            const SuppressScope quieter;
            PLUME_SPAN("unseen");
        }
        PLUME_SPAN("seen");
    });
    CHECK(seen.tree_with_attributes() == "outer\n"
                                         "  seen\n");
    CHECK(seen.stats.begun == 2);
    CHECK(seen["outer"].events.empty());
}

// AsyncSpan.

TEST_CASE("an async span is a child of what is current where it begins") {
    const auto seen = recorded([] {
        PLUME_SPAN("outer");
        const AsyncSpan span{"async"_name, plume::client, "id"_a = 17, "text"_a = "seventeen"};
        CHECK(span.recording());
    });
    CHECK(seen.tree_with_attributes() == "outer\n"
                                         "  async {id=17, text=seventeen}\n");
    CHECK(seen["async"].kind == plume::SpanKind::client);
    CHECK(seen["async"].trace_id == seen["outer"].trace_id);
}

TEST_CASE("an async span is nobody's parent by itself") {
    const auto seen = recorded([] {
        PLUME_SPAN("outer");
        const AsyncSpan span{"async"_name};
        PLUME_SPAN("inner");
    });
    CHECK(seen["inner"].parent_span_id == seen["outer"].span_id);
}

TEST_CASE("an async span without a parent begins a trace") {
    SpanContext context;
    const auto seen = recorded([&] {
        PLUME_SPAN("outer");
        const AsyncSpan span{"async"_name, SpanContext{}};
        context = span.context();
    });
    CHECK_FALSE(seen["async"].parent_span_id.valid());
    CHECK(seen["async"].trace_id != seen["outer"].trace_id);
    CHECK(same_ids(context, seen["async"]));
    CHECK(context.flags == seen["async"].flags);
}

TEST_CASE("an async span with a remote parent is a local root, and its context is local") {
    const auto seen = recorded([] {
        const AsyncSpan span{"async"_name, remote()};
        CHECK_FALSE(span.context().is_remote);
        const ContextScope scope{span.context()};
        PLUME_SPAN("child");
    });
    CHECK(seen["async"].parent_is_remote);
    CHECK(seen["async"].parent_span_id == remote().span_id);
    CHECK(seen["child"].parent_span_id == seen["async"].span_id);
    CHECK_FALSE(seen["child"].parent_is_remote);
}

TEST_CASE("an async span ends once, however often it is moved") {
    const auto seen = recorded([] {
        AsyncSpan first{"first"_name};
        const SpanContext context = first.context();
        AsyncSpan second{std::move(first)};
        CHECK_FALSE(first.recording());
        CHECK_FALSE(first.context().valid());
        CHECK(second.context() == context);
        AsyncSpan third;
        CHECK_FALSE(third.recording());
        third = std::move(second);
        AsyncSpan& itself = third;
        third = std::move(itself);
        CHECK(third.recording());
        third.set("moved"_a = true);
    });
    CHECK(seen.tree_with_attributes() == "first {moved=true}\n");
}

TEST_CASE("an async span that is assigned to ends what it was before") {
    const auto seen = recorded([] {
        AsyncSpan span{"first"_name};
        span = AsyncSpan{"second"_name};
        CHECK(span.recording());
    });
    CHECK(seen.tree() == "first\nsecond\n");
    CHECK(seen["first"].end_unix_ns <= seen["second"].end_unix_ns);
}

TEST_CASE("the context of an async span is valid after its end") {
    const auto seen = recorded([] {
        AsyncSpan span{"async"_name};
        span.end();
        CHECK_FALSE(span.recording());
        span.set("late"_a = 1);
        span.end();
        const ContextScope scope{span.context()};
        PLUME_SPAN("child");
    });
    CHECK(seen.tree_with_attributes() == "async\n"
                                         "  child\n");
}

TEST_CASE("an async span may end on another thread, and be spoken about from any") {
    const auto seen = recorded([] {
        AsyncSpan span{"async"_name};
        span.set("here"_a = 1);
        span.event("here"_name);
        on_a_thread([&span] {
            span.set("there"_a = 2);
            span.event("there"_name, "n"_a = 1);
        });
        span.set("again"_a = 3);
        on_a_thread([&span] {
            AsyncSpan moved{std::move(span)};
            moved.set_error("failed");
        });
    });
    CHECK(seen.tree_with_attributes() == "async ! {again=3, here=1, there=2}\n");
    REQUIRE(seen["async"].events.size() == 2);
    CHECK(seen["async"].events[0].name == "here");
    CHECK(seen["async"].events[1].name == "there");
    CHECK(seen["async"].status_message == "failed");
}

TEST_CASE("an async span may be renamed and discarded from another thread") {
    const auto seen = recorded([] {
        AsyncSpan renamed{"renamed"_name};
        AsyncSpan discarded{"discarded"_name};
        on_a_thread([&] {
            renamed.rename(plume::Name{"a new name"});
            discarded.discard();
        });
    });
    CHECK(seen.tree() == "a new name\n");
    CHECK(seen.dropped()[plume::DropReason::discarded] == 1);
}

TEST_CASE("an async span has children on several threads at once") {
    const auto seen = recorded([] {
        AsyncSpan span{"request"_name};
        std::vector<std::thread> workers;
        for (int i = 0; i < 3; ++i)
            workers.emplace_back([&span] {
                const ContextScope scope{span.context()};
                PLUME_SPAN("work");
            });
        for (auto& worker : workers) worker.join();
    });
    CHECK(seen.tree() == "request\n"
                         "  work\n"
                         "  work\n"
                         "  work\n");
}

TEST_CASE("an async span below one that is not sampled is not recorded and passes that on") {
    const auto seen = recorded([] {
        const AsyncSpan span{"async"_name, remote(0)};
        CHECK_FALSE(span.recording());
        CHECK(span.context().trace_id == remote().trace_id);
        CHECK(span.context().valid());
        CHECK_FALSE(span.context().sampled());
        const ContextScope scope{span.context()};
        PLUME_SPAN("child");
    });
    CHECK(seen.spans.empty());
}

TEST_CASE("an async span with a parent of its own does not care what the thread does") {
    const auto seen = recorded([] {
        std::optional<NothingSampled> nothing{std::in_place};
        PLUME_SPAN("not recorded");
        nothing.reset();
        const AsyncSpan below{"not recorded either"_name};
        CHECK_FALSE(below.context().sampled());
        const AsyncSpan elsewhere{"elsewhere"_name, remote()};
        CHECK(elsewhere.recording());
        const AsyncSpan root{"root"_name, SpanContext{}};
        CHECK(root.recording());
    });
    CHECK(seen.tree() == "elsewhere\nroot\n");
}

TEST_CASE("a function that hands an async span on may end before the span") {
    std::vector<AsyncSpan> in_flight;
    const auto seen = recorded([&] {
        for (int i = 0; i < 5; ++i) {
            PLUME_SPAN("accept", "i"_a = i);
            in_flight.emplace_back("request"_name, "i"_a = i);
        }
        in_flight.clear();
    });
    CHECK(seen.tree_with_attributes() == "accept {i=0}\n  request {i=0}\n"
                                         "accept {i=1}\n  request {i=1}\n"
                                         "accept {i=2}\n  request {i=2}\n"
                                         "accept {i=3}\n  request {i=3}\n"
                                         "accept {i=4}\n  request {i=4}\n");
}

TEST_CASE("the ends of async spans take no room that other spans were promised") {
    const auto seen = recorded([] {
        plume::test::on_a_new_ring([] {
            for (int i = 0; i < 100'000; ++i) {
                const AsyncSpan span{"async"_name};
                plume::detail::Lane& lane = *plume::detail::find_lane();
                const std::uint64_t promised = lane.grant_end - lane.head.load() - lane.free_room();
                if (promised != 0)
                    FAIL("after " << i << " spans " << promised << " B are promised");
            }
        });
    });
    CHECK(seen.stats.begun == 100'000);
}

// Baggage: a view that goes with the context, whatever else the context is.

TEST_CASE("baggage is in force wherever the scope that brought it is") {
    SpanContext with_ids = remote();
    with_ids.baggage = "tenant=acme";
    SpanContext bare;
    bare.baggage = "tenant=none";
    std::vector<std::string> seen; // a span takes its texts with it
    recorded([&] {
        const ContextScope outer{with_ids};
        seen.emplace_back(current_context().baggage);
        PLUME_SPAN_AS(work, "work");
        seen.emplace_back(current_context().baggage);
        {
            const ContextScope inner{bare};
            seen.emplace_back(current_context().baggage);
            PLUME_SPAN("root");
            seen.emplace_back(current_context().baggage);
            seen.emplace_back(work.context().baggage);
            const AsyncSpan async{"async"_name};
            seen.emplace_back(async.context().baggage);
            const AsyncSpan root{"another root"_name, bare};
            seen.emplace_back(root.context().baggage);
        }
        seen.emplace_back(current_context().baggage);
    });
    CHECK(seen == std::vector<std::string>{"tenant=acme", "tenant=acme", "tenant=none",
                                           "tenant=none", "tenant=acme", "tenant=none",
                                           "tenant=none", "tenant=acme"});
}

TEST_CASE("an unsampled trace passes baggage on") {
    const NothingSampled nothing;
    std::string_view seen;
    recorded([&] {
        SpanContext bare;
        bare.baggage = "tenant=acme";
        const ContextScope scope{bare};
        PLUME_SPAN("unsampled");
        seen = current_context().baggage;
    });
    CHECK(seen == "tenant=acme");
}
