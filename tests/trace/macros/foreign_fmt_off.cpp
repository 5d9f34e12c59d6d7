// foreign_fmt_off.cpp - another "_a" in force, as fmt has it, with tracing off.
#define LIKE_FMT
#define PLUME_ENABLED 0
#include "trace/macros/foreign_literals.hpp"

int foreign_fmt_off(int n);

int foreign_fmt_off(int n) {
    PLUME_SPAN("foreign", "n"_a = n);
    PLUME_SET("set"_a = n);
    PLUME_EVENT("event", "n"_a = n);
    return "n"_a = n;
}
