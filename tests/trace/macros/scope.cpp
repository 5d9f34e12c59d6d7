// scope.cpp - a file of a library that says so.
#define PLUME_SCOPE_NAME "my.library"
#define PLUME_SCOPE_VERSION "1.2.3"
#include <plume/plume.hpp>

void span_of_a_library();

void span_of_a_library() { PLUME_SPAN("of a library"); }
