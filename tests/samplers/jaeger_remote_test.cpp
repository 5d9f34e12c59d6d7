// Rates that a server tells, over real sockets.
#include <plume/samplers/jaeger_remote.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <unistd.h>

#include <plume/exporters/memory.hpp>
#include <plume/plume.hpp>
#include <plume/session.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/http_server.hpp"
#include "support/recorded.hpp"
#include "support/scripted.hpp"

using namespace std::chrono_literals;
using plume::JaegerRemoteOptions;
using plume::Sampler;
using plume::jaeger_sampling::options_from;
using plume::jaeger_sampling::read_answer;
using plume::jaeger_sampling::Strategy;
using plume::jaeger_sampling::url_for;
using plume::otlp_test::HttpServer;
using plume::otlp_test::Reply;
using plume::otlp_test::reply;
using plume::scene::eventually;

// ThreadSanitizer refuses new threads in a child of a process with threads, unless it is told.
extern "C" const char* __tsan_default_options();
extern "C" const char* __tsan_default_options() { return "die_after_fork=0"; }

// LeakSanitizer does not see what the stacks of threads refer to that are not in the child.
static const pid_t home = getpid();
extern "C" int __lsan_is_turned_off();
extern "C" int __lsan_is_turned_off() { return getpid() != home ? 1 : 0; }

namespace {

constexpr std::string_view all = R"({"strategyType":"PROBABILISTIC",
    "probabilisticSampling":{"samplingRate":1}})";
constexpr std::string_view none = R"({"strategyType":"PROBABILISTIC",
    "probabilisticSampling":{"samplingRate":0}})";

/// Of a body: "-" and why, if it is not understood.
std::string described(std::string_view body) {
    const auto [strategy, trouble] = read_answer(body);
    if (!strategy) return "- " + std::string{trouble};
    std::string text;
    const auto add = [&text](std::string_view name, double value) {
        char number[32];
        std::snprintf(number, sizeof number, "%g", value);
        text += (text.empty() ? "" : " ") + std::string{name} + "=" + number;
    };
    if (strategy->traces_per_second) add("rate", *strategy->traces_per_second);
    else add("p", strategy->probability);
    if (strategy->lower_bound != 0) add("bound", strategy->lower_bound);
    for (const auto& [name, probability] : strategy->operations) add(name, probability);
    return text;
}

/// What a session reports; any thread.
class Reports {
  public:
    void operator()(std::string_view what) {
        const std::lock_guard lock{mutex_};
        list_.emplace_back(what);
    }
    [[nodiscard]] std::vector<std::string> list() const {
        const std::lock_guard lock{mutex_};
        return list_;
    }
    [[nodiscard]] bool has(std::string_view part) const {
        for (const std::string& each : list())
            if (each.find(part) != each.npos) return true;
        return false;
    }

  private:
    mutable std::mutex mutex_;
    std::vector<std::string> list_;
};

/// A session whose sampler asks `endpoint` all the time.
struct Asking {
    std::shared_ptr<Reports> reports = std::make_shared<Reports>();
    plume::MemoryExporter memory;
    plume::Session session;

    explicit Asking(std::string endpoint, JaegerRemoteOptions options = {})
        : session{with(std::move(endpoint), std::move(options)), memory} {}

    [[nodiscard]] plume::Options with(std::string endpoint, JaegerRemoteOptions remote) const {
        remote.endpoint = std::move(endpoint);
        if (remote.interval == 5s) remote.interval = 1ms;
        remote.timeout = 1h; // a hanging server has to be left by stop(), or the test never ends
        plume::Options options;
        options.service_name = "test";
        options.sampler = Sampler::parent_based(plume::jaeger_remote(std::move(remote)));
        options.report = [reports = reports](std::string_view what) { (*reports)(what); };
        return options;
    }
};

