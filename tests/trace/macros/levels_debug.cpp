// levels_debug.cpp - a file that wants spans for looking for something.
#define PLUME_LEVEL 2
#include "levels.hpp"

PLUME_TEST_SPANS(spans_of_level_debug)
