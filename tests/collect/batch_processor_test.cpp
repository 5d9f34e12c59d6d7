#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include <plume/plume.hpp>
#include <plume/session.hpp>

#include "support/catch.hpp"
#include "support/scripted.hpp"

using namespace std::chrono_literals;
using namespace plume::literals;
using namespace plume::scene;
using plume::DropReason;
using plume::FlushResult;
using plume::Outcome;

namespace {

/// Nothing but bytes makes a batch due, and no ring is ever full.
plume::Options by_bytes(std::size_t queue_bytes) {
    plume::Options options;
    options.service_name = "queue";
    options.queue_bytes = queue_bytes;
    options.batch_delay = 1h;
    options.batch_spans = std::size_t{1} << 18;
    options.when_full = plume::WhenFull::wait;
    options.longest_wait = 1min;
    options.limits.events = 1000;
    return options;
}

constexpr std::size_t mebibyte = std::size_t{1} << 20;

void record_texts(int spans, const std::string& text) {
    for (int i = 0; i != spans; ++i) PLUME_SPAN("query", "a"_a = text, "b"_a = text);
}
void record_events(int events, const std::string& text) {
    PLUME_SPAN("events");
    for (int i = 0; i != events; ++i) PLUME_EVENT("line", "text"_a = text);
}

/// Holds up its first batch until it is cancelled.
class Stalls {
  public:
    [[nodiscard]] ScriptedExporter exporter() const {
        return ScriptedExporter{{.deliver =
                                     [gate = gate_](const plume::Batch& batch) {
                                         gate.pass();
                                         return Outcome::failed(DropReason::shutdown, batch.size(),
                                                                "cancelled");
                                     },
                                 .cancel = [gate = gate_] { gate.open(); }}};
    }
    [[nodiscard]] bool holds_a_batch() const { return gate_.arrived() != 0; }

  private:
    Gate gate_;
};

} // namespace

TEST_CASE("spans with long texts take of a queue what the texts take") {
    std::string broken(16'000, 'x');
    for (std::size_t i = 0; i < broken.size(); i += 100) broken[i] = '\xff';
    for (const std::string& text : {std::string(16'000, 'x'), broken, std::string(100, 'y')}) {
        const int spans = static_cast<int>(3'200'000 / (2 * text.size()));
        plume::Session tracing{by_bytes(5 * mebibyte), ScriptedExporter{}};
        record_texts(spans, text);
        const auto stats = tracing.flush(10s).stats;
        CHECK(wrong_in(stats).empty());
        CHECK(stats.exporters.at(0).exported == static_cast<std::uint64_t>(spans));
    }
}

TEST_CASE("values that are redacted fit what was reserved for them") {
    plume::Options options = by_bytes(32 * mebibyte);
    options.redaction = plume::Redaction::standard();
    plume::Session tracing{options, ScriptedExporter{}};
    std::string secrets;
    while (secrets.size() < 4'000) secrets += "4111 1111 1111 1111 \xff ann@example.org ";
    const std::vector<std::string> texts(50, secrets.substr(0, 60));
    const std::vector<std::uint64_t> numbers(200, ~std::uint64_t{0});
    for (int i = 0; i != 20; ++i) {
        PLUME_SPAN("secrets", "a"_a = secrets, "password"_a = secrets, "texts"_a = texts,
                   "numbers"_a = numbers);
        PLUME_EVENT("event", "text"_a = secrets, "texts"_a = texts);
        PLUME_ERROR("failed");
    }
    CHECK(tracing.flush(10s).stats.exporters.at(0).exported == 20);
}

TEST_CASE("a queue that is half full by bytes wakes its exporter") {
    const ScriptedExporter exporter;
    plume::Session tracing{by_bytes(4 * mebibyte), exporter};
    record_texts(100, std::string(16'000, 'x'));
    CHECK(eventually([&] { return exporter.counters().spans != 0; })); // nobody flushes
}

TEST_CASE("a span with megabytes of event texts is delivered") {
    plume::Session tracing{by_bytes(8 * mebibyte), ScriptedExporter{}};
    record_events(300, std::string(16'000, 'x'));
    record_texts(20, "small");
    const auto stats = tracing.flush(10s).stats;
    CHECK(stats.exporters.at(0).exported == 21);
}

TEST_CASE("a span that is larger than the whole queue is dropped alone") {
    const Reports reports;
    plume::Options options = by_bytes(2 * mebibyte);
    options.report = reports;
    plume::Session tracing{options, ScriptedExporter{}};
    record_texts(20, "small");
    record_events(300, std::string(16'000, 'x'));
    record_texts(20, "small");
    const auto stats = tracing.flush(10s).stats;
    CHECK(wrong_in(stats).empty());
    CHECK(stats.exporters.at(0).dropped[DropReason::too_large] == 1);
    CHECK(stats.exporters.at(0).exported == 40);
    CHECK(reports.with("a span is larger than Options::queue_bytes") == 1);
}

TEST_CASE("a shutdown that drops spans is not complete, nor is a flush at that time") {
    const Stalls stalls;
    plume::Options options;
    options.service_name = "queue";
    options.batch_spans = 100;
    plume::Session tracing{options, stalls.exporter()};
    for (int i = 0; i != 1000; ++i) PLUME_SPAN("a");
    CHECK(eventually([&] { return stalls.holds_a_batch(); }));
    bool flushed = true;
    std::thread flushing{[&] { flushed = tracing.flush(10s).complete; }};
    const FlushResult result = tracing.shutdown(100ms);
    flushing.join();
    CHECK_FALSE(result.complete);
    CHECK_FALSE(flushed);
    CHECK(result.stats.exporters.at(0).dropped[DropReason::shutdown] == 1000);
    CHECK_FALSE(tracing.shutdown(10s).complete);
    CHECK_FALSE(tracing.flush(10s).complete);
}

TEST_CASE("an exporter that can deliver nothing is reported when the session starts") {
    struct Faulty : plume::Exporter {
        Outcome deliver(const plume::Batch&) override { return {}; }
        std::string_view name() const noexcept override { return "faulty"; }
        std::string fault() const override { return "its header is none"; }
    };
    const Reports reports;
    plume::Options options;
    options.report = reports;
    const plume::Session tracing{options, Faulty{}};
    CHECK(reports.with("exporter faulty: its header is none: delivering nothing") == 1);
}
