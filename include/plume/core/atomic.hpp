// atomic.hpp - std::atomic as far as recording needs it, without the 36,000 lines of <atomic>.
#pragma once

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

// The names of the standard's orders, for the compiler's own atomic operations.
inline constexpr int memory_order_relaxed = __ATOMIC_RELAXED;
inline constexpr int memory_order_acquire = __ATOMIC_ACQUIRE;
inline constexpr int memory_order_release = __ATOMIC_RELEASE;
inline constexpr int memory_order_acq_rel = __ATOMIC_ACQ_REL;
inline constexpr int memory_order_seq_cst = __ATOMIC_SEQ_CST;

/// The same operations with the same meaning as std::atomic<T>, for a T that the processor reads
/// and writes at once. Including <atomic> would make every instrumented file a third slower to
/// compile.
template <class T>
class Atomic {
    static_assert(__atomic_always_lock_free(sizeof(T), nullptr), "plume: no locks in atomics");

  public:
    constexpr Atomic() noexcept = default;
    constexpr explicit Atomic(T value) noexcept : value_{value} {}
    Atomic(const Atomic&) = delete;
    Atomic& operator=(const Atomic&) = delete;

    [[gnu::always_inline]] T load(int order = memory_order_seq_cst) const noexcept {
        T value;
        __atomic_load(&value_, &value, order);
        return value;
    }
    [[gnu::always_inline]] void store(T value, int order = memory_order_seq_cst) noexcept {
        __atomic_store(&value_, &value, order);
    }
    [[gnu::always_inline]] T exchange(T value, int order = memory_order_seq_cst) noexcept {
        T before;
        __atomic_exchange(&value_, &value, &before, order);
        return before;
    }
    /// True if it was `expected` and is `desired` now; otherwise `expected` is what it is.
    [[gnu::always_inline]] bool compare_exchange(T& expected, T desired) noexcept {
        return __atomic_compare_exchange(&value_, &expected, &desired, false, __ATOMIC_SEQ_CST,
                                         __ATOMIC_SEQ_CST);
    }
    [[gnu::always_inline]] T fetch_add(T amount, int order = memory_order_seq_cst) noexcept {
        return __atomic_fetch_add(&value_, amount, order);
    }

  private:
    T value_{};
};

} // namespace detail
} // namespace plume
