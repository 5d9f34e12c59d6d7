#include <plume/exporters/console/span_copy.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <plume/exporters/console/json.hpp>

#include "support/catch.hpp"
#include "support/random_batch.hpp"

using plume::console::SpanCopy;
using plume::otlp_test::RandomBatch;

namespace {

std::string json_of(const plume::SpanData& span) {
    plume::console::Text text;
    plume::console::JsonText{text}.print(span, "");
    return fmt::to_string(text);
}

} // namespace

TEST_CASE("a copied span says the same after its batch has gone") {
    std::vector<std::string> expected;
    std::vector<SpanCopy> copies;
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        const RandomBatch random{seed, {}};
        for (const plume::SpanData& span : random.batch()) {
            expected.push_back(json_of(span));
            copies.emplace_back(span);
        }
    }
    REQUIRE(copies.size() == 400);
    for (std::size_t i = 0; i < copies.size(); ++i) CHECK(json_of(*copies[i]) == expected[i]);
}

TEST_CASE("a copied span that was moved from is empty") {
    SpanCopy one{plume::SpanData{}};
    const SpanCopy other{std::move(one)};
    CHECK_FALSE(one);
    CHECK(other);
}
