// The equation of options.hpp, exactly, against what the threads that begin spans have counted.
#include <plume/session.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <plume/plume.hpp>

#include "support/catch.hpp"
#include "support/scripted.hpp"

using namespace std::chrono_literals;
using namespace plume::literals;
using plume::Batch;
using plume::DropReason;
using plume::Outcome;
using plume::Session;
using plume::scene::eventually;
using plume::scene::ScriptedExporter;
using plume::scene::wrong_in;

namespace {

/// Where threads leave spans for others to end.
class Mailbox {
  public:
    /// Returns what lay there before.
    [[nodiscard]] plume::AsyncSpan exchange(plume::AsyncSpan span) {
        const std::lock_guard lock{mutex_};
        std::swap(span, span_);
        return span;
    }

  private:
    std::mutex mutex_;
    plume::AsyncSpan span_;
};

constexpr plume::SpanContext caller(std::uint8_t flags) {
    return {{1, 2}, {3}, flags, true, "vendor=value", {}};
}

/// What a program may do with spans, at random. Counts the spans that should have begun.
class Work {
  public:
    Work(unsigned seed, Mailbox& mailbox) : random_{seed}, mailbox_{&mailbox} {}

    void step() {
        switch (random_() % 10) {
        case 0: return nested(static_cast<int>(random_() % 20));
        case 1: return strings();
        case 2: return out_of_order();
        case 3: return handed_over();
        case 4: return annotated();
        case 5: return within_a_context();
        case 6: return failing();
        case 7: return discarded();
        case 8: return arrays();
        default: return siblings();
        }
    }
    [[nodiscard]] std::uint64_t begun() const noexcept { return begun_; }
    [[nodiscard]] std::uint64_t discarded_spans() const noexcept { return discarded_; }

  private:
    void nested(int depth) {
        PLUME_SPAN("nested", "depth"_a = depth, "text"_a = "some text");
        ++begun_;
        if (depth > 0) nested(depth - 1);
    }
    void siblings() {
        PLUME_SPAN("parent");
        ++begun_;
        for (int i = 0; i < 10; ++i) {
            PLUME_SPAN("sibling", "i"_a = i, "ratio"_a = 0.5, "even"_a = i % 2 == 0);
            ++begun_;
        }
    }
    void strings() {
        const std::string text(random_() % 3'000, 'x'); // the largest are more than a record holds
        PLUME_SPAN("strings", "a"_a = text, "b"_a = std::string_view{text}.substr(text.size() / 2));
        ++begun_;
        PLUME_EVENT("more text", "text"_a = text);
    }
    void arrays() {
        const std::vector<std::uint64_t> numbers(random_() % 200, ~std::uint64_t{0});
        PLUME_SPAN("arrays", "numbers"_a = numbers, "none"_a = std::optional<int>{});
        ++begun_;
    }
    void out_of_order() {
        std::optional<plume::Span> first, second, third;
        first.emplace("first"_name);
        second.emplace("second"_name, "of"_a = 3);
        third.emplace("third"_name);
        begun_ += 3;
        (random_() % 2 == 0 ? first : second).reset();
        PLUME_SPAN("in between");
        ++begun_;
        second.reset();
    }
    void handed_over() {
        plume::AsyncSpan mine{"handed over"_name, "by"_a = random_()};
        ++begun_;
        plume::AsyncSpan theirs = mailbox_->exchange(std::move(mine));
        if (!theirs.recording()) return;
        theirs.set("ended"_a = "elsewhere");
        const plume::ContextScope in_their_trace{theirs.context()};
        PLUME_SPAN("child of another thread's");
        ++begun_;
    }
    void annotated() {
        PLUME_SPAN_AS(span, "annotated", plume::client);
        ++begun_;
        span.set("a"_a = 1, "b"_a = "two");
        span.event("event"_name);
        span.link(caller(1));
        span.set_error("an error");
        plume::AsyncSpan beside{"beside"_name};
        ++begun_;
        span.event("event"_name, "while"_a = "another is open");
    }
    void within_a_context() {
        const bool sampled = random_() % 2 == 0;
        const plume::ContextScope from_afar{caller(sampled ? 1 : 0)};
        PLUME_SPAN("local root");
        PLUME_SPAN("its child", "i"_a = 1);
        const plume::SuppressScope suppressed;
        PLUME_SPAN("suppressed");
        if (sampled) begun_ += 2;
    }
    void failing() {
        try {
            PLUME_SPAN("failing");
            ++begun_;
            throw std::runtime_error{"on purpose"};
        } catch (const std::exception&) {}
    }
    void discarded() {
        PLUME_SPAN("kept");
        PLUME_SPAN_AS(span, "discarded");
        begun_ += 2;
        if (span.recording()) ++discarded_;
        span.discard();
    }

    std::minstd_rand random_;
    Mailbox* mailbox_;
    std::uint64_t begun_ = 0;
    std::uint64_t discarded_ = 0; ///< at the most: the annotation itself may find no room
};

constexpr std::size_t thread_count = 8;

struct Counted {
    std::uint64_t begun = 0;
    std::uint64_t discarded = 0;
};

/// Eight threads at work until the caller says that it is enough.
class Threads {
  public:
    Threads() {
        for (std::size_t i = 0; i < thread_count; ++i) {
            threads_[i] = std::thread{[this, i] {
                Work work{static_cast<unsigned>(i + 1), mailboxes_[i / 2]};
                while (!enough_.load(std::memory_order_relaxed)) work.step();
                counted_[i] = {work.begun(), work.discarded_spans()};
            }};
        }
    }
    Threads(const Threads&) = delete;
    Threads& operator=(const Threads&) = delete;
    ~Threads() {
        if (threads_[0].joinable()) static_cast<void>(finish());
    }

