// expect: plume: the team's policy wants shorter attribute keys
#define PLUME_POLICY "policy/team_policy.hpp"
#include <plume/plume.hpp>

int main() {
#ifndef PLUME_COMPILE_FAIL_OK
    PLUME_EVENT("work", "shop.order.with.a.key.of.33.bytes"_a = 1);
#endif
}
