// root.hpp - which trace a local root belongs to, and whether it is recorded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <plume/record/module.hpp>
#include <plume/record/scopes.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// A span that is not recorded needs an id all the same, to pass its decision on to others.
inline SpanId unsampled_span_id(const TraceId& trace) noexcept { return {mix(trace.low + 1) | 1}; }

/// A local root before it is recorded: its trace, and what has been decided about that.
struct TraceStart {
    TraceId trace_id;
    std::string_view trace_state;
    ContextText* text = nullptr; ///< what `trace_state` views, kept; null: the parent's
    std::uint8_t flags = 0;
    bool undecided = false; ///< recorded for now: a rule looks at one of the attributes to come
};

/// Changes the trace state to what the verdict makes of it, in a text of its own.
[[gnu::noinline, gnu::cold]] inline void rewrite_state(TraceStart& start, std::string_view baggage,
                                                       const Threshold* threshold) noexcept {
    const std::string_view state = start.trace_state;
    start.trace_state = {};
    if (state.size() > ContextText::longest || baggage.size() > ContextText::longest) return;
    const std::size_t most = state.size() + sizeof Threshold::text + 4; // "ot=", ","
    ContextText* text = ContextText::reserve(most + baggage.size());
    if (!text) return;
    text->trace_state_size =
        static_cast<std::uint32_t>(with_threshold(state, threshold, text->text(), most));
    text->append_baggage(baggage);
    start.text = text;
    start.trace_state = text->trace_state();
}

inline void apply(TraceStart& start, std::string_view baggage, Verdict verdict) noexcept {
    start.flags = static_cast<std::uint8_t>((start.flags & ~trace_flags::sampled) |
                                            (verdict.sampled ? trace_flags::sampled : 0));
    if (start.trace_state.empty()) {
        if (!verdict.threshold) return;
        start.trace_state = verdict.threshold->trace_state();
        start.text = verdict.threshold->kept();
    } else if (!ot_member(start.trace_state).empty() || verdict.threshold) {
        rewrite_state(start, baggage, verdict.threshold);
    }
}

/// Whether a rule looks at an attribute that the callsite has.
inline bool looks_at(const SamplingPlan& plan, const Entry& entry) noexcept {
    for (std::size_t k = 0; k < plan.key_count; ++k)
        for (std::uint32_t i = 0; i < entry.field_count; ++i)
            if (plan.keys[k] == std::string_view{entry.fields[i].key, entry.fields[i].key_size})
                return true;
    return false;
}

inline SamplingInput input_for(const TraceStart& start, const SpanContext& parent,
                               const Entry& entry) noexcept {
    SamplingInput input;
    input.trace_id = start.trace_id;
    input.parent = parent;
    input.name = entry.name;
    input.kind = entry.kind;
    input.file = entry.file;
    input.line = entry.line;
    return input;
}

inline std::uint64_t monotonic_ns() noexcept { return nanoseconds_of(CLOCK_MONOTONIC); }

/// A sampler that is more than one comparison. `index`: of the callsite.
[[gnu::noinline]] inline void ask_sampler(Runtime& process, const SamplingPlan& plan,
                                          const SamplerNode& sampler, const SpanContext& parent,
                                          std::uint32_t index, TraceStart& start,
                                          bool can_wait) noexcept {
    const Entry& entry = *process.registry.at(index);
    start.undecided = can_wait && plan.key_count != 0 && looks_at(plan, entry);
    if (start.undecided) {
        start.flags |= trace_flags::sampled;
        return;
    }
    apply(start, parent.baggage, ask(sampler, input_for(start, parent, entry), monotonic_ns));
}

/// How many roots in a row a sampler does not sample that samples the part `probability`: drawn
/// from the geometric distribution, which is what deciding on each by itself amounts to.
[[gnu::noinline]] inline std::uint64_t draw_skips(Lane& lane, double probability) noexcept {
    constexpr double longest = 1e18;
    if (!(probability > 0)) return static_cast<std::uint64_t>(longest);
    constexpr double two_to_minus_53 = 0x1p-53;
    const std::uint64_t random =
        mix(lane.trace_seed[0] ^ ~lane.trace_seed[1] ^ ++lane.traces << 8U);
    const double uniform = static_cast<double>((random >> 11U) + 1) * two_to_minus_53; // not 0
    const double skips = __builtin_log(uniform) / __builtin_log1p(-probability);
    return skips < longest ? static_cast<std::uint64_t>(skips)
                           : static_cast<std::uint64_t>(longest);
}

/// `random` of 2^56, spread evenly over `below` of 2^56.
inline std::uint64_t scaled(std::uint64_t random, std::uint64_t below) noexcept {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>(static_cast<Wide>(random) * below >> 56U);
}

/// A new trace id whose low 56 bits are on the side of the threshold that the decision is on.
inline TraceId trace_id_for(Lane& lane, bool sampled, std::uint64_t threshold) noexcept {
    TraceId id = lane.new_trace_id();
    const std::uint64_t random = id.low & (all_of_56_bits - 1);
    const std::uint64_t part = sampled ? threshold + scaled(random, all_of_56_bits - threshold)
                                       : scaled(random, threshold);
    id.low = (id.low & ~(all_of_56_bits - 1)) | part;
    return id;
}

