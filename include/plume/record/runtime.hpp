// runtime.hpp - the only mutable state of a process: its lanes, its callsites, its ids.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cxxabi.h>
#include <limits.h>
#include <new>
#include <pthread.h>
#include <string_view>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <plume/core/atomic.hpp>
#include <plume/core/clock.hpp>
#include <plume/core/glob.hpp>
#include <plume/core/masking.hpp>
#include <plume/core/no_cancel.hpp>
#include <plume/core/random.hpp>
#include <plume/record/lane.hpp>
#include <plume/record/registry.hpp>
#include <plume/record/sampling_plan.hpp>

#if defined(__linux__)
#    include <linux/futex.h>
#endif

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// A mutex that is constant-initialised and needs no <mutex>. Slow paths only.
class Mutex {
  public:
    void lock() noexcept { pthread_mutex_lock(&mutex_); }
    void unlock() noexcept { pthread_mutex_unlock(&mutex_); }

  private:
    pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
};

class Locked {
  public:
    explicit Locked(Mutex& mutex) noexcept : mutex_{mutex} { mutex_.lock(); }
    ~Locked() { mutex_.unlock(); }
    Locked(const Locked&) = delete;
    Locked& operator=(const Locked&) = delete;

  private:
    Mutex& mutex_;
};

/// What the session wants of lanes.
struct LaneSettings {
    std::uint64_t ring_bytes = std::uint64_t{1} << 20U;
    Limits limits{16384, 1024};
    std::uint64_t block_ns = 0; ///< how long a thread may wait for room; 0: it drops

    /// No record is larger: what one thread records at once leaves room for what it did before.
    [[nodiscard]] std::uint64_t largest_record() const noexcept { return ring_bytes / 4; }
};

/// The settings of the newest session, for threads that make a ring while the next one starts:
/// what they see may be of both.
class SharedSettings {
  public:
    void store(const LaneSettings& from) noexcept {
        ring_bytes_.store(from.ring_bytes, memory_order_relaxed); // numbers that order nothing
        text_bytes_.store(from.limits.text_bytes, memory_order_relaxed);
        elements_.store(from.limits.elements, memory_order_relaxed);
        block_ns_.store(from.block_ns, memory_order_relaxed);
    }
    [[nodiscard]] LaneSettings load() const noexcept {
        return {ring_bytes_.load(memory_order_relaxed),
                {text_bytes_.load(memory_order_relaxed), elements_.load(memory_order_relaxed)},
                block_ns()};
    }
    [[nodiscard]] std::uint64_t block_ns() const noexcept {
        return block_ns_.load(memory_order_relaxed);
    }

  private:
    Atomic<std::uint64_t> ring_bytes_{LaneSettings{}.ring_bytes};
    Atomic<std::uint32_t> text_bytes_{LaneSettings{}.limits.text_bytes};
    Atomic<std::uint32_t> elements_{LaneSettings{}.limits.elements};
    Atomic<std::uint64_t> block_ns_{LaneSettings{}.block_ns};
};

/// The key of hashes that stand in for values. All zero until somebody asks for it.
class SharedHashKey {
  public:
    void store(const HashKey& key) noexcept {
        low_.store(key.low, memory_order_relaxed);   // numbers that order nothing: between two keys
        high_.store(key.high, memory_order_relaxed); // a thread may see half of each
    }
    [[nodiscard]] HashKey load() const noexcept {
        return {low_.load(memory_order_relaxed), high_.load(memory_order_relaxed)};
    }

  private:
    Atomic<std::uint64_t> low_{0};
    Atomic<std::uint64_t> high_{0};
};

/// What plume::enable() and plume::disable() were told, the latest first. Never freed.
struct SwitchRule {
    const char* pattern; ///< of names; in the same block of memory
    std::size_t size;
    bool on;
    const SwitchRule* earlier;
};

/// What the session wants to be told. All null while there is none.
struct SessionHooks {
    void* session = nullptr;
    void (*before_fork)(void* session) = nullptr;
    void (*after_fork)(void* session, bool in_child) = nullptr;
    /// In a child after fork(): starts the threads again. Called without the lock.
    void (*revive)(void* session) = nullptr;
};

