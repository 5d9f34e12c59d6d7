// expect: plume: fields() takes a struct without constructors
#include <plume/fields.hpp>
#include <plume/plume.hpp>

class Order {
  public:
    Order() = default;

    int id = 0;
};

int main() {
    const Order order;
    PLUME_SPAN("work", "id"_a = order.id);
#ifndef PLUME_COMPILE_FAIL_OK
    PLUME_SPAN("work", "order"_a = plume::fields(order));
#endif
}
