// atomic.hpp - takes the place of Plume's: each operation asks the explorer what it does.
#pragma once

#include <cstring>

#include "../../explorer.hpp"

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

inline constexpr int memory_order_relaxed = __ATOMIC_RELAXED;
inline constexpr int memory_order_acquire = __ATOMIC_ACQUIRE;
inline constexpr int memory_order_release = __ATOMIC_RELEASE;
inline constexpr int memory_order_acq_rel = __ATOMIC_ACQ_REL;
inline constexpr int memory_order_seq_cst = __ATOMIC_SEQ_CST;

template <class T>
class Atomic {
  public:
    constexpr Atomic() noexcept = default;
    constexpr explicit Atomic(T value) noexcept : value_{value} {}
    Atomic(const Atomic&) = delete;
    Atomic& operator=(const Atomic&) = delete;

    T load(int order = memory_order_seq_cst) const noexcept {
        const T value = back(model::explorer().load(this, word(value_), order));
        if constexpr (std::is_pointer_v<T>)
            if (value && order != memory_order_relaxed) // which may be compared, and no more
                model::explorer().reads(value, 1);      // what is published must be complete
        return value;
    }
    void store(T value, int order = memory_order_seq_cst) noexcept {
        if constexpr (std::is_pointer_v<T>)
            if (value) model::explorer().writes(value, 1);
        model::explorer().store(this, word(value_), word(value), order);
        value_ = value;
    }
    T exchange(T value, int order = memory_order_seq_cst) noexcept {
        return change(order, [value](T) { return value; });
    }
    T fetch_add(T amount, int order = memory_order_seq_cst) noexcept {
        return change(order, [amount](T before) { return static_cast<T>(before + amount); });
    }
    bool compare_exchange(T& expected, T desired) noexcept {
        const T wanted = expected;
        expected = change(memory_order_seq_cst,
                          [=](T before) { return before == wanted ? desired : before; });
        return expected == wanted;
    }

  private:
    template <class Change>
    T change(int order, Change to) noexcept {
        const T before = back(model::explorer().change(
            this, word(value_), order, [&](std::uint64_t from) { return word(to(back(from))); }));
        value_ = to(before);
        return before;
    }
    static std::uint64_t word(T value) noexcept {
        std::uint64_t bits = 0;
        __builtin_memcpy(&bits, &value, sizeof value);
        return bits;
    }
    static T back(std::uint64_t bits) noexcept {
        T value;
        __builtin_memcpy(&value, &bits, sizeof value);
        return value;
    }

    T value_{}; ///< the newest
};

} // namespace detail
} // namespace plume