/// In the child of a fork: memory that a thread of the parent may have been changing just then.
/// Nobody touches it again; it is kept in reach, so that it is not taken for a leak.
struct LeftBehind {
    void* memory;
    LeftBehind* next;
};

/// One a process: module.hpp finds it. Constant-initialised, never destroyed; whatever a library
/// compiled with another version of Plume could disagree about carries another `abi`.
struct Runtime {
    static constexpr std::uint32_t abi = 1;

    constexpr explicit Runtime(void (*how_to_start)(Runtime&) noexcept) noexcept
        : start{how_to_start} {}

    Mutex mutex;
    Mutex reading; ///< of lanes: held by the collector during a pass
    Registry registry;
    Atomic<Lane*> lanes{nullptr}; ///< all there ever were, newest first
    Lane* free_lanes = nullptr;
    std::uint32_t lane_count = 0;
    void* unmatched = nullptr; ///< what the assembler waits with; touched by the reader alone

    Atomic<bool> recording{false};
    Atomic<bool> needs_revival{false}; ///< a fork has taken the background threads
    Atomic<Clock> clock{Clock::undecided};
    Atomic<const SamplingPlan*> sampling{nullptr}; ///< null: every new trace, else as the parent
    Atomic<std::uint64_t> id_seed{0};
    Atomic<std::uint64_t> id_key{0};
    Atomic<std::uint64_t> dropped_after_exit{0};
    Atomic<std::uint64_t> propagators{0};   ///< what propagators() reads; 0: nobody has chosen yet
    Atomic<std::uint32_t> reader_sleeps{0}; ///< a futex of this process alone
    Atomic<std::uint32_t> sessions{0};      ///< there were so far
    SharedSettings settings;
    SharedHashKey hash_key;
    bool hash_key_is_given = false; ///< by Options, and not random; under the lock
    bool hides_threshold = false;   ///< samplers write no "ot=th:…"; under the lock
    SessionHooks hooks;
    LeftBehind* left_behind = nullptr;
    const SwitchRule* switches = nullptr;   ///< under the lock, like the next one
    std::uint8_t level = PLUME_LEVEL_TRACE; ///< lines of finer levels are off

    pthread_key_t key{};  ///< written before `started`, then constant, like the next one
    bool has_key = false; ///< false: all keys of the process were taken, and no thread has a lane
    Atomic<bool> started{false};
    void (*start)(Runtime&) noexcept; ///< code of the module that is never unloaded

    /// What pthread keeps for the calling thread: its lane, null, or exited().
    [[nodiscard]] Lane* lane_of_thread() const noexcept {
        const bool known = started.load(memory_order_acquire) && // pairs with start_runtime()
                           has_key;
        return known ? static_cast<Lane*>(pthread_getspecific(key)) : nullptr;
    }

    /// Bijective in the position, so no two spans of a process share an id.
    [[nodiscard]] SpanId span_id(std::uint64_t position) const noexcept {
        return make_span_id(position, id_seed.load(memory_order_relaxed),
                            id_key.load(memory_order_relaxed));
    }
    [[nodiscard]] static SpanId make_span_id(std::uint64_t position, std::uint64_t seed,
                                             std::uint64_t key) noexcept {
        const std::uint64_t id = mix(mix(position ^ seed) + key);
        return {id != 0 ? id : 1};
    }

    /// Whether a line is on while a session runs. Under the lock.
    [[nodiscard]] [[gnu::cold]] bool is_on(const Description& line) const noexcept {
        if (line.level > level) return false;
        for (const SwitchRule* rule = switches; rule; rule = rule->earlier)
            if (matches_glob({rule->pattern, rule->size}, line.name)) return rule->on;
        return true;
    }
    /// Turns a line on or off, as it has to be now. Under the lock.
    [[gnu::cold]] void turn(Callsite& callsite, const Description& line) const noexcept {
        const bool on = recording.load(memory_order_relaxed) && is_on(line); // under the lock
        const std::uint32_t index = on ? callsite.id : 0;
        if (callsite.index.load(memory_order_relaxed) == index) return; // a switch, as below
        if (on)
            callsite.left.store(static_cast<std::int32_t>(line.rate.count), memory_order_relaxed);
        callsite.index.store(index, memory_order_relaxed);
    }

