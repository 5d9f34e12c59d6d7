// collector.hpp - the background thread: drains the lanes, and hands spans to the batch processors.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <plume/collect/batch_processor.hpp>
#include <plume/collect/callsite_watch.hpp>
#include <plume/collect/span_assembler.hpp>
#include <plume/export/stats.hpp>
#include <plume/record/module.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// What batches refer to. Outlives the session if an exporter hangs in one of them.
struct BatchBacking {
    std::unique_ptr<Redactor> redactor; ///< null: everything may leave
    Resource resource;
    CallsiteTable sites;
};

/// Owns the threads of a session. All functions may be called from any thread.
class Collector {
  public:
    struct Settings {
        Allowed limits;
        BatchProcessorSettings batcher;
        std::shared_ptr<BatchBacking> kept;
        double loud_share = 1;
        std::chrono::milliseconds loud_interval{60'000};
    };

    Collector(Runtime& runtime, std::vector<std::unique_ptr<Exporter>> exporters, Settings settings)
        : runtime_{&runtime}, pool_{ChunkPool::make()},
          time_{runtime.clock.load(memory_order_relaxed)},
          assembler_{runtime, settings.kept->sites, *pool_, time_, settings.limits},
          ring_drops_before_{ring_drops()}, record_drops_before_{record_drops()},
          exit_drops_before_{runtime.dropped_after_exit.load(memory_order_relaxed)},
          suppressed_before_{suppressed()}, loud_{settings.loud_share, settings.batcher.report},
          settings_{std::move(settings)} {
        for (auto& exporter : exporters) {
            BatchProcessorSettings batcher = settings_.batcher;
            if (exporter->wants_spans_at_once()) {
                batcher.batch_delay = std::chrono::milliseconds{0};
                one_is_impatient_ = true;
            }
            batchers_.push_back(
                std::make_unique<BatchProcessor>(std::move(exporter), batcher, settings_.kept));
        }
        thread_ = start_thread("plume-collector", [this] { run(); });
    }
    Collector(const Collector&) = delete;
    Collector& operator=(const Collector&) = delete;
    ~Collector() { stop_thread(); }

    /// Drains all lanes, and waits until every exporter has settled what had ended by then.
    /// False at once on the collector's own thread, as from within a report: it can't wait for
    /// itself.
    bool flush(Deadline deadline) {
        if (is_own_thread() || !drain_all(deadline)) return false;
        for (const auto& batcher : batchers_) batcher->request_flush();
        bool all = true;
        for (const auto& batcher : batchers_) all = batcher->wait(deadline) && all;
        return all;
    }

    /// As flush(), and all threads end, but for those of exporters that hang. If has_ended() is
    /// false afterwards the collector's own thread hangs in a report, or has called this from one:
    /// then the collector must never be destroyed.
    bool stop(Deadline deadline) {
        bool all = !is_own_thread() && drain_all(deadline);
        stopping_.store(true);
        runtime_->wake();
        if (!is_own_thread() && has_answered(~std::uint64_t{0}, deadline)) {
            thread_.join();
        } else if (thread_.joinable()) {
            let_go_.store(true); // before another collector begins: its passes wait for this one's
            thread_.detach();
        }
        for (const auto& batcher : batchers_) batcher->request_flush(); // side by side
        for (const auto& batcher : batchers_) all = batcher->stop(deadline) && all;
        return all;
    }

    /// Whether the collector's thread has nothing more to do here.
    [[nodiscard]] bool has_ended() const {
        const std::lock_guard lock{mutex_};
        return answered_ == ~std::uint64_t{0};
    }

