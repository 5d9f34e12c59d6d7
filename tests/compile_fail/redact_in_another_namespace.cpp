// expect: plume: PLUME_REDACT stands right behind the struct, in its namespace
#include <plume/trace/secret.hpp>

namespace shop {
struct Order {
    int id;
    const char* email;
};
#ifdef PLUME_COMPILE_FAIL_OK
PLUME_REDACT(Order, email);
#endif
} // namespace shop
#ifndef PLUME_COMPILE_FAIL_OK
PLUME_REDACT(shop::Order, email);
#endif
