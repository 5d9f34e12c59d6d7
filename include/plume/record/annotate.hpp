// annotate.hpp - records about an open span that belong to no line of source, and its ids.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <plume/core/utf8.hpp>
#include <plume/record/fast_path.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// The number of a name that is known only at run time. Takes the lock, may allocate.
[[gnu::noinline]] inline std::uint32_t intern(std::string_view text) noexcept {
    if (text.empty()) text = "unnamed";
    Description name{};
    constexpr std::size_t longest = 128;
    name.name = text.size() <= longest ? text : without_partial_character(text.substr(0, longest));
    Runtime& process = runtime();
    Locked lock{process.mutex};
    const Entry* entry = process.registry.add(name, nullptr);
    return entry ? entry->index : 0;
}

/// The context of an open span of this thread, or of the innermost one.
[[gnu::noinline]] inline SpanContext context_of(std::uint64_t token) noexcept {
    Lane* lane = peek_lane();
    if (!lane) return {};
    notice_ended(*lane);
    const std::uint64_t position = (token != 0 ? token : lane->current) & ~low_bits;
    if (position == 0 || lane_of(position) != lane->index) return {};
    if (position < lane->fork_floor) return context_of_inherited(*lane, position);
    const SpanId id = runtime().span_id(position);
    if (lane->on_stack(position))
        return {lane->trace_id,     id, lane->trace_flags, false, lane->trace_state,
                lane->scope.baggage};
    // A span that began before a ContextScope belongs to the trace that the scope has put aside.
    if (const SavedScope* level = lane->outside_with(position)) {
        SpanContext context{level->trace_id,     id, level->trace_flags, false, level->trace_state,
                            level->scope.baggage};
        if (level->next && has_ended(*level->next)) { // then only the lane's texts are still there
            context.trace_state = trace_state_in(level->trace_text);
            context.baggage = level->scope_text ? level->scope_text->baggage() : std::string_view{};
        }
        return context;
    }
    return {}; // its trace is forgotten: a span below it has ended before it
}

[[gnu::noinline]] inline SpanContext context_now() noexcept {
    Lane* lane = peek_lane();
    if (!lane) return {};
    notice_ended(*lane);
    if (lane->current != 0) return context_of(0);
    name_unsampled(*lane);
    // What is not recorded passes its decision on, so that other services drop it too.
    if (lane->mute == Mute::unsampled || lane->mute == Mute::dropping)
        return {lane->trace_id,
                lane->unsampled_id,
                static_cast<std::uint8_t>(lane->trace_flags & ~trace_flags::sampled),
                false,
                lane->trace_state,
                lane->scope.baggage};
    return lane->scope;
}

[[gnu::noinline]] inline void put_status(std::uint64_t token, StatusCode code,
                                         std::string_view text) noexcept {
    constexpr Limits limits{1024, 0};
    const WriteSlot room = make_room_on(token, 16 + stored_size(text, limits));
    if (!room.lane) return;
    const std::uint64_t at = room.lane->head.load(memory_order_relaxed); // own store
    RecordWriter writer{room.lane->address(at)};
    writer.word(make_word(control::status, room.ticks));
    writer.word(static_cast<std::uint64_t>(code));
    writer.value(text, limits);
    room.lane->publish(at + static_cast<std::uint64_t>(writer.at() - room.lane->address(at)));
}

[[gnu::noinline]] inline void put_rename(std::uint64_t token, std::uint32_t name) noexcept {
    if (name == 0) return; // there was no memory for it
    if (Lane* lane = lane_with_room_on(token, 16))
        put_words(*lane, control::rename, std::uint64_t{name});
}

[[gnu::noinline]] inline void put_discard(std::uint64_t token) noexcept {
    if (Lane* lane = lane_with_room_on(token, 8)) put_words(*lane, control::discard);
}

/// Records something with a callsite on a span, if there is one to record on.
template <SiteKind What, class Line, class... Args>
[[gnu::always_inline]] inline void
annotation(std::uint64_t token, const Args&... args) noexcept((is_settled_argument<Args> && ...)) {
    static_assert((is_attribute<Args> && ...),
                  "plume: only attributes can be given here, written \"key\"_a = value");
    using Site = CallsiteOf<What, Line, Args...>;
    if (const std::uint32_t index = index_of<Site>(); index != 0 && recording_on(token))
        settled_record<Site>(token, index, args...);
}

/// An exception leaves the span's scope. What it is the C++ runtime does not tell a destructor:
/// record_exception() in the handler that catches it says more.
[[gnu::noinline, gnu::cold]] inline void mark_exception(std::uint64_t token,
                                                        unsigned uncaught) noexcept {
    if (count_uncaught() <= uncaught) return; // the lane was not known, that is all
    // The two counts are of one thread, or mean nothing.
    const Lane* lane = peek_lane();
    const std::uint64_t position = token & ~low_bits;
    if ((token & async_bit) == 0 &&
        (!lane || lane_of(position) != lane->index || position < lane->owner_floor))
        return;
    // No "key"_a here: g++ finds the one of compiled_out.hpp where a file has its macros compiled
    // out.
    annotation<SiteKind::event, Anywhere<"exception">>(
        token, Key<"exception.type">{} = "unknown",
        Key<"exception.message">{} = "an exception left the scope of the span");
    annotation<SiteKind::attributes, Anywhere<"">>(token, Key<"error.type">{} = "_OTHER");
    put_status(token, StatusCode::error, "an exception left the scope of the span");
}

/// The types behind a link: the context that it points to travels as its first five attributes.
inline auto link_target(const SpanContext& to) noexcept {
    struct Parts {
        std::uint64_t high, low, span, flags;
        std::string_view state;
    };
    return Parts{to.trace_id.high, to.trace_id.low, to.span_id.value,
                 (to.flags & trace_flags::w3c) | (to.is_remote ? parent_is_remote_bit : 0),
                 to.trace_state};
}

} // namespace detail
} // namespace plume
