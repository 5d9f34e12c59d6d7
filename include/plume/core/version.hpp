// version.hpp - which Plume this is, for programs that ask and for backends that are told.
#pragma once

#include <string_view>

/// Semantic versioning. A test keeps these, plume::version and the version in meson.build equal.
#define PLUME_VERSION_MAJOR 0
#define PLUME_VERSION_MINOR 1
#define PLUME_VERSION_PATCH 0

/// One number that grows with every release, for `#if`: 10203 is version 1.2.3.
#define PLUME_VERSION                                                                              \
    (PLUME_VERSION_MAJOR * 10000 + PLUME_VERSION_MINOR * 100 + PLUME_VERSION_PATCH)

namespace plume {

inline constexpr std::string_view version = "0.1.0";

/// Which version of OpenTelemetry's semantic conventions names and values follow, as its name.
/// `./dev check conventions` compares both.
inline constexpr std::string_view schema_url = "https://opentelemetry.io/schemas/1.45.0";

} // namespace plume
