// otlp_read.hpp - reads protobuf's wire format and JSON with nothing but the specifications.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "otlp_text.hpp"

namespace plume::otlp_test {

/// One field of a protobuf message; which of the members counts depends on the wire type.
struct Field {
    std::uint64_t number = 0;
    std::uint64_t type = 0;
    std::uint64_t value = 0;
    std::string_view bytes;
};

/// The fields of a message in their order. Throws where the bytes are none.
inline std::vector<Field> read_message(std::string_view bytes) {
    const auto take = [&](std::uint64_t count) {
        if (count > bytes.size()) throw std::runtime_error{"a protobuf message ends too early"};
        const std::string_view taken = bytes.substr(0, count);
        bytes.remove_prefix(count);
        return taken;
    };
    const auto varint = [&] {
        std::uint64_t value = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            const auto byte = static_cast<unsigned char>(take(1)[0]);
            value |= static_cast<std::uint64_t>(byte & 127) << shift;
            if (byte < 128) {
                if (byte == 0 && shift != 0) throw std::runtime_error{"a varint is too long"};
                return value;
            }
        }
        throw std::runtime_error{"a varint does not end"};
    };
    const auto fixed = [&](std::uint64_t count) {
        std::uint64_t value = 0;
        int shift = 0;
        for (const char byte : take(count)) {
            value |= static_cast<std::uint64_t>(static_cast<unsigned char>(byte)) << shift;
            shift += 8;
        }
        return value;
    };
    std::vector<Field> fields;
    while (!bytes.empty()) {
        const std::uint64_t tag = varint();
        Field field{tag >> 3, tag & 7, 0, {}};
        switch (field.type) {
        case 0: field.value = varint(); break;
        case 1: field.value = fixed(8); break;
        case 2: field.bytes = take(varint()); break;
        case 5: field.value = fixed(4); break;
        default: throw std::runtime_error{"a wire type that does not exist"};
        }
        fields.push_back(field);
    }
    return fields;
}

inline std::string read_any_value(std::string_view message) {
    std::string result = "nothing";
    for (const Field& field : read_message(message)) {
        switch (field.number) {
        case 1: result = quote(field.bytes); break;
        case 2: result = value_text(field.value != 0); break;
        case 3: result = value_text(static_cast<std::int64_t>(field.value)); break;
        case 4: result = value_text(std::bit_cast<double>(field.value)); break;
        case 5: {
            result = "[";
            for (const Field& element : read_message(field.bytes)) {
                if (result.size() > 1) result += ", ";
                result += read_any_value(element.bytes);
            }
            result += "]";
            break;
        }
        default: throw std::runtime_error{"AnyValue has no such field"};
        }
    }
    return result;
}
inline std::string read_key_value(std::string_view message) {
    std::string key;
    std::string value;
    for (const Field& field : read_message(message))
        (field.number == 1 ? key : value) =
            field.number == 1 ? quote(field.bytes) : read_any_value(field.bytes);
    return key + " = " + value;
}

inline OtlpText::Span read_span(std::string_view message) {
    OtlpText::Span span;
    for (const Field& field : read_message(message)) {
        switch (field.number) {
        case 1: span.trace_id = hex(field.bytes); break;
        case 2: span.span_id = hex(field.bytes); break;
        case 3: span.state = field.bytes; break;
        case 4: span.parent = hex(field.bytes); break;
        case 5: span.name = field.bytes; break;
        case 6: span.kind = field.value; break;
        case 7: span.begin = field.value; break;
        case 8: span.end = field.value; break;
        case 9: span.attributes.push_back(read_key_value(field.bytes)); break;
        case 10: span.dropped_attributes = field.value; break;
        case 11: {
            std::string_view name;
            std::uint64_t time = 0;
            std::uint64_t dropped = 0;
            OtlpText::Point& event = span.events.emplace_back();
            for (const Field& inner : read_message(field.bytes)) {
                if (inner.number == 1) time = inner.value;
                if (inner.number == 2) name = inner.bytes;
                if (inner.number == 3) event.attributes.push_back(read_key_value(inner.bytes));
                if (inner.number == 4) dropped = inner.value;
            }
            event.line = event_line(name, time, dropped);
            break;
        }
        case 12: span.dropped_events = field.value; break;
        case 13: {
            LinkLine line;
            OtlpText::Point& link = span.links.emplace_back();
            for (const Field& inner : read_message(field.bytes)) {
                if (inner.number == 1) line.trace_id = hex(inner.bytes);
                if (inner.number == 2) line.span_id = hex(inner.bytes);
                if (inner.number == 3) line.state = inner.bytes;
                if (inner.number == 4) link.attributes.push_back(read_key_value(inner.bytes));
                if (inner.number == 5) line.dropped = inner.value;
                if (inner.number == 6) line.flags = inner.value;
            }
            link.line = line.line();
            break;
        }
        case 14: span.dropped_links = field.value; break;
        case 15:
            for (const Field& inner : read_message(field.bytes)) {
                if (inner.number == 2) span.message = inner.bytes;
                if (inner.number == 3) span.status = inner.value;
            }
            break;
        case 16: span.flags = field.value; break;
        default: throw std::runtime_error{"Span has no such field"};
        }
    }
    return span;
}

