#include <plume/instrument/coroutine.hpp>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <coroutine>
#include <deque>
#include <exception>
#include <future>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/allocations.hpp"
#include "support/catch.hpp"
#include "support/recorded.hpp"

using namespace plume::literals;
using plume::CallerContext;
using plume::CoroutineContext;
using plume::CoroutineSpan;
using plume::current_context;
using plume::SpanContext;
using plume::test::on_a_thread;
using plume::test::recorded;

namespace {

/// Runs coroutines on a number of threads of its own.
class Loop {
  public:
    explicit Loop(std::size_t threads = 2) {
        while (threads-- != 0) threads_.emplace_back([this] { run(); });
    }
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;
    ~Loop() {
        {
            const std::lock_guard lock{mutex_};
            closed_ = true;
        }
        changed_.notify_all();
        for (auto& thread : threads_) thread.join();
    }
    void post(std::coroutine_handle<> work) {
        const std::lock_guard lock{mutex_};
        queue_.push_back(work);
        changed_.notify_one();
    }

    /// co_await loop.hop(): go on in one of its threads.
    auto hop() {
        struct Hop {
            Loop* loop;
            bool await_ready() const noexcept { return false; }
            void await_suspend(std::coroutine_handle<> self) const { loop->post(self); }
            void await_resume() const noexcept {}
        };
        return Hop{this};
    }

  private:
    void run() {
        std::unique_lock lock{mutex_};
        while (true) {
            changed_.wait(lock, [this] { return closed_ || !queue_.empty(); });
            if (queue_.empty()) return;
            const auto work = queue_.front();
            queue_.pop_front();
            lock.unlock();
            work.resume();
            // Whatever the coroutine has left on this thread becomes the parent of this.
            { PLUME_SPAN("unrelated"); }
            lock.lock();
        }
    }
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::coroutine_handle<>> queue_;
    bool closed_ = false;
    std::vector<std::thread> threads_;
};

/// What is common to the promises of tasks: lazy, and goes on with who awaits it.
template <class T>
struct TaskBase {
    std::coroutine_handle<> next = std::noop_coroutine();
    std::optional<T> value;
    std::exception_ptr thrown;

    std::suspend_always initial_suspend() noexcept { return {}; }
    auto final_suspend() noexcept {
        struct Final {
            std::coroutine_handle<> next;
            bool await_ready() const noexcept { return false; }
            std::coroutine_handle<> await_suspend(std::coroutine_handle<>) const noexcept {
                return next;
            }
            void await_resume() const noexcept {}
        };
        return Final{next};
    }
    void unhandled_exception() noexcept { thrown = std::current_exception(); }
};

template <class T, template <class> class Wrap>
class [[nodiscard]] BasicTask {
  public:
    struct promise_type : Wrap<TaskBase<T>> {
        BasicTask get_return_object() {
            return BasicTask{std::coroutine_handle<promise_type>::from_promise(*this)};
        }
        void return_value(T given) { this->value = std::move(given); }
    };

    BasicTask(BasicTask&& other) noexcept : handle_{std::exchange(other.handle_, {})} {}
    BasicTask& operator=(BasicTask&&) = delete;
    ~BasicTask() {
        if (handle_) handle_.destroy();
    }

    auto operator co_await() const noexcept {
        struct Awaiter {
            std::coroutine_handle<promise_type> handle;
            bool await_ready() const noexcept { return false; }
            std::coroutine_handle<> await_suspend(std::coroutine_handle<> self) const noexcept {
                handle.promise().next = self;
                return handle;
            }
            T await_resume() const {
                if (handle.promise().thrown) std::rethrow_exception(handle.promise().thrown);
                return std::move(*handle.promise().value);
            }
        };
        return Awaiter{handle_};
    }

    [[nodiscard]] std::coroutine_handle<promise_type> handle() const { return handle_; }

