#include <plume/session.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <unistd.h>

#include <plume/exporters/memory.hpp>
#include <plume/plume.hpp>

#include "support/catch.hpp"
#include "support/scripted.hpp"

using namespace std::chrono_literals;
using namespace plume::literals;
using plume::Batch;
using plume::DropReason;
using plume::MemoryExporter;
using plume::Options;
using plume::Outcome;
using plume::Session;
using plume::scene::EnvironmentVariable;
using plume::scene::eventually;
using plume::scene::Gate;
using plume::scene::Reports;
using plume::scene::ScriptedExporter;
using plume::scene::wrong_in;

namespace {

/// Far beyond what anything here takes: reached only where a test fails.
constexpr auto long_enough = 10s;

void visit(int times = 1) {
    for (int i = 0; i < times; ++i) PLUME_SPAN("visit", "i"_a = i);
}

/// What an exporter was told about the process, as text by key.
class ResourceReader {
  public:
    [[nodiscard]] ScriptedExporter exporter() const {
        return ScriptedExporter{[read = read_](const Batch& batch) {
            std::map<std::string, std::string> seen;
            for (const plume::RecordedAttribute& one :
                 plume::detail::record(batch.resource().attributes()))
                seen[one.key] = plume::text_of(one.value);
            const std::lock_guard lock{read->mutex};
            read->attributes = std::move(seen);
            return Outcome::delivered();
        }};
    }
    /// Of a session with these options.
    [[nodiscard]] std::map<std::string, std::string> operator()(Options options) const {
        Session session{std::move(options), exporter()};
        visit();
        REQUIRE(session.flush(long_enough).complete);
        const std::lock_guard lock{read_->mutex};
        return read_->attributes;
    }

  private:
    struct Read {
        std::mutex mutex;
        std::map<std::string, std::string> attributes;
    };
    std::shared_ptr<Read> read_ = std::make_shared<Read>();
};

} // namespace

// One at a time.

TEST_CASE("a second session is refused with a sentence and leaves the first alone") {
    MemoryExporter first_memory, second_memory;
    Session first{{.service_name = "first"}, first_memory};
    const Reports reports;
    Session second{{.service_name = "second", .report = reports}, second_memory};

    CHECK(first.running());
    CHECK(first.error().empty());
    CHECK_FALSE(second.running());
    CHECK(second.error() == "a session is running already: end it before another begins");
    CHECK(reports.all() == std::vector<std::string>{std::string{second.error()}});

    visit();
    CHECK(second.stats().begun == 0);
    CHECK(second.flush(long_enough).stats.exporters.empty());
    CHECK(second.shutdown(long_enough).stats.exporters.empty());
    CHECK(first.running());
    CHECK(first.flush(long_enough).complete);
    CHECK(tree_of(first_memory) == "visit\n");
    CHECK(second_memory.size() == 0);
}

TEST_CASE("sessions may follow each other, and each counts from zero") {
    for (int round = 1; round <= 3; ++round) {
        MemoryExporter memory;
        Session session{{.service_name = "test"}, memory};
        CHECK(session.running());
        visit(round);
        const plume::FlushResult result = session.shutdown(long_enough);
        CHECK(result.complete);
        CHECK(result.stats.begun == static_cast<std::uint64_t>(round));
        CHECK(wrong_in(result.stats).empty());
        CHECK(memory.size() == static_cast<std::size_t>(round));
        CHECK_FALSE(session.running());
        CHECK(session.stats().begun == result.stats.begun);
        CHECK(session.shutdown(long_enough).stats.begun == result.stats.begun);
    }
}

TEST_CASE("a session that was moved goes on under its new name") {
    MemoryExporter memory;
    std::optional<Session> home;
    {
        Session session{{.service_name = "test"}, memory};
        visit();
        home.emplace(std::move(session));
    }
    CHECK(home->running());
    visit();
    home.reset();
    CHECK(tree_of(memory) == "visit\nvisit\n");
}

TEST_CASE("a session without exporters counts its spans") {
    Session session{{.service_name = "test"}};
    visit(3);
    const plume::FlushResult result = session.flush(long_enough);
    CHECK(result.complete);
    CHECK(result.stats.begun == 3);
    CHECK(result.stats.exporters.empty());
}

// Before, during, after.

TEST_CASE("spans before, between and after sessions are safe and leave nothing behind") {
    visit();
    const plume::Span early{"early"_name};
    CHECK_FALSE(early.recording());
    MemoryExporter memory;
    for (int round = 0; round < 2; ++round) {
        Session session{{.service_name = "test"}, memory};
        early.set("late"_a = true);
        visit();
        PLUME_EVENT("nothing is open");
    }
    visit();
    CHECK(tree_of(memory) == "visit\nvisit\n");
}

