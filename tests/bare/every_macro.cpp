// every_macro.cpp - all that instrumented code writes, for compilers without exceptions and RTTI.
#include <plume/context.hpp> // plume::Name is real, whatever is compiled out
#include <plume/fields.hpp>
#include <plume/plume.hpp>
#include <plume/redact.hpp>

struct Order {
    int number;
    plume::Secret<int> pin;
    const char* card;
};
PLUME_REDACT(Order, card);

void every_macro(int number);

void every_macro(int number) {
    using namespace plume::literals;
    PLUME_FUNCTION("number"_a = number);
    PLUME_SPAN("plain");
    PLUME_SPAN("with attributes", "number"_a = number, "text"_a = "text");
    PLUME_SPAN_DEBUG("debug");
    PLUME_SPAN_TRACE("trace", "number"_a = number);
    static const plume::Name route{"GET /orders/{id}"};
    PLUME_SPAN_DYNAMIC(route, "number"_a = number);
    PLUME_SPAN_AS(span, "named");
    span.set("number"_a = number);
    PLUME_EVENT("event", "number"_a = number);
    PLUME_SET("number"_a = number);
    PLUME_ERROR("error");
    PLUME_OK();
    PLUME_LINK(plume::current_context(), "number"_a = number);
    PLUME_DISCARD();
    plume::set("number"_a = number);
    plume::set_error("error");
    PLUME_SPAN("disguised", "order"_a = plume::fields(Order{number, {number}, "card"}),
               "secret"_a = plume::secret(number), "masked"_a = plume::masked("text"),
               "hashed"_a = plume::hashed(number));
}
