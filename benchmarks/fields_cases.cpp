// fields_cases.cpp - the same six attributes twice: as members of a struct, and written by hand.
#include "cases.hpp"

#include <cstdint>
#include <string>

#include <plume/fields.hpp>
#include <plume/plume.hpp>

namespace cases {

namespace {

struct Item {
    std::uint32_t number;
    double price;
};
struct Order {
    std::int64_t id;
    std::string customer;
    Item item;
    bool paid;
    int state;
};

/// As far as the compiler knows, others change it.
Order order{4711, "the quick brown fox", {7, 0.5}, true, 3};

[[gnu::always_inline]] inline const Order& some_order() {
    const Order* seen = &order;
    asm volatile("" : "+r"(seen)::"memory");
    return *seen;
}

} // namespace

void fields_6(int count) {
    for (int i = 0; i < count; ++i) {
        const Order& seen = some_order();
        PLUME_SPAN("fields", "order"_a = plume::fields(seen));
    }
}

void by_hand_6(int count) {
    for (int i = 0; i < count; ++i) {
        const Order& seen = some_order();
        PLUME_SPAN("by hand", "order.id"_a = seen.id, "order.customer"_a = seen.customer,
                   "order.item.number"_a = seen.item.number, "order.item.price"_a = seen.item.price,
                   "order.paid"_a = seen.paid, "order.state"_a = seen.state);
    }
}

} // namespace cases