/// The answers to all questions but the last one are in force: it asks when it is done with one.
bool has_asked(const HttpServer& server, std::size_t times) {
    return eventually([&] { return server.requests().size() >= times; });
}

bool root_is_recorded() {
    PLUME_SPAN_AS(span, "root");
    return span.recording();
}

const void* plan() {
    return plume::detail::runtime().sampling.load(plume::detail::memory_order_acquire);
}

/// A port of loopback at which nobody listens.
std::uint16_t free_port() { return HttpServer{{reply(200)}}.port(); }

} // namespace

// The answer.

TEST_CASE("a probabilistic answer is read, however its numbers and names are written") {
    CHECK(described(all) == "p=1");
    CHECK(described(R"({"strategyType":0,"probabilisticSampling":{"samplingRate":"0.25"}})") ==
          "p=0.25");
    CHECK(described(R"({"probabilisticSampling":{"samplingRate":1e-3},"new":[{}]})") == "p=0.001");
    CHECK(described(R"({"probabilisticSampling":{}})") == "p=0");
    CHECK(described(R"({"probabilisticSampling":{"samplingRate":null}})") == "p=0");
    CHECK(described(R"({"probabilisticSampling":{"samplingRate":7}})") == "p=1");
    CHECK(described(R"({"probabilisticSampling":{"samplingRate":-7}})") == "p=0");
}

TEST_CASE("a rate limiting answer is read") {
    CHECK(described(R"({"strategyType":"RATE_LIMITING",
                        "rateLimitingSampling":{"maxTracesPerSecond":20}})") == "rate=20");
    CHECK(described(R"({"strategyType":1,"rateLimitingSampling":{"maxTracesPerSecond":"3"},
                        "probabilisticSampling":{"samplingRate":1}})") == "rate=3");
    CHECK(described(R"({"strategyType":1,"rateLimitingSampling":{}})") == "rate=0");
}

TEST_CASE("operations are read in any order, and outrank the rest") {
    CHECK(described(R"({"probabilisticSampling":{"samplingRate":1},"operationSampling":{
        "defaultSamplingProbability":0.5,"defaultLowerBoundTracesPerSecond":"0.1",
        "defaultUpperBoundTracesPerSecond":9,"perOperationStrategies":[
        {"operation":"b","probabilisticSampling":{"samplingRate":0.1}},
        {"operation":"a*","probabilisticSampling":{"samplingRate":"1"}},
        {"operation":"zero","probabilisticSampling":{}},
        {"operation":"as all others"}]}})") == "p=0.5 bound=0.1 a*=1 b=0.1 zero=0");
    CHECK(described(R"({"operationSampling":{}})") == "p=0");
    CHECK(described(R"({"operationSampling":null,"probabilisticSampling":{"samplingRate":1}})") ==
          "p=1");
}

TEST_CASE("an answer that makes no sense is none, and says why") {
    CHECK(described("") == "- no JSON object");
    CHECK(described("<html>") == "- no JSON object");
    CHECK(described("[1]") == "- no JSON object");
    CHECK(described(all.substr(1)) == "- no JSON object");
    CHECK(described(std::string(100'000, '[')) == "- no JSON object");
    CHECK(described("{\"\xff\":1}") == "- no JSON object");
    CHECK(described("{}") == "- nothing about sampling");
    CHECK(described(R"({"strategyType":"RATE_LIMITING"})") == "- nothing about sampling");
    CHECK(described(R"({"probabilisticSampling":1})") == "- nothing about sampling");
    CHECK(described(R"({"strategyType":"OTHER"})") == "- a strategyType that is not known");
    CHECK(described(R"({"strategyType":{}})") == "- a strategyType that is not known");
    for (const std::string_view junk : {R"("half")", R"("NaN")", R"("1 ")", R"("")", "true", "[]"})
        CHECK(described(R"({"probabilisticSampling":{"samplingRate":)" + std::string{junk} +
                        "}}") == "- a rate is no number");
    CHECK(described(R"({"probabilisticSampling":{"samplingRate":1e999}})") == "- no JSON object");
    CHECK(described(R"({"operationSampling":7})") == "- operationSampling is no object");
    CHECK(described(R"({"operationSampling":{"perOperationStrategies":{}}})") ==
          "- perOperationStrategies is no array");
    CHECK(described(R"({"operationSampling":{"perOperationStrategies":[1]}})") ==
          "- one of perOperationStrategies is no object");
    CHECK(described(R"({"operationSampling":{"perOperationStrategies":[
        {"operation":1,"probabilisticSampling":{}}]}})") ==
          "- one of perOperationStrategies makes no sense");
    std::string many = R"({"operationSampling":{"perOperationStrategies":[)";
    for (int i = 0; i <= 2000; ++i)
        many += std::string{i == 0 ? "" : ","} + R"({"operation":")" + std::to_string(i) +
                R"(","probabilisticSampling":{}})";
    CHECK(described(many + "]}}") == "- more than 2000 operations");
}

