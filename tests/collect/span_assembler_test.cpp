#include <plume/collect/span_assembler.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/hand_drained.hpp"
#include "support/recorded.hpp"

using namespace plume::literals;
using plume::AsyncSpan;
using plume::ContextScope;
using plume::current_context;
using plume::RecordedSpan;
using plume::Span;
using plume::SpanContext;
using plume::test::Crew;
using plume::test::HandDrained;
using plume::test::recorded;

namespace {

using Random = std::mt19937_64;

std::size_t below(Random& random, std::size_t bound) { return random() % bound; }

} // namespace

// Ends in another order.

TEST_CASE("a thread comes back to its span though a scope in between has ended elsewhere") {
    HandDrained drained;
    Crew crew{1};
    Span outermost{"outermost"_name};
    auto outer = std::make_unique<ContextScope>(SpanContext{{1, 2}, {3}, 1, true});
    Span between{"between"_name};
    auto inner = std::make_unique<ContextScope>(SpanContext{{4, 5}, {6}, 1, true});
    Span innermost{"innermost"_name};
    crew.run(0, [&] { inner.reset(); });
    { const ContextScope notices{SpanContext{}}; }
    SECTION("with its span") {}
    SECTION("without") { innermost.end(); }
    outer.reset();
    CHECK(current_context().span_id == outermost.context().span_id);
    { PLUME_SPAN("back"); }
    const auto spans = drained.spans();
    const auto back = std::ranges::find(spans, "back", &RecordedSpan::name);
    REQUIRE(back != spans.end());
    CHECK(back->parent_span_id == outermost.context().span_id);
    CHECK(back->trace_id == outermost.context().trace_id);
}

TEST_CASE("a span that ends before those above it takes them off the stack") {
    const auto seen = recorded([] {
        PLUME_SPAN("root");
        std::optional<Span> first{std::in_place, "first"_name};
        std::optional<Span> second{std::in_place, "second"_name};
        std::optional<Span> third{std::in_place, "third"_name};
        first.reset();
        { PLUME_SPAN("child of root"); }
        third.reset();
        { PLUME_SPAN("another one"); }
        second.reset();
        PLUME_SPAN("the last one");
    });
    CHECK(seen.tree() == "root\n"
                         "  first\n"
                         "    second\n"
                         "      third\n"
                         "  child of root\n"
                         "  another one\n"
                         "  the last one\n");
    CHECK(seen.stats.open == 0);
}

TEST_CASE("a root that ends before its child leaves the child in its trace, and ends that trace") {
    const auto seen = recorded([] {
        std::optional<Span> root{std::in_place, "root"_name};
        std::optional<Span> child{std::in_place, "child"_name};
        root.reset();
        CHECK_FALSE(current_context().valid());
        { PLUME_SPAN("next root"); }
        child->set("late"_a = true);
        child.reset();
        PLUME_SPAN("the one after");
    });
    CHECK(seen.tree_with_attributes() == "root\n"
                                         "  child {late=true}\n"
                                         "next root\n"
                                         "the one after\n");
    CHECK(seen["child"].end_unix_ns >= seen["next root"].end_unix_ns);
}

TEST_CASE("however many spans were left above others, none of them comes back to the stack") {
    HandDrained drained;
    const auto make = [](auto name) { return std::make_unique<Span>(name); };
    std::vector<std::unique_ptr<Span>> open, left;
    for (int i = 0; i < 100; ++i) {
        open.push_back(make("open"_name));
        auto below_left = make("below left"_name);
        left.push_back(make("left"_name));
        below_left->end();
    }
    for (auto& span : left) {
        span->end();
        REQUIRE(current_context().span_id == open.back()->context().span_id);
    }
    while (!open.empty()) open.pop_back();
    const auto spans = drained.spans();
    REQUIRE(spans.size() == 300);
    for (const RecordedSpan& span : spans) CHECK(span.trace_id == spans[0].trace_id);
}

TEST_CASE("a guard whose place on the stack is gone has no context to hand out") {
    const auto seen = recorded([] {
        std::optional<Span> root{std::in_place, "root"_name};
        std::optional<Span> child{std::in_place, "child"_name};
        root.reset();
        CHECK_FALSE(child->context().valid());
        PLUME_SPAN("next root");
        CHECK_FALSE(child->context().valid());
    });
    CHECK(seen.spans.size() == 3);
}

TEST_CASE("an async span that ends is not the end of the spans that began after it") {
    const auto seen = recorded([] {
        PLUME_SPAN("root");
        AsyncSpan async{"async"_name};
        {
            PLUME_SPAN("inner");
            async.end();
            PLUME_SPAN("innermost");
        }
        PLUME_SPAN("second");
    });
    CHECK(seen.tree() == "root\n"
                         "  async\n"
                         "  inner\n"
                         "    innermost\n"
                         "  second\n");
}

