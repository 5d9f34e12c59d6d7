// recorded_json.hpp - recorded spans as JSON for a script that compares, types and all.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <plume/exporters/memory.hpp>

namespace plume::interop {

// Not Plume's own encoder of JSON, which is among what the script tests.

/// Objects and arrays come from nesting calls; the writer only knows where commas go.
class Json {
  public:
    [[nodiscard]] const std::string& text() const noexcept { return text_; }

    template <class F>
    void object(F&& members) {
        nest('{', '}', members);
    }
    template <class F>
    void array(F&& elements) {
        nest('[', ']', elements);
    }
    template <class Value>
    void member(std::string_view key, const Value& content) {
        name(key);
        value(content);
    }
    /// A member whose value `write` writes.
    template <class F>
    void member_of(std::string_view key, F&& write) {
        name(key);
        write();
    }

    void value(std::string_view content) {
        comma();
        text_ += '"';
        for (const char c : content) {
            if (c == '"' || c == '\\') {
                (text_ += '\\') += c;
            } else if (c >= 0 && c < 0x20) {
                text_ += "\\u00";
                text_ += plume::detail::hex_digits[c >> 4];
                text_ += plume::detail::hex_digits[c & 15];
            } else {
                text_ += c;
            }
        }
        text_ += '"';
    }
    void value(const char* content) { value(std::string_view{content}); }
    void value(const std::string& content) { value(std::string_view{content}); }
    void value(bool content) {
        comma();
        text_ += content ? "true" : "false";
    }
    template <class Number>
        requires std::is_arithmetic_v<Number>
    void value(Number content) {
        comma();
        char digits[32]; // the longest shortest double takes 24
        text_.append(digits, std::to_chars(digits, digits + sizeof digits, content).ptr);
    }

  private:
    template <class F>
    void nest(char open, char close, F&& contents) {
        comma();
        text_ += open;
        first_ = true;
        contents();
        text_ += close;
        first_ = false;
    }
    void name(std::string_view key) {
        value(key);
        text_ += ':';
        first_ = true;
    }
    void comma() {
        if (!first_) text_ += ',';
        first_ = false;
    }

    std::string text_;
    bool first_ = true;
};

[[nodiscard]] constexpr std::string_view type_name(std::size_t index) noexcept {
    constexpr std::string_view names[] = {"bool",   "int64",   "float64",   "string",
                                          "bool[]", "int64[]", "float64[]", "string[]"};
    return names[index];
}

/// [key, type, value] for each.
inline void write(Json& json, const RecordedAttributes& attributes) {
    json.array([&] {
        for (const RecordedAttribute& one : attributes) {
            json.array([&] {
                json.value(one.key);
                json.value(type_name(one.value.index()));
                std::visit(
                    [&]<class Value>(const Value& content) {
                        if constexpr (requires { json.value(content); }) json.value(content);
                        else
                            json.array([&] {
                                for (auto&& element : content) json.value(element);
                            });
                    },
                    one.value);
            });
        }
    });
}

template <class Id>
[[nodiscard]] std::string hex(const Id& id) {
    const auto digits = id.hex();
    return id.valid() ? std::string{digits.data(), digits.size()} : std::string{};
}

inline void write(Json& json, const RecordedSpan& span) {
    json.object([&] {
        json.member("trace_id", hex(span.trace_id));
        json.member("span_id", hex(span.span_id));
        json.member("parent_id", hex(span.parent_span_id));
        json.member("name", span.name);
        json.member("kind", static_cast<int>(span.kind)); // numbers of OTLP
        json.member("status", static_cast<int>(span.status));
        json.member("message", span.status_message);
        json.member("begin_ns", span.begin_unix_ns);
        json.member("end_ns", span.end_unix_ns);
        json.member("flags", static_cast<int>(span.flags));
        json.member("trace_state", span.trace_state);
        json.member("scope_name", span.source.scope_name);
        json.member("scope_version", span.source.scope_version);
        json.member("function", span.source.function);
        json.member("file", span.source.file);
        json.member("line", span.source.line);
        json.member("thread_id", span.thread_id);
        json.member("thread_name", span.thread_name);
        json.member("dropped_attributes", span.dropped_attributes);
        json.member("dropped_events", span.dropped_events);
        json.member("dropped_links", span.dropped_links);
        json.member_of("attributes", [&] { write(json, span.attributes); });
        json.member_of("events", [&] {
            json.array([&] {
                for (const RecordedEvent& event : span.events) {
                    json.object([&] {
                        json.member("name", event.name);
                        json.member("time_ns", event.time_unix_ns);
                        json.member("dropped_attributes", event.dropped_attributes);
                        json.member_of("attributes", [&] { write(json, event.attributes); });
                    });
                }
            });
        });
        json.member_of("links", [&] {
            json.array([&] {
                for (const RecordedLink& link : span.links) {
                    json.object([&] {
                        json.member("trace_id", hex(link.trace_id));
                        json.member("span_id", hex(link.span_id));
                        json.member("dropped_attributes", link.dropped_attributes);
                        json.member_of("attributes", [&] { write(json, link.attributes); });
                    });
                }
            });
        });
    });
}

} // namespace plume::interop
