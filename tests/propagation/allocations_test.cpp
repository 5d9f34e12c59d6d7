// In a process of its own: it counts what operator new is asked for.
#include <cstddef>
#include <string>

#include "support/allocations.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/headers.hpp"
#include "support/recorded.hpp"

using plume::ContextScope;
using plume::Propagator;
using plume::Propagators;
using plume::test::Headers;

namespace {

const std::string traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Sanitizers have an operator new of their own.
constexpr bool counted = !plume::scene::address_sanitizer && !plume::scene::thread_sanitizer;

struct Sink {
    std::size_t bytes = 0;
    void set(std::string_view name, std::string_view value) noexcept {
        bytes += name.size() + value.size();
    }
};

/// What it takes from the heap to read a context, put it in force and send it on.
std::size_t allocations_to_pass_on(const Headers& headers, Propagators chosen) {
    const plume::PairsCarrier carrier{headers};
    Sink sink;
    const std::size_t before = plume::test::allocations();
    {
        const plume::Extracted extracted = plume::extract(carrier, chosen);
        const ContextScope scope{extracted.context()};
        plume::inject(plume::current_context(), sink, chosen);
    }
    const std::size_t after = plume::test::allocations();
    CHECK(sink.bytes != 0);
    return after - before;
}

} // namespace

TEST_CASE("the allocations are counted") {
    const std::size_t before = plume::test::allocations();
    const std::string text(100, 'x');
    const std::size_t after = plume::test::allocations();
    CHECK((after > before) == counted);
    CHECK(text.size() == 100);
}

TEST_CASE("a traceparent is extracted and injected without an allocation") {
    const Headers headers{{"host", "localhost"}, {"traceparent", traceparent}};
    static_cast<void>(plume::current_context());
    { const ContextScope claims_the_lane{plume::SpanContext{}}; }
    CHECK(allocations_to_pass_on(headers, Propagators::defaults()) == 0);
}

TEST_CASE("no format of ids alone needs an allocation") {
    const std::string ids = traceparent.substr(3, 49);
    CHECK(allocations_to_pass_on({{"b3", ids + "-1"}}, {Propagator::b3}) == 0);
    CHECK(allocations_to_pass_on({{"b3", "0"}}, {Propagator::b3}) == 0);
    CHECK(allocations_to_pass_on({{"x-b3-traceid", ids.substr(0, 32)},
                                  {"x-b3-spanid", ids.substr(33)},
                                  {"x-b3-sampled", "1"}},
                                 {Propagator::b3multi}) == 0);
    CHECK(allocations_to_pass_on(
              {{"uber-trace-id", "4bf92f3577b34da6a3ce929d0e0e4736:f067aa0ba902b7:0:1"}},
              {Propagator::jaeger}) == 0);
}

TEST_CASE("trace state and baggage that are long are the only ones that need any") {
    const Headers headers{{"traceparent", traceparent},
                          {"tracestate", "vendor=" + std::string(200, 'x')},
                          {"baggage", "key=" + std::string(200, 'x')}};
    CHECK((allocations_to_pass_on(headers, Propagators::defaults()) != 0) == counted);
}
