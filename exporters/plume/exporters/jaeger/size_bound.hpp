// size_bound.hpp - a quick upper bound of a span's encoded size, so that writing it needs no
// checks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <plume/export/span_data.hpp>

namespace plume::jaeger {

// Each constant is the largest that either protocol takes for the thing, with a little to spare;
// a test compares the bound with exact sizes.

/// A Tag without the bytes of its key and text: 28 in the binary protocol.
inline constexpr std::size_t tag_bound = 32;
/// Tags of our own with a key and a value that are known: the longest is 31 bytes and 8.
inline constexpr std::size_t own_tag_bound = tag_bound + 40;
/// Ids, flags, times, lengths and list headers of a Span: 112 in the binary protocol.
inline constexpr std::size_t fields_bound = 160;
/// A SpanRef (41), or a Log with its name and without its attributes.
inline constexpr std::size_t reference_bound = 48;
inline constexpr std::size_t log_bound = 32 + own_tag_bound;

/// Bytes of the value as text; numbers are in tag_bound.
struct TextBound {
    template <class Number>
    [[nodiscard]] constexpr std::size_t operator()(Number) const noexcept {
        return 0;
    }
    [[nodiscard]] constexpr std::size_t operator()(std::string_view text) const noexcept {
        return text.size();
    }
    template <class Number>
    [[nodiscard]] constexpr std::size_t operator()(std::span<const Number> values) const noexcept {
        constexpr std::size_t digits = 26; // "-1.2345678901234567e-308" and a comma
        return 2 + digits * values.size();
    }
    [[nodiscard]] std::size_t operator()(std::span<const std::string_view> texts) const noexcept {
        std::size_t size = 2;
        for (const std::string_view text : texts) size += 3 + 6 * text.size(); // "\u0001"
        return size;
    }
};

[[nodiscard]] inline std::size_t size_bound(std::span<const Attribute> attributes) noexcept {
    std::size_t size = 0;
    for (const Attribute& attribute : attributes)
        size += tag_bound + attribute.key_size + attribute.visit(TextBound{});
    return size;
}

[[nodiscard]] inline std::size_t size_bound(const SpanDetails& details) noexcept {
    std::size_t size =
        6 * own_tag_bound + details.status_message.size() + details.trace_state.size();
    for (const Event& event : details.events)
        size += log_bound + own_tag_bound + event.name.size() + size_bound(event.attributes);
    for (const Link& link : details.links) // its ids as text are 32 and 16 digits
        size += reference_bound + log_bound + 3 * own_tag_bound + size_bound(link.attributes);
    return size + reference_bound; // to the parent
}

/// At least what Mapping<Whole> writes, in either protocol.
[[nodiscard]] inline std::size_t size_bound(const SpanData& span) noexcept {
    const Source& source = *span.source;
    std::size_t size = fields_bound + 5 * own_tag_bound + span.name().size() +
                       source.scope_name.size() + source.scope_version.size() +
                       size_bound(span.attributes());
    if (span.details != &SpanData::no_details) size += size_bound(*span.details);
    return size;
}

} // namespace plume::jaeger
