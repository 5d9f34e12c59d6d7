// protobuf.hpp - spans as an ExportTraceServiceRequest of OTLP 1.11 in protobuf's wire format.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include <plume/export/resource.hpp>
#include <plume/export/span_data.hpp>
#include <plume/exporters/detail/bytes.hpp>
#include <plume/exporters/detail/origins.hpp>
#include <plume/exporters/otlp/flags.hpp>
#include <plume/exporters/otlp/scopes.hpp>
#include <plume/exporters/otlp/times.hpp>
#include <plume/exporters/otlp/wire.hpp>

namespace plume::otlp {

namespace wire {

// Field numbers are those of opentelemetry/proto/{common,resource,trace}/v1; they never change.

/// Bytes of the AnyValue message; every one of its alternatives is written, even if zero, since
/// it is a oneof, which tells a zero from a missing value.
[[nodiscard]] inline std::size_t size_of_element(bool) noexcept { return 2; }
[[nodiscard]] inline std::size_t size_of_element(std::int64_t value) noexcept {
    return 1 + size_of_varint(static_cast<std::uint64_t>(value));
}
[[nodiscard]] inline std::size_t size_of_element(double) noexcept { return 1 + sizeof(double); }
[[nodiscard]] inline std::size_t size_of_element(std::string_view value) noexcept {
    return size_of_field(value.size());
}
[[nodiscard]] inline char* element(char* out, bool value) noexcept {
    return number(out, 2, value ? 1 : 0);
}
[[nodiscard]] inline char* element(char* out, std::int64_t value) noexcept {
    return number(out, 3, static_cast<std::uint64_t>(value));
}
[[nodiscard]] inline char* element(char* out, double value) noexcept {
    return fixed64(out, 4, std::bit_cast<std::uint64_t>(value));
}
[[nodiscard]] inline char* element(char* out, std::string_view value) noexcept {
    return text(out, 1, value);
}

/// AnyValue.array_value.values: a message in a message for each element.
template <class Element>
[[nodiscard]] std::size_t size_of_elements(std::span<const Element> values) noexcept {
    std::size_t size = 0;
    for (const Element& value : values) size += size_of_field(size_of_element(value));
    return size;
}
template <class Element>
[[nodiscard]] std::size_t size_of_element(std::span<const Element> values) noexcept {
    return size_of_field(size_of_elements(values));
}
template <class Element>
[[nodiscard]] char* element(char* out, std::span<const Element> values) noexcept {
    out = head(out, 5, size_of_elements(values));
    for (const Element& value : values) out = element(head(out, 1, size_of_element(value)), value);
    return out;
}

/// One KeyValue. Its sizes are computed first: cheaper than moving what was written.
inline void attribute(Bytes& bytes, std::uint32_t field, const Attribute& attribute) {
    attribute.visit([&](auto value) {
        const std::string_view key = attribute.key();
        const std::size_t value_size = size_of_element(value);
        const std::size_t size = size_of_field(key.size()) + size_of_field(value_size);
        char* out = bytes.room(size_of_field(size));
        out = text(head(out, field, size), 1, key);
        out = element(head(out, 2, value_size), value);
        bytes.finish(out);
    });
}
inline void attributes(Bytes& bytes, std::uint32_t field, std::span<const Attribute> all) {
    for (const Attribute& one : all) attribute(bytes, field, one);
}

/// An empty string and a zero are proto3's defaults and are not sent.
inline void text(Bytes& bytes, std::uint32_t field, std::string_view value) {
    if (value.empty()) return;
    bytes.finish(text(bytes.room(size_of_field(value.size())), field, value));
}
inline void count(Bytes& bytes, std::uint32_t field, std::uint32_t value) {
    if (value != 0) bytes.finish(number(bytes.room(1 + max_varint), field, value));
}

inline constexpr std::size_t size_of_trace_id = 2 + 16;
inline constexpr std::size_t size_of_span_id = 2 + 8;
inline constexpr std::size_t size_of_fixed64 = 1 + 8;
[[nodiscard]] inline char* id(char* out, std::uint32_t field, TraceId id) noexcept {
    return big_endian(big_endian(head(out, field, 16), id.high), id.low);
}
[[nodiscard]] inline char* id(char* out, std::uint32_t field, SpanId id) noexcept {
    return big_endian(head(out, field, 8), id.value);
}

inline void event(Bytes& bytes, const Event& event) {
    Message message{bytes, 11, 1};
    bytes.finish(fixed64(bytes.room(size_of_fixed64), 1, event.time_unix_ns));
    text(bytes, 2, event.name);
    attributes(bytes, 3, event.attributes);
    count(bytes, 4, event.dropped_attributes);
    message.close();
}

inline void link(Bytes& bytes, const Link& link) {
    Message message{bytes, 13, 1};
    char* const out = bytes.room(size_of_trace_id + size_of_span_id);
    bytes.finish(id(id(out, 1, link.context.trace_id), 2, link.context.span_id));
    text(bytes, 3, link.context.trace_state);
    attributes(bytes, 4, link.attributes);
    count(bytes, 5, link.dropped_attributes);
    bytes.finish(fixed32(bytes.room(size_of_fixed64), 6, flags_of(link)));
    message.close();
}

inline void status(Bytes& bytes, const SpanData& span) {
    if (span.status == StatusCode::unset) return;
    Message message{bytes, 15, 1};
    text(bytes, 2, span.details->status_message);
    count(bytes, 3, static_cast<std::uint32_t>(span.status));
    message.close();
}

inline void details(Bytes& bytes, const SpanDetails& details) {
    count(bytes, 10, details.dropped_attributes);
    for (const Event& one : details.events) event(bytes, one);
    count(bytes, 12, details.dropped_events);
    for (const Link& one : details.links) link(bytes, one);
    count(bytes, 14, details.dropped_links);
}

/// One Span, as field 2 of ScopeSpans. Fields are in the order of their numbers, as protobuf's own
/// libraries write them, so that the bytes can be compared.
inline void span(Bytes& bytes, const SpanData& span, const Origin& origin = {}) {
    Message message{bytes, 2, 2}; // of 128 to 16383 bytes, nearly always
    const std::string_view name = span.name();
    const std::string_view state = span.details->trace_state;
    char* out = bytes.room(size_of_trace_id + size_of_span_id + size_of_field(state.size()) +
                           size_of_span_id + size_of_field(name.size()) + 2 + 2 * size_of_fixed64);
    out = id(id(out, 1, span.trace_id), 2, span.span_id);
    if (!state.empty()) out = text(out, 3, state);
    if (span.parent_span_id.valid()) out = id(out, 4, span.parent_span_id);
    if (!name.empty()) out = text(out, 5, name);
    out = number(out, 6, static_cast<std::uint64_t>(span.kind));
    out = fixed64(out, 7, span.begin_unix_ns);
    bytes.finish(fixed64(out, 8, end_of(span)));
    attributes(bytes, 9, span.attributes());
    if (origin.count != 0) bytes.append(origin.bytes);
    if (span.details != &SpanData::no_details) details(bytes, *span.details);
    status(bytes, span);
    bytes.finish(fixed32(bytes.room(size_of_fixed64), 16, flags_of(span)));
    message.close();
}

} // namespace wire

/// Collects spans into one request. Memory is reused from request to request.
class ProtobufEncoder {
  public:
    static constexpr std::string_view content_type = "application/x-protobuf";

