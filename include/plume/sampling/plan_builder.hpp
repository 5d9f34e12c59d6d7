// plan_builder.hpp - a Sampler as roots read it: flat, constant, and never freed.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <plume/record/module.hpp>
#include <plume/sampling/sampler.hpp>
#include <plume/trace/context.hpp>

namespace plume {

/// What a plan is made of. Threads may be reading an old one at any time: it stays.
struct [[gnu::visibility("hidden")]] PlanBuilder {
    using Node = detail::SamplerNode;

    PlanBuilder(Sampler sampler, bool hides_threshold)
        : source_{std::move(sampler)}, hides_threshold_{hides_threshold} {
        const Sampler::Node& top = *source_.node_;
        if (top.kind == Sampler::Kind::parent_based) {
            for (std::size_t i = 0; i < top.children.size(); ++i)
                if (top.children[i]) plan_.by_parent[i] = add(*top.children[i]);
        } else {
            const Node* node = add(source_);
            for (const Node*& each : plan_.by_parent) each = node;
        }
        plan_.keys = keys_.data();
        plan_.key_count = keys_.size();
    }
    PlanBuilder(const PlanBuilder&) = delete;
    PlanBuilder& operator=(const PlanBuilder&) = delete;

    [[nodiscard]] const detail::SamplingPlan& plan() const noexcept { return plan_; }

  private:
    /// Of what is kept: texts are borrowed.
    const Node* add(const Sampler& sampler) {
        const Sampler::Node& from = *sampler.node_;
        if (from.kind == Sampler::Kind::parent_based) // asked below another: its root decides
            return add(*from.children[0]);
        if (from.kind == Sampler::Kind::source) {
            const std::lock_guard lock{sampler.node_->mutex};
            return add(newest_.emplace_back(*from.children[0]));
        }
        Node& node = nodes_.emplace_back();
        switch (from.kind) {
        case Sampler::Kind::rules: add_rules(from, node); break;
        case Sampler::Kind::custom: add_custom(from, node); break;
        case Sampler::Kind::rate:
        case Sampler::Kind::at_least:
            if (from.rate) {
                node.kind =
                    from.kind == Sampler::Kind::rate ? Node::Kind::limiter : Node::Kind::at_least;
                node.limiter = &from.rate->limiter;
            }
            [[fallthrough]];
        default: node.threshold = add_threshold(from); break;
        }
        return &node;
    }

    const detail::Threshold* add_threshold(const Sampler::Node& from) {
        detail::Threshold& threshold = thresholds_.emplace_back(); // of always_on: says nothing
        const bool none = from.kind == Sampler::Kind::off || from.kind == Sampler::Kind::rate;
        if (none) threshold.value = detail::all_of_56_bits;
        else if (from.kind != Sampler::Kind::on)
            threshold = detail::make_threshold(from.probability);
        if (hides_threshold_) threshold.head.trace_state_size = 0;
        return &threshold;
    }

    void add_rules(const Sampler::Node& from, Node& node) {
        std::vector<detail::NodeRule>& rules = rules_.emplace_back();
        for (const SamplingRule& rule : from.rules) {
            rules.push_back({rule.name, rule.kind ? static_cast<std::int32_t>(*rule.kind) : -1,
                             rule.attribute, rule.value, add(rule.then), rule.exact_name});
            if (!rule.attribute.empty()) keys_.push_back(rule.attribute);
        }
        node.kind = Node::Kind::rules;
        node.rules = rules.data();
        node.rule_count = rules.size();
        node.otherwise = add(*from.children[0]);
    }

    void add_custom(const Sampler::Node& from, Node& node) {
        for (std::string& key : from.custom->attribute_keys())
            keys_.push_back(texts_.emplace_back(std::move(key)));
        node.kind = Node::Kind::custom;
        node.custom = from.custom.get();
        node.ask = [](void* custom, const SamplingInput& input) {
            const SuppressScope untraced;
            try {
                return static_cast<CustomSampler*>(custom)->sample(input);
            } catch (...) {
                return false;
            }
        };
    }

    Sampler source_;             ///< owns the texts, the counts and the samplers of users
    bool hides_threshold_;       ///< decides by thresholds, and says none
    std::deque<Sampler> newest_; ///< likewise, of what came from elsewhere
    detail::SamplingPlan plan_;
    std::deque<Node> nodes_;
    std::deque<detail::Threshold> thresholds_;
    std::deque<std::vector<detail::NodeRule>> rules_;
    std::vector<std::string_view> keys_;
    std::deque<std::string> texts_;
};

namespace [[gnu::visibility("hidden")]] detail {

/// From now on `sampler` decides, in every thread. Allocates for good: what is replaced stays,
/// since a thread may be reading it.
inline void set_plan(Runtime& process, const Sampler& sampler) {
    const bool hides_threshold = [&process] {
        const Locked lock{process.mutex};
        return process.hides_threshold;
    }();
    auto* kept = new PlanBuilder{sampler, hides_threshold};
    auto* link = new (std::nothrow) LeftBehind;
    const Locked lock{process.mutex};
    if (link) {
        *link = {kept, process.left_behind};
        process.left_behind = link;
    }
    process.sampling.store(&kept->plan(), memory_order_release); // pairs with start_trace()
}

} // namespace detail

/// Replaces the sampler of the running session, or of the next one that is not told another. Any
/// thread; traces that have begun go on as they were decided. Keeps some memory for good: for a
/// change of configuration, not for each request. May throw std::bad_alloc.
inline void set_sampler(const Sampler& sampler) { detail::set_plan(detail::runtime(), sampler); }

} // namespace plume
