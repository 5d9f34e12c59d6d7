// traceparent.hpp - the header that names trace and parent (W3C Trace Context Level 2, 3.2).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <plume/core/ids.hpp>
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
    // The two digits of version and flags, behind zeros.
    const char ends[] = {'0', '0', '0', '0', '0',     '0',     '0',      '0',
                         '0', '0', '0', '0', text[0], text[1], text[53], text[54]};
    WordPair wrong{};
    const std::uint64_t version_and_flags = read_hex16(ends, wrong);
    const std::uint64_t version = version_and_flags >> 8U;
    SpanContext context;
    context.trace_id = {read_hex16(text + 3, wrong), read_hex16(text + 19, wrong)};
    context.span_id = {read_hex16(text + 36, wrong)};
    context.flags = static_cast<std::uint8_t>(version_and_flags & trace_flags::w3c);
    context.is_remote = true;
    const int hyphens = (text[2] ^ '-') | (text[35] ^ '-') | (text[52] ^ '-');
    if ((wrong[0] | wrong[1]) != 0 || hyphens != 0 || version == 0xff || !context.valid())
        return {};
    if (header.size() > traceparent_size && (version == 0 || text[traceparent_size] != '-'))
        return {};
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
