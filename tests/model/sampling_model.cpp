// sampling_model.cpp - how a sampler takes the place of another while threads begin roots, and how
// many traces a rate admits.

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <pthread.h>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "plume/core/atomic.hpp"

// The locks are the explorer's; nothing here sleeps.
namespace {
int model_lock(const void* mutex) {
    model::explorer().lock(mutex);
    return 0;
}
int model_unlock(const void* mutex) {
    model::explorer().unlock(mutex);
    return 0;
}
} // namespace

#define pthread_mutex_lock model_lock
#define pthread_mutex_unlock model_unlock
#include <plume/sampling/sources.hpp>
#undef pthread_mutex_lock
#undef pthread_mutex_unlock

namespace {

using namespace plume::detail;
using model::explorer;
using plume::Sampler;
using Scenario = model::Explorer::Scenario;

constexpr std::uint64_t percent = all_of_56_bits / 100;

alignas(Runtime) char runtime_place[sizeof(Runtime)];
Runtime* runtime_with(const Sampler& sampler) {
    auto* made = new (runtime_place) Runtime{[](Runtime&) noexcept {}};
    module.runtime.store(made);
    set_plan(*made, sampler);
    return made;
}

// A sampler takes the place of another.

/// A thread's lane, and what its roots were decided by: th:8 is the sampler of before, th:c the one
/// that took its place.
struct Thread {
    Lane lane;
    bool knows = false; ///< that the sampler was replaced

    void begin_root(Runtime& runtime) {
        if (skip_root(lane) != 0) {
            explorer().require(!knows || lane.threshold > 60 * percent,
                               "a root is skipped for a sampler that is no more");
            return;
        }
        const TraceStart start =
            start_trace(runtime, lane, plume::SpanContext{}, 0, /* stacked: */ true);
        const std::uint64_t random = start.trace_id.low & (all_of_56_bits - 1);
        if ((start.flags & plume::trace_flags::sampled) == 0) {
            explorer().reads(lane.drawn_for, sizeof(SamplingPlan));
            explorer().require(random < lane.threshold,
                               "an id that says sampled, of one that is not");
            explorer().require(!knows || lane.threshold > 60 * percent,
                               "a root is decided on by a sampler that is no more");
            return;
        }
        const bool before = start.trace_state == "ot=th:8";
        explorer().require(before || start.trace_state == "ot=th:c", "a threshold of neither");
        explorer().require(random >= (before ? 50 : 75) * percent, "an id below its threshold");
        explorer().require(!knows || !before, "a root is decided on by a sampler that is no more");
    }
};

/// The seed of a lane whose first draw for the sampler of before is to skip so many roots.
std::uint64_t seed_that_skips(std::uint64_t roots) {
    for (std::uint64_t seed = 0;; ++seed) {
        Lane lane;
        lane.trace_seed[0] = seed;
        if (draw_skips(lane, 0.5) == roots) return seed;
    }
}

alignas(Thread) char threads_place[2][sizeof(Thread)];
struct Flag {
    Atomic<std::uint32_t> set{0};
};
alignas(Flag) char flag_place[sizeof(Flag)];

Scenario replace() {
    static const Sampler before = Sampler::ratio(0.5);
    static const Sampler after = Sampler::ratio(0.25);
    Runtime* runtime = runtime_with(before);
    auto* flag = new (flag_place) Flag;
    std::array<Thread*, 2> threads{};
    for (std::size_t i = 0; i < threads.size(); ++i) {
        threads[i] = new (threads_place[i]) Thread;
        threads[i]->lane.trace_seed[0] = seed_that_skips(i == 0 ? 3 : 0);
    }
    const auto work = [runtime, flag](Thread* thread) {
        return [runtime, flag, thread] {
            for (int i = 0; i < 3; ++i) {
                if (flag->set.load(memory_order_acquire) != 0) thread->knows = true;
                thread->begin_root(*runtime);
            }
        };
    };
    const auto change = [runtime, flag] {
        set_plan(*runtime, after);
        flag->set.store(1, memory_order_release);
    };
    return {{work(threads[0]), work(threads[1]), change}, [] {}};
}

// The child of a fork: the first that asks the sampler wakes its sources up.

alignas(ForkWakeup) char awakening_place[sizeof(ForkWakeup)];

Scenario awake() {
    static const Sampler before = Sampler::always_off();
    static const Sampler after = Sampler::always_on();
    Runtime* runtime = runtime_with(before);
    auto* awakening = new (awakening_place) ForkWakeup;
    awakening->arm(*runtime);
    const SamplingPlan* const first = awakening->before;
    const auto ask_it = [runtime] {
        const SamplingPlan* plan = runtime->sampling.load(memory_order_acquire);
        const SamplerNode& node = *plan->by_parent[SamplingPlan::root];
        static_cast<void>(ask(node, plume::SamplingInput{}, [] { return std::uint64_t{1}; }));
        explorer().require(runtime->sampling.load(memory_order_relaxed) != plan ||
                               node.kind != SamplerNode::Kind::custom,
                           "whoever has been woken is asked again");
    };
    const auto change = [runtime] { set_plan(*runtime, after); };
    return {{ask_it, ask_it, change}, [runtime, awakening, first] {
                const SamplingPlan* plan = runtime->sampling.load();
                explorer().require(plan != first && plan != &awakening->plan,
                                   "a newer sampler is replaced by an older one");
            }};
}

// A rate.

constexpr std::uint64_t window_ns = 1'000;
struct Rate {
    std::array<Atomic<std::uint64_t>, 2> admitted_at;
    RateLimiter limiter;
};
alignas(Rate) char rate_place[sizeof(Rate)];
std::vector<std::uint64_t> admitted;

/// `count` in a window. Threads that have read the clock at these times, and ask in any order.
Scenario rate_of(std::uint32_t count, const std::vector<std::vector<std::uint64_t>>& times) {
    auto* rate = new (rate_place) Rate{{}, {window_ns, count, nullptr}};
    rate->limiter.admitted_at = rate->admitted_at.data();
    admitted.clear();
    Scenario scenario;
    for (const auto& of_thread : times)
        scenario.threads.push_back([rate, of_thread] {
            for (const std::uint64_t now : of_thread)
                if (rate->limiter.admit(now)) admitted.push_back(now);
        });
    scenario.at_the_end = [count] {
        std::ranges::sort(admitted);
        for (std::size_t i = count; i < admitted.size(); ++i)
            explorer().require(admitted[i] - admitted[i - count] >= window_ns,
                               "more are admitted than the rate says");
        explorer().require(!admitted.empty(), "nothing is admitted");
    };
    return scenario;
}

} // namespace

int main() {
    explorer().explore("a sampler replaced", replace);
    explorer().explore("a sampler in a child of fork", awake);
    explorer().explore("a rate of 1", [] { return rate_of(1, {{10'000}, {10'005}, {11'002}}); });
    explorer().explore("a rate of 2",
                       [] { return rate_of(2, {{10'000, 11'000}, {10'005, 11'005}}); });
    std::fflush(stdout);
    std::_Exit(0); // what ends with a program would look for the process's own runtime
}
