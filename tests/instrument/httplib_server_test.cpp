#include <plume/instrument/httplib.hpp>

#include <algorithm>
#include <atomic>
#include <exception>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <plume/propagation/propagation.hpp>

#include "support/catch.hpp"
#include "support/conventions.hpp"
#include "support/httplib.hpp"
#include "support/recorded.hpp"

using namespace plume::literals;
using plume::HttpServer;
using plume::HttpServerOptions;
using plume::StatusCode;
using plume::test::Level;
using plume::test::RawSocket;
using plume::test::recorded;
using plume::test::Recorded;
using plume::test::Serving;

namespace {

using Request = httplib::Request;
using Response = httplib::Response;

const httplib::Headers from_afar{
    {"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
    {"tracestate", "vendor=value"}};
constexpr plume::TraceId far_trace{0x4bf92f3577b34da6, 0xa3ce929d0e0e4736};
constexpr plume::SpanId far_span{0x00f067aa0ba902b7};

void answer(const Request&, Response& response) { response.set_content("hello", "text/plain"); }

void get(const Serving& serving, const std::string& path, const httplib::Headers& headers = {}) {
    httplib::Client client = serving.client();
    if (!client.Get(path, headers)) throw std::runtime_error{"no response"};
}

/// What is recorded of a server while `visit` asks it, in the order in which it began.
Recorded served(httplib::Server& server, const std::function<void(const Serving&)>& visit) {
    Recorded seen = recorded([&] {
        const Serving serving{server};
        visit(serving);
    });
    std::ranges::sort(seen.spans, {}, &plume::RecordedSpan::begin_unix_ns);
    return seen;
}

} // namespace

// Names and attributes.

TEST_CASE("a request is a server span with what the conventions want, by name, type and level") {
    httplib::Server server;
    plume::instrument(server);
    server.Get(R"(/orders/(\d+))", answer);
    int port = 0;
    const auto seen = served(server, [&](const Serving& serving) {
        port = serving.port();
        get(serving, "/orders/42?full=1&sig=abc%20d", {{"User-Agent", "test/1"}});
    });
    REQUIRE(seen.spans.size() == 1);
    const plume::RecordedSpan& span = seen.spans.front();
    CHECK(span.name == "GET /orders/{1}");
    CHECK(span.kind == plume::SpanKind::server);
    CHECK(span.status == StatusCode::unset);
    CHECK(plume::test::breaches(span, plume::test::http_server_conventions, Level::recommended) ==
          "");
    CHECK(span.text("http.request.method") == "GET");
    CHECK(span.text("url.path") == "/orders/42");
    CHECK(span.text("url.query") == "full=1&sig=REDACTED");
    CHECK(span.text("url.scheme") == "http");
    CHECK(span.text("http.route") == "/orders/{1}");
    CHECK(span.text("http.response.status_code") == "200");
    CHECK(span.text("server.address") == "127.0.0.1");
    CHECK(span.text("server.port") == std::to_string(port));
    CHECK(span.text("client.address") == "127.0.0.1");
    CHECK(span.text("network.peer.address") == "127.0.0.1");
    CHECK(span.text("network.protocol.version") == "1.1");
    CHECK(span.text("user_agent.original") == "test/1");
    CHECK(span.attribute("error.type") == nullptr);
    CHECK(span.attribute("http.request.method_original") == nullptr);
}

TEST_CASE("the host that was asked for is the server's address, with the port of its scheme") {
    httplib::Server server;
    plume::instrument(server);
    server.Get("/", answer);
    const auto seen = served(server, [](const Serving& serving) {
        get(serving, "/", {{"Host", "shop.example"}});
        get(serving, "/", {{"Host", "[2001:db8::1]:8443"}});
        plume::test::head_of_response(serving.port(), "GET / HTTP/1.0\r\n\r\n");
    });
    REQUIRE(seen.spans.size() == 3);
    CHECK(seen.spans[0].text("server.address") == "shop.example");
    CHECK(seen.spans[0].text("server.port") == "80");
    CHECK(seen.spans[1].text("server.address") == "2001:db8::1");
    CHECK(seen.spans[1].text("server.port") == "8443");
    CHECK(seen.spans[2].text("server.address") == "127.0.0.1");
    CHECK(seen.spans[2].text("network.protocol.version") == "1.0");
}

namespace {

/// "address port" as spans tell the server's, "-" for what they do not tell, for requests that
/// begin with the lines of `heads`.
std::vector<std::string> asked_by(const std::vector<std::string>& heads, int* port = nullptr,
                                  HttpServerOptions options = {}) {
    httplib::Server server;
    plume::instrument(server, std::move(options));
    const auto seen = served(server, [&](const Serving& serving) {
        if (port) *port = serving.port();
        for (const std::string& head : heads)
            plume::test::head_of_response(serving.port(), head + "\r\n\r\n");
    });
    std::vector<std::string> told;
    for (const auto& span : seen.spans) {
        const auto text = [&](const char* key) {
            return span.attribute(key) ? span.text(key) : std::string{"-"};
        };
        told.push_back(text("server.address") + " " + text("server.port"));
    }
    return told;
}

} // namespace

TEST_CASE("a request that names no host, or none that can be read, was for the socket's") {
    int port = 0;
    const auto told =
        asked_by({"GET / HTTP/1.0", "GET / HTTP/1.1\r\nHost:", "GET / HTTP/1.1\r\nHost: [::1",
                  "GET / HTTP/1.1\r\nHost: a b:80", "GET / HTTP/1.1\r\nHost: :80",
                  "GET / HTTP/1.1\r\nHost: a/b"},
                 &port);
    CHECK(told == std::vector<std::string>(6, "127.0.0.1 " + std::to_string(port)));
}

TEST_CASE("a port that is none is not told, and one that is not named is the scheme's") {
    CHECK(asked_by({"GET / HTTP/1.1\r\nHost: h:0", "GET / HTTP/1.1\r\nHost: h:70000",
                    "GET / HTTP/1.1\r\nHost: h:80x", "GET / HTTP/1.1\r\nHost: h:",
                    "GET / HTTP/1.1\r\nHost: [::1]:x", "GET / HTTP/1.1\r\nHost: [::1]",
                    "GET / HTTP/1.1\r\nHost: ::1", "GET / HTTP/1.1\r\nHost: h:8080"}) ==
          std::vector<std::string>{"h -", "h -", "h -", "h 80", "::1 -", "::1 80", "::1 80",
                                   "h 8080"});
}

TEST_CASE("a URL that a proxy is asked for outranks the host in the header") {
    CHECK(asked_by({"GET http://shop.example/a HTTP/1.1\r\nHost: other:81",
                    "GET http://shop.example:8080 HTTP/1.1\r\nHost: other:81",
                    "GET https://[::1]/a HTTP/1.1"}) ==
          std::vector<std::string>{"shop.example 80", "shop.example 8080", "::1 443"});
}

TEST_CASE("no credential of a request is in any attribute") {
    httplib::Server server;
    plume::instrument(server, {.behind_proxy = true,
                               .request_headers = {"Host", "Referer", "Forwarded", "X-Url"},
                               .response_headers = {"Location", "X-Url"}});
    server.Get(".*", [](const Request&, Response& response) {
        response.set_redirect("http://joe:hunter2@h/");
        response.set_header("X-Url", "<http://joe:hunter2@h/>");
    });
    const std::string_view requests[] = {
        "GET http://joe:hunter2@h/a HTTP/1.1",
        "GET http://hunter2@h HTTP/1.1",
        "GET http://joe:hunter2@[::1]:80/a?b=c HTTP/1.1",
        "GET http://joe:hun/ter2hunter2@h/a HTTP/1.1",
        "GET http://joe:hun?ter2hunter2@h/a HTTP/1.1",
        "GET http:/joe:hunter2@h/a HTTP/1.1",
        "GET //joe:hunter2@h/a HTTP/1.1",
        "GET joe:hunter2@h:443 HTTP/1.1",
        "CONNECT joe:hunter2@h:443 HTTP/1.1",
        "GET /to/http://joe:hunter2@h/a HTTP/1.1",
        "GET /a?next=http://joe:hunter2@h/ HTTP/1.1",
        "GET /a?X-Amz-Signature=hunter2&b=1 HTTP/1.1",
        "GET / HTTP/1.1\r\nHost: joe:hunter2@h:80",
        "GET / HTTP/1.1\r\nHost: hunter2@h",
        "GET / HTTP/1.1\r\nHost: joe:hunter2@[::1]:80",
        "GET / HTTP/1.1\r\nX-Forwarded-Host: joe:hunter2@h:80",
        "GET / HTTP/1.1\r\nX-Forwarded-For: joe:hunter2@1.2.3.4",
        "GET / HTTP/1.1\r\nX-Forwarded-For: hunter2@1.2.3.4:80",
        "GET / HTTP/1.1\r\nForwarded: host=\"joe:hunter2@h:80\";for=\"joe:hunter2@h\"",
        "GET / HTTP/1.1\r\nReferer: http://joe:hunter2@h/?sig=hunter2",
        "GET / HTTP/1.1\r\nX-Url: see http://joe:hunter2@h/",
    };
    const auto seen = served(server, [&](const Serving& serving) {
        for (const std::string_view request : requests)
            plume::test::head_of_response(serving.port(), std::string{request} + "\r\n\r\n");
    });
    REQUIRE(seen.spans.size() == std::size(requests));
    for (std::size_t i = 0; i < std::size(requests); ++i) {
        CAPTURE(requests[i]);
        CHECK(plume::test::breaches(seen.spans[i], plume::test::http_server_conventions,
                                    Level::required) == "");
        for (const auto& attribute : seen.spans[i].attributes) {
            CAPTURE(attribute.key);
            CHECK(seen.spans[i].text(attribute.key).find("hunter2") == std::string::npos);
        }
    }
    CHECK(seen.spans[0].text("server.address") == "h");
    CHECK(seen.spans[12].text("server.address") == "h");
    CHECK(seen.spans[15].text("server.address") == "h");
}

TEST_CASE("what a handler throws is told without the credentials in it") {
    httplib::Server server;
    plume::instrument(server);
    server.Get("/", [](const Request&, Response&) {
        throw std::runtime_error{"cannot reach http://joe:hunter2@h/"};
    });
    const auto seen = served(server, [](const Serving& serving) { get(serving, "/"); });
    CHECK(seen["GET /"].status_message == "cannot reach http://REDACTED:REDACTED@h/");
    CHECK(seen.tree_with_attributes().find("hunter2") == std::string::npos);
}

TEST_CASE("a server has its own list of known methods") {
    httplib::Server server;
    plume::instrument(server, {.known_methods = {"BREW", "GET"}});
    server.Get("/a", answer).Post("/a", answer);
    const auto seen = served(server, [](const Serving& serving) {
        plume::test::head_of_response(serving.port(), "BREW /a HTTP/1.1\r\n\r\n");
        get(serving, "/a");
        httplib::Client client = serving.client();
        REQUIRE(client.Post("/a"));
        REQUIRE(client.Head("/a"));
    });
    CHECK(seen.tree() == "BREW\nGET /a\nHTTP /a\nHTTP /a\n");
    CHECK(seen.spans.at(2).text("http.request.method") == "_OTHER");
    CHECK(seen.spans.at(2).text("http.request.method_original") == "POST");
}

TEST_CASE("QUERY is a method that is known") {
    httplib::Server server;
    plume::instrument(server);
    const auto seen = served(server, [](const Serving& serving) {
        plume::test::head_of_response(serving.port(), "QUERY /a HTTP/1.1\r\n\r\n");
    });
    CHECK(seen["QUERY"].text("http.request.method") == "QUERY");
    CHECK(seen["QUERY"].attribute("http.request.method_original") == nullptr);
}

TEST_CASE("requests of one connection say each for itself whom it asked, and who it is") {
    httplib::Server server;
    plume::instrument(server);
    server.Get("/", answer);
    const auto seen = served(server, [&](const Serving& serving) {
        httplib::Client client = serving.client();
        client.set_keep_alive(true);
        REQUIRE(client.Get("/", {{"Host", "a.example"}, {"User-Agent", "one"}}));
        REQUIRE(client.Get("/", {{"Host", "a.example"}, {"User-Agent", "one"}}));
        REQUIRE(client.Get("/", {{"Host", "b.example:81"}, {"User-Agent", "one"}}));
        REQUIRE(client.Get("/", {{"Host", "b.example:81"}, {"User-Agent", "two"}}));
    });
    std::string told;
    std::string peers;
    for (const plume::RecordedSpan& span : seen.spans) {
        told += span.text("server.address") + ":" + span.text("server.port") + " " +
                span.text("user_agent.original") + "\n";
        if (const std::string peer = span.text("network.peer.port"); !peers.starts_with(peer))
            peers = peer + "\n" + peers;
    }
    CHECK(told == "a.example:80 one\n"
                  "a.example:80 one\n"
                  "b.example:81 one\n"
                  "b.example:81 two\n");
    CHECK(std::ranges::count(peers, '\n') == 1); // it was one connection
}

TEST_CASE("a proxy is believed what it says of its clients only if it is said that there is one") {
    const httplib::Headers headers{{"Host", "inner:8080"},
                                   {"Forwarded", "for=192.0.2.43;host=shop.example;proto=https"}};
    const auto asked = [&](bool behind_proxy) {
        httplib::Server server;
        plume::instrument(server, {.behind_proxy = behind_proxy});
        server.Get("/", answer);
        return served(server, [&](const Serving& serving) { get(serving, "/", headers); });
    };
    const auto believed = asked(true);
    const plume::RecordedSpan& span = believed.spans.at(0);
    CHECK(span.text("client.address") == "192.0.2.43");
    CHECK(span.text("server.address") == "shop.example");
    CHECK(span.text("server.port") == "443");
    CHECK(span.text("url.scheme") == "https");
    CHECK(span.text("network.peer.address") == "127.0.0.1");
    const auto ignored = asked(false);
    CHECK(ignored.spans.at(0).text("client.address") == "127.0.0.1");
    CHECK(ignored.spans.at(0).text("server.address") == "inner");
    CHECK(ignored.spans.at(0).text("server.port") == "8080");
    CHECK(ignored.spans.at(0).text("url.scheme") == "http");
}

TEST_CASE("a route is named once, whatever its requests are") {
    httplib::Server server;
    plume::instrument(server);
    server.Get(R"(/orders/(\d+)/items/([^/]+))", answer);
    server.Get(R"(/users/\d+/photos)", answer);
    server.Get("/files/.*", answer);
    server.Get(R"(/u/[0-9a-f]{8}-[0-9a-f]{4})", answer);
    server.Get("/robots.txt", answer);
    server.Get("/", answer);
    const auto seen = served(server, [](const Serving& serving) {
        get(serving, "/orders/1/items/a-b");
        get(serving, "/orders/22/items/c");
        get(serving, "/users/7/photos");
        get(serving, "/users/88/photos");
        get(serving, "/files/a/b/c.txt");
        get(serving, "/files/d");
        get(serving, "/u/0123abcd-4567");
        get(serving, "/robots.txt");
        get(serving, "/");
    });
    std::vector<std::string> names;
    for (const auto& span : seen.spans) names.push_back(span.name);
    std::ranges::sort(names);
    CHECK(names == std::vector<std::string>{
                       "GET /", "GET /files/*", "GET /files/*", "GET /orders/{1}/items/{2}",
                       "GET /orders/{1}/items/{2}", "GET /robots.txt", "GET /u/*",
                       "GET /users/*/photos", "GET /users/*/photos"});
}

TEST_CASE("a route is called by what all paths have in common that it takes") {
    struct Case {
        const char* pattern;
        const char* path; ///< of the first request, which makes no difference
        const char* route;
    };
    const Case cases[] = {
        {R"(/api/(?:users|orders)/\d+)", "/api/users/17", "/api/*"},
        {R"(/api/(?:users|orders)/\d+)", "/api/orders/18", "/api/*"},
        {R"(/api/(users|orders)/\d+)", "/api/users/17", "/api/{1}/*"},
        {"/(?:a|b)/c", "/a/c", "/*/c"},
        {"/x/(?:a|b)(?:c|d)/y", "/x/ac/y", "/x/*/y"},
        {"/a|/b", "/a", "/*"},
        {"/a/x|/b/x", "/a/x", "/*"},
        {"/api(?:/v2)?/users", "/api/users", "/api*/users"},
        {"/api(?:/v2)?/users", "/api/v2/users", "/api*/users"},
        {"/users/?", "/users", "/users*"},
        {"/users/?", "/users/", "/users*"},
        {"/colou?r", "/color", "/*"},
        {"/a{2,3}/b", "/aa/b", "/*/b"},
        {"/a{2}/b", "/aa/b", "/aa/b"},
        {"/ab+c/d", "/abc/d", "/*/d"},
        {"/ab*c/d", "/ac/d", "/*/d"},
        {"/x(?:yz)+/d", "/xyz/d", "/*/d"},
        {"(?:/tag)+", "/tag", "/tag*"},
        {R"((?:/\d+)*/end)", "/1/2/end", "/*/end"},
        {"/[ab]/c", "/a/c", "/*/c"},
        {"/[a]/c", "/a/c", "/a/c"},
        {"/[^/]+/c", "/x/c", "/*/c"},
        {R"(/v[12]\.0/c)", "/v1.0/c", "/*/c"},
        {R"(/v1\.0/\w+)", "/v1.0/x", "/v1.0/*"},
        {R"(/\(a\)/b\+c)", "/(a)/b+c", "/(a)/b+c"},
        {"/(?!admin)[a-z]+/c", "/user/c", "/*/c"},
        {"/(?=u)user/c", "/user/c", "/user/c"},
        {R"(/\bword\b/c)", "/word/c", "/word/c"},
        {R"(^/a/\d$)", "/a/1", "/a/*"},
        {R"(/((\d+)-(\d+))/c)", "/1-2/c", "/{1}/c"},
        {R"(/(\d+)-(\d+)/c)", "/1-2/c", "/{1}-{2}/c"},
        {R"(/((?:a|b)+)/(c)?)", "/ab/c", "/{1}/*"},
        {R"(/(\d)/\1)", "/1/1", "/{1}/*"},
        {R"(/item-\d+/c)", "/item-1/c", "/*/c"},
        {R"(/(?:x(?:1|2)|y)/c)", "/x1/c", "/*/c"},
        {R"(/.\.txt)", "/a.txt", "/*"},
        {"/a.b/...", "/a.b/xyz", "/a.b/*"},
        {".*", "/a/b", "/*"},
        {"/", "/", "/"},
    };
    for (const Case& one : cases) {
        CAPTURE(one.pattern);
        httplib::Server server;
        plume::instrument(server);
        server.Get(one.pattern, answer);
        const auto seen = served(server, [&](const Serving& serving) { get(serving, one.path); });
        REQUIRE(seen.spans.size() == 1);
        CHECK(seen.spans[0].text("http.route") == one.route);
    }
}

TEST_CASE("a route is renamed by its pattern, whatever its first request is") {
    httplib::Server server;
    plume::instrument(server, {.route_names = {{"/files/special", "special"},
                                               {"/files/.*", "/files/{path}"},
                                               {"/(?:a|b)", "/{letter}"}}});
    server.Get("/files/.*", answer).Get("/(?:a|b)", answer).Get("/(?:a|c)", answer);
    const auto seen = served(server, [](const Serving& serving) {
        get(serving, "/files/special");
        get(serving, "/a");
        get(serving, "/c");
    });
    CHECK(seen.tree() == "GET /files/{path}\nGET /{letter}\nGET /*\n");
}

TEST_CASE("a plume::HttpServer knows the patterns of its routes, of every method") {
    HttpServer server;
    const auto read = [](const Request&, Response& response, const httplib::ContentReader& reader) {
        reader([](const char*, std::size_t) { return true; });
        response.status = 204;
    };
    server.Get(R"(/orders/(\d+))", answer).Post("/orders", answer).Post("/upload", read);
    server.Put("/a/.*", answer).Put("/b/.*", read).Patch("/a/.*", answer).Patch("/b/.*", read);
    server.Delete("/a/.*", answer).Delete("/b/.*", read).Options(".*", answer);
    const auto seen = served(server, [](const Serving& serving) {
        httplib::Client client = serving.client();
        client.Get("/orders/1");
        client.Head("/orders/1");
        client.Post("/orders", "body", "text/plain");
        client.Post("/upload", "body", "text/plain");
        client.Put("/a/x", "body", "text/plain");
        client.Put("/b/x", "body", "text/plain");
        client.Patch("/a/x", "body", "text/plain");
        client.Patch("/b/x", "body", "text/plain");
        client.Delete("/a/x");
        client.Delete("/b/x", "body", "text/plain");
        client.Options("/anything");
    });
    CHECK(seen.tree() == "GET /orders/(\\d+)\n"
                         "HEAD /orders/(\\d+)\n"
                         "POST /orders\n"
                         "POST /upload\n"
                         "PUT /a/.*\n"
                         "PUT /b/.*\n"
                         "PATCH /a/.*\n"
                         "PATCH /b/.*\n"
                         "DELETE /a/.*\n"
                         "DELETE /b/.*\n"
                         "OPTIONS .*\n");
    CHECK(seen["POST /upload"].text("http.response.status_code") == "204");
    CHECK(seen["HEAD /orders/(\\d+)"].text("http.route") == "/orders/(\\d+)");
}

TEST_CASE("routes may be given other names, whether their patterns are known or not") {
    const HttpServerOptions options{.route_names = {{R"(/orders/(\d+))", "/orders/{id}"},
                                                    {"/files/.*", "/files/{path}"},
                                                    {"(", "no regular expression"}}};
    httplib::Server plain;
    plume::instrument(plain, options);
    HttpServer knowing{options};
    for (httplib::Server* const server : {&plain, static_cast<httplib::Server*>(&knowing)}) {
        server->Get(R"(/orders/(\d+))", answer);
        server->Get("/files/.*", answer);
    }
    knowing.Get("/known/(.*)", answer);
    for (httplib::Server* const server : {&plain, static_cast<httplib::Server*>(&knowing)}) {
        const auto seen = served(*server, [](const Serving& serving) {
            get(serving, "/orders/42");
            get(serving, "/files/a/b");
        });
        CHECK(seen.tree() == "GET /orders/{id}\nGET /files/{path}\n");
    }
}

TEST_CASE("what no route has matched is named after its method alone") {
    httplib::Server server;
    plume::instrument(server);
    const auto seen = served(server, [](const Serving& serving) {
        get(serving, "/secret/4711");
        httplib::Client client = serving.client();
        client.Delete("/secret/4711");
    });
    CHECK(seen.tree() == "GET\nDELETE\n");
    CHECK(seen["GET"].attribute("http.route") == nullptr);
    CHECK(seen["GET"].text("http.response.status_code") == "404");
}

// Status.

TEST_CASE("a server has failed from 500 on; what the client did wrong is not its failure") {
    httplib::Server server;
    plume::instrument(server);
    server.Get(R"(/(\d+))", [](const Request& request, Response& response) {
        response.status = std::stoi(request.matches[1]);
    });
    const auto seen = served(server, [](const Serving& serving) {
        for (const char* const path : {"/200", "/302", "/404", "/499", "/500", "/503"})
            get(serving, path);
    });
    REQUIRE(seen.spans.size() == 6);
    for (const auto& span : seen.spans) {
        const std::string status = span.text("http.response.status_code");
        const bool failed = status >= "500";
        CHECK((span.status == StatusCode::error) == failed);
        CHECK(span.text("error.type") == (failed ? status : ""));
        CHECK(span.status_message == "");
    }
}

TEST_CASE("an exception in a handler is recorded, by its own type, and the request has failed") {
    httplib::Server server;
    plume::instrument(server);
    server.Get("/known",
               [](const Request&, Response&) { throw std::out_of_range{"no such shelf"}; });
    server.Get("/unknown", [](const Request&, Response&) { throw 42; });
    const auto seen = served(server, [](const Serving& serving) {
        get(serving, "/known");
        get(serving, "/unknown");
    });
    const auto& known = seen["GET /known"];
    REQUIRE(known.events.size() == 1);
    CHECK(known.events[0].name == "exception");
    CHECK(known.status == StatusCode::error);
    CHECK(known.status_message == "no such shelf");
    CHECK(known.text("error.type") == "std::out_of_range");
    CHECK(known.text("http.response.status_code") == "500");
    const auto& unknown = seen["GET /unknown"];
    REQUIRE(unknown.events.size() == 1);
    CHECK(unknown.status == StatusCode::error);
    CHECK(unknown.text("error.type") == "unknown");
}

TEST_CASE("an exception that the server makes a client's mistake of is recorded, and no failure") {
    httplib::Server server;
    plume::instrument(server);
    server.Get("/", [](const Request&, Response&) { throw std::invalid_argument{"what?"}; });
    server.set_exception_handler([](const Request&, Response& response, std::exception_ptr thrown) {
        try {
            std::rethrow_exception(std::move(thrown));
        } catch (const std::invalid_argument&) {
            response.status = 400;
        }
    });
    const auto seen = served(server, [](const Serving& serving) { get(serving, "/"); });
    const auto& span = seen["GET /"];
    CHECK(span.text("http.response.status_code") == "400");
    CHECK(span.status == StatusCode::unset);
    CHECK(span.attribute("error.type") == nullptr);
    CHECK(span.events.size() == 1);
}

TEST_CASE("an exception before routing is recorded too") {
    httplib::Server server;
    plume::instrument(server);
    server.set_pre_routing_handler(
        [](const Request&, Response&) -> httplib::Server::HandlerResponse {
            throw std::runtime_error{"no"};
        });
    const auto seen = served(server, [](const Serving& serving) { get(serving, "/"); });
    CHECK(seen["GET"].text("error.type") == "std::runtime_error");
}

// The current span, and its parent.

TEST_CASE("what a handler does is a child of its request, and of no other") {
    httplib::Server server;
    plume::instrument(server);
    server.Get("/(.)", [](const Request&, Response& response) {
        PLUME_SPAN("work");
        response.status = 200;
    });
    const auto seen = served(server, [](const Serving& serving) {
        httplib::Client client = serving.client();
        client.set_keep_alive(true); // both on one connection, and so on one thread
        client.Get("/a");
        client.Get("/b");
    });
    CHECK(seen.tree() == "GET /{1}\n  work\nGET /{1}\n  work\n");
    CHECK(seen.spans.front().trace_id != seen.spans.back().trace_id);
}

TEST_CASE("the caller's span is the parent by default") {
    httplib::Server server;
    plume::instrument(server);
    server.Get("/", answer);
    const auto seen = served(server, [](const Serving& serving) { get(serving, "/", from_afar); });
    const auto& span = seen["GET /"];
    CHECK(span.trace_id == far_trace);
    CHECK(span.parent_span_id == far_span);
    CHECK(span.parent_is_remote);
    CHECK(span.trace_state == "vendor=value");
    CHECK(span.links.empty());
}

TEST_CASE(
    "a server that does not trust its callers begins a trace of its own, with a link or not") {
    for (const plume::Trust trust : {plume::Trust::link, plume::Trust::ignore}) {
        httplib::Server server;
        plume::instrument(server, {.trust = trust});
        server.Get("/", answer);
        const auto seen =
            served(server, [](const Serving& serving) { get(serving, "/", from_afar); });
        const auto& span = seen["GET /"];
        CHECK_FALSE(span.parent_span_id.valid());
        CHECK(span.trace_id != far_trace);
        if (trust == plume::Trust::ignore) {
            CHECK(span.links.empty());
        } else {
            REQUIRE(span.links.size() == 1);
            CHECK(span.links[0].trace_id == far_trace);
            CHECK(span.links[0].span_id == far_span);
            CHECK(span.links[0].is_remote);
        }
    }
}

TEST_CASE("a caller that says where it is twice does not say it at all") {
    httplib::Server server;
    plume::instrument(server);
    server.Get("/", answer);
    const auto seen = served(server, [](const Serving& serving) {
        httplib::Headers twice = from_afar;
        twice.emplace("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-1111111111111111-01");
        get(serving, "/", twice);
    });
    CHECK_FALSE(seen["GET /"].parent_span_id.valid());
}

TEST_CASE("a caller's trace that is not sampled is not recorded here, and hooks are not called") {
    std::atomic<int> calls{0};
    httplib::Server server;
    plume::instrument(server, {.on_request = [&](const Request&) { ++calls; },
                               .on_response = [&](const Request&, Response&) { ++calls; }});
    plume::SpanContext within;
    server.Get("/", [&](const Request&, Response&) { within = plume::current_context(); });
    const auto seen = served(server, [](const Serving& serving) {
        get(serving, "/",
            {{"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"}});
    });
    CHECK(seen.spans.empty());
    CHECK(calls == 0);
    CHECK(within.trace_id == far_trace);
    CHECK_FALSE(within.sampled());
}

TEST_CASE("without a session a request's context passes through its handler unchanged") {
    httplib::Server server;
    plume::instrument(server);
    plume::TraceId trace;
    plume::SpanId parent;
    std::string state;
    server.Get("/", [&](const Request&, Response&) {
        const plume::SpanContext within = plume::current_context();
        trace = within.trace_id;
        parent = within.span_id;
        state = within.trace_state;
    });
    {
        const Serving serving{server};
        get(serving, "/", from_afar);
    }
    CHECK(trace == far_trace);
    CHECK(parent == far_span);
    CHECK(state == "vendor=value");
}

TEST_CASE("of an excluded path nothing is traced, nor of what its handler does") {
    httplib::Server server;
    plume::instrument(server, {.excluded_paths = {"/healthz", "/internal/*"}});
    bool context = true;
    server.Get("/.*", [&](const Request& request, Response&) {
        PLUME_SPAN("work");
        if (request.path == "/healthz") context = plume::current_context().valid();
    });
    const auto seen = served(server, [](const Serving& serving) {
        get(serving, "/healthz", from_afar);
        get(serving, "/internal/metrics/1");
        get(serving, "/healthz2");
    });
    CHECK(seen.tree() == "GET /*\n  work\n");
    CHECK(seen["GET /*"].text("url.path") == "/healthz2");
    CHECK_FALSE(context);
}

// The user's own handlers.

namespace {

/// A handler of every kind, each noting that it was called within a span.
void set_handlers(httplib::Server& server, std::string& calls) {
    const auto note = [&calls](const char* what) {
        calls += what;
        calls += plume::current_context().valid() ? " " : "(outside) ";
    };
    server.set_pre_routing_handler([note](const Request&, Response&) {
        note("pre");
        return httplib::Server::HandlerResponse::Unhandled;
    });
    server.set_post_routing_handler([note](const Request&, Response&) { note("post"); });
    server.set_error_handler([note](const Request&, Response&) { note("error"); });
    server.set_exception_handler(
        [note](const Request&, Response& response, const std::exception_ptr&) {
            note("exception");
            response.status = 500;
        });
    server.set_logger([note](const Request&, const Response&) { note("logger"); });
    server.Get("/", [note](const Request&, Response&) {
        note("handler");
        throw std::runtime_error{"no"};
    });
}

} // namespace

TEST_CASE("the server's own handlers are called within the span, whenever they were set") {
    for (const bool before : {true, false}) {
        httplib::Server server;
        std::string calls;
        if (before) set_handlers(server, calls);
        plume::instrument(server);
        if (!before) set_handlers(server, calls);
        const auto seen = served(server, [](const Serving& serving) { get(serving, "/"); });
        CHECK(calls == "pre handler exception error post logger ");
        CHECK(seen.tree() == "GET / !\n");
    }
}

TEST_CASE("a handler before routing may answer itself") {
    httplib::Server server;
    plume::instrument(server);
    server.set_pre_routing_handler([](const Request&, Response& response) {
        response.status = 403;
        return httplib::Server::HandlerResponse::Handled;
    });
    const auto seen = served(server, [](const Serving& serving) { get(serving, "/x"); });
    CHECK(seen["GET"].text("http.response.status_code") == "403");
}

TEST_CASE("a queue or socket options that are set later do not switch tracing off") {
    for (const bool socket_options : {true, false}) {
        httplib::Server server;
        plume::instrument(server);
        std::atomic<int> calls{0};
        if (socket_options) server.set_socket_options([&](socket_t) { ++calls; });
        else
            server.new_task_queue = [&] {
                ++calls;
                return new httplib::ThreadPool(1);
            };
        server.Get("/", answer);
        const auto seen = served(server, [](const Serving& serving) { get(serving, "/"); });
        CHECK(seen.tree() == "GET /\n");
        CHECK(calls > 0);
    }
}

TEST_CASE("a plume::HttpServer is traced even if both are set later") {
    HttpServer server;
    server.new_task_queue = [] { return new httplib::ThreadPool(1); };
    server.set_socket_options([](socket_t) {});
    server.Get("/", answer);
    const auto seen = served(server, [](const Serving& serving) { get(serving, "/"); });
    CHECK(seen.tree() == "GET /\n");
}

TEST_CASE("instrumenting a server twice traces its requests once, and so does listening twice") {
    HttpServer server;
    plume::instrument(server);
    plume::instrument(server);
    server.Get("/", answer);
    const auto first = served(server, [](const Serving& serving) { get(serving, "/"); });
    CHECK(first.tree() == "GET /\n");
    static_cast<httplib::Server&>(server).Get("/later/(.*)", answer);
    const auto second = served(server, [](const Serving& serving) {
        get(serving, "/");
        get(serving, "/later/1");
    });
    CHECK(second.tree() == "GET /\nGET /later/{1}\n");
}

// Bodies.

TEST_CASE("the span of a response that is streamed ends when its body has been sent") {
    httplib::Server server;
    plume::instrument(server);
    server.Get("/chunks", [](const Request&, Response& response) {
        response.set_chunked_content_provider("text/plain",
                                              [](std::size_t, httplib::DataSink& sink) {
                                                  PLUME_SPAN("last chunk");
                                                  sink.write("hello", 5);
                                                  sink.done();
                                                  return true;
                                              });
    });
    server.Get("/length", [](const Request&, Response& response) {
        response.set_content_provider(5, "text/plain",
                                      [](std::size_t, std::size_t, httplib::DataSink& sink) {
                                          PLUME_SPAN("body");
                                          return sink.write("hello", 5);
                                      });
    });
    const auto seen = served(server, [](const Serving& serving) {
        get(serving, "/chunks");
        get(serving, "/length");
    });
    CHECK(seen.tree() == "GET /chunks\n  last chunk\nGET /length\n  body\n");
    CHECK(seen["GET /chunks"].end_unix_ns >= seen["last chunk"].end_unix_ns);
}

TEST_CASE("a span lasts until a body is sent, also where the logger is called before") {
    // The order of events in cpp-httplib 0.34 and later, by the handlers that it calls.
    httplib::Server server;
    const plume::detail::ServerSettings settings{{}};
    std::string order;
    const auto seen = recorded([&] {
        plume::detail::Connection connection{settings};
        for (const bool sent : {true, false}) {
            Request request;
            request.method = "GET";
            request.target = request.path = "/";
            Response response;
            response.status = 200;
            response.content_provider_ = [](std::size_t, std::size_t, httplib::DataSink&) {
                return true;
            };
            response.content_provider_resource_releaser_ = [&](bool success) {
                order += success ? "released " : "given up ";
                order += plume::current_context().valid() ? "within" : "outside";
                order += "\n";
            };
            connection.begin(request);
            connection.request()->answered(request, response);
            connection.watch_end_of(response);
            connection.during_logger([&] { const Response copy = response; });
            REQUIRE(connection.busy());
            PLUME_SPAN("body");
            response.content_provider_success_ = sent;
        }
        CHECK_FALSE(connection.busy());
    });
    CHECK(seen.tree() == "GET\n  body\nGET !\n  body\n");
    CHECK(order == "released within\ngiven up within\n");
}

TEST_CASE("the releaser of a stream is called once, within the span") {
    httplib::Server server;
    plume::instrument(server);
    std::atomic<int> released{0};
    std::atomic<bool> within{false};
    server.Get("/", [&](const Request&, Response& response) {
        response.set_content_provider(
            5, "text/plain",
            [](std::size_t, std::size_t, httplib::DataSink& sink) {
                return sink.write("hello", 5);
            },
            [&](bool success) {
                released += success ? 1 : 100;
                within = plume::current_context().valid();
            });
    });
    const auto seen = served(server, [](const Serving& serving) { get(serving, "/"); });
    CHECK(seen.tree() == "GET /\n");
    CHECK(released == 1);
    CHECK(within);
}

TEST_CASE("a logger may keep copies of responses, and a handler answer with them") {
    httplib::Server server;
    plume::instrument(server);
    std::vector<Response> kept;
    server.set_logger([&](const Request&, const Response& response) {
        const Response copy = response;
        kept.push_back(copy);
    });
    server.Get("/.*", [&](const Request&, Response& response) {
        PLUME_SPAN("handler");
        if (kept.empty()) response.set_content("hello", "text/plain");
        else response = kept.front();
    });
    const auto seen = served(server, [](const Serving& serving) {
        get(serving, "/a");
        get(serving, "/b");
    });
    CHECK(seen.tree() == "GET /*\n  handler\nGET /*\n  handler\n");
    for (const auto& span : seen.spans)
        if (span.name == "GET /*") CHECK(span.text("http.response.status_code") == "200");
}

TEST_CASE("a stream that ends too early has failed") {
    httplib::Server server;
    plume::instrument(server);
    server.Get("/", [](const Request&, Response& response) {
        response.set_content_provider(
            100, "text/plain", [](std::size_t, std::size_t, httplib::DataSink&) { return false; });
    });
    const auto seen = served(server, [](const Serving& serving) {
        httplib::Client client = serving.client();
        CHECK_FALSE(client.Get("/"));
    });
    const auto& span = seen["GET /"];
    CHECK(span.status == StatusCode::error);
    CHECK(span.text("error.type") == "write_failed");
    CHECK(span.text("http.response.status_code") == "200");
}

TEST_CASE("a connection that is reset while the body is sent is a failure") {
    httplib::Server server;
    plume::instrument(server);
    server.Get("/", [](const Request&, Response& response) {
        response.set_content(std::string(std::size_t{64} << 20U, 'x'), "text/plain");
    });
    const auto seen = served(server, [](const Serving& serving) {
        const RawSocket socket{serving.port()};
        socket.be_rude();
        socket.say("GET / HTTP/1.1\r\n\r\n");
        CHECK(socket.hear_until("xxx").ends_with("xxx"));
    });
    const auto& span = seen["GET /"];
    CHECK(span.status == StatusCode::error);
    CHECK(span.text("error.type") == "write_failed");
}

// What is no proper request.

TEST_CASE("what cannot be parsed is a request all the same, without anything that it says") {
    httplib::Server server;
    plume::instrument(server);
    const auto seen = served(server, [](const Serving& serving) {
        const auto head = plume::test::head_of_response(serving.port(), "what is this\n\r\n\r\n");
        CHECK(head.starts_with("HTTP/1.1 400"));
    });
    REQUIRE(seen.spans.size() == 1);
    CHECK(seen.spans[0].name == "HTTP");
    CHECK(seen.spans[0].text("http.request.method") == "_OTHER");
    CHECK(seen.spans[0].text("http.response.status_code") == "400");
    CHECK(seen.spans[0].status == StatusCode::unset);
    CHECK(plume::test::breaches(seen.spans[0], plume::test::http_server_conventions,
                                Level::required) == "");
}

TEST_CASE("a method that nobody knows is named HTTP, and kept as an attribute") {
    httplib::Server server;
    plume::instrument(server);
    const auto seen = served(server, [](const Serving& serving) {
        plume::test::head_of_response(serving.port(), "BREW /pot?milk=1 HTTP/1.1\r\n\r\n");
        plume::test::head_of_response(serving.port(), "get /pot HTTP/1.1\r\n\r\n");
    });
    CHECK(seen.tree() == "HTTP\nHTTP\n");
    CHECK(seen.spans[0].text("http.request.method") == "_OTHER");
    CHECK(seen.spans[0].text("http.request.method_original") == "BREW");
    CHECK(seen.spans[0].text("url.path") == "/pot");
    CHECK(seen.spans[0].text("url.query") == "milk=1");
    CHECK(seen.spans[1].text("http.request.method_original") == "get");
    CHECK(plume::test::breaches(seen.spans[0], plume::test::http_server_conventions,
                                Level::required) == "");
}

TEST_CASE("what is refused before routing has a span too") {
    httplib::Server server;
    plume::instrument(server);
    server.Get("/", answer);
    const auto seen = served(server, [](const Serving& serving) {
        plume::test::head_of_response(serving.port(), "GET / HTTP/1.1\r\nRange: bytes=x\r\n\r\n");
        plume::test::head_of_response(serving.port(),
                                      "GET /" + std::string(9000, 'a') + " HTTP/1.1\r\n\r\n");
    });
    REQUIRE(seen.spans.size() == 2);
    CHECK(seen.spans[0].text("http.response.status_code") == "416");
    CHECK(seen.spans[1].text("http.response.status_code") == "414");
}

TEST_CASE("a connection that says nothing, or breaks within its request, leaves no span open") {
    httplib::Server server;
    plume::instrument(server);
    server.Post("/", answer);
    const auto seen = served(server, [](const Serving& serving) {
        const RawSocket silent{serving.port()};
        silent.say_no_more();
        const RawSocket broken{serving.port()};
        broken.say("POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\nshort");
        broken.say_no_more();
    });
    CHECK(seen.stats.open == 0);
    REQUIRE(seen.spans.size() == 1);
    CHECK(seen.spans[0].name == "POST");
}

TEST_CASE("a proxy's request for a whole URL has its path, and nobody's password") {
    httplib::Server server;
    plume::instrument(server);
    const auto seen = served(server, [](const Serving& serving) {
        plume::test::head_of_response(serving.port(),
                                      "GET http://me:secret@shop.example/a HTTP/1.1\r\n\r\n");
    });
    CHECK(seen["GET"].text("url.path") == "/a");
    CHECK(seen.tree_with_attributes().find("secret") == std::string::npos);
}

// What the user adds.

TEST_CASE("hooks speak about the request's span") {
    httplib::Server server;
    plume::instrument(server,
                      {.on_request =
                           [](const Request& request) {
                               plume::set("tenant"_a = request.get_header_value("X-Tenant"));
                           },
                       .on_response =
                           [](const Request&, Response& response) {
                               plume::set("response.size"_a = response.body.size());
                               response.set_header("X-Seen", "yes");
                           }});
    server.Get("/", answer);
    const auto seen = served(server, [](const Serving& serving) {
        httplib::Client client = serving.client();
        const auto result = client.Get("/", httplib::Headers{{"X-Tenant", "acme"}});
        REQUIRE(result);
        CHECK(result->get_header_value("X-Seen") == "yes");
    });
    CHECK(seen["GET /"].text("tenant") == "acme");
    CHECK(seen["GET /"].text("response.size") == "5");
}

TEST_CASE("what a hook throws harms no request") {
    httplib::Server server;
    plume::instrument(server,
                      {.on_request = [](const Request&) { throw std::runtime_error{"hook"}; },
                       .on_response = [](const Request&, Response&) { throw 42; }});
    server.Get("/", answer);
    const auto seen = served(server, [](const Serving& serving) {
        httplib::Client client = serving.client();
        const auto result = client.Get("/");
        REQUIRE(result);
        CHECK(result->status == 200);
    });
    CHECK(seen["GET /"].status == StatusCode::unset);
    CHECK(seen["GET /"].events.empty());
}

TEST_CASE("headers are recorded if they are asked for, every value of them") {
    httplib::Server server;
    plume::instrument(server, {.request_headers = {"X-Tag", "Accept"},
                               .response_headers = {"content-TYPE", "X-None"}});
    server.Get("/", answer);
    const auto seen = served(server, [](const Serving& serving) {
        get(serving, "/", {{"x-tag", "a"}, {"X-TAG", "b"}, {"Cookie", "secret"}});
    });
    const auto& span = seen["GET /"];
    using Texts = std::vector<std::string>;
    CHECK(span.text("http.request.header.x-tag") == "[a, b]");
    CHECK(*span.attribute("http.response.header.content-type") ==
          plume::RecordedValue{Texts{"text/plain"}});
    CHECK(span.attribute("http.request.header.accept") != nullptr); // cpp-httplib's client sends it
    CHECK(span.attribute("http.response.header.x-none") == nullptr);
    CHECK(span.attribute("http.request.header.cookie") == nullptr);
    CHECK(plume::test::breaches(span, plume::test::http_server_conventions, Level::recommended) ==
          "");
}

TEST_CASE("more keys of a query may be declared secret") {
    httplib::Server server;
    plume::instrument(server, {.secret_query_keys = {"token"}});
    server.Get("/", answer);
    const auto seen = served(
        server, [](const Serving& serving) { get(serving, "/?token=abc&Token=def&Signature=x"); });
    CHECK(seen["GET /"].text("url.query") == "token=REDACTED&Token=def&Signature=REDACTED");
}

// Connections on one thread.

TEST_CASE("a server may serve within the handler of another, on the same thread") {
    const plume::detail::ServerSettings outer{{}};
    const plume::detail::ServerSettings inner{{}};
    Request request;
    request.method = "GET";
    request.target = request.path = "/";
    Response response;
    response.status = 200;
    const auto seen = recorded([&] {
        plume::detail::Connection first{outer};
        first.begin(request);
        PLUME_SPAN("handler");
        {
            plume::detail::Connection second{inner};
            CHECK(plume::detail::Connection::current(outer) == nullptr);
            second.begin(request);
            PLUME_SPAN("inner handler");
        }
        CHECK(plume::detail::Connection::current(outer) == &first);
        PLUME_SPAN("after");
        first.request()->answered(request, response);
        first.request()->sent(true);
    });
    CHECK(seen.tree() == "GET\n  handler\n    after\nHTTP\n  inner handler\n");
}
