// lane.hpp - everything one thread owns while it records: its ring, its trace, its current span.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include <plume/core/atomic.hpp>
#include <plume/core/clock.hpp>
#include <plume/core/context_text.hpp>
#include <plume/core/ids.hpp>
#include <plume/record/ring.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// A position is unique in the process: the lane's index above 48 bits of bytes. A lane that
/// records 100 MB a second for a month has used them up.
inline constexpr unsigned position_bits = 48;
inline constexpr std::uint32_t most_lanes = (1U << (64 - position_bits)) - 1; ///< threads at once

constexpr std::uint32_t lane_of(std::uint64_t position) noexcept {
    return static_cast<std::uint32_t>(position >> position_bits);
}

// Records are aligned to 8, so three low bits of a position are free to say something. A guard
// whose position carries one of them never compares equal to Ring::current, and so takes the slow
// path at its end.
inline constexpr std::uint64_t root_bit = 1;    ///< in a guard: its end closes the ring
inline constexpr std::uint64_t muted_token = 2; ///< of a root that is not recorded: above, which
inline constexpr std::uint64_t async_bit = 4;   ///< in an AsyncSpan: on no stack, promised nothing
inline constexpr std::uint64_t noted_bit = 4;   ///< in Ring::current: its end has more to say
inline constexpr std::uint64_t low_bits = 7;

/// Why a thread records nothing at the moment.
enum class Mute : std::uint8_t {
    none,
    dropping,            ///< the root found no room; its children are dropped with it, and counted
    suppressed,          ///< asked for, as in the threads of exporters
    unsampled,           ///< the root was not sampled; its children are not either
    unsampled_without_id ///< likewise, and the trace has no id until somebody asks
};

/// One comparison, since it is all that most spans of a program do.
constexpr bool is_unsampled(Mute mute) noexcept { return mute >= Mute::unsampled; }

/// In the child of a fork: spans that the parent process had open where the thread forked. The
/// innermost of them that has not ended in the child is the remote parent of what begins.
struct [[gnu::visibility("default")]] Inherited {
    std::uint64_t floor;    ///< where the first of them began
    std::uint64_t position; ///< and the one that is the parent
    std::uint64_t id_seed;  ///< of the process that began them
    std::uint64_t id_key;
    SpanContext below; ///< what was in force outside them
    ContextText* below_text;
    Inherited* outer; ///< what that process had inherited itself
};

/// What a ContextScope puts aside while it is in force, a link of a list. It belongs to the lane,
/// since a scope may be gone before its thread can give back what it has put aside: then its
/// ticket says so. See scopes.hpp.
struct [[gnu::visibility("default")]] SavedScope {
    std::uint64_t current = 0;
    SpanContext scope;
    ContextText* scope_text = nullptr;
    TraceId trace_id;
    std::string_view trace_state;
    ContextText* trace_text = nullptr;
    std::uint8_t trace_flags = 0;
    Mute mute = Mute::none;
    bool undecided = false;
    unsigned uncaught = 0; ///< exceptions in flight when the scope began
    std::uint64_t muted_by = 0;
    SpanId unsampled_id;
    std::uint64_t floor = 0;
    std::uint64_t left_floor = 0;
    Inherited* inherited = nullptr;
    SavedScope* next = nullptr;
    // Of which scope it is: written by the lane's thread, and by the one on which the scope ends.
    Atomic<std::uint64_t> ticket{0};

    static constexpr std::uint64_t ended = 1; ///< in a ticket: on another thread
};

/// A record that changes what is on a stack, or that a span has ended, and that the ring had no
/// room for: so many bytes of the heap, until the reader has seen it. There are no more than open
/// spans and scopes.
struct [[gnu::visibility("default")]] Late {
    Late* next;
    std::uint64_t at;       ///< the record that it comes before; 0: any
    std::uint64_t position; ///< what it is about
    std::uint64_t ticks;
    std::uint32_t control;
    std::uint32_t thread; ///< that made it; 0: the lane's own
};

/// What another thread tells the owner of a lane: it has ended the guard with this token.
struct [[gnu::visibility("default")]] Mail {
    Mail* next;
    std::uint64_t token;
};

