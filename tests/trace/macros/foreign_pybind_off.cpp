// foreign_pybind_off.cpp - another "_a" in force, as pybind11 has it, with tracing off.
#define PLUME_ENABLED 0
#define FOREIGN_FUNCTION foreign_pybind_off
#include "trace/macros/foreign_literals.hpp"
