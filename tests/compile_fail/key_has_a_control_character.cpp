// expect: an attribute key has no blanks and no control characters
#include <plume/plume.hpp>

int main() {
#ifndef PLUME_COMPILE_FAIL_OK
    PLUME_SPAN("work", "key\n"_a = 1);
#endif
}
