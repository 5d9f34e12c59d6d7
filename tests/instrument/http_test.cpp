#include <plume/instrument/detail/http.hpp>

#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/recorded.hpp"

using plume::detail::HostAndPort;
using plume::detail::HttpMethod;
using plume::detail::KnownMethods;
using plume::detail::StatusText;
using plume::detail::UrlRedaction;

namespace {

std::string redacted(std::string_view url, std::vector<std::string> more_keys = {}) {
    std::string buffer;
    return std::string{UrlRedaction{std::move(more_keys)}.url(url, buffer)};
}

} // namespace

TEST_CASE("methods that the conventions know are kept, all others are one") {
    const KnownMethods& methods = KnownMethods::usual();
    for (const std::string_view method : {"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT",
                                          "OPTIONS", "TRACE", "PATCH", "QUERY"}) {
        const HttpMethod known = methods.read(method);
        CHECK(known.value == method);
        CHECK(methods.word(method) == method);
        CHECK_FALSE(known.original.has_value());
    }
    for (const std::string_view method : {"get", "Query", "BREW", "", "GET "}) {
        const HttpMethod other = methods.read(method);
        CHECK(other.value == "_OTHER");
        CHECK(methods.word(method) == "HTTP");
        CHECK(other.original == method);
    }
}

TEST_CASE("a list of known methods takes the place of all others, and its case matters") {
    const KnownMethods methods{{"BREW", "GET"}};
    CHECK(methods.read("BREW").value == "BREW");
    CHECK(methods.read("GET").value == "GET");
    CHECK(methods.read("brew").value == "_OTHER");
    CHECK(methods.read("POST").value == "_OTHER");
    CHECK(methods.read("POST").original == "POST");
}

namespace {

/// Sets a variable until the end of the scope.
class Variable {
  public:
    Variable(const char* name, const char* value) : name_{name} { ::setenv(name, value, 1); }
    ~Variable() { ::unsetenv(name_); }
    Variable(const Variable&) = delete;
    Variable& operator=(const Variable&) = delete;

  private:
    const char* name_;
};

} // namespace

TEST_CASE("known methods come from the environment, unless there is an option") {
    const auto known = [](const char* variable, std::vector<std::string> option,
                          std::string_view method) {
        const Variable set{"OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS", variable};
        return KnownMethods{std::move(option)}.read(method).value == method;
    };
    CHECK(known("BREW, PURGE,,", {}, "BREW"));
    CHECK(known("BREW, PURGE,,", {}, "PURGE"));
    CHECK_FALSE(known("BREW, PURGE,,", {}, ""));
    CHECK_FALSE(known("BREW, PURGE", {}, "GET")); // the whole list is replaced
    CHECK_FALSE(known("BREW", {}, "brew"));
    CHECK(known("", {}, "GET")); // empty is not set
    CHECK(known(" , ,", {}, "GET"));
    CHECK(known("BREW", {"GET"}, "GET"));
    CHECK_FALSE(known("BREW", {"GET"}, "BREW"));
}

TEST_CASE("a status means something else to a client than to a server") {
    for (const int status : {100, 200, 304, 399}) {
        CHECK_FALSE(plume::detail::is_client_error(status));
        CHECK_FALSE(plume::detail::is_server_error(status));
    }
    for (const int status : {400, 404, 499}) {
        CHECK(plume::detail::is_client_error(status));
        CHECK_FALSE(plume::detail::is_server_error(status));
    }
    for (const int status : {500, 599, 999, 0, -1}) {
        CHECK(plume::detail::is_client_error(status));
        CHECK(plume::detail::is_server_error(status));
    }
    CHECK(StatusText{503}.view() == "503");
    CHECK(StatusText{-2147483647 - 1}.view() == "-2147483648");
}

namespace {

/// "host port", the port "-" if there is none and "bad" if it is none.
std::string taken_apart(std::string_view text) {
    const HostAndPort parsed{text};
    return std::string{parsed.host} + " " +
           (parsed.bad_port    ? "bad"
            : parsed.port == 0 ? "-"
                               : std::to_string(parsed.port));
}

} // namespace

