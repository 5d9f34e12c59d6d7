#include <plume/bind_context.hpp>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <plume/instrument/thread.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"
#include "support/recorded.hpp"

using namespace plume::literals;
using plume::bind_context;
using plume::ContextScope;
using plume::current_context;
using plume::SpanContext;
using plume::test::on_a_thread;
using plume::test::recorded;

namespace {

constexpr SpanContext remote{{1, 2}, {3}, plume::trace_flags::sampled, true, {}, {}};

struct Counter {
    int count = 0;
    int add(int n) & { return count += n; }
    int value() const noexcept { return count; }
};

int twice(int n) noexcept { return 2 * n; }

/// Two threads that run what they are given.
class Pool {
  public:
    ~Pool() {
        {
            const std::lock_guard lock{mutex_};
            closed_ = true;
        }
        changed_.notify_all();
        for (auto& thread : threads_) thread.join();
    }
    void submit(std::function<void()> task) {
        const std::lock_guard lock{mutex_};
        tasks_.push_back(std::move(task));
        changed_.notify_one();
    }

  private:
    void run() {
        std::unique_lock lock{mutex_};
        while (true) {
            changed_.wait(lock, [this] { return closed_ || !tasks_.empty(); });
            if (tasks_.empty()) return;
            const auto task = std::move(tasks_.front());
            tasks_.pop_front();
            lock.unlock();
            task();
            lock.lock();
        }
    }
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::function<void()>> tasks_;
    bool closed_ = false;
    std::array<std::thread, 2> threads_{std::thread{[this] { run(); }},
                                        std::thread{[this] { run(); }}};
};

} // namespace

TEST_CASE("a bound callable runs in the context in which it was bound, on whatever thread") {
    const auto seen = recorded([] {
        std::optional<plume::Bound<std::function<void()>>> task;
        {
            PLUME_SPAN("order");
            task.emplace(bind_context(std::function<void()>{[] { PLUME_SPAN("ship"); }}));
        }
        on_a_thread([&] { (*task)(); });
        PLUME_SPAN("unrelated");
        (*task)();
        PLUME_SPAN("below unrelated");
    });
    CHECK(seen.tree() == "order\n"
                         "  ship\n"
                         "  ship\n"
                         "unrelated\n"
                         "  below unrelated\n");
    CHECK(seen.scope_reports.empty());
}

TEST_CASE("what is bound without a context runs without one, whatever is current there") {
    const auto seen = recorded([] {
        const auto task = bind_context([] { PLUME_SPAN("task"); });
        PLUME_SPAN("worker");
        task();
    });
    CHECK(seen.tree() == "worker\ntask\n");
}

TEST_CASE("a callable may be bound to a context of the caller's choice") {
    const auto seen = recorded([] {
        plume::AsyncSpan request{"request"_name};
        auto task = bind_context(request.context(), [] { PLUME_SPAN("task"); });
        request.end();
        on_a_thread(task);
    });
    CHECK(seen.tree() == "request\n  task\n");
}

TEST_CASE("a bound callable owns trace state and baggage, also after it was moved and copied") {
    std::optional<std::string> state{"v=1"}; // short: it would be inside a moved std::string
    std::optional<std::string> baggage{"tenant=acme"};
    SpanContext context = remote;
    context.trace_state = *state;
    context.baggage = *baggage;
    const auto look = [] {
        const SpanContext now = current_context();
        return std::string{now.trace_state} + " " + std::string{now.baggage};
    };
    std::optional<plume::Bound<std::remove_const_t<decltype(look)>>> bound;
    {
        const ContextScope scope{context};
        bound.emplace(bind_context(look));
    }
    state->assign("xxx");
    state.reset();
    baggage->assign("xxxxxxxxxxx");
    baggage.reset();
    auto moved = std::move(*bound);
    bound.reset();
    const auto copy = moved;
    CHECK(copy() == "v=1 tenant=acme");
    CHECK(std::move(moved)() == "v=1 tenant=acme");
    CHECK(copy.context().trace_state == "v=1");
}