    [[nodiscard]] Stats stats() const {
        Stats stats;
        // Batch processors first: what they have settled had ended before.
        for (const auto& batcher : batchers_) stats.exporters.push_back(batcher->stats());
        const std::lock_guard lock{mutex_};
        const std::uint64_t after_exit =
            runtime_->dropped_after_exit.load(memory_order_relaxed) - exit_drops_before_;
        stats.begun = seen_.begun + seen_.ring_drops + after_exit;
        stats.open = seen_.begun - seen_.ended;
        stats.suppressed = seen_.suppressed;
        stats.dropped_records = seen_.record_drops;
        stats.truncated_values = seen_.truncated_values;
        stats.redacted_values = seen_.redacted_values;
        stats.failed_redactions = seen_.failed_redactions;
        for (ExporterStats& exporter : stats.exporters) {
            exporter.pending = seen_.ended - seen_.discarded - seen_.over_limit -
                               exporter.exported - exporter.dropped.total();
            exporter.dropped[DropReason::ring_full] += seen_.ring_drops;
            exporter.dropped[DropReason::thread_exit] += after_exit;
            exporter.dropped[DropReason::discarded] += seen_.discarded;
            exporter.dropped[DropReason::over_limit] += seen_.over_limit;
        }
        return stats;
    }

    /// In the child of a fork, within fork(): exporters let go of the parent's descriptors, before
    /// the program gives their numbers to files of its own.
    void forked() noexcept {
        for (const auto& batcher : batchers_) batcher->forked();
    }
    /// In the child of a fork: takes the exporters out, for a new collector. This one must never
    /// be destroyed, since its locks may be held by threads that are gone.
    [[nodiscard]] std::vector<std::unique_ptr<Exporter>> take_exporters() {
        std::vector<std::unique_ptr<Exporter>> exporters;
        for (const auto& batcher : batchers_) exporters.push_back(batcher->take_exporter());
        return exporters;
    }

  private:
    // How long the thread sleeps. Reading costs the writers a cache line each time, and waking up
    // costs whoever has to leave the processor (some 30 us on a virtual machine), so it reads as
    // seldom as the rings allow, but not so much at once that whoever wants the processor meanwhile
    // would notice: every 20 ms while there is something to read. A writer wakes it when a ring is
    // half full.
    static constexpr std::uint64_t shortest_sleep_ns = 200'000;
    static constexpr std::uint64_t longest_busy_sleep_ns = 20'000'000;
    /// While nothing is recorded; every visit costs, and more with every lane.
    [[nodiscard]] std::uint64_t longest_sleep_ns() const noexcept {
        return one_is_impatient_ ? 50'000'000 : 200'000'000;
    }
    /// What should wait in the fullest ring at the end of a sleep, in 256ths of it: an eighth. A
    /// writer at full speed writes 100 KiB in the shortest sleep, a tenth of the usual ring.
    static constexpr std::uint64_t wanted_fill = 32;
    [[nodiscard]] std::uint64_t sleep_after(std::uint64_t last_ns) const noexcept {
        const std::uint64_t fill = std::max(fullest_, wanted_fill / 2); // at most twice as long
        const auto learning_ns = static_cast<std::uint64_t>(time_.learning_interval().count());
        return std::clamp(
            last_ns * wanted_fill / fill, shortest_sleep_ns,
            std::min(unread_ ? longest_busy_sleep_ns : longest_sleep_ns(), learning_ns));
    }
    /// A chunk that is not full is handed over after a part of the batches' delay, so that rare
    /// spans share one.
    [[nodiscard]] std::chrono::milliseconds longest_hold() const noexcept {
        constexpr std::chrono::milliseconds least{20};
        constexpr std::chrono::milliseconds most{250};
        if (one_is_impatient_) return least;
        return std::clamp(settings_.batcher.batch_delay / 4, least, most);
    }
    void run() noexcept {
        const SuppressScope untraced;
        calibrate_first();
        std::uint64_t sleep_ns = shortest_sleep_ns;
        auto next_calibration = std::chrono::steady_clock::now() + time_.learning_interval();
        auto next_look = std::chrono::steady_clock::now() + settings_.loud_interval;
        Deadline held_since{};
        while (true) {
            const std::uint64_t request =
                requested_.load(memory_order_acquire);                  // pairs with drain_all()
            const bool stopping = stopping_.load(memory_order_acquire); // pairs with stop_thread()
            const auto now = std::chrono::steady_clock::now();
            if (now >= next_calibration) {
                time_.learn();
                next_calibration = now + time_.learning_interval();
            }
            if (now >= next_look) {
                with_memory([this] { loud_.look(settings_.kept->sites); });
                next_look = now + settings_.loud_interval;
            }
            const std::uint64_t now_ns = nanoseconds_of(CLOCK_MONOTONIC);
            std::uint64_t next_rate = now_ns + longest_sleep_ns();
            bool complete =
                with_memory([&] { next_rate = rates_.keep(*runtime_, now_ns); }) && pass();
            if (assembler_.spans_in_work() == 0) held_since = now;
            const bool asked = request != answered_;
            const bool due = asked || stopping || now - held_since >= longest_hold();
            // A second time: an end may be in a lane that is drained before that of its begin. And
            // spans that wait for that belong into the chunk that their parents are in.
            if (asked || (due && assembler_.has_waiting_ends())) complete = pass() && complete;
            if (due) complete = with_memory([this] { assembler_.finish_chunk(); }) && complete;
            // In this order: what a batch processor has settled is among what stats() knows to have
            // ended.
            publish();
            hand_over();
            if (asked && complete) answer(request);
            if (stopping) break;
            report_memory();
            if (!complete) pause_for_memory();
            sleep_ns = sleep_after(sleep_ns);
            if (next_rate - now_ns < sleep_ns)
                sleep_ns = std::max(next_rate - now_ns, shortest_sleep_ns);
            const auto worked = std::chrono::steady_clock::now() - now;
            // At full speed the work itself keeps the looks at the writers' lines apart.
            if (worked < std::chrono::nanoseconds{sleep_ns}) sleep(sleep_ns);
        }
        answer(~std::uint64_t{0}); // nobody is left who could answer later
    }