TEST_CASE("a span that ends inside a context scope does not disturb the spans in there") {
    SpanContext elsewhere;
    const auto seen = recorded([&] {
        PLUME_SPAN_AS(root, "root");
        std::optional<Span> outer{std::in_place, "outer"_name};
        std::optional<Span> above{std::in_place, "above"_name};
        {
            const ContextScope scope{SpanContext{}};
            PLUME_SPAN("inside");
            elsewhere = current_context();
            outer.reset();
            CHECK(current_context() == elsewhere);
            PLUME_SPAN("below inside");
            above.reset();
            CHECK(root.context().valid());
        }
        CHECK(current_context().span_id == root.context().span_id);
        PLUME_SPAN("child of root");
    });
    CHECK(seen.tree() == "root\n"
                         "  outer\n"
                         "    above\n"
                         "  child of root\n"
                         "inside\n"
                         "  below inside\n");
}

TEST_CASE("a context scope that ends before spans that began in it takes them off the stack") {
    const auto seen = recorded([] {
        PLUME_SPAN("root");
        std::optional<Span> late, later;
        {
            const ContextScope scope{SpanContext{}};
            late.emplace("late"_name);
            later.emplace("later"_name);
        }
        PLUME_SPAN("child");
        late.reset();
        { PLUME_SPAN("grandchild"); }
        later.reset();
        PLUME_SPAN("another grandchild");
    });
    CHECK(seen.tree() == "root\n"
                         "  child\n"
                         "    grandchild\n"
                         "    another grandchild\n"
                         "late\n"
                         "  later\n");
}

namespace {

/// What a thread's stack of spans should be, said as simply as possible.
class Model {
  public:
    struct Place {
        SpanContext context;
        bool ended = false; ///< on another thread
    };
    /// A part of the stack, between two scopes.
    struct Level {
        SpanContext scope;
        std::vector<Place> spans;
    };

    [[nodiscard]] SpanContext current() const {
        const Level& level = levels_.back();
        return level.spans.empty() ? level.scope : level.spans.back().context;
    }
    void begin(const SpanContext& context) { levels_.back().spans.push_back({context}); }
    void end(plume::SpanId id) {
        for (Level& level : levels_) {
            const auto at = std::ranges::find(
                level.spans, id, [](const Place& place) { return place.context.span_id; });
            level.spans.erase(at, level.spans.end());
        }
        let_go();
    }
    void end_elsewhere(plume::SpanId id) {
        for (Level& level : levels_)
            for (Place& place : level.spans)
                if (place.context.span_id == id) place.ended = true;
        let_go();
    }
    void enter(const SpanContext& context) { levels_.push_back({context, {}}); }
    void leave(std::size_t depth) {
        levels_.resize(depth);
        let_go();
    }
    [[nodiscard]] std::size_t depth() const { return levels_.size(); }

  private:
    /// Roots that have ended elsewhere, and have nothing above them.
    void let_go() {
        for (Level& level : levels_)
            if (level.spans.size() == 1 && level.spans.front().ended) level.spans.clear();
    }

    std::vector<Level> levels_ = std::vector<Level>(1);
};

struct Expected {
    plume::SpanId parent;
    plume::TraceId trace;
};

/// One thread that begins and ends spans and scopes in any order, beside its model.
class Walk {
  public:
    explicit Walk(std::uint64_t seed) : random_{seed} {}

    void run(int steps, HandDrained& drained, Crew& crew) {
        for (int i = 0; i < steps; ++i) {
            step(crew);
            same_as_model();
            if (below(random_, 16) == 0) drained.pass();
        }
        // What is still open ends in any order, too.
        while (!guards_.empty() || !asyncs_.empty() || !scopes_.empty()) {
            if (!guards_.empty()) end_guard(below(random_, guards_.size()));
            if (!asyncs_.empty()) asyncs_.erase(asyncs_.begin());
            if (!scopes_.empty() && below(random_, 3) == 0) leave(below(random_, scopes_.size()));
            same_as_model();
        }
    }

    /// Whether each span was exported with the ids that were seen while it was recorded.
    [[nodiscard]] std::string compare(const std::vector<RecordedSpan>& spans) const {
        if (spans.size() != expected_.size())
            return std::to_string(spans.size()) + " spans instead of " +
                   std::to_string(expected_.size());
        for (const RecordedSpan& span : spans) {
            const auto found = expected_.find(span.span_id.value);
            if (found == expected_.end()) return "an unknown or second span";
            if (span.parent_span_id != found->second.parent) return "another parent";
            if (span.trace_id != found->second.trace) return "another trace";
            if (span.begin_unix_ns > span.end_unix_ns) return "a negative duration";
        }
        return {};
    }

  private:
    struct Guard {
        std::unique_ptr<Span> span;
        plume::SpanId id;
    };

