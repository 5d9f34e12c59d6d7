// instrumented.cpp - every macro once. With -DPLAIN it is the file that it was before
// instrumentation.
#ifdef PLAIN
#    define PLUME_SPAN(...)
#    define PLUME_SPAN_DEBUG(...)
#    define PLUME_SPAN_TRACE(...)
#    define PLUME_FUNCTION(...)
#    define PLUME_EVENT(...)
#    define PLUME_SET(...)
#    define PLUME_ERROR(...)
#    define PLUME_OK()
#    define PLUME_DISCARD()
#    define PLUME_REDACT(...) static_assert(true)
#else
#    include <plume/fields.hpp>
#    include <plume/plume.hpp>
#    include <plume/redact.hpp>
using namespace plume::literals; // for what is not a macro
#endif

#include <stdexcept>
#include <string>
#include <vector>

struct Order {
    int id;
    std::string customer;
    std::vector<double> prices;
};
PLUME_REDACT(Order, customer);

int expensive(const Order& order); // elsewhere: a call would show
void charge(double amount);

double total(const Order& order) {
    PLUME_FUNCTION("order.id"_a = order.id);
    double sum = 0;
    for (const double price : order.prices) {
        PLUME_SPAN_DEBUG("price", "price"_a = price);
        PLUME_SPAN_TRACE("add");
        sum += price;
    }
    return sum;
}

bool checkout(const Order& order, bool trusted) {
    PLUME_SPAN("checkout", plume::internal, "order.customer"_a = order.customer,
               "expensive"_a = expensive(order));
    if (order.prices.empty()) PLUME_EVENT("nothing to pay");
    PLUME_SET("order"_a = plume::fields(order), "hashed"_a = plume::hashed(order.customer),
              "masked"_a = plume::masked(order.customer),
              "pin"_a = plume::secret(expensive(order)));
    const double sum = total(order);
    PLUME_SET("order.total"_a = sum, "again"_a = expensive(order));
    if (trusted) {
        PLUME_SPAN("charge", plume::client);
        charge(sum);
        return true;
    } else {
        PLUME_ERROR("not trusted");
        PLUME_OK();
        PLUME_DISCARD();
    }
#ifndef PLAIN
    PLUME_SPAN_AS(span, "named");
    span.set("literal"_a = 1);
    span.set_error("declined");
    span.end();
    plume::set("literal"_a = 2);
    plume::event("literal"_name);
#endif
    if (sum < 0) throw std::invalid_argument{"negative"};
    return false;
}
