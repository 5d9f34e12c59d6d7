#include <plume/export/resource.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "support/catch.hpp"

TEST_CASE("a resource keeps its attributes in the order in which they were set") {
    plume::Resource resource;
    resource.set("service.name", "storefront");
    resource.set("process.pid", std::int64_t{42});

    REQUIRE(resource.attributes().size() == 2);
    CHECK(resource.attributes()[0].key() == "service.name");
    CHECK(resource.attributes()[0].type == plume::ValueType::string);
    CHECK(resource.attributes()[1].key() == "process.pid");
    CHECK(resource.attributes()[1].type == plume::ValueType::int64);
    CHECK(resource.attributes()[1].int64 == 42);
}

TEST_CASE("a later value replaces an earlier one of the same key") {
    plume::Resource resource;
    resource.set("service.name", "unknown_service");
    resource.set("host.name", "here");
    resource.set("service.name", "inventory");

    REQUIRE(resource.attributes().size() == 2);
    CHECK(resource.service_name() == "inventory");
    CHECK(resource.attributes()[0].key() == "service.name");
}

TEST_CASE("a resource owns its text: what it was set from may go away") {
    plume::Resource resource;
    {
        std::string key = "host.name", value = "a name too long for the small string optimisation";
        resource.set(key, value);
        key.assign(key.size(), '?');
        value.assign(value.size(), '?');
    }
    CHECK(resource.text("host.name") == "a name too long for the small string optimisation");
}

TEST_CASE("views into a resource stay valid when it moves") {
    plume::Resource resource;
    resource.set("os.type", "linux");
    const std::string_view before = resource.text("os.type");

    const plume::Resource moved = std::move(resource);
    CHECK(moved.text("os.type").data() == before.data());
    CHECK(before == "linux");
}

TEST_CASE("text() of a key that is missing or not a string is empty") {
    plume::Resource resource;
    resource.set("process.pid", std::int64_t{42});
    CHECK(resource.text("process.pid").empty());
    CHECK(resource.text("nothing").empty());
    CHECK(resource.service_name().empty());
}
