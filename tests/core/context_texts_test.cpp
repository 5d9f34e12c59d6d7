// Contexts outlive what they came from: whose texts they carry then.
#include <plume/context.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <plume/bind_context.hpp>
#include <plume/propagation/baggage.hpp>

#include "support/catch.hpp"
#include "support/recorded.hpp"

using namespace plume::literals;
using plume::AsyncSpan;
using plume::BaggageScope;
using plume::ContextScope;
using plume::current_context;
using plume::SpanContext;
using plume::SuppressScope;
using plume::test::on_a_thread;
using plume::test::recorded;

namespace {

/// Every trace, however it came, with a threshold in its trace state.
plume::Options everything_by_ratio() {
    plume::Options options;
    options.service_name = "test";
    options.sampler = plume::Sampler::ratio(1.0);
    return options;
}

SpanContext remote(std::uint64_t trace, std::string_view state, std::string_view baggage = {}) {
    return {{1, trace}, {3}, plume::trace_flags::sampled, true, state, baggage};
}

/// The scopes that the thread is in, as far as its lane knows.
std::size_t scopes_on_this_thread() {
    std::size_t count = 0;
    for (const auto* level = plume::detail::own_lane()->outside; level; level = level->next)
        ++count;
    return count;
}

} // namespace

TEST_CASE("requests of one thread each keep the trace state that a sampler has made for them") {
    recorded(everything_by_ratio(), [] {
        const AsyncSpan first{"first"_name, remote(1, "a=of the first")};
        const AsyncSpan second{"second"_name, remote(2, "b=2")};
        CHECK(first.context().trace_state == "ot=th:0,a=of the first");
        CHECK(second.context().trace_state == "ot=th:0,b=2");
        const ContextScope in_third{remote(3, "c=of the third")};
        PLUME_SPAN("third");
        const AsyncSpan fourth{"fourth"_name, remote(4, "d=4")};
        CHECK(current_context().trace_state == "ot=th:0,c=of the third");
        {
            const ContextScope in_fifth{remote(5, "e=5")};
            PLUME_SPAN("fifth");
            CHECK(current_context().trace_state == "ot=th:0,e=5");
        }
        CHECK(current_context().trace_state == "ot=th:0,c=of the third");
        CHECK(first.context().trace_state == "ot=th:0,a=of the first");
        CHECK(fourth.context().trace_state == "ot=th:0,d=4");
    });
}

TEST_CASE("what is made in a request keeps its texts after the request is gone") {
    recorded(GENERATE(false, true) ? everything_by_ratio() : plume::Options{}, [] {
        std::optional<AsyncSpan> by_default, by_parent;
        std::optional<plume::Bound<SpanContext (*)() noexcept>> bound;
        {
            auto state = std::make_unique<std::string>("vendor=" + std::string(60, 's'));
            auto baggage = std::make_unique<std::string>("tenant=" + std::string(60, 'b'));
            const ContextScope scope{remote(1, *state, *baggage)};
            PLUME_SPAN("request");
            by_default.emplace("by default"_name);
            by_parent.emplace("by parent"_name, remote(1, *state, *baggage));
            bound.emplace(plume::bind_context(&current_context));
        }
        for (const SpanContext& context :
             {by_default->context(), by_parent->context(), bound->context()}) {
            CHECK(context.trace_state.ends_with("vendor=" + std::string(60, 's')));
            CHECK(context.baggage == "tenant=" + std::string(60, 'b'));
        }
    });
}

TEST_CASE("an async span takes its texts along when it is moved, and keeps them after its end") {
    recorded([] {
        AsyncSpan first;
        {
            const std::string state(100, 's');
            AsyncSpan made{"first"_name, remote(1, "v=" + state)};
            first = std::move(made);
        }
        const SpanContext context = first.context();
        AsyncSpan second{std::move(first)};
        second.end();
        CHECK(second.context() == context);
        CHECK(context.trace_state == "v=" + std::string(100, 's'));
        second = AsyncSpan{"second"_name};
        CHECK(second.context().trace_state.empty());
    });
}

TEST_CASE("without a session an async span keeps the texts that pass through it") {
    std::optional<AsyncSpan> span;
    {
        const std::string state(100, 's');
        span.emplace("nobody sees this"_name, remote(1, state, state));
    }
    CHECK(span->context() == remote(1, std::string(100, 's'), std::string(100, 's')));
}

TEST_CASE("a sampler keeps all of a long trace state, and at most 32 members") {
    std::string members, most;
    for (int i = 0; i < 32; ++i) {
        const std::string member = "k" + std::to_string(i) + "=" + std::string(200, 'v');
        members += (i == 0 ? "" : ",") + member;
        if (i < 31) most += "," + member;
    }
    recorded(everything_by_ratio(), [&] {
        const AsyncSpan span{"span"_name, remote(1, members, "k=v")};
        CHECK(span.context().trace_state == "ot=th:0" + most);
        CHECK(span.context().baggage == "k=v");
    });
}

TEST_CASE("a root keeps its trace state after the scope that brought it") {
    std::optional<plume::Span> root;
    recorded([&] {
        std::optional<ContextScope> around{std::in_place, remote(1, "v=1")};
        {
            const BaggageScope baggage{plume::Baggage::parse("k=v")};
            root.emplace("root"_name);
        }
        CHECK(current_context().trace_state == "v=1");
        CHECK(current_context().baggage.empty());
        root.reset();
    });
}

