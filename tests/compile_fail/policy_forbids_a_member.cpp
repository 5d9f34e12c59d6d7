// expect: plume: the team's policy forbids this attribute key
#define PLUME_POLICY "policy/team_policy.hpp"
#include <plume/fields.hpp>
#include <plume/plume.hpp>

struct Payment {
    int amount;
    int cvc;
};
#ifdef PLUME_COMPILE_FAIL_OK
PLUME_REDACT(Payment, cvc);
#endif

int main() {
    const Payment payment{};
    PLUME_SPAN("work", "shop.payment"_a = plume::fields(payment));
}
