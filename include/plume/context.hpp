// context.hpp - the context of a trace beyond one thread's stack: where it is, and how to move it.
#pragma once

#include <cstdint>
#include <utility>

#include <plume/on_span.hpp>

namespace plume {

/// The context that a span begun now on this thread would have as its parent: of the innermost
/// open span, else of the ContextScope in force, else invalid. What to send to another service.
/// Costs two bijections; never blocks or allocates.
[[nodiscard]] inline SpanContext current_context() noexcept { return detail::context_now(); }

/// Makes a context the parent of what this thread begins, until the end of the scope: in the task
/// of a thread pool, or in the handler of a request that came with a `traceparent`. Works without
/// a session too: current_context() gives the context back unchanged, and makes no ids. An invalid
/// context means "no parent". What the context views, trace state and baggage, must outlive the
/// scope. Ends on the thread on which it began, before what is around it; in a coroutine, before
/// the next co_await (PLUME_CHECK_SCOPES, in config.hpp).
class [[nodiscard]] ContextScope {
  public:
    explicit ContextScope(const SpanContext& context) noexcept {
        enter(context, detail::Mute::none);
    }
    ~ContextScope() { leave(); }
    ContextScope(const ContextScope&) = delete;
    ContextScope& operator=(const ContextScope&) = delete;

  protected:
    ContextScope(const SpanContext& context, detail::Mute mute) noexcept { enter(context, mute); }

    /// Whether it is the innermost one of the calling thread: then what is in force is its own.
    [[nodiscard]] bool innermost() const noexcept {
        return lane_ && lane_ == detail::peek_lane() && lane_->outside == &outside_;
    }
    /// What is in force, if innermost().
    [[nodiscard]] const SpanContext& in_force() const noexcept { return lane_->scope; }

  private:
    void enter(const SpanContext& context, detail::Mute mute) noexcept {
        lane_ = detail::own_lane();
        if (!lane_) return;
        detail::name_unsampled(*lane_);
        outside_ = {lane_->current,     lane_->scope,  lane_->trace_id, lane_->trace_state,
                    lane_->trace_flags, lane_->mute,   lane_->admitted, lane_->muted_by,
                    lane_->floor,       lane_->outside};
        lane_->outside = &outside_;
        lane_->close();
        lane_->current = 0;
        lane_->scope = context;
        lane_->admitted = false;
        lane_->muted_by = 0;
        lane_->floor = lane_->head.load(detail::memory_order_relaxed); // own store
        if (lane_->mute != detail::Mute::suppressed) lane_->mute = mute;
        keep_draw_only_for_roots();
    }

    /// What was drawn ahead holds where roots of new traces begin. Elsewhere it is forgotten, since
    /// drawing anew is as good: a draw remembers nothing.
    void keep_draw_only_for_roots() const noexcept {
        if (lane_->current == 0 && lane_->mute == detail::Mute::none && !lane_->scope.valid() &&
            lane_->scope.flags == 0)
            return;
        lane_->drawn_for = nullptr;
        lane_->skips = 0;
    }

    void leave() noexcept {
        // A scope that ends on another thread, or after one around it, has nothing left to undo.
        if (!lane_) return;
        if (lane_ != detail::peek_lane())
            return detail::lose_scope(detail::ScopeFault::wrong_thread);
        std::uint64_t floor = lane_->floor; // what began here or later began in this scope
        bool open = lane_->current != 0;
        detail::Outside* level = lane_->outside;
        for (; level && level != &outside_; level = level->next) {
            floor = level->floor;
            open = open || level->current != 0;
        }
        if (!level) return detail::lose_scope(detail::ScopeFault::wrong_order);
        if (open) detail::leave_behind(*lane_, floor);
        lane_->scope = outside_.scope;
        lane_->trace_id = outside_.trace_id;
        lane_->trace_state = outside_.trace_state;
        lane_->trace_flags = outside_.trace_flags;
        lane_->mute = outside_.mute;
        lane_->admitted = outside_.admitted;
        lane_->muted_by = outside_.muted_by;
        lane_->floor = outside_.floor;
        lane_->outside = outside_.next;
        lane_->come_back_to(outside_.current);
        keep_draw_only_for_roots();
    }

    detail::Lane* lane_;
    detail::Outside outside_;
};

/// Nothing that this thread does is traced until the end of the scope.
class [[nodiscard]] SuppressScope : ContextScope {
  public:
    SuppressScope() noexcept : ContextScope{{}, detail::Mute::suppressed} {}
};

/// A span that is not on a thread's stack: movable, may begin on one thread and end on another.
/// For callbacks, coroutines and requests in flight. It is nobody's parent by itself: put its
/// context in force where its work is done, with  ContextScope in_span{span.context()};
/// Remarks may come from any thread, one at a time. Same costs and promises as plume::Span.
class [[nodiscard]] AsyncSpan : public detail::OnSpan<AsyncSpan> {
  public:
    AsyncSpan() noexcept = default;

    /// A child of the current context, or the root of a new trace.
    template <detail::Here Line, detail::Argument... Args>
    explicit AsyncSpan(Line line, const Args&... arguments) noexcept
        : AsyncSpan{line, current_context(), arguments...} {}

    /// A child of `parent`, or the root of a new trace if that is invalid.
    template <detail::Here Line, detail::Argument... Args>
    AsyncSpan(Line, const SpanContext& parent, const Args&... arguments) noexcept {
        static_assert(detail::CheckedName<Line>::ok);
        using Site = detail::CallsiteOf<detail::SiteKind::span, Line, Args...>;
        const std::uint32_t index = detail::index_of<Site>();
        if (index == 0) {
            context_ = parent; // passes through
            return;
        }
        const detail::Measured size = detail::size_of<Site>(arguments...);
        const detail::Room room =
            detail::make_room_async(detail::record_size<Site>(size), index, parent, context_);
        if (!room.lane) return;
        const std::uint64_t at =
            detail::put<Site>(*room.lane, detail::make_word(index, room.ticks), size, arguments...);
        token_ = at | detail::async_bit;
        context_.span_id = detail::runtime().span_id(at);
    }

    AsyncSpan(AsyncSpan&& other) noexcept
        : token_{std::exchange(other.token_, detail::muted_token)},
          context_{std::exchange(other.context_, {})} {}
    AsyncSpan& operator=(AsyncSpan&& other) noexcept {
        if (this != &other) {
            end();
            token_ = std::exchange(other.token_, detail::muted_token);
            context_ = std::exchange(other.context_, {});
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
    /// sampled it carries that decision, and without a session the parent's context.
    [[nodiscard]] const SpanContext& context() const noexcept { return context_; }

  protected:
    friend class detail::OnSpan<AsyncSpan>;
    [[nodiscard]] std::uint64_t token() const noexcept { return token_; }

  private:
    std::uint64_t token_ = detail::muted_token;
    SpanContext context_;
};

} // namespace plume