    /// The rate of the counter, before the first span is timed with it.
    void calibrate_first() noexcept {
        constexpr timespec a_moment{0, 2'000'000};
        nanosleep(&a_moment, nullptr);
        time_.learn();
    }

    void sleep(std::uint64_t nanoseconds) noexcept {
        runtime_->sleep_unless(
            [this] { return requested_.load() != answered_ || stopping_.load(); }, nanoseconds);
    }

    /// What memory is missing for is tried again: a pass goes on where the last one stopped. False
    /// if something is left to do.
    template <class F>
    bool with_memory(F f) noexcept {
        try {
            f();
        } catch (const std::bad_alloc&) {
            out_of_memory_ = true;
            return false;
        }
        return true;
    }
    /// Once, until there is enough again.
    void report_memory() noexcept {
        const bool was_out = std::exchange(memory_is_out_, std::exchange(out_of_memory_, false));
        if (memory_is_out_ && !was_out)
            settings_.batcher.report("out of memory: spans stay in their rings");
    }
    void pause_for_memory() noexcept {
        constexpr timespec a_moment{0, 5'000'000};
        nanosleep(&a_moment, nullptr);
    }

    /// Reads all lanes, then reports what is wrong with scopes: a listener that hangs or ends the
    /// session holds no lock. False without memory.
    bool pass() noexcept {
        const bool complete = read_lanes();
        return with_memory([this] {
                   for (const std::string& what : assembler_.scope_reports())
                       settings_.batcher.report(what);
               }) &&
               complete;
    }
    bool read_lanes() noexcept {
        const Locked reading{runtime_->reading};
        if (let_go_.load()) return true; // the lanes are another collector's from here on
        fullest_ = 0;
        unread_ = false;
        return with_memory([this] {
            for (Lane* lane = runtime_->lanes.load(memory_order_acquire); // pairs with claim_lane()
                 lane; lane = lane->next)
                if (lane->has_ring.load(memory_order_acquire)) { // pairs with make_ring()
                    const std::uint64_t unread =
                        lane->published() - lane->tail.load(memory_order_relaxed); // own store
                    fullest_ = std::max(fullest_, unread * 256 / lane->capacity);
                    unread_ = unread_ || unread != 0;
                    assembler_.drain(*lane);
                }
            assembler_.settle();
        });
    }

    void hand_over() {
        for (const auto& batcher : batchers_) batcher->offer(assembler_.finished());
        assembler_.finished().clear();
    }

