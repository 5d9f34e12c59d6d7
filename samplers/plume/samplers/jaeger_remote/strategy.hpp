// strategy.hpp - what Jaeger has said about sampling, and the sampler that does so.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <plume/sampling/sampler.hpp>

namespace plume::jaeger_sampling {

/// An answer, whatever its wording. Equal answers need no new sampler.
struct Strategy {
    std::optional<double> traces_per_second{};  ///< set: nothing else counts
    double probability = 0;                     ///< of all operations that are not listed
    double lower_bound = 0;                     ///< traces a second of each operation, at least
    std::map<std::string, double> operations{}; ///< whatever order the server lists them in

    friend bool operator==(const Strategy&, const Strategy&) = default;
};

/// Makes samplers of strategies. One whose numbers stay goes on with the count of its rate.
class SamplerMaker {
  public:
    [[nodiscard]] Sampler make(const Strategy& strategy) {
        std::map<std::string, Kept> now;
        std::vector<SamplingRule> rules;
        Sampler others = keep(now, {}, strategy);
        for (const auto& [name, probability] : strategy.operations) {
            Strategy own{.probability = probability, .lower_bound = strategy.lower_bound};
            // A blank in front, because the name of no operation is the key of all others.
            rules.push_back(
                {.name = name, .then = keep(now, ' ' + name, std::move(own)), .exact_name = true});
        }
        kept_ = std::move(now);
        return rules.empty() ? others : Sampler::by_rule(std::move(rules), std::move(others));
    }

  private:
    struct Kept {
        Strategy strategy; ///< without operations
        Sampler sampler;
    };

    [[nodiscard]] Sampler keep(std::map<std::string, Kept>& now, const std::string& key,
                               Strategy strategy) const {
        strategy.operations.clear();
        const auto before = kept_.find(key);
        const bool stays = before != kept_.end() && before->second.strategy == strategy;
        Sampler sampler = stays ? before->second.sampler : of_one(strategy);
        now.try_emplace(key, Kept{std::move(strategy), sampler});
        return sampler;
    }
    [[nodiscard]] static Sampler of_one(const Strategy& strategy) {
        if (strategy.traces_per_second) return Sampler::rate_limited(*strategy.traces_per_second);
        if (strategy.lower_bound > 0)
            return Sampler::at_least(strategy.lower_bound, strategy.probability);
        return Sampler::ratio(strategy.probability);
    }

    std::map<std::string, Kept> kept_;
};

} // namespace plume::jaeger_sampling