TEST_CASE("a span that is open when its session ends is counted open, and exported by none") {
    MemoryExporter memory;
    std::optional<plume::Span> across;
    {
        Session session{{.service_name = "first"}, memory};
        across.emplace("across"_name);
        visit();
        const plume::Stats stats = session.shutdown(long_enough).stats;
        CHECK(stats.open == 1);
        CHECK(stats.begun == 2);
        CHECK(wrong_in(stats).empty());
    }
    {
        Session session{{.service_name = "second"}, memory};
        visit();
        across->set("too"_a = "late");
        across.reset();
        visit();
        const plume::Stats stats = session.shutdown(long_enough).stats;
        CHECK(stats.begun == 2);
        CHECK(stats.open == 0);
        CHECK(wrong_in(stats).empty());
    }
    CHECK(memory.size() == 3);
    for (const plume::RecordedSpan& span : memory.spans()) CHECK(span.name == "visit");
}

TEST_CASE("a span that ends between two sessions troubles neither") {
    MemoryExporter memory;
    std::optional<plume::Span> across;
    plume::AsyncSpan beside;
    {
        Session session{{.service_name = "first"}, memory};
        across.emplace("across"_name);
        beside = plume::AsyncSpan{"beside"_name};
    }
    across.reset();
    beside.end();
    Session session{{.service_name = "second"}, memory};
    visit();
    const plume::Stats stats = session.shutdown(long_enough).stats;
    CHECK(stats.begun == 1);
    CHECK(stats.open == 0);
    CHECK(wrong_in(stats).empty());
    CHECK(tree_of(memory) == "visit\n");
}

// Who we are.

TEST_CASE("a session without a service name is called after the program, and says so") {
    const char* name = GENERATE("", " \t");
    const std::string program = std::filesystem::read_symlink("/proc/self/exe").filename();
    const Reports reports;
    const auto resource = ResourceReader{}({.service_name = name, .report = reports});
    CHECK(resource.at("service.name") == "unknown_service:" + program);
    CHECK(reports.with("no service name: set Options::service_name or OTEL_SERVICE_NAME") == 1);
    CHECK(reports.all().size() == 1);
}

