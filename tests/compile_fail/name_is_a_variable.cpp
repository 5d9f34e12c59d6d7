// expect: the name of a span is a string literal
#include <plume/plume.hpp>

#include <string>

int main() {
#ifndef PLUME_COMPILE_FAIL_OK
    const std::string route = "GET /orders/{id}";
    PLUME_SPAN(route);
#endif
}
