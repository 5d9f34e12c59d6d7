// one.cpp - with two.cpp: the whole library in two translation units that are linked together.
#include "all_headers.hpp"

#include <cstdio>

const void* inline_object_of_the_other_unit();

int main() {
    // Linking has already shown that nothing is defined twice. What is inline must also be one.
    if (inline_object_of_the_other_unit() == &plume::SpanData::no_source) return 0;
    std::fputs("two translation units of one program have an object each\n", stderr);
    return 1;
}
