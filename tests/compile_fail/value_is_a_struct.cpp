// expect: an attribute holds a bool, a number, an enum, text
#include <plume/plume.hpp>

int main() {
    struct Order {
        int id;
    } order{1};
    static_cast<void>(order);
#ifndef PLUME_COMPILE_FAIL_OK
    PLUME_SPAN("work", "order"_a = order);
#endif
}
