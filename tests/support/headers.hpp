// headers.hpp - headers of requests, as the tests of propagation write and read them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <plume/propagation/propagation.hpp>

namespace plume::test {

using Headers = std::vector<std::pair<std::string, std::string>>;

inline Extracted extract_from(const Headers& headers, Propagators chosen) {
    return extract(PairsCarrier{headers}, chosen);
}

/// What is injected, one "name: value" a line.
inline std::string injected(const SpanContext& context, Propagators chosen) {
    Headers headers;
    PairsCarrier carrier{headers};
    inject(context, carrier, chosen);
    std::string lines;
    for (const auto& [name, value] : headers) lines += name + ": " + value + '\n';
    return lines;
}

/// The trace id of the examples of W3C Trace Context, and of most tests here.
inline constexpr TraceId example_trace{0x4bf92f3577b34da6, 0xa3ce929d0e0e4736};
inline constexpr SpanId example_span{0x00f067aa0ba902b7};

inline SpanContext example_context(std::uint8_t flags = trace_flags::sampled) {
    SpanContext context;
    context.trace_id = example_trace;
    context.span_id = example_span;
    context.flags = flags;
    context.is_remote = true;
    return context;
}

} // namespace plume::test
