// module.cpp - a library that records a span, and if WITH_SESSION is set can start the session.
#include "module.hpp"

#include <plume/plume.hpp>

#ifdef WITH_SESSION
#    include <chrono>
#    include <string>

#    include <plume/exporters/memory.hpp>
#    include <plume/session.hpp>
#endif

extern "C" [[gnu::visibility("default")]] void JOIN(MODULE, _visit)(Function then) {
    PLUME_SPAN(TEXT(MODULE));
    then();
}

#ifdef WITH_SESSION
extern "C" [[gnu::visibility("default")]] const char* JOIN(MODULE, _session)(Function body) {
    static std::string tree;
    plume::MemoryExporter memory;
    plume::Session session{{.service_name = "modules"}, memory};
    if (!session.running()) return "no session";
    body();
    session.flush(std::chrono::seconds{10});
    tree = plume::tree_of(memory);
    return tree.c_str();
}
#endif
