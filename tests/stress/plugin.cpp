// plugin.cpp - a library that records, and that the stress opens and closes.
#include <plume/context.hpp>
#include <plume/plume.hpp>

using namespace plume::literals;

extern "C" {

/// Calls `back`, if there is one, in the middle of a span.
[[gnu::visibility("default")]] int plugin_work(int n, void (*back)(int)) {
    PLUME_SPAN("plugin work", "n"_a = n, "text"_a = "from a library");
    int sum = 0;
    for (int i = 0; i < n; ++i) {
        PLUME_SPAN("plugin inner", "i"_a = i);
        if (i == 1 && back) back(n);
        PLUME_EVENT("plugin event");
        sum += i;
    }
    const plume::Name name{"plugin route"};
    PLUME_SPAN_DYNAMIC(name);
    PLUME_SPAN_LIMITED("plugin limited", 50_per_second);
    return sum;
}

/// A span that plugin_end() ends, on any thread.
[[gnu::visibility("default")]] void* plugin_begin() {
    return new plume::AsyncSpan{"plugin async"_name};
}
[[gnu::visibility("default")]] void plugin_end(void* span) {
    delete static_cast<plume::AsyncSpan*>(span);
}
}
