// levels_trace.cpp - a file that wants a span for every small step.
#define PLUME_LEVEL 3
#include "levels.hpp"

PLUME_TEST_SPANS(spans_of_level_trace)
