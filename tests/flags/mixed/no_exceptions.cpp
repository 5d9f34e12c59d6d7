#include <plume/plume.hpp>

#include "mixed.hpp"

#if defined(__cpp_exceptions) || defined(__cpp_rtti)
#    error "the build should have turned them off"
#endif

void mixed::no_exceptions(Next next) {
    using namespace plume::literals;
    PLUME_SPAN_AS(span, "no exceptions", "text"_a = "text");
    span.event("event"_name);
    next();
}
