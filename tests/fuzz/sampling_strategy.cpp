// sampling_strategy.cpp - an answer about sampling, whatever it is: a strategy within its limits or
// a sentence, never both, and a sampler can be made of it.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <plume/samplers/jaeger_remote/answer.hpp>

namespace {

void must(bool right) {
    if (!right) std::abort();
}

bool is_probability(double value) { return value >= 0 && value <= 1; }

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace plume::jaeger_sampling;
    const std::string_view body{reinterpret_cast<const char*>(data), size};
    const Answer answer = read_answer(body);
    must(answer.strategy.has_value() == answer.trouble.empty());
    if (!answer.strategy) return 0;
    const Strategy& strategy = *answer.strategy;
    must(strategy == *read_answer(body).strategy);
    must(is_probability(strategy.probability));
    must(std::isfinite(strategy.lower_bound) && strategy.lower_bound >= 0);
    must(!strategy.traces_per_second ||
         (std::isfinite(*strategy.traces_per_second) && *strategy.traces_per_second >= 0));
    must(strategy.operations.size() <= most_operations);
    for (const auto& [name, probability] : strategy.operations) must(is_probability(probability));
    SamplerMaker maker; // a sampler can be made of whatever was understood, and made again
    static_cast<void>(maker.make(strategy));
    static_cast<void>(maker.make(strategy));
    return 0;
}
