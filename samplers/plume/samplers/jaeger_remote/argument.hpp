// argument.hpp - OTEL_TRACES_SAMPLER_ARG of jaeger_remote.
#pragma once

#include <charconv>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <system_error>

#include <plume/core/environment.hpp>
#include <plume/samplers/jaeger_remote/endpoint.hpp>
#include <plume/samplers/jaeger_remote/options.hpp>

namespace plume::jaeger_sampling {

/// All of `text` as a number within limits.
template <class Number>
[[nodiscard]] bool read_number(std::string_view text, Number least, Number most, Number& number) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return false;
    if (!(value >= least && value <= most)) return false;
    number = value;
    return true;
}

/// "endpoint=http://host:5778/sampling,pollingIntervalMs=5000,initialSamplingRate=0.25"
/// (OpenTelemetry, "General SDK Configuration"). What makes no sense is reported, and left as it is
/// by default.
[[nodiscard]] inline JaegerRemoteOptions
options_from(std::string_view argument, const std::function<void(std::string_view)>& report) {
    constexpr std::int64_t day_ms = 86'400'000;
    JaegerRemoteOptions options;
    for (const std::string_view part : plume::detail::split_list(argument)) {
        const std::size_t equals = part.find('=');
        const std::string_view key = plume::detail::trimmed(part.substr(0, equals));
        const std::string_view value = equals == part.npos
                                           ? std::string_view{}
                                           : plume::detail::trimmed(part.substr(equals + 1));
        const auto junk = [&](std::string_view what) {
            report("OTEL_TRACES_SAMPLER_ARG: " + std::string{key} + " is " + std::string{what});
        };
        if (key == "endpoint") {
            if (!value.empty() && url_for(value, "any")) options.endpoint = value;
            else junk("no http or https URL: asking " + options.endpoint);
        } else if (key == "pollingIntervalMs") {
            std::int64_t milliseconds = options.interval.count();
            if (!read_number<std::int64_t>(value, 1, day_ms, milliseconds))
                junk("no whole number from 1 to 86400000: using 5000");
            options.interval = std::chrono::milliseconds{milliseconds};
        } else if (key == "initialSamplingRate") {
            double rate = 0;
            if (read_number(value, 0.0, 1.0, rate)) options.initial = Sampler::ratio(rate);
            else junk("no number from 0 to 1: using 0.001");
        } else {
            junk("none of endpoint, pollingIntervalMs and initialSamplingRate");
        }
    }
    return options;
}

} // namespace plume::jaeger_sampling
