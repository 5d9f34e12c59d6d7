// Files of one program, each with other switches: one process, one clock, one tree. The macros of
// this file vanish; what it makes by hand is real, and both sets of literals are known.
#define PLUME_ENABLED 0
#include <plume/session.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <thread>

#include <plume/exporters/memory.hpp>
#include <plume/plume.hpp>
#include <plume/span.hpp>

#include "mixed/mixed.hpp"
#include "support/catch.hpp"

using namespace std::chrono_literals;
using plume::MemoryExporter;
using plume::Session;
using namespace plume::literals;

namespace {

constexpr auto long_enough = 20s;

void leaf() { const plume::Span span{"leaf"_name}; }

void by_hand() {
    PLUME_SPAN("off", plume::server, "n"_a = 1);
    PLUME_SPAN_AS(off, "off", "n"_a = 1);
    off.set("n"_a = 1);
    off.event("event"_name);
    const plume::Span span{"by hand"_name, plume::server, "n"_a = 1};
    span.set("more"_a = true);
    span.event("event"_name, "n"_a = 2);
    plume::set("current"_a = "text");
    plume::event("event"_name);
    plume::current().set("of.current"_a = 1.5);
    leaf();
}

} // namespace

TEST_CASE("files with different switches are linked together, and their spans make one tree") {
    MemoryExporter memory;
    Session session{{.service_name = "test"}, memory};
    mixed::no_exceptions(
        [] { mixed::off([] { mixed::kernel_clock([] { mixed::every_step(&by_hand); }); }); });
    const plume::FlushResult result = session.flush(long_enough);
    CHECK(result.complete);
    CHECK(result.stats.open == 0);
    CHECK(tree_of(memory) == "no exceptions\n"
                             "  kernel clock\n"
                             "    every step\n"
                             "      debug\n"
                             "        trace\n"
                             "          by hand\n"
                             "            leaf\n");
    CHECK_FALSE(mixed::off_has_evaluated());
}

TEST_CASE("what a file without tracing makes by hand is real") {
    MemoryExporter memory;
    Session session{{.service_name = "test"}, memory};
    by_hand();
    CHECK(session.flush(long_enough).complete);
    CHECK(tree_of(memory, {.attributes = true}) ==
          "by hand {current=text, more=true, n=1, of.current=1.5}\n"
          "  leaf\n");
}

TEST_CASE("if one file asks for the kernel's clock, all spans are timed with it") {
    MemoryExporter memory;
    const auto unix_now = [] {
        return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                              std::chrono::system_clock::now().time_since_epoch())
                                              .count());
    };
    const std::uint64_t before = unix_now();
    {
        Session session{{.service_name = "test"}, memory};
        CHECK(plume::detail::runtime().clock.load() == plume::Clock::monotonic);
        const plume::Span outer_span{"outer"_name};
        std::this_thread::sleep_for(2ms);
        {
            const plume::Span inner_span{"inner"_name};
            std::this_thread::sleep_for(2ms);
        }
        std::thread{&leaf}.join();
    }
    const std::uint64_t after = unix_now();
    REQUIRE(memory.size() == 3);
    const auto spans = memory.spans();
    const auto& outer = *std::ranges::find(spans, "outer", &plume::RecordedSpan::name);
    const auto& inner = *std::ranges::find(spans, "inner", &plume::RecordedSpan::name);
    CHECK(inner.duration_ns() >= 2'000'000);
    CHECK(outer.duration_ns() >= inner.duration_ns() + 2'000'000);
    CHECK(outer.begin_unix_ns <= inner.begin_unix_ns);
    CHECK(inner.end_unix_ns <= outer.end_unix_ns);
    // As far as the two clocks of the kernel agree.
    CHECK(outer.begin_unix_ns + 1'000'000 >= before);
    CHECK(outer.end_unix_ns <= after + 1'000'000);
}

TEST_CASE("an exception is noticed with the kernel's clock too") {
    MemoryExporter memory;
    Session session{{.service_name = "test"}, memory};
    try {
        const plume::Span outer{"outer"_name};
        mixed::every_step([] { throw std::runtime_error{"on purpose"}; });
    } catch (const std::exception&) {
        leaf();
    }
    CHECK(session.flush(long_enough).complete);
    CHECK(tree_of(memory) == "outer !\n"
                             "  every step !\n"
                             "    debug !\n"
                             "      trace !\n"
                             "leaf\n");
}
