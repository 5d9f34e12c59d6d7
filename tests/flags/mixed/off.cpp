#define PLUME_ENABLED 0
#include <plume/plume.hpp>

#include "mixed.hpp"

namespace {
int evaluated = 0;
} // namespace

void mixed::off(Next next) {
    PLUME_SPAN("off", "n"_a = ++evaluated);
    PLUME_FUNCTION("n"_a = ++evaluated);
    PLUME_EVENT("off", "n"_a = ++evaluated);
    next();
}

bool mixed::off_has_evaluated() { return evaluated != 0; }