TEST_CASE("a host and its port are taken apart, whatever the host looks like") {
    CHECK(taken_apart("shop.example") == "shop.example -");
    CHECK(taken_apart("shop.example:8080") == "shop.example 8080");
    CHECK(taken_apart("127.0.0.1:80") == "127.0.0.1 80");
    CHECK(taken_apart("[::1]:8080") == "::1 8080");
    CHECK(taken_apart("[::1]") == "::1 -");
    CHECK(taken_apart("::1") == "::1 -");
    CHECK(taken_apart("2001:db8:0:0:0:0:0:1") == "2001:db8:0:0:0:0:0:1 -");
    CHECK(taken_apart("[::ffff:192.0.2.1]:80") == "::ffff:192.0.2.1 80");
    CHECK(taken_apart("[fe80::1%25eth0]:80") == "fe80::1%25eth0 80");
    CHECK(taken_apart("m\xc3\xbcller.example:80") == "m\xc3\xbcller.example 80");
    CHECK(taken_apart("a:65535") == "a 65535");
    CHECK(taken_apart("a:080") == "a 80");
}

TEST_CASE("an empty port is none, and what is no port is bad") {
    CHECK(taken_apart("a:") == "a -");
    CHECK(taken_apart("[::1]:") == "::1 -");
    for (const char* const port : {"0", "00000", "65536", "70000", "123456", "-1", "80x", "x",
                                   "+80", " 80", "80 ", "8:0", "80:81", "99999999999999999999"}) {
        CHECK(taken_apart(std::string{"a:"} + port) == "a bad");
        CHECK(taken_apart(std::string{"127.0.0.1:"} + port) == "127.0.0.1 bad");
        CHECK(taken_apart(std::string{"[::1]:"} + port) == "::1 bad");
    }
}

TEST_CASE("what is no host is empty, and has no port") {
    for (const char* const text :
         {"",          ":80",    "[::1",  "[",    "[]",           "[]:80",   "[::1]80",
          "[::1]x:80", "[x]:80", "[::g]", "a b",  "a/b",          "a\\b",    "a\"b",
          "a?b",       "a#b",    "<a>",   "\x01", "[1.2.3.4]:80", "[:::1:]x"})
        CHECK(taken_apart(text) == " -");
}

TEST_CASE("credentials in front of a host are no part of it") {
    for (const char* const text : {"me@h", "me:secret@h", "me:sec@ret@h", "me:@h", ":@h", "@h",
                                   "me%40x:secret@h", "[::1]@h", "a b@h"})
        CHECK(taken_apart(text) == "h -");
    CHECK(taken_apart("me:secret@[::1]:8080") == "::1 8080");
    CHECK(taken_apart("me:secret@h:8080") == "h 8080");
    CHECK(taken_apart("me:secret@") == " -");
    CHECK(taken_apart("me:secret@h:x") == "h bad");
}

TEST_CASE("what may be sent as a header has no control characters") {
    CHECK(plume::detail::fits_in_header(""));
    CHECK(plume::detail::fits_in_header("a=1,\tb=\xc3\xbc"));
    for (const char c : {'\0', '\r', '\n', '\x01', '\x1b', '\x7f', '\v'})
        CHECK_FALSE(plume::detail::fits_in_header("a" + std::string(1, c) + "b"));
}

TEST_CASE("a header is known in any case") {
    CHECK(plume::detail::is_header("Content-TYPE", "content-type"));
    CHECK_FALSE(plume::detail::is_header("Content-Type", "content-typ"));
    CHECK_FALSE(plume::detail::is_header("Content_Type", "content-type"));
}

TEST_CASE("a URL without secrets is taken as it is, without a copy") {
    const std::string_view url = "http://shop.example/a?b=c@d&signature=x#e@f";
    std::string buffer;
    const UrlRedaction redaction;
    CHECK(redaction.url(url, buffer).data() == url.data());
    CHECK(redaction.url(url, buffer) == url);
    CHECK(redaction.query("a=b&c", buffer) == "a=b&c");
    CHECK(buffer.empty());
}

TEST_CASE("credentials are taken out of a URL, however it is spelled") {
    CHECK(redacted("https://me:secret@shop.example/a") ==
          "https://REDACTED:REDACTED@shop.example/a");
    CHECK(redacted("https://token@shop.example") == "https://REDACTED:REDACTED@shop.example");
    CHECK(redacted("ftp://a@b:c@shop.example:21/x@y") ==
          "ftp://REDACTED:REDACTED@shop.example:21/x@y");
    CHECK(redacted("me:secret@shop.example") == "REDACTED:REDACTED@shop.example");
    CHECK(redacted("//me:secret@shop.example") == "//REDACTED:REDACTED@shop.example");
    CHECK(redacted("http:///me:secret@shop.example") == "http:///REDACTED:REDACTED@shop.example");
    CHECK(redacted("http:/me:secret@shop.example") == "http:/REDACTED:REDACTED@shop.example");
    CHECK(redacted("https://me%40home:p%40ss@shop.example:8443/a?b#c") ==
          "https://REDACTED:REDACTED@shop.example:8443/a?b#c");
    CHECK(redacted("http://me:secret@[2001:db8::1]:80/") ==
          "http://REDACTED:REDACTED@[2001:db8::1]:80/");
    CHECK(redacted("http://me:a@b:c@h/") == "http://REDACTED:REDACTED@h/");
    CHECK(redacted("http://me:@h/") == "http://REDACTED:REDACTED@h/");
    CHECK(redacted("http://:secret@h/") == "http://REDACTED:REDACTED@h/");
    CHECK(redacted("@h/x://me:secret@h") == "REDACTED:REDACTED@h/x://REDACTED:REDACTED@h");
    CHECK(redacted("CONNECT://me:secret@h:443") == "CONNECT://REDACTED:REDACTED@h:443");
}

