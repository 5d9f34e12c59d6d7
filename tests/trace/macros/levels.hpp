// levels.hpp - one span of each level, in a file that has chosen its own: see macros_test.cpp.
#include <plume/plume.hpp>

int evaluated_by_levels();
int count_evaluation();

#define PLUME_TEST_SPANS(function)                                                                 \
    void function();                                                                               \
    void function() {                                                                              \
        PLUME_SPAN("span", "n"_a = count_evaluation());                                            \
        PLUME_SPAN_DEBUG("debug", "n"_a = count_evaluation());                                     \
        PLUME_SPAN_TRACE("trace", "n"_a = count_evaluation());                                     \
    }
