#include <plume/instrument/detail/http.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/recorded.hpp"

using plume::detail::HostAndPort;
using plume::detail::HttpMethod;
using plume::detail::StatusText;
using plume::detail::UrlRedaction;

namespace {

std::string redacted(std::string_view url, std::vector<std::string> more_keys = {}) {
    std::string buffer;
    return std::string{UrlRedaction{std::move(more_keys)}.url(url, buffer)};
}

} // namespace

TEST_CASE("methods that the conventions know are kept, all others are one") {
    for (const std::string_view method :
         {"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"}) {
        const HttpMethod known{method};
        CHECK(known.value == method);
        CHECK(known.name == method);
        CHECK_FALSE(known.original.has_value());
    }
    for (const std::string_view method : {"get", "BREW", "", "GET "}) {
        const HttpMethod other{method};
        CHECK(other.value == "_OTHER");
        CHECK(other.name == "HTTP");
        CHECK(other.original == method);
    }
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

TEST_CASE("a host and its port are taken apart, whatever the host looks like") {
    const auto is = [](std::string_view text, std::string_view host, int port) {
        const HostAndPort parsed{text};
        return parsed.host == host && parsed.port == port;
    };
    CHECK(is("shop.example", "shop.example", 0));
    CHECK(is("shop.example:8080", "shop.example", 8080));
    CHECK(is("127.0.0.1:80", "127.0.0.1", 80));
    CHECK(is("[::1]:8080", "::1", 8080));
    CHECK(is("[::1]", "::1", 0));
    CHECK(is("::1", "::1", 0));
    CHECK(is("", "", 0));
    CHECK(is("a:", "a", 0));
    CHECK(is("a:65535", "a", 65535));
    CHECK(is("a:65536", "a", 0));
    CHECK(is("a:123456", "a", 0));
    CHECK(is("a:-1", "a", 0));
    CHECK(is("[::1", "[::1", 0));
    CHECK(is("[", "[", 0));
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
    CHECK(redacted("https://shop.example/me@home?who=me@home") ==
          "https://shop.example/me@home?who=me@home");
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
        wanted.set(span, [](std::string_view name, auto&& f) {
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
