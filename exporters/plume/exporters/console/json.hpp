// json.hpp - a span as one line of JSON, for jq and for programs.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <string_view>
#include <type_traits>

#include <fmt/format.h>

#include <plume/export/span_data.hpp>
#include <plume/exporters/console/text.hpp>
#include <plume/exporters/console/words.hpp>

namespace plume::console {

/// A quoted string (RFC 8259, section 7). Controls that a terminal obeys are escaped, too, although
/// JSON need not; what is not UTF-8 becomes U+FFFD.
inline void put_json_string(Text& out, std::string_view text) {
    put(out, "\"");
    while (!text.empty()) {
        const CodePoint c = decode(text);
        if (!c.valid) put(out, "\\ufffd");
        else if (c.value == '"') put(out, "\\\"");
        else if (c.value == '\\') put(out, "\\\\");
        else if (c.value == '\n') put(out, "\\n");
        else if (c.value == '\t') put(out, "\\t");
        else if (is_control(c.value)) // all of them are below U+10000: one escape will do
            fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c.value));
        else put(out, text.substr(0, c.size));
        text.remove_prefix(c.size);
    }
    put(out, "\"");
}

/// JSON has no number for NaN and the infinities: they are strings.
inline void put_json_value(Text& out, double value) {
    if (std::isfinite(value)) put(out, number(value));
    else put_json_string(out, number(value));
}
inline void put_json_value(Text& out, std::int64_t value) { put(out, number(value)); }
inline void put_json_value(Text& out, bool value) { put(out, value ? "true" : "false"); }
inline void put_json_value(Text& out, std::string_view value) { put_json_string(out, value); }

template <class Element>
void put_json_value(Text& out, std::span<const Element> values) {
    put(out, "[");
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (i != 0) put(out, ",");
        put_json_value(out, values[i]);
    }
    put(out, "]");
}

/// Keys: time_unix_ns, duration_ns, name, kind, trace_id, span_id, parent_span_id (null for a
/// root), status, service, thread_id, attributes {}, events [], links [], source {}; and only where
/// they say something: status_message, parent_is_remote, trace_state, dropped_attributes,
/// dropped_events, dropped_links. Times are integers of 64 bits: read them as such, not as doubles.
/// Keys may be added, and keep their meaning.
class JsonText {
  public:
    explicit JsonText(Text& out) noexcept : out_{out} {}

    void print(const SpanData& span, std::string_view service) {
        const SpanDetails& rest = *span.details;
        field("{\"time_unix_ns\":", span.begin_unix_ns);
        field(",\"duration_ns\":", span.duration_ns());
        field(",\"name\":", span.name());
        field(",\"kind\":", word(span.kind));
        ids(span);
        field(",\"status\":", word(span.status));
        if (!rest.status_message.empty()) field(",\"status_message\":", rest.status_message);
        field(",\"service\":", service);
        field(",\"thread_id\":", span.thread_id);
        attributes(span.attributes());
        count(",\"dropped_attributes\":", rest.dropped_attributes);
        list(",\"events\":[", span.events(), [&](const Event& one) { event(one); });
        count(",\"dropped_events\":", rest.dropped_events);
        list(",\"links\":[", span.links(), [&](const Link& one) { link(one); });
        count(",\"dropped_links\":", rest.dropped_links);
        source(*span.source);
        put(out_, "}\n");
    }

  private:
    void field(std::string_view key, std::uint64_t value) {
        put(out_, key);
        fmt::format_to(std::back_inserter(out_), "{}", value);
    }
    void field(std::string_view key, std::string_view value) {
        put(out_, key);
        put_json_string(out_, value);
    }
    // Ids are strings of hexadecimal digits, as in every header and search field.
    template <class Id>
        requires std::is_same_v<Id, TraceId> || std::is_same_v<Id, SpanId>
    void field(std::string_view key, Id value) {
        put(out_, key);
        put(out_, "\"");
        put_id(out_, value);
        put(out_, "\"");
    }
    void count(std::string_view key, std::uint32_t value) {
        if (value != 0) field(key, value);
    }
    template <class Element, class One>
    void list(std::string_view key, std::span<const Element> elements, One one) {
        put(out_, key);
        for (std::size_t i = 0; i < elements.size(); ++i) {
            if (i != 0) put(out_, ",");
            one(elements[i]);
        }
        put(out_, "]");
    }

    /// The parent is null rather than missing: `select(.parent_span_id == null)` finds roots.
    void ids(const SpanData& span) {
        field(",\"trace_id\":", span.trace_id);
        field(",\"span_id\":", span.span_id);
        if (span.parent_span_id.valid()) field(",\"parent_span_id\":", span.parent_span_id);
        else put(out_, ",\"parent_span_id\":null");
        if (span.parent_is_remote) put(out_, ",\"parent_is_remote\":true");
        if (!span.details->trace_state.empty())
            field(",\"trace_state\":", span.details->trace_state);
    }
    /// An object: keys are unique. Always there, so that `.attributes["x"]` needs no guard.
    void attributes(std::span<const Attribute> attributes) {
        std::string_view before = ",\"attributes\":{";
        if (attributes.empty()) put(out_, before);
        for (const Attribute& attribute : attributes) {
            put(out_, before);
            put_json_string(out_, attribute.key());
            put(out_, ":");
            attribute.visit([&](auto value) { put_json_value(out_, value); });
            before = ",";
        }
        put(out_, "}");
    }
    void event(const Event& event) {
        field("{\"time_unix_ns\":", event.time_unix_ns);
        field(",\"name\":", event.name);
        attributes(event.attributes);
        count(",\"dropped_attributes\":", event.dropped_attributes);
        put(out_, "}");
    }
    void link(const Link& link) {
        field("{\"trace_id\":", link.context.trace_id);
        field(",\"span_id\":", link.context.span_id);
        if (!link.context.trace_state.empty()) field(",\"trace_state\":", link.context.trace_state);
        attributes(link.attributes);
        count(",\"dropped_attributes\":", link.dropped_attributes);
        put(out_, "}");
    }
    /// Where the span began, and by whom: the instrumentation scope is code, too.
    void source(const Source& source) {
        field(",\"source\":{\"file\":", source.file);
        field(",\"line\":", source.line);
        field(",\"function\":", source.function);
        field(",\"scope\":", source.scope_name);
        if (!source.scope_version.empty()) field(",\"scope_version\":", source.scope_version);
        put(out_, "}");
    }

    Text& out_;
};

} // namespace plume::console
