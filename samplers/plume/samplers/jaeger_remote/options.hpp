// options.hpp - where the rates are asked for, how often, and what holds until they are known.
#pragma once

#include <chrono>
#include <string>

#include <plume/sampling/sampler.hpp>

namespace plume {

// Each member has an initialiser, or compilers warn where a designated one leaves it out.
struct JaegerRemoteOptions {
    /// http or https; without a scheme http, without a path /sampling. Jaeger's gRPC port (5779, or
    /// 14250 of old) does not answer here.
    std::string endpoint = "http://127.0.0.1:5778/sampling";
    std::chrono::milliseconds interval{5000}; ///< from one answer to the next question
    std::chrono::milliseconds timeout{5000};  ///< of one question, connecting included
    Sampler initial = Sampler::ratio(0.001);  ///< until the first answer, as in Jaeger's clients
};

} // namespace plume
