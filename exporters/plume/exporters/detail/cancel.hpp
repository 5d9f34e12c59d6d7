// cancel.hpp - lets one thread cut short what another waits for.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

namespace plume::detail {

/// request() may be called from any thread at any time; everything else belongs to the thread
/// that delivers. An atomic that is looked at, not a condition variable: a fork() can't leave it
/// locked. Moving it is for options and constructors, before a second thread knows it.
class CancelFlag {
  public:
    CancelFlag() = default;
    CancelFlag(CancelFlag&& other) noexcept : requested_{other.requested()} {}
    CancelFlag& operator=(CancelFlag&& other) noexcept {
        requested_.store(other.requested(), std::memory_order_relaxed);
        return *this;
    }

    void request() noexcept { requested_.store(true, std::memory_order_relaxed); }
    void reset() noexcept { requested_.store(false, std::memory_order_relaxed); }
    [[nodiscard]] bool requested() const noexcept {
        return requested_.load(std::memory_order_relaxed);
    }

    /// Waits that long, or until request(); false if it was cut short.
    [[nodiscard]] bool wait_for(std::chrono::nanoseconds time) const {
        const auto deadline = std::chrono::steady_clock::now() + time;
        while (!requested()) {
            const auto left = deadline - std::chrono::steady_clock::now();
            if (left <= left.zero()) return true;
            std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(left, glance));
        }
        return false;
    }

    /// How often a waiting thread looks: people don't notice 20 ms, processors don't 50 looks a
    /// second.
    static constexpr std::chrono::milliseconds glance{20};

  private:
    std::atomic<bool> requested_ = false; // relaxed: it carries no data
};

} // namespace plume::detail