// What users write.

TEST_CASE("an endpoint may leave out scheme and path, and keeps what it has") {
    CHECK(url_for("http://127.0.0.1:5778/sampling", "shop") ==
          "http://127.0.0.1:5778/sampling?service=shop");
    CHECK(url_for("http://agent:5778", "shop") == "http://agent:5778/sampling?service=shop");
    CHECK(url_for("agent:5778/", "shop") == "http://agent:5778/sampling?service=shop");
    CHECK(url_for("https://agent/of/mine?tenant=7#x", "shop") ==
          "https://agent/of/mine?tenant=7&service=shop");
    CHECK(url_for("http://agent", "a b&c=\xc3\xbc#") ==
          "http://agent/sampling?service=a+b%26c%3d%c3%bc%23");
    CHECK(url_for("ftp://agent/", "shop") == std::nullopt);
    CHECK(url_for("http://", "shop") == std::nullopt);
    CHECK(url_for("", "shop") == std::nullopt);
    CHECK(url_for("http://a b/", "shop") == std::nullopt);
}

TEST_CASE("OTEL_TRACES_SAMPLER_ARG says where, how often, and what holds before") {
    std::string reports;
    const auto report = [&reports](std::string_view what) { (reports += what) += '\n'; };
    const JaegerRemoteOptions options = options_from(
        "endpoint=http://host:5778/x?y=z, pollingIntervalMs=250,initialSamplingRate=1", report);
    CHECK(options.endpoint == "http://host:5778/x?y=z");
    CHECK(options.interval == 250ms);
    CHECK(options_from("", report).interval == 5s);
    CHECK(options_from("", report).endpoint == "http://127.0.0.1:5778/sampling");
    CHECK(reports.empty());
}

TEST_CASE("junk in OTEL_TRACES_SAMPLER_ARG is reported, and the defaults stay") {
    std::string reports;
    const auto report = [&reports](std::string_view what) { (reports += what) += '\n'; };
    const JaegerRemoteOptions options = options_from(
        "endpoint=,pollingIntervalMs=5s,initialSamplingRate=2,pollingIntervalMs=0,half", report);
    CHECK(options.endpoint == "http://127.0.0.1:5778/sampling");
    CHECK(options.interval == 5s);
    CHECK(reports == "OTEL_TRACES_SAMPLER_ARG: endpoint is no http or https URL: asking "
                     "http://127.0.0.1:5778/sampling\n"
                     "OTEL_TRACES_SAMPLER_ARG: pollingIntervalMs is no whole number from 1 to "
                     "86400000: using 5000\n"
                     "OTEL_TRACES_SAMPLER_ARG: initialSamplingRate is no number from 0 to 1: "
                     "using 0.001\n"
                     "OTEL_TRACES_SAMPLER_ARG: pollingIntervalMs is no whole number from 1 to "
                     "86400000: using 5000\n"
                     "OTEL_TRACES_SAMPLER_ARG: half is none of endpoint, pollingIntervalMs and "
                     "initialSamplingRate\n");
}