/// An ExportTraceServiceRequest, or TracesData, with one resource.
inline OtlpText read_protobuf(std::string_view request) {
    OtlpText result;
    for (const Field& resource_spans : read_message(request)) {
        for (const Field& field : read_message(resource_spans.bytes)) {
            if (field.number == 1)
                for (const Field& inner : read_message(field.bytes))
                    result.resource.push_back(read_key_value(inner.bytes));
            if (field.number != 2) continue;
            OtlpText::Scope& scope = result.scopes.emplace_back();
            for (const Field& inner : read_message(field.bytes)) {
                if (inner.number == 2) scope.spans.push_back(read_span(inner.bytes));
                if (inner.number != 1) continue;
                for (const Field& of_scope : read_message(inner.bytes))
                    (of_scope.number == 1 ? scope.name : scope.version) = of_scope.bytes;
            }
        }
    }
    return result;
}

/// A JSON value: a number stays as it was written, since 64 bits don't fit into a double.
struct Json {
    enum class Type { null, boolean, number, string, array, object };
    Type type = Type::null;
    std::string text; ///< of a string, unescaped; of a number or literal, as it was written
    std::vector<Json> elements;
    std::vector<std::string> keys; ///< of an object, one for each of `elements`

    [[nodiscard]] const Json* find(std::string_view key) const {
        for (std::size_t i = 0; i != keys.size(); ++i)
            if (keys[i] == key) return &elements[i];
        return nullptr;
    }
    [[nodiscard]] std::string string_of(std::string_view key) const {
        const Json* const member = find(key);
        if (!member) return {};
        if (member->type != Type::string) throw std::runtime_error{"not a string"};
        return member->text;
    }
    /// An integer that has to be written as `wanted`; 0 if there is none.
    [[nodiscard]] std::uint64_t integer_of(std::string_view key, Type wanted) const {
        const Json* const member = find(key);
        if (!member) return 0;
        if (member->type != wanted) throw std::runtime_error{"an integer of the wrong form"};
        return std::stoull(member->text);
    }
};

/// RFC 8259 without blanks, which Plume never writes.
class JsonReader {
  public:
    static Json read(std::string_view text) {
        JsonReader reader{text};
        Json value = reader.value();
        if (!reader.rest_.empty()) throw std::runtime_error{"something follows the JSON value"};
        return value;
    }

  private:
    explicit JsonReader(std::string_view text) : rest_{text} {}

    char take() {
        if (rest_.empty()) throw std::runtime_error{"JSON ends too early"};
        const char c = rest_.front();
        rest_.remove_prefix(1);
        return c;
    }
    void expect(char c) {
        if (take() != c) throw std::runtime_error{std::string{"expected "} + c};
    }
    bool accept(char c) {
        if (rest_.empty() || rest_.front() != c) return false;
        rest_.remove_prefix(1);
        return true;
    }
    Json value() {
        Json result;
        if (rest_.empty()) throw std::runtime_error{"JSON ends too early"};
        if (rest_.front() == '"') {
            result.type = Json::Type::string;
            result.text = string();
        } else if (accept('{')) {
            result.type = Json::Type::object;
            for (bool more = !accept('}'); more; more = next('}')) {
                result.keys.push_back(string());
                expect(':');
                result.elements.push_back(value());
            }
        } else if (accept('[')) {
            result.type = Json::Type::array;
            for (bool more = !accept(']'); more; more = next(']'))
                result.elements.push_back(value());
        } else {
            result.text = rest_.substr(0, rest_.find_first_of(",]}"));
            rest_.remove_prefix(result.text.size());
            const bool literal = result.text == "true" || result.text == "false";
            result.type = literal ? Json::Type::boolean : Json::Type::number;
        }
        return result;
    }
    bool next(char end) {
        if (accept(',')) return true;
        expect(end);
        return false;
    }
    std::string string() {
        std::string result;
        expect('"');
        for (char c = take(); c != '"'; c = take()) {
            if (static_cast<unsigned char>(c) < 0x20)
                throw std::runtime_error{"a control character"};
            if (c == '\\') {
                switch (c = take()) {
                case 'n': c = '\n'; break;
                case 'r': c = '\r'; break;
                case 't': c = '\t'; break;
                case 'u': {
                    const std::string digits{take(), take(), take(), take()};
                    c = static_cast<char>(std::stoi(digits, nullptr, 16));
                    break;
                }
                case '"':
                case '\\': break;
                default: throw std::runtime_error{"an escape that Plume never writes"};
                }
            }
            result += c;
        }
        return result;
    }

