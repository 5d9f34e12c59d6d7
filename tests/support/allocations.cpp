// allocations.cpp - operator new with a counter. In a file of its own: where the compiler sees both
// a new-expression and free(), it warns of a mismatch.
#include "allocations.hpp"

#include <cstdlib>
#include <new>

namespace {
thread_local std::size_t count = 0;
}

std::size_t plume::test::allocations() noexcept { return count; }

// Sanitizers replace operator new themselves; there, nothing is counted.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#    define SANITIZED
#elif defined(__has_feature)
#    if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#        define SANITIZED
#    endif
#endif
#ifndef SANITIZED
void* operator new(std::size_t size) {
    ++count;
    if (void* const memory = std::malloc(size != 0 ? size : 1)) return memory;
    throw std::bad_alloc{};
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    ++count;
    return std::malloc(size != 0 ? size : 1);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
#endif
