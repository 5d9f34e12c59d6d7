// A file without tracing in a program that has it: callables, threads and coroutines are what they
// were.
#define PLUME_ENABLED 0
#include <plume/bind_context.hpp>
#include <plume/instrument/asio.hpp>
#include <plume/instrument/coroutine.hpp>
#include <plume/instrument/thread.hpp>

#include <coroutine>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <plume/plume.hpp>

#include "support/catch.hpp"
#include "support/recorded.hpp"

using namespace plume::literals;
using plume::test::recorded;

namespace {

struct Base {
    int value = 0;
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    std::suspend_always yield_value(int given) noexcept {
        value = given;
        return {};
    }
    void unhandled_exception() noexcept { std::terminate(); }
};
struct Generator {
    struct promise_type : plume::TracedPromise<Base> {
        Generator get_return_object() {
            return {std::coroutine_handle<promise_type>::from_promise(*this)};
        }
        void return_void() noexcept {}
    };
    std::coroutine_handle<promise_type> handle;
};

Generator numbers(plume::CallerContext caller = {}) {
    plume::CoroutineContext here{caller};
    plume::CoroutineSpan span{PLUME_CALLSITE("off"), "n"_a = 1};
    span.set("n"_a = 2);
    PLUME_SPAN("off");
    co_yield 1;
    co_await here.traced(std::suspend_always{});
    span.end();
    co_yield 2;
}

} // namespace

TEST_CASE("compiled out, a bound callable is the callable") {
    const auto twice = [](int n) { return 2 * n; };
    static_assert(
        std::is_same_v<decltype(plume::bind_context(twice)), std::decay_t<decltype(twice)>>);
    static_assert(std::is_same_v<decltype(plume::bind_context(&Base::value)), int Base::*>);
    static_assert(std::is_same_v<decltype(plume::bind_context(boost::asio::use_awaitable)),
                                 boost::asio::use_awaitable_t<>>);
    static_assert(
        std::is_same_v<decltype(plume::bind_context(std::declval<boost::asio::awaitable<int>>())),
                       boost::asio::awaitable<int>>);
    CHECK(plume::bind_context(twice)(2) == 4);
    CHECK(plume::bind_context(0, twice)(2) == 4);
    CHECK(plume::bind_context([kept = std::make_unique<int>(3)] { return *kept; })() == 3);
}

TEST_CASE("compiled out, threads and coroutines run, and nothing is recorded") {
    static_assert(sizeof(Generator::promise_type) == sizeof(Base));
    static_assert(std::is_empty_v<plume::CoroutineContext>);
    static_assert(std::is_empty_v<plume::CoroutineSpan>);
    int sum = 0;
    const auto seen = recorded([&] {
        plume::thread([&sum](int n) { sum += n; }, 1).join();
        plume::jthread([&sum] { sum += 2; }).join();
        sum += plume::async([] { return 4; }).get();
        sum += plume::async(std::launch::deferred, [] { return 8; }).get();
        const Generator generator = numbers();
        for (int i = 0; i < 3; ++i) generator.handle.resume();
        sum += 16 * generator.handle.promise().value;
        generator.handle.resume();
        CHECK(generator.handle.done());
        generator.handle.destroy();
    });
    CHECK(sum == 47);
    CHECK(seen.spans.empty());
}
