// b3.hpp - Zipkin's headers, one or several (openzipkin/b3-propagation).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <plume/core/ids.hpp>
#include <plume/propagation/carrier.hpp>
#include <plume/propagation/extracted.hpp>
#include <plume/propagation/header_text.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// 16 or 32 digits of either case, not all zero.
constexpr bool read_b3_trace_id(std::string_view text, TraceId& id) noexcept {
    return (text.size() == 16 || text.size() == 32) && read_padded_hex(text, id.high, id.low) &&
           id.valid();
}
constexpr bool read_b3_span_id(std::string_view text, SpanId& id) noexcept {
    return text.size() == 16 && read_padded_hex(text, id.value) && id.valid();
}

/// The flags of `0`, `1` and `d`; false for anything else.
constexpr bool read_b3_state(std::string_view text, std::uint8_t& flags) noexcept {
    if (text == "0") flags = 0;
    else if (text == "1") flags = trace_flags::sampled;
    else if (text == "d") flags = trace_flags::sampled | trace_flags::debug;
    else return false;
    return true;
}

/// `{trace}-{span}[-{state}[-{parent}]]`, or a state alone: a decision on a trace that is yet to
/// begin. False, and `context` is of no use, for anything else.
constexpr bool read_b3(std::string_view header, SpanContext& context) noexcept {
    header = without_blanks(header);
    context = {};
    if (read_b3_state(header, context.flags)) {
        context.flags |= trace_flags::decided;
        return true;
    }
    context.is_remote = true;
    context.flags = trace_flags::deferred;
    if (header.ends_with('-')) return false; // an empty part, which take_until() would not show
    if (!read_b3_trace_id(take_until(header, '-'), context.trace_id)) return false;
    if (!read_b3_span_id(take_until(header, '-'), context.span_id)) return false;
    if (header.empty()) return true;
    if (!read_b3_state(take_until(header, '-'), context.flags)) return false;
    SpanId parent; // of the span that is our parent: of no interest
    return header.empty() || read_b3_span_id(header, parent);
}

/// The value of `b3`. Empty if the context has neither ids nor a decision.
class B3Text {
  public:
    explicit B3Text(const SpanContext& context) noexcept {
        if (context.valid()) {
            put_ids(context);
            if ((context.flags & trace_flags::deferred) != 0) return;
            text_[size_++] = '-';
        } else if ((context.flags & trace_flags::decided) == 0) {
            return;
        }
        text_[size_++] = state(context);
    }
    [[nodiscard]] std::string_view view() const noexcept { return {text_.data(), size_}; }

    [[nodiscard]] static constexpr bool debug(const SpanContext& context) noexcept {
        constexpr int both = trace_flags::sampled | trace_flags::debug;
        return (context.flags & both) == both;
    }

  private:
    static constexpr char state(const SpanContext& context) noexcept {
        if (debug(context)) return 'd';
        return context.sampled() ? '1' : '0';
    }
    void put_ids(const SpanContext& context) noexcept {
        char* at = write_hex16(text_.data(), context.trace_id.high);
        at = write_hex16(at, context.trace_id.low);
        *at++ = '-';
        write_hex16(at, context.span_id.value);
        size_ = 49;
    }

    std::array<char, 51> text_;
    std::size_t size_ = 0;
};

/// What get() gives for a name, without blanks around it, handed to `f` while it is valid.
template <ReadableCarrier C, class F>
auto with_value(const C& carrier, std::string_view name, F&& f) {
    const auto& value = carrier.get(name);
    return f(without_blanks(text_of(value)));
}

/// The headers of B3 in several. Malformed ones make all of them malformed.
template <ReadableCarrier C>
bool read_b3_multi(const C& carrier, SpanContext& context) {
    context = {};
    bool decided = true;
    const auto read_sampled = [&](std::string_view text) {
        // Some say it in words ("x-b3-sampled" in the specification asks readers to bear that).
        if (same_name(text, "true")) text = "1";
        if (same_name(text, "false")) text = "0";
        decided = !text.empty();
        return !decided || (text != "d" && read_b3_state(text, context.flags));
    };
    if (!with_value(carrier, "x-b3-sampled", read_sampled)) return false;
    if (with_value(carrier, "x-b3-flags", [](std::string_view text) { return text == "1"; })) {
        context.flags = trace_flags::sampled | trace_flags::debug;
        decided = true;
    }
    int ids = 0;
    const auto read_id = [&ids](auto read, auto& id) {
        return [&ids, &id, read](std::string_view text) {
            ids += text.empty() ? 0 : 1;
            return text.empty() || read(text, id);
        };
    };
    if (!with_value(carrier, "x-b3-traceid", read_id(read_b3_trace_id, context.trace_id)) ||
        !with_value(carrier, "x-b3-spanid", read_id(read_b3_span_id, context.span_id)))
        return false;
    if (ids == 0 && decided) context.flags |= trace_flags::decided;
    if (ids == 2 && !decided) context.flags = trace_flags::deferred;
    context.is_remote = ids == 2;
    return ids == 2 || (ids == 0 && decided);
}

/// The one header first, then the several (OpenTelemetry, "Propagators API", "B3 Extract").
template <ReadableCarrier C>
void extract_b3(const C& carrier, Extraction& extraction) {
    SpanContext context;
    const auto read = [&context](std::string_view text) { return read_b3(text, context); };
    if (with_value(carrier, "b3", read) || read_b3_multi(carrier, context))
        extraction.found(context);
}

template <WritableCarrier C>
void inject_b3(const SpanContext& context, C& carrier) {
    const B3Text text{context};
    if (!text.view().empty()) carrier.set(std::string_view{"b3"}, text.view());
}

/// Debug implies sampled, so that one says it all. The parent's id is not sent: nobody needs it
/// (OpenTelemetry, "Propagators API", "B3 Inject").
template <WritableCarrier C>
void inject_b3_multi(const SpanContext& context, C& carrier) {
    if (context.valid()) {
        const B3Text text{context};
        carrier.set(std::string_view{"x-b3-traceid"}, text.view().substr(0, 32));
        carrier.set(std::string_view{"x-b3-spanid"}, text.view().substr(33, 16));
        if ((context.flags & trace_flags::deferred) != 0) return;
    } else if ((context.flags & trace_flags::decided) == 0) {
        return;
    }
    if (B3Text::debug(context)) carrier.set(std::string_view{"x-b3-flags"}, std::string_view{"1"});
    else
        carrier.set(std::string_view{"x-b3-sampled"},
                    std::string_view{context.sampled() ? "1" : "0"});
}

} // namespace detail
} // namespace plume
