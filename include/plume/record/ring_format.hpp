// ring_format.hpp - the words in a ring: one begins a span, one ends it, a few say what is rarer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include <plume/core/attribute.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// A word is 44 bits of clock ticks above 20 bits that say what happened: a control below, or the
/// index of a callsite. One shift makes it, since it drops the clock's top bits.
inline constexpr unsigned index_bits = 20;
inline constexpr std::uint64_t index_mask = (1U << index_bits) - 1;
inline constexpr unsigned tick_bits = 64 - index_bits;
inline constexpr std::uint64_t tick_mask = (std::uint64_t{1} << tick_bits) - 1;

/// What follows the word, in words of 8 bytes, is in brackets. Text is padded to whole words.
namespace control {
inline constexpr std::uint32_t end = 1;      ///< [] the innermost span ends
inline constexpr std::uint32_t pad = 2;      ///< nothing more in this lap of the ring
inline constexpr std::uint32_t root = 3;     ///< [trace high, low] the next span begins a trace
inline constexpr std::uint32_t child = 4;    ///< [Parent, state] of the next span, a local root
inline constexpr std::uint32_t async = 5;    ///< [Parent, state] of the next span, off the stack
inline constexpr std::uint32_t end_at = 6;   ///< [position] that span ends, wherever it is
inline constexpr std::uint32_t target = 7;   ///< [position] the next record is about that span
inline constexpr std::uint32_t status = 8;   ///< [code, text]
inline constexpr std::uint32_t rename = 9;   ///< [index of an interned name]
inline constexpr std::uint32_t discard = 10; ///< [] forget the span when it ends
inline constexpr std::uint32_t thread = 11; ///< [id] a new thread owns the lane: its stack is empty
inline constexpr std::uint32_t abandon = 12; ///< [position] spans from there on are off the stack
inline constexpr std::uint32_t lost_scope = 13; ///< [ScopeFault] of a ContextScope
inline constexpr std::uint32_t retract = 14; ///< [] the innermost span, a local root, never began
/// [position, suppressed, dropped] so many children of that span are not there
inline constexpr std::uint32_t missing = 15;
/// [position] that span has ended elsewhere: it is off the stack, and nothing else is
inline constexpr std::uint32_t let_go = 16;
/// [16 bytes] what the system calls the thread that owns the lane; behind `thread`
inline constexpr std::uint32_t thread_name = 24;
inline constexpr std::uint32_t first_site = 64;
} // namespace control

/// How a ContextScope ended that could not give back what it had put aside.
enum class ScopeFault : std::uint8_t { wrong_thread, wrong_order };

/// The fixed part of `child` and `async`; the trace state follows as text.
struct Parent {
    std::uint64_t trace_high;
    std::uint64_t trace_low;
    std::uint64_t span_id; ///< 0: a new trace
    std::uint64_t flags;   ///< W3C flags; bit 8: the parent is in another process
};
inline constexpr std::uint64_t parent_is_remote_bit = 0x100;

constexpr std::uint64_t make_word(std::uint32_t index, std::uint64_t ticks) noexcept {
    return ticks << index_bits | index;
}

/// Reads a word where RecordWriter has written one.
inline std::uint64_t word_at(const char* at) noexcept {
    std::uint64_t word = 0;
    std::memcpy(&word, at, 8);
    return word;
}

constexpr std::size_t padded(std::size_t size) noexcept { return (size + 7) & ~std::size_t{7}; }

/// What one value may take in a ring. Longer ones are cut, and the cut is marked.
struct Limits {
    std::uint32_t text_bytes;
    std::uint32_t elements;
};
/// For a record that would not fit its ring even with every value within the usual limits.
inline constexpr Limits emergency_limits{128, 16};

/// Text and arrays begin with a word: how much is stored, and above bit 32 how much there was.
constexpr std::uint64_t stored_and_original(std::size_t stored, std::size_t original) noexcept {
    constexpr std::size_t most = UINT32_MAX;
    return stored | std::uint64_t{original < most ? original : most} << 32U;
}

constexpr std::size_t cut(std::size_t size, std::uint32_t limit) noexcept {
    return size < limit ? size : limit;
}

/// Bytes of a value in a ring.
template <class V>
constexpr std::size_t stored_size(const V&, const Limits&) noexcept {
    return 8;
}
constexpr std::size_t stored_size(std::string_view text, const Limits& limits) noexcept {
    return 8 + padded(cut(text.size(), limits.text_bytes));
}
template <class V>
constexpr std::size_t stored_size(const Maybe<V>& maybe, const Limits& limits) noexcept {
    return 8 + (maybe.present ? stored_size(maybe.value, limits) : 0);
}
template <class E>
constexpr std::size_t stored_size(const Numbers<E>& numbers, const Limits& limits) noexcept {
    return 8 + 8 * cut(numbers.count, limits.elements);
}
/// Nobody knows before they are read: see Draft.
template <class T>
std::size_t stored_size(const Elements<T>&, const Limits&) = delete;

template <Compound V>
constexpr std::size_t stored_size(const V& values, const Limits& limits) noexcept {
    if constexpr (requires { values.written; }) return values.written.size();
    else {
        std::size_t size = 0;
        values.each([&](const auto& value) { size += stored_size(value, limits); });
        return size;
    }
}

/// Writes values behind each other into room that was measured with stored_size().
class RecordWriter {
  public:
    [[gnu::always_inline]] explicit RecordWriter(char* at) noexcept : at_{at} {}

