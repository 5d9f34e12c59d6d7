// resource_detection.hpp - what a process can say about itself: the attributes of its resource.
#pragma once

#include <array>
#include <climits>
#include <cstdint>
#include <string>
#include <string_view>
#include <unistd.h>
#include <variant>

#include <plume/core/environment.hpp>
#include <plume/core/utf8.hpp>
#include <plume/core/version.hpp>
#include <plume/export/resource.hpp>
#include <plume/record/runtime.hpp>
#include <plume/session/options.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

inline std::string executable_name() {
    std::array<char, PATH_MAX> path{};
    const ssize_t size = readlink("/proc/self/exe", path.data(), path.size());
    std::string_view name{path.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
    name.remove_prefix(name.rfind('/') + 1); // npos + 1 is 0
    return name.empty() ? "unknown" : std::string{name};
}

inline std::string host_name() {
    std::array<char, 256> name{};
    return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

/// A random UUID, version 4 (RFC 9562, 5.4).
inline std::string random_uuid() {
    std::array<std::uint64_t, 2> bits{};
    fill_random(bits.data(), sizeof bits);
    bits[0] = (bits[0] & ~std::uint64_t{0xF000}) | 0x4000;
    bits[1] = (bits[1] & ~(std::uint64_t{0xC} << 60U)) | std::uint64_t{0x8} << 60U;
    std::string hex(32, '0');
    write_hex(write_hex(hex.data(), bits[0]), bits[1]);
    for (const std::size_t at : {20U, 16U, 12U, 8U}) hex.insert(at, 1, '-');
    return hex;
}

inline std::string as_utf8(std::string_view text) {
    std::string repaired(repaired_size(text), '\0');
    repair_utf8(text, repaired.data());
    return repaired;
}

/// OTEL_SERVICE_NAME outranks OTEL_RESOURCE_ATTRIBUTES, and Options both.
inline Resource make_resource(const Options& options, const Report& report) {
    const std::string executable = as_utf8(executable_name());
    Resource resource;
    resource.set("service.name", "unknown_service:" + executable);
    resource.set("service.instance.id", random_uuid());
    resource.set("host.name", as_utf8(host_name()));
    resource.set("process.pid", std::int64_t{getpid()});
    resource.set("process.executable.name", executable);
    resource.set("os.type", "linux");
    // A program, or a company's header around Plume, may call itself a distribution.
    resource.set("telemetry.distro.name", "plume");
    resource.set("telemetry.distro.version", version);
    for (const auto& [key, value] : variable_pairs("OTEL_RESOURCE_ATTRIBUTES", report))
        resource.set(as_utf8(key), as_utf8(value));
    if (const auto name = variable("OTEL_SERVICE_NAME"))
        resource.set("service.name", as_utf8(*name));
    for (const auto& [key, value] : options.resource) {
        if (key.empty()) {
            report("Options::resource has an empty key: ignoring it");
            continue;
        }
        if (const auto* text = std::get_if<std::string>(&value))
            resource.set(as_utf8(key), as_utf8(*text));
        else resource.set(as_utf8(key), std::get<std::int64_t>(value));
    }
    if (!trimmed(options.service_name).empty())
        resource.set("service.name", as_utf8(options.service_name));
    if (resource.service_name().starts_with("unknown_service"))
        report("no service name: set Options::service_name or OTEL_SERVICE_NAME; calling it \"" +
               std::string{resource.service_name()} + "\"");
    // Last: nobody else may claim to be this library.
    resource.set("telemetry.sdk.name", "plume");
    resource.set("telemetry.sdk.language", "cpp");
    resource.set("telemetry.sdk.version", version);
    resource.set_schema_url(schema_url);
    return resource;
}

} // namespace detail
} // namespace plume