    void publish() {
        const Redactor* redactor = settings_.kept->redactor.get();
        const std::lock_guard lock{mutex_};
        seen_ = {assembler_.begun(),
                 assembler_.ended(),
                 assembler_.discarded(),
                 assembler_.over_limit(),
                 assembler_.truncated_values(),
                 redactor ? redactor->redacted() : 0,
                 redactor ? redactor->failures() : 0,
                 ring_drops() - ring_drops_before_,
                 record_drops() - record_drops_before_,
                 suppressed() - suppressed_before_};
    }

    void answer(std::uint64_t request) {
        const std::lock_guard lock{mutex_};
        answered_ = request;
        answer_.notify_all();
    }

    bool drain_all(Deadline deadline) {
        const std::uint64_t request = requested_.fetch_add(1) + 1;
        runtime_->wake();
        return has_answered(request, deadline);
    }
    bool has_answered(std::uint64_t request, Deadline deadline) {
        std::unique_lock lock{mutex_};
        return answer_.wait_until(lock, deadline, [&] { return answered_ >= request; });
    }
    [[nodiscard]] bool is_own_thread() const noexcept {
        return thread_.get_id() == std::this_thread::get_id();
    }

    void stop_thread() {
        if (!thread_.joinable()) return;
        stopping_.store(true);
        runtime_->wake();
        thread_.join();
    }

    template <class Count>
    [[nodiscard]] std::uint64_t sum_over_lanes(Count count) const noexcept {
        std::uint64_t sum = 0;
        for (const Lane* lane =
                 runtime_->lanes.load(memory_order_acquire); // pairs with claim_lane()
             lane; lane = lane->next)
            sum += count(*lane).load(memory_order_relaxed);
        return sum;
    }
    [[nodiscard]] std::uint64_t ring_drops() const noexcept {
        return sum_over_lanes([](const Lane& lane) -> auto& { return lane.dropped_spans; });
    }
    [[nodiscard]] std::uint64_t record_drops() const noexcept {
        return sum_over_lanes([](const Lane& lane) -> auto& { return lane.dropped_records; });
    }

    [[nodiscard]] std::uint64_t suppressed() const noexcept {
        return sum_over_lanes([](const Lane& lane) -> auto& { return lane.suppressed_spans; });
    }

    /// What stats() tells, as of the end of a pass.
    struct Seen {
        std::uint64_t begun = 0;
        std::uint64_t ended = 0;
        std::uint64_t discarded = 0;
        std::uint64_t over_limit = 0;
        std::uint64_t truncated_values = 0;
        std::uint64_t redacted_values = 0;
        std::uint64_t failed_redactions = 0;
        std::uint64_t ring_drops = 0;
        std::uint64_t record_drops = 0;
        std::uint64_t suppressed = 0;
    };

    Runtime* runtime_;
    struct LetGo {
        void operator()(ChunkPool* pool) const noexcept { pool->let_go(); }
    };
    std::unique_ptr<ChunkPool, LetGo> pool_;
    TimeMap time_;
    SpanAssembler assembler_;
    std::uint64_t fullest_ = 0; ///< ring when the last pass came to it, in 256ths
    bool unread_ = false;       ///< something was in one
    std::uint64_t ring_drops_before_;
    std::uint64_t record_drops_before_;
    std::uint64_t exit_drops_before_;
    std::uint64_t suppressed_before_;
    RateKeeper rates_;
    NoisyCallsites loud_;
    Settings settings_;
    bool one_is_impatient_ = false; ///< an exporter that wants spans at once
    std::vector<std::unique_ptr<BatchProcessor>> batchers_;

    mutable std::mutex mutex_;
    std::condition_variable answer_;
    Seen seen_;
    Atomic<std::uint64_t> requested_{0};
    std::uint64_t answered_ = 0; ///< written by the thread under the lock
    Atomic<bool> stopping_{false};
    /// stop() has not waited for the thread: it reads no lane any more.
    Atomic<bool> let_go_{false};
    bool out_of_memory_ = false; ///< in this round
    bool memory_is_out_ = false; ///< and it has been said
    std::thread thread_;
};

} // namespace detail
} // namespace plume
