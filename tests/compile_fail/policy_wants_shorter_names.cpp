// expect: plume: the team's policy wants shorter names
#define PLUME_POLICY "policy/team_policy.hpp"
#include <plume/plume.hpp>

int main() {
#ifndef PLUME_COMPILE_FAIL_OK
    PLUME_SPAN("a name that says more than anybody wants to read");
#endif
}
