// scopes.hpp - what a scope puts aside on its thread, and how the thread gets it back.
//
// Guards and scopes are on the stack as a rule, but nothing keeps a program from having a scope on
// the heap, or in the frame of a coroutine that goes on elsewhere. So a lane keeps what scopes put
// aside in records of its own, and has a copy of the texts that its contexts view: no end of a
// scope, on whatever thread, leaves it with a pointer into memory that is gone.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <new>
#include <string_view>

#include <plume/record/lane.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// A record for a scope that begins, or null without memory. Allocates where the thread has never
/// had so many at once.
inline SavedScope* unused_record(Lane& lane) noexcept {
    SavedScope* record = lane.unused;
    if (!record) [[unlikely]] {
        void* memory = std::malloc(sizeof(SavedScope));
        return memory ? new (memory) SavedScope : nullptr;
    }
    lane.unused = record->next;
    return record;
}

/// Gives back what `record`, the innermost one, has put aside.
inline void take_back(Lane& lane, SavedScope& record) noexcept {
    let_go(lane.scope_text);
    let_go(lane.trace_text);
    Lane::forget(lane.inherited);
    lane.scope = record.scope;
    lane.scope_text = record.scope_text;
    lane.trace_id = record.trace_id;
    lane.trace_state = record.trace_state;
    lane.trace_text = record.trace_text;
    lane.trace_flags = record.trace_flags;
    lane.mute = record.mute;
    lane.undecided = record.undecided;
    lane.muted_by = record.muted_by;
    lane.unsampled_id = record.unsampled_id;
    lane.floor = record.floor;
    lane.left_floor = record.left_floor;
    lane.inherited = record.inherited;
    lane.outside = record.next;
    const std::uint64_t current = record.current;
    lane.recycle(record);
    lane.come_back_to(current);
    lane.keep_draw_only_for_roots();
}

/// Forgets the innermost record; what is in force stays.
inline void drop_record(Lane& lane) noexcept {
    SavedScope& record = *lane.outside;
    lane.outside = record.next;
    let_go(record.scope_text);
    let_go(record.trace_text);
    Lane::forget(record.inherited);
    lane.recycle(record);
}

/// On another thread than its own.
inline bool has_ended(const SavedScope& record) noexcept {
    return (record.ticket.load(memory_order_relaxed) & SavedScope::ended) != 0; // a flag
}
inline std::string_view trace_state_in(ContextText* text) noexcept {
    return text ? text->trace_state() : std::string_view{};
}

/// What a scope was given to view may be gone when it has ended elsewhere.
inline void view_own_texts(Lane& lane) noexcept {
    view(lane.scope, lane.scope_text);
    if (!lane.trace_state.empty()) lane.trace_state = trace_state_in(lane.trace_text);
}

/// Takes what began from `floor` on off the reader's stack.
void leave_behind(Lane& lane, std::uint64_t floor) noexcept;

/// The lower of two floors, of which 0 is none.
constexpr std::uint64_t lower(std::uint64_t one, std::uint64_t other) noexcept {
    return one != 0 && (other == 0 || one < other) ? one : other;
}

/// The innermost scopes that have ended on another thread, where they could undo nothing: their own
/// thread does it here, before it puts something else in their place. Where it has something open
/// in the scope's context it goes on in that, and forgets what is outside.
[[gnu::noinline, gnu::cold]] inline void undo_ended(Lane& lane) noexcept {
    for (SavedScope* record = lane.outside; record && has_ended(*record); record = lane.outside) {
        const bool idle =
            lane.current == 0 && (lane.mute == Mute::none || lane.mute == Mute::suppressed);
        if (idle) {
            if (lane.left_floor != 0) leave_behind(lane, lane.left_floor);
            take_back(lane, *record);
        } else {
            lane.left_floor = lower(lane.left_floor, record->left_floor);
            if (record->current != 0) lane.left_floor = lower(lane.left_floor, record->floor);
            drop_record(lane);
            view_own_texts(lane);
        }
    }
}
[[gnu::always_inline]] inline void notice_ended(Lane& lane) noexcept {
    if (lane.outside && has_ended(*lane.outside)) [[unlikely]]
        undo_ended(lane);
}

/// Puts the lane's state aside, and has `scope` in force. `text`, which says the same, becomes the
/// lane's. Null, and nothing has changed, without memory.
[[gnu::noinline]] inline SavedScope* put_aside(Lane& lane, const SpanContext& scope,
                                               ContextText* text, Mute mute) noexcept {
    notice_ended(lane);
    SavedScope* record = unused_record(lane);
    if (!record) return nullptr;
    record->current = lane.current;
    record->scope = lane.scope;
    record->scope_text = lane.scope_text;
    record->trace_id = lane.trace_id;
    record->trace_state = lane.trace_state;
    record->trace_text = lane.trace_text;
    record->trace_flags = lane.trace_flags;
    record->mute = lane.mute;
    record->undecided = lane.undecided;
    record->uncaught = *lane.uncaught;
    record->muted_by = lane.muted_by;
    record->unsampled_id = lane.unsampled_id;
    record->floor = lane.floor;
    record->left_floor = lane.left_floor;
    record->inherited = lane.inherited;
    record->next = lane.outside;
    record->ticket.store(lane.last_ticket += 2, memory_order_relaxed); // a number, and a flag
    lane.outside = record;
    lane.close();
    lane.current = 0;
    lane.scope = scope;
    lane.scope_text = text;
    lane.trace_state = {};
    lane.trace_text = nullptr;
    lane.undecided = false;
    lane.muted_by = 0;
    lane.floor = lane.head.load(memory_order_relaxed); // own store
    lane.left_floor = 0;
    lane.inherited = nullptr;
    if (lane.mute != Mute::suppressed) lane.mute = mute;
    lane.keep_draw_only_for_roots();
    return record;
}

/// Whether the scope with that ticket is still there, on the lane's own thread.
inline bool is_in_force(const Lane& lane, const SavedScope* record, std::uint64_t ticket) noexcept {
    if (record->ticket.load(memory_order_relaxed) != ticket) return false; // own store
    for (const SavedScope* level = lane.outside; level; level = level->next)
        if (level == record) return true;
    return false;
}

/// A scope ends on a thread that is not its own, while its own may be ending it as well, with one
/// around it.
inline void end_elsewhere(SavedScope& record, std::uint64_t ticket) noexcept {
    record.ticket.compare_exchange(ticket, ticket | SavedScope::ended);
}

} // namespace detail
} // namespace plume
