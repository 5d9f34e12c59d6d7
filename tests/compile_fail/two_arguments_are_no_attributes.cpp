// expect: after the name come attributes
#include <plume/plume.hpp>

int main() {
#ifndef PLUME_COMPILE_FAIL_OK
    PLUME_SPAN("work", 42, "text");
#endif
}
