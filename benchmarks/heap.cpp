// heap.cpp - counts the allocations of each thread, whoever asks for them.
#include "cases.hpp"

#include <cstddef>
#include <cstdlib>

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);

namespace {
[[gnu::tls_model("initial-exec")]] thread_local std::uint64_t allocations = 0;
}

void* malloc(std::size_t size) {
    ++allocations;
    return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) {
    ++allocations;
    return __libc_calloc(count, size);
}
void* realloc(void* old, std::size_t size) {
    ++allocations;
    return __libc_realloc(old, size);
}
}

std::uint64_t allocations_of_this_thread() noexcept { return allocations; }
