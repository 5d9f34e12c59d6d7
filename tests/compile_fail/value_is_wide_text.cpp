// expect: an attribute holds a bool, a number, an enum, text
#include <plume/plume.hpp>

int main() {
#ifndef PLUME_COMPILE_FAIL_OK
    PLUME_SPAN("work", "key"_a = L"wide");
#endif
}
