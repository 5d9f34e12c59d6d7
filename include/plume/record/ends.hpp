// ends.hpp - spans that end in another order than the stack of their thread expects, on another
// thread, or where the ring has no room. In a full ring that takes the heap, and telling another
// thread takes a lock; otherwise still no lock, no heap, no system call.
#pragma once

#include <cstdint>
#include <cstdlib>

#include <plume/record/slow_path.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// The lane of this number, or null.
inline Lane* lane_at(Runtime& process, std::uint32_t index) noexcept {
    Lane* lane = process.lanes.load(memory_order_acquire); // pairs with claim_lane()
    while (lane && lane->index != index) lane = lane->next;
    return lane;
}

/// A record that the stack of spans depends on has no room in the ring. It waits on the heap for
/// the reader, with the place where it belongs. Without memory it is lost: false.
[[gnu::noinline, gnu::cold]] inline bool hand_over_late(Lane& lane, const Late& what) noexcept {
    auto* late = static_cast<Late*>(std::malloc(sizeof(Late)));
    if (!late) return false;
    *late = what;
    push(lane.late, late); // releases it: pairs with the acquire in SpanAssembler::take_late()
    runtime().wake();
    return true;
}
/// On the lane's own thread, which counts what is lost.
inline void put_late(Lane& lane, const Late& what) noexcept {
    if (!hand_over_late(lane, what)) Lane::count(lane.dropped_records);
}
[[nodiscard]] inline Late late_record(const Lane& lane, std::uint32_t control_index,
                                      std::uint64_t position, std::uint64_t ticks) noexcept {
    const std::uint64_t at = lane.head.load(memory_order_relaxed); // own store
    return {nullptr, at, position, ticks, control_index, 0};
}

/// A thread that has no lane any more ends a span. Without memory the span stays open.
[[gnu::noinline, gnu::cold]] inline void end_without_lane(std::uint64_t position) noexcept {
    Runtime& process = runtime();
    Lane* home = lane_at(process, lane_of(position));
    if (!home || position < home->fork_floor) return;
    static_cast<void>(
        hand_over_late(*home, {nullptr, 0, position, now(process.clock.load(memory_order_relaxed)),
                               control::end_at, static_cast<std::uint32_t>(syscall(SYS_gettid))}));
}

/// Tells the owner of a guard that it was ended here: what was promised to its end comes back, and
/// if it was a root, what begins there is no part of it any more. Takes a lock. Without memory for
/// it the owner does not learn of it.
[[gnu::noinline, gnu::cold]] inline void post_mail(std::uint64_t token) noexcept {
    Runtime& process = runtime();
    Lane* home = lane_at(process, lane_of(token));
    auto* mail = home ? static_cast<Mail*>(std::malloc(sizeof(Mail))) : nullptr;
    if (!mail) return;
    mail->token = token;
    push(home->mail, mail); // releases it: pairs with the acquire in read_mail()
    // Its owner looks for its lane again, and then for mail. If it is about to remember the lane,
    // it looks under this lock whether there is mail.
    const Locked lock{process.mutex};
    forget_caches(*home);
}

/// Gives back what was promised to an end that is never written.
inline void give_back_end(Lane& lane) noexcept {
    (lane.closed ? lane.closed_room : lane.room) += 8;
}

/// A root of this thread has ended elsewhere, and is let go unless something is open above it.
inline bool let_root_go(Lane& lane, std::uint64_t position) noexcept {
    SavedScope* level = nullptr;
    if (!lane.on_stack(position)) {
        level = lane.outside_with(position);
        if (!level) return give_back_end(lane), true; // it is off the stack already
    }
    std::uint64_t& innermost = level ? level->current : lane.current;
    if ((innermost & ~low_bits) != position) return false;
    if (position == lane.missing_for) say_what_is_missing(lane);
    if (take(lane, 8, true)) {
        put_words(lane, control::let_go, position);
    } else {
        put_late(lane, late_record(lane, control::let_go, position, 0));
        give_back_end(lane);
    }
    if (level) innermost = 0;
    else lane.step_down(0);
    return true;
}

