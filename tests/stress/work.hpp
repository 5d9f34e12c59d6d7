// work.hpp - one step of a thread of the stress, chosen by chance.
#pragma once

#include <coroutine>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <plume/context.hpp>
#include <plume/instrument/coroutine.hpp>
#include <plume/instrument/thread.hpp>
#include <plume/plume.hpp>

namespace stress {

using namespace plume::literals;

using Random = std::mt19937;

/// What threads hand to each other: whatever is in it when another thing is put in ends there.
template <class T>
class Boxes {
  public:
    [[nodiscard]] T swap(std::size_t which, T with) {
        Box& box = boxes_[which % std::size(boxes_)];
        const std::lock_guard lock{box.mutex};
        std::swap(box.value, with);
        return with;
    }
    void clear() {
        for (std::size_t i = 0; i < std::size(boxes_); ++i) static_cast<void>(swap(i, T{}));
    }

  private:
    struct Box {
        std::mutex mutex;
        T value{};
    };
    Box boxes_[8];
};

class Coroutine {
    struct Plain {
        std::suspend_never initial_suspend() noexcept { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void unhandled_exception() noexcept {}
        void return_void() noexcept {}
    };

  public:
    struct promise_type : plume::TracedPromise<Plain> {
        static Coroutine get_return_object() noexcept { return {}; }
    };
};

/// What the threads share.
struct Shared {
    Boxes<plume::AsyncSpan> async;
    Boxes<std::unique_ptr<plume::Span>> guards;
    Boxes<std::unique_ptr<plume::ContextScope>> scopes;
    std::mutex mutex;
    std::vector<std::coroutine_handle<>> parked;

    [[nodiscard]] std::coroutine_handle<> unpark() {
        const std::lock_guard lock{mutex};
        if (parked.empty()) return {};
        const std::coroutine_handle<> taken = parked.back();
        parked.pop_back();
        return taken;
    }
    /// Ends all that is open.
    void end_all() {
        while (const std::coroutine_handle<> handle = unpark()) handle.destroy();
        async.clear();
        guards.clear();
        scopes.clear();
    }
};
inline Shared shared;

struct Park {
    static bool await_ready() noexcept { return false; }
    static void await_suspend(std::coroutine_handle<> handle) {
        const std::lock_guard lock{shared.mutex};
        shared.parked.push_back(handle);
    }
    static void await_resume() noexcept {}
};

inline Coroutine stop_and_go(unsigned stops) {
    plume::CoroutineSpan span{PLUME_CALLSITE("coroutine"), "stops"_a = stops};
    for (unsigned i = 0; i < stops; ++i) {
        {
            PLUME_SPAN("slice", "i"_a = i);
        }
        co_await Park{};
        span.event("resumed"_name);
    }
    PLUME_SPAN("last slice");
}

/// Which kinds of steps there are, by the names that --without takes.
struct Kinds {
    bool foreign_guards = true; ///< a Span ends on another thread, or after its thread
    bool foreign_scopes = true; ///< a ContextScope does
    bool coroutines = true;
};

class Work {
  public:
    Work(unsigned seed, const Kinds& kinds) : random_{seed}, kinds_{kinds} {}
    [[nodiscard]] Random& random() { return random_; }

    void step() {
        switch (random_() % 18) {
        case 0: return nested(random_() % 20);
        case 1: return leaves();
        case 2: return texts();
        case 3: return out_of_order();
        case 4:
        case 5: return hand_over();
        case 6: return annotations();
        case 7: return remote_parent();
        case 8: return failing();
        case 9: return discarded();
        case 10: return arrays();
        case 11: return limited();
        case 12: return dynamic();
        case 13:
            return kinds_.coroutines ? static_cast<void>(stop_and_go(random_() % 4)) : leaves();
        case 14: return resume();
        case 15: return bound();
        case 16: return burst();
        case 17: return foreign();
        }
    }

