// json.hpp - spans as OTLP/JSON: the body of an export request, and a line of a JSONL file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <plume/export/resource.hpp>
#include <plume/export/span_data.hpp>
#include <plume/exporters/detail/bytes.hpp>
#include <plume/exporters/detail/origins.hpp>
#include <plume/exporters/detail/text.hpp>
#include <plume/exporters/otlp/flags.hpp>
#include <plume/exporters/otlp/scopes.hpp>
#include <plume/exporters/otlp/times.hpp>

namespace plume::otlp {

namespace json {

// Keys are lowerCamelCase and enums are numbers (OTLP 1.11, JSON Protobuf Encoding).

/// One AnyValue without its braces.
inline void value(Bytes& bytes, bool value) {
    char* const out = bytes.room(20);
    bytes.finish(value ? put(out, "\"boolValue\":true") : put(out, "\"boolValue\":false"));
}
inline void value(Bytes& bytes, std::int64_t value) {
    bytes.finish(quoted(put(bytes.room(16 + max_number), "\"intValue\":"), value));
}
inline void value(Bytes& bytes, double value) {
    bytes.finish(real(put(bytes.room(16 + max_number), "\"doubleValue\":"), value));
}
inline void value(Bytes& bytes, std::string_view value) {
    put(bytes, "\"stringValue\":");
    text(bytes, value);
}
template <class Element>
void value(Bytes& bytes, std::span<const Element> values) {
    put(bytes, "\"arrayValue\":{\"values\":[");
    bool first = true;
    for (const Element& one : values) {
        if (first) put(bytes, "{");
        else put(bytes, ",{");
        first = false;
        value(bytes, one);
        put(bytes, "}");
    }
    put(bytes, "]}");
}

/// A KeyValue list; the caller has written its key. `more`: elements, each behind a comma.
inline void attributes(Bytes& bytes, std::span<const Attribute> attributes,
                       std::string_view more = {}) {
    put(bytes, "[");
    bool first = true;
    for (const Attribute& attribute : attributes) {
        if (first) put(bytes, "{\"key\":");
        else put(bytes, ",{\"key\":");
        first = false;
        text(bytes, attribute.key());
        put(bytes, ",\"value\":{");
        attribute.visit([&](auto content) { value(bytes, content); });
        put(bytes, "}}");
    }
    if (first && !more.empty()) more.remove_prefix(1);
    bytes.append(more);
    put(bytes, "]");
}
inline void append_attributes(Bytes& bytes, std::span<const Attribute> all) {
    for (const Attribute& attribute : all) {
        const std::size_t bracket = bytes.size();
        attributes(bytes, {&attribute, 1});
        bytes.data()[bracket] = ',';
        bytes.resize(bytes.size() - 1);
    }
}
inline void more_attributes(Bytes& bytes, std::span<const Attribute> all, std::uint32_t dropped,
                            std::string_view more = {}) {
    if (!all.empty() || !more.empty()) {
        put(bytes, ",\"attributes\":");
        attributes(bytes, all, more);
    }
    if (dropped == 0) return;
    bytes.finish(
        integer(put(bytes.room(32 + max_number), ",\"droppedAttributesCount\":"), dropped));
}

inline void event(Bytes& bytes, const Event& event) {
    char* const out = put(bytes.room(32 + max_number), "{\"timeUnixNano\":");
    bytes.finish(put(quoted(out, event.time_unix_ns), ",\"name\":"));
    text(bytes, event.name);
    more_attributes(bytes, event.attributes, event.dropped_attributes);
    put(bytes, "}");
}

inline void link(Bytes& bytes, const Link& link) {
    char* out = put(bytes.room(128), "{\"traceId\":\"");
    out = put(id(out, link.context.trace_id), "\",\"spanId\":\"");
    out = put(id(out, link.context.span_id), "\",\"flags\":");
    bytes.finish(integer(out, flags_of(link)));
    if (!link.context.trace_state.empty()) {
        put(bytes, ",\"traceState\":");
        text(bytes, link.context.trace_state);
    }
    more_attributes(bytes, link.attributes, link.dropped_attributes);
    put(bytes, "}");
}

/// `,"events":[…]` and the like, with the count of what was dropped; nothing if there is nothing.
template <std::size_t KeySize, std::size_t CountSize, class Element, class Write>
void list(Bytes& bytes, const char (&key)[KeySize], std::span<const Element> elements,
          const char (&count_key)[CountSize], std::uint32_t dropped, Write write) {
    if (!elements.empty()) {
        put(bytes, key);
        for (const Element& element : elements) {
            if (&element != elements.data()) put(bytes, ",");
            write(bytes, element);
        }
        put(bytes, "]");
    }
    if (dropped != 0)
        bytes.finish(integer(put(bytes.room(CountSize + max_number), count_key), dropped));
}

inline void details(Bytes& bytes, const SpanDetails& details) {
    if (!details.trace_state.empty()) {
        put(bytes, ",\"traceState\":");
        text(bytes, details.trace_state);
    }
    list(bytes, ",\"events\":[", details.events, ",\"droppedEventsCount\":", details.dropped_events,
         event);
    list(bytes, ",\"links\":[", details.links, ",\"droppedLinksCount\":", details.dropped_links,
         link);
}

inline void status(Bytes& bytes, const SpanData& span) {
    if (span.status == StatusCode::unset) return;
    put(bytes, ",\"status\":{");
    if (!span.details->status_message.empty()) {
        put(bytes, "\"message\":");
        text(bytes, span.details->status_message);
        put(bytes, ",");
    }
    char* const out = put(bytes.room(16), "\"code\":");
    bytes.finish(put(integer(out, static_cast<unsigned>(span.status)), "}"));
}

inline void span(Bytes& bytes, const SpanData& span, const Origin& origin = {}) {
    char* out = put(bytes.room(160), "{\"traceId\":\"");
    out = put(id(out, span.trace_id), "\",\"spanId\":\"");
    out = put(id(out, span.span_id), "\"");
    if (span.parent_span_id.valid())
        out = put(id(put(out, ",\"parentSpanId\":\""), span.parent_span_id), "\"");
    bytes.finish(put(out, ",\"name\":"));
    text(bytes, span.name());
    out = put(bytes.room(96 + 3 * max_number), ",\"kind\":");
    out = put(integer(out, static_cast<unsigned>(span.kind)), ",\"startTimeUnixNano\":");
    out = put(quoted(out, span.begin_unix_ns), ",\"endTimeUnixNano\":");
    out = put(quoted(out, end_of(span)), ",\"flags\":");
    bytes.finish(integer(out, flags_of(span)));
    more_attributes(bytes, span.attributes(), span.details->dropped_attributes, origin.bytes);
    if (span.details != &SpanData::no_details) details(bytes, *span.details);
    status(bytes, span);
    put(bytes, "}");
}

/// From the start of the document to the first span's place.
inline void document_head(Bytes& bytes, const Resource& resource) {
    put(bytes, "{\"resourceSpans\":[{\"resource\":{\"attributes\":");
    attributes(bytes, resource.attributes());
    put(bytes, "},\"scopeSpans\":[");
}
inline void scope_head(Bytes& bytes, const Scopes::Scope& scope) {
    put(bytes, "{\"scope\":{\"name\":");
    text(bytes, scope.name);
    if (!scope.version.empty()) {
        put(bytes, ",\"version\":");
        text(bytes, scope.version);
    }
    put(bytes, "},\"spans\":[");
}

/// The end of a list, and of the object that it is in.
inline void tail(Bytes& bytes, std::string_view schema_url) {
    put(bytes, "]");
    if (!schema_url.empty()) {
        put(bytes, ",\"schemaUrl\":");
        text(bytes, schema_url);
    }
    put(bytes, "}");
}

} // namespace json

/// Collects spans into one document: an ExportTraceServiceRequest, which as JSON is TracesData too.
/// Memory is reused from document to document.
class JsonEncoder {
  public:
    static constexpr std::string_view content_type = "application/json";