    explicit ProtobufEncoder(OriginChoice origins = {}) : origins_{origins} {}

    /// Starts a request; `resource` and the spans that are added live until the next begin().
    void begin(const Resource& resource) {
        scopes_.reset();
        origins_.reset();
        size_ = 0;
        resource_.clear();
        wire::Message message{resource_, 1, 2};
        wire::attributes(resource_, 1, resource.attributes());
        message.close();
        schema_url_ = resource.schema_url();
    }

    void add(const SpanData& span) {
        const bool first = scopes_.empty();
        Scopes::Scope& scope = scopes_.of(*span.source);
        if (first) {
            headroom_ = resource_.size() + size_of_scope(scope) + 4 * (1 + wire::max_varint);
            scope.spans.finish(scope.spans.room(headroom_) + headroom_);
        }
        const std::size_t before = scope.spans.size();
        wire::span(scope.spans, span,
                   origins_.of(span, [](Bytes& bytes, std::span<const Attribute> attributes) {
                       wire::attributes(bytes, 9, attributes);
                   }));
        size_ += scope.spans.size() - before;
    }

    /// Bytes of the spans that were added so far.
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    /// The request, valid until the next begin().
    [[nodiscard]] std::string_view finish() {
        if (scopes_.empty()) return {};
        for (Scopes::Scope& scope : scopes_.all()) wire::text(scope.spans, 3, schema_url_);
        Scopes::Scope& first = scopes_.all().front();
        const std::size_t end_of_first = first.spans.size();
        for (Scopes::Scope& other : scopes_.all().subspan(1)) {
            put_scope_head(first.spans, other, other.spans.size());
            first.spans.append(other.spans.view());
        }
        wire::text(first.spans, 3, schema_url_);
        // The lengths of what encloses the spans are known only now, and go in front of them.
        head_.clear();
        put_scope_head(head_, first, end_of_first - headroom_);
        const std::size_t inner = resource_.size() + head_.size() + first.spans.size() - headroom_;
        char* out = first.spans.data() + headroom_ - head_.size() - resource_.size() - 1 -
                    wire::size_of_varint(inner);
        const char* const begin = out;
        out = wire::head(out, 1, inner);
        std::memcpy(out, resource_.data(), resource_.size());
        std::memcpy(out + resource_.size(), head_.data(), head_.size());
        return first.spans.view().substr(static_cast<std::size_t>(begin - first.spans.data()));
    }

  private:
    /// Bytes of an InstrumentationScope, and of the head of the field that holds it.
    static std::size_t size_of_scope(const Scopes::Scope& scope) noexcept {
        std::size_t size = wire::size_of_field(scope.name.size());
        if (!scope.version.empty()) size += wire::size_of_field(scope.version.size());
        return size;
    }
    static void put_scope_head(Bytes& bytes, const Scopes::Scope& scope, std::size_t spans) {
        const std::size_t size = size_of_scope(scope);
        const std::size_t scope_field = wire::size_of_field(size);
        char* out = bytes.room(1 + wire::max_varint + scope_field);
        out = wire::head(out, 2, scope_field + spans);
        out = wire::text(wire::head(out, 1, size), 1, scope.name);
        if (!scope.version.empty()) out = wire::text(out, 2, scope.version);
        bytes.finish(out);
    }

    Scopes scopes_;
    Origins origins_;
    Bytes resource_;
    std::string_view schema_url_;
    Bytes head_;
    std::size_t headroom_ = 0;
    std::size_t size_ = 0;
};

} // namespace plume::otlp
