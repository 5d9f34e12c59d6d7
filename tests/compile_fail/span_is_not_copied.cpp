// expect: deleted
#include <plume/plume.hpp>

int main() {
    using namespace plume::literals;
    const plume::Span first{"work"_name};
#ifndef PLUME_COMPILE_FAIL_OK
    const plume::Span second{first};
#endif
}
