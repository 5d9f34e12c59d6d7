// propagation.cpp - what it costs to take a context from a request's headers, and to send it on.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include <plume/propagation/propagation.hpp>

#include "cases.hpp"
#include "measure.hpp"

namespace {

/// A request as a browser's or a service's looks like; what is asked for stands at its end.
using Request = std::array<std::pair<std::string_view, std::string_view>, 8>;
constexpr std::string_view traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const Request request{{{"Host", "inventory.internal:8080"},
                       {"Accept", "application/json"},
                       {"User-Agent", "storefront/1.4"},
                       {"Connection", "keep-alive"},
                       {"Content-Type", "application/json"},
                       {"Content-Length", "348"},
                       {"X-Request-Id", "3f0f9c1e-6b1d-4d57-a55b-6d3c2ab1cbb0"},
                       {"Traceparent", traceparent}}};

/// A client that copies what it sends into a buffer.
struct Sent {
    std::array<char, 256> bytes;
    std::size_t size = 0;

    void set(std::string_view name, std::string_view value) noexcept {
        std::memcpy(bytes.data() + size, name.data(), name.size());
        std::memcpy(bytes.data() + size + name.size(), value.data(), value.size());
        size += name.size() + value.size();
    }
};

/// Once there and back. The compiler cannot know what it has read, nor that nobody reads the rest.
[[gnu::noinline]] std::size_t extract_and_inject(const Request& from, Sent& to) {
    const plume::Extracted extracted = plume::extract(plume::PairsCarrier{from});
    plume::inject(extracted.context(), to);
    return to.size;
}

double nanoseconds(int rounds) {
    Sent sent;
    const double begin = measure::now_ns();
    for (int i = 0; i < rounds; ++i) {
        sent.size = 0;
        asm volatile("" ::"r"(&request), "r"(&sent) : "memory");
        extract_and_inject(request, sent);
    }
    return (measure::now_ns() - begin) / rounds;
}

bool is_sent_on() {
    Sent sent;
    extract_and_inject(request, sent);
    return std::string_view{sent.bytes.data(), sent.size} ==
           "traceparent00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
}

} // namespace

int main() {
    measure::run_on(0);
    if (!is_sent_on()) {
        std::fputs("propagation: the context that went in did not come out\n", stderr);
        return 1;
    }
    constexpr int rounds = 1000; // shorter than what a scheduler gives to others at once
    std::vector<double> samples;
    std::vector<double> pairs;
    const std::uint64_t before = allocations_of_this_thread();
    nanoseconds(rounds);
    const std::uint64_t allocations = allocations_of_this_thread() - before;
    for (int i = 0; i < 1001; ++i) {
        samples.push_back(nanoseconds(rounds));
        pairs.push_back(measure::clock_pair_ns(1000));
    }
    const double middle = measure::median(samples);
    std::fprintf(stderr,
                 "propagation: extract and inject %.1f ns (clock pair %.1f ns), %lu allocations in "
                 "%d times\n",
                 middle, measure::median(pairs), allocations, rounds);
    std::printf("{\"propagation\": {\"extract_inject_ns\": %.1f, \"allocations\": %lu}}\n", middle,
                allocations);
}