    [[gnu::always_inline]] void word(std::uint64_t value) noexcept {
        std::memcpy(at_, &value, 8);
        at_ += 8;
    }
    [[gnu::always_inline]] void value(bool v, const Limits&) noexcept { word(v ? 1 : 0); }
    [[gnu::always_inline]] void value(std::int64_t v, const Limits&) noexcept {
        word(static_cast<std::uint64_t>(v));
    }
    [[gnu::always_inline]] void value(std::uint64_t v, const Limits&) noexcept { word(v); }
    [[gnu::always_inline]] void value(double v, const Limits&) noexcept {
        std::memcpy(at_, &v, 8);
        at_ += 8;
    }
    void value(std::string_view text, const Limits& limits) noexcept {
        const std::size_t size = cut(text.size(), limits.text_bytes);
        word(stored_and_original(size, text.size()));
        if (size != 0) std::memcpy(at_, text.data(), size);
        at_ += padded(size);
    }
    template <class V>
    void value(const Maybe<V>& maybe, const Limits& limits) noexcept {
        word(maybe.present ? 1 : 0);
        if (maybe.present) value(maybe.value, limits);
    }
    template <class E>
    void value(const Numbers<E>& numbers, const Limits& limits) noexcept {
        const std::size_t count = cut(numbers.count, limits.elements);
        word(stored_and_original(count, numbers.count));
        for (std::size_t i = 0; i < count; ++i) value(canonical(numbers.data[i]), limits);
    }
    template <Compound V>
    [[gnu::always_inline]] void value(const V& values, const Limits& limits) noexcept {
        if constexpr (requires { values.written; }) copy(values.written);
        else
            values.each([&](const auto& one)
                            __attribute__((always_inline)) { value(one, limits); });
    }
    /// What was written before, in whole words.
    [[gnu::always_inline]] void copy(std::string_view written) noexcept {
        std::memcpy(at_, written.data(), written.size());
        at_ += written.size();
    }
    [[nodiscard]] char* at() const noexcept { return at_; }

  private:
    char* at_;
};

/// Writes values of which nobody knows how large they are before they are read, and reads each
/// once. What does not fit is cut, as what is beyond the limits is. `used` says where it stands
/// whenever code of the program runs: that may record, and have a draft of its own behind this one.
class Draft {
  public:
    /// What every value gets, if only to say that nothing of it is there: two words.
    static constexpr std::uint64_t least = 16;

    /// Writes to `memory` from `used` up to `end`; `kept` of that for values to come, `least` each.
    Draft(char* memory, std::uint64_t& used, std::uint64_t end, std::uint64_t kept,
          const Limits& limits) noexcept
        : memory_{memory}, used_{&used}, end_{end - kept}, limits_{limits} {}

    /// Throws what reading the value throws.
    template <class V>
    void add(const V& value) {
        if constexpr (!Compound<V>) {
            end_ += least;
            write(value);
        } else if constexpr (requires { value.written; }) {
            end_ += value.written.size();
            std::memcpy(memory_ + *used_, value.written.data(), value.written.size());
            *used_ += value.written.size();
        } else {
            value.each([this](const auto& one) { this->add(one); });
        }
    }

  private:
    [[nodiscard]] std::uint64_t left() const noexcept { return end_ - *used_; }

    void word(std::uint64_t value) noexcept {
        std::memcpy(memory_ + *used_, &value, 8);
        *used_ += 8;
    }
    void write(bool v) noexcept { word(v ? 1 : 0); }
    void write(std::int64_t v) noexcept { word(static_cast<std::uint64_t>(v)); }
    void write(std::uint64_t v) noexcept { word(v); }
    void write(double v) noexcept {
        std::uint64_t bits = 0;
        std::memcpy(&bits, &v, 8);
        word(bits);
    }
    void write(std::string_view text) noexcept {
        std::size_t size = cut(text.size(), limits_.text_bytes);
        if (padded(size) > left() - 8) size = (left() - 8) & ~std::size_t{7};
        word(stored_and_original(size, text.size()));
        if (size != 0) std::memcpy(memory_ + *used_, text.data(), size);
        *used_ += padded(size);
    }
    template <class V>
    void write(const Maybe<V>& maybe) {
        word(maybe.present ? 1 : 0);
        if (maybe.present) write(maybe.value);
    }
    template <class E>
    void write(const Numbers<E>& numbers) noexcept {
        std::size_t count = cut(numbers.count, limits_.elements);
        if (count > left() / 8 - 1) count = left() / 8 - 1;
        word(stored_and_original(count, numbers.count));
        for (std::size_t i = 0; i < count; ++i) write(canonical(numbers.data[i]));
    }
    template <class T>
    void write(const Elements<T>& elements) {
        const std::uint64_t at = *used_;
        word(0);
        const std::size_t size = elements.size();
        const std::size_t most = cut(size, limits_.elements);
        std::size_t stored = 0;
        auto element = elements.begin();
        const auto end = elements.end();
        bool ended = false; // before it has as many as it says
        while (stored != most && left() >= 8 && !(ended = !(element != end))) {
            const auto& one = *element;
            write(canonical(one));
            if (++stored != most) ++element; // one that is not wanted is not made
        }
        const std::uint64_t sizes = stored_and_original(stored, ended ? stored : size);
        std::memcpy(memory_ + at, &sizes, 8);
    }

    char* memory_;
    std::uint64_t* used_;
    std::uint64_t end_;
    Limits limits_;
};

} // namespace detail
} // namespace plume
