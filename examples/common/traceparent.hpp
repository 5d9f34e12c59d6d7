// traceparent.hpp - the W3C header that carries a trace from service to service.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <plume/ids.hpp>

namespace examples {

/// Lowercase digits alone: the header knows no others.
constexpr std::optional<std::uint64_t> parse_hex(std::string_view digits) noexcept {
    std::uint64_t value = 0;
    for (const char c : digits) {
        std::uint64_t digit = 0;
        if (c >= '0' && c <= '9') digit = static_cast<std::uint64_t>(c - '0');
        else if (c >= 'a' && c <= 'f') digit = static_cast<std::uint64_t>(c - 'a') + 10;
        else return std::nullopt;
        value = value << 4U | digit;
    }
    return value;
}

/// What `00-<trace id>-<span id>-<flags>` says; an invalid context if it is anything else. A later
/// version may say more behind that (W3C Trace Context Level 2, 3.2 and 4.2).
constexpr plume::SpanContext parse_traceparent(std::string_view header) noexcept {
    while (header.starts_with(' ') || header.starts_with('\t')) header.remove_prefix(1);
    while (header.ends_with(' ') || header.ends_with('\t')) header.remove_suffix(1);

    constexpr std::size_t length = 55; // of version 00
    if (header.size() < length) return {};
    if (header[2] != '-' || header[35] != '-' || header[52] != '-') return {};
    const auto version = parse_hex(header.substr(0, 2));
    const auto trace_high = parse_hex(header.substr(3, 16));
    const auto trace_low = parse_hex(header.substr(19, 16));
    const auto span = parse_hex(header.substr(36, 16));
    const auto flags = parse_hex(header.substr(53, 2));
    if (!version || !trace_high || !trace_low || !span || !flags) return {};
    if (*version == 0xff) return {};
    if (header.size() > length && (*version == 0 || header[length] != '-')) return {};

    constexpr std::uint64_t known = plume::trace_flags::sampled | plume::trace_flags::random;
    plume::SpanContext context;
    context.trace_id = {*trace_high, *trace_low};
    context.span_id = {*span};
    context.flags = static_cast<std::uint8_t>(*flags & known);
    context.is_remote = true;
    return context.valid() ? context : plume::SpanContext{};
}

/// The header's value for a valid context.
inline std::string format_traceparent(const plume::SpanContext& context) {
    std::string header = "00-";
    const auto trace = context.trace_id.hex();
    header.append(trace.data(), trace.size()).append("-");
    const auto span = context.span_id.hex();
    header.append(span.data(), span.size()).append("-0");
    header += static_cast<char>('0' + (context.flags & 3)); // the two flags that there are
    return header;
}

} // namespace examples
