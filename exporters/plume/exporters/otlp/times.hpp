// times.hpp - when a span ends, as OTLP says it.
#pragma once

#include <cstdint>

#include <plume/export/span_data.hpp>

namespace plume::otlp {

/// A span that begins and ends in one tick of the clock takes a nanosecond: backends take a span
/// without any duration for one whose clock ran backwards.
[[nodiscard]] constexpr std::uint64_t end_of(const SpanData& span) noexcept {
    return span.end_unix_ns + (span.end_unix_ns == span.begin_unix_ns ? 1 : 0);
}

} // namespace plume::otlp
