// mapping.hpp - where each part of a span goes in Jaeger's model.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <plume/export/resource.hpp>
#include <plume/export/span_data.hpp>
#include <plume/exporters/detail/bytes.hpp>
#include <plume/exporters/jaeger/tags.hpp>

namespace plume::jaeger {

/// Jaeger has microseconds; nanoseconds are cut off, not rounded.
[[nodiscard]] constexpr std::int64_t microseconds(std::uint64_t nanoseconds) noexcept {
    return static_cast<std::int64_t>(nanoseconds / 1000);
}

/// At least one: Jaeger takes a duration of 0 for a clock that runs backwards, and warns.
[[nodiscard]] constexpr std::int64_t duration_of(const SpanData& span) noexcept {
    return std::max(microseconds(span.duration_ns()), std::int64_t{1});
}

/// Writes a whole span: its logs and references too.
template <class Shape>
struct Mapping {
    Tags<Shape> tags;

    explicit Mapping(otlp::Bytes& scratch, Shape shape = {}, otlp::Origin origin = {})
        : tags{shape, scratch, origin} {}

    // struct SpanRef: 1 refType, 2 traceIdLow, 3 traceIdHigh, 4 spanId.

    template <class Out>
    [[nodiscard]] static Out reference(Out out, std::int32_t type, TraceId trace, SpanId span) {
        out.template i32<1, 0>(type);
        out.template i64<2, 1>(static_cast<std::int64_t>(trace.low));
        out.template i64<3, 2>(static_cast<std::int64_t>(trace.high));
        out.template i64<4, 3>(static_cast<std::int64_t>(span.value));
        out.stop();
        return out;
    }
    /// parentSpanId says who the parent is; as a reference, it is there only to stand before links,
    /// which a reader might take for the parent otherwise.
    template <class Out>
    [[nodiscard]] static Out references(Out out, const SpanData& span) {
        constexpr std::int32_t child_of = 0;
        constexpr std::int32_t follows_from = 1;
        const bool has_parent = span.parent_span_id.valid();
        out.template list<6, 5>(span.links().size() + (has_parent ? 1 : 0));
        if (has_parent) out = reference(out, child_of, span.trace_id, span.parent_span_id);
        for (const Link& link : span.links())
            out = reference(out, follows_from, link.context.trace_id, link.context.span_id);
        return out;
    }

    // struct Log: 1 timestamp, 2 fields.

    template <class Out>
    [[nodiscard]] Out log(Out out, const Event& event) const {
        const bool named = std::ranges::find(event.attributes, std::string_view{"event"},
                                             &Attribute::key) == event.attributes.end();
        const std::int64_t dropped = event.dropped_attributes;
        out.template i64<1, 0>(microseconds(event.time_unix_ns));
        out.template list<2, 1>(event.attributes.size() + (named ? 1 : 0) + (dropped != 0 ? 1 : 0));
        if (named) out = tags.one(out, "event", event.name);
        for (const Attribute& attribute : event.attributes) out = tags.one(out, attribute);
        if (dropped != 0) out = tags.one(out, "otel.dropped_attributes_count", dropped);
        out.stop();
        return out;
    }
    /// A reference has no room for a link's attributes; the transformation's way out is a log.
    template <class Out>
    [[nodiscard]] Out log(Out out, const Link& link, std::uint64_t begin_unix_ns) const {
        const auto trace = link.context.trace_id.hex();
        const auto span = link.context.span_id.hex();
        const std::int64_t dropped = link.dropped_attributes;
        out.template i64<1, 0>(microseconds(begin_unix_ns));
        out.template list<2, 1>(link.attributes.size() + (dropped != 0 ? 4 : 3));
        out = tags.one(out, "event", std::string_view{"link"});
        out = tags.one(out, "trace_id", std::string_view{trace.data(), trace.size()});
        out = tags.one(out, "span_id", std::string_view{span.data(), span.size()});
        for (const Attribute& attribute : link.attributes) out = tags.one(out, attribute);
        if (dropped != 0) out = tags.one(out, "otel.dropped_attributes_count", dropped);
        out.stop();
        return out;
    }
    [[nodiscard]] static bool needs_log(const Link& link) noexcept {
        return !link.attributes.empty() || link.dropped_attributes != 0;
    }
    template <class Out>
    [[nodiscard]] Out logs(Out out, const SpanData& span) const {
        const auto links = static_cast<std::size_t>(std::ranges::count_if(span.links(), needs_log));
        if (span.events().size() + links == 0) return out;
        out.template list<11, 10>(span.events().size() + links);
        for (const Event& event : span.events()) out = log(out, event);
        for (const Link& link : span.links()) {
            if (needs_log(link)) out = log(out, link, span.begin_unix_ns);
        }
        return out;
    }

    // struct Span: 1 traceIdLow, 2 traceIdHigh, 3 spanId, 4 parentSpanId, 5 operationName,
    // 6 references, 7 flags, 8 startTime, 9 duration, 10 tags, 11 logs.

    template <class Out>
    [[nodiscard]] Out span(Out out, const SpanData& span) const {
        out.template i64<1, 0>(static_cast<std::int64_t>(span.trace_id.low));
        out.template i64<2, 1>(static_cast<std::int64_t>(span.trace_id.high));
        out.template i64<3, 2>(static_cast<std::int64_t>(span.span_id.value));
        out.template i64<4, 3>(static_cast<std::int64_t>(span.parent_span_id.value));
        out.template text<5, 4>(tags.shape.clip(span.name()));
        // Of W3C's flags only "sampled" means the same: the next bit is "debug" to Jaeger.
        const std::int32_t flags = span.flags & trace_flags::sampled;
        if (span.links().empty()) {
            out.template i32<7, 5>(flags);
        } else {
            out = references(out, span);
            out.template i32<7, 6>(flags);
        }
        out.template i64<8, 7>(microseconds(span.begin_unix_ns));
        out.template i64<9, 8>(duration_of(span));
        out = tags.all(out, span);
        if constexpr (!Shape::truncated) {
            if (span.details != &SpanData::no_details) out = logs(out, span);
        }
        out.stop();
        return out;
    }
};

/// struct Process: 1 serviceName, 2 tags. `client` names this exporter, so that an agent can tell
/// whose sequence numbers it counts.
template <class Out>
[[nodiscard]] Out process(Out out, const Resource& resource, std::string_view client,
                          otlp::Bytes& scratch) {
    const Tags<Whole> tags{{}, scratch};
    const auto is_tag = [](const Attribute& a) { return a.key() != "service.name"; };
    const std::string_view service = resource.service_name();
    const auto count = std::ranges::count_if(resource.attributes(), is_tag);
    out.template text<1, 0>(service.empty() ? "unknown_service" : service); // Jaeger wants a name
    out.template list<2, 1>(static_cast<std::size_t>(count) + 1);
    for (const Attribute& attribute : resource.attributes()) {
        if (is_tag(attribute)) out = tags.one(out, attribute);
    }
    out = tags.one(out, "client-uuid", client);
    out.stop();
    return out;
}

} // namespace plume::jaeger
