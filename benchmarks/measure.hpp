// measure.hpp - what every benchmark needs: a clock, a processor of its own, an exporter that
// takes everything.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <string_view>
#include <thread>
#include <vector>

#include <pthread.h>
#include <sched.h>

#include <plume/core/clock.hpp>
#include <plume/exporter.hpp>

namespace measure {

class NullExporter : public plume::Exporter {
  public:
    plume::Outcome deliver(const plume::Batch&) override { return plume::Outcome::delivered(); }
    [[nodiscard]] std::string_view name() const noexcept override { return "null"; }
};

/// Of the steady clock.
inline double now_ns() {
    return std::chrono::duration<double, std::nano>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

/// The time that passes from when it is made, without what the calling thread works until it is
/// told to rest: what those threads take that share its processor, whenever they do it. A reader
/// that wakes up while the calling thread records has done a part of its work before that thread
/// waits for it.
class BackgroundTime {
  public:
    void rest() { own_ns_ = worked_ns() - own_ns_; }
    [[nodiscard]] double ns() const { return now_ns() - begin_ns_ - own_ns_; }

  private:
    static double worked_ns() {
        timespec time{};
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
        return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
    }
    double begin_ns_ = now_ns();
    double own_ns_ = worked_ns();
};

/// Keeps the calling thread, and those that it starts, on one processor; -1: on all but the first.
inline void run_on(int processor) {
    if (std::thread::hardware_concurrency() < 2) return;
    cpu_set_t set;
    CPU_ZERO(&set);
    for (int i = 0; i < static_cast<int>(std::thread::hardware_concurrency()); ++i)
        if (processor >= 0 ? i == processor : i != 0) CPU_SET(i, &set);
    pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

inline double median(std::vector<double> values) {
    if (values.empty()) return 0;
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

/// What two reads of the counter behind each other cost: the unit of all ratios.
[[nodiscard]] inline double clock_pair_ns(int pairs = 4000) {
    const double begin = now_ns();
    for (int i = 0; i < pairs; ++i) {
        const std::uint64_t first = plume::detail::counter_now();
        const std::uint64_t second = plume::detail::counter_now();
        asm volatile("" ::"r"(first), "r"(second));
    }
    return (now_ns() - begin) / pairs;
}

} // namespace measure
