// tags.hpp - attributes, and what Jaeger has no field for, as Jaeger's tags.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string_view>

#include <plume/export/span_data.hpp>
#include <plume/exporters/detail/bytes.hpp>
#include <plume/exporters/detail/origins.hpp>
#include <plume/exporters/detail/text.hpp>
#include <plume/exporters/jaeger/json_array.hpp>

namespace plume::jaeger {

// The rules are those of "OpenTelemetry to Jaeger Transformation" (opentelemetry-collector-contrib,
// pkg/translator/jaeger) and "Mapping to non-OTLP Formats" (OpenTelemetry specification). `Out` is
// Compact or Binary over a sink. It travels by value, which keeps its position in a register.

/// The shape in which nearly every span leaves: everything, as it is.
struct Whole {
    static constexpr bool truncated = false;
    static constexpr std::size_t longest = std::numeric_limits<std::size_t>::max();
    [[nodiscard]] static constexpr std::string_view clip(std::string_view text) { return text; }
};

/// The shape of a span that is too large otherwise: no logs, and no text above `longest` bytes.
struct Cut {
    static constexpr bool truncated = true;
    std::size_t longest = std::numeric_limits<std::size_t>::max();

    /// Never ends in the middle of a character.
    [[nodiscard]] constexpr std::string_view clip(std::string_view text) const {
        if (text.size() <= longest) return text;
        std::size_t end = longest;
        while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
        return text.substr(0, end);
    }
};

namespace tag_type { // TagType in jaeger.thrift
inline constexpr std::int32_t string = 0;
inline constexpr std::int32_t real = 1;
inline constexpr std::int32_t boolean = 2;
inline constexpr std::int32_t integer = 3;
} // namespace tag_type

template <class Shape>
struct Tags {
    Shape shape;
    otlp::Bytes& scratch;     ///< for arrays, which Jaeger has as JSON text
    otlp::Origin origin = {}; ///< tags that say where a span was recorded

    // struct Tag: 1 key, 2 vType, 3 vStr, 4 vDouble, 5 vBool, 6 vLong.

    template <class Out>
    [[nodiscard]] static Out begin_tag(Out out, std::string_view key, std::int32_t type) {
        out.template text<1, 0>(key);
        out.template i32<2, 1>(type);
        return out;
    }
    template <class Out>
    [[nodiscard]] Out one(Out out, std::string_view key, std::string_view value) const {
        out = begin_tag(out, key, tag_type::string);
        out.template text<3, 2>(shape.clip(value));
        out.stop();
        return out;
    }
    /// Jaeger answers 500 for a trace with a number that JSON does not have: that becomes text.
    template <class Out>
    [[nodiscard]] Out one(Out out, std::string_view key, double value) const {
        if (!std::isfinite(value)) [[unlikely]]
            return one(out, key, otlp::json::not_finite(value));
        out = begin_tag(out, key, tag_type::real);
        out.template real<4, 2>(value);
        out.stop();
        return out;
    }
    template <class Out>
    [[nodiscard]] Out one(Out out, std::string_view key, bool value) const {
        out = begin_tag(out, key, tag_type::boolean);
        out.template boolean<5, 2>(value);
        out.stop();
        return out;
    }
    template <class Out>
    [[nodiscard]] Out one(Out out, std::string_view key, std::int64_t value) const {
        out = begin_tag(out, key, tag_type::integer);
        out.template i64<6, 2>(value);
        out.stop();
        return out;
    }
    template <class Out, class Element>
    [[nodiscard]] Out one(Out out, std::string_view key, std::span<const Element> values) const {
        return one(out, key, json_array(scratch, values, shape.longest));
    }
    template <class Out>
    [[nodiscard]] Out one(Out out, const Attribute& attribute) const {
        return attribute.visit([&](auto value) { return one(out, attribute.key(), value); });
    }

    /// What a span has in fields of its own and Jaeger has in tags: step(state, key, value) for
    /// each, from one state to the next, so that counting and writing can't disagree.
    template <class State, class Step>
    [[nodiscard]] State own_tags(const SpanData& span, State state, Step step) const {
        constexpr std::string_view kinds[] = {"", "", "server", "client", "producer", "consumer"};
        if (span.kind != SpanKind::internal)
            state = step(state, "span.kind", kinds[static_cast<std::size_t>(span.kind)]);
        if (!span.source->scope_name.empty())
            state = step(state, "otel.scope.name", span.source->scope_name);
        if (!span.source->scope_version.empty())
            state = step(state, "otel.scope.version", span.source->scope_version);
        if (span.status == StatusCode::ok)
            state = step(state, "otel.status_code", std::string_view{"OK"});
        if (span.status == StatusCode::error) {
            state = step(state, "otel.status_code", std::string_view{"ERROR"});
            state = step(state, "error", true);
        }
        if (span.details != &SpanData::no_details || shape.truncated)
            state = rare_tags(span, state, step);
        return state;
    }
    template <class State, class Step>
    [[nodiscard]] State rare_tags(const SpanData& span, State state, Step step) const {
        const SpanDetails& details = *span.details;
        const auto count = [&](std::string_view key, std::uint64_t dropped) {
            if (dropped != 0) state = step(state, key, static_cast<std::int64_t>(dropped));
        };
        if (span.status == StatusCode::error && !details.status_message.empty())
            state = step(state, "otel.status_description", details.status_message);
        if (!details.trace_state.empty())
            state = step(state, "w3c.tracestate", details.trace_state);
        count("otel.dropped_attributes_count", details.dropped_attributes);
        count("otel.dropped_events_count",
              details.dropped_events + (shape.truncated ? details.events.size() : std::size_t{0}));
        count("otel.dropped_links_count", details.dropped_links);
        if (shape.truncated) state = step(state, "plume.truncated", true);
        return state;
    }

    /// An attribute gives way to a tag of the same key that says what the span itself knows:
    /// exported keys are unique, and Jaeger's "error" must be true when the status is.
    [[nodiscard]] bool hidden(const SpanData& span, std::string_view key) const {
        if (!looks_like_ours(key)) return false;
        return own_tags(span, false, [&](bool found, std::string_view own, auto) {
            return found || own == key;
        });
    }
    [[nodiscard]] static bool looks_like_ours(std::string_view key) noexcept {
        if (key.size() < 5) return false; // "error" is the shortest
        const auto starts_with = [&](const char(&four)[5]) {
            return std::memcmp(key.data(), four, 4) == 0;
        };
        return starts_with("otel") || starts_with("erro") || starts_with("span") ||
               starts_with("w3c.") || starts_with("plum");
    }

    template <class Out>
    [[nodiscard]] Out all(Out out, const SpanData& span) const {
        const auto given = span.attributes();
        const auto hides = [&](const Attribute& a) { return hidden(span, a.key()); };
        const auto hiding = static_cast<std::size_t>(std::ranges::count_if(given, hides));
        const std::size_t own = own_tags(
            span, std::size_t{0}, [](std::size_t n, std::string_view, auto) { return n + 1; });
        out.template list<10, 9>(given.size() - hiding + own + origin.count);
        for (const Attribute& attribute : given) {
            if (hiding == 0 || !hides(attribute)) out = one(out, attribute);
        }
        out = own_tags(span, out, [this](Out to, std::string_view key, auto value) {
            return this->one(to, key, value);
        });
        if (origin.count != 0) out.sink.bytes(origin.bytes.data(), origin.bytes.size());
        return out;
    }
};

} // namespace plume::jaeger
