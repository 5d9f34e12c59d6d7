// overhead.cpp - what a span costs the thread that records it, as a ratio to two reads of the
// clock.
//
// Every round measures the clock pair and the case behind each other, in bursts that fit the ring,
// on one processor, with the background threads on the others. What the other processors' distance
// does to a round is measured too: a virtual machine's processors may share a cache at one moment
// and not at the next, and then a line of the ring that the reader has touched costs ten times as
// much. Rounds of both kinds are told apart, never left out.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>
#include <sys/utsname.h>

#include <plume/plume.hpp>
#include <plume/session.hpp>

#include "cases.hpp"
#include "export.hpp"
#include "measure.hpp"

namespace {

using namespace std::chrono_literals;
using measure::median;
using measure::now_ns;
using measure::NullExporter;
using measure::run_on;

/// Spans of a burst: the largest records, 10 attributes, fill a third of the usual ring.
constexpr int burst = 4000;
constexpr int sustained_burst = 2'000'000;
/// Two processors that pass a line back and forth in less than this share a cache.
constexpr double near_ns = 150;

/// What it takes to send a line to another processor and back.
double round_trip_ns() {
    if (std::thread::hardware_concurrency() < 2) return 0;
    constexpr int trips = 2000;
    alignas(128) std::atomic<int> turn{0};
    std::atomic<bool> ready{false};
    std::thread other{[&] {
        run_on(1);
        ready = true;
        for (int i = 0; i < trips; ++i) {
            while (turn.load() != 2 * i + 1) {}
            turn.store(2 * i + 2);
        }
    }};
    while (!ready) std::this_thread::yield();
    const double begin = now_ns();
    for (int i = 0; i < trips; ++i) {
        turn.store(2 * i + 1);
        while (turn.load() != 2 * i + 2) {}
    }
    const double took = now_ns() - begin;
    other.join();
    return took / trips;
}

struct Round {
    double ns;
    double pair_ns;
    double round_trip;
};

struct Result {
    std::vector<Round> rounds;
    std::uint64_t dropped = 0;
};

std::map<std::string, Result> results;
plume::Session* session = nullptr;

std::uint64_t dropped_so_far() {
    if (!session) return 0;
    const plume::Stats stats = session->flush(60s).stats;
    return stats.exporters.at(0).dropped.total() + stats.dropped_records;
}

/// Long enough for the collector to fall asleep: a burst meets no reader, as in a program that
/// does not record all the time.
void let_it_sleep() {
    if (session) std::this_thread::sleep_for(3ms);
}

/// `f(n)` records n times. `root`: inside an open span, so that it begins no traces.
void measure(benchmark::State& state, const std::string& name, const std::function<void(int)>& f,
             int count, bool in_span) {
    Result& result = results[name];
    const std::uint64_t dropped_before = dropped_so_far();
    for (auto _ : state) {
        const double trip = round_trip_ns();
        for (int i = 0; i < 5; ++i) {
            dropped_so_far();
            let_it_sleep();
            double begin = now_ns();
            cases::clock_pair(burst);
            const double pair = (now_ns() - begin) / burst;
            const auto timed = [&] {
                f(64); // the code is in the cache
                begin = now_ns();
                f(count);
                const double took = (now_ns() - begin) / count;
                result.rounds.push_back({took, pair, trip});
                state.SetIterationTime(took * 1e-9);
            };
            if (in_span) {
                PLUME_SPAN("around");
                timed();
            } else {
                timed();
            }
            if (count > burst) break;
        }
    }
    result.dropped += dropped_so_far() - dropped_before;
}

void two_threads(benchmark::State& state) {
    Result& one = results["one_of_two"];
    Result& both = results["two_threads"];
    const std::uint64_t dropped_before = dropped_so_far();
    const auto timed = [] {
        PLUME_SPAN("around");
        cases::empty_span(64);
        const double begin = now_ns();
        cases::empty_span(burst);
        return (now_ns() - begin) / burst;
    };
    for (auto _ : state) {
        const double trip = round_trip_ns();
        dropped_so_far();
        let_it_sleep();
        double begin = now_ns();
        cases::clock_pair(burst);
        const double pair = (now_ns() - begin) / burst;
        const double alone = timed();
        one.rounds.push_back({alone, pair, trip});
        std::atomic<int> ready{0};
        double other_ns = 0;
        std::thread other{[&] {
            run_on(1);
            { PLUME_SPAN("warm"); }
            ++ready;
            while (ready != 2) {}
            other_ns = timed();
        }};
        while (ready != 1) {}
        ++ready;
        const double own_ns = timed();
        other.join();
        both.rounds.push_back({(own_ns + other_ns) / 2, pair, trip});
        state.SetIterationTime(own_ns * 1e-9);
    }
    both.dropped += dropped_so_far() - dropped_before;
}

double collect_spans_per_s = 0;

/// Collector, worker and this thread on one processor: what is measured is all that they do.
void collect(benchmark::State& state) {
    constexpr int spans = 50'000;
    std::vector<double> rates;
    for (auto _ : state) {
        dropped_so_far();
        measure::BackgroundTime background;
        {
            PLUME_SPAN("around");
            cases::attributes_3(spans);
        }
        background.rest();
        session->flush(60s);
        const double took = background.ns();
        rates.push_back(spans / took * 1e9);
        state.SetIterationTime(took * 1e-9);
    }
    collect_spans_per_s = median(rates);
}

double allocations_per_span = 0;
ExportRates exported;

void count_allocations() {
    PLUME_SPAN("around");
    const std::uint64_t before = allocations_of_this_thread();
    cases::empty_span(burst);
    cases::attributes_10(burst);
    cases::text_attribute(burst);
    cases::event(burst);
    cases::async_span(burst);
    allocations_per_span =
        static_cast<double>(allocations_of_this_thread() - before) / (5.0 * burst);
}

std::string processor() {
    std::ifstream info{"/proc/cpuinfo"};
    for (std::string line; std::getline(info, line);)
        if (line.rfind("model name", 0) == 0) return line.substr(line.find(':') + 2);
    utsname name{};
    uname(&name);
    return name.machine;
}

struct Summary {
    double ns = 0;
    double ratio = 0;
    std::size_t rounds = 0;
};

Summary summarise(const Result& result, const std::function<bool(const Round&)>& which) {
    std::vector<double> ns;
    std::vector<double> ratios;
    for (const Round& round : result.rounds) {
        if (!which(round)) continue;
        ns.push_back(round.ns);
        ratios.push_back(round.ns / round.pair_ns);
    }
    return {median(ns), median(ratios), ns.size()};
}

bool is_near(const Round& round) { return round.round_trip <= near_ns; }

int report(const char* path) {
    std::vector<double> pairs;
    for (const auto& [name, result] : results)
        for (const Round& round : result.rounds) pairs.push_back(round.pair_ns);
    std::ostringstream json;
    json.precision(6);
    json << "{\"clock_pair_ns\": " << median(pairs) << ",\n \"cases\": {";
    std::printf("\nclock pair %.2f ns\n%-22s %9s %7s   %s\n", median(pairs), "", "ns", "ratio",
                "with the reader's processor far away");
    std::uint64_t dropped = 0;
    const char* separator = "\n";
    for (const auto& [name, result] : results) {
        // The figure is that of processors which share a cache, if there was such a moment.
        const Summary near = summarise(result, is_near);
        const Summary far = summarise(result, [](const Round& round) { return !is_near(round); });
        const Summary& main = near.rounds != 0 ? near : far;
        json << separator << "  \"" << name << "\": {\"ns\": " << main.ns
             << ", \"ratio\": " << main.ratio << ", \"dropped\": " << result.dropped
             << ", \"rounds\": " << main.rounds
             << ", \"near\": " << (near.rounds != 0 ? "true" : "false");
        std::printf("%-22s %9.2f %7.3f", name.c_str(), main.ns, main.ratio);
        if (near.rounds != 0 && far.rounds != 0) {
            json << ", \"ratio_far\": " << far.ratio << ", \"rounds_far\": " << far.rounds;
            std::printf("   %.3f in %zu of %zu rounds", far.ratio, far.rounds,
                        far.rounds + near.rounds);
        } else if (far.rounds != 0) {
            std::printf("   (all rounds)");
        }
        if (result.dropped != 0)
            std::printf("   DROPPED %llu", static_cast<unsigned long long>(result.dropped));
        std::printf("\n");
        json << "}";
        separator = ",\n";
        dropped += result.dropped;
    }
    std::printf("collected through a null exporter: %.1f M spans/s on one processor\n",
                collect_spans_per_s * 1e-6);
    std::printf("and sent to Jaeger by UDP: %.1f M spans/s; by OTLP: %.1f M spans/s; Thrift: %.0f "
                "ns a span\n",
                exported.jaeger_udp_spans_per_s * 1e-6, exported.otlp_spans_per_s * 1e-6,
                exported.thrift_ns_per_span);
    std::printf("heap allocations per span: %g\n", allocations_per_span);
    json << "},\n \"collect_spans_per_s\": " << collect_spans_per_s
         << ",\n \"export\": {\"jaeger_udp_spans_per_s\": " << exported.jaeger_udp_spans_per_s
         << ", \"otlp_spans_per_s\": " << exported.otlp_spans_per_s
         << ", \"thrift_ns_per_span\": " << exported.thrift_ns_per_span
         << "},\n \"allocations_per_span\": " << allocations_per_span << ",\n \"processor\": \""
         << processor() << "\",\n \"compiler\": \"" << __VERSION__ << "\"}\n";
    std::ofstream{path} << json.str();
    if (dropped != 0)
        std::fprintf(stderr, "overhead: %llu spans were dropped: the figures mean nothing\n",
                     static_cast<unsigned long long>(dropped));
    if (allocations_per_span != 0) std::fprintf(stderr, "overhead: recording allocates\n");
    return dropped == 0 && allocations_per_span == 0 ? 0 : 1;
}

void add(const char* name, void (*f)(int), int rounds, int count = burst, bool in_span = true) {
    benchmark::RegisterBenchmark(
        name, [=](benchmark::State& state) { measure(state, name, f, count, in_span); })
        ->UseManualTime()
        ->Iterations(rounds);
}

void run_registered() {
    benchmark::ConsoleReporter reporter; // each run consumes one
    benchmark::RunSpecifiedBenchmarks(&reporter);
    benchmark::ClearRegisteredBenchmarks();
}

} // namespace