TEST_CASE("the resource says what made the spans") {
    const std::string program = std::filesystem::read_symlink("/proc/self/exe").filename();
    std::array<char, 256> host{};
    REQUIRE(gethostname(host.data(), host.size() - 1) == 0);

    auto resource = ResourceReader{}({.service_name = "storefront"});
    const std::string instance = resource["service.instance.id"];
    resource.erase("service.instance.id");
    CHECK(resource == std::map<std::string, std::string>{
                          {"service.name", "storefront"},
                          {"host.name", host.data()},
                          {"process.pid", std::to_string(getpid())},
                          {"process.executable.name", program},
                          {"os.type", "linux"},
                          {"telemetry.distro.name", "plume"},
                          {"telemetry.distro.version", std::string{plume::version}},
                          {"telemetry.sdk.name", "plume"},
                          {"telemetry.sdk.language", "cpp"},
                          {"telemetry.sdk.version", std::string{plume::version}}});
    // A UUID of version 4 (RFC 9562, 5.4), another one for each session.
    CHECK_THAT(instance,
               Catch::Matchers::Matches(
                   "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
    CHECK(ResourceReader{}({.service_name = "x"})["service.instance.id"] != instance);
}

TEST_CASE("Options outrank the environment, and OTEL_SERVICE_NAME the other attributes") {
    const EnvironmentVariable attributes{
        "OTEL_RESOURCE_ATTRIBUTES",
        " service.name = listed ,team=a%2Cb,region=north,process.pid=1,telemetry.sdk.name=fake"};
    Reports reports;
    {
        auto resource = ResourceReader{}({.report = reports});
        CHECK(resource["service.name"] == "listed");
        CHECK(resource["team"] == "a,b");
        CHECK(resource["process.pid"] == "1");
        CHECK(resource["telemetry.sdk.name"] == "plume");
    }
    const EnvironmentVariable name{"OTEL_SERVICE_NAME", "named"};
    CHECK(ResourceReader{}({.report = reports})["service.name"] == "named");
    {
        auto resource = ResourceReader{}(
            {.service_name = "told", .resource = {{"region", "south"}, {"shard", 7}}});
        CHECK(resource["service.name"] == "told");
        CHECK(resource["region"] == "south");
        CHECK(resource["shard"] == "7");
        CHECK(resource["team"] == "a,b");
    }
    CHECK(ResourceReader{}({.resource = {{"service.name", "as attribute"}},
                            .report = reports})["service.name"] == "as attribute");
    CHECK(reports.all().empty());
}

TEST_CASE("one bad pair in OTEL_RESOURCE_ATTRIBUTES discards all of them, and is reported") {
    const char* junk =
        GENERATE("region=north,nonsense", "region=north,=x", "region=%zz", "region=%4", "=", "%");
    const EnvironmentVariable attributes{"OTEL_RESOURCE_ATTRIBUTES", junk};
    const Reports reports;
    const auto resource = ResourceReader{}({.service_name = "test", .report = reports});
    CHECK_FALSE(resource.contains("region"));
    CHECK(resource.size() == 11);
    CHECK(reports.with("OTEL_RESOURCE_ATTRIBUTES") == 1);
    CHECK(reports.with("is not key=value: ignoring all of it") == 1);
}

TEST_CASE("what the environment says of the resource is repaired to UTF-8") {
    const EnvironmentVariable attributes{"OTEL_RESOURCE_ATTRIBUTES", "team=%FFnorth"};
    CHECK(ResourceReader{}({.service_name = "a\xC3"})["team"] == "\xEF\xBF\xBDnorth");
    CHECK(ResourceReader{}({.service_name = "a\xC3"})["service.name"] == "a\xEF\xBF\xBD");
}

TEST_CASE("an attribute of the resource without a key is reported and left out") {
    const Reports reports;
    const auto resource =
        ResourceReader{}({.service_name = "test", .resource = {{"", "x"}}, .report = reports});
    CHECK_FALSE(resource.contains(""));
    CHECK(reports.all() ==
          std::vector<std::string>{"Options::resource has an empty key: ignoring it"});
}

// What the environment says.

TEST_CASE("junk in OTEL_BSP_* is reported, and the default taken") {
    const auto [name, otherwise] =
        GENERATE(table<const char*, const char*>({{"OTEL_BSP_MAX_QUEUE_SIZE", "262144"},
                                                  {"OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "512"},
                                                  {"OTEL_BSP_SCHEDULE_DELAY", "5000"}}));
    const char* junk = GENERATE("many", "-5", "0", "1e3", "5 ms", "0x10", "1.5",
                                "99999999999999999999999999", "4294967296000");
    const EnvironmentVariable variable{name, junk};
    const Reports reports;
    MemoryExporter memory;
    Session session{{.service_name = "test", .report = reports}, memory};
    CHECK(session.running());
    CHECK(reports.all().size() == 1);
    CHECK(reports.with(std::string{name} + "=\"" + junk + "\" is not a whole number from 1 to ") ==
          1);
    CHECK(reports.with(std::string{": using "} + otherwise) == 1);
}

TEST_CASE("an empty OTEL_* variable is as good as none") {
    const EnvironmentVariable queue{"OTEL_BSP_MAX_QUEUE_SIZE", ""};
    const EnvironmentVariable disabled{"OTEL_SDK_DISABLED", ""};
    const EnvironmentVariable attributes{"OTEL_RESOURCE_ATTRIBUTES", ""};
    const EnvironmentVariable name{"OTEL_SERVICE_NAME", ""};
    const Reports reports;
    Session session{{.service_name = "test", .report = reports}};
    CHECK(session.running());
    CHECK(reports.all().empty());
}

TEST_CASE("OTEL_BSP_* set up the queue unless Options do") {
    const EnvironmentVariable queue{"OTEL_BSP_MAX_QUEUE_SIZE", " 96 "};
    const EnvironmentVariable batch{"OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "32"};
    const EnvironmentVariable delay{"OTEL_BSP_SCHEDULE_DELAY", "3600000"};
    ScriptedExporter scripted;
    {
        Session session{{.service_name = "test"}, scripted};
        visit(80);
        CHECK(eventually([&] { return scripted.counters().spans == 64; }));
        CHECK(session.flush(long_enough).complete);
        CHECK(scripted.counters().batches == 3);
        CHECK(scripted.counters().largest_batch == 32);
    }
    ScriptedExporter other;
    Session session{{.service_name = "test", .batch_spans = 8}, other};
    visit(80);
    CHECK(session.flush(long_enough).complete);
    CHECK(other.counters().batches == 10);
}

TEST_CASE("a batch larger than the queue is reported and cut down to it") {
    const Reports reports;
    ScriptedExporter scripted;
    Session session{
        {.service_name = "test", .queue_spans = 10, .batch_spans = 20, .report = reports},
        scripted};
    CHECK(reports.with("batches of 20 spans do not fit a queue of 10: using that for both") == 1);
    visit(10);
    CHECK(session.flush(long_enough).complete);
    CHECK(scripted.counters().spans == 10);
}

TEST_CASE("times that make no sense do no harm") {
    const Reports reports;
    ScriptedExporter scripted;
    Session session{{.service_name = "test",
                     .longest_wait = std::chrono::milliseconds::max(),
                     .batch_delay = -1ms,
                     .shutdown_deadline = -1ms,
                     .report = reports},
                    scripted};
    CHECK(reports.with("Options::batch_delay") == 1);
    visit();
    CHECK_FALSE(session.flush(std::chrono::milliseconds::min()).complete);
    CHECK(session.flush(std::chrono::milliseconds::max()).complete);
    CHECK(scripted.counters().spans == 1);
    CHECK(session.shutdown(std::chrono::milliseconds::max()).complete);
}

TEST_CASE("OTEL_SDK_DISABLED=true keeps a session from starting, which is no error") {
    const EnvironmentVariable disabled{"OTEL_SDK_DISABLED", GENERATE("true", "TRUE", "True")};
    const Reports reports;
    ScriptedExporter scripted;
    Session session{{.service_name = "test", .report = reports}, scripted};
    CHECK_FALSE(session.running());
    CHECK(session.error().empty());
    CHECK(reports.all().empty());
    visit();
    CHECK(session.flush(long_enough).complete);
    CHECK(session.shutdown(long_enough).complete);
    CHECK(scripted.counters().batches == 0);
}

TEST_CASE("OTEL_SDK_DISABLED is off unless it is true, and junk in it is reported") {
    const auto [value, junk] = GENERATE(table<const char*, bool>(
        {{"false", false}, {"FALSE", false}, {"1", true}, {"yes", true}, {"truey", true}}));
    const EnvironmentVariable disabled{"OTEL_SDK_DISABLED", value};
    const Reports reports;
    Session session{{.service_name = "test", .report = reports}};
    CHECK(session.running());
    CHECK(reports.with("OTEL_SDK_DISABLED=\"" + std::string{value} + "\" is neither") ==
          (junk ? 1 : 0));
}

TEST_CASE("OTEL_TRACES_EXPORTER starts the exporters that the program knows") {
    ScriptedExporter one, two;
    plume::register_exporter("one",
                             [&](const auto&) { return std::make_unique<ScriptedExporter>(one); });
    plume::register_exporter("two", [&](const auto& report) {
        report("two has something to say");
        return std::make_unique<ScriptedExporter>(two);
    });
    plume::register_exporter("broken", [](const auto& report) {
        report("broken is broken");
        return nullptr;
    });
    const EnvironmentVariable list{"OTEL_TRACES_EXPORTER", " one,,Two , none,broken"};
    const Reports reports;
    Session session = Session::from_environment("test", {.report = reports});
    CHECK(session.running());
    CHECK(reports.all() ==
          std::vector<std::string>{"two has something to say", "broken is broken"});
    visit();
    CHECK(session.flush(long_enough).stats.exporters.size() == 2);
    CHECK(one.counters().spans == 1);
    CHECK(two.counters().spans == 1);
}

TEST_CASE("an exporter that the program does not know is reported with the header to include") {
    const auto [value, reported] = GENERATE(
        table<const char*, const char*>({{nullptr, "otlp"}, {"", "otlp"}, {"zipkin", "zipkin"}}));
    const EnvironmentVariable list{"OTEL_TRACES_EXPORTER", value};
    const Reports reports;
    Session session = Session::from_environment("test", {.report = reports});
    CHECK(session.running());
    CHECK(reports.all() ==
          std::vector<std::string>{"OTEL_TRACES_EXPORTER names \"" + std::string{reported} +
                                   "\": no such exporter in this program; include "
                                   "<plume/exporters/" +
                                   reported + ".hpp> where it starts"});
    visit();
    CHECK(session.flush(long_enough).stats.begun == 1);
}

TEST_CASE("OTEL_TRACES_EXPORTER=none starts a session that exports nothing") {
    const EnvironmentVariable list{"OTEL_TRACES_EXPORTER", "none"};
    const Reports reports;
    Session session = Session::from_environment("test", {.report = reports});
    CHECK(session.running());
    CHECK(reports.all().empty());
    CHECK(session.stats().exporters.empty());
}

TEST_CASE("a ring of a size that no ring can have is reported and rounded up") {
    const auto [wanted, got] =
        GENERATE(table<std::size_t, const char*>({{0, "4096"}, {1000, "4096"}, {5000, "8192"}}));
    const Reports reports;
    MemoryExporter memory;
    Session session{{.service_name = "test", .ring_bytes = wanted, .report = reports}, memory};
    CHECK(reports.all() == std::vector<std::string>{
                               "Options::ring_bytes is " + std::to_string(wanted) +
                               ", which is not a power of two from 4 KiB to 4 GiB: using " + got});
    std::thread{[] { visit(3); }}.join(); // a new lane, or an old one with its ring
    CHECK(session.flush(long_enough).complete);
    CHECK(memory.size() == 3);
}

// Exporters that fail.

TEST_CASE("a batch that an exporter throws at counts as rejected, and the next one is tried") {
    const auto [throws, sentence] = GENERATE(table<void (*)(), const char*>(
        {{+[] { throw std::runtime_error{"no disk"}; }, "exporter scripted: threw: no disk"},
         {+[] { throw 42; }, "exporter scripted: threw an unknown exception"}}));
    bool healthy = false;
    ScriptedExporter scripted{[&, raise = throws](const Batch&) {
        if (!healthy) raise();
        return Outcome::delivered();
    }};
    const Reports reports;
    Session session{{.service_name = "test", .report = reports}, scripted};
    for (int i = 0; i < 3; ++i) {
        visit(2);
        CHECK(session.flush(long_enough).complete);
    }
    // Trouble is told when it begins, not with each batch, and when it is over.
    CHECK(reports.all() == std::vector<std::string>{sentence});
    healthy = true;
    visit();
    const plume::Stats stats = session.flush(long_enough).stats;
    CHECK(reports.all() ==
          std::vector<std::string>{sentence, "exporter scripted: delivering again"});
    CHECK(stats.exporters.at(0).exported == 1);
    CHECK(stats.exporters.at(0).dropped[DropReason::rejected] == 6);
    CHECK(stats.exporters.at(0).dropped.total() == 6);
    CHECK(wrong_in(stats).empty());
}

TEST_CASE("an exporter that throws when idle or closed is reported") {
    ScriptedExporter scripted{ScriptedExporter::Script{
        .idle = [] { throw std::runtime_error{"bored"}; }, .close = [] { throw 42; }}};
    const Reports reports;
    Session session{{.service_name = "test", .report = reports}, scripted};
    CHECK(eventually([&] { return reports.with("exporter scripted: threw: bored") > 0; }));
    CHECK(session.shutdown(long_enough).complete);
    CHECK(reports.with("exporter scripted: threw: unknown exception") == 1);
}

TEST_CASE("drops that an exporter tells are counted by their reasons") {
    ScriptedExporter scripted{[](const Batch& batch) {
        Outcome outcome;
        outcome.dropped[DropReason::too_large] = 1;
        outcome.dropped[DropReason::transport] = batch.size() - 3;
        outcome.error = "half of it is gone";
        return outcome;
    }};
    const Reports reports;
    Session session{{.service_name = "test", .report = reports}, scripted};
    visit(10);
    const plume::Stats stats = session.flush(long_enough).stats;
    CHECK(stats.exporters.at(0).exported == 2);
    CHECK(stats.exporters.at(0).dropped[DropReason::too_large] == 1);
    CHECK(stats.exporters.at(0).dropped[DropReason::transport] == 7);
    CHECK(wrong_in(stats).empty());
    CHECK(reports.all() == std::vector<std::string>{"exporter scripted: half of it is gone"});
}

TEST_CASE("an exporter that claims to have lost more than it got is believed up to that") {
    ScriptedExporter scripted{
        [](const Batch&) { return Outcome::failed(DropReason::transport, 1'000, "all gone"); }};
    Session session{{.service_name = "test", .report = [](auto) {}}, scripted};
    visit(4);
    const plume::Stats stats = session.flush(long_enough).stats;
    CHECK(stats.exporters.at(0).dropped.total() == 4);
    CHECK(stats.exporters.at(0).exported == 0);
    CHECK(wrong_in(stats).empty());
}

TEST_CASE("a shutdown returns at its deadline when an exporter hangs, and counts what is left") {
    const Gate gate;
    ScriptedExporter hanging{[gate](const Batch&) {
        gate.pass();
        return Outcome::delivered();
    }};
    MemoryExporter memory;
    Session session{{.service_name = "test", .batch_spans = 4}, hanging, memory};
    visit(10);
    const auto begin = std::chrono::steady_clock::now();
    const plume::FlushResult result = session.shutdown(2s); // the other exporter has time
    CHECK(std::chrono::steady_clock::now() - begin < 10s);
    CHECK_FALSE(result.complete);
    CHECK(memory.size() == 10);
    CHECK(hanging.counters().cancels >= 1);
    const plume::ExporterStats& lost = result.stats.exporters.at(0);
    CHECK(lost.exported == 0);
    CHECK(lost.dropped[DropReason::shutdown] == 10);
    CHECK(lost.pending == 0);
    CHECK(result.stats.exporters.at(1).exported == 10);
    CHECK(wrong_in(result.stats).empty());
    // What the exporter does with its last batch, whenever it wakes up, changes no count.
    gate.open();
    CHECK(eventually([&] { return hanging.counters().closes == 0; }));
    CHECK(session.stats().exporters.at(0).exported == 0);
}

TEST_CASE("after a session with an exporter that hangs another session works") {
    const Gate gate;
    {
        Session session{{.service_name = "test", .shutdown_deadline = 50ms},
                        ScriptedExporter{[gate](const Batch& batch) {
                            gate.pass();
                            // The batch and its resource are still there.
                            return batch.begin()->name() == "visit" &&
                                           batch.resource().service_name() == "test"
                                       ? Outcome::delivered()
                                       : Outcome::failed(DropReason::rejected, 1, "garbage");
                        }}};
        visit();
    }
    MemoryExporter memory;
    Session session{{.service_name = "test"}, memory};
    visit();
    CHECK(session.flush(long_enough).complete);
    gate.open();
    CHECK(tree_of(memory) == "visit\n");
}

TEST_CASE("an exporter that listens to cancel() ends in time, and its batch is settled") {
    const Gate gate;
    ScriptedExporter patient{ScriptedExporter::Script{
        .deliver =
            [gate](const Batch& batch) {
                gate.pass();
                return Outcome::failed(DropReason::transport, batch.size(), "interrupted");
            },
        .cancel = [gate] { gate.open(); }}};
    Session session{{.service_name = "test", .report = [](auto) {}}, patient};
    visit(3);
    const plume::FlushResult result = session.shutdown(300ms);
    CHECK(result.complete);
    CHECK(result.stats.exporters.at(0).dropped[DropReason::transport] == 3);
    CHECK(patient.counters().cancels == 1);
    CHECK(patient.counters().closes == 1);
    CHECK(wrong_in(result.stats).empty());
}

// Several exporters.

TEST_CASE("every exporter gets every span, and is counted by its name") {
    MemoryExporter memory;
    ScriptedExporter scripted{ScriptedExporter::Script{.name = "mine"}};
    std::vector<std::unique_ptr<plume::Exporter>> exporters;
    exporters.push_back(std::make_unique<MemoryExporter>(memory));
    exporters.push_back(std::make_unique<ScriptedExporter>(scripted));
    exporters.push_back(std::make_unique<MemoryExporter>(memory));
    Session session{{.service_name = "test"}, std::move(exporters)};
    visit(5);
    const plume::Stats stats = session.flush(long_enough).stats;
    REQUIRE(stats.exporters.size() == 3);
    CHECK(stats.exporters[0].name == "memory");
    CHECK(stats.exporters[1].name == "mine");
    for (const plume::ExporterStats& one : stats.exporters) CHECK(one.exported == 5);
    CHECK(memory.size() == 10);
    CHECK(scripted.counters().spans == 5);
}

TEST_CASE("a slow exporter does not hold up a fast one") {
    const Gate gate;
    ScriptedExporter slow{[gate](const Batch&) {
        gate.pass();
        return Outcome::delivered();
    }};
    MemoryExporter fast;
    Session session{{.service_name = "test", .batch_spans = 16, .batch_delay = 1ms}, slow, fast};
    visit(1'000);
    CHECK(fast.wait_for(1'000));
    CHECK(slow.counters().batches <= 1);
    gate.open();
    CHECK(session.flush(long_enough).complete);
    CHECK(slow.counters().spans == 1'000);
}

TEST_CASE("what an exporter's queue has no room for is dropped and counted, and told once") {
    const Gate gate;
    ScriptedExporter slow{[gate](const Batch&) {
        gate.pass();
        return Outcome::delivered();
    }};
    MemoryExporter fast;
    const Reports reports;
    Session session{
        {.service_name = "test", .queue_spans = 100, .batch_spans = 10, .report = reports},
        slow,
        fast};
    visit(10);
    REQUIRE(eventually([&] { return gate.arrived() == 1; }));
    for (int i = 0; i < 5; ++i) {
        visit(90);
        static_cast<void>(session.flush(0ms));
        // Each burst is in the queue, or lost, before the next.
        CHECK(fast.wait_for(10 + 90 * (static_cast<std::size_t>(i) + 1)));
    }
    CHECK(eventually(
        [&] { return session.stats().exporters.at(0).dropped[DropReason::queue_full] == 350; }));
    CHECK(reports.all() ==
          std::vector<std::string>{"exporter scripted: queue full, dropping spans"});
    gate.open();
    const plume::FlushResult result = session.flush(long_enough);
    CHECK(result.complete);
    CHECK(result.stats.exporters.at(0).exported == 110);
    CHECK(result.stats.exporters.at(1).exported == 460);
    CHECK(wrong_in(result.stats).empty());
    CHECK(reports.with("exporter scripted: keeping up again") == 1);
}

// What a flush says is true.

TEST_CASE("a flush says whether everything was delivered by its deadline") {
    const Gate gate;
    ScriptedExporter slow{[gate](const Batch&) {
        gate.pass();
        return Outcome::delivered();
    }};
    MemoryExporter fast;
    Session session{{.service_name = "test"}, fast, slow};
    CHECK(session.flush(long_enough).complete); // nothing to deliver
    visit(3);
    const plume::FlushResult early = session.flush(50ms);
    CHECK_FALSE(early.complete);
    CHECK(early.stats.exporters.at(0).exported == 3);
    CHECK(early.stats.exporters.at(1).exported == 0);
    CHECK(early.stats.exporters.at(1).pending == 3);
    CHECK(wrong_in(early.stats).empty());
    gate.open();
    const plume::FlushResult late = session.flush(long_enough);
    CHECK(late.complete);
    CHECK(late.stats.exporters.at(1).exported == 3);
    CHECK(late.stats.exporters.at(1).pending == 0);
}

TEST_CASE("a flush leaves open spans open") {
    MemoryExporter memory;
    Session session{{.service_name = "test"}, memory};
    PLUME_SPAN("outer");
    visit();
    const plume::FlushResult result = session.flush(long_enough);
    CHECK(result.complete);
    CHECK(result.stats.open == 1);
    CHECK(result.stats.begun == 2);
    CHECK(tree_of(memory) == "visit\n");
    CHECK(wrong_in(result.stats).empty());
}

TEST_CASE("statistics can be read while a flush waits for an exporter") {
    const Gate gate;
    Session session{{.service_name = "test"}, ScriptedExporter{[gate](const Batch&) {
                        gate.pass();
                        return Outcome::delivered();
                    }}};
    visit();
    plume::FlushResult result;
    std::thread flushing{[&] { result = session.flush(long_enough); }};
    CHECK(eventually([&] { return gate.arrived() == 1; }));
    CHECK(session.stats().exporters.at(0).pending == 1);
    CHECK(session.running());
    gate.open();
    flushing.join();
    CHECK(result.complete);
}

TEST_CASE("a listener to reports may ask for statistics and whether the session runs") {
    Session* self = nullptr;
    std::uint64_t begun = 0;
    bool running = false;
    ScriptedExporter failing{[](const Batch& batch) {
        return Outcome::failed(DropReason::rejected, batch.size(), "no");
    }};
    Session session{{.service_name = "test",
                     .report =
                         [&](std::string_view) {
                             begun = self->stats().begun;
                             running = self->running();
                         }},
                    failing};
    self = &session;
    visit(2);
    SECTION("during a flush") {
        CHECK(session.flush(long_enough).complete);
        CHECK(running);
    }
    SECTION("during a shutdown") { CHECK(session.shutdown(long_enough).complete); }
    CHECK(begun == 2);
}

TEST_CASE("a listener to reports may use code that is traced") {
    MemoryExporter memory;
    {
        Session session{{.ring_bytes = 1,
                         .report = [](std::string_view) { std::thread{[] { visit(); }}.join(); }},
                        memory};
    }
    CHECK(memory.size() <= 2); // two reports: of the size, and of the missing name
}

TEST_CASE("statistics add up at any time") {
    MemoryExporter memory;
    Session session{{.service_name = "test", .ring_bytes = 4096, .batch_delay = 1ms}, memory};
    std::atomic<bool> done{false};
    std::thread recording{[&] {
        while (!done) {
            PLUME_SPAN("outer");
            visit();
        }
    }};
    std::string wrong;
    for (int i = 0; i < 20'000 && wrong.empty(); ++i) wrong = wrong_in(session.stats());
    done = true;
    recording.join();
    CHECK(wrong.empty());
}

TEST_CASE("two threads may flush and shut a session down at once") {
    MemoryExporter memory;
    Session session{{.service_name = "test"}, memory};
    visit(10);
    std::array<plume::FlushResult, 4> results;
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < results.size(); ++i)
        threads.emplace_back([&session, &results, i] {
            results[i] = i % 2 == 0 ? session.flush(long_enough) : session.shutdown(long_enough);
        });
    for (std::thread& thread : threads) thread.join();
    for (const plume::FlushResult& result : results) CHECK(result.complete);
    CHECK(memory.size() == 10);
    CHECK_FALSE(session.running());
}

// Batches.

TEST_CASE("under load batches are full") {
    ScriptedExporter scripted;
    Session session{{.service_name = "test", .batch_spans = 64, .batch_delay = 1h}, scripted};
    visit(650);
    CHECK(eventually([&] { return scripted.counters().spans == 640; }));
    CHECK(scripted.counters().batches == 10);
    CHECK(scripted.counters().largest_batch == 64);
    CHECK(eventually([&] { return session.stats().exporters.at(0).pending == 10; }));
    CHECK(session.flush(long_enough).complete);
    CHECK(scripted.counters().batches == 11);
}

TEST_CASE("a batch that is not full is delivered after the delay") {
    ScriptedExporter scripted;
    Session session{{.service_name = "test", .batch_delay = 20ms}, scripted};
    const auto begin = std::chrono::steady_clock::now();
    visit(3);
    CHECK(eventually([&] { return scripted.counters().spans == 3; }));
    CHECK(std::chrono::steady_clock::now() - begin >= 20ms);
    CHECK(scripted.counters().batches == 1);
}

TEST_CASE("an exporter is called when idle, and closed once, after its last batch") {
    std::uint64_t spans_at_close = 0;
    const std::shared_ptr<std::uint64_t> seen = std::make_shared<std::uint64_t>(0);
    ScriptedExporter scripted{
        ScriptedExporter::Script{.deliver =
                                     [seen](const Batch& batch) {
                                         *seen += batch.size();
                                         return Outcome::delivered();
                                     },
                                 .close = [seen, &spans_at_close] { spans_at_close = *seen; }}};
    Session session{{.service_name = "test", .batch_spans = 2, .batch_delay = 1h}, scripted};
    CHECK(eventually([&] { return scripted.counters().idles >= 2; }));
    CHECK(scripted.counters().batches == 0);
    visit(7);
    CHECK(session.shutdown(long_enough).complete);
    CHECK(scripted.counters().closes == 1);
    CHECK(spans_at_close == 7);
}

TEST_CASE("what an exporter does is never traced") {
    MemoryExporter memory;
    ScriptedExporter tracing{ScriptedExporter::Script{.deliver =
                                                          [](const Batch&) {
                                                              visit();
                                                              return Outcome::delivered();
                                                          },
                                                      .idle = [] { visit(); },
                                                      .close = [] { visit(); }}};
    Session session{{.service_name = "test"}, tracing, memory};
    CHECK(eventually([&] { return tracing.counters().idles >= 1; }));
    visit();
    const plume::FlushResult result = session.shutdown(long_enough);
    CHECK(result.stats.begun == 1);
    CHECK(memory.size() == 1);
}

// The threads of a session.

namespace {

struct Thread {
    std::string name;
    std::uint64_t blocked_signals = 0;
};

/// The background threads of this process, by name.
std::vector<Thread> background_threads() {
    std::vector<Thread> threads;
    for (const auto& task : std::filesystem::directory_iterator{"/proc/self/task"}) {
        Thread thread;
        std::ifstream{task.path() / "comm"} >> thread.name;
        if (!thread.name.starts_with("plume-")) continue;
        std::ifstream status{task.path() / "status"};
        for (std::string word; status >> word;)
            if (word == "SigBlk:") status >> std::hex >> thread.blocked_signals;
        threads.push_back(thread);
    }
    std::ranges::sort(threads, {}, &Thread::name);
    return threads;
}

} // namespace

TEST_CASE("background threads have names, block all signals, and end with the session") {
    sigset_t before{}, after{};
    pthread_sigmask(SIG_SETMASK, nullptr, &before);
    {
        MemoryExporter memory;
        Session session{{.service_name = "test"},
                        memory,
                        ScriptedExporter{{.name = "a name that is too long for a thread"}}};
        pthread_sigmask(SIG_SETMASK, nullptr, &after);
        const std::vector<Thread> threads = background_threads();
        REQUIRE(threads.size() == 3);
        CHECK(threads[0].name == "plume-a"); // and more, of which `>>` reads one word
        CHECK(threads[1].name == "plume-collector");
        CHECK(threads[2].name == "plume-memory");
        for (const Thread& thread : threads)
            for (const int signal : {SIGINT, SIGTERM, SIGALRM, SIGPROF, SIGCHLD, SIGUSR1, SIGRTMAX})
                CHECK((thread.blocked_signals >> (signal - 1) & 1U) == 1);
    }
    for (const int signal : {SIGINT, SIGTERM, SIGALRM, SIGPROF, SIGCHLD, SIGUSR1, SIGRTMAX})
        CHECK(sigismember(&before, signal) == sigismember(&after, signal));
    CHECK(background_threads().empty());
}
