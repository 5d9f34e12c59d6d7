#include <plume/redaction/words.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "support/catch.hpp"

using plume::detail::Part;

namespace {

std::string at(std::string_view text, const Part& part) {
    return std::string{text.substr(part.begin, part.end - part.begin)};
}
/// Around the first @ or %40.
std::string email(std::string_view text, std::size_t floor = 0) {
    const std::size_t sign = std::min(text.find('@'), text.find("%40"));
    const std::size_t behind = text[sign] == '@' ? sign + 1 : sign + 3;
    return at(text, plume::detail::email_at(text, sign, behind, floor));
}
std::string bearer(std::string_view text) { return at(text, plume::detail::bearer_at(text, 0)); }
std::string basic(std::string_view text) { return at(text, plume::detail::basic_at(text, 0)); }
std::string web_token(std::string_view text) {
    return at(text, plume::detail::web_token_at(text, text.find('J')));
}
std::string credentials(std::string_view text) {
    const auto url = plume::detail::credentials_at(text, text.find("://"));
    return url.end == 0 ? "none" : at(text, url.user) + " / " + at(text, url.password);
}
std::string named_value(std::string_view text, char sign = '=') {
    const std::size_t i = text.find(sign);
    return std::string{plume::detail::name_before(text, i)} + " / " +
           at(text, plume::detail::value_behind(text, i));
}

} // namespace

TEST_CASE("an e-mail address is what stands around an @, with a domain that has a dot") {
    for (const char* address :
         {"bob@example.org", "bob.builder+news@mail.example.co.uk", "o'brien@example.ie",
          "bob%40example.org", "jürgen@müller.de", "a@b.co", "x_y-z@1and1.com"})
        CHECK(email(address) == address);
    CHECK(email("mail=bob@example.org&x=1") == "bob@example.org");
    CHECK(email("<bob@example.org>") == "bob@example.org");
    CHECK(email("WHERE mail='bob@example.org'") == "bob@example.org");
    CHECK(email("to bob@example.org.") == "bob@example.org");
    CHECK(email("...bob@example.org...") == "bob@example.org");
    CHECK(email("bob@example.org.5") == "bob@example.org");
}

TEST_CASE("a host without a dot, a version or an @ alone make no e-mail address") {
    for (const char* text : {"root@localhost", "package@1.2.3", "@example.org", "bob@", "a @ b.org",
                             "bob@.org", "x@y.z", "@", "%40", "a@-.-"})
        CHECK(email(text).empty());
}

TEST_CASE("an e-mail address does not begin before what was looked at already") {
    CHECK(email("aaa.bob@example.org", 4) == "bob@example.org");
    CHECK(email("bob@example.org", 3).empty());
}

TEST_CASE("what follows Bearer is a token") {
    CHECK(bearer("Bearer mF_9.B5f-4.1JqM") == "mF_9.B5f-4.1JqM");
    CHECK(bearer("bearer abc123==") == "abc123==");
    CHECK(bearer("BEARER%20abc123,") == "abc123");
    CHECK(bearer("Bearer+abc123") == "abc123");
    CHECK(bearer("Bearer: \"abc123\"") == "abc123");
    CHECK(bearer("bearer aBcDeFgH") == "aBcDeFgH");
    CHECK(bearer("bearer abcdefghijklmnopqrst") == "abcdefghijklmnopqrst");
}

TEST_CASE("a word of prose behind bearer is no token") {
    for (const char* text : {"bearer token expired", "Bearer Authentication", "bearer",
                             "bearer of news", "bearers abc123", "bearer "})
        CHECK(bearer(text).empty());
}

TEST_CASE("what follows Basic is a token if it decodes to a user and a password") {
    CHECK(basic("Basic dXNlcjpwYXNz") == "dXNlcjpwYXNz"); // user:pass
    CHECK(basic("basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==, x") == "QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    CHECK(basic("Basic authentication").empty());
    CHECK(basic("basic plan").empty());
    CHECK(basic("basics dXNlcjpwYXNz").empty());
    CHECK(basic("Basic").empty());
}

TEST_CASE("a JSON web token is base64 of an object, with dots") {
    constexpr const char* token =
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9";
    CHECK(web_token(token) == token);
    CHECK(web_token("(eyJhbGciOiJub25lIn0.eyJhIjoxfQ.)") == "eyJhbGciOiJub25lIn0.eyJhIjoxfQ");
    CHECK(web_token("eyJ.json").empty());
    CHECK(web_token("keyJhbGciOiJub25lIn0.eyJhIjoxfQ").empty());
    CHECK(web_token("J").empty());
}

TEST_CASE("the user and the password of a URL stand before its last @") {
    CHECK(credentials("https://bob:geheim@example.org/") == "bob / geheim");
    CHECK(credentials("postgres://bob:p@ss:word@db:5432/shop") == "bob / p@ss:word");
    CHECK(credentials("https://bob@example.org/") == "bob / ");
    CHECK(credentials("https://:geheim@example.org/") == " / geheim");
    CHECK(credentials("https://example.org/@bob") == "none");
    CHECK(credentials("https://example.org?mail=bob@example.org") == "none");
    CHECK(credentials("://bob:geheim@example.org") == "none");
}

TEST_CASE("a named value stands behind an equals sign, or in JSON behind a colon") {
    CHECK(named_value("?token=abc&x=1") == "token / abc");
    CHECK(named_value("WHERE password = 'it is' AND") == "password / it is");
    CHECK(named_value("host=db password=geheim user=x") == "host / db");
    CHECK(named_value(R"({"password": "a\"b", "x": 1})", ':') == R"(password / a\"b)");
    CHECK(named_value(R"({"pin":1234,"x":1})", ':') == "pin / 1234");
    CHECK(named_value("Note: this", ':') == " / this");
    CHECK(named_value("=") == " / ");
}

TEST_CASE("a placeholder of SQL is no value") {
    CHECK(named_value("password = ?") == "password / ");
    CHECK(named_value("password=$12") == "password / ");
    CHECK(named_value("password=$ecret") == "password / $ecret");
}
