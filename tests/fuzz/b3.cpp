// b3.cpp - the headers of B3, one and several, compared with a parser that is slow and simple.
#include <cstddef>
#include <cstdint>
#include <string>

#include <plume/propagation/propagation.hpp>

#include "fuzz.hpp"
#include "reference/b3.hpp"

using fuzz::require;
namespace flags = plume::trace_flags;

namespace {

unsigned flags_of(char state) {
    if (state == 'd') return flags::sampled | flags::debug;
    return state == '1' ? flags::sampled : 0;
}

void round_trip(const plume::SpanContext& context, plume::Propagator format) {
    fuzz::Headers sent;
    plume::PairsCarrier carrier{sent};
    plume::inject(context, carrier, {format});
    require(!sent.empty(), "a context or a decision is sent on");
    require(plume::extract(carrier, {format}).context() == context,
            "what is sent on is read again");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto headers = fuzz::headers_of(
        data, size,
        {"b3", "x-b3-traceid", "x-b3-spanid", "x-b3-sampled", "x-b3-flags", "x-b3-parentspanid"});
    const auto expected = reference::b3(headers);
    for (const auto format : {plume::Propagator::b3, plume::Propagator::b3multi}) {
        const plume::Extracted extracted = plume::extract(plume::PairsCarrier{headers}, {format});
        const plume::SpanContext context = extracted.context();
        if (!expected) {
            require(context == plume::SpanContext{}, "what is refused leaves nothing behind");
            continue;
        }
        if (expected->trace_id.empty()) {
            require(!context.valid() && !context.trace_id.valid() && !context.span_id.valid(),
                    "a decision alone has no ids");
            require(context.flags == (flags_of(expected->state) | flags::decided), "the decision");
        } else {
            require(fuzz::text_of(context.trace_id.hex()) == expected->trace_id, "the trace id");
            require(fuzz::text_of(context.span_id.hex()) == expected->span_id, "the span id");
            require(context.flags == (expected->state == ' ' ? unsigned{flags::deferred}
                                                             : flags_of(expected->state)),
                    "the flags");
            require(context.is_remote, "it is remote");
        }
        round_trip(context, plume::Propagator::b3);
        round_trip(context, plume::Propagator::b3multi);
    }
    return 0;
}