  private:
    // NOLINTNEXTLINE(misc-no-recursion)
    static void nested(unsigned depth) {
        PLUME_SPAN("nested", "d"_a = depth);
        if (depth > 0) nested(depth - 1);
    }
    static void leaves() {
        PLUME_SPAN("parent");
        for (int i = 0; i < 30; ++i) {
            PLUME_SPAN("leaf", "i"_a = i, "d"_a = 0.5);
        }
    }
    void texts() {
        std::string text(random_() % 3'000, 'x');
        if (random_() % 2 == 0)
            for (char& c : text) c = static_cast<char>(random_());
        PLUME_SPAN("text", "a"_a = text, "b"_a = std::string_view{text}.substr(text.size() / 2));
        PLUME_EVENT("more", "text"_a = text);
    }
    void out_of_order() {
        std::optional<plume::Span> first, second, third;
        std::optional<plume::ContextScope> scope;
        first.emplace("first"_name);
        second.emplace("second"_name, "of"_a = 3);
        if (random_() % 2 == 0) scope.emplace(some_context(1));
        third.emplace("third"_name);
        (random_() % 2 == 0 ? first : second).reset();
        { PLUME_SPAN("between"); }
        if (random_() % 2 == 0) scope.reset();
        second.reset();
        PLUME_SPAN("the last one");
    }
    void hand_over() {
        plume::AsyncSpan mine{"async"_name, "n"_a = random_()};
        plume::AsyncSpan taken = shared.async.swap(random_(), std::move(mine));
        if (random_() % 2 == 0) taken.set("said"_a = "elsewhere");
        if (random_() % 2 == 0) taken.event("taken over"_name);
    }
    static void annotations() {
        PLUME_SPAN_AS(span, "annotated", plume::client);
        span.set("a"_a = 1);
        span.event("an event"_name);
        span.link({{1, 2}, {3}, 1, true, "v=1"});
        span.set_error("an error");
        plume::AsyncSpan beside{"beside"_name};
        span.event("after"_name);
    }
    void remote_parent() {
        const plume::ContextScope scope{some_context(random_() % 2)};
        PLUME_SPAN("local root");
        PLUME_SPAN("below");
        const plume::SuppressScope quiet;
        PLUME_SPAN("suppressed");
    }
    static void failing() {
        try {
            PLUME_SPAN("failing");
            throw 1;
        } catch (int) { // only the span has to see it
        }
    }
    static void discarded() {
        PLUME_SPAN("kept");
        PLUME_SPAN_AS(span, "discarded");
        span.discard();
    }
    void arrays() {
        const std::vector<std::string> texts(random_() % 20, "element");
        const std::vector<std::uint64_t> numbers(random_() % 100, ~std::uint64_t{0});
        PLUME_SPAN("arrays", "t"_a = texts, "n"_a = numbers, "o"_a = std::optional<int>{});
    }
    static void limited() {
        PLUME_SPAN_LIMITED("limited", 20_per_second);
        PLUME_SPAN("below limited");
    }
    void dynamic() {
        static const plume::Name a{"route a"};
        static const plume::Name b{"route b"};
        PLUME_SPAN_DYNAMIC(random_() % 2 == 0 ? a : b, "x"_a = 1);
    }
    void resume() {
        const std::coroutine_handle<> handle = shared.unpark();
        if (!handle) return;
        if (random_() % 8 == 0) handle.destroy();
        else handle.resume();
    }
    static void bound() {
        PLUME_SPAN("binds");
        plume::bind_context([] { PLUME_SPAN("bound"); })();
    }
    static void burst() {
        for (int i = 0; i < 400; ++i) {
            PLUME_SPAN("burst");
        }
    }
    /// Guards that end on the thread that puts the next one in.
    void foreign() {
        if (kinds_.foreign_guards) {
            auto guard = std::make_unique<plume::Span>("passed on"_name);
            { PLUME_SPAN("below what is passed on"); }
            guard = shared.guards.swap(random_(), std::move(guard));
        }
        if (kinds_.foreign_scopes) {
            auto scope = std::make_unique<plume::ContextScope>(some_context(1));
            { PLUME_SPAN("below a scope that is passed on"); }
            scope = shared.scopes.swap(random_(), std::move(scope));
        }
    }
    [[nodiscard]] plume::SpanContext some_context(unsigned flags) {
        return {{random_(), random_() | 1U},
                {random_() | 1U},
                static_cast<std::uint8_t>(flags),
                true,
                "vendor=x"};
    }

    Random random_;
    Kinds kinds_;
};

} // namespace stress
