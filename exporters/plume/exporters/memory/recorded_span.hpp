// recorded_span.hpp - a span that owns all it consists of: strings, values, events, links.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include <plume/core/ids.hpp>
#include <plume/export/span_data.hpp>

namespace plume {

/// The types of plume::ValueType, in its order.
using RecordedValue =
    std::variant<bool, std::int64_t, double, std::string, std::vector<bool>,
                 std::vector<std::int64_t>, std::vector<double>, std::vector<std::string>>;

struct RecordedAttribute {
    std::string key;
    RecordedValue value;

    friend bool operator==(const RecordedAttribute&, const RecordedAttribute&) = default;
};

/// In the order in which they were set; keys are unique.
using RecordedAttributes = std::vector<RecordedAttribute>;

/// Something that happened at one moment inside a span.
struct RecordedEvent {
    std::string name;
    std::uint64_t time_unix_ns = 0;
    RecordedAttributes attributes;
    std::uint32_t dropped_attributes = 0;
};

/// A span that is not the parent; its context in full.
struct RecordedLink {
    TraceId trace_id;
    SpanId span_id;
    std::uint8_t flags = 0;
    bool is_remote = false;
    std::string trace_state;
    RecordedAttributes attributes;
    std::uint32_t dropped_attributes = 0;
};

/// The line of source that began a span, and the library that the line belongs to.
struct RecordedSource {
    std::string name;
    std::string file;
    std::string function;
    std::uint32_t line = 0;
    std::string scope_name;
    std::string scope_version;
};

/// What SpanData says, in values of its own; the names are the same.
struct RecordedSpan {
    std::string name;
    TraceId trace_id;
    SpanId span_id;
    SpanId parent_span_id; ///< invalid for the root of a trace
    std::uint64_t begin_unix_ns = 0;
    std::uint64_t end_unix_ns = 0;
    SpanKind kind = SpanKind::internal;
    StatusCode status = StatusCode::unset;
    std::string status_message; ///< only with StatusCode::error
    RecordedAttributes attributes;
    std::vector<RecordedEvent> events;
    std::vector<RecordedLink> links;
    std::uint32_t dropped_attributes = 0;
    std::uint32_t dropped_events = 0;
    std::uint32_t dropped_links = 0;
    std::uint32_t thread_id = 0; ///< as the operating system numbers threads
    std::string thread_name;     ///< when it first recorded; empty: not known
    std::uint8_t flags = 0;
    bool parent_is_remote = false;
    std::string trace_state;
    RecordedSource source;
    std::string service; ///< service.name of the resource

    [[nodiscard]] std::uint64_t duration_ns() const noexcept { return end_unix_ns - begin_unix_ns; }

    /// The attribute of that key, or null. Valid as long as the span.
    [[nodiscard]] const RecordedValue* attribute(std::string_view key) const noexcept {
        const auto found = std::ranges::find(attributes, key, &RecordedAttribute::key);
        return found != attributes.end() ? &found->value : nullptr;
    }
    /// The same as text_of() shows it, or empty.
    [[nodiscard]] std::string text(std::string_view key) const;
};

namespace detail {

// From here on, nothing points into the batch any more.

[[nodiscard]] inline RecordedAttributes record(std::span<const Attribute> attributes) {
    RecordedAttributes recorded;
    recorded.reserve(attributes.size());
    for (const Attribute& attribute : attributes) {
        RecordedAttribute& one = recorded.emplace_back();
        one.key = attribute.key();
        attribute.visit([&](auto value) {
            if constexpr (std::is_same_v<decltype(value), std::string_view>)
                one.value = std::string{value};
            else if constexpr (std::is_same_v<decltype(value), std::span<const std::string_view>>)
                one.value = std::vector<std::string>(value.begin(), value.end());
            else if constexpr (requires { value.size(); })
                one.value =
                    std::vector<typename decltype(value)::value_type>(value.begin(), value.end());
            else one.value = value;
        });
    }
    return recorded;
}

[[nodiscard]] inline RecordedSpan record(const SpanData& span, std::string_view service) {
    const SpanDetails& rest = *span.details;
    const Source& source = *span.source;
    RecordedSpan recorded;
    recorded.name = span.name();
    recorded.trace_id = span.trace_id;
    recorded.span_id = span.span_id;
    recorded.parent_span_id = span.parent_span_id;
    recorded.begin_unix_ns = span.begin_unix_ns;
    recorded.end_unix_ns = span.end_unix_ns;
    recorded.kind = span.kind;
    recorded.status = span.status;
    recorded.status_message = rest.status_message;
    recorded.attributes = record(span.attributes());
    for (const Event& event : rest.events)
        recorded.events.push_back({std::string{event.name}, event.time_unix_ns,
                                   record(event.attributes), event.dropped_attributes});
    for (const Link& link : rest.links)
        recorded.links.push_back({link.context.trace_id, link.context.span_id, link.context.flags,
                                  link.context.is_remote, std::string{link.context.trace_state},
                                  record(link.attributes), link.dropped_attributes});
    recorded.dropped_attributes = rest.dropped_attributes;
    recorded.dropped_events = rest.dropped_events;
    recorded.dropped_links = rest.dropped_links;
    recorded.thread_id = span.thread_id;
    if (span.thread) recorded.thread_name = *span.thread;
    recorded.flags = span.flags;
    recorded.parent_is_remote = span.parent_is_remote;
    recorded.trace_state = rest.trace_state;
    recorded.source = {std::string{source.name},       std::string{source.file},
                       std::string{source.function},   source.line,
                       std::string{source.scope_name}, std::string{source.scope_version}};
    recorded.service = service;
    return recorded;
}

} // namespace detail

namespace detail {

[[nodiscard]] inline std::string text_of(bool value) { return value ? "true" : "false"; }
[[nodiscard]] inline std::string text_of(const std::string& value) { return value; }
template <class Number>
    requires std::is_same_v<Number, std::int64_t> || std::is_same_v<Number, double>
[[nodiscard]] std::string text_of(Number value) {
    char digits[32]; // the longest shortest double takes 24
    std::string text{digits, std::to_chars(digits, digits + sizeof digits, value).ptr};
    // Neither a fraction, nor an exponent, nor inf, nor nan: it would look like an integer.
    if (std::is_same_v<Number, double> && text.find_first_of(".en") == std::string::npos)
        text += ".0";
    return text;
}
template <class Element> [[nodiscard]] std::string text_of(const std::vector<Element>& values) {
    std::string text = "[";
    for (std::size_t i = 0; i < values.size(); ++i)
        text += (i != 0 ? ", " : "") + text_of(static_cast<Element>(values[i]));
    return text + "]";
}

} // namespace detail

/// `true`, `42`, `1.5`, `text` as it is, `[a, b]`: for comparisons in tests.
[[nodiscard]] inline std::string text_of(const RecordedValue& value) {
    return std::visit([](const auto& held) { return detail::text_of(held); }, value);
}

inline std::string RecordedSpan::text(std::string_view key) const {
    const RecordedValue* const value = attribute(key);
    return value ? text_of(*value) : "";
}

} // namespace plume
