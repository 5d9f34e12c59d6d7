#include <plume/ids.hpp>

#include <bit>
#include <cstdint>
#include <string>

#include "support/catch.hpp"

namespace {

template <class Id>
std::string text(const Id& id) {
    const auto digits = id.hex();
    return {digits.begin(), digits.end()};
}

// The steps of mix() backwards. Odd factors have an inverse modulo 2^64; these are they.
std::uint64_t unmix(std::uint64_t x) {
    x = (x ^ (x >> 33)) * 0x9cb4b2f8129337dbULL;
    x = (x ^ (x >> 33)) * 0x4f74430c22a54005ULL;
    return x ^ (x >> 33);
}

} // namespace

TEST_CASE("a trace id is written as 32 lowercase hexadecimal digits") {
    // The example of W3C Trace Context, 3.2.
    CHECK(text(plume::TraceId{0x4bf92f3577b34da6, 0xa3ce929d0e0e4736}) ==
          "4bf92f3577b34da6a3ce929d0e0e4736");
}

TEST_CASE("a span id is written as 16 lowercase hexadecimal digits") {
    CHECK(text(plume::SpanId{0x00f067aa0ba902b7}) == "00f067aa0ba902b7");
}

TEST_CASE("leading zeros of an id are kept") {
    CHECK(text(plume::TraceId{0, 1}) == "00000000000000000000000000000001");
    CHECK(text(plume::TraceId{1, 0}) == "00000000000000010000000000000000");
    CHECK(text(plume::SpanId{0xa}) == "000000000000000a");
    CHECK(text(plume::SpanId{}) == "0000000000000000");
}

TEST_CASE("an id is valid unless all of its bits are zero") {
    CHECK_FALSE(plume::TraceId{}.valid());
    CHECK(plume::TraceId{0, 1}.valid());
    CHECK(plume::TraceId{1, 0}.valid());
    CHECK_FALSE(plume::SpanId{}.valid());
    CHECK(plume::SpanId{1}.valid());
}

TEST_CASE("a context is valid when both of its ids are") {
    plume::SpanContext context;
    CHECK_FALSE(context.valid());
    context.trace_id = {1, 2};
    CHECK_FALSE(context.valid());
    context.span_id = {3};
    CHECK(context.valid());
}

TEST_CASE("only the lowest flag means sampled") {
    plume::SpanContext context;
    context.flags = plume::trace_flags::random;
    CHECK_FALSE(context.sampled());
    context.flags |= plume::trace_flags::sampled;
    CHECK(context.sampled());
}

TEST_CASE("mix can be undone, so that different sequence numbers never share a span id") {
    for (std::uint64_t x = 0; x < 1000; ++x) CHECK(unmix(plume::detail::mix(x)) == x);
    for (int bit = 0; bit < 64; ++bit) {
        const std::uint64_t x = std::uint64_t{1} << bit;
        CHECK(unmix(plume::detail::mix(x)) == x);
        CHECK(plume::detail::mix(unmix(x)) == x);
    }
}

TEST_CASE("mix keeps zero, and a neighbouring number changes about half of the bits") {
    CHECK(plume::detail::mix(0) == 0);
    int changed = 0;
    for (std::uint64_t x = 0; x < 1000; ++x)
        changed += std::popcount(plume::detail::mix(x) ^ plume::detail::mix(x + 1));
    CHECK(changed > 31 * 1000);
    CHECK(changed < 33 * 1000);
}

TEST_CASE("ids are made at compile time when their parts are known") {
    constexpr auto digits = plume::SpanId{0x0123456789abcdef}.hex();
    STATIC_REQUIRE(digits[1] == '1');
    STATIC_REQUIRE(digits[15] == 'f');
}
