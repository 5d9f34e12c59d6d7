// expect: plume: the team's policy wants another PLUME_LEVEL
#define PLUME_POLICY "policy/team_policy.hpp"
#ifndef PLUME_COMPILE_FAIL_OK
#    define PLUME_LEVEL 3
#endif
#include <plume/plume.hpp>