/// overhead [PATH of the JSON] [Google Benchmark's options]. Given `--case=NAME --count=N`, runs
/// that case N times in a session and nothing else, for tools that count instructions.
int main(int argc, char** argv) {
    const std::map<std::string, void (*)(int)> by_name{
        {"empty_span", &cases::empty_span}, {"attributes_3", &cases::attributes_3},
        {"nested_4", &cases::nested_4},     {"fields_6", &cases::fields_6},
        {"by_hand_6", &cases::by_hand_6},   {"root_span", &cases::empty_span},
        {"async_span", &cases::async_span}, {"text_attribute", &cases::text_attribute},
        {"clock_pair", &cases::clock_pair}};
    if (argc == 3 && std::string{argv[1]}.starts_with("--case=")) {
        plume::Session one{{.service_name = "overhead"}, NullExporter{}};
        const std::string name = std::string{argv[1]}.substr(7);
        const int count = std::atoi(argv[2] + 8);
        if (name == "root_span") {
            by_name.at(name)(count);
        } else {
            PLUME_SPAN("around");
            by_name.at(name)(count);
        }
        return 0;
    }
    benchmark::Initialize(&argc, argv);
    const char* path = argc > 1 ? argv[1] : "build-bench/overhead.json";
    constexpr int rounds = 40;

    run_on(0);
    add("off_no_session", &cases::empty_span, rounds, 100 * burst, false);
    run_registered();

    run_on(1);
    exported = measure_export([] { run_on(0); });

    run_on(-1); // threads inherit where they may run
    // A writer at full speed waits rather than drops: what that costs is in its time.
    plume::Session running{{.service_name = "overhead",
                            .ring_bytes = std::size_t{4} << 20U,
                            .when_full = plume::WhenFull::wait,
                            .longest_wait = 10s,
                            .queue_spans = std::size_t{1} << 24U},
                           NullExporter{}};
    session = &running;
    run_on(0);
    cases::switch_callsite(false);
    count_allocations();
    add("empty_span", &cases::empty_span, rounds);
    add("attributes_1", &cases::attributes_1, rounds);
    add("attributes_3", &cases::attributes_3, rounds);
    add("attributes_10", &cases::attributes_10, rounds);
    add("text_attribute", &cases::text_attribute, rounds);
    add("nested_4", &cases::nested_4, rounds);
    add("event", &cases::event, rounds);
    add("async_span", &cases::async_span, rounds);
    add("root_span", &cases::empty_span, rounds, burst, false);
    add("callsite_off", &cases::switched_off, rounds, 100 * burst);
    add("shared_library", &cases::in_library_empty, rounds);
    add("shared_library_3", &cases::in_library_3, rounds);
    add("sustained_empty", &cases::empty_span, rounds / 2, sustained_burst);
    add("sustained_3", &cases::attributes_3, rounds / 2, sustained_burst);
    benchmark::RegisterBenchmark("two_threads", two_threads)
        ->UseManualTime()
        ->Iterations(2 * rounds);
    run_registered();
    run_on(1); // with the background threads
    benchmark::RegisterBenchmark("collect", collect)->UseManualTime()->Iterations(rounds);
    run_registered();
    return report(path);
}
