// random.hpp - bytes that no other process has, also where the system refuses to give any.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <unistd.h>

#include <plume/core/atomic.hpp>
#include <plume/core/ids.hpp>

#if defined(__linux__)
#    include <sys/auxv.h>
#    include <sys/syscall.h>
#else
#    include <sys/random.h>
#endif

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// Fills what it can, and returns how many bytes that were. `read_some(at, size)` is a system call.
template <class ReadSome>
[[gnu::cold]] std::size_t fill_by(ReadSome read_some, char* memory, std::size_t size) noexcept {
    std::size_t done = 0;
    while (done != size) {
        const long got = static_cast<long>(read_some(memory + done, size - done));
        if (got > 0) done += static_cast<std::size_t>(got);
        else if (got == 0 || errno != EINTR) break; // refused: no later call gets more
    }
    return done;
}

#if defined(__linux__)
// By syscall(), since the functions of the C library are cancellation points, and a cancelled
// thread must not leave a noexcept function of Plume.

[[gnu::cold]] inline std::size_t fill_from_kernel(char* memory, std::size_t size) noexcept {
    return fill_by([](char* at, std::size_t n) { return syscall(SYS_getrandom, at, n, 0); }, memory,
                   size);
}

[[gnu::cold]] inline std::size_t fill_from_device(char* memory, std::size_t size) noexcept {
    const long device = syscall(SYS_openat, AT_FDCWD, "/dev/urandom", O_RDONLY | O_CLOEXEC);
    if (device < 0) return 0;
    const std::size_t done =
        fill_by([device](char* at, std::size_t n) { return syscall(SYS_read, device, at, n); },
                memory, size);
    syscall(SYS_close, device);
    return done;
}

/// 16 random bytes that the kernel gives each program when it starts.
[[gnu::cold]] inline void read_start_secret(std::uint64_t (&words)[2]) noexcept {
    if (const auto* start = reinterpret_cast<const void*>(getauxval(AT_RANDOM)))
        std::memcpy(words, start, sizeof words);
}
#else
[[gnu::cold]] inline std::size_t fill_from_kernel(char* memory, std::size_t size) noexcept {
    return fill_by(
        [](char* at, std::size_t n) { return getrandom(at, n < 256 ? n : std::size_t{256}, 0); },
        memory, size);
}
[[gnu::cold]] inline std::size_t fill_from_device(char*, std::size_t) noexcept { return 0; }
[[gnu::cold]] inline void read_start_secret(std::uint64_t (&)[2]) noexcept {}
#endif

/// What tells this call from all others: the secret of the program's start, the process, two
/// clocks, an address, and a count. A forked process differs by its number, and by when it asks.
[[gnu::cold]] inline void fill_from_surroundings(char* memory, std::size_t size) noexcept {
    static constinit Atomic<std::uint64_t> calls{0};
    std::uint64_t start[2] = {};
    read_start_secret(start);
    std::uint64_t state = mix(start[0] ^ static_cast<std::uint64_t>(getpid()));
    for (const clockid_t clock : {CLOCK_REALTIME, CLOCK_MONOTONIC}) {
        timespec now{};
        clock_gettime(clock, &now);
        state = mix(state ^ (static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U +
                             static_cast<std::uint64_t>(now.tv_nsec)));
    }
    state = mix(state ^ reinterpret_cast<std::uintptr_t>(&state));
    state = mix(state + calls.fetch_add(1, memory_order_relaxed)); // a count that orders nothing
    for (std::size_t done = 0; done < size; done += sizeof state) {
        state = mix(state + start[1] + 0x9e3779b97f4a7c15ULL);
        std::memcpy(memory + done, &state, size - done < sizeof state ? size - done : sizeof state);
    }
}

/// Never fails, and is no cancellation point. The kernel's bytes where a sandbox or an old kernel
/// does not refuse them; else those of /dev/urandom; else a mix of what differs between processes.
[[gnu::cold]] inline void fill_random(void* memory, std::size_t size) noexcept {
    char* const bytes = static_cast<char*>(memory);
    std::size_t done = fill_from_kernel(bytes, size);
    if (done != size) done += fill_from_device(bytes + done, size - done);
    if (done != size) fill_from_surroundings(bytes + done, size - done);
}

} // namespace detail
} // namespace plume
