// expect: an attribute key must not be empty
#include <plume/plume.hpp>

int main() {
#ifndef PLUME_COMPILE_FAIL_OK
    PLUME_SPAN("work", ""_a = 1);
#endif
}
