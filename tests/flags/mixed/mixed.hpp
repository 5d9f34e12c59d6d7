// mixed.hpp - functions of files that are compiled with different switches. Each opens a span, if
// its file has any, and calls the next.
#pragma once

namespace mixed {

using Next = void (*)();

void no_exceptions(Next next); ///< -fno-exceptions -fno-rtti
void kernel_clock(Next next);  ///< PLUME_CLOCK_MONOTONIC
void every_step(Next next);    ///< PLUME_LEVEL_TRACE
void off(Next next);           ///< PLUME_ENABLED 0, and nothing else of Plume

/// Whether the file without tracing has evaluated an argument.
bool off_has_evaluated();

} // namespace mixed