    explicit JsonEncoder(OriginChoice origins = {}) : origins_{origins} {}

    /// Starts a document; `resource` and the spans that are added live until the next begin().
    void begin(const Resource& resource) {
        scopes_.reset();
        origins_.reset();
        size_ = 0;
        resource_ = &resource;
    }

    void add(const SpanData& span) {
        const bool first = scopes_.empty();
        Scopes::Scope& scope = scopes_.of(*span.source);
        if (first) json::document_head(scope.spans, *resource_);
        if (first || scope.spans.size() == 0) json::scope_head(scope.spans, scope);
        else json::put(scope.spans, ",");
        const std::size_t before = scope.spans.size();
        json::span(scope.spans, span, origins_.of(span, json::append_attributes));
        size_ += scope.spans.size() - before;
    }

    /// Bytes of the spans that were added so far.
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    /// The document, valid until the next begin().
    [[nodiscard]] std::string_view finish() { return finish("]}"); }
    [[nodiscard]] std::string_view finish_line() { return finish("]}\n"); }

  private:
    template <std::size_t Size>
    [[nodiscard]] std::string_view finish(const char (&end)[Size]) {
        if (scopes_.empty()) return {};
        const std::string_view schema_url = resource_->schema_url();
        Bytes& document = scopes_.all().front().spans;
        json::tail(document, schema_url);
        for (Scopes::Scope& other : scopes_.all().subspan(1)) {
            json::put(document, ",");
            document.append(other.spans.view());
            json::tail(document, schema_url);
        }
        json::tail(document, schema_url);
        json::put(document, end);
        return document.view();
    }

    Scopes scopes_;
    Origins origins_;
    const Resource* resource_ = nullptr;
    std::size_t size_ = 0;
};

} // namespace plume::otlp
