// asio.hpp - handlers and coroutines of Boost.Asio that keep their context.
//
//     timer.async_wait(plume::bind_context([](boost::system::error_code) { … }));
//     co_spawn(executor, plume::bind_context(serve(std::move(socket))), detached);
//     co_await timer.async_wait(plume::bind_context(use_awaitable));
//
// For Asio without Boost define ASIO_STANDALONE, as it wants itself. Verified with
// Boost 1.81 and Asio 1.22.
#pragma once

#include <type_traits>
#include <utility>

#include <plume/trace/bind_context.hpp>

#if defined(ASIO_STANDALONE)
#    include <asio/associator.hpp>
#    include <asio/async_result.hpp>
#    include <asio/awaitable.hpp>
#    include <asio/dispatch.hpp>
#    include <asio/use_awaitable.hpp>
#    define PLUME_ASIO asio
#else
#    include <boost/asio/associator.hpp>
#    include <boost/asio/async_result.hpp>
#    include <boost/asio/awaitable.hpp>
#    include <boost/asio/dispatch.hpp>
#    include <boost/asio/use_awaitable.hpp>
#    define PLUME_ASIO boost::asio
#endif

#if PLUME_ENABLED

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// How initiating functions ask for the result of what is a handler already, or of a token of the
/// old kind.
template <class Target>
struct BoundResult {};
template <class Target>
    requires requires { typename Target::completion_handler_type; }
class BoundResult<Target> {
  public:
    using completion_handler_type = Bound<typename Target::completion_handler_type>;
    using return_type = typename Target::return_type;

    explicit BoundResult(completion_handler_type& handler) : target_{handler.target()} {}
    return_type get() { return target_.get(); }

  private:
    Target target_;
};

} // namespace detail
} // namespace plume

/// A bound token is the token, whose handler is bound. The context is the one where bind_context()
/// was called; the operation itself, and those of which it is composed, run without it.
template <class Token, class... Signatures>
struct PLUME_ASIO::async_result<plume::Bound<Token>, Signatures...>
    : plume::detail::BoundResult<async_result<Token, Signatures...>> {
    using plume::detail::BoundResult<async_result<Token, Signatures...>>::BoundResult;

    /// What starts the operation, given the handler that the token has made.
    template <class Initiation>
    struct Initiate {
        Initiation initiation;
        plume::detail::Captured captured;

        template <class Handler, class... Args>
        void operator()(Handler&& handler, Args&&... args) && {
            std::move(initiation)(
                plume::Bound<std::decay_t<Handler>>{std::move(captured),
                                                    std::forward<Handler>(handler)},
                std::forward<Args>(args)...);
        }
        template <class Handler, class... Args>
        void operator()(Handler&& handler, Args&&... args) const& {
            Initiate{*this}(std::forward<Handler>(handler), std::forward<Args>(args)...);
        }
    };

    template <class Initiation, class BoundToken, class... Args>
    static decltype(auto) initiate(Initiation&& initiation, BoundToken&& bound, Args&&... args) {
        plume::detail::Captured captured = bound.captured();
        Token token(std::forward<BoundToken>(bound).target());
        return async_initiate<Token, Signatures...>(
            Initiate<std::decay_t<Initiation>>{std::forward<Initiation>(initiation),
                                               std::move(captured)},
            token, std::forward<Args>(args)...);
    }
};

/// Executor, allocator and cancellation slot of a bound handler are those of what it holds.
template <template <class, class> class Associator, class Handler, class Default>
struct PLUME_ASIO::associator<Associator, plume::Bound<Handler>, Default>
    : Associator<Handler, Default> {
    static typename Associator<Handler, Default>::type
    get(const plume::Bound<Handler>& bound) noexcept {
        return Associator<Handler, Default>::get(bound.target());
    }
    static auto get(const plume::Bound<Handler>& bound, const Default& otherwise) noexcept
        -> decltype(Associator<Handler, Default>::get(bound.target(), otherwise)) {
        return Associator<Handler, Default>::get(bound.target(), otherwise);
    }
};

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

template <class T, class Executor>
PLUME_ASIO::awaitable<T, Executor> run_in(Captured captured,
                                          PLUME_ASIO::awaitable<T, Executor> work) {
    // From here the coroutine runs in a handler that is bound. On the executor already, it does so
    // at once.
    using Token = PLUME_ASIO::use_awaitable_t<Executor>;
    co_await PLUME_ASIO::dispatch(Bound<Token>{std::move(captured), Token{}});
    co_return co_await std::move(work);
}

} // namespace detail

inline namespace PLUME_MODE {

/// A coroutine for co_spawn(), or to be awaited, that begins in the context that is current now.
/// Each operation that it awaits takes the context on to the next slice:
///
///     co_await async_read(socket, buffer, plume::bind_context(use_awaitable));
///
/// Awaiting another coroutine needs nothing. A span across co_await is a plume::CoroutineSpan
/// (instrument/coroutine.hpp).
template <class T, class Executor>
[[nodiscard]] PLUME_ASIO::awaitable<T, Executor>
bind_context(PLUME_ASIO::awaitable<T, Executor> work) {
    return detail::run_in(detail::Captured::now(), std::move(work));
}
/// The same in a context of your choice.
template <class T, class Executor>
[[nodiscard]] PLUME_ASIO::awaitable<T, Executor>
bind_context(const SpanContext& context, PLUME_ASIO::awaitable<T, Executor> work) {
    return detail::run_in(detail::Captured{detail::owned(context)}, std::move(work));
}

} // namespace PLUME_MODE
} // namespace plume

#endif

#undef PLUME_ASIO
