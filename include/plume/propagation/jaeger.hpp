// jaeger.hpp - the headers of Jaeger's own clients: uber-trace-id, and uberctx- for baggage.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <plume/core/ids.hpp>
#include <plume/propagation/baggage.hpp>
#include <plume/propagation/carrier.hpp>
#include <plume/propagation/extracted.hpp>
#include <plume/propagation/header_text.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

inline constexpr std::string_view uberctx = "uberctx-";

// Bits of the flags in uber-trace-id (Jaeger, "Client libraries", "Propagation Format").
inline constexpr unsigned jaeger_sampled = 1;
inline constexpr unsigned jaeger_debug = 2;
inline constexpr unsigned jaeger_firehose = 8;

/// Takes the text before the next colon, which may be escaped, off the front. False if there is
/// none.
inline bool take_until_colon(std::string_view& text, std::string_view& part) noexcept {
    for (std::size_t i = 0; i < text.size(); ++i) {
        std::size_t size = 0;
        if (text[i] == ':') size = 1;
        else if (same_name(text.substr(i, 3), "%3a")) size = 3;
        if (size == 0) continue;
        part = text.substr(0, i);
        text.remove_prefix(i + size);
        return true;
    }
    return false;
}

/// What `{trace}:{span}:{parent}:{flags}` says; an invalid context if it is anything else.
inline SpanContext read_uber_trace_id(std::string_view header) noexcept {
    header = without_blanks(header);
    std::string_view trace, span, parent;
    if (!take_until_colon(header, trace) || !take_until_colon(header, span) ||
        !take_until_colon(header, parent))
        return {};
    SpanContext context;
    std::uint64_t of_no_interest = 0; // deprecated; most clients send a 0
    std::uint64_t flags = 0;
    if (!read_padded_hex(trace, context.trace_id.high, context.trace_id.low) ||
        !read_padded_hex(span, context.span_id.value) || !read_padded_hex(parent, of_no_interest) ||
        header.size() > 2 || !read_padded_hex(header, flags) || !context.valid())
        return {};
    context.is_remote = true;
    if ((flags & (jaeger_sampled | jaeger_debug)) != 0) context.flags |= trace_flags::sampled;
    if ((flags & jaeger_debug) != 0) context.flags |= trace_flags::debug;
    if ((flags & jaeger_firehose) != 0) context.flags |= trace_flags::firehose;
    return context;
}

/// The value of uber-trace-id for a valid context.
inline std::array<char, 53> write_uber_trace_id(const SpanContext& context) noexcept {
    unsigned flags = 0;
    if (context.sampled()) {
        flags |= jaeger_sampled;
        if ((context.flags & trace_flags::debug) != 0) flags |= jaeger_debug;
    }
    if ((context.flags & trace_flags::firehose) != 0) flags |= jaeger_firehose;

    std::array<char, 53> text;
    char* at = write_hex16(text.data(), context.trace_id.high);
    at = write_hex16(at, context.trace_id.low);
    *at++ = ':';
    at = write_hex16(at, context.span_id.value);
    *at++ = ':';
    *at++ = '0';
    *at++ = ':';
    *at = hex_digits[flags];
    return text;
}

/// Jaeger's clients escape values as forms do, where a plus sign is a blank.
inline std::string form_decoded(std::string_view text) {
    std::string blanks{text};
    for (char& c : blanks)
        if (c == '+') c = ' ';
    return percent_decoded_utf8(blanks);
}

/// Each header is one entry, which replaces that of another format. The key is what is left of a
/// name without case, so it is in lower case. 64 headers are read, repeated names included, since
/// each of them costs a pass over the baggage.
template <ReadableCarrier C>
void extract_uberctx(const C& carrier, Extraction& extraction) {
    if constexpr (requires { carrier.each_name([](std::string_view) {}); }) {
        std::size_t headers = 0;
        carrier.each_name([&](std::string_view name) {
            if (!same_name(name.substr(0, uberctx.size()), uberctx)) return;
            if (++headers > most_baggage_members) return;
            std::string in_lower_case{name};
            for (char& c : in_lower_case) c = lower(c);
            const auto& value = carrier.get(std::string_view{in_lower_case});
            extraction.baggage.set(std::string_view{in_lower_case}.substr(uberctx.size()),
                                   form_decoded(without_blanks(text_of(value))));
        });
    }
}

template <ReadableCarrier C>
void extract_jaeger(const C& carrier, Extraction& extraction) {
    const auto& value = carrier.get(std::string_view{"uber-trace-id"});
    if (const std::string_view header = text_of(value); !header.empty())
        extraction.found(read_uber_trace_id(header));
    extract_uberctx(carrier, extraction);
}

/// Properties have no place in these headers.
template <WritableCarrier C>
void inject_jaeger(const SpanContext& context, C& carrier) {
    if (context.valid()) {
        const auto header = write_uber_trace_id(context);
        carrier.set(std::string_view{"uber-trace-id"},
                    std::string_view{header.data(), header.size()});
    }
    if (context.baggage.empty()) return;
    std::string name{uberctx};
    std::string value;
    const Baggage baggage = Baggage::parse(context.baggage);
    for (const Baggage::Member& member : baggage) {
        name.replace(uberctx.size(), std::string::npos, member.key);
        value.clear();
        append_percent_encoded(value, member.value());
        carrier.set(std::string_view{name}, std::string_view{value});
    }
}

} // namespace detail
} // namespace plume
