// thread.hpp - threads and asynchronous calls that go on in the context of who starts them.
#pragma once

#include <future>
#include <thread>
#include <type_traits>
#include <utility>

#include <plume/trace/bind_context.hpp>

namespace plume {
inline namespace PLUME_MODE {

/// std::thread{f, arguments...}, whose spans are children of what is current here. Throws what
/// that throws. For work that is handed to threads which run already, see bind_context().
template <class F, class... Args>
[[nodiscard]] std::thread thread(F&& f, Args&&... arguments) {
    return std::thread{bind_context(std::forward<F>(f)), std::forward<Args>(arguments)...};
}

#if defined(__cpp_lib_jthread)
/// The same as a std::jthread. `f` is given its std::stop_token if it takes one first.
template <class F, class... Args>
[[nodiscard]] std::jthread jthread(F&& f, Args&&... arguments) {
    return std::jthread{bind_context(std::forward<F>(f)), std::forward<Args>(arguments)...};
}
#endif

/// std::async(policy, f, arguments...), in the context that is current here: also when
/// std::launch::deferred has it run in another one, by who waits for it.
template <class F, class... Args>
[[nodiscard]] auto async(std::launch policy, F&& f, Args&&... arguments) {
    return std::async(policy, bind_context(std::forward<F>(f)), std::forward<Args>(arguments)...);
}
/// The same, where the library chooses between a thread and deferring.
template <class F, class... Args>
    requires(!std::is_same_v<std::remove_cvref_t<F>, std::launch>)
[[nodiscard]] auto async(F&& f, Args&&... arguments) {
    return std::async(bind_context(std::forward<F>(f)), std::forward<Args>(arguments)...);
}

} // namespace PLUME_MODE
} // namespace plume
