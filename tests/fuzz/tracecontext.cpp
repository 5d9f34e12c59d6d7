// tracecontext.cpp - traceparent and tracestate, compared with a parser that is slow and simple.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <plume/propagation/propagation.hpp>

#include "fuzz.hpp"
#include "reference/tracecontext.hpp"

using fuzz::require;
using Members = std::vector<std::pair<std::string, std::string>>;

namespace {

std::string joined(const Members& members) {
    std::string text;
    for (const auto& [key, value] : members) {
        if (!text.empty()) text += ',';
        text += key + "=" + value;
    }
    return text;
}

/// The first member, changed, taken away and put back.
void change(const std::string& state, Members members) {
    const auto [key, value] = members.front();
    std::erase_if(members, [&key](const auto& member) { return member.first == key; });
    require(plume::with_trace_state(state, key, "") == joined(members), "a key is taken away");
    require(plume::trace_state_value(state, key) == value, "a value is found");
    members.insert(members.begin(), {key, "new"});
    require(plume::with_trace_state(state, key, "new") == joined(members),
            "a key moves to the front");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const plume::Propagators chosen{plume::Propagator::tracecontext};
    const auto headers = fuzz::headers_of(data, size, {"traceparent", "tracestate"});
    const auto expected = reference::tracecontext(headers);
    const plume::Extracted extracted = plume::extract(plume::PairsCarrier{headers}, chosen);
    const plume::SpanContext context = extracted.context();
    require(context.valid() == expected.has_value(), "both accept, or neither");
    if (!expected) {
        require(context == plume::SpanContext{}, "what is refused leaves nothing behind");
        return 0;
    }
    require(fuzz::text_of(context.trace_id.hex()) == expected->trace_id, "the trace id");
    require(fuzz::text_of(context.span_id.hex()) == expected->span_id, "the span id");
    require(context.flags == expected->flags, "the flags");
    require(context.is_remote, "it is remote");
    require(context.trace_state == joined(expected->state), "the trace state");
    if (!expected->state.empty()) change(joined(expected->state), expected->state);

    fuzz::Headers sent;
    plume::PairsCarrier carrier{sent};
    plume::inject(context, carrier, chosen);
    require(sent.at(0).second == "00-" + expected->trace_id + "-" + expected->span_id + "-0" +
                                     std::to_string(expected->flags),
            "what is sent on");
    require(plume::extract(carrier, chosen).context() == context, "what is sent on is read again");
    return 0;
}
