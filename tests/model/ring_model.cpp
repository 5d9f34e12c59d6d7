// ring_model.cpp - the ring's publish, refill and release, in every order that C++ allows.

#include <cstring>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plume/core/atomic.hpp"

namespace std {
/// Copies of the ring's bytes are what the explorer has to see.
inline void* model_memcpy(void* to, const void* from, size_t bytes) {
    if (model::explorer().is_watched(to)) model::explorer().writes(to, bytes);
    if (model::explorer().is_watched(from)) model::explorer().reads(from, bytes);
    return __builtin_memcpy(to, from, bytes);
}
} // namespace std
#define memcpy model_memcpy
#include <plume/record/ring.hpp>
#undef memcpy

namespace {

using namespace plume::detail;
using model::explorer;

constexpr std::uint64_t ring_bytes = 64;
constexpr std::uint64_t record_bytes = 24; // two of them, and a pad, are a lap
constexpr std::uint32_t records = 5;
constexpr std::uint32_t index_of_record = 1'000;

alignas(64) char bytes[ring_bytes];
alignas(Ring) char place[sizeof(Ring)];
Ring* ring = nullptr;

/// What the reader has seen, in order.
std::vector<std::uint64_t> seen;
std::vector<std::uint64_t> written;

std::uint64_t word_of(std::uint64_t position) {
    std::uint64_t word = 0;
    std::model_memcpy(&word, ring->at(position), 8);
    return word;
}

/// As slow_path.hpp and fast_path.hpp do it.
void write_all() {
    for (std::uint32_t i = 0; i < records; ++i) {
        bool half_full = false;
        if (ring->room < record_bytes && !ring->refill(record_bytes, false, half_full)) continue;
        ring->room -= record_bytes;
        const std::uint64_t at = ring->head.load(memory_order_relaxed);
        ring->put(at, make_word(index_of_record, i));
        ring->put(at + 8, i);
        ring->put(at + 16, ~std::uint64_t{i});
        ring->publish(at + record_bytes);
        written.push_back(i);
    }
}

/// As SpanAssembler::drain() does it.
void drain() {
    const std::uint64_t end = ring->published();
    std::uint64_t at = ring->tail.load(memory_order_relaxed);
    while (at != end) {
        const std::uint64_t word = word_of(at);
        if ((word & index_mask) == control::pad) {
            at = ring->next_lap(at);
            continue;
        }
        explorer().require((word & index_mask) == index_of_record, "something else was read");
        const std::uint64_t number = word_of(at + 8);
        explorer().require(word >> index_bits == number && word_of(at + 16) == ~number,
                           "a record of two halves");
        seen.push_back(number);
        at += record_bytes;
    }
    ring->release(at);
}

model::Explorer::Scenario make() {
    ring = new (place) Ring;
    ring->make(bytes, ring_bytes, std::uint64_t{1} << 48U);
    ring->open();
    seen.clear();
    written.clear();
    return {{write_all, [] { drain(), drain(), drain(); }}, [] {
                drain();
                explorer().require(seen == written,
                                   "not all that was published was read, in order");
            }};
}

} // namespace

int main() {
    explorer().watch(bytes, sizeof bytes);
    explorer().explore("ring", make);
}
