// span_kind.hpp - what a span is for, as an argument of the macros; free of any other header.
#pragma once

namespace plume {

/// What a span is for; the order and the numbers are those of OTLP's SpanKind.
enum class SpanKind : unsigned char {
    internal = 1,
    server = 2,
    client = 3,
    producer = 4,
    consumer = 5
};

namespace [[gnu::visibility("hidden")]] detail {
template <SpanKind Kind>
struct KindTag {
    static constexpr SpanKind kind = Kind;
};
} // namespace detail

inline constexpr detail::KindTag<SpanKind::internal> internal{};
inline constexpr detail::KindTag<SpanKind::server> server{};
inline constexpr detail::KindTag<SpanKind::client> client{};
inline constexpr detail::KindTag<SpanKind::producer> producer{};
inline constexpr detail::KindTag<SpanKind::consumer> consumer{};

} // namespace plume