// The server.

TEST_CASE("the service is asked for by its name, and what is answered holds") {
    const HttpServer server{{reply(200, none), reply(200, all)}};
    const Asking asking{server.url() + "/sampling"};
    REQUIRE(has_asked(server, 3));
    CHECK(root_is_recorded());
    const auto request = server.requests().at(0);
    CHECK(request.head.starts_with("GET /sampling?service=test HTTP/1.1\r\n"));
    CHECK(request.has_line("Accept: application/json"));
    CHECK(request.head.find("User-Agent: plume/") != std::string::npos);
    CHECK(request.body.empty());
    CHECK(server.connections() == 1);
    CHECK(asking.reports->list().empty());
}

TEST_CASE("a rate limiting answer limits the rate") {
    const HttpServer server{{reply(
        200,
        R"({"strategyType":"RATE_LIMITING","rateLimitingSampling":{"maxTracesPerSecond":0}})")}};
    const Asking asking{server.url(), {.initial = Sampler::always_on()}};
    REQUIRE(has_asked(server, 2));
    CHECK_FALSE(root_is_recorded());
}

TEST_CASE("each operation has its rate, and names are no patterns") {
    const HttpServer server{{reply(200, R"({"operationSampling":{"defaultSamplingProbability":0,
        "perOperationStrategies":[
        {"operation":"GET *","probabilisticSampling":{"samplingRate":1}},
        {"operation":"pay","probabilisticSampling":{"samplingRate":1}},
        {"operation":"poll","probabilisticSampling":{"samplingRate":0}}]}})")}};
    Asking asking{server.url()};
    REQUIRE(has_asked(server, 2));
    { PLUME_SPAN("GET *"); }
    { PLUME_SPAN("GET /orders"); }
    { PLUME_SPAN("pay"); }
    { PLUME_SPAN("poll"); }
    { PLUME_SPAN("anything"); }
    REQUIRE(asking.session.flush(60s).complete);
    CHECK(plume::tree_of(asking.memory.spans()) == "GET *\npay\n");
}

TEST_CASE("an operation gets its lower bound where its probability gives less") {
    const HttpServer server{{reply(200, R"({"operationSampling":{
        "defaultSamplingProbability":0,"defaultLowerBoundTracesPerSecond":0.001,
        "perOperationStrategies":[
        {"operation":"a","probabilisticSampling":{"samplingRate":0}},
        {"operation":"b","probabilisticSampling":{"samplingRate":0}}]}})")}};
    Asking asking{server.url()};
    REQUIRE(has_asked(server, 2));
    for (int i = 0; i < 10; ++i) {
        {
            PLUME_SPAN("a");
        }
        { PLUME_SPAN("b"); }
        { PLUME_SPAN("c"); }
        { PLUME_SPAN("d"); }
    }
    REQUIRE(asking.session.flush(60s).complete);
    CHECK(plume::tree_of(asking.memory.spans()) == "a\nb\nc\n"); // c and d share one
}

TEST_CASE("answers that say the same make no new plan, in whatever order") {
    const auto body = [](bool turned) {
        const std::string a = R"({"operation":"a","probabilisticSampling":{"samplingRate":1}})";
        const std::string b = R"({"operation":"b","probabilisticSampling":{"samplingRate":"0"}})";
        return R"({"operationSampling":{"perOperationStrategies":[)" + (turned ? b : a) + "," +
               (turned ? a : b) + "]}}";
    };
    const HttpServer server{{reply(200, body(false)), reply(200, body(false)),
                             reply(200, body(true)), reply(200, body(false)), reply(200, all)}};
    std::vector<const void*> plans;
    {
        const Asking asking{server.url()};
        REQUIRE(has_asked(server, 2));
        for (std::size_t i = 2; i < 8; ++i) {
            plans.push_back(plan());
            REQUIRE(has_asked(server, i + 1));
        }
        plans.push_back(plan());
    }
    // However far the asking was ahead of the looking: of five answers, two are different.
    std::size_t changes = 0;
    for (std::size_t i = 1; i < plans.size(); ++i)
        if (plans[i] != plans[i - 1]) ++changes;
    CHECK(changes <= 1);
    CHECK(plans.back() != nullptr);
}

