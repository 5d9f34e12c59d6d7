// expect: plume: PLUME_REDACT names a member that the struct does not have: emial
#include <plume/trace/secret.hpp>

struct Order {
    int id;
    const char* email;
    const char* card;
};
#ifdef PLUME_COMPILE_FAIL_OK
PLUME_REDACT(Order, card, email);
#else
PLUME_REDACT(Order, card, emial);
#endif
