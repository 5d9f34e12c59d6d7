// hand_drained.hpp - recording without a session: the test decides which lane is drained, and when.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <plume/exporters/memory.hpp>
#include <plume/plume.hpp>
#include <plume/session.hpp>

namespace plume::test {

/// Every line records while it lives, into an assembler of its own. One at a time, and no session
/// meanwhile.
class [[gnu::visibility("hidden")]] HandDrained {
  public:
    explicit HandDrained(SpanLimits limits = {})
        : HandDrained{limits, (decide_on_clock(), detail::sample_clocks(clock()))} {
        detail::ClockSample sample = start_;
        while (sample.monotonic_ns <
               start_.monotonic_ns + 1'000'000) // for a rate that is about right
            sample = detail::sample_clocks(clock());
        time.learn(sample);
    }
    /// For tests with clocks of their own. The first sample to be learned sets the rate.
    HandDrained(SpanLimits limits, const detail::ClockSample& start,
                detail::TimeMap::Read read = &detail::sample_clocks)
        : start_{start}, sites_{detail::runtime().registry, limits.attributes.value_or(128)},
          pool_{detail::ChunkPool::make()}, time{(decide_on_clock(), clock()), start, read},
          assembler_{detail::runtime(), sites_, *pool_, time, limits} {
        pass(); // what earlier tests have left in the rings
        switch_lines(true);
    }
    ~HandDrained() {
        switch_lines(false);
        if (!let_go_) pass();
        finished_.clear();
        assembler_.finish_chunk();
        assembler_.finished().clear();
        pool_->let_go();
    }
    HandDrained(const HandDrained&) = delete;
    HandDrained& operator=(const HandDrained&) = delete;

    /// All lanes that have a ring, those of the newest threads first.
    [[nodiscard]] static std::vector<detail::Lane*> lanes() {
        std::vector<detail::Lane*> list;
        for (detail::Lane* lane = detail::runtime().lanes.load(); lane; lane = lane->next)
            if (lane->has_ring.load()) list.push_back(lane);
        return list;
    }
    void drain(detail::Lane& lane) { assembler_.drain(lane); }
    /// All lanes were drained since the last time.
    void settle() { assembler_.settle(); }
    void pass() {
        for (detail::Lane* lane : lanes()) drain(*lane);
        settle();
    }

    /// The next one reads what is in the rings at its end.
    void let_go() { let_go_ = true; }

    /// All that has ended; drains what is left.
    [[nodiscard]] std::vector<RecordedSpan> spans() {
        pass();
        pass(); // spans that end off their stack are finished a pass later
        assembler_.finish_chunk();
        std::vector<RecordedSpan> recorded;
        for (const detail::ChunkRef& chunk : assembler_.finished())
            for (const SpanData& span : chunk->spans())
                recorded.push_back(detail::record(span, "test"));
        return recorded;
    }
    [[nodiscard]] std::size_t finished_chunks() { return assembler_.finished().size(); }
    [[nodiscard]] const detail::SpanAssembler& assembler() const { return assembler_; }

    [[nodiscard]] static Clock clock() { return detail::runtime().clock.load(); }

  private:
    /// The first session settles the clock of the process.
    static void decide_on_clock() {
        if (clock() == Clock::undecided) const Session session{{.service_name = "test"}};
    }
    static void switch_lines(bool on) {
        detail::Runtime& process = detail::runtime();
        const detail::Locked lock{process.mutex};
        process.settings.store({}); // not what the last session wanted
        process.recording.store(on);
        for (std::uint32_t i = detail::control::first_site; i < process.registry.size(); ++i)
            if (detail::Entry* entry = process.registry.at(i); entry->live)
                process.turn(*entry->live, *entry);
    }

    detail::ClockSample start_;
    detail::CallsiteTable sites_;
    detail::ChunkPool* pool_;

  public:
    detail::TimeMap time;

  private:
    detail::SpanAssembler assembler_;
    std::vector<detail::ChunkRef> finished_;
    bool let_go_ = false;
};

/// Threads that do what they are told, one thing at a time: an order of events across threads.
class Crew {
  public:
    explicit Crew(std::size_t size) {
        for (std::size_t i = 0; i < size; ++i) members_.emplace_back();
        for (Member& member : members_)
            member.thread = std::thread{[this, &member] { work(member); }};
    }
    ~Crew() {
        for (Member& member : members_) {
            order(member, nullptr);
            member.thread.join();
        }
    }
    Crew(const Crew&) = delete;
    Crew& operator=(const Crew&) = delete;

    [[nodiscard]] std::size_t size() const { return members_.size(); }

    /// Runs `f` on one of the threads, and returns when it is done.
    void run(std::size_t member, std::function<void()> f) {
        order(members_[member], std::move(f));
        std::unique_lock lock{mutex_};
        changed_.wait(lock, [&] { return !members_[member].busy; });
    }

  private:
    struct Member {
        std::thread thread;
        std::function<void()> task;
        bool busy = false;
    };

    void order(Member& member, std::function<void()> f) {
        const std::lock_guard lock{mutex_};
        member.task = std::move(f);
        member.busy = true;
        changed_.notify_all();
    }
    void work(Member& member) {
        std::unique_lock lock{mutex_};
        while (true) {
            changed_.wait(lock, [&] { return member.busy; });
            if (!member.task) return;
            lock.unlock();
            member.task();
            lock.lock();
            member.busy = false;
            changed_.notify_all();
        }
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Member> members_;
};

} // namespace plume::test
