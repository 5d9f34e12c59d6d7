// alone.cpp - a whole program in one file, for other ways to link it.
#include <chrono>
#include <cstdio>

#include <plume/exporters/memory.hpp>
#include <plume/plume.hpp>
#include <plume/session.hpp>

int main() {
    plume::MemoryExporter memory;
    plume::Session session{{.service_name = "alone"}, memory};
    {
        PLUME_SPAN("alone");
        PLUME_SPAN("leaf");
    }
    session.flush(std::chrono::seconds{10});
    std::fputs(plume::tree_of(memory).c_str(), stdout);
}
