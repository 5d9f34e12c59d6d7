// allocations.hpp - counts what a thread takes from the heap, in programs that link the .cpp file.
#pragma once

#include <cstddef>

namespace plume::test {

/// How often the calling thread has called operator new.
[[nodiscard]] std::size_t allocations() noexcept;

} // namespace plume::test
