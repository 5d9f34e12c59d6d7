// sampling.cpp - what spans cost that are not recorded: unsampled, switched off, over their rate.
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

#include <plume/callsites.hpp>
#include <plume/plume.hpp>
#include <plume/sampling/plan_builder.hpp>
#include <plume/session.hpp>

#include "measure.hpp"

namespace {

constexpr int burst = 40'000;

[[gnu::noinline]] void work() { asm volatile(""); }

void unsampled_root(int count) {
    for (int i = 0; i < count; ++i) {
        PLUME_SPAN("root");
        work();
    }
}

void unsampled_child(int count) {
    for (int i = 0; i < count; ++i) {
        PLUME_SPAN("child");
        work();
    }
}

void unsampled_child_3(int count) {
    for (int i = 0; i < count; ++i) {
        PLUME_SPAN("child", "a"_a = i, "b"_a = i + 1, "c"_a = 0.5 * i);
        work();
    }
}

void callsite_off(int count) {
    for (int i = 0; i < count; ++i) {
        PLUME_SPAN("switched off");
        work();
    }
}

void limited_over(int count) {
    for (int i = 0; i < count; ++i) {
        PLUME_SPAN_LIMITED("limited", 1_per_minute);
        work();
    }
}

void nothing(int count) {
    for (int i = 0; i < count; ++i) work();
}

/// What one costs beyond the loop, in clock pairs: the median of rounds that each measure the loop,
/// the clock pair and the case behind each other.
double ratio(void (*f)(int)) {
    constexpr int rounds = 300;
    std::vector<double> ratios;
    f(100);
    for (int round = 0; round < rounds; ++round) {
        const double pair = measure::clock_pair_ns();
        double begin = measure::now_ns();
        nothing(burst);
        const double loop = (measure::now_ns() - begin) / burst;
        begin = measure::now_ns();
        f(burst);
        ratios.push_back(((measure::now_ns() - begin) / burst - loop) / pair);
    }
    return measure::median(ratios);
}

void count_for_callgrind(std::string_view name, int count) {
    if (name == "unsampled_root") unsampled_root(count);
    if (name == "limited_over") limited_over(count);
    if (name == "unsampled_child") unsampled_child(count);
}

} // namespace

/// Without arguments, measures. `CASE COUNT` runs one case, for tools that count instructions.
int main(int argc, char** argv) {
    measure::run_on(-1);
    plume::Session session{{.service_name = "sampling", .loud_share = 1}, measure::NullExporter{}};
    measure::run_on(0);
    if (argc == 3) {
        if (std::string_view{argv[1]} != "limited_over")
            plume::set_sampler(plume::Sampler::ratio(0));
        PLUME_SPAN("around");
        count_for_callgrind(argv[1], std::atoi(argv[2]));
        return 0;
    }

    double limited = 0;
    double off = 0;
    {
        PLUME_SPAN("around");
        limited = ratio(limited_over);
        plume::disable("switched off");
        off = ratio(callsite_off);
    }
    plume::set_sampler(plume::Sampler::parent_based(plume::Sampler::ratio(0)));
    const double root = ratio(unsampled_root);
    double child = 0;
    double child_3 = 0;
    {
        PLUME_SPAN("around");
        child = ratio(unsampled_child);
        child_3 = ratio(unsampled_child_3);
    }
    const plume::Stats stats = session.shutdown(std::chrono::seconds{10}).stats;
    std::fprintf(stderr,
                 "not recorded, in clock pairs: unsampled root %.3f, unsampled child %.3f, with 3 "
                 "attributes %.3f, callsite off %.3f, over its rate %.3f\n",
                 root, child, child_3, off, limited);
    std::printf("{\"sampling\": {\"unsampled_root\": {\"ratio\": %.4f}, \"unsampled_child\": "
                "{\"ratio\": %.4f}, \"unsampled_child_3\": {\"ratio\": %.4f}, \"callsite_off\": "
                "{\"ratio\": %.4f}, \"limited_over\": {\"ratio\": %.4f}}}\n",
                root, child, child_3, off, limited);
    // "around" and one of the limited line, and nothing else.
    if (stats.begun == 2 && stats.exporters.at(0).dropped.total() == 0) return 0;
    std::fprintf(stderr, "sampling: %llu spans were recorded that should not have been\n",
                 static_cast<unsigned long long>(stats.begun));
    return 1;
}
