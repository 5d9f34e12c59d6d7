// ids.hpp - who a span is: its trace, itself, and what travels with it between services.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include <plume/core/span_kind.hpp>

namespace plume {

namespace [[gnu::visibility("hidden")]] detail {

inline constexpr char hex_digits[] = "0123456789abcdef";

/// Writes `value` as 16 lowercase hexadecimal digits, most significant first; returns the end.
constexpr char* write_hex(char* out, std::uint64_t value) noexcept {
    for (int shift = 60; shift >= 0; shift -= 4) *out++ = hex_digits[(value >> shift) & 15];
    return out;
}

/// A bijection of 64 bits that looks random (the finaliser of MurmurHash3, by Austin Appleby).
constexpr std::uint64_t mix(std::uint64_t x) noexcept {
    x = (x ^ (x >> 33)) * 0xff51afd7ed558ccdULL;
    x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53ULL;
    return x ^ (x >> 33);
}

} // namespace detail

/// 128 bits that all spans of one trace share. All zero means "no trace".
struct TraceId {
    std::uint64_t high = 0;
    std::uint64_t low = 0;

    [[nodiscard]] constexpr bool valid() const noexcept { return (high | low) != 0; }
    friend constexpr bool operator==(const TraceId&, const TraceId&) = default;

    /// 32 lowercase hexadecimal digits, not terminated (W3C Trace Context, 3.2.2.3).
    [[nodiscard]] constexpr std::array<char, 32> hex() const noexcept {
        std::array<char, 32> text{};
        detail::write_hex(detail::write_hex(text.data(), high), low);
        return text;
    }
};

/// 64 bits that name one span. Zero means "no span".
struct SpanId {
    std::uint64_t value = 0;

    [[nodiscard]] constexpr bool valid() const noexcept { return value != 0; }
    friend constexpr bool operator==(const SpanId&, const SpanId&) = default;

    /// 16 lowercase hexadecimal digits, not terminated (W3C Trace Context, 3.2.2.4).
    [[nodiscard]] constexpr std::array<char, 16> hex() const noexcept {
        std::array<char, 16> text{};
        detail::write_hex(text.data(), value);
        return text;
    }
};

/// Bits of the trace flags (W3C Trace Context Level 2, 3.2.2.5).
namespace trace_flags {
inline constexpr std::uint8_t sampled = 0x01;
inline constexpr std::uint8_t random = 0x02; ///< the low 56 bits of the trace id are random
inline constexpr std::uint8_t w3c =
    sampled | random; ///< all that a `traceparent` and exporters see

// What B3 and Jaeger say beyond that. It travels on in their headers alone.
inline constexpr std::uint8_t debug = 0x80;    ///< sampled on demand, and no sampler may object
inline constexpr std::uint8_t firehose = 0x40; ///< Jaeger's: too much of it to be indexed
inline constexpr std::uint8_t deferred = 0x20; ///< nobody has decided: the first span here does
inline constexpr std::uint8_t decided = 0x10;  ///< without ids: `sampled` or not is what holds for
                                               ///< the trace that begins next
} // namespace trace_flags

/// How a span went; the numbers are those of OTLP's StatusCode. Ok outranks Error outranks Unset.
enum class StatusCode : std::uint8_t { unset = 0, ok = 1, error = 2 };

/// The part of a span that travels to its children, wherever they run.
/// `trace_state` and `baggage` are views: they live as long as whatever the context was taken from.
struct SpanContext {
    TraceId trace_id;
    SpanId span_id;
    std::uint8_t flags = 0;
    bool is_remote = false;         ///< it came from another process
    std::string_view trace_state{}; ///< the value of the W3C header `tracestate`, or empty
    /// The value of the W3C header `baggage`, or empty; may be there without ids.
    std::string_view baggage{};

    [[nodiscard]] constexpr bool valid() const noexcept {
        return trace_id.valid() && span_id.valid();
    }
    [[nodiscard]] constexpr bool sampled() const noexcept {
        return (flags & trace_flags::sampled) != 0;
    }
    friend constexpr bool operator==(const SpanContext&, const SpanContext&) = default;
};

} // namespace plume
