// expect: a span name with a number in its path makes one name per id
#include <plume/plume.hpp>

int main() {
#ifndef PLUME_COMPILE_FAIL_OK
    PLUME_SPAN("GET /orders/17");
#endif
}
