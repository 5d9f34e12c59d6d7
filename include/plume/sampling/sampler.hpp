// sampler.hpp - which traces are recorded: what sessions and users choose from.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <plume/record/sampling_plan.hpp>

namespace plume {

/// A sampler of your own. It is asked once for each trace that begins in the process, or that comes
/// in where ParentBased leaves it the choice, on the thread that begins it.
class CustomSampler {
  public:
    CustomSampler() = default;
    CustomSampler(const CustomSampler&) = delete;
    CustomSampler& operator=(const CustomSampler&) = delete;
    virtual ~CustomSampler() = default;

    /// Whether to record the trace. Any thread, several at once; should not block. One that throws
    /// has said no. Spans that are begun in it are not recorded.
    [[nodiscard]] virtual bool sample(const SamplingInput& input) = 0;

    /// Keys of attributes that it wants to see. A root that is given one of them where it begins is
    /// asked about when they are evaluated; all others before. Read when the sampler is set.
    [[nodiscard]] virtual std::vector<std::string> attribute_keys() const { return {}; }
};

struct SamplingRule;
struct ParentSamplers;
class SamplerSource;

/// A choice of traces: a value, cheap to copy. Copies of a rate share their count.
class [[gnu::visibility("default")]] Sampler {
  public:
    [[nodiscard]] static Sampler always_on();
    [[nodiscard]] static Sampler always_off();

    /// The part `probability` of all traces, by their ids, so that every service with the same or a
    /// higher one keeps the same traces (OpenTelemetry, "ConsistentProbabilityBased"). Kept to four
    /// significant hexadecimal digits; below 2^-56, or not a number: none.
    [[nodiscard]] static Sampler ratio(double probability);

    /// At most so many traces in any second, exactly so many if there are enough. Below 1, one in
    /// as many seconds as that takes. Not more than 0: none; capped at 100,000.
    [[nodiscard]] static Sampler rate_limited(double traces_per_second);

    /// The part `probability`, and more if that is less than `traces_per_second`.
    [[nodiscard]] static Sampler at_least(double traces_per_second, double probability);

    /// `root` decides on new traces; one that came from elsewhere is recorded if it was recorded
    /// there, unless `parents` says otherwise (OpenTelemetry, trace SDK, "ParentBased").
    [[nodiscard]] static Sampler parent_based(Sampler root);
    [[nodiscard]] static Sampler parent_based(Sampler root, ParentSamplers parents);

    /// The sampler of the first rule that matches, else `otherwise`.
    [[nodiscard]] static Sampler by_rule(std::vector<SamplingRule> rules, Sampler otherwise);

    [[nodiscard]] static Sampler custom(std::shared_ptr<CustomSampler> sampler);

    /// `initial`, until `source` says otherwise, again and again while the session runs.
    [[nodiscard]] static Sampler from(std::shared_ptr<SamplerSource> source, Sampler initial);

  private:
    friend struct PlanBuilder;
    friend class SamplerSources;
    enum class Kind : std::uint8_t {
        on,
        off,
        ratio,
        rate,
        at_least,
        parent_based,
        rules,
        custom,
        source
    };
    struct Node;

    explicit Sampler(Kind kind);

    std::shared_ptr<Node> node_;
};

/// What holds for a trace; all that is given must. Name and value are patterns with * and ?.
struct SamplingRule {
    std::string name = "*"; ///< of the root's line of source; what rename() says comes later
    std::optional<SpanKind> kind{};
    /// Key of an attribute that the root is given where it begins, as "http.route". What is said
    /// later, such as by set(), comes too late; an AsyncSpan is asked about before it has any.
    std::string attribute{};
    std::string value = "*"; ///< of that attribute: a text, a whole number, "true" or "false"
    Sampler then = Sampler::always_on();
    bool exact_name = false; ///< name is no pattern: * and ? stand for themselves
};

/// Who decides on traces that have a parent. Unset: as the parent was decided on.
struct ParentSamplers {
    std::optional<Sampler> remote_sampled{};
    std::optional<Sampler> remote_unsampled{};
    std::optional<Sampler> local_sampled{}; ///< a context of this process: ContextScope, AsyncSpan
    std::optional<Sampler> local_unsampled{};
};

/// Where a sampler comes from that changes while the program runs, such as a server. Never two
/// calls at a time.
class SamplerSource {
  public:
    struct Session {
        std::string service_name;
        std::function<void(Sampler)> update; ///< any thread, until stop() returns
        std::function<void(std::string_view)> report;
    };

    SamplerSource() = default;
    SamplerSource(const SamplerSource&) = delete;
    SamplerSource& operator=(const SamplerSource&) = delete;
    virtual ~SamplerSource() = default;

    /// A session begins; or goes on in the child of a fork, where the threads of the parent are
    /// not.
    virtual void start(Session session) = 0;
    /// The session ends. Returns when update() is not called any more.
    virtual void stop() noexcept = 0;
};

namespace [[gnu::visibility("hidden")]] detail {

/// A limiter with its memory. Null: it admits nothing.
struct Rate {
    RateLimiter limiter{};
    std::unique_ptr<Atomic<std::uint64_t>[]> slots;

