// module.hpp - how each program and library finds the one runtime of its process.
//
// A header's inline variables are not one object a process: a program and the libraries that it
// opens each have their own. So every module carries a candidate, and an ELF note that says where
// it is; the candidate of the first module in load order that has the note is the runtime.
#pragma once

#include <cstdint>
#include <cstring>

#include <plume/core/atomic.hpp>
#include <plume/core/config.hpp>
#include <plume/record/inherited.hpp>
#include <plume/record/runtime.hpp>

#if PLUME_ELF
#    include <dlfcn.h>
#    include <link.h>
#endif

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

void start_runtime(Runtime& runtime) noexcept;

#if PLUME_ELF
#    define PLUME_CANDIDATE [[gnu::used, gnu::visibility("hidden")]]
#else
#    define PLUME_CANDIDATE [[gnu::visibility("default")]]
#endif

/// This module's candidate. The label is what the note below refers to.
PLUME_CANDIDATE inline constinit Runtime candidate asm("plume_candidate"){&start_runtime};
#undef PLUME_CANDIDATE

#if PLUME_ELF
// One note a module: the linker keeps one group of the name. "R" keeps it with --gc-sections. The
// descriptor is the distance from itself to the candidate; a debugger finds the runtime by it too.
asm(".pushsection .note.plume,\"aGR\",%note,plume_note,comdat\n"
    ".balign 4\n"
    ".long 6\n"
    ".long 8\n"
    ".long 1\n" // Runtime::abi
    ".asciz \"Plume\"\n"
    ".balign 4\n"
    ".hidden plume_candidate\n"
    "1: .quad plume_candidate - 1b\n"
    ".popsection\n");
static_assert(Runtime::abi == 1, "the note carries the same number");

/// Looks through the notes of one module; stops the walk where it finds ours.
[[gnu::cold]] inline int find_candidate(dl_phdr_info* info, std::size_t, void* result) noexcept {
    for (int i = 0; i < info->dlpi_phnum; ++i) {
        const auto& segment = info->dlpi_phdr[i];
        if (segment.p_type != PT_NOTE) continue;
        const char* note = reinterpret_cast<const char*>(info->dlpi_addr + segment.p_vaddr);
        const char* end = note + segment.p_memsz;
        while (note + 12 <= end) {
            std::uint32_t head[3]; // sizes of name and descriptor, type
            std::memcpy(head, note, sizeof head);
            const char* name = note + sizeof head;
            const std::size_t align = segment.p_align == 8 ? 8 : 4;
            const auto rounded = [align](std::size_t n) { return (n + align - 1) & ~(align - 1); };
            const char* descriptor = note + rounded(sizeof head + head[0]);
            if (head[0] == 6 && head[1] == 8 && std::memcmp(name, "Plume", 6) == 0 &&
                head[2] == Runtime::abi) {
                std::int64_t distance = 0;
                std::memcpy(&distance, descriptor, sizeof distance);
                auto* found = static_cast<dl_phdr_info*>(result);
                *found = *info;
                found->dlpi_addr =
                    reinterpret_cast<ElfW(Addr)>(descriptor) + static_cast<ElfW(Addr)>(distance);
                return 1;
            }
            note = descriptor + rounded(head[1]);
        }
    }
    return 0;
}

// Weak, so that a static program does not need it. Not dlopen() itself: at the mere name of that
// the linker of a static program warns.
extern "C" [[gnu::weak, gnu::visibility("default")]] void* plume_dlsym(void*,
                                                                       const char*) asm("dlsym");

