#define PLUME_LEVEL PLUME_LEVEL_TRACE
#include <plume/plume.hpp>

#include "mixed.hpp"

void mixed::every_step(Next next) {
    PLUME_SPAN("every step");
    PLUME_SPAN_DEBUG("debug");
    PLUME_SPAN_TRACE("trace", "n"_a = 1);
    next();
}
