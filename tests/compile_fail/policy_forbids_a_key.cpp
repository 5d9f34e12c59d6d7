// expect: plume: the team's policy forbids this attribute key
#define PLUME_POLICY "policy/team_policy.hpp"
#include <plume/plume.hpp>

int main() {
#ifndef PLUME_COMPILE_FAIL_OK
    PLUME_SPAN("work", "shop.card.number"_a = 1);
#endif
}
