// spans.cpp - records spans of every kind, sends them to a real backend, and writes down what the
// backend should know now. jaeger_roundtrip.py and deploy.py compare.
#define PLUME_SCOPE_NAME "interop"
#define PLUME_SCOPE_VERSION "1.2.3"

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <limits>
#include <memory>
#include <optional>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <plume/exporters/jaeger.hpp>
#include <plume/exporters/memory.hpp>
#include <plume/exporters/otlp.hpp>
#include <plume/plume.hpp>
#include <plume/session.hpp>

#include "recorded_json.hpp"

namespace {

using namespace plume::literals;
using namespace std::chrono_literals;

/// What no recorded span knows: the attributes of the process.
class ResourceExporter final : public plume::Exporter {
  public:
    explicit ResourceExporter(std::shared_ptr<plume::RecordedAttributes> to) : to_{std::move(to)} {}

    [[nodiscard]] plume::Outcome deliver(const plume::Batch& batch) override {
        *to_ = plume::detail::record(batch.resource().attributes());
        return plume::Outcome::delivered();
    }

  private:
    std::shared_ptr<plume::RecordedAttributes> to_;
};

std::unique_ptr<plume::Exporter> make_exporter(std::string_view name, const std::string& host) {
    if (name == "jaeger-udp")
        return std::make_unique<plume::JaegerExporter>(plume::JaegerOptions{.agent_host = host});
    if (name == "jaeger-http")
        return std::make_unique<plume::JaegerExporter>(
            plume::JaegerOptions{.endpoint = "http://" + host + ":14268/api/traces"});
    plume::OtlpOptions otlp{.endpoint = "http://" + host + ":4318"};
    if (name == "otlp-protobuf") return std::make_unique<plume::OtlpExporter>(otlp);
    otlp.encoding = plume::OtlpEncoding::json;
    otlp.compression = plume::OtlpCompression::gzip;
    if (name == "otlp-json") return std::make_unique<plume::OtlpExporter>(otlp);
    return nullptr;
}

/// UDP has no flow control: packets that find the agent's receive buffer full are gone. Linux shows
/// how full the buffers of this host are, so this waits until the agent has read what was sent.
void wait_for_agent() {
    const auto deadline = std::chrono::steady_clock::now() + 5s;
    for (bool waiting = true; waiting && std::chrono::steady_clock::now() < deadline;) {
        waiting = false;
        for (const char* table : {"/proc/net/udp", "/proc/net/udp6"}) {
            std::ifstream lines{table};
            for (std::string line; std::getline(lines, line);) {
                std::istringstream fields{line};
                std::string slot, local, remote, state, queues;
                fields >> slot >> local >> remote >> state >> queues;
                waiting |= local.ends_with(":1AAF") && // 6831
                           !queues.ends_with(":00000000");
            }
        }
        if (waiting) std::this_thread::sleep_for(1ms);
    }
}

void every_type() {
    PLUME_SPAN("every type", "bool.true"_a = true, "bool.false"_a = false, "int.zero"_a = 0,
               "int.negative"_a = -42, "int.small"_a = std::int8_t{-7},
               "int.largest"_a = std::numeric_limits<std::int64_t>::max(),
               "int.smallest"_a = std::numeric_limits<std::int64_t>::min(),
               "int.exact_as_double"_a = std::int64_t{1} << 53,
               "uint.largest"_a = std::numeric_limits<std::uint64_t>::max(), "double"_a = 0.1,
               "double.whole"_a = 3.0, "double.large"_a = 1.7976931348623157e308,
               "double.tiny"_a = 5e-324, "double.negative"_a = -2.5);
    PLUME_SET("string"_a = "plain", "string.empty"_a = "",
              "string.unicode"_a = "Grüße, 世界 \xF0\x9F\xAA\xB6",
              "string.quotes"_a = R"(say "hi" \ 'bye' <b>&amp;</b>)",
              "string.controls"_a = "tab\tline\nbell\a",
              "string.repaired"_a = "not UTF-8: \xFF\xC3", "duration"_a = 1500ms);
    const std::array booleans{true, false, true};
    const std::array<std::int64_t, 3> integers{-1, 0, std::numeric_limits<std::int64_t>::max()};
    const std::array doubles{0.5, -1e100, 2.0};
    const std::array<std::string_view, 3> texts{"a", "\"quoted\" \\", "ü"};
    PLUME_SET("array.bool"_a = booleans, "array.int"_a = integers, "array.double"_a = doubles,
              "array.string"_a = texts, "array.empty"_a = std::vector<int>{});
    PLUME_SET("absent"_a = std::optional<int>{}, "present"_a = std::optional<int>{1},
              "string"_a = "replaced");
}

void every_kind() {
    PLUME_SPAN("every kind");
    { PLUME_SPAN("serving", plume::server); }
    { PLUME_SPAN("asking", plume::client, "server.address"_a = "example.com"); }
    { PLUME_SPAN("producing", plume::producer); }
    { PLUME_SPAN("consuming", plume::consumer); }
}

void every_status() {
    PLUME_SPAN("every status");
    {
        PLUME_SPAN_AS(span, "failed");
        span.set_error("card declined: \"no funds\", 42 €");
    }
    {
        PLUME_SPAN_AS(span, "failed without words");
        span.set_error("");
    }
    {
        PLUME_SPAN_AS(span, "well");
        span.set_ok();
    }
    {
        PLUME_SPAN_AS(span, "caught");
        span.record_exception(std::runtime_error{"no such order"});
    }
    try {
        PLUME_SPAN("thrown");
        throw std::logic_error{"escapes"};
    } catch (const std::logic_error&) {
        PLUME_EVENT("cleaned up");
    }
}

/// More than the session's limits allow, too.
void events_and_links() {
    plume::SpanContext first;
    {
        PLUME_SPAN_AS(span, "linked");
        first = span.context();
    }
    PLUME_SPAN_AS(span, "events and links");
    PLUME_EVENT("bare");
    PLUME_EVENT("with attributes", "attempt"_a = 2, "ratio"_a = 0.25, "late"_a = true,
                "why"_a = "time-out");
    PLUME_EVENT("named twice", "event"_a = "its own name");
    PLUME_EVENT("one too many");
    const std::string state = "vendor=1";
    span.link(first);
    span.link({.trace_id = {0xFF00'0000'0000'0000, 0x8000'0000'0000'0001},
               .span_id = {0xFFFF'FFFF'FFFF'FFFF},
               .flags = plume::trace_flags::sampled,
               .is_remote = true,
               .trace_state = state},
              "link.kind"_a = "batch", "link.index"_a = 7);
    span.link(first, "one"_a = "too many");
}

/// A trace that began in another process, whose ids have their highest bits set.
void remote_parent() {
    const std::string state = "vendor=t61rcWkgMzE,plume=b";
    const std::uint64_t highest = std::uint64_t{1} << 63;
    const plume::ContextScope caller{
        {.trace_id = {highest, highest | std::random_device{}()}, // each run has its own
         .span_id = {0xFF00'0000'0000'0000},
         .flags = plume::trace_flags::sampled | plume::trace_flags::random,
         .is_remote = true,
         .trace_state = state}};
    PLUME_SPAN("GET /orders/{id}", plume::server, "http.route"_a = "/orders/{id}");
    PLUME_SPAN("below a remote parent");
    PLUME_EVENT("reached");
}

/// Begins here, has a child on another thread, and ends there.
void async_span() {
    PLUME_SPAN("around an async span");
    plume::AsyncSpan span{PLUME_CALLSITE("async"), "queue"_a = "mail"};
    std::thread{[span = std::move(span)]() mutable {
        {
            const plume::ContextScope inside{span.context()};
            PLUME_SPAN("on another thread");
        }
        span.set("moved"_a = true);
        span.end();
    }}.join();
}

void names() {
    static const plume::Name route{"GET /reports/{year} – \"renamed\""};
    PLUME_SPAN("names");
    { PLUME_SPAN_DYNAMIC(route, "year"_a = 2026); }
    { PLUME_FUNCTION(); }
    {
        PLUME_SPAN_AS(span, "never exported");
        span.discard();
    }
}

void deep(int levels) {
    PLUME_SPAN("deep", "levels"_a = levels);
    if (levels > 1) deep(levels - 1);
}

/// One trace of 200 small spans.
void small_spans(int trace) {
    PLUME_SPAN("small root", "trace.number"_a = trace);
    for (int i = 0; i < 199; ++i) {
        PLUME_SPAN("small", "i"_a = i, "even"_a = i % 2 == 0);
    }
}

bool write_down(const std::string& file, const plume::MemoryExporter& memory,
                const plume::RecordedAttributes& resource) {
    plume::interop::Json json;
    json.object([&] {
        json.member_of("resource", [&] { write(json, resource); });
        json.member_of("spans", [&] {
            json.array([&] {
                for (const plume::RecordedSpan& span : memory.spans()) write(json, span);
            });
        });
    });
    std::ofstream out{file, std::ios::binary};
    return (out << json.text() << '\n').flush().good();
}

/// Whether every exporter says that it has delivered all.
bool all_delivered(const plume::FlushResult& end, std::size_t spans) {
    bool good = end.complete;
    for (const plume::ExporterStats& exporter : end.stats.exporters) {
        // The discarded span counts as dropped.
        good = good && exporter.exported == spans && exporter.dropped.total() == 1;
        std::fprintf(stderr, "spans: %s: exported %llu, dropped %llu\n", exporter.name.c_str(),
                     static_cast<unsigned long long>(exporter.exported),
                     static_cast<unsigned long long>(exporter.dropped.total()));
    }
    return good;
}

} // namespace

int main(int argc, char** argv) {
    const std::string name = argc > 1 ? argv[1] : "";
    const std::string host = argc > 4 ? argv[4] : "127.0.0.1";
    std::unique_ptr<plume::Exporter> exporter = make_exporter(name, host);
    if (argc < 4 || !exporter)
        return std::fputs("usage: spans jaeger-udp|jaeger-http|otlp-protobuf|otlp-json SERVICE "
                          "FILE [HOST]\n",
                          stderr),
               2;

    const plume::MemoryExporter memory;
    const auto resource = std::make_shared<plume::RecordedAttributes>();
    std::vector<std::unique_ptr<plume::Exporter>> exporters;
    exporters.push_back(std::move(exporter));
    exporters.push_back(std::make_unique<plume::MemoryExporter>(memory));
    exporters.push_back(std::make_unique<ResourceExporter>(resource));
    plume::Session session{
        {.service_name = argv[2],
         .resource = {{"deployment.environment.name", "interop „test“"}, {"shard", 7}},
         .limits = {.attributes = 40, .events = 3, .links = 2},
         .batch_spans = 4096}, // more than a packet holds
        std::move(exporters)};

    every_type();
    every_kind();
    every_status();
    events_and_links();
    remote_parent();
    async_span();
    names();
    deep(20);
    // 800 small spans are a packet and a half. Linux' default receive buffer holds three.
    for (int i = 0; i < 32; ++i) {
        small_spans(i);
        if (i % 4 != 3) continue;
        if (!session.flush(10s).complete) return std::fputs("spans: no flush\n", stderr), 1;
        if (name == "jaeger-udp") wait_for_agent();
    }

    const plume::FlushResult end = session.shutdown(10s);
    const bool good = all_delivered(end, memory.size());
    return write_down(argv[3], memory, *resource) && good ? 0 : 1;
}
