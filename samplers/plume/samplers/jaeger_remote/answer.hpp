// answer.hpp - reads what Jaeger answers about sampling: proto3 JSON, from whoever is there.
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>

#include <plume/samplers/jaeger_remote/strategy.hpp>

namespace plume::jaeger_sampling {

/// Jaeger's clients keep rates of so many operations. Roots look through them one by one.
inline constexpr std::size_t most_operations = 2000;

/// A strategy, or a sentence about why there is none.
struct Answer {
    std::optional<Strategy> strategy{};
    std::string_view trouble{};
};

/// A member; null if it is missing, or null itself: both mean the same in proto3 JSON.
[[nodiscard]] inline const nlohmann::json* member(const nlohmann::json& object, const char* name) {
    const auto found = object.find(name);
    return found == object.end() || found->is_null() ? nullptr : &*found;
}

/// A number, which may stand in a string; 0 without a member. Nothing for what is none.
[[nodiscard]] inline std::optional<double> number(const nlohmann::json& object, const char* name) {
    const nlohmann::json* value = member(object, name);
    if (!value) return 0;
    double result = 0;
    if (value->is_number()) {
        result = value->get<double>();
    } else if (value->is_string()) {
        const auto& text = value->get_ref<const std::string&>();
        const char* const last = text.data() + text.size();
        const auto [end, error] = std::from_chars(text.data(), last, result);
        if (error != std::errc{} || end != last) return std::nullopt;
    } else {
        return std::nullopt;
    }
    if (!std::isfinite(result)) return std::nullopt;
    return result;
}
/// Between 0 and 1, as Jaeger's clients take it.
[[nodiscard]] inline std::optional<double> probability(const nlohmann::json& object,
                                                       const char* name) {
    const auto value = number(object, name);
    return value ? std::optional{std::clamp(*value, 0.0, 1.0)} : std::nullopt;
}

[[nodiscard]] inline Answer read_operations(const nlohmann::json& sampling) {
    if (!sampling.is_object()) return {{}, "operationSampling is no object"};
    Strategy strategy;
    const auto others = probability(sampling, "defaultSamplingProbability");
    const auto lower_bound = number(sampling, "defaultLowerBoundTracesPerSecond");
    if (!others || !lower_bound) return {{}, "a default of operationSampling is no number"};
    strategy.probability = *others;
    strategy.lower_bound = std::max(*lower_bound, 0.0);
    const nlohmann::json* list = member(sampling, "perOperationStrategies");
    if (!list) return {std::move(strategy), {}};
    if (!list->is_array()) return {{}, "perOperationStrategies is no array"};
    for (const nlohmann::json& each : *list) {
        if (!each.is_object()) return {{}, "one of perOperationStrategies is no object"};
        const nlohmann::json* name = member(each, "operation");
        const nlohmann::json* how = member(each, "probabilisticSampling");
        if (!how) continue; // it goes by what holds for all others
        if (!how->is_object() || (name && !name->is_string()))
            return {{}, "one of perOperationStrategies makes no sense"};
        const auto rate = probability(*how, "samplingRate");
        if (!rate) return {{}, "a samplingRate is no number"};
        const std::string operation = name ? name->get<std::string>() : std::string{};
        strategy.operations.insert_or_assign(operation, *rate);
        if (strategy.operations.size() > most_operations) return {{}, "more than 2000 operations"};
    }
    return {std::move(strategy), {}};
}

/// RATE_LIMITING is 1; PROBABILISTIC, which may be left out, is 0. Nothing for any other.
[[nodiscard]] inline std::optional<bool> is_rate_limiting(const nlohmann::json& answer) {
    const nlohmann::json* type = member(answer, "strategyType");
    if (!type || *type == "PROBABILISTIC" || *type == 0) return false;
    if (*type == "RATE_LIMITING" || *type == 1) return true;
    return std::nullopt;
}

/// The body of an answer (jaeger-idl, api_v2/sampling.proto, SamplingStrategyResponse). Operations
/// outrank the rest, as in Jaeger's clients. Any bytes; fields that it does not know are left out.
[[nodiscard]] inline Answer read_answer(std::string_view body) {
    const nlohmann::json answer = nlohmann::json::parse(body, nullptr, false);
    if (!answer.is_object()) return {{}, "no JSON object"};
    if (const nlohmann::json* sampling = member(answer, "operationSampling"))
        return read_operations(*sampling);
    const auto limiting = is_rate_limiting(answer);
    if (!limiting) return {{}, "a strategyType that is not known"};
    const nlohmann::json* how =
        member(answer, *limiting ? "rateLimitingSampling" : "probabilisticSampling");
    if (!how || !how->is_object()) return {{}, "nothing about sampling"};
    Strategy strategy;
    const auto value =
        *limiting ? number(*how, "maxTracesPerSecond") : probability(*how, "samplingRate");
    if (!value) return {{}, "a rate is no number"};
    if (*limiting) strategy.traces_per_second = std::max(*value, 0.0);
    else strategy.probability = *value;
    return {std::move(strategy), {}};
}

} // namespace plume::jaeger_sampling
