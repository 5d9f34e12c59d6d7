// expect: a span name with a number in its path makes one name per id
#include <plume/plume.hpp>

int main() {
    using namespace plume::literals;
#ifndef PLUME_COMPILE_FAIL_OK
    const plume::Span span{"GET /orders/17"_name};
#endif
}