TEST_CASE("work may destroy the bound callable that it runs in") {
    SpanContext context = remote;
    const std::string baggage(1000, 'b');
    context.baggage = baggage;
    std::size_t size = 0;
    std::unique_ptr<std::function<void()>> task;
    task = std::make_unique<std::function<void()>>(bind_context(context, [&task, &size] {
        auto& result = size;
        task.reset();
        result = current_context().baggage.size();
    }));
    (*task)();
    CHECK(size == 1000);
}

TEST_CASE("a bound callable takes arguments and gives results as what it holds does") {
    auto bound = bind_context([kept = std::make_unique<int>(1)](int&& a, const std::string& text,
                                                                std::unique_ptr<int> b) {
        return std::make_unique<int>(*kept + a + *b + static_cast<int>(text.size()));
    });
    static_assert(!std::is_copy_constructible_v<decltype(bound)>);
    CHECK(*bound(1, "ab", std::make_unique<int>(3)) == 7);
    CHECK(*std::move(bound)(1, "ab", std::make_unique<int>(3)) == 7);

    int target = 0;
    const auto reference = bind_context([&target](int) -> int& { return target; });
    static_assert(std::is_same_v<decltype(reference(1)), int&>);
    CHECK(&reference(1) == &target);

    auto counts = bind_context([n = 0]() mutable { return ++n; });
    counts();
    CHECK(counts() == 2);
    static_assert(!std::is_invocable_v<const decltype(counts)&>);
    static_assert(std::is_invocable_v<decltype(counts)&>);
    static_assert(!std::is_invocable_v<decltype(counts)&, int>);
}

TEST_CASE("a bound callable distinguishes how it is called") {
    struct Called {
        int operator()() & { return 1; }
        int operator()() const& { return 2; }
        int operator()() && { return 3; }
    };
    auto bound = bind_context(Called{});
    CHECK(bound() == 1);
    CHECK(std::as_const(bound)() == 2);
    CHECK(std::move(bound)() == 3);
}

TEST_CASE("functions and pointers to members may be bound") {
    CHECK(bind_context(twice)(4) == 8);
    CHECK(bind_context(&twice)(4) == 8);
    Counter counter;
    CHECK(bind_context(&Counter::add)(counter, 2) == 2);
    CHECK(bind_context(&Counter::add)(&counter, 2) == 4);
    CHECK(bind_context(&Counter::add)(std::ref(counter), 2) == 6);
    CHECK(bind_context(&Counter::value)(std::make_unique<Counter>(Counter{5})) == 5);
    CHECK(bind_context(&Counter::value)(Counter{7}) == 7);
    bind_context (&Counter::count)(counter) = 9;
    CHECK(bind_context(&Counter::count)(&counter) == 9);
    const auto member = bind_context(&Counter::count);
    CHECK(member(std::ref(counter)) == 9);
}

TEST_CASE("a bound callable is noexcept where what it holds is") {
    const auto never = bind_context([]() noexcept {});
    const auto perhaps = bind_context([] {});
    static_assert(noexcept(never()));
    static_assert(!noexcept(perhaps()));
    static_assert(noexcept(bind_context(&twice)(1)));
    static_assert(noexcept(bind_context([] {})));
    SUCCEED("it compiles");
}

TEST_CASE("an exception passes through a bound callable, and the context outside comes back") {
    const auto seen = recorded([] {
        const auto fails = bind_context(remote, [] {
            PLUME_SPAN("fails");
            throw 7;
        });
        PLUME_SPAN("outside");
        const SpanContext before = current_context();
        CHECK_THROWS_AS(fails(), int);
        CHECK(current_context() == before);
    });
    CHECK(seen["fails"].parent_span_id == remote.span_id);
    CHECK(seen["fails"].status == plume::StatusCode::error);
}

TEST_CASE("what is bound where tracing is suppressed is not traced") {
    const auto seen = recorded([] {
        std::function<void()> task;
        {
            const plume::SuppressScope quiet;
            task = bind_context([] { PLUME_SPAN("unseen"); });
        }
        on_a_thread(task);
        PLUME_SPAN("seen");
        task();
    });
    CHECK(seen.tree() == "seen\n");
}

