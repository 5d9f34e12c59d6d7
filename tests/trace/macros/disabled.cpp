// disabled.cpp - a file without tracing in a program that has it.
#define PLUME_ENABLED 0
#include <plume/plume.hpp>

int run_disabled();

int run_disabled() {
    using namespace plume::literals;
    int evaluated = 0;
    PLUME_SPAN("disabled", "n"_a = ++evaluated);
    PLUME_SPAN_AS(span, "disabled", "n"_a = ++evaluated);
    PLUME_FUNCTION("n"_a = ++evaluated);
    PLUME_SPAN_DEBUG("disabled", "n"_a = ++evaluated);
    PLUME_EVENT("disabled", "n"_a = ++evaluated);
    PLUME_SET("n"_a = ++evaluated);
    PLUME_ERROR((++evaluated, "disabled"));
    PLUME_OK();
    PLUME_LINK(span, "n"_a = ++evaluated);
    PLUME_DISCARD();
    span.set("n"_a = 1);
    span.event("disabled"_name);
    span.set_error("disabled");
    plume::set("n"_a = 1);
    plume::event("disabled"_name);
    plume::set_ok();
    plume::discard();
    plume::current().set("n"_a = 1);
    if (evaluated == 0) PLUME_SPAN("disabled");
    return evaluated;
}