/// What other threads have ended.
[[gnu::noinline, gnu::cold]] inline void read_mail(Lane& lane) noexcept {
    Mail* news = lane.mail.exchange(nullptr, memory_order_acquire); // pairs with push()
    while (news) {
        Mail* mail = news;
        news = mail->next;
        mail->next = lane.waiting_mail;
        lane.waiting_mail = mail;
    }
    for (Mail** link = &lane.waiting_mail; *link;) {
        Mail* mail = *link;
        const std::uint64_t position = mail->token & ~low_bits;
        bool done = true;
        if ((mail->token & muted_token) != 0) lane.unmute(mail->token);
        else if (position < lane.owner_floor) {
            // Of a thread that is gone, or of the parent process: its guard is gone here as well.
            if ((mail->token & root_bit) != 0 && position < lane.fork_floor)
                end_inherited(lane, position, 0, &Runtime::make_span_id);
        } else if ((mail->token & root_bit) != 0) done = let_root_go(lane, position);
        else give_back_end(lane);
        if (!done) {
            link = &mail->next;
            continue;
        }
        *link = mail->next;
        std::free(mail);
    }
}

/// Where the lane is not known to the module, or scopes have been entered since.
[[gnu::noinline]] inline void unmute_slowly(std::uint64_t token) noexcept {
    Lane* lane = peek_lane();
    if (lane && lane_of(token) == lane->index) lane->unmute(token);
    else post_mail(token);
}

/// An end that is not the innermost of its thread, or has to read the kernel's clock, or closes
/// the lane because it is a root's, or has something to say first.
[[gnu::noinline]] inline void end_recorded(std::uint64_t token, std::uint64_t parent) noexcept {
    const std::uint64_t position = token & ~low_bits;
    Lane* lane = own_lane();
    if (lane && position == lane->missing_for) [[unlikely]]
        say_what_is_missing(*lane);
    if (lane && (lane->current & ~low_bits) == position) [[likely]] {
        const std::uint64_t at = lane->head.load(memory_order_relaxed); // own store
        lane->put(at, make_word(control::end, now(lane->clock)));
        lane->publish(at + 8);
        lane->step_down(parent);
        return;
    }
    const bool own = lane && lane_of(position) == lane->index;
    const bool on_a_stack = (token & async_bit) == 0;
    if (!own && on_a_stack) post_mail(token);
    if (!lane) return end_without_lane(position);
    if (own && position < lane->fork_floor) {
        if (on_a_stack) end_inherited(*lane, position, parent, &Runtime::make_span_id);
        return;
    }
    const std::uint64_t ticks = now(lane->clock);
    const bool stacked = own && on_a_stack;
    // 8 bytes were promised to the end of a span that this thread has put on its stack.
    const bool promised = stacked && position >= lane->owner_floor;
    if (take(*lane, (promised ? 8 : 16) + introduction(*lane), true)) {
        introduce_thread(*lane);
        const std::uint64_t at = lane->head.load(memory_order_relaxed); // own store
        lane->put(at, make_word(control::end_at, ticks));
        lane->put(at + 8, position);
        lane->publish(at + 16);
    } else {
        put_late(*lane, late_record(*lane, control::end_at, position, ticks));
        if (promised) give_back_end(*lane);
    }
    if (stacked) lane->step_over(position, parent);
}

/// Any end but that of an innermost span that is no root. Of a root that was not recorded, it lets
/// the lane speak again; apart, since a program may have nothing but these.
[[gnu::noinline]] inline void end_slowly(std::uint64_t token, std::uint64_t parent) noexcept {
    if ((token & muted_token) == 0) return end_recorded(token, parent);
    Lane* lane = this_lane;
    if (token == lane->muted_by) [[likely]]
        lane->mute = Mute::none;
    else unmute_slowly(token);
}

/// Tells the collector, which may report it.
[[gnu::noinline, gnu::cold]] inline void lose_scope(ScopeFault fault) noexcept {
    Lane* lane = own_lane();
    if (!lane || !runtime().recording.load(memory_order_relaxed)) return; // a hint
    if (!take(*lane, 16 + introduction(*lane), true)) return Lane::count(lane->dropped_records);
    introduce_thread(*lane);
    put_words(*lane, control::lost_scope, static_cast<std::uint64_t>(fault));
}

/// A ContextScope ends before spans that began in it: nothing begins below them any more.
[[gnu::noinline, gnu::cold]] inline void leave_behind(Lane& lane, std::uint64_t floor) noexcept {
    if (take(lane, 16, true)) put_words(lane, control::abandon, floor);
    else put_late(lane, late_record(lane, control::abandon, floor, 0));
}

} // namespace detail
} // namespace plume
