#define PLUME_CLOCK PLUME_CLOCK_MONOTONIC
#include <plume/plume.hpp>

#include "mixed.hpp"

void mixed::kernel_clock(Next next) {
    PLUME_SPAN("kernel clock", "text"_a = "text");
    next();
}