/// Written by the thread that claimed it, drained by the collector. Lanes outlive their threads:
/// an exiting thread gives up its claim, and the next new thread takes over ring and all.
struct [[gnu::visibility("default")]] Lane : Ring {
    // Where spans without a parent on this thread hang: set by ContextScope.
    SpanContext scope;
    ContextText* scope_text = nullptr; ///< says what `scope` views
    SavedScope* outside = nullptr;     ///< what the innermost ContextScope has put aside
    SavedScope* unused = nullptr;      ///< records for the scopes to come
    std::uint64_t last_ticket = 0;
    Inherited* inherited = nullptr;
    // The trace of the open local root, or of the unsampled one.
    TraceId trace_id;
    std::string_view trace_state;
    ContextText* trace_text = nullptr; ///< says what `trace_state` views
    std::uint8_t trace_flags = 0;
    Mute mute = Mute::none;
    bool undecided = false; ///< but for a sampler that wants to see what the root is given
    Clock clock = Clock::undecided;
    std::uint64_t muted_by = 0; ///< the token of the guard whose end unmutes the lane
    std::uint64_t next_muted_by = muted_token; ///< of the next one; above it, the lane
    SpanId unsampled_id; ///< what an unsampled root calls itself when it passes its decision on
    // Children that the span at this position does not have; 0: none. Said before it ends.
    std::uint64_t missing_for = 0;
    std::uint32_t missing_suppressed = 0;
    std::uint32_t missing_dropped = 0;

    Limits limits{};
    std::uint32_t index = 0;
    std::uint32_t thread_id = 0;
    std::uint64_t largest_record = 0;

    // Which spans are on the stack below `current`: those that began at `floor` or later, but for
    // these stretches, which were abandoned when a span or a scope below them ended first. They lie
    // between spans that are on the stack, so there are more than one only where such ends are
    // nested. What a program has that is not lost in its scopes needs no memory.
    struct PositionRange {
        std::uint64_t begin;
        std::uint64_t end;
    };
    std::uint64_t floor = 0;
    // From here on the reader may have spans on its stack that this thread has taken off it, since
    // a scope around them has ended on another thread; 0: it has none. Said when the scope that is
    // in force ends, whose part of the stack they are in.
    std::uint64_t left_floor = 0;
    std::uint64_t owner_floor = 0; ///< what began below belongs to threads that are gone
    static constexpr std::uint32_t few = 16;
    std::array<PositionRange, few> few_abandoned{};
    PositionRange* many_abandoned = nullptr; ///< on the heap, instead of the few
    std::uint32_t abandoned_room = few;
    std::uint32_t abandoned_count = 0;
    [[nodiscard]] PositionRange* abandoned() noexcept {
        return many_abandoned ? many_abandoned : few_abandoned.data();
    }
    [[nodiscard]] const PositionRange* abandoned() const noexcept {
        return many_abandoned ? many_abandoned : few_abandoned.data();
    }

    std::uint64_t trace_seed[2] = {};
    std::uint64_t traces = 0;

    // How many roots are not sampled until one is, drawn ahead for the plan and its threshold, so
    // that each of them costs a decrement; see skip_root(). Not 0 only where the next span that
    // begins on the stack is the root of a new trace, or the child of one that was skipped.
    const struct SamplingPlan* drawn_for = nullptr; ///< null: nothing is drawn
    std::uint64_t skips = 0;
    std::uint64_t threshold = 0;

    struct DecidedRoots* decided = nullptr; ///< roots whose arguments are being evaluated

    // Values that are read once lie here until their record has room.
    char* scratch = nullptr;
    std::uint64_t scratch_bytes = 0;
    std::uint64_t scratch_used = 0;

    Atomic<bool> has_ring{false}; ///< the collector may look at the ring
    Atomic<Late*> late{nullptr};  ///< the latest first
    Atomic<Mail*> mail{nullptr};  ///< likewise
    Mail* waiting_mail = nullptr; ///< the owner has read it: about roots below spans that are open

    // Counted by the owner alone, read by the collector at any time.
    Atomic<std::uint64_t> dropped_spans{0};
    Atomic<std::uint64_t> dropped_records{0};  ///< events, attributes and the like
    Atomic<std::uint64_t> suppressed_spans{0}; ///< over the rate of their line

    // Kept by the runtime, under its lock.
    std::uint64_t fork_floor = 0; ///< positions below are of the parent process
    int exit_rounds = 0;
    bool thread_is_new = false; ///< the next record says which thread it is
    Lane* next = nullptr;       ///< of all lanes: written once
    Lane* next_free = nullptr;
    struct Cache* caches = nullptr; ///< which modules remember this lane for its thread

    void* replay = nullptr; ///< the assembler's view of this lane; touched by the reader alone

    constexpr Lane() noexcept = default;

