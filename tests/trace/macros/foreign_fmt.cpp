// foreign_fmt.cpp - another "_a" in force, as fmt has it.
#define LIKE_FMT
#include "trace/macros/foreign_literals.hpp"

int foreign_fmt(int n);

int foreign_fmt(int n) {
    PLUME_SPAN("foreign", "n"_a = n);
    PLUME_SET("set"_a = n);
    PLUME_EVENT("event", "n"_a = n);
    return "n"_a = n;
}