    /// The thread in background sleeps, unless `asked()`. A requester stores its request, and then
    /// calls wake(), which loads `reader_sleeps`; here it is the reverse. All four accesses are
    /// seq_cst, so at least one side sees the other.
    template <class Asked>
    void sleep_unless(Asked asked, std::uint64_t nanoseconds) noexcept {
        reader_sleeps.store(1);
        if (asked()) reader_sleeps.store(0);
        else sleep(nanoseconds);
    }
    /// Until there is something to read, or for a while.
    void sleep(std::uint64_t nanoseconds) noexcept {
#if defined(__linux__)
        const timespec wait{static_cast<time_t>(nanoseconds / 1'000'000'000U),
                            static_cast<long>(nanoseconds % 1'000'000'000U)};
        if (reader_sleeps.load() == 1)
            syscall(SYS_futex, &reader_sleeps, FUTEX_WAIT_PRIVATE, 1, &wait, nullptr, 0);
        reader_sleeps.store(0);
#else
        const timespec wait{0,
                            static_cast<long>(nanoseconds < 1'000'000U ? nanoseconds : 1'000'000U)};
        nanosleep(&wait, nullptr);
#endif
    }
    void wake() noexcept {
        if (reader_sleeps.load() == 0) return; // pairs with the store in sleep_unless()
        if (reader_sleeps.exchange(0) == 0) return;
#if defined(__linux__)
        syscall(SYS_futex, &reader_sleeps, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
#endif
    }
};

inline void seed_ids(Runtime& runtime) noexcept {
    std::uint64_t random[2];
    fill_random(random, sizeof random);
    runtime.id_seed.store(random[0], memory_order_relaxed); // a lane is claimed after it
    runtime.id_key.store(random[1], memory_order_relaxed);
}

/// Under the lock. Without a text the key is random, and the process keeps it.
inline void choose_hash_key(Runtime& runtime, std::string_view text) noexcept {
    const HashKey known = runtime.hash_key.load();
    const bool is_random = (known.low | known.high) != 0 && !runtime.hash_key_is_given;
    runtime.hash_key_is_given = !text.empty();
    if (!text.empty()) return runtime.hash_key.store(hash_key_of(text));
    if (is_random) return;
    HashKey random{};
    fill_random(&random, sizeof random);
    runtime.hash_key.store(random);
}

/// What pthread keeps for a thread that has given up its lane for good.
inline Lane* exited() noexcept { return reinterpret_cast<Lane*>(std::uintptr_t{1}); }

/// Gives the lane its ring: a kernel mapping whose pages are there already, since a first touch
/// costs more than a hundred spans.
[[gnu::cold]] inline bool make_ring(Runtime& runtime, Lane& lane) noexcept {
    const NoCancel whole;
    const LaneSettings settings = runtime.settings.load();
    const std::uint64_t size = settings.ring_bytes;
    void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED) return false;
    lane.make(static_cast<char*>(memory), size, std::uint64_t{lane.index} << position_bits);
    lane.limits = settings.limits;
    lane.largest_record = settings.largest_record();
    lane.has_ring.store(true,
                        memory_order_release); // pairs with the acquire in Collector::pass()
    return true;
}

/// The thread's count of exceptions that are in flight (Itanium C++ ABI, 2.2.2: the list of the
/// caught ones, then the count). Reading it is one load where std::uncaught_exceptions() is a call.
inline const unsigned* count_of_uncaught() noexcept {
    const abi::__cxa_eh_globals* globals = abi::__cxa_get_globals();
    return reinterpret_cast<const unsigned*>(reinterpret_cast<const char*>(globals) +
                                             sizeof(void*));
}

/// Under the lock. A lane that another thread gave up, or a new one; null without memory for it.
[[gnu::cold]] inline Lane* unclaimed_lane(Runtime& runtime) noexcept {
    Lane* lane = runtime.free_lanes;
    if (lane) {
        runtime.free_lanes = lane->next_free;
    } else {
        if (runtime.lane_count == most_lanes) return nullptr;
        void* memory = std::aligned_alloc(alignof(Lane), sizeof(Lane));
        if (!memory) return nullptr;
        lane = new (memory) Lane;
        lane->index = ++runtime.lane_count;
        lane->next_muted_by = std::uint64_t{lane->index} << position_bits | muted_token;
        lane->last_ticket = std::uint64_t{lane->index} << position_bits;
        fill_random(lane->trace_seed, sizeof lane->trace_seed);
        lane->next = runtime.lanes.load(memory_order_relaxed); // under the lock
        runtime.lanes.store(lane, memory_order_release);       // pairs with the collector's acquire
    }
    return lane;
}

/// A lane for the calling thread. May allocate. Null if there is none to be had, or if the thread
/// could not give it up at its end: pthread has no key or no memory left.
[[gnu::cold]] inline Lane* claim_lane(Runtime& runtime) noexcept {
    if (runtime.started.load(memory_order_acquire) && // pairs with start_runtime()
        !runtime.has_key)
        return nullptr; // without the lock: each span comes here
    const NoCancel whole;
    Locked lock{runtime.mutex};
    if (!runtime.started.load(memory_order_relaxed)) runtime.start(runtime); // under the lock
    if (!runtime.has_key) return nullptr;
    Lane* lane = unclaimed_lane(runtime);
    if (!lane) return nullptr;
    if (pthread_setspecific(runtime.key, lane) != 0) {
        lane->next_free = runtime.free_lanes;
        runtime.free_lanes = lane;
        return nullptr;
    }
    lane->thread_id = static_cast<std::uint32_t>(syscall(SYS_gettid));
    lane->thread_is_new = true;
    lane->uncaught = count_of_uncaught();
    lane->exit_rounds = 0;
    return lane;
}

/// In the last round of destructors ThreadSanitizer takes its own state of the thread apart: no
/// code that it watches may run then.
#if defined(__SANITIZE_THREAD__)
inline constexpr bool last_round_is_ours = false;
#elif defined(__has_feature)
inline constexpr bool last_round_is_ours = !__has_feature(thread_sanitizer);
#else
inline constexpr bool last_round_is_ours = true;
#endif

/// How often the destructor below is called before it gives up the lane: once less than it can be,
/// since the destructor of another key may claim the lane in the first round, behind our turn.
inline constexpr int exit_rounds_with_lane =
    PTHREAD_DESTRUCTOR_ITERATIONS - (last_round_is_ours ? 1 : 2);

/// Under the lock: modules do not know the lane from here on, until its thread asks for it again.
[[gnu::cold]] inline void forget_caches(Lane& lane) noexcept {
    for (Cache* cache = lane.caches; cache;) {
        Cache* next = cache->next;
        *cache->slot = cache->empty;
        std::free(cache);
        cache = next;
    }
    lane.caches = nullptr;
}

/// The destructor of the pthread key. Puts its value back until then, so that spans in the
/// destructors of other thread-local objects still find their lane.
[[gnu::cold]] inline void leave_lane(Runtime& runtime, Lane* lane) noexcept {
    if (lane == exited() || ++lane->exit_rounds < exit_rounds_with_lane) {
        pthread_setspecific(runtime.key, lane);
        return;
    }
    Locked lock{runtime.mutex};
    forget_caches(*lane);
    lane->reset();
    lane->uncaught = &unknown_uncaught; // the thread's own goes away with it
    lane->next_free = runtime.free_lanes;
    runtime.free_lanes = lane;
    if (last_round_is_ours) pthread_setspecific(runtime.key, exited());
}

} // namespace detail
} // namespace plume