    static void count(Atomic<std::uint64_t>& counter) noexcept {
        // One writer: no read-modify-write is needed.
        counter.store(counter.load(memory_order_relaxed) + 1, memory_order_relaxed);
    }

    /// High and low half are different permutations of different secret starts, so both are
    /// uniform: the low 56 bits are random in the sense of W3C Trace Context Level 2, 3.2.2.3.
    [[nodiscard, gnu::always_inline]] TraceId new_trace_id() noexcept {
        TraceId id;
        do {
            const std::uint64_t n = ++traces;
            id = {mix(trace_seed[0] + n * 0x9e3779b97f4a7c15ULL),
                  mix(trace_seed[1] + n * 0xd1342543de82ef95ULL)};
        } while (!id.valid());
        return id;
    }

    /// The innermost span has ended; `parent` was below it.
    void step_down(std::uint64_t parent) noexcept {
        current = parent;
        if (parent != 0) return;
        close();
        const std::uint64_t at = head.load(memory_order_relaxed); // own store
        if (abandoned_count != 0) [[unlikely]]
            forget_abandoned(floor, at);
        floor = at;
    }

    /// Whether an open span is on the part of the stack that is in force.
    [[nodiscard]] bool on_stack(std::uint64_t position) const noexcept {
        return is_open(position, floor, current);
    }
    /// What was drawn ahead holds where roots of new traces begin. Elsewhere it is forgotten, since
    /// drawing anew is as good: a draw remembers nothing.
    void keep_draw_only_for_roots() noexcept {
        if (current == 0 && mute == Mute::none && !scope.valid() && scope.flags == 0) return;
        drawn_for = nullptr;
        skips = 0;
    }

    /// The scope that has put aside the part of the stack on which an open span is, or null.
    [[nodiscard]] SavedScope* outside_with(std::uint64_t position) const noexcept {
        for (SavedScope* level = outside; level; level = level->next)
            if (is_open(position, level->floor, level->current)) return level;
        return nullptr;
    }

    /// A span has ended before those above it. On its part of the stack they are nobody's parent
    /// any more. Ignores one that is on no part.
    void step_over(std::uint64_t position, std::uint64_t parent) noexcept {
        if (on_stack(position)) {
            abandon(parent != 0 ? (parent & ~low_bits) + 8 : floor,
                    head.load(memory_order_relaxed)); // own store
            return step_down(parent);
        }
        SavedScope* level = outside_with(position);
        if (!level) return;
        std::uint64_t end = floor; // where the next part begins
        for (const SavedScope* above = outside; above != level; above = above->next)
            end = above->floor;
        abandon(parent != 0 ? (parent & ~low_bits) + 8 : level->floor, end);
        level->current = parent;
    }

    /// Takes all that began from `begin` to `end` off the stack.
    void abandon(std::uint64_t begin, std::uint64_t end) noexcept {
        forget_abandoned(begin, end);
        if (abandoned_count == abandoned_room) [[unlikely]]
            make_room_for_abandoned();
        abandoned()[abandoned_count++] = {begin, end};
    }

    /// A scope has ended. `innermost` was put aside, and is above all that is on the stack.
    void come_back_to(std::uint64_t innermost) noexcept {
        if (innermost == 0) return step_down(0);
        current = innermost;
        abandon((innermost & ~low_bits) + 8, head.load(memory_order_relaxed)); // own store
        open();
    }

    /// The lane has just become mute: what the guard that caused it remembers.
    [[nodiscard]] std::uint64_t new_muted_token() noexcept {
        muted_by = next_muted_by; // after 2^45 of them they are those of another lane: no harm
        next_muted_by += low_bits + 1;
        return muted_by;
    }
    /// That guard ends, wherever it is on the stack.
    void unmute(std::uint64_t token) noexcept {
        if (token == muted_by) mute = Mute::none;
        for (SavedScope* level = outside; level; level = level->next)
            if (token == level->muted_by) level->mute = Mute::none;
    }

    /// Forgets whatever was open: a new thread takes over, or a new process.
    void reset() noexcept {
        forget_scopes();
        scope = {};
        trace_id = {};
        trace_state = {};
        mute = Mute::none;
        muted_by = 0;
        forget_records();
    }
    /// The part of that which is about the ring.
    void forget_records() noexcept {
        drawn_for = nullptr;
        skips = 0;
        undecided = false;
        abandoned_count = 0;
        left_floor = 0;
        floor = owner_floor = head.load(memory_order_relaxed); // as below
        current = 0;
        missing_for = 0;
        missing_suppressed = missing_dropped = 0;
        // Nobody is left to end what was promised its end.
        grant_end =
            head.load(memory_order_relaxed); // own store, or the last owner's under the lock
        room = closed_room = 0;
        closed = true;
    }

