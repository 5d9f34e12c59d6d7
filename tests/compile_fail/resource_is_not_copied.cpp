// expect: deleted
// A resource holds views of its own strings: a copy would hold views of the original's.
#include <plume/export/resource.hpp>

int main() {
    plume::Resource resource;
#ifndef PLUME_COMPILE_FAIL_OK
    plume::Resource copy = resource;
#endif
}
