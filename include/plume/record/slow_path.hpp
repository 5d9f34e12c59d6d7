// slow_path.hpp - what recording does when one comparison cannot decide: roots, full rings, threads
// without a lane. Still no lock, no heap, no system call, once the thread has its lane and its
// ring.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <sys/prctl.h>

#include <plume/core/owned_context.hpp>
#include <plume/record/inherited.hpp>
#include <plume/record/root.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// Room for a record, and the time to write into it. `lane` null: nothing is to be written, and
/// `ticks` is what the guard remembers instead of a position.
struct WriteSlot {
    Lane* lane = nullptr;
    std::uint64_t ticks = 0;
};

/// Waits for the collector to make room, for as long as the session allows. The one place where
/// a recording thread waits, and only under the policy that says so.
inline bool wait_for_room(Runtime& process, Lane& lane, std::uint64_t need,
                          bool reserve_too) noexcept {
    const NoCancel whole; // nanosleep() is a cancellation point
    const std::uint64_t until = nanoseconds_of(CLOCK_MONOTONIC) + process.settings.block_ns();
    while (nanoseconds_of(CLOCK_MONOTONIC) < until) {
        bool half_full = false;
        process.wake();
        const timespec pause{0, 50'000};
        nanosleep(&pause, nullptr);
        if (lane.refill(need, reserve_too, half_full)) return true;
    }
    return false;
}

/// Another grant, or a ring to begin with.
[[gnu::noinline]] inline bool find_room(Lane& lane, std::uint64_t need, bool reserve_too) noexcept {
    Runtime& process = runtime();
    if (!lane.memory && !make_ring(process, lane)) return false;
    bool half_full = false;
    bool found = lane.refill(need, reserve_too, half_full);
    if (half_full || !found) process.wake();
    if (!found && process.settings.block_ns() != 0 && lane.mute != Mute::suppressed &&
        process.recording.load(memory_order_relaxed)) // a hint: the wait is bounded
        found = wait_for_room(process, lane, need, reserve_too);
    return found;
}

/// Takes `need` bytes off the lane's room.
[[gnu::always_inline]] inline bool take(Lane& lane, std::uint64_t need,
                                        bool reserve_too = false) noexcept {
    std::uint64_t& room = lane.closed ? lane.closed_room : lane.room;
    if (room < need) [[unlikely]]
        if (!find_room(lane, need, reserve_too)) return false;
    room -= need;
    return true;
}

/// Writes words where the lane stands, in room that was taken.
template <class... Words>
void put_words(Lane& lane, std::uint32_t control_index, Words... words) noexcept {
    const std::uint64_t at = lane.head.load(memory_order_relaxed); // own store
    RecordWriter writer{lane.address(at)};
    writer.word(make_word(control_index, 0));
    (writer.word(words), ...);
    lane.publish(at + 8 * (1 + sizeof...(words)));
}

/// W3C Trace Context, 3.3.1.5: vendors propagate at least 512 characters. A longer state is cut
/// in what is exported; what travels on to other services is not.
inline constexpr Limits trace_state_limits{512, 0};

/// `child` and `async`: [Parent, state].
inline std::uint64_t parent_size(const SpanContext& parent) noexcept {
    return 8 + sizeof(Parent) + stored_size(parent.trace_state, trace_state_limits);
}
[[gnu::noinline]] inline void put_parent(Lane& lane, std::uint32_t control_index,
                                         const SpanContext& parent) noexcept {
    const std::uint64_t at = lane.head.load(memory_order_relaxed); // own store
    RecordWriter writer{lane.address(at)};
    writer.word(make_word(control_index, 0));
    writer.word(parent.trace_id.high);
    writer.word(parent.trace_id.low);
    writer.word(parent.span_id.value);
    writer.word((parent.flags & trace_flags::w3c) | (parent.is_remote ? parent_is_remote_bit : 0));
    writer.value(parent.trace_state, trace_state_limits);
    lane.publish(at + static_cast<std::uint64_t>(writer.at() - lane.address(at)));
}

/// A thread that is new to the process records for the first time. In the child of a fork that may
/// be the first of all: the background threads start again.
[[gnu::noinline, gnu::cold]] inline void revive() noexcept {
    Runtime& process = runtime();
    if (!process.needs_revival.load(memory_order_relaxed))
        return; // a hint: the session looks again
    SessionHooks hooks;
    {
        const Locked lock{process.mutex};
        hooks = process.hooks;
    }
    if (hooks.revive) hooks.revive(hooks.session);
}

/// What the first record of a thread takes besides: its number, and its name.
inline constexpr std::uint64_t introduction_bytes = 16 + 24;

/// Once a thread: asking for the name is a system call.
[[gnu::noinline, gnu::cold]] inline void put_introduction(Lane& lane) noexcept {
    put_words(lane, control::thread, std::uint64_t{lane.thread_id});
    std::uint64_t name[2] = {};
    static_cast<void>(::prctl(PR_GET_NAME, name)); // at most 16 bytes with the zero at their end
    put_words(lane, control::thread_name, name[0], name[1]);
    lane.thread_is_new = false;
}

/// The first record of a thread says which one it is; its bytes are in what was taken.
inline void introduce_thread(Lane& lane) noexcept {
    if (lane.thread_is_new) [[unlikely]]
        put_introduction(lane);
}

/// The same for what is no root: the bytes that introduce_thread() is going to need.
inline std::uint64_t introduction(const Lane& lane) noexcept {
    if (!lane.thread_is_new) [[likely]]
        return 0;
    revive();
    return introduction_bytes;
}

/// What the lane's local root is a child of, in the trace that was decided on.
inline SpanContext parent_of_root(const Lane& lane) noexcept {
    SpanContext above = lane.scope;
    above.trace_id = lane.trace_id;
    above.flags = lane.trace_flags;
    above.trace_state = lane.trace_state;
    return above;
}

/// Writes what comes before the word of a local root, and opens the lane for its children.
[[gnu::always_inline]] inline bool open_root(Lane& lane, std::uint64_t need) noexcept {
    const bool child = lane.scope.valid() || !lane.trace_state.empty();
    std::uint64_t prefix = 24;
    if (child) [[unlikely]]
        prefix = parent_size(parent_of_root(lane));
    if (lane.thread_is_new) [[unlikely]] {
        revive();
        prefix += introduction_bytes;
    }
    if (!take(lane, prefix + need)) [[unlikely]] {
        Lane::count(lane.dropped_spans);
        lane.undecided = false;
        lane.mute = Mute::dropping;
        lane.unsampled_id = unsampled_span_id(lane.trace_id);
        return false;
    }
    introduce_thread(lane);
    if (child) [[unlikely]] {
        put_parent(lane, control::child, parent_of_root(lane));
    } else {
        put_words(lane, control::root, lane.trace_id.high, lane.trace_id.low);
    }
    lane.open();
    return true;
}

/// Limits for a thread whose ring is not made yet, or not known to this module.
[[gnu::noinline]] inline LaneSettings settings_of_rings() noexcept {
    return runtime().settings.load();
}

/// Whether a lane records nothing at the moment; counts what that loses.
inline bool is_mute(Lane& lane) noexcept {
    if (lane.mute == Mute::none) [[likely]]
        return false;
    if (lane.mute == Mute::dropping) Lane::count(lane.dropped_spans);
    return true;
}

/// The lane for a span that begins off the stack, or null. Its parent may view texts of scopes that
/// end on other threads meanwhile: those stay in force.
inline Lane* lane_for_begin_off_the_stack() noexcept {
    Lane* lane = own_lane();
    if (!lane) runtime().dropped_after_exit.fetch_add(1, memory_order_relaxed);
    return lane;
}
/// The lane for a span that begins, or null.
inline Lane* lane_for_begin() noexcept {
    Lane* lane = lane_for_begin_off_the_stack();
    if (lane) notice_ended(*lane);
    return lane;
}

/// Writes what was counted for one span, before it ends or another is counted for.
[[gnu::noinline]] inline void say_what_is_missing(Lane& lane) noexcept {
    if (lane.missing_for == 0) return;
    const std::uint64_t counts = lane.missing_suppressed | std::uint64_t{lane.missing_dropped}
                                                               << 32U;
    if (take(lane, 24, true)) put_words(lane, control::missing, lane.missing_for, counts);
    else Lane::count(lane.dropped_records);
    lane.missing_for = 0;
    lane.missing_suppressed = lane.missing_dropped = 0;
}

/// The innermost span is the one that is counted for, from here to its end, which says so.
[[gnu::noinline]] inline void count_for_innermost(Lane& lane) noexcept {
    say_what_is_missing(lane);
    lane.missing_for = lane.current & ~low_bits;
    lane.current |= noted_bit;
}
/// Of the innermost span, a child is not there: its line was over its rate, or the ring was full.
[[gnu::always_inline]] inline void count_missing(Lane& lane, std::uint32_t Lane::* count) noexcept {
    if (lane.current == 0) return; // nobody to count it on but the statistics
    if (lane.missing_for != (lane.current & ~low_bits)) [[unlikely]]
        count_for_innermost(lane);
    ++(lane.*count);
}

/// What was decided on roots whose arguments are being evaluated. These may begin roots of their
/// own, which is why there are several, and may throw: then nobody asks for the decision.
struct DecidedRoots {
    struct One {
        std::uint64_t ticket;
        TraceStart start;
        // What it was decided in: arguments may change that.
        std::uint64_t scope; ///< ticket of the innermost scope
        SpanId parent;
        std::uint64_t id_seed; ///< another one in the child of a fork
    };
    static constexpr std::uint64_t most = 4; ///< in each other; beyond, one is decided on again
    One list[most];
    std::uint64_t last_ticket;

    [[nodiscard]] One& of(std::uint64_t ticket) noexcept { return list[ticket % most]; }
};

inline std::uint64_t scope_in_force(const Lane& lane) noexcept {
    return lane.outside ? lane.outside->ticket.load(memory_order_relaxed) : 0; // only compared
}

/// A ticket for it, which is not 0 but where there is no memory.
inline std::uint64_t keep_decision(Lane& lane, const TraceStart& start) noexcept {
    if (!lane.decided) [[unlikely]] {
        void* memory = std::malloc(sizeof(DecidedRoots));
        if (!memory) return 0;
        lane.decided = ::new (memory) DecidedRoots{};
    }
    const std::uint64_t ticket = ++lane.decided->last_ticket;
    DecidedRoots::One& one = lane.decided->of(ticket);
    let_go(one.start.text); // of a root that nobody has asked for
    one = {ticket, start, scope_in_force(lane), lane.scope.span_id,
           runtime().id_seed.load(memory_order_relaxed)}; // only compared
    return ticket;
}
/// What was decided under the ticket, or anew if that is not known any more or another scope or
/// process has come. The caller has its text.
[[gnu::noinline]] inline TraceStart decision(Lane& lane, std::uint64_t ticket,
                                             std::uint32_t index) noexcept {
    if (DecidedRoots::One& one = lane.decided->of(ticket); one.ticket == ticket) {
        const DecidedRoots::One known = one;
        one = {};
        if (known.scope == scope_in_force(lane) && known.parent == lane.scope.span_id &&
            known.id_seed == runtime().id_seed.load(memory_order_relaxed)) // only compared
            return known.start;
        let_go(known.start.text);
    }
    return start_trace(runtime(), lane, lane.scope, index, true);
}

/// Room for a span's begin and its end. `ticket`: of what was decided on the root before, or 0.
[[gnu::noinline]] inline WriteSlot make_room(std::uint64_t need, std::uint32_t index,
                                             std::uint64_t ticket) noexcept {
    Lane* lane = lane_for_begin();
    if (!lane || is_mute(*lane)) return {};
    if (lane->current == 0) {
        const bool admitted =
            ticket == 0 ? admit(*lane, start_trace(runtime(), *lane, lane->scope, index, true))
                        : admit(*lane, decision(*lane, ticket, index));
        if (!admitted || !open_root(*lane, need)) return {nullptr, lane->new_muted_token()};
    } else if (!take(*lane, need)) {
        Lane::count(lane->dropped_spans);
        count_missing(*lane, &Lane::missing_dropped);
        return {};
    }
    return {lane, now(lane->clock)};
}

/// Exceptions in flight, for threads whose lane the module does not remember.
[[gnu::noinline]] inline unsigned count_uncaught() noexcept { return *count_of_uncaught(); }

/// The lane that the thread has already, or null: asks for none.
inline Lane* peek_lane() noexcept {
    if (Lane* known = this_lane; known != &no_lane) return known;
    Lane* lane = runtime().lane_of_thread();
    if (lane == exited()) return nullptr;
    if (lane && has_mail(*lane)) [[unlikely]]
        read_mail(*lane);
    return lane;
}

/// A text that a context can keep which says what `context` says: what this thread has in force, or
/// a threshold, if that is it; else a copy. Null if there is nothing to keep, or no memory.
[[gnu::noinline]] inline ContextText* text_of_slowly(const SpanContext& context) noexcept {
    if (Lane* lane = peek_lane())
        for (ContextText* text : {lane->trace_text, lane->scope_text})
            if (text && text->says(context)) return keep(text);
    const SamplingPlan* plan =
        runtime().sampling.load(memory_order_acquire); // pairs with the release in set_plan()
    const Threshold* threshold = plan ? plan->by_parent[SamplingPlan::root]->threshold : nullptr;
    if (threshold && threshold->kept() && threshold->kept()->says(context))
        return threshold->kept();
    return ContextText::make(context.trace_state, context.baggage);
}
inline ContextText* text_of(const SpanContext& context) noexcept {
    if (context.trace_state.empty() && context.baggage.empty()) [[likely]]
        return nullptr;
    return text_of_slowly(context);
}
/// The context with a text of its own.
inline OwnedContext owned(const SpanContext& context) noexcept {
    return {context, text_of(context)};
}

/// Room for the begin of a span off the stack, behind its `async` record. `kept`, if not null, has
/// no text yet, and becomes its context, but for the span id, which follows from where the caller
/// writes.
[[gnu::noinline]] inline WriteSlot make_room_async(std::uint64_t need, std::uint32_t index,
                                                   const SpanContext& parent,
                                                   OwnedContext* kept) noexcept {
    Lane* lane = lane_for_begin_off_the_stack();
    const auto pass_on = [&]() -> WriteSlot {
        if (kept) *kept = owned(parent);
        return {};
    };
    if (!lane || lane->mute == Mute::suppressed) return pass_on();
    // Otherwise only its parent decides, whatever the stack of this thread is muted for.
    if (lane->mute == Mute::dropping && parent.span_id == lane->unsampled_id) {
        Lane::count(lane->dropped_spans);
        return pass_on();
    }
    const TraceStart start = start_trace(runtime(), *lane, parent, index, false);
    SpanContext own{start.trace_id, {}, start.flags, false, start.trace_state, parent.baggage};
    if (!own.sampled()) own.span_id = unsampled_span_id(own.trace_id);
    // A text that was made for it has its baggage, too.
    const bool is_whole = start.text && start.text->says(own);
    if (kept)
        ::new (static_cast<void*>(kept))
            OwnedContext{own, is_whole ? keep(start.text) : text_of(own)};
    WriteSlot room;
    if (own.sampled()) {
        SpanContext& above = own; // what it begins below, from here on
        if (parent.valid()) {
            above.span_id = parent.span_id;
            above.is_remote = parent.is_remote;
        }
        if (take(*lane, parent_size(above) + need + introduction(*lane))) {
            introduce_thread(*lane);
            put_parent(*lane, control::async, above);
            room = {lane, now(lane->clock)};
        } else {
            Lane::count(lane->dropped_spans);
            pass_on();
        }
    }
    if (start.text) let_go(start.text);
    return room;
}

/// The same decision, before the arguments of the span are evaluated. `token`: see
/// WriteSlot::ticks, or of a root that is wanted the ticket of the decision.
struct Decision {
    bool wanted = false;
    std::uint64_t token = 0;
};
[[gnu::noinline]] inline Decision decide(std::uint32_t index) noexcept {
    Lane* lane = lane_for_begin();
    if (!lane || is_mute(*lane)) return {};
    if (lane->current != 0) return {true, 0};
    const TraceStart start = start_trace(runtime(), *lane, lane->scope, index, true);
    if ((start.flags & trace_flags::sampled) != 0) return {true, keep_decision(*lane, start)};
    admit(*lane, start);
    return {false, lane->new_muted_token()};
}

[[gnu::noinline]] inline bool is_recording_slowly() noexcept {
    const Lane* lane = peek_lane();
    return lane && lane->current != 0;
}

/// The lane, with room taken for something on a span that need not be the innermost, nor of this
/// thread; null if nothing is to be written.
[[gnu::noinline]] inline Lane* lane_with_room_on(std::uint64_t token, std::uint64_t need) noexcept {
    const std::uint64_t position = token & ~low_bits;
    Lane* lane = token == 0 ? peek_lane() : own_lane();
    if (!lane || (token & muted_token) != 0) return nullptr;
    const bool innermost = token == 0 || position == (lane->current & ~low_bits);
    if (innermost && lane->current == 0) return nullptr;
    if (lane_of(position) == lane->index && position < lane->fork_floor) return nullptr;
    if (!take(*lane, need + (innermost ? 0 : 16))) {
        Lane::count(lane->dropped_records);
        return nullptr;
    }
    if (!innermost) put_words(*lane, control::target, position);
    return lane;
}
/// The same for what has a time.
[[gnu::noinline]] inline WriteSlot make_room_on(std::uint64_t token, std::uint64_t need) noexcept {
    Lane* lane = lane_with_room_on(token, need);
    return lane ? WriteSlot{lane, now(lane->clock)} : WriteSlot{};
}

} // namespace detail
} // namespace plume
