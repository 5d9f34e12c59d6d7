// context.hpp - the context of a trace beyond one thread's stack: where it is, and how to move it.
#pragma once

#include <cstdint>
#include <utility>

#include <plume/core/owned_context.hpp>
#include <plume/trace/span_api.hpp>

namespace plume {

/// The context that a span begun now on this thread would have as its parent: of the innermost
/// open span, else of the ContextScope in force, else invalid. What to send to another service.
/// Costs two bijections; never blocks or allocates. What it views lasts as long as that span and
/// scope, unless it is the program's own: to keep it for longer, or to hand it to work that may run
/// later, make an OwnedContext of it, or use bind_context().
[[nodiscard]] inline SpanContext current_context() noexcept { return detail::context_now(); }

/// Makes a context the parent of what this thread begins, until the end of the scope: in the task
/// of a thread pool, or in the handler of a request that came with a `traceparent`. Works without
/// a session too: current_context() gives the context back unchanged, and makes no ids. An invalid
/// context means "no parent". What the context views, trace state and baggage, must outlive the
/// scope; it is copied as well, so it takes an allocation where there is any, otherwise none once
/// the thread has had as many scopes at once. Ends on the thread on which it began, before what is
/// around it; in a coroutine, before the next co_await (PLUME_CHECK_SCOPES, in config.hpp).
class [[nodiscard]] ContextScope {
  public:
    explicit ContextScope(const SpanContext& context) noexcept {
        enter(context, detail::text_of(context), detail::Mute::none);
    }
    ~ContextScope() { leave(); }
    ContextScope(const ContextScope&) = delete;
    ContextScope& operator=(const ContextScope&) = delete;

  protected:
    /// Shares the texts of the context.
    ContextScope(detail::Mute mute, const OwnedContext& context) noexcept {
        enter(context.view(), detail::keep(context.text()), mute);
    }

    /// Whether it is the innermost one of the calling thread: then what is in force is its own.
    [[nodiscard]] bool innermost() const noexcept {
        return outside_ && lane_ == detail::peek_lane() && lane_->outside == outside_ &&
               detail::is_in_force(*lane_, outside_, ticket_);
    }
    /// What is in force, if innermost().
    [[nodiscard]] OwnedContext in_force() const noexcept {
        return {lane_->scope, detail::keep(lane_->scope_text)};
    }

  private:
    void enter(const SpanContext& context, detail::ContextText* text, detail::Mute mute) noexcept {
        lane_ = detail::own_lane();
        if (lane_) {
            detail::name_unsampled(*lane_);
            outside_ = detail::put_aside(*lane_, context, text, mute);
        }
        if (!outside_) return detail::let_go(text);
        ticket_ = lane_->last_ticket;
    }

    void leave() noexcept {
        if (!outside_) return;
        if (lane_ != detail::peek_lane()) {
            detail::end_elsewhere(*outside_, ticket_);
            return detail::lose_scope(detail::ScopeFault::wrong_thread);
        }
        if (!detail::is_in_force(*lane_, outside_, ticket_))
            return detail::lose_scope(detail::ScopeFault::wrong_order);
        // What began there or later began in this scope, and is on the stack still; 0: nothing.
        std::uint64_t floor = lane_->left_floor;
        if (lane_->current != 0) floor = detail::lower(floor, lane_->floor);
        while (lane_->outside != outside_) {
            const detail::SavedScope& inner = *lane_->outside;
            floor = detail::lower(floor, inner.left_floor);
            if (inner.current != 0) floor = detail::lower(floor, inner.floor);
            detail::drop_record(*lane_);
        }
        if (floor != 0) detail::leave_behind(*lane_, floor);
        detail::take_back(*lane_, *outside_);
    }

