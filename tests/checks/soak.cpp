// soak.cpp - a minute of overload: two threads record as fast as they can, an exporter cannot keep
// up, and the process does not grow. Usage: soak SECONDS
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <thread>
#include <vector>

#include <unistd.h>

#include <plume/plume.hpp>
#include <plume/session.hpp>

namespace {

using namespace std::chrono_literals;

/// Takes a millisecond for each batch of 512 spans: a tenth of what comes in, at best.
class SlowExporter : public plume::Exporter {
  public:
    plume::Outcome deliver(const plume::Batch&) override {
        std::this_thread::sleep_for(1ms);
        return plume::Outcome::delivered();
    }
    [[nodiscard]] std::string_view name() const noexcept override { return "slow"; }
};

std::size_t resident_bytes() {
    std::size_t total = 0;
    std::size_t resident = 0;
    if (std::FILE* file = std::fopen("/proc/self/statm", "r")) {
        if (std::fscanf(file, "%zu %zu", &total, &resident) != 2) resident = 0;
        std::fclose(file);
    }
    return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

void record_until(const std::atomic<bool>& stop) {
    for (int i = 0; !stop; ++i) {
        PLUME_SPAN("request", "number"_a = i, "route"_a = "/orders/{id}");
        PLUME_SPAN("query", "rows"_a = i);
        PLUME_EVENT("row", "bytes"_a = 17);
    }
}

} // namespace

int main(int argc, char** argv) {
    const int seconds = argc > 1 ? std::atoi(argv[1]) : 60;
    int reports = 0;
    plume::Session session{{.service_name = "soak",
                            .report =
                                [&reports](std::string_view what) {
                                    ++reports;
                                    std::printf("report: %.*s\n", static_cast<int>(what.size()),
                                                what.data());
                                }},
                           SlowExporter{}};
    std::atomic<bool> stop{false};
    std::thread first{[&] { record_until(stop); }};
    std::thread second{[&] { record_until(stop); }};
    std::vector<std::size_t> sizes;
    for (int i = 0; i < seconds; ++i) {
        std::this_thread::sleep_for(1s);
        sizes.push_back(resident_bytes());
    }
    stop = true;
    first.join();
    second.join();
    const plume::Stats stats = session.shutdown(1s).stats;

    // Rings, queue and pool have their size after the first seconds.
    const auto settled = sizes.begin() + static_cast<std::ptrdiff_t>(sizes.size() / 4);
    const std::size_t before = *std::max_element(sizes.begin(), settled + 1);
    const std::size_t after = *std::max_element(settled, sizes.end());
    const plume::ExporterStats& slow = stats.exporters.at(0);
    const std::uint64_t sum = slow.exported + slow.dropped.total() + slow.pending + stats.open;
    std::printf("begun %llu, exported %llu, dropped %llu, pending %llu, open %llu; resident %zu "
                "MiB in the first "
                "quarter, %zu MiB after; %d reports\n",
                static_cast<unsigned long long>(stats.begun),
                static_cast<unsigned long long>(slow.exported),
                static_cast<unsigned long long>(slow.dropped.total()),
                static_cast<unsigned long long>(slow.pending),
                static_cast<unsigned long long>(stats.open), before >> 20U, after >> 20U, reports);
    const bool flat = after <= before + before / 20;
    const bool exact = sum == stats.begun;
    if (!flat) std::printf("soak: the process grew\n");
    if (!exact)
        std::printf("soak: %llu spans are unaccounted for\n",
                    static_cast<unsigned long long>(stats.begun - sum));
    return flat && exact && stats.begun != 0 ? 0 : 1;
}
