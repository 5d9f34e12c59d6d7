// expect: only attributes can be given here
#include <plume/plume.hpp>

int main() {
#ifndef PLUME_COMPILE_FAIL_OK
    plume::set(42);
#endif
}