TEST_CASE("what does not change keeps the count of its rate") {
    plume::jaeger_sampling::SamplerMaker maker;
    const auto recorded_of = [&maker](double of_other) {
        plume::Options options;
        options.sampler =
            maker.make({.lower_bound = 0.001, .operations = {{"same", 0.0}, {"other", of_other}}});
        return plume::test::recorded(options,
                                     [] {
                                         for (int i = 0; i < 3; ++i) {
                                             {
                                                 PLUME_SPAN("same");
                                             }
                                             { PLUME_SPAN("other"); }
                                         }
                                     })
            .tree();
    };
    CHECK(recorded_of(0) == "same\nother\n");
    CHECK(recorded_of(1) == "other\nother\nother\n");
}

TEST_CASE("without a server the first rate holds, told once, and once when it is there") {
    const std::uint16_t port = free_port();
    const std::string url = "http://127.0.0.1:" + std::to_string(port) + "/sampling";
    const Asking asking{url, {.initial = Sampler::always_on()}};
    REQUIRE(eventually([&] { return asking.reports->has("keeping"); }));
    CHECK(root_is_recorded());
    {
        const HttpServer server{{reply(200, none)}, port};
        REQUIRE(eventually([&] { return asking.reports->has("answers again"); }));
        CHECK_FALSE(root_is_recorded());
    }
    REQUIRE(eventually([&] { return asking.reports->list().size() == 3; }));
    CHECK_FALSE(root_is_recorded()); // the last answer holds
    const auto reports = asking.reports->list();
    CHECK(reports[0].starts_with("sampler jaeger_remote: " + url + ": "));
    CHECK(reports[0].ends_with(": keeping the rates that hold"));
    CHECK(reports[1] == "sampler jaeger_remote: " + url + ": answers again: using its rates");
    CHECK(reports[2].ends_with(": keeping the rates that hold"));
}

TEST_CASE("answers that are none are told once, and change nothing") {
    const HttpServer server{{reply(200, all), reply(200, "{}"), reply(200, "<html>"),
                             reply(200, "{}"), reply(200, std::string(2'000'000, ' ')),
                             reply(404, none), reply(302, none, "Location: /"), reply(200, all)}};
    const Asking asking{server.url()};
    REQUIRE(has_asked(server, 8));
    CHECK(root_is_recorded());
    REQUIRE(has_asked(server, 9));
    const auto reports = asking.reports->list();
    const std::string where = "sampler jaeger_remote: " + server.url() + "/sampling: ";
    REQUIRE(reports.size() == 3);
    CHECK(reports[0] == where + "answers with nothing about sampling: keeping the rates that hold");
    CHECK(reports[1] == where + "answers 404: keeping the rates that hold");
    CHECK(reports[2] == where + "answers again: using its rates");
}

TEST_CASE("an answer that is larger than a megabyte is not read") {
    const HttpServer server{{reply(200, std::string(1'100'000, ' ') + std::string{all})}};
    const Asking asking{server.url(), {.initial = Sampler::always_off()}};
    REQUIRE(eventually([&] { return asking.reports->has("more than 1 MiB"); }));
    CHECK_FALSE(root_is_recorded());
}

TEST_CASE("an endpoint that is none is reported, and the first rate holds") {
    const Asking asking{"ftp://user:secret@host", {.initial = Sampler::always_on()}};
    CHECK(root_is_recorded());
    CHECK(asking.reports->list() ==
          std::vector<std::string>{"sampler jaeger_remote: its endpoint is no http or https URL: "
                                   "keeping the rate that it began with"});
}