    std::string_view rest_;
};

inline std::string read_any_value(const Json& value) {
    if (value.keys.size() != 1) throw std::runtime_error{"AnyValue is a oneof"};
    const std::string& which = value.keys[0];
    const Json& content = value.elements[0];
    if (which == "stringValue") return quote(content.text);
    if (which == "boolValue") return content.text;
    if (which == "intValue" && content.type == Json::Type::string) return content.text;
    if (which == "doubleValue") {
        const bool is_string = content.type == Json::Type::string;
        constexpr double infinity = std::numeric_limits<double>::infinity();
        if (is_string && content.text == "NaN") return "nan";
        if (is_string && content.text == "Infinity") return value_text(infinity);
        if (is_string && content.text == "-Infinity") return value_text(-infinity);
        if (!is_string) return value_text(std::strtod(content.text.c_str(), nullptr));
    }
    if (which != "arrayValue") throw std::runtime_error{"AnyValue has no such form: " + which};
    std::string result = "[";
    for (const Json& element : content.find("values")->elements) {
        if (result.size() > 1) result += ", ";
        result += read_any_value(element);
    }
    return result + "]";
}
inline std::vector<std::string> read_attributes(const Json& owner) {
    std::vector<std::string> lines;
    if (const Json* const all = owner.find("attributes"))
        for (const Json& one : all->elements)
            lines.push_back(quote(one.string_of("key")) + " = " +
                            read_any_value(*one.find("value")));
    return lines;
}

inline OtlpText::Span read_span(const Json& from) {
    constexpr auto number = Json::Type::number;
    constexpr auto string = Json::Type::string;
    OtlpText::Span span;
    span.trace_id = from.string_of("traceId");
    span.span_id = from.string_of("spanId");
    if (from.find("parentSpanId")) span.parent = from.string_of("parentSpanId");
    span.state = from.string_of("traceState");
    span.name = from.string_of("name");
    span.kind = from.integer_of("kind", number);
    span.begin = from.integer_of("startTimeUnixNano", string);
    span.end = from.integer_of("endTimeUnixNano", string);
    span.flags = from.integer_of("flags", number);
    span.attributes = read_attributes(from);
    span.dropped_attributes = from.integer_of("droppedAttributesCount", number);
    span.dropped_events = from.integer_of("droppedEventsCount", number);
    span.dropped_links = from.integer_of("droppedLinksCount", number);
    if (const Json* const status = from.find("status")) {
        span.message = status->string_of("message");
        span.status = status->integer_of("code", number);
    }
    if (const Json* const events = from.find("events"))
        for (const Json& one : events->elements)
            span.events.push_back(
                {event_line(one.string_of("name"), one.integer_of("timeUnixNano", string),
                            one.integer_of("droppedAttributesCount", number)),
                 read_attributes(one)});
    if (const Json* const links = from.find("links"))
        for (const Json& one : links->elements) {
            const LinkLine line{one.string_of("traceId"), one.string_of("spanId"),
                                one.string_of("traceState"), one.integer_of("flags", number),
                                one.integer_of("droppedAttributesCount", number)};
            span.links.push_back({line.line(), read_attributes(one)});
        }
    return span;
}

inline OtlpText read_json(std::string_view text) {
    const Json document = JsonReader::read(text);
    OtlpText result;
    for (const Json& resource_spans : document.find("resourceSpans")->elements) {
        result.resource = read_attributes(*resource_spans.find("resource"));
        for (const Json& from : resource_spans.find("scopeSpans")->elements) {
            OtlpText::Scope& scope = result.scopes.emplace_back();
            scope.name = from.find("scope")->string_of("name");
            scope.version = from.find("scope")->string_of("version");
            for (const Json& span : from.find("spans")->elements)
                scope.spans.push_back(read_span(span));
        }
    }
    return result;
}

} // namespace plume::otlp_test
