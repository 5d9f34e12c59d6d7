// The collector's thread finds no memory, at each place where it asks for some: it goes on where it
// stopped, and counts every span once.
#include <plume/session.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <pthread.h>
#include <string>
#include <string_view>
#include <vector>

#include <plume/exporters/memory.hpp>
#include <plume/plume.hpp>

#include "support/catch.hpp"

using namespace std::chrono_literals;
using namespace plume::literals;

namespace {

std::atomic<int> until_failure{0}; ///< the allocation of the collector that fails; 0: none
std::atomic<int> failures{0};

[[maybe_unused]] bool fails() noexcept {
    if (until_failure.load() <= 0) return false;
    char name[16] = "";
    pthread_getname_np(pthread_self(), name, sizeof name);
    if (std::string_view{name} != "plume-collector" || until_failure.fetch_sub(1) != 1)
        return false;
    ++failures;
    return true;
}

} // namespace

// Sanitizers have their own; there, nothing fails.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#    define SANITIZED
#elif defined(__has_feature)
#    if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#        define SANITIZED
#    endif
#endif
#ifndef SANITIZED
extern "C" void* __libc_malloc(std::size_t size);
extern "C" void* malloc(std::size_t size) { return fails() ? nullptr : __libc_malloc(size); }
#endif

namespace {

/// Spans of every kind, some of which end where they did not begin, and the deeper ones with texts.
void record(const std::string& text) {
    std::vector<plume::AsyncSpan> in_flight;
    PLUME_SPAN("root");
    for (int i = 0; i < 4; ++i) {
        PLUME_SPAN("parent", "number"_a = i);
        PLUME_EVENT("annotation", "text"_a = text);
        in_flight.emplace_back("in flight"_name, "text"_a = text);
        { PLUME_SPAN("child", "text"_a = text); }
        { PLUME_SPAN("leaf"); }
        PLUME_SET("text"_a = text);
    }
    in_flight.front().set("late"_a = true);
}
constexpr std::size_t recorded_spans = 1 + 4 * 4;

} // namespace

TEST_CASE("an allocation of the collector that fails loses no span and counts none twice") {
    const std::string text(3000, 't');
    int last_failures = -1;
    for (int at = 1; at < 200 && failures != last_failures; ++at) {
        last_failures = failures;
        plume::MemoryExporter memory;
        plume::Session session{{.service_name = "memory", .report = [](std::string_view) {}},
                               memory};
        until_failure = at;
        record(text);
        // Not complete while something is left in a ring.
        for (int tries = 0; tries < 10 && !session.flush(10s).complete;) ++tries;
        until_failure = 0;
        const plume::FlushResult result = session.shutdown(10s);
        CAPTURE(at);
        CHECK(result.complete);
        CHECK(result.stats.open == 0);
        CHECK(result.stats.begun == recorded_spans);
        const plume::ExporterStats& to = result.stats.exporters.at(0);
        CHECK(to.pending == 0);
        CHECK(to.exported + to.dropped.total() == recorded_spans);
        CHECK(to.dropped.total() == to.dropped[plume::DropReason::queue_full]);
        CHECK(memory.spans().size() == to.exported);
    }
#ifndef SANITIZED
    CHECK(failures >= 5); // a chunk, what is open, its log, what waits for its end, a queue's node
#endif
}