    [[nodiscard]] static std::shared_ptr<Rate> make(double per_second) {
        if (!(per_second > 0)) return nullptr;
        constexpr double most = 100'000;
        constexpr double longest_s = 3600.0 * 24 * 365;
        per_second = std::min(per_second, most);
        const auto count = static_cast<std::uint32_t>(std::max(1.0, std::floor(per_second)));
        const double window_s = std::min(count / per_second, longest_s);
        auto rate = std::make_shared<Rate>();
        rate->slots = std::make_unique<Atomic<std::uint64_t>[]>(count);
        rate->limiter.window_ns = static_cast<std::uint64_t>(std::llround(window_s * 1e9));
        rate->limiter.count = count;
        rate->limiter.admitted_at = rate->slots.get();
        return rate;
    }
};

} // namespace detail

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wattributes" // what it is made of is each module's own
struct Sampler::Node {
    explicit Node(Kind of) : kind{of} {}

    Kind kind;
    double probability = 1;
    std::shared_ptr<detail::Rate> rate;
    std::shared_ptr<CustomSampler> custom;
    std::vector<SamplingRule> rules;
    /// By case of the parent; of rules: otherwise; of a source: what it said last.
    std::vector<std::optional<Sampler>> children;
    std::shared_ptr<SamplerSource> source;
    std::mutex mutex; ///< of children[0], if there is a source
};
#pragma GCC diagnostic pop

inline Sampler::Sampler(Kind kind) : node_{std::make_shared<Node>(kind)} {}

inline Sampler Sampler::always_on() { return Sampler{Kind::on}; }
inline Sampler Sampler::always_off() { return Sampler{Kind::off}; }

inline Sampler Sampler::ratio(double probability) {
    Sampler sampler{Kind::ratio};
    sampler.node_->probability = probability;
    return sampler;
}

inline Sampler Sampler::rate_limited(double traces_per_second) {
    Sampler sampler{Kind::rate};
    sampler.node_->rate = detail::Rate::make(traces_per_second);
    return sampler;
}

inline Sampler Sampler::at_least(double traces_per_second, double probability) {
    Sampler sampler{Kind::at_least};
    sampler.node_->rate = detail::Rate::make(traces_per_second);
    sampler.node_->probability = probability;
    return sampler;
}

inline Sampler Sampler::parent_based(Sampler root, ParentSamplers parents) {
    Sampler sampler{Kind::parent_based};
    sampler.node_->children = {
        std::move(root), std::move(parents.remote_sampled), std::move(parents.remote_unsampled),
        std::move(parents.local_sampled), std::move(parents.local_unsampled)};
    return sampler;
}
inline Sampler Sampler::parent_based(Sampler root) { return parent_based(std::move(root), {}); }

inline Sampler Sampler::by_rule(std::vector<SamplingRule> rules, Sampler otherwise) {
    Sampler sampler{Kind::rules};
    sampler.node_->rules = std::move(rules);
    sampler.node_->children.emplace_back(std::move(otherwise));
    return sampler;
}

inline Sampler Sampler::from(std::shared_ptr<SamplerSource> source, Sampler initial) {
    Sampler sampler{Kind::source};
    sampler.node_->source = std::move(source);
    sampler.node_->children.emplace_back(std::move(initial));
    return sampler;
}

inline Sampler Sampler::custom(std::shared_ptr<CustomSampler> sampler) {
    Sampler made{Kind::custom};
    made.node_->custom = std::move(sampler);
    return made;
}

namespace [[gnu::visibility("hidden")]] detail {

/// The threshold of a probability: 2^56 (1 - p), rounded to so many hexadecimal digits behind those
/// that all its neighbours share (OpenTelemetry, "Probability Sampling", "Converting floating-point
/// probability to threshold value").
inline Threshold make_threshold(double probability, unsigned precision = 4) noexcept {
    constexpr double two_to_56 = 72057594037927936.0;
    Threshold threshold;
    if (!(probability * two_to_56 >= 1)) {
        threshold.value = all_of_56_bits;
        return threshold;
    }
    const auto sampled =
        static_cast<std::uint64_t>(std::llround(std::min(probability, 1.0) * two_to_56));
    std::uint64_t value = all_of_56_bits - sampled;
    const std::uint64_t top = value << 8U;
    const auto shared =
        static_cast<unsigned>(std::max(std::countl_one(top), std::countl_zero(top)));
    const unsigned digits = std::min(14U, shared / 4 + precision);
    const unsigned cut = 4 * (14 - digits);
    if (cut != 0) value = ((value >> cut) + ((value >> (cut - 1)) & 1U)) << cut;
    if (value >= all_of_56_bits) value = all_of_56_bits - 1; // rounded up to none
    threshold.value = value;
    char hex[16];
    write_hex(hex, value);
    std::string_view text{hex + 2, 14};
    while (text.size() > 1 && text.back() == '0') text.remove_suffix(1);
    threshold.head.trace_state_size = static_cast<std::uint32_t>(6 + text.size());
    std::memcpy(threshold.text, "ot=th:", 6);
    std::memcpy(threshold.text + 6, text.data(), text.size());
    return threshold;
}

} // namespace detail
} // namespace plume
