// foreign_fmt.cpp - another "_a" in force, as fmt has it.
#define LIKE_FMT
#define FOREIGN_FUNCTION foreign_fmt
#include "trace/macros/foreign_literals.hpp"
