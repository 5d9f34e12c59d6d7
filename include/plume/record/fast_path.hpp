// fast_path.hpp - the path from a macro to the ring: a few stores where all is well.
//
// The inline functions are what a span costs; whatever they cannot decide with one comparison
// they leave to the functions of slow_path.hpp.
#pragma once

#include <cstddef>
#include <cstdint>

#include <plume/record/callsite.hpp>
#include <plume/record/ends.hpp>
#include <plume/record/late_sampling.hpp>
#include <plume/record/settle.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

template <class... Args>
struct List {};

/// Stands in for the recording, to learn the types of arguments that are not evaluated yet.
struct Probe {
    template <class... Args>
    List<Args...> operator()(const Args&...) const { // has a body for the sake of local types
        return {};
    }
};
template <class F>
using ArgumentsOf = decltype(std::declval<F&>()(Probe{}));

/// A function that hands the arguments to the function that it is given: not evaluated till then.
template <class F>
concept Lazy = requires { typename ArgumentsOf<F>; };

template <class T>
concept Argument = is_attribute<T> || is_kind<T>;

template <SiteKind What, class Line, class Arguments>
struct SiteFor;
template <SiteKind What, class Line, class... Args>
struct SiteFor<What, Line, List<Args...>> {
    using type = CallsiteOf<What, Line, Args...>;
};

/// Has `Site` registered when the module is loaded. What its records are called, or 0 while off.
template <class Site>
[[gnu::always_inline]] inline std::uint32_t index_of() noexcept {
    static_cast<void>(&Registered<Site>::done); // asks for its initialisation, leaves no code
    return Site::callsite.index.load(memory_order_relaxed); // a switch: orders nothing
}

/// Bytes of all attributes, and under which limits they keep to it.
struct Measured {
    std::size_t bytes;
    Limits limits;
};

template <class Arg>
constexpr std::size_t argument_size(const Arg& arg, const Limits& limits) noexcept {
    if constexpr (is_attribute<Arg>) return stored_size(arg.value, limits);
    else return 0;
}
template <class... Args>
Measured measure(const Lane& lane, const Args&... args) noexcept {
    Limits limits = lane.limits;
    std::uint64_t largest = lane.largest_record;
    if (largest == 0) [[unlikely]] {
        const LaneSettings settings = settings_of_rings();
        limits = settings.limits;
        largest = settings.largest_record();
    }
    const std::size_t bytes = (argument_size(args, limits) + ... + 0);
    if (bytes <= largest) [[likely]]
        return {bytes, limits};
    return {(argument_size(args, emergency_limits) + ... + 0), emergency_limits};
}
template <class Arg>
[[gnu::always_inline]] inline void write(RecordWriter& writer, const Arg& arg,
                                         const Limits& limits) noexcept {
    if constexpr (is_attribute<Arg>) writer.value(arg.value, limits);
}

/// Writes a callsite's word and its arguments where the lane stands, and publishes them.
/// `bytes` is 0 for a site whose fields are one word each: it carries no size.
template <class Site, class... Args>
[[gnu::always_inline]] inline std::uint64_t
put(Lane& lane, std::uint64_t word, const Measured& size, const Args&... args) noexcept {
    const std::uint64_t at = lane.head.load(memory_order_relaxed); // own store
    RecordWriter writer{lane.address(at)};
    writer.word(word);
    if constexpr (Site::one_word_fields) {
        (write(writer, args, size.limits), ...);
        lane.publish(at + 8 + 8 * Site::attribute_count);
    } else {
        writer.word(size.bytes);
        (write(writer, args, size.limits), ...);
        lane.publish(at + 16 + size.bytes);
    }
    return at;
}

