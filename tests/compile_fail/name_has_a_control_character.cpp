// expect: a span name has no control characters
#include <plume/plume.hpp>

int main() {
#ifndef PLUME_COMPILE_FAIL_OK
    PLUME_SPAN("a\nb");
#endif
}
