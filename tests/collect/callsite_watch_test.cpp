#include <plume/collect/callsite_watch.hpp>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "support/catch.hpp"
#include "support/hand_drained.hpp"
#include "support/recorded.hpp"

using plume::test::HandDrained;
using plume::test::recorded;

namespace {

constexpr std::uint64_t ms = 1'000'000;

bool poll() {
    // As PLUME_SPAN_LIMITED, with a guard that can be asked.
    plume::Span span{[] {
        using namespace plume::literals;
        return plume::detail::limited<10_per_second>(PLUME_CALLSITE("poll"));
    }()};
    return span.recording();
}

std::int64_t int64_of(const plume::RecordedSpan& span, const std::string& key) {
    const std::string text = span.text(key);
    return text.empty() ? 0 : std::stoll(text);
}

} // namespace

// Rates of lines. The background thread is played by the test, with a clock of its own.

TEST_CASE("a limited line records its rate and no more, in any window, and goes on for ever") {
    HandDrained drained;
    plume::detail::RateKeeper rates;
    std::vector<std::uint64_t> recorded_at;
    for (std::uint64_t now = ms; now <= 60'000 * ms; now += ms) { // a poll each millisecond
        rates.keep(plume::detail::runtime(), now);
        if (poll()) recorded_at.push_back(now);
        if (recorded_at.size() % 100 == 0) drained.pass();
    }
    for (std::size_t i = 0; i + 10 < recorded_at.size(); ++i)
        REQUIRE(recorded_at[i + 10] - recorded_at[i] >= 1000 * ms);
    // What was used is given back a millisecond late at the most: 599 or 600 in a minute.
    CHECK(recorded_at.size() >= 10 * 59);
    CHECK(recorded_at.size() <= 600);
}

TEST_CASE("a rate says when it has something to give back") {
    HandDrained drained;
    plume::detail::RateKeeper rates;
    CHECK(rates.keep(plume::detail::runtime(), ms) == ~std::uint64_t{0});
    poll();
    CHECK(rates.keep(plume::detail::runtime(), 2 * ms) == 1002 * ms);
}

TEST_CASE("spans beyond a rate are counted on their parent, and in the statistics") {
    const auto seen = recorded([] {
        PLUME_SPAN("work");
        for (int i = 0; i < 25; ++i) PLUME_SPAN_LIMITED("limited", 5_per_minute, "i"_a = i);
    });
    CHECK(seen.spans.size() == 6);
    CHECK(int64_of(seen["work"], "plume.suppressed_children") == 20);
    CHECK(seen.stats.suppressed == 20);
    CHECK(seen.stats.begun == 6);
}

TEST_CASE("the attributes of a span beyond its rate are not evaluated") {
    int evaluated = 0;
    recorded([&evaluated] {
        PLUME_SPAN("work");
        for (int i = 0; i < 10; ++i)
            PLUME_SPAN_LIMITED("limited", 3_per_minute, "n"_a = ++evaluated);
    });
    CHECK(evaluated == 3);
}

TEST_CASE("each parent counts what it misses, however they are nested") {
    const auto limited = [](int times) {
        for (int i = 0; i < times; ++i) PLUME_SPAN_LIMITED("nested", 1_per_minute);
    };
    const auto seen = recorded([&limited] {
        PLUME_SPAN("root");
        limited(3);
        {
            PLUME_SPAN("middle");
            limited(4);
            {
                PLUME_SPAN("inner");
                limited(5);
                PLUME_EVENT("still the innermost");
            }
            limited(2);
            { PLUME_SPAN("other"); }
        }
        limited(1);
    });
    CHECK(int64_of(seen["root"], "plume.suppressed_children") == 2 + 1);
    CHECK(int64_of(seen["middle"], "plume.suppressed_children") == 4 + 2);
    CHECK(int64_of(seen["inner"], "plume.suppressed_children") == 5);
    CHECK(int64_of(seen["other"], "plume.suppressed_children") == 0);
    CHECK(seen["inner"].events.size() == 1);
    CHECK(seen["inner"].parent_span_id == seen["middle"].span_id);
    CHECK(seen["other"].parent_span_id == seen["middle"].span_id);
}

TEST_CASE("what is missing is told when spans end out of order, too") {
    const auto seen = recorded([] {
        PLUME_SPAN("root");
        plume::Span first{PLUME_CALLSITE("first")};
        const auto limited = [] { PLUME_SPAN_LIMITED("out of order", 1_per_minute); };
        limited();
        limited();
        plume::Span second{PLUME_CALLSITE("second")};
        limited();
        first.end();
        second.end();
    });
    CHECK(int64_of(seen["first"], "plume.suppressed_children") == 1);
    CHECK(int64_of(seen["second"], "plume.suppressed_children") == 1);
}

TEST_CASE("a limited line that is a root is counted in the statistics alone") {
    const auto seen = recorded([] {
        for (int i = 0; i < 4; ++i) PLUME_SPAN_LIMITED("limited root", 1_per_minute);
        PLUME_SPAN("next root");
    });
    CHECK(seen.spans.size() == 2);
    CHECK(seen.stats.suppressed == 3);
}

