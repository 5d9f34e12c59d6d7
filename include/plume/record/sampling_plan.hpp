// sampling_plan.hpp - whether a trace is recorded: what a root asks before anything is evaluated
// for it.
//
// The built-in samplers are numbers: a trace is recorded iff the low 56 bits of its id, or what the
// trace state gives instead of them, reach a threshold. What users build out of them (sampler.hpp)
// becomes a SamplingPlan: constant, never freed, replaced as a whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include <plume/core/atomic.hpp>
#include <plume/core/attribute.hpp>
#include <plume/core/context_text.hpp>
#include <plume/core/glob.hpp>
#include <plume/core/ids.hpp>
#include <plume/core/span_kind.hpp>

namespace plume {

/// What was given to a root when it began, as a sampler sees it. Text is borrowed.
struct SamplingAttribute {
    std::string_view key;
    WireType type = WireType::int64; ///< of `text`, or of the one number that is not zero
    std::int64_t int64 = 0;          ///< integers and bools
    double float64 = 0;
    std::string_view text;
};

/// What a sampler of the user's is asked about.
struct SamplingInput {
    TraceId trace_id;
    SpanContext parent; ///< invalid for a new trace
    std::string_view name;
    SpanKind kind = SpanKind::internal;
    std::string_view file;
    unsigned line = 0;
    const SamplingAttribute* attributes = nullptr;
    std::size_t attribute_count = 0;
};

namespace [[gnu::visibility("hidden")]] detail {

/// Of 2^56: the smallest randomness that is sampled (OpenTelemetry, "TraceState: Probability
/// Sampling", "Rejection Threshold").
inline constexpr std::uint64_t all_of_56_bits = std::uint64_t{1} << 56U;

/// A threshold, and what the trace state says of it: "ot=th:c". Never freed, as the plan that it is
/// part of: contexts keep the text without an allocation.
struct Threshold {
    std::uint64_t value = 0;
    ContextText head{Atomic<std::uint32_t>{ContextText::for_ever}, 0, 0};
    char text[28]{}; ///< behind its head

    constexpr Threshold() noexcept = default;
    Threshold(const Threshold& other) noexcept { *this = other; }
    Threshold& operator=(const Threshold& other) noexcept {
        value = other.value;
        head.trace_state_size = other.head.trace_state_size;
        std::memcpy(text, other.text, sizeof text);
        return *this;
    }

    [[nodiscard]] std::string_view trace_state() const noexcept {
        return {text, head.trace_state_size};
    }
    /// The same for contexts to keep, or null.
    [[nodiscard]] ContextText* kept() const noexcept {
        return head.trace_state_size != 0 ? const_cast<ContextText*>(&head) : nullptr;
    }
};
static_assert(sizeof(Threshold) == 8 + sizeof(ContextText) + sizeof Threshold::text,
              "what ContextText::text() finds is the text");

/// Admits `count` in any stretch of time of `window_ns`, and no more: it remembers when it admitted
/// the last ones, and the oldest has to be out of the window. While one thread stands still amidst
/// admit(), others may find less room. Any thread; lock-free.
struct RateLimiter {
    std::uint64_t window_ns;
    std::uint32_t count;
    Atomic<std::uint64_t>* admitted_at; ///< `count` of them, in turn
    Atomic<std::uint64_t> turn{0};

