// expect: plume: fields() cannot record a member of this type
#include <plume/fields.hpp>
#include <plume/plume.hpp>

struct Order {
    int id;
    int* pointer;
};
#ifdef PLUME_COMPILE_FAIL_OK
PLUME_REDACT(Order, pointer);
#endif

int main() {
    const Order order{};
    PLUME_SPAN("work", "order"_a = plume::fields(order));
}
