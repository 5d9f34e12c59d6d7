// sampled.cpp - begins roots as a Jaeger server says, and prints which part of them is recorded.
//
//   sampled ENDPOINT
//
// Prints a line of JSON each time that the server's answer changes, which it knows by the operation
// "marker": recorded or not. For each line of input, it waits for the next such change.
#include <chrono>
#include <cstdio>
#include <iostream>
#include <string>
#include <thread>

#include <plume/plume.hpp>
#include <plume/samplers/jaeger_remote.hpp>
#include <plume/session.hpp>

namespace {

constexpr int roots = 2000;

bool marker_is_recorded() {
    PLUME_SPAN_AS(span, "marker");
    return span.recording();
}

/// How many roots of an operation are recorded.
#define COUNT(operation)                                                                           \
    [] {                                                                                           \
        int recorded = 0;                                                                          \
        for (int i = 0; i < roots; ++i) {                                                          \
            PLUME_SPAN_AS(span, operation);                                                        \
            recorded += span.recording() ? 1 : 0;                                                  \
        }                                                                                          \
        return recorded;                                                                           \
    }()

} // namespace

int main(int argc, char** argv) {
    using namespace std::chrono_literals;
    if (argc != 2) return 2;
    plume::Options options;
    options.service_name = "sampled";
    options.sampler = plume::jaeger_remote(
        {.endpoint = argv[1], .interval = 20ms, .initial = plume::Sampler::always_off()});
    plume::Session tracing{options};
    bool before = false;
    for (std::string line; std::getline(std::cin, line);) {
        while (marker_is_recorded() == before) std::this_thread::sleep_for(1ms);
        before = !before;
        std::printf("{\"checkout\": %d, \"GET *\": %d, \"GET /health\": %d, \"pay\": %d, "
                    "\"other\": %d}\n",
                    COUNT("checkout"), COUNT("GET *"), COUNT("GET /health"), COUNT("pay"),
                    COUNT("other"));
        std::fflush(stdout);
    }
}
