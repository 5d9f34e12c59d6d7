// traceparent.hpp - the header that names trace and parent (W3C Trace Context Level 2, 3.2).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <plume/ids.hpp>
#include <plume/propagation/header_text.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

inline constexpr std::size_t traceparent_size = 55; ///< of version 00

/// What `00-<trace id>-<span id>-<flags>` says; an invalid context if it is anything else. A later
/// version may say more behind that (3.2 and 4.3).
inline SpanContext read_traceparent(std::string_view header) noexcept {
    header = without_blanks(header);
    if (header.size() < traceparent_size) return {};
    const char* text = header.data();
    bool ok = text[2] == '-' && text[35] == '-' && text[52] == '-';
    // The two digits of version and flags, between zeros.
    const char ends[8] = {'0', '0', text[0], text[1], '0', '0', text[53], text[54]};
    const std::uint32_t version_and_flags = read_hex8(ends, ok);
    SpanContext context;
    context.trace_id = {read_hex16(text + 3, ok), read_hex16(text + 19, ok)};
    context.span_id = {read_hex16(text + 36, ok)};
    context.flags = static_cast<std::uint8_t>(version_and_flags & trace_flags::w3c);
    context.is_remote = true;
    const std::uint32_t version = version_and_flags >> 16U;
    if (header.size() > traceparent_size) ok = ok && version != 0 && text[traceparent_size] == '-';
    if (!ok || version == 0xff || !context.valid()) return {};
    return context;
}

/// The header's value for a valid context, in version 00.
inline std::array<char, traceparent_size> write_traceparent(const SpanContext& context) noexcept {
    std::array<char, traceparent_size> text;
    char* at = text.data();
    *at++ = '0';
    *at++ = '0';
    *at++ = '-';
    at = write_hex16(at, context.trace_id.high);
    at = write_hex16(at, context.trace_id.low);
    *at++ = '-';
    at = write_hex16(at, context.span_id.value);
    *at++ = '-';
    *at++ = '0';
    *at = static_cast<char>('0' + (context.flags & trace_flags::w3c));
    return text;
}

} // namespace detail
} // namespace plume