TEST_CASE("a password that ends the host too early is taken out to its end") {
    for (const char* const password :
         {"sec/ret", "sec?ret", "sec#ret", "sec\\ret", "se/cr@et", "sec/ret?x=1"})
        CHECK(redacted("http://me:" + std::string{password} + "@h/a") ==
              "http://REDACTED:REDACTED@h/a");
}

TEST_CASE("credentials of URLs within a URL are taken out") {
    CHECK(redacted("http://h/proxy/http://me:secret@other/a") ==
          "http://h/proxy/http://REDACTED:REDACTED@other/a");
    CHECK(redacted("http://h/?next=http://me:secret@other/a&b=c@d") ==
          "http://h/?next=http://REDACTED:REDACTED@other/a&b=c@d");
    CHECK(redacted("http://u:p@h/#http://me:secret@other") ==
          "http://REDACTED:REDACTED@h/#http://REDACTED:REDACTED@other");
    std::string buffer;
    CHECK(UrlRedaction{}.query("a=1&next=http://me:secret@h/&sig=x", buffer) ==
          "a=1&next=http://REDACTED:REDACTED@h/&sig=REDACTED");
}

TEST_CASE("an at sign that is behind no host is no end of credentials") {
    for (const char* const harmless :
         {"https://shop.example/me@home?who=me@home", "http://h:80/a:b/c@d", "http://[::1]/a@b",
          "http://[::1]:80/a@b", "http://h?a@b", "http://h#a@b", "http://h/a?b=http://x/c@d"})
        CHECK(redacted(harmless) == harmless);
}

TEST_CASE("a reference is a URL, or a path with its query") {
    const UrlRedaction redaction;
    const auto shown = [&](std::string_view text) {
        std::string buffer;
        return std::string{redaction.reference(text, buffer)};
    };
    CHECK(shown("/me@home/a?sig=x&b=c@d") == "/me@home/a?sig=REDACTED&b=c@d");
    CHECK(shown("//me:secret@h/a") == "//REDACTED:REDACTED@h/a");
    CHECK(shown("http://me:secret@h/a?sig=x") == "http://REDACTED:REDACTED@h/a?sig=REDACTED");
    CHECK(shown("me:secret@h:443") == "REDACTED:REDACTED@h:443");
    CHECK(shown("/to/http://me:secret@h") == "/to/http://REDACTED:REDACTED@h");
    CHECK(shown("*") == "*");
}

TEST_CASE("credentials of URLs in a text are taken out") {
    const auto shown = [](std::string_view text) {
        std::string buffer;
        return std::string{UrlRedaction::text(text, buffer)};
    };
    CHECK(shown("cannot fetch http://me:secret@h/a for a@b") ==
          "cannot fetch http://REDACTED:REDACTED@h/a for a@b");
    CHECK(shown("<http://me:secret@h>; rel=next, <http://x@y>") ==
          "<http://REDACTED:REDACTED@h>; rel=next, <http://REDACTED:REDACTED@y>");
    CHECK(shown("see http://h or mail a@b") == "see http://h or mail a@b");
    CHECK(shown("a@b") == "a@b");
}

