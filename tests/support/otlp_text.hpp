// otlp_text.hpp - a trace request as text that people and tests can compare, made of SpanData.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <plume/exporter.hpp>

namespace plume::otlp_test {

/// What a request says, whatever its encoding. `interop/otlp_decode.py` has the same, made of the
/// official protobuf classes.
struct OtlpText {
    struct Point { // an event or a link
        std::string line;
        std::vector<std::string> attributes;
    };
    struct Span {
        std::string trace_id, span_id, parent = "-", state, name, message;
        std::uint64_t kind = 0, begin = 0, end = 0, flags = 0, status = 0;
        std::uint64_t dropped_attributes = 0, dropped_events = 0, dropped_links = 0;
        std::vector<std::string> attributes;
        std::vector<Point> events, links;
    };
    struct Scope {
        std::string name, version;
        std::vector<Span> spans;
    };
    std::vector<std::string> resource;
    std::vector<Scope> scopes;

    [[nodiscard]] std::string text() const;
    [[nodiscard]] std::size_t spans() const {
        std::size_t count = 0;
        for (const Scope& scope : scopes) count += scope.spans.size();
        return count;
    }
};

inline std::string hex(std::string_view bytes) {
    std::string result;
    for (const char byte : bytes) {
        char digits[3];
        std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned char>(byte));
        result += digits;
    }
    return result;
}
inline std::string quote(std::string_view text) {
    std::string result = "\"";
    for (const char c : text) {
        if (c >= ' ' && c <= '~' && c != '"' && c != '\\') result += c;
        else result += "\\x" + hex({&c, 1});
    }
    return result + '"';
}

inline std::string value_text(bool value) { return value ? "true" : "false"; }
inline std::string value_text(std::int64_t value) { return std::to_string(value); }
inline std::string value_text(double value) {
    if (std::isnan(value)) return "nan"; // JSON doesn't tell them apart
    char digits[24];
    std::snprintf(digits, sizeof digits, "d%016llx",
                  static_cast<unsigned long long>(std::bit_cast<std::uint64_t>(value)));
    return digits;
}
inline std::string value_text(std::string_view value) { return quote(value); }
template <class Element>
std::string value_text(std::span<const Element> values) {
    std::string result = "[";
    for (const Element& value : values) {
        if (result.size() > 1) result += ", ";
        result += value_text(value);
    }
    return result + "]";
}

inline std::string OtlpText::text() const {
    std::string out = "resource\n";
    const auto lines = [&](std::string_view indent, const std::vector<std::string>& all) {
        for (const std::string& line : all) out.append(indent).append(line) += '\n';
    };
    const auto points = [&](std::string_view what, const std::vector<Point>& all) {
        for (const Point& point : all) {
            out.append("    ").append(what).append(" ").append(point.line) += '\n';
            lines("      ", point.attributes);
        }
    };
    lines("  ", resource);
    for (const Scope& scope : scopes) {
        out += "scope " + quote(scope.name) + ' ' + quote(scope.version) + '\n';
        for (const Span& span : scope.spans) {
            out += "  span " + span.trace_id + ' ' + span.span_id + " parent " + span.parent +
                   " kind " + std::to_string(span.kind) + " name " + quote(span.name) + " from " +
                   std::to_string(span.begin) + " to " + std::to_string(span.end) + " state " +
                   quote(span.state) + " flags " + std::to_string(span.flags) + " status " +
                   std::to_string(span.status) + ' ' + quote(span.message) + " dropped " +
                   std::to_string(span.dropped_attributes) + ' ' +
                   std::to_string(span.dropped_events) + ' ' + std::to_string(span.dropped_links) +
                   '\n';
            lines("    ", span.attributes);
            points("event", span.events);
            points("link", span.links);
        }
    }
    return out;
}

inline std::string event_line(std::string_view name, std::uint64_t time, std::uint64_t dropped) {
    return quote(name) + " at " + std::to_string(time) + " dropped " + std::to_string(dropped);
}
/// Ids are hexadecimal here.
struct LinkLine {
    std::string trace_id, span_id, state;
    std::uint64_t flags = 0, dropped = 0;
    [[nodiscard]] std::string line() const {
        return trace_id + ' ' + span_id + " state " + quote(state) + " flags " +
               std::to_string(flags) + " dropped " + std::to_string(dropped);
    }
};

/// What the encoders should say about `batch`.
inline OtlpText otlp_text(const Batch& batch) {
    const auto view = [](const auto& digits) { return std::string{digits.data(), digits.size()}; };
    const auto attributes = [](std::span<const Attribute> all) {
        std::vector<std::string> lines;
        for (const Attribute& one : all)
            lines.push_back(quote(one.key()) + " = " +
                            one.visit([](auto value) { return value_text(value); }));
        return lines;
    };
    const auto flags = [](std::uint8_t w3c, bool remote) {
        return std::uint64_t{w3c} + 256 + (remote ? 512 : 0);
    };
    OtlpText result;
    result.resource = attributes(batch.resource().attributes());
    for (const SpanData& from : batch) {
        const Source& source = *from.source;
        auto scope = std::ranges::find_if(result.scopes, [&](const OtlpText::Scope& other) {
            return other.name == source.scope_name && other.version == source.scope_version;
        });
        if (scope == result.scopes.end())
            scope = result.scopes.insert(
                scope, {std::string{source.scope_name}, std::string{source.scope_version}, {}});
        OtlpText::Span& span = scope->spans.emplace_back();
        span.trace_id = view(from.trace_id.hex());
        span.span_id = view(from.span_id.hex());
        if (from.parent_span_id.valid()) span.parent = view(from.parent_span_id.hex());
        span.state = from.details->trace_state;
        span.name = from.name();
        span.message = from.details->status_message;
        span.kind = static_cast<std::uint64_t>(from.kind);
        span.begin = from.begin_unix_ns;
        span.end = from.end_unix_ns;
        span.flags = flags(from.flags, from.parent_is_remote);
        span.status = static_cast<std::uint64_t>(from.status);
        span.dropped_attributes = from.details->dropped_attributes;
        span.dropped_events = from.details->dropped_events;
        span.dropped_links = from.details->dropped_links;
        span.attributes = attributes(from.attributes());
        for (const Event& event : from.events())
            span.events.push_back(
                {event_line(event.name, event.time_unix_ns, event.dropped_attributes),
                 attributes(event.attributes)});
        for (const Link& link : from.links()) {
            const LinkLine line{view(link.context.trace_id.hex()), view(link.context.span_id.hex()),
                                std::string{link.context.trace_state},
                                flags(link.context.flags, link.context.is_remote),
                                link.dropped_attributes};
            span.links.push_back({line.line(), attributes(link.attributes)});
        }
    }
    return result;
}

} // namespace plume::otlp_test
