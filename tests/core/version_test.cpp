#include <plume/version.hpp>

#include <string>

#include "support/catch.hpp"

TEST_CASE("the header and meson.build name the same version") {
    const std::string from_numbers = std::to_string(PLUME_VERSION_MAJOR) + "." +
                                     std::to_string(PLUME_VERSION_MINOR) + "." +
                                     std::to_string(PLUME_VERSION_PATCH);
    CHECK(plume::version == PLUME_PROJECT_VERSION);
    CHECK(from_numbers == PLUME_PROJECT_VERSION);
}

TEST_CASE("the version is one number that grows") {
    STATIC_REQUIRE(PLUME_VERSION ==
                   PLUME_VERSION_MAJOR * 10000 + PLUME_VERSION_MINOR * 100 + PLUME_VERSION_PATCH);
}