/// Keeps a library in the process until its end.
[[gnu::cold]] inline void pin(const char* library) noexcept {
    using Open = void* (*)(const char*, int);
    if (!plume_dlsym) return;
    if (const auto open = reinterpret_cast<Open>(plume_dlsym(RTLD_DEFAULT, "dlopen")))
        open(library, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

[[gnu::cold]] inline Runtime* find_runtime() noexcept {
    dl_phdr_info found{};
    if (dl_iterate_phdr(&find_candidate, &found) == 0) return &candidate;
    // Never unloaded: threads and lanes refer to it for as long as the process lives.
    if (found.dlpi_name && *found.dlpi_name != '\0') pin(found.dlpi_name);
    return reinterpret_cast<Runtime*>(found.dlpi_addr);
}
#else
inline Runtime* find_runtime() noexcept { return &candidate; }
#endif

/// What one module keeps for itself.
struct Module {
    Atomic<Runtime*> runtime{nullptr};
    Callsite* callsites = nullptr; ///< under the runtime's lock
};
inline constinit Module module;

[[gnu::noinline, gnu::cold]] inline Runtime& look_for_runtime() noexcept {
    Runtime* found = find_runtime();
    module.runtime.store(found, memory_order_relaxed); // all threads find the same
    return *found;
}
/// The runtime of the process. Slow paths only.
[[gnu::always_inline]] inline Runtime& runtime() noexcept {
    Runtime* known = module.runtime.load(memory_order_relaxed); // constant once it is set
    return known ? *known : look_for_runtime();
}

template <class>
[[gnu::noinline]] HashKey hash_key_of_process() noexcept {
    Runtime& process = runtime();
    HashKey key = process.hash_key.load();
    if ((key.low | key.high) != 0) [[likely]]
        return key;
    Locked lock{process.mutex};
    key = process.hash_key.load();
    if ((key.low | key.high) == 0) choose_hash_key(process, {});
    return process.hash_key.load();
}

/// What threads without a lane point to: it has no room, so that one comparison tells both.
inline constinit Lane no_lane;

/// The calling thread's lane, as far as this module knows.
[[gnu::tls_model(PLUME_TLS_MODEL)]] inline constinit thread_local LaneSlot this_lane{&no_lane};

/// Tells the calling thread, which owns the lane, what others have done to its spans.
void read_mail(Lane& lane) noexcept;

[[nodiscard]] inline bool has_mail(const Lane& lane) noexcept {
    return lane.waiting_mail ||
           lane.mail.load(memory_order_relaxed); // read_mail() acquires what it says
}

/// Remembers the lane in this module's slot. Without memory for that, and as long as there is mail
/// that waits, it is looked up each time.
inline void remember_lane(Runtime& runtime, Lane* lane) noexcept {
    if (this_lane == lane || has_mail(*lane)) return;
    auto* cache = static_cast<Cache*>(std::malloc(sizeof(Cache)));
    if (!cache) return;
    Locked lock{runtime.mutex};
    if (has_mail(*lane)) return std::free(cache); // it came just now: see post_mail()
    *cache = {&this_lane, &no_lane, &module, lane->caches};
    lane->caches = cache;
    this_lane = lane;
}

/// The calling thread's lane, claimed if need be; null when there is none to be had. It is
/// remembered only where reading the counter inline is right: with the kernel's clock every span
/// takes the slow path, which asks for the clock.
[[gnu::noinline]] inline Lane* find_lane() noexcept {
    Runtime& process = runtime();
    Lane* lane = process.lane_of_thread();
    if (lane == exited()) return nullptr;
    if (!lane) lane = claim_lane(process);
    if (!lane) return nullptr;
    lane->clock = process.clock.load(memory_order_relaxed);
    if (has_mail(*lane)) [[unlikely]]
        read_mail(*lane);
    if (lane->clock == Clock::counter) remember_lane(process, lane);
    return lane;
}

/// The same, where the module knows it already most of the time.
inline Lane* own_lane() noexcept {
    Lane* lane = this_lane;
    return lane != &no_lane ? lane : find_lane();
}

/// Withdraws the module's callsites and caches when it is unloaded, or at exit.
struct ModuleEnd {
    ~ModuleEnd() {
        Runtime& process = runtime();
        Locked lock{process.mutex};
        for (Callsite* site = module.callsites; site; site = site->next) {
            site->index.store(0, memory_order_relaxed); // a switch: nothing depends on it
            if (site->id != 0) process.registry.at(site->id)->live = nullptr;
        }
        module.callsites = nullptr;
        for (Lane* lane = process.lanes.load(memory_order_relaxed); lane; lane = lane->next)
            forget(lane->caches);
    }

  private:
    static void forget(Cache*& list) noexcept {
        for (Cache** link = &list; *link;) {
            Cache* cache = *link;
            if (cache->module != &module) {
                link = &cache->next;
                continue;
            }
            *link = cache->next;
            std::free(cache);
        }
    }
};

/// Runs when a module is loaded, once for each of its lines.
[[gnu::cold]] inline bool register_callsite(Callsite& callsite) noexcept {
    static ModuleEnd end; // its constructor does nothing; what counts is that it ends
    Runtime& process = runtime();
    Locked lock{process.mutex};
    Entry* entry = process.registry.add(*callsite.description, &callsite);
    if (!entry) return false; // a million lines, or no memory: the line stays off
    callsite.id = entry->index;
    callsite.next = module.callsites;
    module.callsites = &callsite;
    process.turn(callsite, *entry);
    return true;
}

/// Instantiated beside each CallsiteOf, for the initialisation of `done` when the module is loaded.
template <class Site>
struct [[gnu::visibility("hidden")]] Registered {
    static inline const bool done = register_callsite(Site::callsite);
};

// What only the module of the runtime runs: pthread keeps pointers to it.

inline void thread_ends(void* lane) noexcept { leave_lane(candidate, static_cast<Lane*>(lane)); }

inline void before_fork() noexcept {
    candidate.mutex.lock();
    if (candidate.hooks.before_fork) candidate.hooks.before_fork(candidate.hooks.session);
}

inline void after_fork_in_parent() noexcept {
    if (candidate.hooks.after_fork) candidate.hooks.after_fork(candidate.hooks.session, false);
    candidate.mutex.unlock();
}

inline void leave_behind(void* memory) noexcept {
    auto* one = memory ? static_cast<LeftBehind*>(std::malloc(sizeof(LeftBehind))) : nullptr;
    if (!one) return;
    *one = {memory, candidate.left_behind};
    candidate.left_behind = one;
}

/// In the child: a lane whose thread stayed in the parent, and may have been in the middle of
/// anything. Of what it holds only single words are sure to be whole: the ring is laid out anew,
/// and lists and texts stay behind unread.
[[gnu::cold]] inline void begin_anew(Lane& lane) noexcept {
    const bool has_ring = lane.has_ring.load(memory_order_relaxed); // the thread is not here
    const std::uint64_t head = lane.head.load(memory_order_relaxed);
    for (void* each : {static_cast<void*>(lane.outside), static_cast<void*>(lane.unused),
                       static_cast<void*>(lane.scope_text), static_cast<void*>(lane.trace_text),
                       static_cast<void*>(lane.inherited), static_cast<void*>(lane.decided),
                       static_cast<void*>(lane.scratch), static_cast<void*>(lane.waiting_mail),
                       static_cast<void*>(lane.many_abandoned)})
        leave_behind(each);
    lane.outside = lane.unused = nullptr;
    lane.decided = nullptr;
    lane.many_abandoned = nullptr;
    lane.abandoned_room = Lane::few;
    lane.scratch = nullptr;
    lane.scratch_bytes = lane.scratch_used = 0;
    lane.waiting_mail = nullptr;
    lane.scope_text = lane.trace_text = nullptr;
    lane.inherited = nullptr;
    lane.uncaught = &unknown_uncaught;
    for (Cache* cache = lane.caches; cache;) { // their slots went with the thread
        Cache* next = cache->next;
        std::free(cache);
        cache = next;
    }
    lane.caches = nullptr;
    if (has_ring) {
        lane.make(lane.memory, lane.capacity, lane.next_lap(head) - lane.capacity);
    } else { // what was mapped for a ring that was not ready stays behind
        lane.memory = nullptr;
        lane.capacity = 0;
        lane.head.store(0, memory_order_relaxed);
        lane.tail.store(0, memory_order_relaxed);
    }
    lane.reset();
}

/// The child has one thread, and nothing of the parent's is its to deliver: lanes start empty,
/// with other ids. What was open stays the parent's; new spans become its children from afar, and
/// what was not recorded there is not recorded here.
[[gnu::cold]] inline void after_fork_in_child() noexcept {
    candidate.mutex.unlock(); // by the thread that has locked it in before_fork()
    ::new (static_cast<void*>(&candidate.reading)) Mutex; // its collector is not here
    Lane* own = candidate.lane_of_thread();
    if (own == exited()) own = nullptr;
    const std::uint64_t seed = candidate.id_seed.load(memory_order_relaxed); // one thread is left
    const std::uint64_t key = candidate.id_key.load(memory_order_relaxed);
    seed_ids(candidate);
    candidate.free_lanes = nullptr;
    leave_behind(candidate.unmatched);
    candidate.unmatched = nullptr;
    for (Lane* lane = candidate.lanes.load(memory_order_relaxed); lane; lane = lane->next) {
        leave_behind(lane->replay);
        lane->replay = nullptr;
        leave_behind(lane->late.exchange(nullptr)); // about spans of the parent
        if (lane == own) {
            inherit_all(*lane, seed, key, &Runtime::make_span_id);
            if (has_mail(*lane)) forget_caches(*lane); // so that the thread finds it
        } else {
            leave_behind(lane->mail.exchange(nullptr));
            begin_anew(*lane);
        }
        lane->fork_floor = lane->head.load(memory_order_relaxed);
        lane->release(lane->fork_floor);
        lane->dropped_spans.store(0, memory_order_relaxed);
        lane->dropped_records.store(0, memory_order_relaxed);
        lane->suppressed_spans.store(0, memory_order_relaxed);
        fill_random(lane->trace_seed, sizeof lane->trace_seed);
        if (lane == own) {
            lane->thread_id = static_cast<std::uint32_t>(syscall(SYS_gettid));
            lane->thread_is_new = true;
        } else {
            lane->next_free = candidate.free_lanes;
            candidate.free_lanes = lane;
        }
    }
    if (candidate.hooks.after_fork) {
        candidate.needs_revival.store(true, memory_order_relaxed);
        candidate.hooks.after_fork(candidate.hooks.session, true);
    }
}

/// Under the lock, once, in the module that is never unloaded.
inline void start_runtime(Runtime& runtime) noexcept {
    runtime.has_key = pthread_key_create(&runtime.key, &thread_ends) == 0;
    pthread_atfork(&before_fork, &after_fork_in_parent, &after_fork_in_child);
    seed_ids(runtime);
    runtime.started.store(true, memory_order_release); // pairs with Runtime::lane_of_thread()
}

} // namespace detail
} // namespace plume
