// expect: an attribute holds a bool, a number, an enum, text
#include <vector>

#include <plume/plume.hpp>

struct Order {
    int id;
};

int main() {
    const std::vector<Order> orders;
#ifndef PLUME_COMPILE_FAIL_OK
    PLUME_SPAN("work", "orders"_a = orders);
#endif
}
