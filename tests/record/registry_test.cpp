#include <plume/record/registry.hpp>

#include <cstdint>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "support/catch.hpp"

using plume::SpanKind;
using plume::WireType;
using plume::detail::Callsite;
using plume::detail::Description;
using plume::detail::Entry;
using plume::detail::Field;
using plume::detail::Registry;
using plume::detail::SiteKind;

namespace {

constexpr std::uint32_t first = plume::detail::control::first_site;

Description description(std::string_view name, std::uint32_t line = 1) {
    return {name, "shop.cpp",     "checkout",         "scope", "1.0", nullptr, 0,
            line, SiteKind::span, SpanKind::internal, 1,       false, true};
}

/// What a registry allocates is never freed; one that is never destroyed refers to it for good.
Registry& new_registry() {
    static auto* const all = new std::deque<Registry>;
    return all->emplace_back();
}

} // namespace

TEST_CASE("lines are numbered in the order in which they are registered") {
    Registry& registry = new_registry();
    CHECK(registry.size() == first);
    Callsite site{nullptr};
    const Entry* one = registry.add(description("one"), &site);
    const Entry* two = registry.add(description("two"), &site);
    REQUIRE(one);
    REQUIRE(two);
    CHECK(one->index == first);
    CHECK(two->index == first + 1);
    CHECK(registry.size() == first + 2);
    CHECK(registry.at(one->index) == one);
    CHECK(registry.at(two->index) == two);
}

TEST_CASE("an entry does not depend on what it was made from") {
    Registry& registry = new_registry();
    auto text = std::make_unique<std::string>("a name that is long enough for the heap");
    auto key = std::make_unique<std::string>("key.that.is.long.enough.too");
    auto fields = std::make_unique<std::vector<Field>>();
    fields->push_back({key->data(), static_cast<std::uint32_t>(key->size()), WireType::string});
    Description from = description(*text, 7);
    from.fields = fields->data();
    from.field_count = 1;
    from.kind = SpanKind::client;
    const Entry* entry = registry.add(from, nullptr);
    REQUIRE(entry);
    text.reset();
    key.reset();
    fields.reset();
    CHECK(entry->name == "a name that is long enough for the heap");
    CHECK(entry->file == "shop.cpp");
    CHECK(entry->function == "checkout");
    CHECK(entry->scope_name == "scope");
    CHECK(entry->scope_version == "1.0");
    CHECK(entry->line == 7);
    CHECK(entry->kind == SpanKind::client);
    REQUIRE(entry->field_count == 1);
    CHECK(std::string_view{entry->fields[0].key, entry->fields[0].key_size} ==
          "key.that.is.long.enough.too");
    CHECK(entry->fields[0].type == WireType::string);
}

TEST_CASE("a line that comes back with its library finds its entry again") {
    Registry& registry = new_registry();
    Callsite before{nullptr}, after{nullptr};
    Entry* entry = registry.add(description("line"), &before);
    entry->live = nullptr; // unloaded
    CHECK(registry.add(description("line"), &after) == entry);
    CHECK(entry->live == &after);
    CHECK(registry.size() == first + 1);
}

TEST_CASE("a line that is loaded twice at once has an entry for each") {
    Registry& registry = new_registry();
    Callsite here{nullptr}, there{nullptr};
    const Entry* one = registry.add(description("line"), &here);
    const Entry* other = registry.add(description("line"), &there);
    CHECK(one != other);
    CHECK(one->live == &here);
    CHECK(other->live == &there);
}

TEST_CASE("names that are interned are found again at once") {
    Registry& registry = new_registry();
    const Entry* entry = registry.add(description("GET /"), nullptr);
    CHECK(registry.add(description("GET /"), nullptr) == entry);
    CHECK(registry.add(description("PUT /"), nullptr) != entry);
}

TEST_CASE("lines that differ in anything are different lines") {
    Registry& registry = new_registry();
    constexpr Field integer{"key", 3, WireType::int64};
    constexpr Field text{"key", 3, WireType::string};
    constexpr Field other{"yek", 3, WireType::int64};
    std::set<const Entry*> entries;
    const auto add = [&](auto change) {
        Description one = description("line");
        change(one);
        entries.insert(registry.add(one, nullptr));
    };
    add([](Description&) {});
    add([](Description& d) { d.name = "enil"; });
    add([](Description& d) { d.file = "pohs.cpp"; });
    add([](Description& d) { d.function = "other"; });
    add([](Description& d) { d.scope_name = "other"; });
    add([](Description& d) { d.scope_version = "2.0"; });
    add([](Description& d) { d.line = 2; });
    add([](Description& d) { d.what = SiteKind::event; });
    add([](Description& d) { d.kind = SpanKind::server; });
    add([](Description& d) { d.level = 2; });
    for (const Field* field : {&integer, &text, &other})
        add([field](Description& d) {
            d.fields = field;
            d.field_count = 1;
        });
    CHECK(entries.size() == 13);
    CHECK_FALSE(entries.contains(nullptr));
}

TEST_CASE("a registry grows beyond its first blocks, and keeps its entries where they are") {
    Registry& registry = new_registry();
    std::vector<const Entry*> entries;
    for (std::uint32_t i = 0; i < 10'000; ++i)
        entries.push_back(registry.add(description("line", i), nullptr));
    bool all = true;
    for (std::uint32_t i = 0; i < 10'000; ++i)
        all = all && entries[i]->index == first + i && registry.at(first + i) == entries[i] &&
              entries[i]->line == i && registry.add(description("line", i), nullptr) == entries[i];
    CHECK(all);
    CHECK(registry.size() == first + 10'000);
}
