// flags.hpp - the flags word that OTLP attaches to spans and links.
#pragma once

#include <cstdint>

#include <plume/export/span_data.hpp>

namespace plume::otlp {

// opentelemetry/proto/trace/v1/trace.proto, SpanFlags.
inline constexpr std::uint32_t flag_has_is_remote = 0x100; ///< the next bit is meaningful
inline constexpr std::uint32_t flag_is_remote = 0x200;

[[nodiscard]] constexpr std::uint32_t flags_word(std::uint8_t w3c, bool remote) noexcept {
    return w3c | flag_has_is_remote | (remote ? flag_is_remote : 0);
}
/// Bits 0 to 7 are the W3C trace flags; the others say whether the parent is remote.
[[nodiscard]] constexpr std::uint32_t flags_of(const SpanData& span) noexcept {
    return flags_word(span.flags, span.parent_is_remote);
}
[[nodiscard]] constexpr std::uint32_t flags_of(const Link& link) noexcept {
    return flags_word(link.context.flags, link.context.is_remote);
}

} // namespace plume::otlp
