// recorded.hpp - what a function records, from its spans to the accounting: the frame of most
// tests.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <plume/exporters/memory.hpp>
#include <plume/plume.hpp>
#include <plume/session.hpp>

namespace plume::test {

/// Whatever a session of its own has seen of a function.
struct Recorded {
    std::vector<RecordedSpan> spans; ///< in the order in which they ended, lane by lane
    Stats stats;
    std::string scope_reports; ///< lines about spans and scopes that the test misuses

    /// The first span of that name. Throws if there is none, which fails the test.
    [[nodiscard]] const RecordedSpan& operator[](std::string_view name) const;
    [[nodiscard]] std::string tree() const;
    [[nodiscard]] std::string tree_with_attributes() const;
    [[nodiscard]] const Drops& dropped() const;
};

/// Runs `f` while a session is on. Throws if the session does not deliver, or if a span is missing
/// in its accounting, so that every test that records is a test of that as well. Not inline: a
/// session in every file of the tests is half of the time that they take to compile.
Recorded recorded(Options options, const std::function<void()>& f);
Recorded recorded(const std::function<void()>& f);

/// Runs `f` on a thread of its own, and brings back what it throws.
inline void on_a_thread(const std::function<void()>& f) {
    std::exception_ptr thrown;
    std::thread thread{[&] {
        try {
            f();
        } catch (...) {
            thrown = std::current_exception();
        }
    }};
    thread.join();
    if (thrown) std::rethrow_exception(thrown);
}

/// Runs `f` on a thread whose ring is not made yet. Rings stay as the session wanted them that was
/// running when they were made: what a test says about rings counts only here, and no thread after
/// this one gets the ring.
inline void on_a_new_ring(const std::function<void()>& f) {
    on_a_thread([&f] {
        const detail::Lane* lane = detail::own_lane();
        if (lane && lane->memory) return on_a_new_ring(f); // keeps this one busy meanwhile
        const auto forget_the_lane = [](void*) {
            detail::this_lane = &detail::no_lane;
            pthread_setspecific(detail::runtime().key, nullptr); // so that it is never given up
        };
        const std::unique_ptr<void, decltype(forget_the_lane)> at_the_end{&detail::module,
                                                                          forget_the_lane};
        f();
    });
}

} // namespace plume::test
