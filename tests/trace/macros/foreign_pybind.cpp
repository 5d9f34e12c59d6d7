// foreign_pybind.cpp - another "_a" in force, as pybind11 has it.
#include "trace/macros/foreign_literals.hpp"

int foreign_pybind(int n);

int foreign_pybind(int n) {
    PLUME_SPAN("foreign", "n"_a = n);
    PLUME_SET("set"_a = n);
    PLUME_EVENT("event", "n"_a = n);
    return "n"_a = n;
}
