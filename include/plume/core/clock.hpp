// clock.hpp - the counter that spans are timed with, at the price of one instruction.
#pragma once

#include <cstdint>
#include <time.h>

#if defined(__x86_64__)
#    include <cpuid.h>
#endif

namespace plume {

/// Which counter times the spans of this process; settled by the first session.
enum class Clock : std::uint8_t {
    undecided,
    counter,   ///< rdtsc on x86-64, cntvct_el0 on aarch64
    monotonic, ///< clock_gettime(CLOCK_MONOTONIC), in nanoseconds
};

namespace [[gnu::visibility("hidden")]] detail {

inline std::uint64_t nanoseconds_of(clockid_t clock) noexcept {
    timespec time{};
    clock_gettime(clock, &time); // cannot fail for the clocks that Plume reads
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000U +
           static_cast<std::uint64_t>(time.tv_nsec);
}

/// Ticks of the processor's counter. Not ordered against the instructions around it, which costs
/// a few nanoseconds of precision and saves tens: a fence would make a span twice as dear.
[[gnu::always_inline]] inline std::uint64_t counter_now() noexcept {
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
    std::uint64_t ticks;
    asm volatile("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
#else
    return nanoseconds_of(CLOCK_MONOTONIC);
#endif
}

/// Whether the counter runs at one rate on all cores, in every power state.
inline bool counter_is_invariant() noexcept {
#if defined(__x86_64__)
    // Bit 8 of CPUID 80000007h: EDX (Intel SDM 18.17.1, AMD APM 3, E.4.4).
    unsigned a = 0, b = 0, c = 0, d = 0;
    return __get_cpuid(0x80000007U, &a, &b, &c, &d) != 0 && (d & (1U << 8U)) != 0;
#elif defined(__aarch64__)
    return true; // the generic timer is system-wide by the architecture (Arm ARM, D11.1)
#else
    return false;
#endif
}

/// For the slow paths, which do not know at compile time.
inline std::uint64_t now(Clock clock) noexcept {
    return clock == Clock::monotonic ? nanoseconds_of(CLOCK_MONOTONIC) : counter_now();
}

} // namespace detail
} // namespace plume
