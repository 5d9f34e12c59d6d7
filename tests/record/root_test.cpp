#include <plume/record/root.hpp>

#include <stdexcept>

#include "support/catch.hpp"
#include "support/recorded.hpp"

using namespace plume::literals;
using plume::Sampler;
using plume::test::on_a_thread;
using plume::test::recorded;

namespace {

plume::Options only_checkouts() {
    plume::Options options;
    options.sampler = Sampler::by_rule({{.name = "checkout"}}, Sampler::always_off());
    return options;
}

int fails() { throw std::runtime_error{"on purpose"}; }

} // namespace

TEST_CASE("a root whose arguments throw decides on no other root") {
    const auto seen = recorded(only_checkouts(), [] {
        try {
            PLUME_SPAN("checkout", "total"_a = fails());
        } catch (const std::exception&) {}
        { PLUME_SPAN("health"); }
        PLUME_SPAN("health too", "a"_a = 1);
    });
    CHECK(seen.spans.empty());
}

TEST_CASE("a root that begins in the arguments of another is decided on by itself") {
    const auto seen = recorded(only_checkouts(), [] {
        const auto compute = [] {
            PLUME_SPAN("compute");
            return 1;
        };
        PLUME_SPAN("checkout", "n"_a = compute());
    });
    CHECK(seen.tree() == "checkout\n");
}

TEST_CASE("a root is decided on once, whatever its arguments begin") {
    constexpr int roots = 4'000;
    plume::Options options;
    options.sampler = Sampler::ratio(0.5);
    const auto seen = recorded(options, [] {
        for (int i = 0; i < roots; ++i) {
            const auto compute = [] {
                PLUME_SPAN("compute");
                return 1;
            };
            PLUME_SPAN("outer", "n"_a = compute());
        }
    });
    int outer = 0;
    for (const auto& span : seen.spans) outer += span.name == "outer" ? 1 : 0;
    // Ten standard deviations; decided on twice it would be a quarter.
    CHECK(outer > roots / 2 - 320);
    CHECK(outer < roots / 2 + 320);
}

TEST_CASE("a root that is over its rate decides on no other root") {
    const auto seen = recorded(only_checkouts(), [] {
        for (int i = 0; i < 3; ++i) {
            {
                PLUME_SPAN_LIMITED("checkout", 1_per_minute, "i"_a = i);
            }
            { PLUME_SPAN("health"); }
        }
    });
    CHECK(seen.tree() == "checkout\n");
}
