// expect: an attribute holds a bool, a number, an enum, text
#include <plume/plume.hpp>

int main() {
    int number = 1;
    static_cast<void>(number);
#ifndef PLUME_COMPILE_FAIL_OK
    PLUME_SPAN("work", "number"_a = &number);
#endif
}
