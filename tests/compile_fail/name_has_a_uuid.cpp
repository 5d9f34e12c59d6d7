// expect: a span name with a UUID makes one name per id
#include <plume/plume.hpp>

int main() {
#ifndef PLUME_COMPILE_FAIL_OK
    PLUME_SPAN("job 123e4567-e89b-12d3-a456-426614174000");
#endif
}