  private:
    explicit BasicTask(std::coroutine_handle<promise_type> handle) : handle_{handle} {}
    std::coroutine_handle<promise_type> handle_;
};

template <class Base>
using Unchanged = Base;

template <class T = int>
using Task = BasicTask<T, plume::TracedPromise>;
template <class T = int>
using PlainTask = BasicTask<T, Unchanged>;

/// Ends when the coroutine that it is has.
struct Eager {
    struct Base {
        std::promise<void>* done = nullptr;
        std::suspend_never initial_suspend() noexcept { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void unhandled_exception() noexcept { std::terminate(); }
    };
    struct promise_type : plume::TracedPromise<Base> {
        Eager get_return_object() { return {}; }
        void return_void() {}
    };
};

template <class T>
Eager start(const T& task, std::promise<int>& result) {
    try {
        result.set_value(co_await task);
    } catch (...) {
        result.set_exception(std::current_exception());
    }
}

/// Runs a task to its end, on whatever threads it chooses.
template <class T>
int wait_for(T task) {
    std::promise<int> result;
    start(task, result);
    return result.get_future().get();
}

/// An awaitable that has something to say itself.
struct Scripted {
    bool ready = false;
    bool throws_on_suspend = false;
    bool throws_on_resume = false;
    bool goes_on = false; ///< await_suspend() returns false
    bool await_ready() const noexcept { return ready; }
    bool await_suspend(std::coroutine_handle<>) const {
        if (throws_on_suspend) throw std::runtime_error{"suspend"};
        return !goes_on;
    }
    int await_resume() const {
        if (throws_on_resume) throw std::runtime_error{"resume"};
        return 5;
    }
};

/// A generator, whose consumer resumes it.
template <class T>
class Generator {
  public:
    struct Base {
        const T* value = nullptr;
        std::suspend_always initial_suspend() noexcept { return {}; }
        std::suspend_always final_suspend() noexcept { return {}; }
        std::suspend_always yield_value(const T& given) noexcept {
            value = &given;
            return {};
        }
        void unhandled_exception() { throw; }
    };
    struct promise_type : plume::TracedPromise<Base> {
        Generator get_return_object() {
            return Generator{std::coroutine_handle<promise_type>::from_promise(*this)};
        }
        void return_void() noexcept {}
    };
    Generator(const Generator&) = delete;
    Generator& operator=(const Generator&) = delete;
    ~Generator() { handle_.destroy(); }

    const T* next() {
        handle_.resume();
        return handle_.done() ? nullptr : handle_.promise().value;
    }