// The session.

TEST_CASE("a session ends while the server lets it wait") {
    const HttpServer server{{Reply{"", false, true}}};
    Asking asking{server.url()}; // with a time-out of an hour
    REQUIRE(has_asked(server, 1));
    CHECK(asking.session.shutdown(60s).complete);
    CHECK(server.requests().size() == 1);
}

TEST_CASE("a session ends whatever its sampler is just doing, and the next one goes on") {
    const HttpServer server{{reply(200, all)}};
    const Sampler sampler = plume::jaeger_remote({.endpoint = server.url(), .interval = 1ms});
    for (std::size_t i = 0; i < 30; ++i) {
        plume::Options options;
        options.sampler = sampler;
        plume::test::recorded(options, [&server, i] {
            if (i % 3 == 0) REQUIRE(has_asked(server, server.requests().size() + 2));
        });
    }
    const std::size_t asked = server.requests().size();
    CHECK(asked >= 20);
    CHECK(server.requests().size() == asked);
}

TEST_CASE("the child of a fork asks for itself, whether it records anything or not") {
    for (const bool records : {true, false}) {
        INFO(records);
        // The parent has one answer, and an hour until the next.
        const HttpServer server{
            {reply(200, records ? all : none), reply(200, records ? none : all)}};
        const Asking asking{
            server.url(),
            {.interval = 1h, .initial = records ? Sampler::always_off() : Sampler::always_on()}};
        REQUIRE(eventually([&] { return root_is_recorded() == records; }));
        const plume::scene::Ended child = plume::scene::in_child([records] {
            const bool told = eventually([&] { return root_is_recorded() != records; });
            plume::scene::print(told ? "told" : "not told");
        });
        CHECK(child.output == "told");
        CHECK(child.exit_status == 0);
        CHECK(root_is_recorded() == records);
        CHECK(server.requests().size() == 2);
        CHECK(server.connections() == 2);
    }
}

TEST_CASE("the child of a child asks for itself, though nothing began in between") {
    const HttpServer server{{reply(200, none), reply(200, all)}};
    const Asking asking{server.url(), {.interval = 1h, .initial = Sampler::always_on()}};
    REQUIRE(eventually([] { return !root_is_recorded(); }));
    const plume::scene::Ended child = plume::scene::in_child([] {
        const plume::scene::Ended grandchild = plume::scene::in_child([] {
            plume::scene::print(eventually([] { return root_is_recorded(); }) ? "told"
                                                                              : "not told");
        });
        plume::scene::print(grandchild.output);
    });
    CHECK(child.output == "told");
    CHECK(child.exit_status == 0);
}

// The environment.

TEST_CASE("OTEL_TRACES_SAMPLER names it, alone and below parentbased_") {
    const HttpServer server{{reply(200, none)}};
    const std::string argument =
        "endpoint=" + server.url() + ",pollingIntervalMs=1,initialSamplingRate=1";
    setenv("OTEL_TRACES_SAMPLER_ARG", argument.c_str(), 1);
    for (const bool follows : {false, true}) {
        setenv("OTEL_TRACES_SAMPLER", follows ? "parentbased_jaeger_remote" : "jaeger_remote", 1);
        plume::test::recorded([&server, follows] {
            REQUIRE(has_asked(server, server.requests().size() + 2));
            CHECK_FALSE(root_is_recorded());
            plume::SpanContext caller;
            caller.trace_id = {1, 1};
            caller.span_id = {1};
            caller.flags = plume::trace_flags::sampled;
            caller.is_remote = true;
            const plume::ContextScope scope{caller};
            CHECK(root_is_recorded() == follows);
        });
    }
    unsetenv("OTEL_TRACES_SAMPLER");
    unsetenv("OTEL_TRACES_SAMPLER_ARG");
}
