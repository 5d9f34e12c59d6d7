// foreign_pybind.cpp - another "_a" in force, as pybind11 has it.
#define FOREIGN_FUNCTION foreign_pybind
#include "trace/macros/foreign_literals.hpp"
