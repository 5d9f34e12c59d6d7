// in_library.cpp - the same spans in a shared library with hidden symbols.
#include "cases.hpp"

#include <plume/plume.hpp>

namespace cases {

void in_library_empty(int count) {
    for (int i = 0; i < count; ++i) {
        PLUME_SPAN("empty in a library");
        asm volatile("" ::: "memory");
    }
}

void in_library_3(int count) {
    const std::int64_t n = count;
    const double f = count;
    for (int i = 0; i < count; ++i) {
        PLUME_SPAN("three in a library", "a"_a = i, "b"_a = n, "c"_a = f);
        asm volatile("" ::: "memory");
    }
}

} // namespace cases