/// What a guard remembers of its span. Handed only to functions that are inlined, so that it lives
/// in registers.
struct [[gnu::visibility("default")]] SpanHandle {
    std::uint64_t token = 0; ///< its position and low bits; 0 while it is off
    // Written only if the span began: a guard that is off initialises nothing.
    std::uint64_t parent; ///< Ring::current before it
    unsigned uncaught;    ///< exceptions in flight when it began, where the file can throw

    /// No instruction: tells the compiler that the two have some value, which it then need not
    /// warn about in the user's code.
    [[gnu::always_inline]] SpanHandle() noexcept { asm("" : "=r"(parent), "=r"(uncaught)); }
};

/// The bytes of these arguments in the ring of a lane, as far as the module knows it.
template <class Site, class... Args>
[[gnu::always_inline]] inline Measured size_of(const Lane& lane, const Args&... args) noexcept {
    if constexpr (Site::one_word_fields) return {8 * Site::attribute_count, {}};
    else return measure(lane, args...);
}
template <class Site>
[[gnu::always_inline]] constexpr std::uint64_t record_size(const Measured& size) noexcept {
    return (Site::one_word_fields ? 8 : 16) + size.bytes;
}

/// A root, a full ring, a thread without a lane, or the kernel's clock. Takes its arguments by
/// value and answers in two registers, so that those of the fast path stay where they are.
struct BeginResult {
    std::uint64_t token;
    std::uint64_t parent;
};
template <class Site, class... Args>
[[gnu::noinline]] BeginResult begin_slowly(std::uint32_t index, std::uint64_t ticket, Measured size,
                                           Args... args) noexcept {
    const WriteSlot room = make_room(record_size<Site>(size) + 8, index, ticket);
    if (!room.lane) return {room.ticks, 0};
    const std::uint64_t parent = room.lane->current;
    const std::uint64_t at = put<Site>(*room.lane, make_word(index, room.ticks), size, args...);
    room.lane->current = at;
    if constexpr (Site::attribute_count != 0)
        if (room.lane->undecided) [[unlikely]]
            if (const std::uint64_t muted = sample_with_attributes(*room.lane, index); muted != 0)
                return {muted, 0};
    return {at | (parent == 0 ? root_bit : 0), parent};
}

/// Begins a span on this thread. Its end has its 8 bytes from here on. `lane`: as the module knew
/// it a moment ago. The token is 0, or what wanted() has made it.
template <class Site, bool Exceptions, class... Args>
[[gnu::always_inline]] inline void begin(SpanHandle& opened, Lane* lane, std::uint32_t index,
                                         const Args&... args) noexcept {
    const Measured size = size_of<Site>(*lane, args...);
    std::uint64_t left = 0;
    if (__builtin_sub_overflow(lane->room, record_size<Site>(size) + 8, &left)) [[unlikely]] {
        const std::uint64_t ticket = opened.token;
        opened.token = 0;
        if (is_unsampled(lane->mute)) return;
        if (ticket == 0)
            if (opened.token = skip_root(*lane); opened.token != 0) return;
        const BeginResult begun = begin_slowly<Site>(index, ticket, size, args...);
        opened.token = begun.token;
        opened.parent = begun.parent;
        if constexpr (Exceptions) {
            const Lane* known = this_lane;
            opened.uncaught = known != &no_lane ? *known->uncaught : count_uncaught();
        }
        return;
    }
    lane->room = left;
    opened.parent = lane->current;
    if constexpr (Exceptions) opened.uncaught = *lane->uncaught;
    opened.token = put<Site>(*lane, make_word(index, counter_now()), size, args...);
    lane->current = opened.token;
    // Saves the guard a test: no record is at position 0.
    if (opened.token == 0) __builtin_unreachable();
}

/// Whether a span that began now would be recorded: asked before its arguments are evaluated. If
/// not, `token` is what its guard has to remember. If it is a root, `token` is the ticket of
/// what was decided on it: so it is decided on once, and neither what its arguments begin nor an
/// exception that leaves them makes the decision another span's.
[[gnu::always_inline]] inline bool wanted(Lane* lane, std::uint32_t index,
                                          std::uint64_t& token) noexcept {
    if (lane->room >= 16) [[likely]]
        return true;
    if (is_unsampled(lane->mute)) return false;
    if (token = skip_root(*lane); token != 0) return false;
    const Decision decision = decide(index);
    token = decision.token;
    return decision.wanted;
}

