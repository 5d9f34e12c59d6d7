#include <plume/instrument/detail/forwarded.hpp>

#include <map>
#include <string>
#include <string_view>

#include <plume/propagation/carrier.hpp>

#include "support/catch.hpp"

namespace {

using Headers = std::map<std::string, std::string>;

/// "client host scheme", each "-" if it is not told.
std::string told_by(const Headers& headers) {
    const plume::PairsCarrier carrier{headers};
    const plume::detail::Forwarded told = plume::detail::read_forwarded(carrier);
    std::string text;
    for (const std::string_view part : {told.client, told.host, told.scheme})
        text.append(text.empty() ? "" : " ").append(part.empty() ? "-" : part);
    return text;
}
std::string told(const std::string& forwarded) { return told_by({{"Forwarded", forwarded}}); }

} // namespace

TEST_CASE("Forwarded says who asked whom, and how (RFC 7239, 4)") {
    CHECK(told("for=192.0.2.43;host=shop.example;proto=https") == "192.0.2.43 shop.example https");
    CHECK(told("For=\"[2001:db8:cafe::17]:4711\"") == "2001:db8:cafe::17 - -");
    CHECK(told("for=192.0.2.60; PROTO=HTTP; by=203.0.113.43") == "192.0.2.60 - http");
    CHECK(told("for=\"192.0.2.43:47011\";host=\"shop.example:8443\"") ==
          "192.0.2.43 shop.example:8443 -");
    CHECK(told("for=_hidden;by=_SEVKISEK") == "_hidden - -");
    CHECK(told("for=unknown;proto=ftp") == "- - -");
}

TEST_CASE("of several proxies the first one has seen the client") {
    CHECK(told("for=192.0.2.43, for=198.51.100.17;proto=https") == "192.0.2.43 - -");
    CHECK(told("for=\"_a,b\";host=h, for=1.2.3.4") == "_a,b h -");
    CHECK(told_by({{"X-Forwarded-For", "192.0.2.43, 198.51.100.17"},
                   {"X-Forwarded-Proto", "https,http"},
                   {"X-Forwarded-Host", "shop.example, inner"}}) ==
          "192.0.2.43 shop.example https");
}

TEST_CASE("the headers from before the standard count without it, and address like it") {
    CHECK(told_by({{"x-forwarded-for", "2001:db8::1"}}) == "2001:db8::1 - -");
    CHECK(told_by({{"X-Forwarded-For", "[2001:db8::1]:80"}}) == "2001:db8::1 - -");
    CHECK(told_by({{"Forwarded", "for=1.2.3.4"}, {"X-Forwarded-For", "5.6.7.8"}}) == "1.2.3.4 - -");
    CHECK(told_by({}) == "- - -");
}

TEST_CASE("what is no Forwarded says nothing, and what stands before it is kept") {
    CHECK(told("for=1.2.3.4;host") == "1.2.3.4 - -");
    CHECK(told("for=\"1.2.3.4;host=h") == "- - -");
    CHECK(told("for=\"1.\\2.3.4\";host=h") == "- - -");
    CHECK(told("for=[::1;host=h") == "- h -");
    CHECK(told("1.2.3.4") == "- - -");
    CHECK(told(",for=1.2.3.4") == "- - -");
    CHECK(told(";;for=1.2.3.4") == "1.2.3.4 - -");
    CHECK(told("=x;for=") == "- - -");
}

TEST_CASE("an address with credentials in front, or of characters that none has, is not told") {
    for (const char* const node :
         {"me:secret@1.2.3.4", "me@1.2.3.4", "me:secret@[::1]", "http://me:secret@h", "a b", "a/b",
          "1.2.3.4:5:6", "20001:db8::1"})
        CHECK(told("for=\"" + std::string{node} + "\";proto=https") == "- - https");
    CHECK(told_by({{"X-Forwarded-For", "me:secret@1.2.3.4"}}) == "- - -");
    CHECK(told("for=\"unknown:4711\"") == "- - -");
    CHECK(told("for=\"192.0.2.43:_port\"") == "192.0.2.43 - -");
}