    void step(Crew& crew) {
        switch (below(random_, 14)) {
        default: begin(); break;
        case 5:
        case 6:
        case 7:
            if (!guards_.empty()) end_guard(guards_.size() - 1);
            break;
        case 8:
            if (!guards_.empty()) end_guard(below(random_, guards_.size()));
            break;
        case 9: enter(); break;
        case 10:
            if (!scopes_.empty()) leave(scopes_.size() - 1);
            break;
        case 11:
            if (!scopes_.empty() && below(random_, 4) == 0) leave(below(random_, scopes_.size()));
            break;
        case 12:
            if (below(random_, 2) == 0) begin_async();
            else if (!asyncs_.empty())
                asyncs_.erase(asyncs_.begin() +
                              static_cast<std::ptrdiff_t>(below(random_, asyncs_.size())));
            break;
        case 13:
            if (!guards_.empty() && below(random_, 4) == 0) end_elsewhere(crew);
            break;
        }
    }

    void same_as_model() {
        const SpanContext is = current_context();
        const SpanContext should_be = model_.current();
        if (is.trace_id != should_be.trace_id || is.span_id != should_be.span_id)
            throw std::runtime_error{"the current context is another than the model's"};
    }

    void expect(const SpanContext& context, const SpanContext& parent) {
        if (!context.valid()) throw std::runtime_error{"a span without a context"};
        if (parent.valid() && parent.trace_id != context.trace_id)
            throw std::runtime_error{"a span of another trace than its parent"};
        if (!expected_
                 .emplace(
                     context.span_id.value,
                     Expected{parent.valid() ? parent.span_id : plume::SpanId{}, context.trace_id})
                 .second)
            throw std::runtime_error{"two spans with one id"};
    }
    void begin() {
        if (guards_.size() > 12) return end_guard(below(random_, guards_.size()));
        const SpanContext parent = model_.current();
        auto span = std::make_unique<Span>("span"_name);
        const SpanContext context = span->context();
        expect(context, parent);
        model_.begin(context);
        guards_.push_back({std::move(span), context.span_id});
    }
    void begin_async() {
        const SpanContext parent = model_.current();
        AsyncSpan span{"async"_name};
        expect(span.context(), parent);
        asyncs_.push_back(std::move(span));
    }
    void end_guard(std::size_t i) {
        guards_[i].span.reset();
        model_.end(guards_[i].id);
        guards_.erase(guards_.begin() + static_cast<std::ptrdiff_t>(i));
    }
    /// The span stays on its stack, unless it is a root.
    void end_elsewhere(Crew& crew) {
        const std::size_t i = below(random_, guards_.size());
        crew.run(0, [&] { guards_[i].span.reset(); });
        model_.end_elsewhere(guards_[i].id);
        guards_.erase(guards_.begin() + static_cast<std::ptrdiff_t>(i));
    }
    void enter() {
        SpanContext context;
        switch (below(random_, 4)) {
        case 0: break; // no parent
        case 1:
            if (!asyncs_.empty()) context = asyncs_[below(random_, asyncs_.size())].context();
            break;
        case 2: context = model_.current(); break;
        default:
            context.trace_id = {random_() | 1, random_()};
            context.span_id = {random_() | 1};
            context.flags = plume::trace_flags::sampled;
            context.is_remote = true;
        }
        scopes_.push_back({std::make_unique<ContextScope>(context), model_.depth()});
        model_.enter(context);
    }
    /// A scope that ends takes those inside with it; when they end themselves, nothing happens.
    void leave(std::size_t i) {
        model_.leave(scopes_[i].depth);
        for (auto scope = scopes_.begin() + static_cast<std::ptrdiff_t>(i); scope != scopes_.end();
             ++scope)
            scope->scope.reset();
        scopes_.resize(i);
    }

    struct Scope {
        std::unique_ptr<ContextScope> scope;
        std::size_t depth; ///< of the model, around it
    };

    Random random_;
    Model model_;
    std::vector<Guard> guards_;
    std::vector<AsyncSpan> asyncs_;
    std::vector<Scope> scopes_;
    std::map<std::uint64_t, Expected> expected_;
};

} // namespace

TEST_CASE(
    "in whatever order spans and scopes end, spans are exported with the ids that were seen") {
    Crew crew{1};
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        HandDrained drained;
        Walk walk{seed};
        INFO("seed " << seed);
        try { // on a thread of its own: what it leaves open is no other walk's
            plume::test::on_a_thread([&] { walk.run(200, drained, crew); });
        } catch (const std::runtime_error& error) {
            FAIL(error.what());
        }
        const auto& assembler = drained.assembler();
        const std::string difference = walk.compare(drained.spans());
        REQUIRE(difference == "");
        REQUIRE(assembler.begun() == assembler.ended());
    }
}

