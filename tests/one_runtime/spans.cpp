// spans.cpp - one module: compiled once for each, with its NAME.
#include <plume/plume.hpp>

#include "module.hpp"
#include "session.hpp"

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define TEXT_(name) #name
#define TEXT(name) TEXT_(name)

namespace {

/// Remote, sampled, and with a state: what makes the assembler keep a text.
constexpr plume::SpanContext caller{{1, 2}, {3}, 1, true, "vendor=value"};

void visit(modules::Route route) {
    const plume::ContextScope from_afar{plume::current_context().valid() ? plume::current_context()
                                                                         : caller};
    PLUME_SPAN("in " TEXT(NAME), "left"_a = route.left, "text"_a = "text of " TEXT(NAME));
    PLUME_EVENT("visited");
    if (route.left == 0) return;
    const modules::Module* next = *route.stops;
    next->visit({route.stops + 1, route.left - 1});
}

constexpr modules::Module module{&visit, &modules::start, &modules::flush, &modules::finish};

} // namespace

extern "C" [[gnu::visibility("default")]] const modules::Module* JOIN(NAME, _module)();
extern "C" const modules::Module* JOIN(NAME, _module)() { return &module; }
