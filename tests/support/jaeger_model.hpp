// jaeger_model.hpp - what a span should be in Jaeger, built with the classes that Thrift generates.
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <Agent.h>
#include <jaeger_types.h>
#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/protocol/TCompactProtocol.h>
#include <thrift/transport/TBufferTransports.h>

#include <plume/exporter.hpp>

namespace plume::jaeger_test {

using CompactProtocol = apache::thrift::protocol::TCompactProtocol;
using BinaryProtocol = apache::thrift::protocol::TBinaryProtocol;
using apache::thrift::transport::TMemoryBuffer;

/// What Apache Thrift makes of `object`.
template <class Protocol, class Object>
std::string thrift_bytes(const Object& object) {
    const auto buffer = std::make_shared<TMemoryBuffer>();
    Protocol protocol{buffer};
    object.write(&protocol);
    return buffer->getBufferAsString();
}

/// Refuses bytes that are left over.
template <class Object, class Protocol>
Object thrift_object(std::string bytes) {
    const auto buffer = std::make_shared<TMemoryBuffer>(
        reinterpret_cast<std::uint8_t*>(bytes.data()), static_cast<std::uint32_t>(bytes.size()));
    Protocol protocol{buffer};
    Object object;
    object.read(&protocol);
    if (buffer->available_read() != 0) throw std::runtime_error{"bytes behind the object"};
    return object;
}

/// Takes a packet as an agent does.
inline idl::Batch emitted(std::string packet) {
    struct Keep : idl::AgentIf {
        idl::Batch batch;
        void emitBatch(const idl::Batch& given) override { batch = given; }
    };
    const auto buffer = std::make_shared<TMemoryBuffer>(
        reinterpret_cast<std::uint8_t*>(packet.data()), static_cast<std::uint32_t>(packet.size()));
    const auto keep = std::make_shared<Keep>();
    idl::AgentProcessor agent{keep};
    const auto in = std::make_shared<CompactProtocol>(buffer);
    const auto out = std::make_shared<CompactProtocol>(std::make_shared<TMemoryBuffer>());
    if (!agent.process(in, out, nullptr)) throw std::runtime_error{"no call of the agent"};
    if (buffer->available_read() != 0) throw std::runtime_error{"bytes behind the message"};
    return keep->batch;
}

inline idl::Tag tag(std::string_view key, std::string_view value) {
    idl::Tag tag;
    tag.key = key;
    tag.vType = idl::TagType::STRING;
    tag.__set_vStr(std::string{value});
    return tag;
}
inline idl::Tag tag(std::string_view key, bool value) {
    idl::Tag tag;
    tag.key = key;
    tag.vType = idl::TagType::BOOL;
    tag.__set_vBool(value);
    return tag;
}
inline idl::Tag tag(std::string_view key, std::int64_t value) {
    idl::Tag tag;
    tag.key = key;
    tag.vType = idl::TagType::LONG;
    tag.__set_vLong(value);
    return tag;
}
inline idl::Tag tag(std::string_view key, double value) {
    if (std::isnan(value)) return tag(key, std::string_view{"NaN"});
    if (std::isinf(value)) return tag(key, std::string_view{value > 0 ? "Infinity" : "-Infinity"});
    idl::Tag tag;
    tag.key = key;
    tag.vType = idl::TagType::DOUBLE;
    tag.__set_vDouble(value);
    return tag;
}

inline std::string json(bool value) { return value ? "true" : "false"; }
inline std::string json(std::int64_t value) { return std::to_string(value); }
inline std::string json(double value) {
    if (std::isnan(value)) return "\"NaN\"";
    if (std::isinf(value)) return value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
    if (value == 0 && std::signbit(value)) return "-0.0";
    char text[64];
    return {text, std::to_chars(text, text + sizeof text, value).ptr};
}
inline std::string json(std::string_view value) {
    std::string text = "\"";
    for (const char c : value) {
        constexpr std::string_view special = "\"\\\n\r\t";
        constexpr std::string_view letters = "\"\\nrt";
        const std::size_t found = special.find(c);
        constexpr char digits[] = "0123456789abcdef";
        if (found != special.npos) text += {'\\', letters[found]};
        else if (c >= 0 && c < 0x20) text += {'\\', 'u', '0', '0', digits[c / 16], digits[c % 16]};
        else text += c;
    }
    return text + '"';
}
template <class Element>
idl::Tag tag(std::string_view key, std::span<const Element> values) {
    std::string text;
    for (const Element& value : values) text += (text.empty() ? "" : ",") + json(value);
    return tag(key, std::string_view{"[" + text + "]"});
}
inline idl::Tag tag(const Attribute& attribute) {
    return attribute.visit([&](auto value) { return tag(attribute.key(), value); });
}

inline idl::SpanRef reference(idl::SpanRefType::type type, TraceId trace, SpanId span) {
    idl::SpanRef reference;
    reference.refType = type;
    reference.traceIdLow = static_cast<std::int64_t>(trace.low);
    reference.traceIdHigh = static_cast<std::int64_t>(trace.high);
    reference.spanId = static_cast<std::int64_t>(span.value);
    return reference;
}

/// What exporters say about where a span was recorded.
inline std::vector<idl::Tag> origin_of(const SpanData& span) {
    std::vector<idl::Tag> tags;
    const Source& source = *span.source;
    if (!source.function.empty()) tags.push_back(tag("code.function.name", source.function));
    if (!source.file.empty()) {
        tags.push_back(tag("code.file.path", source.file));
        tags.push_back(tag("code.line.number", std::int64_t{source.line}));
    }
    if (span.thread_id != 0) tags.push_back(tag("thread.id", std::int64_t{span.thread_id}));
    if (span.thread) tags.push_back(tag("thread.name", *span.thread));
    return tags;
}

inline std::vector<idl::Tag> tags_of(const SpanData& span) {
    std::vector<idl::Tag> tags;
    for (const Attribute& attribute : span.attributes()) tags.push_back(tag(attribute));
    const auto put = [&](std::string_view key, auto value) {
        std::erase_if(tags, [&](const idl::Tag& earlier) { return earlier.key == key; });
        tags.push_back(tag(key, value));
    };
    const auto put_text = [&](std::string_view key, std::string_view value) {
        if (!value.empty()) put(key, value);
    };
    const auto put_count = [&](std::string_view key, std::uint32_t count) {
        if (count != 0) put(key, std::int64_t{count});
    };
    switch (span.kind) {
    case SpanKind::internal: break;
    case SpanKind::server: put_text("span.kind", "server"); break;
    case SpanKind::client: put_text("span.kind", "client"); break;
    case SpanKind::producer: put_text("span.kind", "producer"); break;
    case SpanKind::consumer: put_text("span.kind", "consumer"); break;
    }
    put_text("otel.scope.name", span.source->scope_name);
    put_text("otel.scope.version", span.source->scope_version);
    if (span.status == StatusCode::ok) put_text("otel.status_code", "OK");
    if (span.status == StatusCode::error) {
        put_text("otel.status_code", "ERROR");
        put("error", true);
        put_text("otel.status_description", span.details->status_message);
    }
    put_text("w3c.tracestate", span.details->trace_state);
    put_count("otel.dropped_attributes_count", span.details->dropped_attributes);
    put_count("otel.dropped_events_count", span.details->dropped_events);
    put_count("otel.dropped_links_count", span.details->dropped_links);
    return tags;
}

inline std::vector<idl::Log> logs_of(const SpanData& span) {
    std::vector<idl::Log> logs;
    for (const Event& event : span.events()) {
        idl::Log& log = logs.emplace_back();
        log.timestamp = static_cast<std::int64_t>(event.time_unix_ns / 1000);
        const auto is_event = [](const Attribute& a) { return a.key() == "event"; };
        if (std::ranges::none_of(event.attributes, is_event))
            log.fields.push_back(tag("event", event.name));
        for (const Attribute& attribute : event.attributes) log.fields.push_back(tag(attribute));
        if (event.dropped_attributes != 0)
            log.fields.push_back(
                tag("otel.dropped_attributes_count", std::int64_t{event.dropped_attributes}));
    }
    for (const Link& link : span.links()) {
        if (link.attributes.empty() && link.dropped_attributes == 0) continue;
        idl::Log& log = logs.emplace_back();
        const auto trace = link.context.trace_id.hex();
        const auto id = link.context.span_id.hex();
        log.timestamp = static_cast<std::int64_t>(span.begin_unix_ns / 1000);
        log.fields = {tag("event", std::string_view{"link"}),
                      tag("trace_id", std::string_view{trace.data(), 32}),
                      tag("span_id", std::string_view{id.data(), 16})};
        for (const Attribute& attribute : link.attributes) log.fields.push_back(tag(attribute));
        if (link.dropped_attributes != 0)
            log.fields.push_back(
                tag("otel.dropped_attributes_count", std::int64_t{link.dropped_attributes}));
    }
    return logs;
}

inline idl::Span model_of(const SpanData& span) {
    idl::Span model;
    model.traceIdLow = static_cast<std::int64_t>(span.trace_id.low);
    model.traceIdHigh = static_cast<std::int64_t>(span.trace_id.high);
    model.spanId = static_cast<std::int64_t>(span.span_id.value);
    model.parentSpanId = static_cast<std::int64_t>(span.parent_span_id.value);
    model.operationName = span.name();
    std::vector<idl::SpanRef> references;
    if (!span.links().empty() && span.parent_span_id.valid())
        references.push_back(
            reference(idl::SpanRefType::CHILD_OF, span.trace_id, span.parent_span_id));
    for (const Link& link : span.links())
        references.push_back(
            reference(idl::SpanRefType::FOLLOWS_FROM, link.context.trace_id, link.context.span_id));
    if (!references.empty()) model.__set_references(references);
    model.flags = span.flags & 1;
    model.startTime = static_cast<std::int64_t>(span.begin_unix_ns / 1000);
    model.duration =
        std::max(static_cast<std::int64_t>(span.duration_ns() / 1000), std::int64_t{1});
    model.__set_tags(tags_of(span));
    if (const auto logs = logs_of(span); !logs.empty()) model.__set_logs(logs);
    return model;
}

/// The same, as an exporter sends it.
inline idl::Span exported_model_of(const SpanData& span) {
    idl::Span model = model_of(span);
    std::vector<idl::Tag> tags = model.tags;
    for (idl::Tag& tag : origin_of(span)) tags.push_back(std::move(tag));
    model.__set_tags(tags);
    return model;
}

/// One tag as text, for tests that look at a single one: "key=value", or "no key".
inline std::string text_of(const std::vector<idl::Tag>& tags, std::string_view key) {
    const auto found = std::ranges::find(tags, key, &idl::Tag::key);
    if (found == tags.end()) return "no " + std::string{key};
    if (std::ranges::count(tags, key, &idl::Tag::key) > 1) return "twice " + std::string{key};
    switch (found->vType) {
    case idl::TagType::STRING: return found->key + "=" + found->vStr;
    case idl::TagType::BOOL: return found->key + "=" + json(found->vBool);
    case idl::TagType::LONG: return found->key + "=" + json(found->vLong);
    case idl::TagType::DOUBLE: return found->key + "=" + json(found->vDouble);
    case idl::TagType::BINARY: break;
    }
    return found->key + " is binary";
}

} // namespace plume::jaeger_test
