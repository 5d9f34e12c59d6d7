// expect: plume: the team's policy does not allow this attribute key
#define PLUME_POLICY "policy/team_policy.hpp"
#include <plume/plume.hpp>

int main() {
#ifndef PLUME_COMPILE_FAIL_OK
    PLUME_SET("shop.orderId"_a = 1);
#endif
}
