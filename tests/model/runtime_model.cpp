// runtime_model.cpp - how the collector sleeps and is woken, and how threads pass lanes on.

#include <algorithm>
#include <cstring>
#include <cxxabi.h>
#include <linux/futex.h>
#include <memory>
#include <new>
#include <optional>
#include <pthread.h>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

#include "plume/core/atomic.hpp"

// The kernel, as the explorer plays it. There are no other system calls in what is run here.
namespace {

plume::detail::Atomic<std::uint32_t>* futex = nullptr;

long model_syscall(long number, ...) {
    if (number != SYS_futex) return 1; // the thread's number
    __builtin_va_list rest;
    __builtin_va_start(rest, number);
    static_cast<void>(__builtin_va_arg(rest, void*));
    const int what = __builtin_va_arg(rest, int);
    __builtin_va_end(rest);
    if (what == FUTEX_WAIT_PRIVATE) model::explorer().wait(futex, 0, 1);
    else model::explorer().wake(futex);
    return 0;
}
int model_lock(const void* mutex) {
    model::explorer().lock(mutex);
    return 0;
}
int model_unlock(const void* mutex) {
    model::explorer().unlock(mutex);
    return 0;
}
int model_set(pthread_key_t, const void*) { return 0; }

} // namespace

namespace std {
/// Lanes lie where they lay in the order before.
alignas(128) inline char model_lanes[2][4096];
inline size_t model_lanes_made = 0;
inline void* model_aligned_alloc(size_t, size_t bytes) {
    return bytes <= sizeof model_lanes[0] ? model_lanes[model_lanes_made++] : nullptr;
}
} // namespace std

#define aligned_alloc model_aligned_alloc
#define syscall model_syscall
#define pthread_mutex_lock model_lock
#define pthread_mutex_unlock model_unlock
#define pthread_setspecific model_set
#include <plume/record/runtime.hpp>
#undef aligned_alloc
#undef syscall
#undef pthread_mutex_lock
#undef pthread_mutex_unlock
#undef pthread_setspecific

namespace {

using namespace plume::detail;
using model::explorer;
using Scenario = model::Explorer::Scenario;

void start(Runtime& runtime) noexcept {
    runtime.has_key = true; // which the model of pthread does not look at
    runtime.started.store(true);
}

alignas(Runtime) char place[sizeof(Runtime)];
Runtime* runtime_made() {
    auto* made = new (place) Runtime{&start};
    futex = &made->reader_sleeps;
    return made;
}

/// Requests as in Collector::drain_all(), answers as in Collector::run(). Sleeps have no end of
/// their own here, so a request that the collector misses is a thread that waits for ever.
struct Requests {
    Atomic<std::uint64_t> requested{0};
    std::uint64_t answered = 0;
};
alignas(Requests) char requests_place[sizeof(Requests)];

Scenario handshake() {
    Runtime* runtime = runtime_made();
    auto* requests = new (requests_place) Requests;
    const auto collect = [runtime, requests] {
        while (requests->answered != 2) {
            const std::uint64_t request = requests->requested.load(memory_order_acquire);
            requests->answered = request;
            if (request == 2) return;
            runtime->sleep_unless(
                [requests] { return requests->requested.load() != requests->answered; }, 1'000);
        }
    };
    const auto request = [runtime, requests] {
        requests->requested.fetch_add(1);
        runtime->wake();
    };
    return {{collect, request, request}, [] {}};
}

// Lanes.

constexpr std::uint64_t ring_bytes = 256;
alignas(64) char rings[2][ring_bytes];

/// As make_ring() does it, but for where the memory comes from.
void make_ring(Lane& lane) {
    if (lane.has_ring.load(memory_order_relaxed)) return;
    explorer().writes(&lane.memory, sizeof lane.memory);
    lane.make(rings[lane.index - 1], ring_bytes, std::uint64_t{lane.index} << position_bits);
    lane.has_ring.store(true, memory_order_release);
}

/// A thread that records two words, and exits.
void live(Runtime& runtime) {
    Lane* lane = claim_lane(runtime);
    explorer().require(lane != nullptr, "no lane");
    make_ring(*lane);
    for (int i = 0; i < 2; ++i) {
        bool half_full = false;
        if (lane->free_room() < 8 && !lane->refill(8, false, half_full)) return;
        const std::uint64_t at = lane->head.load(memory_order_relaxed);
        explorer().writes(lane->address(at), 8);
        lane->put(at, make_word(1'000, at));
        lane->publish(at + 8);
    }
    while (lane->uncaught != &unknown_uncaught) leave_lane(runtime, lane);
}

std::size_t words_read = 0;

void drain(Runtime& runtime) {
    for (Lane* lane = runtime.lanes.load(memory_order_acquire); lane; lane = lane->next) {
        if (!lane->has_ring.load(memory_order_acquire)) continue;
        explorer().reads(&lane->memory, sizeof lane->memory);
        const std::uint64_t end = lane->published();
        std::uint64_t at = lane->tail.load(memory_order_relaxed);
        for (; at != end; at += 8, ++words_read) {
            explorer().reads(lane->at(at), 8);
            std::uint64_t word = 0;
            std::memcpy(&word, lane->at(at), 8);
            explorer().require(word == make_word(1'000, at), "a word that is not the one written");
        }
        lane->release(at);
    }
}

Scenario reuse() {
    Runtime* runtime = runtime_made();
    words_read = 0;
    std::model_lanes_made = 0;
    const auto work = [runtime] { live(*runtime); };
    return {{work, work, [runtime] { drain(*runtime); }}, [runtime] {
                drain(*runtime);
                explorer().require(words_read == 4, "not all that was published was read once");
            }};
}

} // namespace

int main() {
    explorer().explore("sleep and wake", handshake);
    explorer().explore("reuse of lanes", reuse);
}