    detail::Lane* lane_;
    detail::SavedScope* outside_ = nullptr; ///< of the lane; null: without a lane, or memory
    std::uint64_t ticket_ = 0;
};

/// Nothing that this thread does is traced until the end of the scope.
class [[nodiscard]] SuppressScope : ContextScope {
  public:
    SuppressScope() noexcept : ContextScope{detail::Mute::suppressed, OwnedContext{}} {}
};

/// A span that is not on a thread's stack: movable, may begin on one thread and end on another.
/// For callbacks, coroutines and requests in flight. It is nobody's parent by itself: put its
/// context in force where its work is done, with  ContextScope in_span{span.context()};
/// Annotations may come from any thread, one at a time. Same costs and promises as plume::Span, but
/// that it keeps the trace state and the baggage of its parent: where there are any it shares what
/// its thread has in force, or allocates.
class [[nodiscard]] AsyncSpan : public detail::SpanApi<AsyncSpan> {
  public:
    AsyncSpan() noexcept = default;

    /// A child of the current context, or the root of a new trace.
    template <detail::Here Line, detail::Argument... Args>
    explicit AsyncSpan(Line line,
                       const Args&... arguments) noexcept((detail::is_settled_argument<Args> &&
                                                           ...))
        : AsyncSpan{line, current_context(), arguments...} {}

    /// A child of `parent`, or the root of a new trace if that is invalid.
    template <detail::Here Line, detail::Argument... Args>
    AsyncSpan(Line, const SpanContext& parent,
              const Args&... arguments) noexcept((detail::is_settled_argument<Args> && ...)) {
        static_assert(detail::CheckedName<Line>::ok);
        using Site = detail::CallsiteOf<detail::SiteKind::span, Line, Args...>;
        const std::uint32_t index = detail::index_of<Site>();
        if (index == 0) {
            context_ = detail::owned(parent); // passes through
            return;
        }
        detail::settle(
            [&](const auto&... settled) __attribute__((always_inline)) {
                this->template begin<Site>(index, parent, settled...);
            },
            arguments...);
    }

    AsyncSpan(AsyncSpan&& other) noexcept
        : token_{std::exchange(other.token_, detail::muted_token)},
          context_{std::move(other.context_)} {}
    AsyncSpan& operator=(AsyncSpan&& other) noexcept {
        if (this != &other) {
            end();
            token_ = std::exchange(other.token_, detail::muted_token);
            context_ = std::move(other.context_);
        }
        return *this;
    }
    ~AsyncSpan() { end(); }

    /// Ends it, on whatever thread this is.
    void end() noexcept {
        if (recording()) detail::end_slowly(token_, 0);
        token_ = detail::muted_token;
    }

    [[nodiscard]] bool recording() const noexcept { return token_ != detail::muted_token; }

    /// What its children have as their parent; valid after its end too. Of a span that is not
    /// sampled it carries that decision, and without a session the parent's context. Views texts
    /// of the span: good as long as it, or what it is moved to, and as it is not assigned to.
    [[nodiscard]] SpanContext context() const noexcept { return context_.view(); }

  protected:
    friend class detail::SpanApi<AsyncSpan>;
    [[nodiscard]] const OwnedContext& owned_context() const noexcept { return context_; }
    [[nodiscard]] std::uint64_t token() const noexcept { return token_; }

  private:
    template <class Site, class... Args>
    [[gnu::always_inline]] void begin(std::uint32_t index, const SpanContext& parent,
                                      const Args&... arguments) noexcept {
        const detail::Measured size = detail::size_of<Site>(*detail::this_lane, arguments...);
        const detail::WriteSlot room =
            detail::make_room_async(detail::record_size<Site>(size), index, parent, &context_);
        if (!room.lane) return;
        const std::uint64_t at =
            detail::put<Site>(*room.lane, detail::make_word(index, room.ticks), size, arguments...);
        token_ = at | detail::async_bit;
        context_.name(detail::runtime().span_id(at));
    }

    std::uint64_t token_ = detail::muted_token;
    OwnedContext context_;
};

} // namespace plume
