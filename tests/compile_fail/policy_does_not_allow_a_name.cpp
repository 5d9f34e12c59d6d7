// expect: plume: the team's policy does not allow this name
#define PLUME_POLICY "policy/team_policy.hpp"
#include <plume/plume.hpp>

int main() {
#ifndef PLUME_COMPILE_FAIL_OK
    PLUME_EVENT("snake_case");
#endif
}
