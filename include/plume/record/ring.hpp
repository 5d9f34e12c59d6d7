// ring.hpp - a single-producer, single-consumer ring of bytes; every ordering of the data is here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include <plume/core/atomic.hpp>
#include <plume/record/ring_format.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// Stands in for the thread's count where the lane is not known: sends guards to the slow path.
inline constexpr unsigned unknown_uncaught = ~0U;

/// Both ends of a ring, and nothing of its memory's life.
///
/// A position counts bytes since the ring was made, above a prefix that no other ring has: it
/// names a record for ever and in the whole process. The writer owns a *grant*, the stretch up to
/// `grant_end`, of which `room` bytes are free for anything and the rest is promised to the ends
/// of open spans: a span that began can always end, and ends check nothing.
///
///     tail ... read ... head ... promised + room ... grant_end ... lap_end
///
struct [[gnu::visibility("default")]] Ring {
    // The writer's line. The reader touches `head` alone.
    alignas(128) Atomic<std::uint64_t> head{0}; ///< where the next record goes
    std::uint64_t room = 0;    ///< 0 as well while `closed`: every begin takes the slow path
    std::uintptr_t bias = 0;   ///< bias + position is an address, in this lap
    std::uint64_t current = 0; ///< position of the innermost open span of the thread, or 0
    const unsigned* uncaught = &unknown_uncaught; ///< the thread's count of exceptions in flight

    // Slow paths of the writer.
    alignas(64) std::uint64_t grant_end = 0;
    std::uint64_t lap_end = 0;
    std::uint64_t closed_room = 0; ///< what `room` was when the ring was closed
    std::uint64_t capacity = 0;    ///< a power of two
    char* memory = nullptr;
    bool closed = true;

    // The reader's line.
    alignas(128) Atomic<std::uint64_t> tail{0}; ///< all before it may be overwritten

    constexpr Ring() noexcept = default;

    /// Kept free for records that end spans of other threads, which nobody promised room to.
    [[nodiscard]] std::uint64_t reserve() const noexcept { return capacity / 16; }

    void make(char* bytes, std::uint64_t size, std::uint64_t prefix) noexcept {
        memory = bytes;
        capacity = size;
        // Not at zero: a position of 0 means "none".
        const std::uint64_t start = prefix + size;
        bias = reinterpret_cast<std::uintptr_t>(bytes) - start;
        lap_end = start + size;
        grant_end = start;
        head.store(start, memory_order_relaxed); // published with the lane, under a lock
        tail.store(start, memory_order_relaxed);
    }

    void close() noexcept {
        if (closed) return;
        closed_room = room;
        room = 0;
        closed = true;
    }
    void open() noexcept {
        if (!closed) return;
        room = closed_room;
        closed = false;
    }
    [[nodiscard]] std::uint64_t free_room() const noexcept { return closed ? closed_room : room; }

    /// Makes at least `need` bytes of room where `head` stands, or says that there are none.
    /// `reserve_too`: the records that end spans may use what is kept for them, and get no more of
    /// it than they need: what is left of a grant is for any record.
    [[nodiscard]] bool refill(std::uint64_t need, bool reserve_too, bool& half_full) noexcept {
        const std::uint64_t at = head.load(memory_order_relaxed); // own store
        const std::uint64_t promised = grant_end - at - free_room();
        const std::uint64_t seen = tail.load(memory_order_acquire); // pairs with release()
        half_full = at - seen >= capacity / 2;
        const std::uint64_t free_end = seen + capacity - reserve();
        const std::uint64_t last_end = reserve_too ? seen + capacity : free_end;
        // A grant is a quarter of the ring, so that the writer notices often enough that the
        // reader should wake.
        const std::uint64_t wanted = promised + (need > capacity / 4 ? need : capacity / 4);
        std::uint64_t from = at;
        if (lap_end - from < promised + need) { // the rest of the lap is too short: start the next
            if (last_end < lap_end + promised + need) return false;
            if (from != lap_end) put(from, make_word(control::pad, 0));
            from = lap_end;
            bias -= capacity;
            lap_end += capacity;
            head.store(from, memory_order_release); // publishes the padding
        }
        std::uint64_t end = from + wanted;
        if (end > lap_end) end = lap_end;
        if (end > free_end) end = free_end;
        const std::uint64_t least = from + promised + need;
        if (end < least && least <= last_end) end = least;
        if (end < least) {
            // The grant stays as it was, only where it lies may have moved.
            grant_end = grant_end - at + from;
            return false;
        }
        grant_end = end;
        (closed ? closed_room : room) = end - from - promised;
        return true;
    }

    [[gnu::always_inline]] void put(std::uint64_t position, std::uint64_t word) noexcept {
        std::memcpy(address(position), &word, 8);
    }
    [[nodiscard]] [[gnu::always_inline]] char* address(std::uint64_t position) noexcept {
        return reinterpret_cast<char*>(bias + position); // a pointer would leave its object
    }

    /// Hands everything before `position` to the reader.
    [[gnu::always_inline]] void publish(std::uint64_t position) noexcept {
        head.store(position, memory_order_release); // pairs with the acquire in published()
    }

    // The reader's side.

    [[nodiscard]] std::uint64_t published() const noexcept {
        return head.load(memory_order_acquire); // pairs with the release in publish()
    }
    [[nodiscard]] const char* at(std::uint64_t position) const noexcept {
        return memory + (position & (capacity - 1));
    }
    [[nodiscard]] std::uint64_t next_lap(std::uint64_t position) const noexcept {
        return (position | (capacity - 1)) + 1;
    }
    /// Gives everything before `position` back to the writer.
    void release(std::uint64_t position) noexcept {
        tail.store(position, memory_order_release); // pairs with the acquire in refill()
    }
};

} // namespace detail
} // namespace plume