/// A line that is over its rate, in a module that does not know the thread's lane.
[[gnu::noinline]] inline Lane* lane_to_count() noexcept { return peek_lane(); }

/// A span that is not there since its line is over its rate.
[[gnu::always_inline]] inline void suppressed() noexcept {
    Lane* lane = this_lane;
    if (lane == &no_lane) [[unlikely]]
        if (lane = lane_to_count(); !lane) return;
    if (lane->mute != Mute::none) return; // it would not have been recorded anyway
    Lane::count(lane->suppressed_spans);
    count_missing(*lane, &Lane::missing_suppressed);
}

/// Whether a line may record once more. Asked first, since it costs one load when it may not.
template <class Site>
[[gnu::always_inline]] inline bool within_rate() noexcept {
    if constexpr (Site::description.rate.count != 0) {
        if (Site::callsite.left.load(memory_order_relaxed) <= 0) [[unlikely]] { // only a number
            suppressed();
            return false;
        }
    }
    return true;
}
/// Takes one off; another thread may have taken the last.
template <class Site>
[[gnu::always_inline]] inline bool take_off_rate() noexcept {
    if constexpr (Site::description.rate.count != 0) {
        if (Site::callsite.left.fetch_add(-1, memory_order_relaxed) <= 0) [[unlikely]] {
            Site::callsite.left.fetch_add(1, memory_order_relaxed); // only a number
            suppressed();
            return false;
        }
    }
    return true;
}

/// `lane`: as the module knew it a moment ago.
[[gnu::always_inline]] inline void end(const SpanHandle& opened, Lane* lane) noexcept {
    if (lane->current != opened.token) [[unlikely]] {
        end_slowly(opened.token, opened.parent);
        return;
    }
    const std::uint64_t at = lane->head.load(memory_order_relaxed); // own store
    lane->put(at, make_word(control::end, counter_now()));
    lane->publish(at + 8);
    lane->current = opened.parent;
}

/// Whether there is a span to record something on. `token` 0 means the innermost of the thread.
[[gnu::always_inline]] inline bool recording_on(std::uint64_t token) noexcept {
    if (token != 0) return (token & muted_token) == 0;
    return this_lane->current != 0 || is_recording_slowly();
}

/// Records an event, attributes or a link on a span.
template <class Site, class... Args>
[[gnu::always_inline]] inline void record(std::uint64_t token, std::uint32_t index,
                                          const Args&... args) noexcept {
    Lane* lane = this_lane;
    const Measured size = size_of<Site>(*lane, args...);
    const std::uint64_t need = record_size<Site>(size);
    std::uint64_t ticks = 0;
    std::uint64_t left = 0;
    const bool innermost = token == 0 || (token ^ lane->current) < 8;
    if (!innermost || __builtin_sub_overflow(lane->room, need, &left)) [[unlikely]] {
        const WriteSlot room = make_room_on(token, need);
        if (!room.lane) return;
        lane = room.lane;
        ticks = room.ticks;
    } else {
        lane->room = left;
        ticks = counter_now();
    }
    put<Site>(*lane, make_word(index, ticks), size, args...);
}
/// The same with values that are perhaps not the same when they are read again.
template <class Site, class... Args>
[[gnu::always_inline]] inline void
settled_record(std::uint64_t token, std::uint32_t index,
               const Args&... args) noexcept((is_settled_argument<Args> && ...)) {
    settle([token, index](const auto&... settled)
               __attribute__((always_inline)) { record<Site>(token, index, settled...); },
           args...);
}

} // namespace detail
} // namespace plume