    [[nodiscard]] Counted finish() {
        enough_ = true;
        Counted sum;
        for (std::size_t i = 0; i < thread_count; ++i) {
            threads_[i].join();
            sum.begun += counted_[i].begun;
            sum.discarded += counted_[i].discarded;
        }
        for (Mailbox& mailbox : mailboxes_) mailbox.exchange({}).end();
        return sum;
    }

  private:
    std::atomic<bool> enough_{false};
    std::array<Mailbox, thread_count / 2> mailboxes_;
    std::array<Counted, thread_count> counted_{};
    std::array<std::thread, thread_count> threads_;
};

/// Checks that statistics add up as often as it can; the first that do not, or nothing.
std::string watch(const Session& session, std::chrono::milliseconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    std::string wrong;
    while (wrong.empty() && std::chrono::steady_clock::now() < end) {
        wrong = wrong_in(session.stats());
        std::this_thread::yield();
    }
    return wrong;
}

ScriptedExporter slow_exporter() {
    return ScriptedExporter{{.name = "slow", .deliver = [](const Batch&) {
                                 std::this_thread::sleep_for(5ms);
                                 return Outcome::delivered();
                             }}};
}

/// Loses a third of what it gets, by three ways in turn.
ScriptedExporter failing_exporter() {
    return ScriptedExporter{
        {.name = "failing", .deliver = [turn = 0](const Batch& batch) mutable {
             switch (turn++ % 9) {
             case 0: throw std::runtime_error{"no"};
             case 3: return Outcome::failed(DropReason::transport, batch.size(), "gone");
             case 6: return Outcome::failed(DropReason::too_large, batch.size() / 2, "too large");
             default: return Outcome::delivered();
             }
         }}};
}

} // namespace

TEST_CASE("every span is accounted for while rings overflow and exporters are slow or fail") {
    const ScriptedExporter slow = slow_exporter();
    const ScriptedExporter fast;
    Session session{{.service_name = "test",
                     .ring_bytes = 4096,
                     .queue_spans = 128,
                     .batch_spans = 64,
                     .batch_delay = 1ms,
                     .report = [](std::string_view) {}},
                    slow,
                    failing_exporter(),
                    fast};
    Threads threads;
    const std::string wrong = watch(session, 700ms);
    CHECK(wrong.empty());
    const Counted counted = threads.finish();

    const plume::FlushResult flushed = session.flush(20s);
    CHECK(flushed.complete);
    const plume::Stats& stats = flushed.stats;
    CHECK(stats.begun == counted.begun);
    CHECK(wrong_in(stats).empty());
    REQUIRE(stats.exporters.size() == 3);
    for (const plume::ExporterStats& one : stats.exporters) {
        CHECK(one.pending == 0);
        CHECK(one.dropped[DropReason::discarded] <= counted.discarded);
        CHECK(one.dropped[DropReason::thread_exit] == 0);
    }
    CHECK(stats.exporters[0].exported == slow.counters().spans);
    CHECK(stats.exporters[2].exported == fast.counters().spans);
    // Otherwise this has tested little.
    CHECK(stats.exporters[0].dropped[DropReason::ring_full] > 0);
    CHECK(stats.exporters[0].dropped[DropReason::queue_full] > 0);
    CHECK(stats.exporters[1].dropped[DropReason::transport] > 0);
    CHECK(stats.exporters[1].dropped[DropReason::too_large] > 0);
    CHECK(stats.exporters[1].dropped[DropReason::rejected] > 0);
    CHECK(stats.exporters[2].dropped[DropReason::discarded] > 0);
    CHECK(stats.exporters[2].exported > 0);

    const plume::FlushResult ended = session.shutdown(20s);
    CHECK(ended.stats.begun == counted.begun);
    CHECK(wrong_in(ended.stats).empty());
}

TEST_CASE("threads that wait for room lose no span") {
    const ScriptedExporter fast;
    Session session{{.service_name = "test",
                     .ring_bytes = 4096,
                     .when_full = plume::WhenFull::wait,
                     .longest_wait = 60s},
                    fast};
    Threads threads;
    const std::string wrong = watch(session, 300ms);
    CHECK(wrong.empty());
    const Counted counted = threads.finish();
    const plume::FlushResult flushed = session.flush(20s);
    CHECK(flushed.complete);
    CHECK(flushed.stats.begun == counted.begun);
    CHECK(flushed.stats.open == 0);
    CHECK(flushed.stats.dropped_records == 0);
    CHECK(flushed.stats.exporters.at(0).dropped[DropReason::ring_full] == 0);
    CHECK(flushed.stats.exporters.at(0).dropped[DropReason::discarded] == counted.discarded);
    CHECK(flushed.stats.exporters.at(0).exported == counted.begun - counted.discarded);
    CHECK(wrong_in(flushed.stats).empty());
}

TEST_CASE("every span is accounted for when a session ends while threads record") {
    Threads threads;
    for (int i = 0; i < 5; ++i) {
        Session session{{.service_name = "test", .ring_bytes = 4096, .batch_delay = 1ms},
                        slow_exporter(),
                        ScriptedExporter{}};
        CHECK(eventually([&] { return session.stats().begun > 1'000; }));
        const plume::FlushResult result = session.shutdown(20s);
        CHECK(result.complete);
        CHECK(wrong_in(result.stats).empty());
        for (const plume::ExporterStats& one : result.stats.exporters) {
            CHECK(one.pending == 0);
            CHECK(one.dropped[DropReason::shutdown] == 0);
        }
    }
}

TEST_CASE("what a shutdown leaves behind is counted, not forgotten") {
    const plume::scene::Gate gate;
    Session session{{.service_name = "test", .ring_bytes = 4096, .report = [](std::string_view) {}},
                    ScriptedExporter{[gate](const Batch&) {
                        gate.pass();
                        return Outcome::delivered();
                    }}};
    plume::FlushResult result;
    {
        Threads threads;
        CHECK(eventually([&] { return session.stats().begun > 1'000; }));
        result = session.shutdown(50ms);
    }
    gate.open();
    CHECK_FALSE(result.complete);
    CHECK(result.stats.exporters.at(0).pending == 0);
    CHECK(result.stats.exporters.at(0).dropped[DropReason::shutdown] > 0);
    CHECK(wrong_in(result.stats).empty());
}
