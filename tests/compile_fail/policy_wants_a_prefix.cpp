// expect: plume: the team's policy wants another beginning of this attribute key
#define PLUME_POLICY "policy/team_policy.hpp"
#include <plume/plume.hpp>

int main() {
#ifndef PLUME_COMPILE_FAIL_OK
    PLUME_SPAN("work", "order.id"_a = 1);
#endif
}
