// w3c.hpp - traceparent, tracestate and baggage between carrier and context.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <plume/propagation/baggage.hpp>
#include <plume/propagation/carrier.hpp>
#include <plume/propagation/extracted.hpp>
#include <plume/propagation/trace_state.hpp>
#include <plume/propagation/traceparent.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// More than one traceparent is as bad as none (W3C Trace Context Level 2, 4.3); a tracestate is
/// read behind a valid traceparent alone, and may be invalid without harm to that.
template <ReadableCarrier C>
void extract_tracecontext(const C& carrier, Extraction& extraction) {
    SpanContext context;
    int count = 0;
    each_value(carrier, "traceparent", [&](std::string_view header) {
        if (++count == 1) context = read_traceparent(header);
    });
    if (count != 1 || !context.valid()) return;

    std::string state;
    std::size_t members = 0;
    bool valid = true;
    each_value(carrier, "tracestate", [&](std::string_view header) {
        valid = valid && append_trace_state(state, members, header);
    });
    extraction.found(context, valid ? std::string_view{state} : std::string_view{});
}

template <WritableCarrier C>
void inject_tracecontext(const SpanContext& context, C& carrier) {
    if (!context.valid()) return;
    const auto header = write_traceparent(context);
    carrier.set(std::string_view{"traceparent"}, std::string_view{header.data(), header.size()});
    if (!context.trace_state.empty() && is_trace_state(context.trace_state))
        carrier.set(std::string_view{"tracestate"}, context.trace_state);
}

template <ReadableCarrier C>
void extract_baggage(const C& carrier, Extraction& extraction) {
    each_value(carrier, "baggage",
               [&extraction](std::string_view header) { extraction.baggage.add(header); });
}

template <WritableCarrier C>
void inject_baggage(const SpanContext& context, C& carrier) {
    if (context.baggage.empty()) return;
    if (is_clean_baggage(context.baggage)) {
        carrier.set(std::string_view{"baggage"}, context.baggage);
        return;
    }
    // Somebody has put a text in force that did not come from a Baggage or a carrier.
    const Baggage clean = Baggage::parse(context.baggage);
    if (!clean.empty()) carrier.set(std::string_view{"baggage"}, std::string_view{clean.text()});
}

} // namespace detail
} // namespace plume
