// span_limits.hpp - how much one span may carry before the rest is dropped and counted.
#pragma once

#include <cstdint>

namespace plume {

/// How much one span may carry (OpenTelemetry, "Span Limits"). What is over is dropped, and counted
/// on the span.
struct SpanLimits {
    std::uint32_t attributes = 128;
    std::uint32_t events = 128;
    std::uint32_t links = 128;
    std::uint32_t attributes_per_event = 128;
    std::uint32_t attributes_per_link = 128;
};

} // namespace plume
