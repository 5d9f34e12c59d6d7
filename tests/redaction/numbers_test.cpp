#include <plume/redaction/numbers.hpp>

#include <cstdint>
#include <string>
#include <string_view>

#include "support/catch.hpp"

using plume::detail::Part;

namespace {

/// The part of a text that is found at a place.
std::string at(std::string_view text, const Part& part) {
    return std::string{text.substr(part.begin, part.end - part.begin)};
}
std::string card(std::string_view text, std::size_t i = 0) {
    return at(text, plume::detail::card_at(text, i));
}
std::string ipv4(std::string_view text, std::size_t i = 0) {
    return at(text, plume::detail::ipv4_at(text, i));
}
std::string ipv6(std::string_view text) {
    return at(text, plume::detail::ipv6_at(text, text.find(':')));
}
std::string cut(std::string_view address) {
    std::string text(48, '\0');
    text.resize(plume::detail::write_cut_address(text.data(), address));
    return text;
}

} // namespace

// Cards.

TEST_CASE("a card number has 13 to 19 digits that pass Luhn's check") {
    for (const char* number : {"4222222222222", "371449635398431", "4111111111111111",
                               "5555555555554444", "6304000000000000000"})
        CHECK(card(number) == number);
    CHECK(card("4111111111111112").empty());
    CHECK(card("1234567890123456").empty());
    CHECK(card("422222222222").empty());
    CHECK(card("41111111111111111111").empty()); // 20 digits
}

TEST_CASE(
    "the groups of a card number are separated by a blank, a dash, or what a URL has for it") {
    for (const char* number : {"4111 1111 1111 1111", "4111-1111-1111-1111", "3714 496353 98431",
                               "4111+1111+1111+1111", "4111%201111%201111%201111"})
        CHECK(card(number) == number);
    CHECK(card("4111  1111 1111 1111").empty());
    CHECK(card("4111/1111/1111/1111").empty());
    CHECK(card("41 11 11 11 11 11 11 11").empty());
}

TEST_CASE("a card number is found among other numbers") {
    CHECK(card("4111 1111 1111 1111 12/27") == "4111 1111 1111 1111");
    CHECK(card("4111111111111111 123") == "4111111111111111");
    const std::string_view text = "order 17, 2024 4111-1111-1111-1111";
    CHECK(card(text, text.find("2024")).empty());
    CHECK(card(text, text.find("4111")) == "4111-1111-1111-1111");
}

TEST_CASE("digits of a longer word or number are no card number") {
    CHECK(card("x4111111111111111", 1).empty());
    CHECK(card("4111111111111111f").empty());
    CHECK(card("0.4111111111111111", 2).empty());
    CHECK(card("4111111111111111.5").empty());
    CHECK(card("4111111111111111.") == "4111111111111111");
    CHECK(card("0000000000000000").empty());
}

TEST_CASE("an integer is a card number if a large issuer's cards begin so") {
    CHECK(plume::detail::is_card(4111111111111111));
    CHECK(plume::detail::is_card(2223000048400011));
    CHECK_FALSE(plume::detail::is_card(4111111111111112));
    CHECK_FALSE(plume::detail::is_card(1700000000000000007)); // nanoseconds since 1970
    CHECK_FALSE(plume::detail::is_card(-4111111111111111));
    CHECK_FALSE(plume::detail::is_card(0));
    CHECK_FALSE(plume::detail::is_card(INT64_MIN));
}

// IPv4.

TEST_CASE("an IPv4 address is four numbers up to 255") {
    for (const char* address : {"203.0.113.7", "1.2.3.4", "255.255.255.255", "010.001.002.003"})
        CHECK(ipv4(address) == address);
    CHECK(ipv4("256.1.1.1").empty());
    CHECK(ipv4("1.2.3").empty());
    CHECK(ipv4("1.2.3.").empty());
    CHECK(ipv4("1..2.3").empty());
    CHECK(ipv4("1.2.3.0004").empty());
}

TEST_CASE("an IPv4 address ends before a port, a mask or the end of a sentence") {
    CHECK(ipv4("203.0.113.7:8080") == "203.0.113.7");
    CHECK(ipv4("203.0.113.7/24") == "203.0.113.7");
    CHECK(ipv4("203.0.113.7.") == "203.0.113.7");
    CHECK(ipv4("http://203.0.113.7/", 7) == "203.0.113.7");
}

TEST_CASE("versions that are longer or begin with a letter are no IPv4 addresses") {
    CHECK(ipv4("v1.2.3.4", 1).empty());
    CHECK(ipv4("1.2.3.4.5").empty());
    CHECK(ipv4("1.2.3.4.5", 2).empty());
    CHECK(ipv4("1.2.3.4rc").empty());
    CHECK(ipv4("120.0.6099.71").empty());
}

TEST_CASE("this host's own IPv4 addresses are nobody's") {
    CHECK(ipv4("127.0.0.1").empty());
    CHECK(ipv4("0.0.0.0").empty());
}

// IPv6.

TEST_CASE("an IPv6 address is eight groups, or less with a gap") {
    for (const char* address :
         {"2001:db8:7:1:2:3:4:5", "2001:db8::1", "fe80::1", "64:ff9b::203.0.113.7",
          "::ffff:203.0.113.7", "1:2:3:4:5:6:203.0.113.7", "2001:DB8::", "::7:8"})
        CHECK(ipv6(address) == address);
    CHECK(ipv6("[2001:db8::1]:443") == "2001:db8::1");
    CHECK(ipv6("fe80::1%eth0") == "fe80::1");
    CHECK(ipv6("2001:db8::1: unreachable") == "2001:db8::1");
    CHECK(ipv6("1:2:3:4:5:6:7:8::") == "1:2:3:4:5:6:7:8");
}

TEST_CASE("times, hardware addresses and names in C++ are no IPv6 addresses") {
    for (const char* text : {"12:30:45", "00:1b:44:11:3a:b7", "a::b", "dead::beef", "std::string",
                             "x2001:db8::1", "1:2:3:4:5:6:7:8:9", "1::2::3", "12001:db8::1",
                             "::", "::1", "localhost:8080", "1:2:3:4:5:6:7", "key:17", "https://"})
        CHECK(ipv6(text).empty());
}

// Cut.

TEST_CASE("an IPv4 address is cut to its first 24 bits") {
    CHECK(cut("203.0.113.7") == "203.0.113.0");
    CHECK(cut("1.2.3.255") == "1.2.3.0");
}

TEST_CASE("an IPv6 address is cut to its first 48 bits") {
    CHECK(cut("2001:db8:7:1:2:3:4:5") == "2001:db8:7::");
    CHECK(cut("2001:0DB8:0007::1") == "2001:db8:7::");
    CHECK(cut("2001:db8::1") == "2001:db8::");
    CHECK(cut("2001::1") == "2001::");
    CHECK(cut("::5:6:7:8:9:a") == "0:0:5::");
    CHECK(cut("::1:2") == "::");
    CHECK(cut("64:ff9b::203.0.113.7") == "64:ff9b::");
}

TEST_CASE("an IPv4 address inside of one of IPv6 is cut as one") {
    CHECK(cut("::ffff:203.0.113.7") == "::ffff:203.0.113.0");
}