/// Whether the next new trace is sampled, for a plan that is one threshold.
inline bool next_is_sampled(Lane& lane, const SamplingPlan& plan,
                            std::uint64_t threshold) noexcept {
    if (threshold == 0) return true;
    if (lane.drawn_for != &plan) {
        constexpr auto all = static_cast<double>(all_of_56_bits);
        lane.skips = draw_skips(lane, static_cast<double>(all_of_56_bits - threshold) / all);
        lane.threshold = threshold;
        lane.drawn_for = &plan;
    }
    if (lane.skips != 0) {
        --lane.skips;
        return false;
    }
    lane.drawn_for = nullptr;
    return true;
}

/// The ids of the unsampled root that mutes the lane, for whoever asks to pass its decision on.
[[gnu::noinline]] inline void name_unsampled(Lane& lane) noexcept {
    if (lane.mute != Mute::unsampled_without_id) return;
    lane.mute = Mute::unsampled;
    lane.trace_id = trace_id_for(lane, false, lane.threshold);
    lane.trace_flags = trace_flags::random;
    lane.trace_state = {};
    lane.unsampled_id = unsampled_span_id(lane.trace_id);
}

/// A span begins in a lane without room. If it is one of the roots that are known not to be
/// sampled, mutes the lane and returns what the guard has to remember; else 0.
[[gnu::always_inline]] inline std::uint64_t skip_root(Lane& lane) noexcept {
    if (lane.skips == 0) return 0;
    if (lane.outside && has_ended(*lane.outside)) [[unlikely]]
        return 0; // what was drawn is of a scope that another thread has ended
    // A line that is on has been registered, by way of the runtime.
    const Runtime& process = *module.runtime.load(memory_order_relaxed); // constant since then
    if (process.sampling.load(memory_order_relaxed) != lane.drawn_for) return 0; // only compared
    --lane.skips;
    lane.mute = Mute::unsampled_without_id;
    return lane.new_muted_token();
}

/// A trace of its own, or the parent's, and whether it is recorded here. `stacked`: for a root on
/// the stack, which can be left undecided until its arguments are there.
[[gnu::always_inline]] inline TraceStart start_trace(Runtime& process, Lane& lane,
                                                     const SpanContext& parent, std::uint32_t index,
                                                     bool stacked) noexcept {
    TraceStart start;
    const SamplingPlan* plan =
        process.sampling.load(memory_order_acquire); // pairs with the release in set_plan()
    if (parent.valid()) [[unlikely]] {
        start.trace_id = parent.trace_id;
        start.trace_state = parent.trace_state;
        const bool deferred = (parent.flags & trace_flags::deferred) != 0;
        start.flags = parent.flags;
        if (deferred)
            start.flags = static_cast<std::uint8_t>((start.flags & ~trace_flags::deferred) |
                                                    trace_flags::sampled);
        if ((start.flags & trace_flags::debug) != 0) return start;
        if (const SamplerNode* sampler = plan ? plan->for_parent(parent) : nullptr) [[unlikely]]
            ask_sampler(process, *plan, *sampler, parent, index, start, stacked);
        return start;
    }
    start.flags = trace_flags::random | trace_flags::sampled;
    if (plan && plan->by_parent[SamplingPlan::root]->kind == SamplerNode::Kind::threshold &&
        (parent.flags & trace_flags::decided) == 0) {
        const Threshold& threshold = *plan->by_parent[SamplingPlan::root]->threshold;
        if (stacked) {
            const bool sampled = next_is_sampled(lane, *plan, threshold.value);
            start.trace_id = trace_id_for(lane, sampled, threshold.value);
        } else {
            start.trace_id = lane.new_trace_id();
        }
        const bool sampled = (start.trace_id.low & (all_of_56_bits - 1)) >= threshold.value;
        if (!sampled) {
            start.flags = trace_flags::random;
            return start;
        }
        start.trace_state = threshold.trace_state();
        start.text = threshold.kept();
        return start;
    }
    start.trace_id = lane.new_trace_id();
    if ((parent.flags & trace_flags::decided) != 0) [[unlikely]] {
        start.flags =
            static_cast<std::uint8_t>((parent.flags & ~trace_flags::decided) | trace_flags::random);
        return start;
    }
    if (plan)
        ask_sampler(process, *plan, *plan->by_parent[SamplingPlan::root], parent, index, start,
                    stacked);
    return start;
}

/// The trace state of the local root is the lane's, which keeps its text.
inline void keep_state(Lane& lane, const TraceStart& start) noexcept {
    ContextText* const before = lane.trace_text;
    lane.trace_text = start.text;
    if (!start.text && !start.trace_state.empty()) lane.trace_text = keep(lane.scope_text);
    lane.trace_state = start.trace_state;
    if (before) let_go(before);
}

/// The lane's next root is the one that was decided on; its text becomes the lane's. Whether it is
/// recorded; if not, the lane is mute until the root's guard ends.
[[gnu::always_inline]] inline bool admit(Lane& lane, const TraceStart& start) noexcept {
    lane.trace_id = start.trace_id;
    keep_state(lane, start);
    lane.trace_flags = start.flags;
    lane.undecided = start.undecided;
    if ((start.flags & trace_flags::sampled) != 0) return true;
    lane.mute = Mute::unsampled;
    lane.unsampled_id = unsampled_span_id(lane.trace_id);
    return false;
}

} // namespace detail
} // namespace plume
