#include <plume/core/masking.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "support/catch.hpp"

using plume::detail::hash_key_of;
using plume::detail::HashKey;
using plume::detail::SipHash;

namespace {

std::string masked(std::string_view value) {
    std::string text(plume::detail::longest_mask, '\0');
    text.resize(plume::detail::write_mask(text.data(), value));
    return text;
}

std::string hashed(std::string_view value, const HashKey& key) {
    std::string text(plume::detail::hash_size, '\0');
    plume::detail::write_hash(text.data(), value, key);
    return text;
}

} // namespace

TEST_CASE("a hash is SipHash-2-4, as its authors' vectors say") {
    // Appendix A and the reference implementation: key 00 01 … 0f, message 00 01 … of some length.
    constexpr HashKey key{0x0706050403020100, 0x0f0e0d0c0b0a0908};
    std::string message;
    for (char c = 0; c < 15; ++c) message += c;
    CHECK(SipHash::of({}, key) == 0x726fdb47dd0e0e31);
    CHECK(SipHash::of(message.substr(0, 1), key) == 0x74f839c593dc67fd);
    CHECK(SipHash::of(message.substr(0, 8), key) == 0x93f5f5799a932462);
    CHECK(SipHash::of(message, key) == 0xa129ca6149be45e5);
}

TEST_CASE("equal values have one hash, under one key") {
    const HashKey key = hash_key_of("a key of the team");
    CHECK(hashed("bob@example.org", key) == hashed("bob@example.org", key));
    CHECK(hashed("bob@example.org", key) != hashed("bob@example.com", key));
    CHECK(hashed("bob@example.org", key) !=
          hashed("bob@example.org", hash_key_of("a key of the teams")));
    CHECK(hashed("", key).find_first_not_of("0123456789abcdef") == std::string::npos);
}

TEST_CASE("a mask shows the last four characters of what has eight or more") {
    CHECK(masked("4111111111111111") == "****1111");
    CHECK(masked("12345678") == "****5678");
    CHECK(masked("1234567") == "****");
    CHECK(masked("x") == "****");
    CHECK(masked("") == "****");
}

TEST_CASE("a mask cuts through no character") {
    CHECK(masked("grüße aus Köln") == "****Köln");
    CHECK(masked("ääääöööö") == "****öööö");
    CHECK(masked("𝄞𝄞𝄞𝄞𝄞𝄞𝄞𝄞").size() == plume::detail::longest_mask);
    CHECK(masked("ääää") == "****");
}
