// coroutine.hpp - coroutines that keep their context when they suspend, and on whatever thread they
// resume.
//
// A coroutine runs in slices, from a resumption to the next suspension. A slice is on one thread,
// like a function call; what follows may be on another. So the context of a coroutine lives in its
// frame: it is put in force when a slice begins and taken off the thread when the slice ends.
#pragma once

#include <coroutine>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

#include <plume/trace/bind_context.hpp>
#include <plume/trace/compiled_out.hpp>

namespace plume {

#if PLUME_ENABLED

namespace [[gnu::visibility("hidden")]] detail {

template <class A>
concept HasMemberAwait = requires { std::declval<A>().operator co_await(); };
template <class A>
concept HasFreeAwait = requires { operator co_await(std::declval<A>()); };

/// What `co_await` asks (C++20, [expr.await]/3).
template <class A>
constexpr decltype(auto) awaiter_of(A&& awaitable) {
    if constexpr (HasMemberAwait<A>) return static_cast<A&&>(awaitable).operator co_await();
    else if constexpr (HasFreeAwait<A>) return operator co_await(static_cast<A&&>(awaitable));
    else return static_cast<A&&>(awaitable);
}
template <class A>
using AwaiterOf = decltype(awaiter_of(std::declval<A>()));

template <class Awaitable>
class TracedAwaiter;

/// The context of one coroutine from slice to slice. In its frame, so it does not move.
class [[gnu::visibility("default")]] Slices {
  public:
    /// The context is that of who calls the coroutine. Nothing is in force yet.
    Slices() noexcept : Slices{Captured::now()} {}
    explicit Slices(Captured inherited) noexcept : captured_{static_cast<Captured&&>(inherited)} {}
    Slices(const Slices&) = delete;
    Slices& operator=(const Slices&) = delete;

    void enter() noexcept {
        if (!slice_) slice_.emplace(captured_);
    }
    void leave() noexcept {
        if (!slice_) return;
        if (slice_->innermost())
            captured_.context = slice_->in_force(); // a CoroutineSpan may be open
        slice_.reset();
    }

    /// `make` returns what is to be awaited, a value or a reference.
    template <class Make>
    auto await(Make make) {
        return TracedAwaiter<decltype(make())>{*this, make};
    }

  private:
    struct Slice : CapturedScope {
        using CapturedScope::CapturedScope;
        using CapturedScope::in_force;
        using CapturedScope::innermost;
    };

    Captured captured_; ///< for the next slice
    std::optional<Slice> slice_;
};

/// Takes the coroutine's context off the thread before the coroutine suspends in `Awaitable`, and
/// puts it back when the coroutine goes on.
template <class Awaitable>
class [[nodiscard, gnu::visibility("default")]] TracedAwaiter {
    using Awaiter = AwaiterOf<Awaitable>;

  public:
    template <class Make>
    TracedAwaiter(Slices& slices, Make make)
        : slices_{&slices}, awaitable_(make()),
          awaiter_(awaiter_of(static_cast<Awaitable&&>(awaitable_))) {}
    TracedAwaiter(const TracedAwaiter&) = delete;
    TracedAwaiter& operator=(const TracedAwaiter&) = delete;

    bool await_ready() noexcept(noexcept(std::declval<Awaiter&>().await_ready())) {
        return static_cast<bool>(awaiter_.await_ready());
    }

    // Not inlined: clang before 17 puts the variables of an inlined one into the coroutine's
    // frame, which may be gone before it returns (LLVM issue 56301).
    template <class Promise>
    [[gnu::noinline]] auto await_suspend(std::coroutine_handle<Promise> self) noexcept(
        noexcept(std::declval<Awaiter&>().await_suspend(self))) {
        // Off before the awaiter knows of us: another thread may resume the coroutine at once, and
        // may have destroyed it before we are back here.
        slices_->leave();
        struct GoOn { // an exception from await_suspend() is one from co_await: the slice goes on
            Slices* slices;
            ~GoOn() {
                if (slices) slices->enter();
            }
        } go_on{slices_};
        if constexpr (std::is_void_v<decltype(awaiter_.await_suspend(self))>) {
            awaiter_.await_suspend(self);
            go_on.slices = nullptr;
        } else {
            auto next = awaiter_.await_suspend(self);
            go_on.slices = nullptr;
            return next;
        }
    }

    decltype(auto) await_resume() noexcept(noexcept(std::declval<Awaiter&>().await_resume())) {
        slices_->enter();
        return awaiter_.await_resume();
    }

