// environment.hpp - what OTEL_EXPORTER_JAEGER_* say.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include <plume/core/environment.hpp>
#include <plume/exporters/jaeger/options.hpp>

namespace plume::jaeger {

/// OTEL_EXPORTER_JAEGER_AGENT_HOST, _AGENT_PORT, _ENDPOINT, _USER, _PASSWORD and _TIMEOUT (ms), as
/// OpenTelemetry's Jaeger exporters read them. With an endpoint, spans go there by HTTP. Junk is
/// reported and leaves the default.
inline JaegerOptions options_from_environment(const std::function<void(std::string_view)>& report) {
    JaegerOptions options;
    const auto text = [](const char* name, std::string& to) {
        if (auto value = plume::detail::variable(name)) to = std::move(*value);
    };
    text("OTEL_EXPORTER_JAEGER_AGENT_HOST", options.agent_host);
    text("OTEL_EXPORTER_JAEGER_ENDPOINT", options.endpoint);
    text("OTEL_EXPORTER_JAEGER_USER", options.user);
    text("OTEL_EXPORTER_JAEGER_PASSWORD", options.password);
    options.agent_port = static_cast<std::uint16_t>(
        plume::detail::variable_number("OTEL_EXPORTER_JAEGER_AGENT_PORT", options.agent_port, 1,
                                       std::numeric_limits<std::uint16_t>::max(), report));
    constexpr std::uint64_t hour_ms = 3'600'000;
    options.timeout = std::chrono::milliseconds{plume::detail::variable_number(
        "OTEL_EXPORTER_JAEGER_TIMEOUT", static_cast<std::uint64_t>(options.timeout.count()), 1,
        hour_ms, report)};
    return options;
}

} // namespace plume::jaeger
