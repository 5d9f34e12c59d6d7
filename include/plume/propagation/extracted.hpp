// extracted.hpp - what the headers of a request say about its trace, and what a server makes of it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <plume/core/ids.hpp>
#include <plume/core/owned_context.hpp>
#include <plume/propagation/baggage.hpp>

namespace plume {

/// What a server does with the context that a request brings.
enum class Trust : std::uint8_t {
    adopt, ///< the caller's span is the parent, and its sampling decision holds
    link,  ///< a trace of its own, with a link to the caller's span; baggage stays outside
    ignore ///< as if the request had brought none
};

/// A context with copies of its trace state and baggage. No allocation if there is neither;
/// copies share the text. A value, as OwnedContext is.
class Extracted {
  public:
    /// Nothing came.
    Extracted() noexcept = default;
    explicit Extracted(OwnedContext context) noexcept : context_{std::move(context)} {}

    /// Whether there is a parent. Without one there may be a baggage, or a sampling decision
    /// (trace_flags::decided): put context() in force all the same.
    [[nodiscard]] bool valid() const noexcept { return context_.valid(); }

    /// Views this object's texts: good as long as this object, what it is moved to, or any copy.
    [[nodiscard]] SpanContext context() const noexcept { return context_.view(); }

    /// What a server with that policy puts in force with a ContextScope.
    [[nodiscard]] SpanContext parent(Trust trust) const noexcept {
        return trust == Trust::adopt ? context() : SpanContext{};
    }
    /// What it links its span to: invalid unless the policy is Trust::link.
    [[nodiscard]] SpanContext link(Trust trust) const noexcept {
        return trust == Trust::link ? context() : SpanContext{};
    }

  private:
    OwnedContext context_;
};

namespace [[gnu::visibility("hidden")]] detail {

/// Collects what each format finds, in the configured order.
struct [[gnu::visibility("default")]] Extraction {
    SpanContext context; ///< its texts are those below
    std::string trace_state;
    Baggage baggage;

    /// A valid context replaces what an earlier format has found, an invalid one does not
    /// (OpenTelemetry, "Propagators API": a value that cannot be parsed is not stored). If both
    /// name the same span, what only one of the formats can say is kept.
    void found(SpanContext now, std::string_view its_trace_state = {}) {
        if (!now.valid()) {
            // A decision that holds for a trace that is yet to begin.
            if (now.flags != 0 && !context.valid()) context.flags = now.flags;
            return;
        }
        if (context.trace_id == now.trace_id && context.span_id == now.span_id) {
            if ((now.flags & trace_flags::deferred) != 0) now.flags = context.flags;
            constexpr int not_in_all =
                trace_flags::random | trace_flags::debug | trace_flags::firehose;
            now.flags = static_cast<std::uint8_t>(now.flags | (context.flags & not_in_all));
        } else {
            trace_state.clear();
        }
        if (!its_trace_state.empty()) trace_state = its_trace_state;
        context = now;
    }

    [[nodiscard]] Extracted result() {
        context.trace_state = trace_state;
        context.baggage = baggage.text();
        return Extracted{OwnedContext{context}};
    }
};

} // namespace detail
} // namespace plume
