// jaeger.cpp - uber-trace-id and uberctx-, compared with a parser that is slow and simple.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <plume/propagation/propagation.hpp>

#include "fuzz.hpp"
#include "reference/baggage.hpp"
#include "reference/jaeger.hpp"

using fuzz::require;
namespace flags = plume::trace_flags;

namespace {

/// What the entries are, in the end: the last header of a name is not the one that counts, since a
/// carrier gives the first. Headers behind the 64th are not read.
std::vector<std::pair<std::string, std::string>> entries(const fuzz::Headers& headers) {
    std::vector<std::pair<std::string, std::string>> found;
    std::size_t count = 0;
    for (const auto& [name, value] : headers) {
        if (!name.starts_with("uberctx-")) continue;
        if (++count > 64) break;
        const auto first = std::ranges::find(headers, name, &fuzz::Headers::value_type::first);
        std::string text = reference::trimmed(first->second);
        std::ranges::replace(text, '+', ' ');
        const std::string key = name.substr(8);
        std::erase_if(found, [&key](const auto& entry) { return entry.first == key; });
        found.emplace_back(key, reference::decoded(text));
    }
    return found;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const plume::Propagators chosen{plume::Propagator::jaeger};
    // Long enough for three values that are escaped, three bytes each, and fit a baggage.
    if (size > 800) return -1;
    const auto headers = fuzz::headers_of(
        data, size, {"uber-trace-id", "uberctx-user", "uberctx-k", "uberctx-third"});
    const plume::Extracted extracted = plume::extract(plume::PairsCarrier{headers}, chosen);
    const plume::SpanContext context = extracted.context();

    const auto first =
        std::ranges::find(headers, std::string{"uber-trace-id"}, &fuzz::Headers::value_type::first);
    const auto expected = reference::uber_trace_id(first == headers.end() ? "" : first->second);
    require(context.valid() == expected.has_value(), "both accept, or neither");
    if (expected) {
        require(fuzz::text_of(context.trace_id.hex()) == expected->trace_id, "the trace id");
        require(fuzz::text_of(context.span_id.hex()) == expected->span_id, "the span id");
        require(context.sampled() == ((expected->flags & 3U) != 0), "sampled, or debug");
        require(((context.flags & flags::debug) != 0) == ((expected->flags & 2U) != 0), "debug");
        require(((context.flags & flags::firehose) != 0) == ((expected->flags & 8U) != 0),
                "firehose");
        require((context.flags & flags::deferred) == 0, "a decision is always there");
    } else {
        require(context.flags == 0 && !context.trace_id.valid() && !context.span_id.valid(),
                "what is refused leaves nothing behind");
    }

    const plume::Baggage baggage = plume::Baggage::parse(context.baggage);
    require(baggage.text() == context.baggage, "the baggage is clean");
    const auto wanted = entries(headers);
    require(baggage.size() == wanted.size(), "each name is an entry");
    auto at = wanted.begin();
    for (const plume::Baggage::Member& member : baggage) {
        require(member.key == at->first && member.value() == at->second, "key and value");
        ++at;
    }

    fuzz::Headers sent;
    plume::PairsCarrier carrier{sent};
    plume::inject(context, carrier, chosen);
    require(plume::extract(carrier, chosen).context() == context, "what is sent on is read again");
    return 0;
}
