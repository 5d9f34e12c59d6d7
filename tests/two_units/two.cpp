// two.cpp - the second translation unit: see one.cpp.
#include "all_headers.hpp"

const void* inline_object_of_the_other_unit();

const void* inline_object_of_the_other_unit() { return &plume::SpanData::no_source; }