  private:
    explicit Generator(std::coroutine_handle<promise_type> handle) : handle_{handle} {}
    std::coroutine_handle<promise_type> handle_;
};

/// The spans of all but the loop's own work, and how many of that have a parent.
struct Seen {
    std::string tree;
    std::size_t adopted = 0;
    std::string scope_reports;
};
Seen of_coroutines(const std::function<void()>& f) {
    const auto seen = recorded(f);
    Seen result;
    std::vector<plume::RecordedSpan> ours;
    for (const auto& span : seen.spans)
        if (span.name != "unrelated") ours.push_back(span);
        else if (span.parent_span_id.valid()) ++result.adopted;
    result.tree = plume::tree_of(ours);
    result.scope_reports = seen.scope_reports;
    return result;
}

constexpr SpanContext remote{{1, 2}, {3}, plume::trace_flags::sampled, true, {}, {}};

// Coroutines of the tests.

Task<> step(Loop& loop, int n) {
    CoroutineSpan span{PLUME_CALLSITE("step"), "n"_a = n};
    co_await loop.hop();
    { PLUME_SPAN("work"); }
    span.set("resumed"_a = true);
    co_await loop.hop();
    co_return n;
}

Task<> order(Loop& loop) {
    const CoroutineSpan span{PLUME_CALLSITE("order")};
    co_await loop.hop();
    int sum = 0;
    for (int i = 0; i < 2; ++i) sum += co_await step(loop, i + 1);
    { PLUME_SPAN("between"); }
    {
        const CoroutineSpan inner{PLUME_CALLSITE("inner")};
        sum += co_await step(loop, 3);
    }
    PLUME_SPAN("last");
    co_return sum;
}

} // namespace

TEST_CASE("a coroutine's spans keep their parents while it goes from thread to thread") {
    const Seen seen = of_coroutines([] {
        Loop loop;
        PLUME_SPAN("caller");
        CHECK(wait_for(order(loop)) == 6);
    });
    CHECK(seen.tree == "caller\n"
                       "  order\n"
                       "    step\n"
                       "      work\n"
                       "    step\n"
                       "      work\n"
                       "    between\n"
                       "    inner\n"
                       "      step\n"
                       "        work\n"
                       "    last\n");
    CHECK(seen.adopted == 0);
    CHECK(seen.scope_reports.empty());
}

TEST_CASE("many coroutines on few threads do not get into each other's traces") {
    constexpr int orders = 200;
    const auto seen = recorded([] {
        Loop loop{4};
        std::array<std::promise<int>, orders> results;
        std::vector<Task<>> tasks;
        for (int i = 0; i < orders; ++i) {
            PLUME_SPAN("caller");
            tasks.push_back(order(loop));
            start(tasks.back(), results[static_cast<std::size_t>(i)]);
        }
        for (auto& result : results) CHECK(result.get_future().get() == 6);
    });
    CHECK(seen.scope_reports.empty());
    std::size_t wrong = 0;
    std::size_t ours = 0;
    for (const auto& span : seen.spans) {
        if (span.name == "unrelated") {
            wrong += span.parent_span_id.valid() ? 1 : 0;
            continue;
        }
        ++ours;
        if (span.name == "caller") continue;
        const auto parent =
            std::ranges::find(seen.spans, span.parent_span_id, &plume::RecordedSpan::span_id);
        const auto& expected = span.name == "order"  ? "caller"
                               : span.name == "work" ? "step"
                                                     : "order";
        const bool right =
            parent != seen.spans.end() && parent->trace_id == span.trace_id &&
            (parent->name == expected || (span.name == "step" && parent->name == "inner"));
        wrong += right ? 0 : 1;
    }
    CHECK(ours == orders * 11);
    CHECK(wrong == 0);
}

TEST_CASE("what a coroutine finds on a thread is there again when it suspends or ends") {
    const auto seen = recorded([] {
        Loop loop{1};
        {
            PLUME_SPAN("around");
            const SpanContext before = current_context();
            const auto suspended = [](Loop& in) -> Task<> {
                const CoroutineSpan span{PLUME_CALLSITE("coroutine")};
                co_await in.hop();
                co_return 1;
            }(loop);
            CHECK(current_context() == before);
            std::promise<int> result;
            start(suspended, result);
            CHECK(current_context() == before);
            { PLUME_SPAN("of the caller"); }
            result.get_future().wait();
        }
        CHECK_FALSE(current_context().valid());
    });
    CHECK(seen["of the caller"].parent_span_id == seen["around"].span_id);
    CHECK(seen["coroutine"].parent_span_id == seen["around"].span_id);
}

TEST_CASE("an exception out of co_await finds the coroutine in its context") {
    const Seen seen = of_coroutines([] {
        Loop loop;
        const auto fails = [](Loop& in) -> Task<> {
            const CoroutineSpan span{PLUME_CALLSITE("fails")};
            co_await in.hop();
            throw std::runtime_error{"no"};
        };
        const auto task = [&fails](Loop& in) -> Task<> {
            const CoroutineSpan span{PLUME_CALLSITE("task")};
            try {
                co_await fails(in);
            } catch (const std::runtime_error&) {
                PLUME_SPAN("handler");
            }
            co_return 0;
        };
        wait_for(task(loop));
    });
    CHECK(seen.tree == "task\n  fails !\n  handler\n");
    CHECK(seen.adopted == 0);
    CHECK(seen.scope_reports.empty());
}

TEST_CASE("an awaiter may be ready, go on at once, or throw, and the context stays") {
    const Seen seen = of_coroutines([] {
        wait_for([]() -> Task<> {
            const CoroutineSpan span{PLUME_CALLSITE("task")};
            const int ready = co_await Scripted{.ready = true};
            { PLUME_SPAN("ready"); }
            const int went_on = co_await Scripted{.goes_on = true};
            CHECK(ready + went_on == 10);
            { PLUME_SPAN("went on"); }
            for (const Scripted& script : {Scripted{.throws_on_suspend = true},
                                           Scripted{.throws_on_resume = true, .goes_on = true},
                                           Scripted{.ready = true, .throws_on_resume = true}}) {
                bool thrown = false;
                try {
                    co_await script;
                } catch (const std::runtime_error&) {
                    thrown = true;
                    PLUME_SPAN("caught");
                }
                CHECK(thrown);
            }
            co_return 0;
        }());
        CHECK_FALSE(current_context().valid());
    });
    CHECK(seen.tree == "task\n  ready\n  went on\n  caught\n  caught\n  caught\n");
    CHECK(seen.scope_reports.empty());
}

TEST_CASE("a coroutine that is destroyed while it is suspended ends its spans there") {
    const auto seen = recorded([] {
        const auto never = []() -> Task<> {
            const CoroutineSpan outer{PLUME_CALLSITE("outer")};
            const CoroutineSpan inner{PLUME_CALLSITE("inner")};
            co_await std::suspend_always{};
            co_return 0;
        };
        std::optional<Task<>> task{never()};
        task->handle().resume();
        CHECK_FALSE(current_context().valid());
        on_a_thread([&] {
            PLUME_SPAN("elsewhere");
            const SpanContext before = current_context();
            try {
                const auto destroyer = [&task](int*) { task.reset(); };
                int nothing = 0;
                const std::unique_ptr<int, decltype(destroyer)> at_the_end{&nothing, destroyer};
                throw 1; // unwinding, but not the coroutine
            } catch (int) {}
            CHECK(current_context() == before);
        });
    });
    CHECK(seen.tree() == "outer\n  inner\nelsewhere\n");
    CHECK(seen.stats.open == 0);
    CHECK(seen.scope_reports.empty());
}

TEST_CASE("a generator works in its own context, and its consumer in the consumer's") {
    const auto numbers = []() -> Generator<int> {
        const CoroutineSpan span{PLUME_CALLSITE("generator")};
        for (int i = 0; i < 2; ++i) {
            {
                PLUME_SPAN("produce");
            }
            co_yield i;
        }
    };
    const auto seen = recorded([&] {
        PLUME_SPAN("owner");
        auto generator = numbers();
        PLUME_SPAN("consumer");
        while (generator.next()) PLUME_SPAN("consume");
    });
    CHECK(seen.tree() == "owner\n"
                         "  consumer\n"
                         "    consume\n"
                         "    consume\n"
                         "  generator\n"
                         "    produce\n"
                         "    produce\n");
    CHECK(seen.scope_reports.empty());
}

namespace {
Task<> recurse(Loop& loop, int depth) {
    const CoroutineSpan span{PLUME_CALLSITE("level")};
    if (depth == 0) co_return 0;
    co_await loop.hop();
    co_return 1 + co_await recurse(loop, depth - 1);
}
Task<> last(int n) { co_return n; }
} // namespace

TEST_CASE("a coroutine may await itself, as deep as it likes") {
    const auto seen = recorded([] {
        Loop loop;
        CHECK(wait_for(recurse(loop, 50)) == 50);
    });
    const auto level = [&](std::size_t n) {
        const plume::RecordedSpan* at = &seen["level"];
        const auto of = [&](const plume::SpanId& parent) {
            return std::ranges::find_if(seen.spans, [&](const auto& span) {
                return span.name == "level" && span.parent_span_id == parent;
            });
        };
        plume::SpanId parent{};
        for (std::size_t i = 0; i <= n; ++i) {
            const auto found = of(parent);
            if (found == seen.spans.end()) return false;
            at = &*found;
            parent = at->span_id;
        }
        return true;
    };
    CHECK(level(50));
    CHECK_FALSE(level(51));
    CHECK(seen.scope_reports.empty());
}

TEST_CASE("awaiting many tasks that are ready one after the other needs no deep stack") {
    const auto seen = recorded([] {
        CHECK(wait_for([]() -> Task<> {
                  int sum = 0;
                  for (int i = 0; i < 10'000; ++i) sum += co_await last(1);
                  co_return sum;
              }()) == 10'000);
    });
    CHECK(seen.spans.empty());
}

TEST_CASE("trace state and baggage go with a coroutine after the caller has dropped them") {
    std::string seen_by_coroutine;
    const auto seen = recorded([&] {
        Loop loop;
        std::promise<int> result;
        std::optional<std::string> text{"v=1"};
        const auto look = [](Loop& in, std::string& out) -> Task<> {
            const CoroutineSpan span{PLUME_CALLSITE("look")};
            co_await in.hop();
            out = std::string{current_context().trace_state} + " " +
                  std::string{current_context().baggage};
            const plume::AsyncSpan child{"child"_name};
            co_return 0;
        };
        std::optional<Task<>> task;
        {
            SpanContext context = remote;
            context.trace_state = *text;
            context.baggage = *text;
            const plume::ContextScope scope{context};
            task.emplace(look(loop, seen_by_coroutine));
        }
        text->assign("x");
        text.reset();
        start(*task, result);
        result.get_future().wait();
    });
    CHECK(seen_by_coroutine == "v=1 v=1");
    CHECK(seen["look"].parent_span_id == remote.span_id);
    CHECK(seen["child"].trace_state == "v=1");
}

TEST_CASE("a coroutine span may have another parent, whose text it keeps") {
    const auto seen = recorded([] {
        Loop loop;
        const auto serve = [](Loop& in) -> Task<> {
            std::optional<std::string> header{"v=1"};
            SpanContext caller = remote;
            caller.trace_state = *header;
            const CoroutineSpan span{PLUME_CALLSITE("serve"), caller, plume::server};
            header->assign("x");
            header.reset();
            co_await in.hop();
            PLUME_SPAN("work");
            co_return 0;
        };
        wait_for(serve(loop));
    });
    CHECK(seen["serve"].parent_span_id == remote.span_id);
    CHECK(seen["work"].parent_span_id == seen["serve"].span_id);
    CHECK(seen["work"].trace_state == "v=1");
}

TEST_CASE("nothing of a coroutine is recorded in a trace that is not, or is suppressed") {
    const Seen seen = of_coroutines([] {
        Loop loop;
        SpanContext unsampled = remote;
        unsampled.flags = 0;
        {
            const plume::ContextScope scope{unsampled};
            wait_for(order(loop));
        }
        const plume::SuppressScope quiet;
        wait_for(order(loop));
    });
    CHECK(seen.tree.empty());
    CHECK(seen.adopted == 0);
}

TEST_CASE("without a session a coroutine passes a context on") {
    Loop loop;
    bool same = false;
    const auto look = [&same](Loop& in) -> Task<> {
        const CoroutineSpan span{PLUME_CALLSITE("nobody sees this")};
        co_await in.hop();
        same = current_context() == remote;
        co_return 0;
    };
    const plume::ContextScope scope{remote};
    wait_for(look(loop));
    CHECK(same);
}

TEST_CASE("a span of the stack that is open across co_await is reported, and is nobody's parent") {
    const auto seen = recorded([] {
        Loop loop;
        const auto wrong = [](Loop& in) -> Task<> {
            const CoroutineSpan span{PLUME_CALLSITE("task")};
            PLUME_SPAN("wrong");
            co_await in.hop();
            PLUME_SPAN("after");
            co_return 0;
        };
        wait_for(wrong(loop));
    });
    CHECK(seen.scope_reports.find("the span \"wrong\"") != std::string::npos);
    CHECK(seen["wrong"].parent_span_id == seen["task"].span_id);
    CHECK(seen["after"].parent_span_id == seen["task"].span_id);
    CHECK_FALSE(seen["unrelated"].parent_span_id.valid());
}

TEST_CASE("suspending and resuming allocates nothing") {
    recorded([] {
        const plume::ContextScope scope{remote};
        const auto task = []() -> Task<> {
            const CoroutineSpan span{PLUME_CALLSITE("task")};
            for (int i = 0; i < 100; ++i) co_await std::suspend_always{};
            co_return 0;
        }();
        task.handle().resume();
        const std::size_t before = plume::test::allocations();
        for (int i = 0; i < 99; ++i) task.handle().resume();
        CHECK(plume::test::allocations() == before);
    });
}

TEST_CASE("all that begins below a sampled coroutine span is recorded, whatever was drawn ahead") {
    plume::Options options;
    options.service_name = "test";
    options.sampler = plume::Sampler::parent_based(plume::Sampler::ratio(0.5));
    const auto seen = recorded(options, [] {
        const auto serve = []() -> Task<> {
            CoroutineSpan span{PLUME_CALLSITE("serve")};
            { PLUME_SPAN("child"); }
            co_return 0;
        };
        for (int i = 0; i < 200; ++i) {
            {
                PLUME_SPAN("tick");
            }
            wait_for(serve());
        }
    });
    const auto named = [&seen](std::string_view name) {
        return std::ranges::count(seen.spans, name, &plume::RecordedSpan::name);
    };
    CHECK(named("serve") != 0);
    CHECK(named("child") == named("serve"));
}

TEST_CASE("an exception in flight where a coroutine is resumed is not one of its spans") {
    const auto seen = recorded([] {
        struct Resumes {
            std::coroutine_handle<> coroutine;
            ~Resumes() { coroutine.resume(); }
        };
        const auto task = [](bool throws) -> Task<> {
            const CoroutineSpan span{PLUME_CALLSITE("span")};
            co_await std::suspend_always{};
            const CoroutineSpan begun_there{PLUME_CALLSITE("begun there")};
            if (throws) throw std::runtime_error{"of the coroutine"};
            co_return 0;
        };
        for (const bool throws : {false, true}) {
            const auto made = task(throws);
            made.handle().resume();
            on_a_thread([&made] {
                try {
                    const Resumes resumes{made.handle()};
                    throw std::runtime_error{"of somebody else"};
                } catch (const std::runtime_error&) {}
            });
        }
    });
    CHECK(seen.tree() == "span\n"
                         "  begun there\n"
                         "span !\n"
                         "  begun there !\n");
}

TEST_CASE("a coroutine span that ends before one that began in it leaves no dead text behind") {
    recorded([] {
        const auto task = []() -> Task<> {
            const std::string text(100, 't');
            SpanContext caller = remote;
            caller.trace_state = text;
            std::optional<CoroutineSpan> outer{std::in_place, PLUME_CALLSITE("outer"), caller};
            std::optional<CoroutineSpan> inner{std::in_place, PLUME_CALLSITE("inner")};
            outer.reset();
            inner.reset();
            CHECK(current_context().trace_state == text);
            co_return 0;
        };
        wait_for(task());
    });
}

TEST_CASE("a coroutine span that ends while its coroutine is suspended takes no text with it") {
    recorded([] {
        std::optional<CoroutineSpan> span;
        const auto task = [&span]() -> Task<> {
            SpanContext caller = remote;
            const std::string text(100, 't');
            caller.trace_state = text;
            span.emplace(PLUME_CALLSITE("span"), caller);
            co_await std::suspend_always{};
            CHECK(current_context().trace_state == text);
            co_return 0;
        };
        const auto made = task();
        made.handle().resume();
        span.reset();
        made.handle().resume();
    });
}

// Promises that cannot be changed.

namespace {
PlainTask<> plain_step(Loop& loop, CallerContext caller = {}) {
    CoroutineContext here{caller};
    const CoroutineSpan span{PLUME_CALLSITE("step")};
    co_await here.traced(loop.hop());
    { PLUME_SPAN("work"); }
    {
        const CoroutineSpan inner{PLUME_CALLSITE("inner")};
        co_await here.traced(loop.hop());
        PLUME_SPAN("inner work");
    }
    PLUME_SPAN("last");
    co_return 1;
}
PlainTask<> plain_order(Loop& loop, CallerContext caller = {}) {
    CoroutineContext here{caller};
    const CoroutineSpan span{PLUME_CALLSITE("order")};
    const int sum = co_await here.traced(plain_step(loop)) + co_await here.traced(plain_step(loop));
    PLUME_SPAN("between");
    co_return sum;
}
} // namespace

TEST_CASE("a coroutine whose promise knows nothing keeps its context by a variable") {
    const Seen seen = of_coroutines([] {
        Loop loop;
        PLUME_SPAN("caller");
        CHECK(wait_for(plain_order(loop)) == 2);
    });
    CHECK(seen.tree == "caller\n"
                       "  order\n"
                       "    step\n"
                       "      work\n"
                       "      inner\n"
                       "        inner work\n"
                       "      last\n"
                       "    step\n"
                       "      work\n"
                       "      inner\n"
                       "        inner work\n"
                       "      last\n"
                       "    between\n");
    CHECK(seen.adopted == 0);
    CHECK(seen.scope_reports.empty());
}

TEST_CASE("a coroutine that starts at once may find its context by itself") {
    const auto seen = recorded([] {
        Loop loop;
        struct Detached {
            struct promise_type {
                Detached get_return_object() { return {}; }
                std::suspend_never initial_suspend() noexcept { return {}; }
                std::suspend_never final_suspend() noexcept { return {}; }
                void unhandled_exception() noexcept { std::terminate(); }
                void return_void() noexcept {}
            };
        };
        const auto run = [](Loop& in, std::promise<void>& done) -> Detached {
            CoroutineContext here;
            co_await here.traced(in.hop());
            { PLUME_SPAN("work"); }
            co_await here.traced(in.hop());
            done.set_value();
        };
        std::promise<void> done;
        {
            PLUME_SPAN("caller");
            run(loop, done);
            PLUME_SPAN("of the caller");
        }
        done.get_future().wait();
    });
    CHECK(seen["work"].parent_span_id == seen["caller"].span_id);
    CHECK(seen["of the caller"].parent_span_id == seen["caller"].span_id);
    CHECK(seen.scope_reports.empty());
}

TEST_CASE("a coroutine may work in a context of its choice") {
    const auto seen = recorded([] {
        Loop loop;
        const auto work = [](Loop& in, SpanContext context) -> PlainTask<> {
            CoroutineContext here{context};
            co_await here.traced(in.hop());
            PLUME_SPAN("work");
            co_return 0;
        };
        wait_for(work(loop, remote));
    });
    CHECK(seen["work"].parent_span_id == remote.span_id);
}

TEST_CASE("outside of coroutines that keep a context a coroutine span leaves the thread alone") {
    const auto seen = recorded([] {
        std::optional<CoroutineSpan> span{std::in_place, PLUME_CALLSITE("left")};
        CHECK_FALSE(current_context().valid());
        { PLUME_SPAN("unrelated"); }
        on_a_thread([&] { span.reset(); });
    });
    CHECK(seen.tree() == "left\nunrelated\n");
    CHECK(seen.scope_reports.empty());
}
