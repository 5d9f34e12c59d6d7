// foreign_pybind_off.cpp - another "_a" in force, as pybind11 has it, with tracing off.
#define PLUME_ENABLED 0
#include "trace/macros/foreign_literals.hpp"

int foreign_pybind_off(int n);

int foreign_pybind_off(int n) {
    PLUME_SPAN("foreign", "n"_a = n);
    PLUME_SET("set"_a = n);
    PLUME_EVENT("event", "n"_a = n);
    return "n"_a = n;
}
