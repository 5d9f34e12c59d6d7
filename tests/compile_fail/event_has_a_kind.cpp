// expect: only attributes can be given here
#include <plume/plume.hpp>

int main() {
#ifndef PLUME_COMPILE_FAIL_OK
    PLUME_EVENT("work", plume::server, "key"_a = 1);
#endif
}
