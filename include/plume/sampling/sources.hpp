// sources.hpp - the samplers of a session: set when it begins, changed while it runs.
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <plume/core/environment.hpp>
#include <plume/record/root.hpp>
#include <plume/record/slow_path.hpp>
#include <plume/sampling/plan_builder.hpp>

namespace plume {

/// Makes a sampler out of OTEL_TRACES_SAMPLER_ARG. May report, and return nothing.
using SamplerFactory = std::function<std::optional<Sampler>(
    std::string_view argument, const std::function<void(std::string_view)>& report)>;

namespace [[gnu::visibility("hidden")]] detail {

/// Filled while the program is loaded, by the headers of samplers that it includes.
inline std::map<std::string, SamplerFactory, std::less<>>& sampler_factories() {
    static std::map<std::string, SamplerFactory, std::less<>> factories;
    return factories;
}

/// OTEL_TRACES_SAMPLER_ARG of a ratio: a number from 0 to 1; without one, 1.
inline double ratio_argument(const std::optional<std::string>& argument, const Report& report) {
    if (!argument) return 1;
    const std::string_view text = trimmed(*argument);
    double ratio = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), ratio);
    if (error == std::errc{} && end == text.data() + text.size() && ratio >= 0 && ratio <= 1)
        return ratio;
    report("OTEL_TRACES_SAMPLER_ARG=\"" + *argument +
           "\" is not a number from 0 to 1: sampling everything");
    return 1;
}

/// What OTEL_TRACES_SAMPLER says; nothing if it is not set, or says nothing that is known.
inline std::optional<Sampler> sampler_from_environment(const Report& report) {
    const auto set = variable("OTEL_TRACES_SAMPLER");
    if (!set) return std::nullopt;
    const std::string all = lower_case(trimmed(*set));
    std::string_view name = all;
    const auto argument = variable("OTEL_TRACES_SAMPLER_ARG");
    constexpr std::string_view prefix = "parentbased_";
    const bool parent_based = name.starts_with(prefix);
    if (parent_based) name.remove_prefix(prefix.size());
    std::optional<Sampler> sampler;
    if (name == "always_on") sampler = Sampler::always_on();
    else if (name == "always_off") sampler = Sampler::always_off();
    else if (name == "traceidratio") sampler = Sampler::ratio(ratio_argument(argument, report));
    else if (const auto found = sampler_factories().find(name); found != sampler_factories().end())
        sampler = found->second(argument.value_or(""), report);
    else if (name == "jaeger_remote")
        report("OTEL_TRACES_SAMPLER=\"" + *set +
               "\" needs <plume/samplers/jaeger_remote.hpp> to "
               "be included where the program starts: using parentbased_always_on");
    else
        report("OTEL_TRACES_SAMPLER=\"" + *set +
               "\" is no sampler of Plume's: using "
               "parentbased_always_on");
    if (sampler && parent_based) sampler = Sampler::parent_based(*std::move(sampler));
    return sampler;
}

/// In the child of a fork, the plan until something asks for a decision: that starts the threads
/// again, and so the sources. Without it, a child whose sources have said that nothing shall be
/// recorded would never hear from them again.
struct ForkWakeup {
    SamplerNode node;
    SamplingPlan plan;
    const SamplingPlan* before = nullptr;

    /// The process has one thread.
    void arm(Runtime& process) noexcept {
        const SamplingPlan* now = process.sampling.load(memory_order_relaxed); // one thread
        if (!now || now == &plan) return; // a child of a child that never asked
        before = now;
        node.kind = SamplerNode::Kind::custom;
        node.custom = this;
        node.ask = [](void* self, const SamplingInput& input) {
            return static_cast<ForkWakeup*>(self)->decide(runtime(), input);
        };
        plan = *now;
        for (const SamplerNode*& each : plan.by_parent)
            if (each) each = &node;
        process.sampling.store(&plan, memory_order_release); // pairs with start_trace()
    }

  private:
    [[nodiscard]] bool decide(Runtime& process, const SamplingInput& input) noexcept {
        const SamplingPlan* expected = &plan;
        static_cast<void>(process.sampling.compare_exchange(expected, before)); // or a newer one
        revive();
        const SamplingPlan* now =
            process.sampling.load(memory_order_acquire); // pairs with the release in set_plan()
        const SamplerNode* sampler = now ? now->for_parent(input.parent) : nullptr;
        if (!sampler) return !input.parent.valid() || input.parent.sampled(); // replaced meanwhile
        return ask(*sampler, input, monotonic_ns).sampled;
    }
};

} // namespace detail

/// Lets OTEL_TRACES_SAMPLER name a sampler, also behind "parentbased_". The headers of Plume's own
/// samplers do it; call it for yours before the session starts. Not synchronised.
inline bool register_sampler(std::string name, SamplerFactory factory) {
    return detail::sampler_factories().insert_or_assign(std::move(name), std::move(factory)).second;
}

/// The sampler that a session was told, and the sources in it. Functions from one thread at a time.
class [[gnu::visibility("hidden")]] SamplerSources {
  public:
    SamplerSources(detail::Runtime& process, Sampler sampler, SamplerSource::Session session)
        : process_{&process}, sampler_{std::move(sampler)}, session_{std::move(session)} {
        find(sampler_);
        detail::set_plan(*process_, sampler_);
        start();
    }
    SamplerSources(const SamplerSources&) = delete;
    SamplerSources& operator=(const SamplerSources&) = delete;
    ~SamplerSources() {
        for (const auto& node : nodes_) node->source->stop();
        process_->sampling.store(nullptr, detail::memory_order_release); // pairs with start_trace()
    }

    /// Also in the child of a fork, once more.
    void start() {
        for (const auto& node : nodes_) {
            SamplerSource::Session session = session_;
            session.update = [this, node](Sampler newest) {
                {
                    const std::lock_guard lock{node->mutex};
                    node->children[0] = std::move(newest);
                }
                detail::set_plan(*process_, sampler_);
            };
            node->source->start(std::move(session));
        }
    }

    /// In the child of a fork: a thread that is gone may have been changing a sampler.
    void forked() noexcept {
        for (const auto& node : nodes_) ::new (static_cast<void*>(&node->mutex)) std::mutex;
        static detail::ForkWakeup awakening; // never destroyed: threads may be reading it
        if (!nodes_.empty()) awakening.arm(*process_);
    }

  private:
    void find(const Sampler& sampler) {
        Sampler::Node& node = *sampler.node_;
        if (std::ranges::find(nodes_, sampler.node_) != nodes_.end()) return; // in two places
        if (node.kind == Sampler::Kind::source) nodes_.push_back(sampler.node_);
        for (const auto& child : node.children)
            if (child) find(*child);
        for (const SamplingRule& rule : node.rules) find(rule.then);
    }

    detail::Runtime* process_;
    Sampler sampler_;
    SamplerSource::Session session_;
    std::vector<std::shared_ptr<Sampler::Node>> nodes_;
};

} // namespace plume
