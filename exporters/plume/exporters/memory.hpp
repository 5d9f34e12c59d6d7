// memory.hpp - keeps spans in memory, so that a test can look at them.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <iterator>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include <plume/export/exporter.hpp>
#include <plume/exporters/memory/recorded_span.hpp>
#include <plume/exporters/memory/tree_of.hpp>

namespace plume {

/// Copies share what they receive: give one to the session and keep another. Every function may be
/// called from any thread. It keeps all it is given until clear(), without a limit.
///
///     plume::MemoryExporter memory;
///     plume::Session session{{.service_name = "test"}, memory};
///     ...
///     REQUIRE(memory.wait_for(3));
///     REQUIRE(tree_of(memory) == "...");
class MemoryExporter final : public Exporter {
  public:
    MemoryExporter() : shared_{std::make_shared<Shared>()} {}
    // Moving copies, too, so that no handle is ever empty.
    MemoryExporter(const MemoryExporter&) = default;
    MemoryExporter& operator=(const MemoryExporter&) = default;

    /// All spans so far, in the order in which they were delivered.
    [[nodiscard]] std::vector<RecordedSpan> spans() const {
        State& here = state();
        const std::lock_guard lock{here.mutex};
        return here.spans;
    }
    [[nodiscard]] std::size_t size() const {
        State& here = state();
        const std::lock_guard lock{here.mutex};
        return here.spans.size();
    }
    void clear() {
        State& here = state();
        const std::lock_guard lock{here.mutex};
        here.spans.clear();
    }

    /// Waits until `count` spans are here, those of before included; false if they are not in time.
    /// No flush() is needed: a session hands over what has ended within some 50 ms. For spans that
    /// another thread is still to end, as a server's, which ends after its client has the answer.
    [[nodiscard]] bool wait_for(std::size_t count,
                                std::chrono::nanoseconds timeout = std::chrono::seconds{10}) const {
        State& here = state();
        std::unique_lock lock{here.mutex};
        return here.arrived.wait_for(lock, timeout, [&] { return here.spans.size() >= count; });
    }

    [[nodiscard]] Outcome deliver(const Batch& batch) override {
        std::vector<RecordedSpan> recorded;
        recorded.reserve(batch.size());
        for (const SpanData& span : batch)
            recorded.push_back(detail::record(span, batch.resource().service_name()));
        State& here = state();
        {
            const std::lock_guard lock{here.mutex};
            here.spans.insert(here.spans.end(), std::make_move_iterator(recorded.begin()),
                              std::make_move_iterator(recorded.end()));
        }
        here.arrived.notify_all();
        return Outcome::delivered();
    }

    [[nodiscard]] std::string_view name() const noexcept override { return "memory"; }
    [[nodiscard]] bool wants_spans_at_once() const noexcept override { return true; }

    /// What came before the fork is the parent's.
    void forked() noexcept override {
        State& before = state();
        if (before.mutex.try_lock()) {
            before.spans.clear();
            before.mutex.unlock();
        } else if (State* const fresh = new (std::nothrow) State) {
            // A thread that stayed with the parent may hold the lock for ever: leave it both.
            shared_->state.store(fresh, std::memory_order_release); // pairs with state()
        }
    }

  private:
    struct State {
        std::mutex mutex;
        std::condition_variable arrived;
        std::vector<RecordedSpan> spans;
    };
    struct Shared {
        Shared() = default;
        ~Shared() { delete state.load(std::memory_order_acquire); } // pairs with forked()
        Shared(const Shared&) = delete;
        Shared& operator=(const Shared&) = delete;

        std::atomic<State*> state{new State}; ///< changed by forked() alone
    };

    [[nodiscard]] State& state() const noexcept {
        return *shared_->state.load(std::memory_order_acquire); // pairs with forked()
    }

    std::shared_ptr<Shared> shared_;
};

[[nodiscard]] inline std::string tree_of(const MemoryExporter& memory, TreeOptions options = {}) {
    return tree_of(memory.spans(), options);
}

} // namespace plume
