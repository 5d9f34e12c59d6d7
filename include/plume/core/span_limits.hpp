// span_limits.hpp - how much one span may carry before the rest is dropped and counted.
#pragma once

#include <cstdint>
#include <optional>

namespace plume {

/// How much one span may carry (OpenTelemetry, "Span Limits"). What is over is dropped, and counted
/// on the span. Not set: what the environment variable says, else the number in brackets.
struct SpanLimits {
    std::optional<std::uint32_t> attributes{};           ///< OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT [128]
    std::optional<std::uint32_t> events{};               ///< OTEL_SPAN_EVENT_COUNT_LIMIT [128]
    std::optional<std::uint32_t> links{};                ///< OTEL_SPAN_LINK_COUNT_LIMIT [128]
    std::optional<std::uint32_t> attributes_per_event{}; ///< OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT [128]
    std::optional<std::uint32_t> attributes_per_link{};  ///< OTEL_LINK_ATTRIBUTE_COUNT_LIMIT [128]
    /// A local root, and spans that its thread may begin in it; those beyond are dropped for the
    /// reason over_limit, and counted on what would have been their parent. 0: as many as it likes.
    std::uint32_t spans_per_root = 0;
};

namespace [[gnu::visibility("hidden")]] detail {

/// The same, decided.
struct Allowed {
    std::uint32_t attributes = 128;
    std::uint32_t events = 128;
    std::uint32_t links = 128;
    std::uint32_t attributes_per_event = 128;
    std::uint32_t attributes_per_link = 128;
    std::uint32_t spans_per_root = 0; ///< 0: no limit

    constexpr Allowed() noexcept = default;
    constexpr Allowed(const SpanLimits& limits) noexcept
        : attributes{limits.attributes.value_or(128)}, events{limits.events.value_or(128)},
          links{limits.links.value_or(128)},
          attributes_per_event{limits.attributes_per_event.value_or(128)},
          attributes_per_link{limits.attributes_per_link.value_or(128)},
          spans_per_root{limits.spans_per_root} {}
};

} // namespace detail
} // namespace plume
