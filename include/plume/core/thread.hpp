// thread.hpp - background threads: named, without signals, out of the program's way; deadlines.
#pragma once

#include <algorithm>
#include <chrono>
#include <csignal>
#include <memory>
#include <pthread.h>
#include <sched.h>
#include <string>
#include <thread>
#include <utility>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

using Deadline = std::chrono::steady_clock::time_point;

/// So long from now. Nobody waits longer than a year, and so no sum overflows.
inline Deadline deadline_after(std::chrono::milliseconds wait) noexcept {
    constexpr std::chrono::milliseconds year = std::chrono::hours{365 * 24};
    return std::chrono::steady_clock::now() +
           std::clamp(wait, std::chrono::milliseconds::zero(), year);
}

/// Starts a thread that no signal of the program is delivered to, with a name for debuggers.
template <class F>
std::thread start_thread(std::string name, F&& body) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const auto restore = [&before](void*) { pthread_sigmask(SIG_SETMASK, &before, nullptr); };
    const std::unique_ptr<void, decltype(restore)> at_the_end{&before, restore};
    std::thread thread{std::forward<F>(body)};
    name.resize(std::min<std::size_t>(name.size(), 15)); // what Linux has room for
    pthread_setname_np(thread.native_handle(), name.c_str());
#if defined(__linux__)
    // A batch thread does not push the program's threads off their processors when it wakes up.
    const sched_param none{};
    pthread_setschedparam(thread.native_handle(), SCHED_BATCH, &none);
#endif
    return thread;
}

} // namespace detail
} // namespace plume