TEST_CASE("a decision against a trace holds in what is bound in it") {
    SpanContext unsampled = remote;
    unsampled.flags = 0;
    const auto seen = recorded([&] {
        const ContextScope scope{unsampled};
        PLUME_SPAN("not recorded");
        on_a_thread(bind_context([] {
            PLUME_SPAN("nor this");
            CHECK_FALSE(current_context().sampled());
            CHECK(current_context().trace_id == remote.trace_id);
        }));
    });
    CHECK(seen.spans.empty());
}

TEST_CASE("binding allocates nothing unless there is trace state or baggage") {
    recorded([] {
        PLUME_SPAN("order");
        const std::size_t before = plume::test::allocations();
        auto bound = bind_context([] {});
        bound();
        const auto copy = bound;
        const auto moved = std::move(bound);
        moved();
        CHECK(plume::test::allocations() == before);
    });
    static_assert(sizeof(plume::Bound<void (*)()>) <= 64);
}

// Threads, asynchronous calls and pools.

TEST_CASE("threads go on in the context of who starts them") {
    const auto seen = recorded([] {
        PLUME_SPAN("order");
        auto thread = plume::thread([](int n) { PLUME_SPAN("thread", "n"_a = n); }, 3);
        static_assert(std::is_same_v<decltype(thread), std::thread>);
        thread.join();
        const auto stoppable = plume::jthread(
            [](std::stop_token stop, int n) {
                PLUME_SPAN("jthread", "n"_a = n, "stoppable"_a = stop.stop_possible());
            },
            4);
        const auto plain = plume::jthread([] { PLUME_SPAN("plain"); });
    });
    CHECK(seen["thread"].parent_span_id == seen["order"].span_id);
    CHECK(seen["jthread"].parent_span_id == seen["order"].span_id);
    CHECK(seen["plain"].parent_span_id == seen["order"].span_id);
    CHECK(seen["jthread"].text("stoppable") == "true");
    CHECK(seen["thread"].text("n") == "3");
    CHECK(seen.scope_reports.empty());
}

TEST_CASE("asynchronous calls go on in the context of who makes them, deferred ones as well") {
    const auto seen = recorded([] {
        std::future<int> deferred;
        {
            PLUME_SPAN("order");
            auto now = plume::async(
                std::launch::async,
                [](int n) {
                    PLUME_SPAN("async");
                    return n;
                },
                1);
            CHECK(now.get() == 1);
            CHECK(plume::async([] {
                      PLUME_SPAN("either");
                      return 2;
                  }).get() == 2);
            deferred = plume::async(std::launch::deferred, [] {
                PLUME_SPAN("deferred");
                return 3;
            });
        }
        PLUME_SPAN("another");
        CHECK(deferred.get() == 3);
    });
    for (const char* name : {"async", "either", "deferred"})
        CHECK(seen[name].parent_span_id == seen["order"].span_id);
}

TEST_CASE("in a pool, each task is a child of what submitted it") {
    constexpr int orders = 200;
    const auto seen = recorded([] {
        Pool pool;
        for (int i = 0; i < orders; ++i) {
            PLUME_SPAN("order", "id"_a = i);
            for (int k = 0; k < 2; ++k)
                pool.submit(bind_context([i, &pool] {
                    PLUME_SPAN("pack", "id"_a = i);
                    pool.submit(bind_context([i] { PLUME_SPAN("ship", "id"_a = i); }));
                }));
        }
    });
    CHECK(seen.spans.size() == orders * 5);
    CHECK(seen.scope_reports.empty());
    std::size_t wrong = 0;
    for (const auto& child : seen.spans) {
        if (child.name == "order") continue;
        const auto parent =
            std::ranges::find(seen.spans, child.parent_span_id, &plume::RecordedSpan::span_id);
        const bool right = parent != seen.spans.end() && parent->text("id") == child.text("id") &&
                           parent->trace_id == child.trace_id &&
                           parent->name == (child.name == "pack" ? "order" : "pack");
        if (!right) ++wrong;
    }
    CHECK(wrong == 0);
}