TEST_CASE("children for which the ring had no room are counted on their parent") {
    plume::Options options;
    options.ring_bytes = 4096;
    const auto seen = recorded(options, [] {
        plume::test::on_a_new_ring([] {
            PLUME_SPAN("work");
            for (int i = 0; i < 100'000; ++i) PLUME_SPAN("child");
        });
    });
    const auto dropped = seen.dropped()[plume::DropReason::ring_full];
    REQUIRE(dropped > 0);
    CHECK(int64_of(seen["work"], "plume.dropped_children") == static_cast<std::int64_t>(dropped));
}

// Spans of a trace.

TEST_CASE("a root that has more spans than it may drops the rest, and says so") {
    plume::Options options;
    options.limits.spans_per_root = 4;
    const auto seen = recorded(options, [] {
        for (int trace = 0; trace < 2; ++trace) {
            PLUME_SPAN("root");
            for (int i = 0; i < 10; ++i) {
                PLUME_SPAN("child");
                PLUME_SPAN("grandchild");
            }
        }
    });
    CHECK(seen.spans.size() == 8);
    CHECK(seen.dropped()[plume::DropReason::over_limit] == 2 * 17);
    CHECK(seen.stats.begun == 2 * 21);
    // The first child and its child are there, and the second child; its child is not.
    CHECK(int64_of(seen["root"], "plume.dropped_children") == 16);
}

TEST_CASE("limits come from the environment if the options do not say") {
    setenv("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "2", 1);
    setenv("OTEL_ATTRIBUTE_COUNT_LIMIT", "1", 1);
    setenv("OTEL_SPAN_EVENT_COUNT_LIMIT", "1", 1);
    setenv("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "3", 1);
    const auto work = [] {
        plume::test::on_a_new_ring([] {
            PLUME_SPAN("work", "a"_a = "abcdef", "b"_a = 2, "c"_a = 3);
            PLUME_EVENT("one");
            PLUME_EVENT("two");
        });
    };
    const auto seen = recorded(work);
    plume::Options options;
    options.limits.attributes = 3;
    options.longest_text = 100;
    const auto told = recorded(options, work);
    for (const char* name : {"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT",
                             "OTEL_SPAN_EVENT_COUNT_LIMIT", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"})
        unsetenv(name);
    CHECK(seen["work"].attributes.size() == 2);
    CHECK(seen["work"].text("a") == "abc");
    CHECK(seen["work"].events.size() == 1);
    CHECK(seen["work"].dropped_attributes == 1);
    CHECK(told["work"].attributes.size() == 3);
    CHECK(told["work"].text("a") == "abcdef");
}

// Loud lines.

TEST_CASE("a line that makes nearly all spans is reported once, with its place") {
    const plume::detail::Registry& registry = plume::detail::runtime().registry;
    plume::detail::CallsiteTable sites{registry, 128};
    std::string reports;
    plume::detail::NoisyCallsites loud{0.9, [&reports](std::string_view what) { reports += what; }};
    { PLUME_SPAN("loud"); }
    { PLUME_SPAN("quiet"); }
    std::uint32_t loud_index = 0;
    std::uint32_t quiet_index = 0;
    for (std::uint32_t i = plume::detail::control::first_site; i < registry.size(); ++i) {
        if (registry.at(i)->name == "loud") loud_index = i;
        if (registry.at(i)->name == "quiet") quiet_index = i;
    }
    const auto make = [&](std::uint32_t index, std::uint64_t spans) {
        sites.begun(sites.at(index)) += spans;
    };
    make(loud_index, 9'000);
    loud.look(sites);
    CHECK(reports.empty()); // too few to matter
    make(loud_index, 9'000);
    make(quiet_index, 2'000);
    loud.look(sites);
    CHECK(reports.empty()); // 81 %
    make(loud_index, 95'000);
    make(quiet_index, 5'000);
    loud.look(sites);
    CHECK(reports.find("\"loud\" (") == 0);
    CHECK(reports.find("callsite_watch_test.cpp:") != std::string::npos);
    CHECK(reports.find("95 %") != std::string::npos);
    reports.clear();
    make(loud_index, 95'000);
    loud.look(sites);
    CHECK(reports.empty()); // told before
}

TEST_CASE("spans of no line of source are reported to nobody, however many they are") {
    const plume::detail::Registry& registry = plume::detail::runtime().registry;
    plume::detail::CallsiteTable sites{registry, 128};
    std::string reports;
    plume::detail::NoisyCallsites loud{0.9, [&reports](std::string_view what) { reports += what; }};
    { const plume::Span span{plume::detail::Anywhere<"of no line">{}}; }
    { PLUME_SPAN("of a line"); }
    for (std::uint32_t i = plume::detail::control::first_site; i < registry.size(); ++i) {
        if (registry.at(i)->name == "of no line") sites.begun(sites.at(i)) += 95'000;
        if (registry.at(i)->name == "of a line") sites.begun(sites.at(i)) += 5'000;
    }
    loud.look(sites);
    CHECK(reports.empty());
}
