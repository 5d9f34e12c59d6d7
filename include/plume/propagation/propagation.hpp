// propagation.hpp - from headers to a context, and from a context to headers.
#pragma once

#include <string_view>

#include <plume/propagation/b3.hpp>
#include <plume/propagation/baggage.hpp>
#include <plume/propagation/carrier.hpp>
#include <plume/propagation/extracted.hpp>
#include <plume/propagation/jaeger.hpp>
#include <plume/propagation/propagators.hpp>
#include <plume/propagation/w3c.hpp>
#include <plume/trace/context.hpp>

namespace plume {

/// The formats of this process: Options::propagators of the newest session, else what
/// OTEL_PROPAGATORS said when it began, else tracecontext and baggage; the latter before any
/// session, too. From any thread.
[[nodiscard]] inline Propagators propagators() noexcept {
    // A word that orders nothing.
    return Propagators::from_word(detail::runtime().propagators.load(detail::memory_order_relaxed));
}

/// Calls f(name) for each header that the formats read or write, but for `uberctx-…`, of which
/// nobody knows how many there are. Take them out of a request that is sent on before injecting.
template <class F>
void each_header(Propagators chosen, F&& f) {
    const auto names = [&f](auto... name) { (f(std::string_view{name}), ...); };
    chosen.each([&names](Propagator format) {
        switch (format) {
        case Propagator::tracecontext: names("traceparent", "tracestate"); break;
        case Propagator::baggage: names("baggage"); break;
        case Propagator::b3:
        case Propagator::b3multi:
            names("b3", "x-b3-traceid", "x-b3-spanid", "x-b3-parentspanid", "x-b3-sampled",
                  "x-b3-flags");
            break;
        case Propagator::jaeger: names("uber-trace-id"); break;
        }
    });
}

/// What the headers of a request say. Each format looks for its own, in their order, and a later
/// one that finds a valid context outranks the earlier ones. Headers that are malformed count as
/// absent. Throws what the carrier throws, and std::bad_alloc where there is a trace state or
/// baggage; allocates for those alone.
///     const plume::Extracted caller = plume::extract(carrier);
///     const plume::ContextScope scope{caller.context()};
template <ReadableCarrier C>
[[nodiscard]] Extracted extract(const C& carrier, Propagators chosen = propagators()) {
    detail::Extraction extraction;
    chosen.each([&](Propagator format) {
        switch (format) {
        case Propagator::tracecontext: detail::extract_tracecontext(carrier, extraction); break;
        case Propagator::baggage: detail::extract_baggage(carrier, extraction); break;
        case Propagator::b3: detail::extract_b3(carrier, extraction); break;
        case Propagator::b3multi: detail::extract_b3(carrier, extraction); break;
        case Propagator::jaeger: detail::extract_jaeger(carrier, extraction); break;
        }
    });
    return extraction.result();
}

/// Writes a context to the headers of a request, in each of the formats. An invalid context writes
/// none but its baggage and its decision. Throws what the carrier throws.
template <WritableCarrier C>
void inject(const SpanContext& context, C& carrier, Propagators chosen = propagators()) {
    chosen.each([&](Propagator format) {
        switch (format) {
        case Propagator::tracecontext: detail::inject_tracecontext(context, carrier); break;
        case Propagator::baggage: detail::inject_baggage(context, carrier); break;
        case Propagator::b3: detail::inject_b3(context, carrier); break;
        case Propagator::b3multi: detail::inject_b3_multi(context, carrier); break;
        case Propagator::jaeger: detail::inject_jaeger(context, carrier); break;
        }
    });
}

/// The same for the current context: what a service sends to the next one.
template <WritableCarrier C>
void inject(C& carrier) {
    inject(current_context(), carrier);
}

} // namespace plume