TEST_CASE("the memory of a deep stack is given back when it is not deep any more") {
    HandDrained drained;
    plume::test::on_a_thread([&] {
        std::deque<Span> deep;
        for (int i = 0; i < 2'000; ++i) deep.emplace_back("deep"_name);
        drained.pass();
        const auto& replay =
            *static_cast<plume::detail::Replay*>(plume::detail::own_lane()->replay);
        CHECK(replay.stack.size() >= 2'000);
        while (!deep.empty()) deep.pop_back();
        for (int i = 0; i < 3; ++i) drained.pass(); // the first one still finds it deep
        CHECK(replay.stack.size() < 200);
    });
    CHECK(drained.spans().size() == 2'000);
}

// Several threads.

namespace {

struct Story {
    AsyncSpan span;
    plume::SpanId id;
    std::vector<std::string> events;
    std::int64_t last = 0;
    bool failed = false;
    bool renamed = false;
    bool discarded = false;
};

/// Drains lanes one by one in any order, a pass after the other, between whatever is recorded.
class Reader {
  public:
    Reader(HandDrained& drained, Random& random) : drained_{&drained}, random_{&random} {}

    void step() {
        if (left_.empty()) {
            drained_->settle();
            left_ = HandDrained::lanes();
            std::ranges::shuffle(left_, *random_);
        }
        if (left_.empty()) return;
        drained_->drain(*left_.back());
        left_.pop_back();
    }

  private:
    HandDrained* drained_;
    Random* random_;
    std::vector<plume::detail::Lane*> left_;
};

} // namespace

TEST_CASE("whichever lane is read first, a span that is handed around keeps all that was said") {
    Crew crew{4};
    const plume::Name new_name{"a new name"};
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        Random random{seed};
        HandDrained drained;
        Reader reader{drained, random};
        std::vector<std::unique_ptr<Story>> open;
        std::map<std::uint64_t, std::unique_ptr<Story>> ended;
        std::int64_t number = 0;
        const auto say = [&](Story& story) {
            switch (below(random, 8)) {
            default:
                story.last = ++number;
                story.span.set("last"_a = story.last);
                break;
            case 0:
            case 1:
                story.events.push_back(std::to_string(++number));
                story.span.event("said"_name, "n"_a = story.events.back());
                break;
            case 2:
                story.failed = true;
                story.span.set_error("failed");
                break;
            case 3:
                story.renamed = true;
                story.span.rename(new_name);
                break;
            case 4:
                if (below(random, 4) != 0) break;
                story.discarded = true;
                story.span.discard();
                break;
            }
        };
        for (int i = 0; i < 300; ++i) {
            const std::size_t member = below(random, crew.size());
            const std::size_t choice = below(random, 8);
            if (choice == 0 || open.empty()) {
                crew.run(member, [&] {
                    auto story = std::make_unique<Story>();
                    story->span = AsyncSpan{"story"_name, SpanContext{}};
                    story->id = story->span.context().span_id;
                    open.push_back(std::move(story));
                });
            } else if (choice == 1) {
                const auto at =
                    open.begin() + static_cast<std::ptrdiff_t>(below(random, open.size()));
                crew.run(member, [&] { (*at)->span.end(); });
                ended.emplace((*at)->id.value, std::move(*at));
                open.erase(at);
            } else if (choice == 2) {
                reader.step();
            } else {
                crew.run(member, [&] { say(*open[below(random, open.size())]); });
            }
        }
        for (auto& story : open) {
            crew.run(below(random, crew.size()), [&] { story->span.end(); });
            ended.emplace(story->id.value, std::move(story));
        }
        INFO("seed " << seed);
        const std::vector<RecordedSpan> spans = drained.spans();
        const auto kept = std::ranges::count_if(
            ended, [](const auto& story) { return !story.second->discarded; });
        REQUIRE(spans.size() == static_cast<std::size_t>(kept));
        REQUIRE(drained.assembler().ended() == ended.size());
        for (const RecordedSpan& span : spans) {
            const Story& story = *ended.at(span.span_id.value);
            REQUIRE_FALSE(story.discarded);
            REQUIRE(span.name == (story.renamed ? "a new name" : "story"));
            REQUIRE(span.text("last") == (story.last != 0 ? std::to_string(story.last) : ""));
            REQUIRE((span.status == plume::StatusCode::error) == story.failed);
            std::vector<std::string> events;
            for (const auto& event : span.events)
                events.push_back(plume::text_of(event.attributes.at(0).value));
            REQUIRE(events == story.events);
            for (const auto& event : span.events)
                REQUIRE((event.time_unix_ns >= span.begin_unix_ns &&
                         event.time_unix_ns <= span.end_unix_ns));
        }
    }
}

TEST_CASE("an end that is read before its begin is not lost") {
    Crew crew{2};
    HandDrained drained;
    AsyncSpan span;
    plume::detail::Lane* there = nullptr;
    crew.run(0, [&] { span = AsyncSpan{"handed over"_name, SpanContext{}}; });
    crew.run(1, [&] {
        span.set("said"_a = "there");
        span.end();
        there = plume::detail::find_lane();
    });
    drained.drain(*there);
    CHECK(drained.assembler().begun() == 0);
    CHECK(tree_of(drained.spans(), {.attributes = true}) == "handed over {said=there}\n");
}

TEST_CASE("a span whose end one session reads, and its begin the next one, has all that was said") {
    Crew crew{2};
    const plume::Name new_name{"a new name"};
    auto first = std::make_unique<HandDrained>();
    AsyncSpan span;
    plume::detail::Lane* there = nullptr;
    crew.run(0, [&] { span = AsyncSpan{"handed over"_name, SpanContext{}}; });
    crew.run(1, [&] {
        span.set("said"_a = "there");
        span.rename(new_name);
        span.end();
        there = plume::detail::find_lane();
    });
    first->drain(*there);
    first->let_go();
    first.reset();
    HandDrained second;
    CHECK(second.assembler().begun() == 1);
    CHECK(tree_of(second.spans(), {.attributes = true}) == "a new name {said=there}\n");
    CHECK(second.assembler().ended() == 1);
}

TEST_CASE("a span that waits for the other lanes still has the time of its end") {
    Crew crew{1};
    HandDrained drained;
    AsyncSpan span{"early"_name, SpanContext{}};
    crew.run(0, [&] { span.end(); });
    { PLUME_SPAN("later"); }
    const auto spans = drained.spans();
    REQUIRE(spans.size() == 2);
    CHECK(spans[0].name == "later");
    CHECK(spans[1].end_unix_ns <= spans[0].begin_unix_ns);
}

TEST_CASE("what a thread leaves open when it exits may be ended by another") {
    HandDrained drained;
    std::optional<Span> outer, inner;
    plume::test::on_a_thread([&] {
        outer.emplace("outer"_name);
        inner.emplace("inner"_name);
    });
    drained.pass();
    plume::test::on_a_thread([] { PLUME_SPAN("new owner of the lane"); });
    outer.reset();
    inner.reset();
    CHECK(tree_of(drained.spans()) == "outer\n"
                                      "  inner\n"
                                      "new owner of the lane\n");
}

TEST_CASE("the end of a span that a gone thread has begun takes no room from others") {
    HandDrained drained;
    std::optional<Span> left;
    plume::test::on_a_thread([&] { left.emplace("left behind"_name); });
    plume::test::on_a_thread([&] {
        PLUME_SPAN("new owner of the lane");
        const plume::detail::Lane& lane = *plume::detail::find_lane();
        const auto promised = [&] { return lane.grant_end - lane.head.load() - lane.free_room(); };
        const std::uint64_t before = promised();
        left.reset();
        CHECK(promised() == before);
    });
    CHECK(drained.spans().size() == 2);
}

// Time.

namespace {

/// Begins a span as a thread does that is kept from publishing it for a while.
template <class Line>
std::uint64_t begin_late(Line, std::uint64_t ticks) {
    using Site = plume::detail::CallsiteOf<plume::detail::SiteKind::span, Line>;
    const plume::detail::WriteSlot room = plume::detail::make_room(16, 0, 0);
    const std::uint64_t at = plume::detail::put<Site>(
        *room.lane, plume::detail::make_word(plume::detail::index_of<Site>(), ticks),
        plume::detail::Measured{0, {}});
    room.lane->current = at;
    return at | plume::detail::root_bit;
}

} // namespace

TEST_CASE("a record that was held up before it was published keeps its time") {
    HandDrained drained;
    { PLUME_SPAN("first"); }
    const std::uint64_t ticks = plume::detail::now(HandDrained::clock());
    while (plume::detail::now(HandDrained::clock()) < ticks + 50'000'000) // some ms
        drained.pass();                                                   // finds nothing new
    plume::detail::end_slowly(begin_late("late"_name, ticks), 0);
    { PLUME_SPAN("last"); }
    const auto spans = drained.spans();
    REQUIRE(spans.size() == 3);
    CHECK(spans[0].end_unix_ns <= spans[1].begin_unix_ns);
    CHECK(spans[1].begin_unix_ns <= spans[1].end_unix_ns);
    CHECK(spans[1].end_unix_ns <= spans[2].begin_unix_ns);
    constexpr std::uint64_t ten_seconds = 10'000'000'000;
    CHECK(spans[2].end_unix_ns < spans[0].begin_unix_ns + ten_seconds);
}

TEST_CASE("a step of the wall clock bends no trace that is open") {
    constexpr std::uint64_t hour = 3'600'000'000'000;
    for (const bool forward : {true, false}) {
        const plume::detail::ClockSample start = [] {
            HandDrained settles_the_clock;
            return plume::detail::sample_clocks(HandDrained::clock());
        }();
        HandDrained drained{{}, start};
        const auto learn = [&](std::uint64_t step) {
            plume::detail::ClockSample sample = start;
            while (sample.monotonic_ns < start.monotonic_ns + 1'000'000)
                sample = plume::detail::sample_clocks(HandDrained::clock());
            sample.unix_ns += step;
            drained.time.learn(sample);
        };
        learn(0);
        std::optional<Span> root{std::in_place, "root"_name};
        std::optional<Span> child{std::in_place, "child"_name};
        { PLUME_SPAN("before"); }
        child->event("before"_name);
        drained.pass();
        learn(forward ? hour : ~hour + 1);
        child->event("after"_name);
        { PLUME_SPAN("after"); }
        drained.pass();
        child.reset();
        root.reset();
        { PLUME_SPAN("next root"); }
        const auto spans = drained.spans();
        INFO((forward ? "forward" : "back"));
        REQUIRE(tree_of(spans) == (forward ? "root\n  child\n    before\n    after\nnext root\n"
                                           : "next root\nroot\n  child\n    before\n    after\n"));
        std::map<std::uint64_t, const RecordedSpan*> by_id;
        for (const RecordedSpan& span : spans) by_id[span.span_id.value] = &span;
        for (const RecordedSpan& span : spans) {
            CHECK(span.begin_unix_ns <= span.end_unix_ns);
            CHECK(span.duration_ns() < hour / 2);
            for (const auto& event : span.events) {
                CHECK(event.time_unix_ns >= span.begin_unix_ns);
                CHECK(event.time_unix_ns <= span.end_unix_ns);
            }
            if (!span.parent_span_id.valid()) continue;
            const RecordedSpan& parent = *by_id.at(span.parent_span_id.value);
            CHECK(parent.begin_unix_ns <= span.begin_unix_ns);
            CHECK(span.end_unix_ns <= parent.end_unix_ns);
        }
    }
}

TEST_CASE("the clock may be set a hundred times during a trace") {
    HandDrained drained;
    std::uint64_t step = 0;
    {
        PLUME_SPAN("root");
        drained.pass();
        for (int i = 0; i < 100; ++i) {
            const std::uint64_t last = drained.time.newest_line().ticks;
            plume::detail::ClockSample sample{};
            do sample = plume::detail::sample_clocks(HandDrained::clock());
            while (sample.ticks <= last);
            step += 3'600'000'000'000;
            sample.unix_ns += step;
            drained.time.learn(sample);
            PLUME_SPAN("child");
            drained.pass();
        }
    }
    const auto spans = drained.spans();
    REQUIRE(spans.size() == 101);
    const RecordedSpan& root = spans.back();
    for (const RecordedSpan& span : spans) {
        REQUIRE(root.begin_unix_ns <= span.begin_unix_ns);
        REQUIRE(span.begin_unix_ns <= span.end_unix_ns);
        REQUIRE(span.end_unix_ns <= root.end_unix_ns);
    }
}

// A counter and clocks that the test turns, and records with ticks of its own.

namespace {

class FakeMachine {
  public:
    FakeMachine() { turned = this; }
    ~FakeMachine() { turned = nullptr; }
    FakeMachine(const FakeMachine&) = delete;
    FakeMachine& operator=(const FakeMachine&) = delete;

    void run(double seconds) {
        count(seconds);
        kernel_ns += ns(seconds);
    }
    void count(double seconds) {
        ticks += static_cast<std::uint64_t>(static_cast<std::int64_t>(seconds * rate()));
    }
    [[nodiscard]] static plume::detail::ClockSample read(plume::Clock) noexcept {
        return {turned->ticks, turned->kernel_ns, dawn + turned->kernel_ns};
    }
    [[nodiscard]] static plume::detail::ClockSample now() { return read({}); }

    /// A root of a millisecond, as the calling thread records it.
    template <class Line>
    void span(Line line) {
        begin(line);
        run(0.001);
        end();
    }
    template <class Line>
    void begin(Line line) {
        static_cast<void>(begin_late(line, ticks));
    }
    void end() const {
        plume::detail::Lane& lane = *plume::detail::find_lane();
        const std::uint64_t at = lane.head.load();
        lane.put(at, plume::detail::make_word(plume::detail::control::end, ticks));
        lane.publish(at + 8);
        lane.step_down(0);
    }
    /// As the collector does, for so long.
    void live(HandDrained& drained, double seconds) {
        for (; seconds > 0; seconds -= 0.05) {
            run(0.05);
            drained.pass();
            if (++passes_ % 20 == 0) drained.time.learn(now());
        }
    }

    static constexpr std::uint64_t dawn = 1'785'576'600'000'000'000;
    static std::uint64_t ns(double seconds) { return static_cast<std::uint64_t>(seconds * 1e9); }

    std::uint64_t ticks = std::uint64_t{1} << 45U;
    std::uint64_t kernel_ns = ns(50'000);

  private:
    static double rate() { return HandDrained::clock() == plume::Clock::counter ? 2.1e9 : 1e9; }
    static inline FakeMachine* turned = nullptr;
    int passes_ = 0;
};

/// Records on a machine, for `seconds` before and after something happens to it.
struct OnFakeMachine {
    OnFakeMachine() : settled{(HandDrained{}, true)} {
        machine.run(0.002);
        drained.time.learn(FakeMachine::now());
        machine.live(drained, 3);
    }
    /// By name: what a span is said to have begun after `from`, in seconds.
    [[nodiscard]] std::map<std::string, double> begun_after(std::uint64_t from) {
        std::map<std::string, double> begun;
        for (const RecordedSpan& span : drained.spans()) {
            CHECK(span.duration_ns() < 1'100'000);
            begun[std::string{span.name}] = static_cast<double>(static_cast<std::int64_t>(
                                                span.begin_unix_ns - from - FakeMachine::dawn)) *
                                            1e-9;
        }
        return begun;
    }

    bool settled; ///< which clock the process uses
    FakeMachine machine;
    HandDrained drained{{}, FakeMachine::now(), &FakeMachine::read};
};

bool is_near(double a, double b) { return a > b - 0.2 && a < b + 0.2; }

} // namespace

TEST_CASE("a process that is stopped for hours knows when its spans were, before and after") {
    for (const double hours : {1.5, 2.0, 2.4, 5.0, 30.0, 1'000.0}) {
        OnFakeMachine test;
        const std::uint64_t from = test.machine.kernel_ns;
        test.machine.span("unread"_name);
        test.machine.run(hours * 3600);
        test.machine.span("resumed"_name);
        test.machine.live(test.drained, 0.3);
        test.machine.span("after"_name);
        auto begun = test.begun_after(from);
        INFO(hours);
        CHECK(is_near(begun["unread"], 0));
        CHECK(is_near(begun["resumed"], hours * 3600));
        CHECK(is_near(begun["after"], hours * 3600 + 0.3));
    }
}

TEST_CASE("a counter that leaps spoils no time") {
    for (const double leap : {-10.0, -16'000.0, 5'400.0, 5'400'000.0}) {
        for (const double stood : {0.0, 3'600.0}) { // and the kernel knows of some time, or of none
            OnFakeMachine test;
            const std::uint64_t from = test.machine.kernel_ns;
            test.machine.span("unread"_name);
            test.machine.count(leap);
            test.machine.kernel_ns += FakeMachine::ns(stood);
            test.machine.span("resumed"_name);
            test.machine.live(test.drained, 0.3);
            test.machine.span("after"_name);
            test.machine.live(test.drained, 3);
            test.machine.span("last"_name);
            auto begun = test.begun_after(from);
            INFO(leap << ' ' << stood);
            CHECK(is_near(begun["unread"], 0));
            CHECK(is_near(begun["resumed"], stood));
            CHECK(is_near(begun["after"], stood + 0.3));
            CHECK(is_near(begun["last"], stood + 3.3));
        }
    }
}

TEST_CASE("a counter that begins again at zero spoils no time") {
    OnFakeMachine test;
    const std::uint64_t from = test.machine.kernel_ns;
    test.machine.span("unread"_name);
    test.machine.kernel_ns += FakeMachine::ns(7'200);
    test.machine.ticks = 0;
    test.machine.run(0.1);
    test.machine.span("resumed"_name);
    test.machine.live(test.drained, 3);
    test.machine.span("after"_name);
    auto begun = test.begun_after(from);
    CHECK(is_near(begun["unread"], 0));
    CHECK(is_near(begun["resumed"], 7'200));
    CHECK(is_near(begun["after"], 7'203));
}

TEST_CASE("a thread that recorded nothing for hours while another did has the right time") {
    for (const double hours : {1.0, 2.0, 2.2, 2.4, 3.0, 9.0}) {
        Crew crew{2};
        OnFakeMachine test;
        crew.run(0, [&] { test.machine.span("early"_name); });
        test.machine.live(test.drained, 0.1);
        const std::uint64_t from = test.machine.kernel_ns;
        // A pass every 5 minutes is as good as every 50 ms, and sooner done.
        for (int i = 0; i < static_cast<int>(hours * 12); ++i) {
            test.machine.run(300);
            crew.run(1, [&] { test.machine.span("busy"_name); });
            test.drained.pass();
            test.drained.time.learn(FakeMachine::now());
        }
        crew.run(0, [&] { test.machine.span("late"_name); });
        plume::test::on_a_thread([&] { test.machine.span("of a new thread"_name); });
        test.machine.live(test.drained, 0.1);
        auto begun = test.begun_after(from);
        INFO(hours);
        CHECK(is_near(begun["early"], -0.1));
        CHECK(is_near(begun["late"], static_cast<int>(hours * 12) * 300));
        CHECK(is_near(begun["of a new thread"], begun["late"]));
    }
}

TEST_CASE("a span that is open while the machine stands takes as long as the kernel says") {
    for (const double leap : {-10.0, 0.0, 5'400.0, 50'000.0}) {
        OnFakeMachine test;
        test.machine.begin("open"_name);
        test.machine.live(test.drained, 0.2);
        test.machine.kernel_ns += FakeMachine::ns(5'400);
        test.machine.count(leap);
        test.machine.live(test.drained, 0.2);
        test.machine.end();
        const auto spans = test.drained.spans();
        INFO(leap);
        REQUIRE(spans.size() == 1);
        CHECK(is_near(static_cast<double>(spans[0].duration_ns()) * 1e-9, 5'400.4));
    }
}

TEST_CASE("an end that waits for the other lanes keeps its time through a leap of the counter") {
    OnFakeMachine test;
    std::optional<AsyncSpan> span;
    test.machine.begin("root"_name);
    const std::uint64_t root = plume::detail::find_lane()->current;
    test.machine.live(test.drained, 0.2);
    plume::test::on_a_thread([&] {
        test.machine.span("introduces the thread"_name);
        plume::detail::Lane& lane = *plume::detail::find_lane();
        using plume::detail::make_word;
        const plume::detail::WriteSlot room = plume::detail::make_room(16, 0, 0);
        const std::uint64_t at = room.lane->head.load();
        lane.put(at, make_word(plume::detail::control::end_at, test.machine.ticks));
        lane.put(at + 8, root & ~plume::detail::low_bits);
        lane.publish(at + 16);
        lane.current = 0;
        lane.step_down(0);
    });
    const std::uint64_t end = test.machine.kernel_ns;
    for (plume::detail::Lane* lane : HandDrained::lanes()) test.drained.drain(*lane);
    test.machine.count(-1'000);
    test.machine.run(0.01);
    const auto spans = test.drained.spans();
    const auto found = std::ranges::find(spans, "root", &RecordedSpan::name);
    REQUIRE(found != spans.end());
    CHECK(is_near(static_cast<double>(found->end_unix_ns - FakeMachine::dawn) * 1e-9,
                  static_cast<double>(end) * 1e-9));
    plume::detail::find_lane()->step_down(0);
}

// What a span may carry while it is open.

TEST_CASE("a span that stays open remembers the last of what it is told again and again") {
    const auto seen = recorded([] {
        PLUME_SPAN_AS(span, "server");
        for (int i = 0; i <= 5'000; ++i) {
            span.set("requests"_a = i, "text"_a = "a text that takes some room in the log");
            if (i % 2 == 0) span.set("even"_a = i);
            span.set_error("error " + std::to_string(i));
        }
        span.set_status(plume::StatusCode::unset);
    });
    CHECK(seen["server"].text("requests") == "5000");
    CHECK(seen["server"].text("even") == "5000");
    CHECK(seen["server"].status_message == "error 5000");
    CHECK(seen["server"].dropped_attributes == 0);
}

TEST_CASE("spans whose size is not known beforehand share chunks as all others do") {
    HandDrained reader;
    constexpr std::size_t count = 1000;
    for (std::size_t i = 0; i < count; ++i) {
        PLUME_SPAN("GET", "url.path"_a = "/orders/42", "client.address"_a = "127.0.0.1");
        plume::set("http.route"_a = "/orders/{id}");
    }
    reader.pass();
    CHECK(reader.finished_chunks() < 20);
    CHECK(reader.spans().size() == count);
}

TEST_CASE("an attribute that is absent does not undo its earlier value, however long the span is") {
    const auto seen = recorded([] {
        PLUME_SPAN_AS(span, "server");
        const auto set = [&](std::optional<int> value) { span.set("maybe"_a = value); };
        set(7);
        for (int i = 0; i < 2'000; ++i) span.set("other"_a = i);
        for (int i = 0; i < 2'000; ++i) set(std::nullopt);
    });
    CHECK(seen["server"].text("maybe") == "7");
}

TEST_CASE("ok stays final however long the span is") {
    const auto seen = recorded([] {
        PLUME_SPAN_AS(span, "server");
        span.set_ok();
        for (int i = 0; i < 2'000; ++i) span.set("n"_a = i);
        for (int i = 0; i < 2'000; ++i) span.set_error("too late");
    });
    CHECK(seen["server"].status == plume::StatusCode::ok);
}
