// cases.cpp - the measured functions, in a file of their own, so that nothing is known at compile
// time.
#include "cases.hpp"

#include <string_view>

#include <plume/plume.hpp>

namespace cases {

namespace {

/// Values that the compiler cannot know.
volatile std::int64_t number = 42;
volatile double fraction = 0.5;
std::string_view text = "the quick brown fox";

/// What stands between a span's begin and its end in real code, at no cost: it may do anything.
[[gnu::always_inline]] inline void work() { asm volatile("" ::: "memory"); }

} // namespace

void clock_pair(int count) {
    for (int i = 0; i < count; ++i) {
        const std::uint64_t first = plume::detail::counter_now();
        const std::uint64_t second = plume::detail::counter_now();
        asm volatile("" ::"r"(first), "r"(second));
    }
}

void empty_span(int count) {
    for (int i = 0; i < count; ++i) {
        PLUME_SPAN("empty");
        work();
    }
}

void attributes_1(int count) {
    for (int i = 0; i < count; ++i) {
        PLUME_SPAN("one", "a"_a = i);
        work();
    }
}

void attributes_3(int count) {
    const std::int64_t n = number;
    const double f = fraction;
    for (int i = 0; i < count; ++i) {
        PLUME_SPAN("three", "a"_a = i, "b"_a = n, "c"_a = f);
        work();
    }
}

void attributes_10(int count) {
    const std::int64_t n = number;
    const double f = fraction;
    for (int i = 0; i < count; ++i) {
        PLUME_SPAN("ten", "a"_a = i, "b"_a = n, "c"_a = f, "d"_a = n, "e"_a = f, "f"_a = n,
                   "g"_a = f, "h"_a = n, "i"_a = f, "j"_a = i);
        work();
    }
}

void text_attribute(int count) {
    for (int i = 0; i < count; ++i) {
        PLUME_SPAN("text", "a"_a = text);
        work();
    }
}

void nested_4(int count) {
    for (int i = 0; i < count; i += 4) {
        PLUME_SPAN("first");
        work();
        PLUME_SPAN("second");
        work();
        PLUME_SPAN("third");
        work();
        PLUME_SPAN("fourth");
        work();
    }
}

void event(int count) {
    for (int i = 0; i < count;) {
        PLUME_SPAN("with events");
        for (int end = i + 100; i < end && i < count; ++i) {
            PLUME_EVENT("event", "a"_a = i);
            work();
        }
    }
}

void switched_off(int count) {
    for (int i = 0; i < count; ++i) {
        PLUME_SPAN("switched off", "a"_a = i);
        work();
    }
}

void async_span(int count) {
    for (int i = 0; i < count; ++i) {
        plume::AsyncSpan span{PLUME_CALLSITE("async")};
        work();
    }
}

void switch_callsite(bool on) {
    plume::detail::Runtime& runtime = plume::detail::runtime();
    const plume::detail::Locked lock{runtime.mutex};
    for (std::uint32_t i = plume::detail::control::first_site; i < runtime.registry.size(); ++i) {
        plume::detail::Entry* entry = runtime.registry.at(i);
        if (entry->live && entry->name == "switched off")
            entry->live->index.store(on ? entry->index : 0,
                                     plume::detail::memory_order_relaxed); // a switch
    }
}

} // namespace cases
