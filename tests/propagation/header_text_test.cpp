#include <plume/propagation/header_text.hpp>

#include <cstdint>
#include <string>
#include <string_view>

#include "support/catch.hpp"

using plume::detail::read_padded_hex;
using plume::detail::same_name;
using plume::detail::take_until;

TEST_CASE("names are the same but for the case of ASCII letters, at every place") {
    const auto lower = [](int c) { return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c; };
    int wrong = 0;
    for (const std::size_t size : {1U, 7U, 8U, 9U, 16U, 19U})
        for (std::size_t at = 0; at < size; at += size > 9 ? 5 : 1)
            for (int a = 0; a < 256; ++a)
                for (int b = 0; b < 256; ++b) {
                    std::string one(size, 'x'), other(size, 'X');
                    one[at] = static_cast<char>(a);
                    other[at] = static_cast<char>(b);
                    if (same_name(one, other) != (lower(a) == lower(b))) ++wrong;
                }
    CHECK(wrong == 0);
    CHECK(same_name("", ""));
    CHECK_FALSE(same_name("traceparent", "traceparents"));
}

TEST_CASE("a list is taken apart from its front") {
    std::string_view list = "a,,b";
    CHECK(take_until(list, ',') == "a");
    CHECK(take_until(list, ',').empty());
    CHECK(take_until(list, ',') == "b");
    CHECK(list.empty());
    CHECK(take_until(list, ',').empty());
}

TEST_CASE("digits of either case are read with zeros in front of them") {
    std::uint64_t high = 0, low = 0;
    CHECK(read_padded_hex("1", high, low));
    CHECK((high == 0 && low == 1));
    CHECK(read_padded_hex("0123456789abcdefFEDCBA9876543210", high, low));
    CHECK((high == 0x0123456789abcdef && low == 0xfedcba9876543210));
    CHECK(read_padded_hex("10123456789ABCDEF", high, low));
    CHECK((high == 1 && low == 0x0123456789abcdef));
    CHECK_FALSE(read_padded_hex("", high, low));
    CHECK_FALSE(read_padded_hex(std::string(33, '0'), high, low));
    CHECK_FALSE(read_padded_hex("0x1", high, low));
    CHECK_FALSE(read_padded_hex("g", low));
    CHECK_FALSE(read_padded_hex(std::string(17, '0'), low));
    CHECK(read_padded_hex("ffffffffffffffff", low));
    CHECK(low == ~std::uint64_t{0});
}