  private:
    Slices* slices_;
    Awaitable awaitable_;
    Awaiter awaiter_;
};

/// Makes `context` the one of the innermost scope, if no span is open in it, and returns what was.
inline std::optional<OwnedContext> replace_scope(const OwnedContext& context) noexcept {
    Lane* lane = peek_lane();
    if (!lane || !lane->outside || lane->current != 0) return {};
    OwnedContext before{lane->scope, lane->scope_text}; // which the lane gives away
    lane->scope = context.view();
    lane->scope_text = keep(context.text());
    lane->keep_draw_only_for_roots();
    return before;
}
inline bool is_in_force(const SpanContext& context) noexcept {
    const Lane* lane = peek_lane();
    return lane && lane->outside && lane->scope.span_id == context.span_id &&
           lane->scope.trace_id == context.trace_id;
}

/// The slice of a coroutine that runs on this thread, or 0.
inline std::uint64_t current_slice() noexcept {
    const Lane* lane = peek_lane();
    // Relaxed: whether it has ended meanwhile does not matter.
    return lane && lane->outside ? lane->outside->ticket.load(memory_order_relaxed) : 0;
}

} // namespace detail

inline namespace PLUME_MODE {

/// A promise whose coroutine keeps its context: the one that is current where the coroutine is
/// called is the parent of what it begins, on whatever thread. `Base` has what your promise says
/// about suspending: initial_suspend(), final_suspend(), and if it has them, await_transform() and
/// yield_value(); your promise_type derives from this, and adds the rest:
///
///     struct promise_type : plume::TracedPromise<TaskPromise> { Task get_return_object(); … };
///
/// Spans that are open across a co_await are plume::CoroutineSpan; those of PLUME_SPAN have to end
/// in the slice in which they began, which PLUME_CHECK_SCOPES verifies. A coroutine may be resumed,
/// and while it is suspended destroyed, on any thread. A slice costs about what a span costs, and
/// no allocation; the call allocates if there is trace state or baggage.
template <class Base>
class TracedPromise : public Base {
  public:
    using Base::Base;

    auto initial_suspend() {
        return plume_slices_.await([this]() -> decltype(auto) { return Base::initial_suspend(); });
    }
    auto final_suspend() noexcept {
        return plume_slices_.await([this]() -> decltype(auto) { return Base::final_suspend(); });
    }
    // Names that no member of `Base` has, for the sake of -Wshadow.
    template <class Awaitable>
    auto await_transform(Awaitable&& plume_awaited) {
        return plume_slices_.await([&]() -> decltype(auto) {
            if constexpr (requires(Base& base) {
                              base.await_transform(static_cast<Awaitable&&>(plume_awaited));
                          })
                return Base::await_transform(static_cast<Awaitable&&>(plume_awaited));
            else return static_cast<Awaitable&&>(plume_awaited);
        });
    }
    template <class Value, class B = Base>
        requires requires(B& base, Value&& given) { base.yield_value(static_cast<Value&&>(given)); }
    auto yield_value(Value&& plume_yielded) {
        return plume_slices_.await([&]() -> decltype(auto) {
            return B::yield_value(static_cast<Value&&>(plume_yielded));
        });
    }

  private:
    detail::Slices plume_slices_;
};

/// The context of who calls a coroutine, as its last parameter: `CallerContext caller = {}`. A
/// coroutine that starts suspended is resumed when its caller's context is off the thread already.
class CallerContext {
  public:
    CallerContext() noexcept : captured_{detail::Captured::now()} {}

  private:
    friend class CoroutineContext;
    detail::Captured captured_;
};

/// The same for one coroutine whose promise cannot be changed: a variable at its top, and every
/// co_await through traced().
///
///     Lazy<Order> next(Queue& queue, plume::CallerContext caller = {}) {
///         plume::CoroutineContext here{caller};
///         const Order order = co_await here.traced(queue.next());
///
/// In force from here to the end of the scope, but while the coroutine is suspended in traced().
class [[nodiscard]] CoroutineContext {
  public:
    /// In the context that is current here: for a coroutine that starts at once.
    CoroutineContext() noexcept { slices_.enter(); }
    explicit CoroutineContext(const CallerContext& caller) noexcept : slices_{caller.captured_} {
        slices_.enter();
    }
    /// In one of your choice, such as that of an AsyncSpan.
    explicit CoroutineContext(const SpanContext& context) noexcept
        : slices_{detail::Captured{detail::owned(context)}} {
        slices_.enter();
    }
    ~CoroutineContext() { slices_.leave(); }
    CoroutineContext(const CoroutineContext&) = delete;
    CoroutineContext& operator=(const CoroutineContext&) = delete;

    /// To be awaited in the same expression: refers to `awaitable`.
    template <class Awaitable>
    auto traced(Awaitable&& awaitable) {
        return slices_.await([&]() -> Awaitable&& { return static_cast<Awaitable&&>(awaitable); });
    }

  private:
    detail::Slices slices_;
};

/// A span of a coroutine, from where it stands to the end of the scope, with whatever co_await is
/// in between. In a coroutine that keeps its context it is the parent of what begins in its scope;
/// elsewhere it is as an AsyncSpan. An exception that leaves the scope marks it. Ends on whatever
/// thread this is, also when the coroutine is destroyed while it is suspended. May stand in any
/// function that a traced coroutine calls. Same costs and promises as AsyncSpan.
class [[nodiscard]] CoroutineSpan : AsyncSpan {
  public:
    /// A child of the current context, or the root of a new trace.
    template <detail::Here Line, detail::Argument... Args>
    explicit CoroutineSpan(Line line,
                           const Args&... arguments) noexcept((detail::is_settled_argument<Args> &&
                                                               ...))
        : CoroutineSpan{line, current_context(), arguments...} {}
    /// A child of `parent`, such as the context that came with a request.
    template <detail::Here Line, detail::Argument... Args>
    CoroutineSpan(Line line, const SpanContext& parent,
                  const Args&... arguments) noexcept((detail::is_settled_argument<Args> && ...))
        : AsyncSpan{line, parent, arguments...}, slice_{detail::current_slice()},
          uncaught_{detail::count_uncaught()},
          before_{detail::replace_scope(AsyncSpan::owned_context())} {}
    CoroutineSpan(const CoroutineSpan&) = delete;
    CoroutineSpan& operator=(const CoroutineSpan&) = delete;
    ~CoroutineSpan() { end(); }

    void end() noexcept {
        const bool here = before_ && detail::is_in_force(context());
        // Elsewhere it is the coroutine that is destroyed, whatever else is being unwound.
        if (here && recording()) detail::mark_exception(AsyncSpan::token(), uncaught_before());
        AsyncSpan::end();
        if (here) detail::replace_scope(*before_);
        before_.reset();
    }

    using AsyncSpan::context;
    using AsyncSpan::discard;
    using AsyncSpan::event;
    using AsyncSpan::link;
    using AsyncSpan::record_exception;
    using AsyncSpan::recording;
    using AsyncSpan::rename;
    using AsyncSpan::set;
    using AsyncSpan::set_error;
    using AsyncSpan::set_ok;
    using AsyncSpan::set_status;

  private:
    /// Exceptions that were in flight before one could leave the scope: a slice may be resumed
    /// while something else is being unwound, on another thread than the one before.
    [[nodiscard]] unsigned uncaught_before() const noexcept {
        if (detail::current_slice() == slice_) return uncaught_;
        return detail::peek_lane()->outside->uncaught;
    }

    std::uint64_t slice_;                ///< in which it began
    unsigned uncaught_;                  ///< exceptions in flight then
    std::optional<OwnedContext> before_; ///< what was in force, if it has taken the place of that
};

} // namespace PLUME_MODE

#else

inline namespace PLUME_MODE {

template <class Base>
class TracedPromise : public Base {
    using Base::Base;
};

struct CallerContext {};

struct [[nodiscard, maybe_unused]] CoroutineContext {
    constexpr CoroutineContext() noexcept {}
    template <class Context> constexpr explicit CoroutineContext(const Context&) noexcept {}
    CoroutineContext(const CoroutineContext&) = delete;
    CoroutineContext& operator=(const CoroutineContext&) = delete;
    template <class Awaitable>
    constexpr Awaitable&& traced(Awaitable&& awaitable) const noexcept {
        return static_cast<Awaitable&&>(awaitable);
    }
};

struct [[nodiscard, maybe_unused]] CoroutineSpan : off::Span {
    template <class... Arguments> constexpr explicit CoroutineSpan(const Arguments&...) noexcept {}
    CoroutineSpan(const CoroutineSpan&) = delete;
    CoroutineSpan& operator=(const CoroutineSpan&) = delete;
};

} // namespace PLUME_MODE

#endif

} // namespace plume