    [[nodiscard]] bool admit(std::uint64_t now_ns) noexcept {
        while (true) {
            std::uint64_t mine = turn.load(memory_order_relaxed); // the exchanges below decide
            Atomic<std::uint64_t>& slot = admitted_at[mine % count];
            std::uint64_t before = slot.load(memory_order_relaxed);
            // Another thread, admitted meanwhile, may have read the clock later than this one.
            const auto passed_ns = static_cast<std::int64_t>(now_ns - before);
            if (before != 0 && passed_ns < static_cast<std::int64_t>(window_ns)) return false;
            const bool admitted = slot.compare_exchange(before, now_ns != 0 ? now_ns : 1);
            static_cast<void>(turn.compare_exchange(mine, mine + 1)); // whoever took the slot
            if (admitted) return true;
        }
    }
};

struct SamplerNode;

/// All that is given must hold. Patterns are those of glob.hpp.
struct NodeRule {
    std::string_view name;
    std::int32_t kind = -1;     ///< -1: any
    std::string_view attribute; ///< a key; empty: none is looked at
    std::string_view value;     ///< of that attribute, as text
    const SamplerNode* then = nullptr;
    bool exact_name = false; ///< `name` is no pattern
};

struct SamplerNode {
    enum class Kind : std::uint8_t {
        threshold,
        limiter,
        at_least, ///< what the threshold lets through, and what the limiter admits of the rest
        rules,    ///< the first that matches, else `otherwise`
        custom
    };
    Kind kind = Kind::threshold;
    const Threshold* threshold = nullptr;
    RateLimiter* limiter = nullptr;
    const NodeRule* rules = nullptr;
    std::size_t rule_count = 0;
    const SamplerNode* otherwise = nullptr;
    void* custom = nullptr;
    bool (*ask)(void* custom, const SamplingInput&) = nullptr;
};

/// A sampler for each kind of parent (OpenTelemetry, trace SDK, "ParentBased").
struct SamplingPlan {
    enum Case : std::uint8_t {
        root,
        remote_sampled,
        remote_unsampled,
        local_sampled,
        local_unsampled
    };
    const SamplerNode* by_parent[5]{}; ///< null, but for the root: as the parent was sampled
    /// Whether a rule looks at an attribute of that key, which has to be evaluated first.
    const std::string_view* keys = nullptr;
    std::size_t key_count = 0;