// Scopes that end where they did not begin.

TEST_CASE("a scope that ends on another thread is undone by its own before its next root") {
    const auto seen = recorded([&] {
        PLUME_SPAN("loop");
        const SpanContext before = current_context();
        {
            const std::string state(100, 's');
            auto scope = std::make_unique<ContextScope>(remote(1, state));
            { PLUME_SPAN("in the scope"); }
            on_a_thread([&scope] { scope.reset(); });
        }
        CHECK(current_context() == before);
        PLUME_SPAN("later");
    });
    CHECK(seen["in the scope"].trace_id == plume::TraceId{1, 1});
    CHECK(seen["later"].parent_span_id == seen["loop"].span_id);
    CHECK_FALSE(seen.scope_reports.empty());
}

TEST_CASE("a scope that ends on another thread while something is open in it leaves that alone") {
    const auto seen = recorded([] {
        const ContextScope around{remote(1, "around=1")};
        {
            auto inner = std::make_unique<ContextScope>(remote(2, "inner=1"));
            PLUME_SPAN("open");
            on_a_thread([&inner] { inner.reset(); });
            { const ContextScope another{remote(3, {})}; }
            PLUME_SPAN("below");
            CHECK(current_context().trace_state == "inner=1");
        }
        CHECK(scopes_on_this_thread() == 1);
    });
    CHECK(seen["below"].parent_span_id == seen["open"].span_id);
    CHECK_FALSE(current_context().valid());
}

TEST_CASE("a scope around one that has ended on another thread gives back what was before") {
    const auto seen = recorded([] {
        std::unique_ptr<ContextScope> inner;
        {
            const ContextScope around{remote(1, "around=1")};
            inner = std::make_unique<ContextScope>(remote(2, "inner=1"));
            on_a_thread([&inner] { inner.reset(); });
        }
        CHECK_FALSE(current_context().valid());
        PLUME_SPAN("later");
    });
    CHECK_FALSE(seen["later"].parent_span_id.valid());
}

TEST_CASE("a thread whose suppressed scope has ended on another thread records again") {
    const auto seen = recorded([] {
        auto quiet = std::make_unique<SuppressScope>();
        { PLUME_SPAN("unseen"); }
        on_a_thread([&quiet] { quiet.reset(); });
        PLUME_SPAN("seen");
    });
    CHECK(seen.tree() == "seen\n");
}

TEST_CASE("a scope may end after its thread, whose lane another thread has") {
    recorded([] {
        std::unique_ptr<ContextScope> scope;
        std::unique_ptr<BaggageScope> baggage;
        on_a_thread([&] {
            scope = std::make_unique<ContextScope>(remote(1, "v=1"));
            baggage = std::make_unique<BaggageScope>(plume::Baggage::parse("k=v"));
        });
        on_a_thread([&] {
            const ContextScope own{remote(2, "w=2")};
            baggage.reset();
            scope.reset();
            CHECK(current_context() == remote(2, "w=2"));
        });
        CHECK_FALSE(current_context().valid());
    });
}

TEST_CASE("scopes that end on another thread do not pile up on their own") {
    recorded([] {
        const ContextScope around{remote(1, {})};
        for (int i = 0; i < 10; ++i) {
            std::unique_ptr<ContextScope> lost[2];
            std::optional<plume::Span> span;
            for (auto& scope : lost) scope = std::make_unique<ContextScope>(remote(2, "v=1"));
            if (i % 2 == 0) span.emplace("open"_name);
            on_a_thread([&] {
                for (auto& scope : lost) scope.reset();
                span.reset();
            });
        }
        CHECK(scopes_on_this_thread() <= 3);
    });
}

// Baggage.

TEST_CASE("baggage that ends out of order, or on another thread, leaves no dead text behind") {
    on_a_thread([] { // which may keep the outer one
        std::optional<BaggageScope> outer{std::in_place, plume::Baggage::parse("k=1")};
        std::optional<BaggageScope> inner{std::in_place, plume::Baggage::parse("l=2")};
        outer.reset();
        CHECK(current_context().baggage == "l=2");
        inner.reset();
        const std::string after{current_context().baggage};
        CHECK((after.empty() || after == "k=1"));
    });
    on_a_thread([] {
        auto scope = std::make_unique<BaggageScope>(plume::Baggage::parse("k=1"));
        on_a_thread([&scope] { scope.reset(); });
        CHECK(current_context().baggage == "k=1");
    });
}

// Exceptions.

TEST_CASE("an exception in flight on the thread where a guard ends is not one of its scope") {
    const auto end_while_unwinding = [](std::unique_ptr<plume::Span>& guard) {
        struct Ends {
            std::unique_ptr<plume::Span>& guard;
            ~Ends() { guard.reset(); }
        };
        try {
            const Ends ends{guard};
            throw 1;
        } catch (int) {}
    };
    const auto seen = recorded([&] {
        on_a_thread([&] { // which goes on below the guard's span
            auto guard = std::make_unique<plume::Span>("guard"_name);
            on_a_thread([&] { end_while_unwinding(guard); });
        });
    });
    CHECK(seen["guard"].status == plume::StatusCode::unset);
    CHECK(seen["guard"].events.empty());
}
