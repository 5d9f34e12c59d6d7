// expect: plume: only text and integers can be masked or hashed
#include <plume/plume.hpp>
#include <plume/redact.hpp>

int main() {
#ifndef PLUME_COMPILE_FAIL_OK
    PLUME_SPAN("work", "amount"_a = plume::masked(0.5));
#endif
}