    [[nodiscard]] const SamplerNode* for_parent(const SpanContext& parent) const noexcept {
        const bool sampled = parent.sampled();
        if (!parent.valid() || (parent.flags & trace_flags::deferred) != 0) return by_parent[root];
        if (parent.is_remote) return by_parent[sampled ? remote_sampled : remote_unsampled];
        return by_parent[sampled ? local_sampled : local_unsampled];
    }
};

/// What a sampler says. `threshold`: what to write into the trace state; null: it does not know
/// with what probability it has said so.
struct Verdict {
    bool sampled = false;
    const Threshold* threshold = nullptr;
};

// The member of OpenTelemetry in a trace state: "ot=th:c;rv:6e6d1a75832a2f".

/// The value of `ot`, or empty.
constexpr std::string_view ot_member(std::string_view trace_state) noexcept {
    while (!trace_state.empty()) {
        const std::size_t comma = trace_state.find(',');
        std::string_view member = trace_state.substr(0, comma);
        while (!member.empty() && (member.front() == ' ' || member.front() == '\t'))
            member.remove_prefix(1);
        if (member.substr(0, 3) == "ot=") return member.substr(3);
        trace_state.remove_prefix(comma == std::string_view::npos ? trace_state.size() : comma + 1);
    }
    return {};
}

/// One of its fields, such as "rv"; empty if it is not there.
constexpr std::string_view ot_field(std::string_view member, std::string_view key) noexcept {
    while (!member.empty()) {
        const std::size_t semicolon = member.find(';');
        const std::string_view field = member.substr(0, semicolon);
        if (field.size() > key.size() && field.substr(0, key.size()) == key &&
            field[key.size()] == ':')
            return field.substr(key.size() + 1);
        member.remove_prefix(semicolon == std::string_view::npos ? member.size() : semicolon + 1);
    }
    return {};
}

/// The 56 bits that decide: those of `rv` if it is well-formed, else those of the trace id.
constexpr std::uint64_t randomness(const TraceId& trace, std::string_view trace_state) noexcept {
    const std::string_view digits = ot_field(ot_member(trace_state), "rv");
    std::uint64_t value = 0;
    if (digits.size() != 14) return trace.low & (all_of_56_bits - 1);
    for (const char c : digits) {
        const bool decimal = c >= '0' && c <= '9';
        if (!decimal && (c < 'a' || c > 'f')) return trace.low & (all_of_56_bits - 1);
        value = value << 4U | static_cast<std::uint64_t>(decimal ? c - '0' : c - 'a' + 10);
    }
    return value;
}

/// `state` with the `th` of its `ot` member set to that of `threshold`, or taken out if that is
/// null or says nothing. What changes moves to the left, and what is one too many falls off the end
/// (W3C Trace Context, 3.3.1.4 and 3.3.1.1). Returns the size, or 0 if it does not fit, or nothing
/// is left.
inline std::size_t with_threshold(std::string_view state, const Threshold* threshold, char* out,
                                  std::size_t capacity) noexcept {
    std::size_t size = 0;
    bool fits = true;
    const auto append = [&](std::string_view text) {
        fits = fits && size + text.size() <= capacity;
        if (fits && !text.empty()) std::memcpy(out + size, text.data(), text.size());
        if (fits) size += text.size();
    };
    if (threshold) append(threshold->trace_state());
    std::string_view rest = ot_member(state);
    while (!rest.empty()) {
        const std::size_t semicolon = rest.find(';');
        const std::string_view field = rest.substr(0, semicolon);
        if (!field.empty() && field.substr(0, 3) != "th:") {
            append(size == 0 ? "ot=" : ";");
            append(field);
        }
        rest.remove_prefix(semicolon == std::string_view::npos ? rest.size() : semicolon + 1);
    }
    constexpr int most_members = 32;
    int members = size != 0 ? 1 : 0;
    while (!state.empty() && members < most_members) {
        const std::size_t comma = state.find(',');
        std::string_view member = state.substr(0, comma);
        while (!member.empty() && (member.front() == ' ' || member.front() == '\t'))
            member.remove_prefix(1);
        if (!member.empty() && member.substr(0, 3) != "ot=") {
            if (size != 0) append(",");
            append(member);
            ++members;
        }
        state.remove_prefix(comma == std::string_view::npos ? state.size() : comma + 1);
    }
    return fits ? size : 0;
}

inline bool holds(const NodeRule& rule, const SamplingInput& input) noexcept {
    if (rule.kind >= 0 && rule.kind != static_cast<std::int32_t>(input.kind)) return false;
    if (rule.exact_name ? rule.name != input.name : !matches_glob(rule.name, input.name))
        return false;
    if (rule.attribute.empty()) return true;
    for (std::size_t i = 0; i < input.attribute_count; ++i)
        if (input.attributes[i].key == rule.attribute)
            return matches_glob(rule.value, input.attributes[i].text);
    return false;
}

/// `now` reads a clock in nanoseconds; called only if a rate has to be kept.
template <class Now>
Verdict ask(const SamplerNode& node, const SamplingInput& input, Now now) noexcept {
    const SamplerNode* at = &node;
    while (at->kind == SamplerNode::Kind::rules) {
        const SamplerNode* next = at->otherwise;
        for (std::size_t i = 0; i < at->rule_count; ++i)
            if (holds(at->rules[i], input)) {
                next = at->rules[i].then;
                break;
            }
        at = next;
    }
    switch (at->kind) {
    case SamplerNode::Kind::limiter: return {at->limiter->admit(now()), nullptr};
    case SamplerNode::Kind::custom: return {at->ask(at->custom, input), nullptr};
    case SamplerNode::Kind::at_least: {
        const bool likely =
            randomness(input.trace_id, input.parent.trace_state) >= at->threshold->value;
        const bool admitted = at->limiter->admit(now()); // what is sampled anyway counts as well
        return {likely || admitted, likely ? at->threshold : nullptr};
    }
    default:
        return {randomness(input.trace_id, input.parent.trace_state) >= at->threshold->value,
                at->threshold};
    }
}

} // namespace detail
} // namespace plume