    static void forget(Inherited* spans) noexcept {
        while (spans) {
            Inherited* outer = spans->outer;
            let_go(spans->below_text);
            std::free(spans);
            spans = outer;
        }
    }

    /// A record that no scope has any more. What it kept of texts has another owner, or none.
    void recycle(SavedScope& record) noexcept {
        // Relaxed: no scope finds its ticket here again, whatever thread it ends on.
        record.ticket.store(0, memory_order_relaxed);
        record.next = unused;
        unused = &record;
    }
    void forget_scopes() noexcept {
        for (SavedScope* level = outside; level;) {
            SavedScope* next_level = level->next;
            let_go(level->scope_text);
            let_go(level->trace_text);
            forget(level->inherited);
            recycle(*level);
            level = next_level;
        }
        outside = nullptr;
        forget(inherited);
        inherited = nullptr;
        let_go(scope_text);
        let_go(trace_text);
        scope_text = trace_text = nullptr;
    }

  private:
    [[nodiscard]] bool is_open(std::uint64_t position, std::uint64_t first,
                               std::uint64_t last) const noexcept {
        if (position < first || position > last) return false;
        for (std::uint32_t i = 0; i < abandoned_count; ++i)
            if (position >= abandoned()[i].begin && position < abandoned()[i].end) return false;
        return true;
    }
    /// Twice as many. Without memory the oldest is forgotten: its spans count as open again.
    [[gnu::noinline, gnu::cold]] void make_room_for_abandoned() noexcept {
        const std::size_t bytes = abandoned_count * sizeof(PositionRange);
        auto* more = static_cast<PositionRange*>(std::malloc(2 * bytes));
        if (!more) {
            std::memmove(abandoned(), abandoned() + 1, bytes - sizeof(PositionRange));
            --abandoned_count;
            return;
        }
        std::memcpy(more, abandoned(), bytes);
        std::free(many_abandoned);
        many_abandoned = more;
        abandoned_room *= 2;
    }
    /// What lies within a longer stretch, or below whatever begins from now on.
    void forget_abandoned(std::uint64_t begin, std::uint64_t end) noexcept {
        std::uint32_t kept = 0;
        for (std::uint32_t i = 0; i < abandoned_count; ++i)
            if (abandoned()[i].begin < begin || abandoned()[i].end > end)
                abandoned()[kept++] = abandoned()[i];
        abandoned_count = kept;
    }
};

/// Puts a node in front of a list that any thread adds to, and one takes all of.
template <class Node>
void push(Atomic<Node*>& list, Node* node) noexcept {
    node->next = list.load(memory_order_relaxed);
    while (!list.compare_exchange(node->next, node)) {} // releases what the node says
}

/// What a module knows of the lane of a thread. Another thread may have it forgotten, so that the
/// owner looks for it again, and finds its mail.
class [[gnu::visibility("default")]] LaneSlot {
  public:
    constexpr explicit LaneSlot(Lane* lane) noexcept : lane_{lane} {}
    /// Relaxed: a lane stays what it is, wherever it is forgotten.
    [[gnu::always_inline]] operator Lane*() const noexcept {
#if defined(__x86_64__) && !defined(__clang__)
        // g++ needs two instructions for its own relaxed load of a thread_local, and never makes
        // one of two.
        Lane* lane;
        asm("mov %1, %0" : "=r"(lane) : "m"(lane_));
        return lane;
#else
        return __atomic_load_n(&lane_, memory_order_relaxed);
#endif
    }
    [[gnu::always_inline]] Lane* operator->() const noexcept { return *this; }
    [[gnu::always_inline]] Lane& operator*() const noexcept { return *static_cast<Lane*>(*this); }
    LaneSlot& operator=(Lane* lane) noexcept {
        __atomic_store_n(&lane_, lane, memory_order_relaxed);
        return *this;
    }

  private:
    Lane* lane_;
};

/// A module's memory of a thread's lane. Found through the lane when the thread exits, or when
/// the module is unloaded.
struct Cache {
    LaneSlot* slot;
    Lane* empty; ///< what the slot held before
    const void* module;
    Cache* next;
};

} // namespace detail
} // namespace plume
