// bind_context.hpp - a callable that runs in the context in which it was made, whenever and
// wherever that is.
#pragma once

#include <concepts>
#include <type_traits>
#include <utility>

#include <plume/core/config.hpp>

#if PLUME_ENABLED
#    include <plume/trace/context.hpp>
#endif

namespace plume {

#if PLUME_ENABLED

namespace [[gnu::visibility("hidden")]] detail {

/// What goes with work from one thread to another: the context, and whether it is traced at all.
struct [[gnu::visibility("default")]] Captured {
    OwnedContext context;
    bool suppressed = false;

    static Captured now() noexcept {
        const Lane* lane = peek_lane();
        return {owned(current_context()), lane && lane->mute == Mute::suppressed};
    }
};

/// Puts it in force. Shares its texts, since work may destroy the object that it came from.
class [[gnu::visibility("default")]] CapturedScope : protected ContextScope {
  public:
    explicit CapturedScope(const Captured& captured) noexcept
        : ContextScope{captured.suppressed ? Mute::suppressed : Mute::none, captured.context} {}
};

/// std::invoke(), which <functional> has, and 20,000 lines more.
template <class F, class... Args>
constexpr std::invoke_result_t<F, Args...>
call(F&& f, Args&&... args) noexcept(std::is_nothrow_invocable_v<F, Args...>) {
    return static_cast<F&&>(f)(static_cast<Args&&>(args)...);
}
template <class Class, class Member>
constexpr decltype(auto) object_of(Member&& object) noexcept {
    using Plain = std::remove_cvref_t<Member>;
    if constexpr (std::is_base_of_v<Class, Plain>) return static_cast<Member&&>(object);
    else if constexpr (requires {
                           typename Plain::type;
                           { object.get() } -> std::convertible_to<typename Plain::type&>;
                       })
        return object.get();
    else return *static_cast<Member&&>(object);
}
template <class Member, class Class, class Object, class... Args>
constexpr std::invoke_result_t<Member Class::*, Object, Args...>
call(Member Class::* member, Object&& object,
     Args&&... args) noexcept(std::is_nothrow_invocable_v<Member Class::*, Object, Args...>) {
    if constexpr (std::is_function_v<Member>)
        return (object_of<Class>(static_cast<Object&&>(object)).*
                member)(static_cast<Args&&>(args)...);
    else return object_of<Class>(static_cast<Object&&>(object)).*member;
}

} // namespace detail

/// What bind_context() makes: calls what it holds, in the context that it owns. May be moved and
/// copied as what it holds may, called more than once, and called on any thread.
template <class F>
class Bound {
  public:
    template <class G>
    Bound(detail::Captured captured, G&& f) noexcept(std::is_nothrow_constructible_v<F, G>)
        : captured_{static_cast<detail::Captured&&>(captured)}, f_(static_cast<G&&>(f)) {}

    template <class... Args>
        requires std::is_invocable_v<F&, Args...>
    std::invoke_result_t<F&, Args...>
    operator()(Args&&... args) & noexcept(std::is_nothrow_invocable_v<F&, Args...>) {
        const detail::CapturedScope scope{captured_};
        return detail::call(f_, static_cast<Args&&>(args)...);
    }
    template <class... Args>
        requires std::is_invocable_v<const F&, Args...>
    std::invoke_result_t<const F&, Args...>
    operator()(Args&&... args) const& noexcept(std::is_nothrow_invocable_v<const F&, Args...>) {
        const detail::CapturedScope scope{captured_};
        return detail::call(f_, static_cast<Args&&>(args)...);
    }
    template <class... Args>
        requires std::is_invocable_v<F, Args...>
    std::invoke_result_t<F, Args...>
    operator()(Args&&... args) && noexcept(std::is_nothrow_invocable_v<F, Args...>) {
        const detail::CapturedScope scope{captured_};
        return detail::call(static_cast<F&&>(f_), static_cast<Args&&>(args)...);
    }

    /// The context that it runs in.
    [[nodiscard]] SpanContext context() const noexcept { return captured_.context.view(); }
    /// What it holds, for libraries that ask a callable for more than to be called.
    [[nodiscard]] F& target() & noexcept { return f_; }
    [[nodiscard]] const F& target() const& noexcept { return f_; }
    [[nodiscard]] F&& target() && noexcept { return static_cast<F&&>(f_); }

    /// What belongs to the context, for one that is to run in the same.
    [[nodiscard]] const detail::Captured& captured() const noexcept { return captured_; }

  private:
    detail::Captured captured_;
    [[no_unique_address]] F f_;
};

#endif

inline namespace PLUME_MODE {

#if PLUME_ENABLED

/// `f`, to be called later with whatever it takes, on whatever thread: then it runs in the context
/// that is current now, which is the parent of what begins in it. What suppresses tracing here
/// suppresses it there, too. `f` is anything that can be called, a pointer to a member included; it
/// is moved or copied into the result, and need not be copyable.
///
/// Owns a copy of trace state and baggage; without these it allocates nothing. Never throws, unless
/// moving `f` does. A span that is open now need not be open when `f` runs.
///
///     pool.submit(plume::bind_context([order] { ship(order); }));
///
/// A coroutine that `f` begins and that suspends is on its own from there: see
/// instrument/coroutine.hpp.
template <class F>
[[nodiscard]] Bound<std::decay_t<F>>
bind_context(F&& f) noexcept(std::is_nothrow_constructible_v<std::decay_t<F>, F>) {
    return {detail::Captured::now(), static_cast<F&&>(f)};
}
/// The same in a context of your choice, such as that of an AsyncSpan.
template <class F>
[[nodiscard]] Bound<std::decay_t<F>>
bind_context(const SpanContext& context,
             F&& f) noexcept(std::is_nothrow_constructible_v<std::decay_t<F>, F>) {
    return {{detail::owned(context), false}, static_cast<F&&>(f)};
}

#else

// Compiled out: `f` itself.
template <class F>
[[nodiscard]] constexpr std::decay_t<F>
bind_context(F&& f) noexcept(std::is_nothrow_constructible_v<std::decay_t<F>, F>) {
    return static_cast<F&&>(f);
}
template <class Context, class F>
[[nodiscard]] constexpr std::decay_t<F>
bind_context(const Context&, F&& f) noexcept(std::is_nothrow_constructible_v<std::decay_t<F>, F>) {
    return static_cast<F&&>(f);
}

#endif

} // namespace PLUME_MODE
} // namespace plume
