// expect: a span name has at most 128 characters
#include <plume/plume.hpp>

int main() {
#ifndef PLUME_COMPILE_FAIL_OK
    PLUME_SPAN("abcdefghabcdefghabcdefghabcdefghabcdefghabcdefghabcdefghabcdefghabcdefghabcdefghabc"
               "defghabcdefghabcdefghabcdefghabcdefghabcdefghabcdefgh");
#endif
}
