// expect: a span has one kind
#include <plume/plume.hpp>

int main() {
#ifndef PLUME_COMPILE_FAIL_OK
    PLUME_SPAN("work", plume::server, "key"_a = 1, plume::client);
#endif
}
