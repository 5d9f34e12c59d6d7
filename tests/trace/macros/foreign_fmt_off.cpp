// foreign_fmt_off.cpp - another "_a" in force, as fmt has it, with tracing off.
#define LIKE_FMT
#define PLUME_ENABLED 0
#define FOREIGN_FUNCTION foreign_fmt_off
#include "trace/macros/foreign_literals.hpp"