TEST_CASE("values of secret keys are taken out of a query") {
    for (const std::string key : {"X-Amz-Signature", "X-Amz-Credential", "X-Amz-Security-Token",
                                  "AWSAccessKeyId", "Signature", "sig", "X-Goog-Signature"})
        CHECK(redacted("http://h/?a=1&" + key + "=secret&b=2") ==
              "http://h/?a=1&" + key + "=REDACTED&b=2");
    CHECK(redacted("http://h/?sig=a&sig=b#c") == "http://h/?sig=REDACTED&sig=REDACTED#c");
    CHECK(redacted("http://h/?s%69g=a") == "http://h/?s%69g=REDACTED");
    CHECK(redacted("http://h/?a=1;sig=b;c") == "http://h/?a=1;sig=REDACTED");
    CHECK(redacted("http://h/?sig=a=b") == "http://h/?sig=REDACTED");
    CHECK(redacted("http://u:p@h/?sig=a") == "http://REDACTED:REDACTED@h/?sig=REDACTED");
    CHECK(redacted("http://u:p@h?sig=") == "http://REDACTED:REDACTED@h?sig=REDACTED");
    CHECK(redacted("http://h/?token=a&sig=b", {"token"}) ==
          "http://h/?token=REDACTED&sig=REDACTED");
    for (const char* const harmless : {"http://h/?sig", "http://h/?SIG=a", "http://h/?sigh=a",
                                       "http://h/?xsig=a", "http://h/#?sig=a", "http://h/sig=a"})
        CHECK(redacted(harmless) == harmless);
}

TEST_CASE("captured headers have keys that are known at run time only") {
    const plume::detail::CapturedHeaders wanted{"http.request.header.", {"X-Tag", "X-None"}};
    const auto seen = plume::test::recorded([&] {
        PLUME_SPAN_AS(span, "request");
        wanted.set(span, UrlRedaction{}, [](std::string_view name, auto&& f) {
            if (name == "x-tag")
                for (int i = 0; i < 20; ++i) f(std::string_view{i == 0 ? "first" : "more"});
        });
    });
    const auto* const tag = seen["request"].attribute("http.request.header.x-tag");
    REQUIRE(tag);
    REQUIRE(std::holds_alternative<std::vector<std::string>>(*tag));
    CHECK(std::get<std::vector<std::string>>(*tag).size() == 16);
    CHECK(std::get<std::vector<std::string>>(*tag).front() == "first");
    CHECK(seen["request"].attributes.size() == 1);
}

TEST_CASE("credentials are taken out of headers that list hosts") {
    const auto shown = [](std::string_view name, std::string_view value) {
        std::string buffer;
        return std::string{plume::detail::shown_header(name, value, UrlRedaction{}, buffer)};
    };
    CHECK(shown("forwarded", "for=\"me:secret@1.2.3.4\";host=x@h, for=1.2.3.4") ==
          "for=\"REDACTED:REDACTED@1.2.3.4\";host=REDACTED:REDACTED@h, for=1.2.3.4");
    CHECK(shown("host", "me:secret@h:80") == "REDACTED:REDACTED@h:80");
    CHECK(shown("x-forwarded-host", "me:secret@h, b") == "REDACTED:REDACTED@h, b");
    CHECK(shown("x-forwarded-for", "1.2.3.4, ::1") == "1.2.3.4, ::1");
    CHECK(shown("from", "me@home") == "me@home");
}

TEST_CASE("of captured headers, URLs have no credentials and no secret keys") {
    const plume::detail::CapturedHeaders wanted{"http.response.header.",
                                                {"Location", "Link", "X-Sig"}};
    const auto seen = plume::test::recorded([&] {
        PLUME_SPAN_AS(span, "request");
        wanted.set(span, UrlRedaction{}, [](std::string_view name, auto&& f) {
            if (name == "location") {
                f(std::string_view{"http://me:secret@h/?sig=x"});
                f(std::string_view{"/a@b?sig=x"});
                f(std::string_view{"//me:secret@h/"});
            }
            if (name == "link") f(std::string_view{"<http://me:secret@h/>"});
            if (name == "x-sig") f(std::string_view{"a=1&sig=x"});
        });
    });
    const auto& span = seen["request"];
    CHECK(span.text("http.response.header.location") ==
          "[http://REDACTED:REDACTED@h/?sig=REDACTED, /a@b?sig=REDACTED, "
          "//REDACTED:REDACTED@h/]");
    CHECK(span.text("http.response.header.link") == "[<http://REDACTED:REDACTED@h/>]");
    CHECK(span.text("http.response.header.x-sig") == "[a=1&sig=x]");
}

TEST_CASE("a key that is known at run time only is no use on a span that is not recorded") {
    const plume::detail::RunTimeListKey key{"some.key"};
    const plume::detail::RunTimeListKey none{""};
    const std::vector<std::string> texts{"a"};
    plume::current().set_texts(key, texts);
    const auto seen = plume::test::recorded([&] {
        PLUME_SPAN("span");
        plume::current().set_texts(key, texts);
        plume::current().set_texts(none, texts);
    });
    CHECK(seen.tree_with_attributes() == "span {some.key=[a]}\n");
}
