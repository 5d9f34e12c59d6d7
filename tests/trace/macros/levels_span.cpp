// levels_span.cpp - a file that does not say which level it wants.
#include "levels.hpp"

PLUME_TEST_SPANS(spans_of_level_span)

namespace {
int evaluated = 0;
} // namespace

int count_evaluation() { return ++evaluated; }
int evaluated_by_levels() { return evaluated; }
