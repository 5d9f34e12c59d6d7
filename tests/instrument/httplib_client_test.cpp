#include <plume/instrument/httplib.hpp>

#include <algorithm>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/conventions.hpp"
#include "support/httplib.hpp"
#include "support/recorded.hpp"

using namespace plume::literals;
using plume::HttpClient;
using plume::StatusCode;
using plume::test::Level;
using plume::test::recorded;
using plume::test::Recorded;
using plume::test::Serving;

namespace {

using Request = httplib::Request;
using Response = httplib::Response;

/// A server that is not traced, and what each request to it has brought.
struct Other {
    struct Seen {
        std::string method, path, traceparent, tag, body;
        std::size_t traceparents;
    };

    Other() {
        const auto note = [this](const Request& request, Response& response) {
            seen.push_back({request.method, request.target, request.get_header_value("traceparent"),
                            request.get_header_value("X-Tag"), request.body,
                            request.get_header_value_count("traceparent")});
            response.set_content("hello", "text/plain");
        };
        const auto move = [note](const Request& request, Response& response) {
            note(request, response);
            response.set_redirect(request.path == "/moved" ? "/moved/again" : "/arrived");
        };
        server.Get("/moved.*", move);
        server.Get("/for/ever", [note](const Request& request, Response& response) {
            note(request, response);
            response.set_redirect("/for/ever");
        });
        server.Post("/see/other", [note](const Request& request, Response& response) {
            note(request, response);
            response.set_redirect("/arrived?x=1", 303);
        });
        server.Post("/other/method/same", [note](const Request& request, Response& response) {
            note(request, response);
            response.set_redirect("/see/other", 307);
        });
        server.Post("/back/(\\d+)", [note](const Request& request, Response& response) {
            note(request, response);
            response.set_redirect("http://localhost:" + request.matches[1].str() + "/end", 303);
        });
        server.Get(R"(/status/(\d+))", [](const Request& request, Response& response) {
            response.status = std::stoi(request.matches[1]);
        });
        server.Get(".*", note).Post(".*", note).Put(".*", note).Patch(".*", note);
        server.Delete(".*", note).Options(".*", note);
    }

    httplib::Server server;
    std::vector<Seen> seen; ///< written by one worker at a time, read when there is an answer
};

Recorded called(const std::function<void(HttpClient&)>& calls, Other& other,
                plume::HttpClientOptions options = {}) {
    Recorded seen = recorded([&] {
        const Serving serving{other.server};
        HttpClient client{std::move(options), "127.0.0.1", serving.port()};
        calls(client);
    });
    std::ranges::sort(seen.spans, {}, &plume::RecordedSpan::begin_unix_ns);
    return seen;
}

std::string traceparent_of(const plume::RecordedSpan& span) {
    const auto trace = span.trace_id.hex();
    const auto id = span.span_id.hex();
    return "00-" + std::string{trace.data(), trace.size()} + "-" +
           std::string{id.data(), id.size()} + "-03";
}

} // namespace

TEST_CASE("a call is a client span with what the conventions want, by name, type and level") {
    Other other;
    int port = 0;
    const auto seen = called(
        [&](HttpClient& client) {
            port = plume::detail::Endpoint{*plume::detail::impl_of(client)}.port;
            REQUIRE(client.Get("/orders/42?sig=secret&a=1"));
        },
        other);
    REQUIRE(seen.spans.size() == 1);
    const plume::RecordedSpan& span = seen.spans.front();
    CHECK(span.name == "GET");
    CHECK(span.kind == plume::SpanKind::client);
    CHECK(span.status == StatusCode::unset);
    CHECK(plume::test::breaches(span, plume::test::http_client_conventions, Level::recommended) ==
          "");
    CHECK(span.text("http.request.method") == "GET");
    CHECK(span.text("http.response.status_code") == "200");
    CHECK(span.text("server.address") == "127.0.0.1");
    CHECK(span.text("server.port") == std::to_string(port));
    CHECK(span.text("url.full") ==
          "http://127.0.0.1:" + std::to_string(port) + "/orders/42?sig=REDACTED&a=1");
    CHECK(span.text("network.protocol.version") == "1.1");
    CHECK(span.attribute("http.request.resend_count") == nullptr);
    CHECK(span.attribute("error.type") == nullptr);
}

TEST_CASE("a traced server's span is a child of the call, and that of the span around it") {
    httplib::Server server;
    plume::instrument(server);
    server.Get("/a/(.*)", [](const Request&, Response&) {});
    const auto seen = recorded([&] {
        const Serving serving{server};
        PLUME_SPAN("outer");
        HttpClient client{"http://127.0.0.1:" + std::to_string(serving.port())};
        CHECK(client.Get("/a/b"));
        PLUME_SPAN("after");
    });
    CHECK(seen.tree() == "outer\n  GET\n    GET /a/{1}\n  after\n");
    CHECK(seen["GET /a/{1}"].parent_is_remote);
}

TEST_CASE("each call of httplib::Client is traced, sends what it would, and its context once") {
    Other other;
    const httplib::Headers tag{{"X-Tag", "mine"}};
    const httplib::Params params{{"k", "v"}};
    const httplib::MultipartFormDataItems items{{"field", "content", "", ""}};
    const std::string path = "/p";
    const auto take = [](const char*, std::size_t) { return true; };
    const auto go_on = [](std::uint64_t, std::uint64_t) { return true; };
    const auto any = [](const Response&) { return true; };
    const auto give = [](std::size_t, std::size_t, httplib::DataSink& sink) {
        return sink.write("body", 4);
    };
    const auto seen = called(
        [&](HttpClient& client) {
            const auto ok = [](const httplib::Result& result) {
                REQUIRE(result);
                CHECK(result->status == 200);
            };
            ok(client.Get(path));
            ok(client.Get(path, tag));
            ok(client.Get(path, {{"X-Tag", "braces"}}));
            ok(client.Get(path, go_on));
            ok(client.Get(path, take));
            ok(client.Get(path, tag, take, go_on));
            ok(client.Get(path, any, take));
            ok(client.Get(path, tag, any, take, go_on));
            ok(client.Get(path, params, tag));
            ok(client.Get(path, params, tag, take));
            ok(client.Head(path));
            ok(client.Head(path, tag));
            ok(client.Post(path));
            ok(client.Post(path, tag));
            ok(client.Post(path, "body", 4, "text/plain"));
            ok(client.Post(path, "body", "text/plain"));
            ok(client.Post(path, tag, "body", "text/plain"));
            ok(client.Post(path, 4, give, "text/plain"));
            ok(client.Post(path, params));
            ok(client.Post(path, tag, params));
            ok(client.Post(path, items));
            ok(client.Post(path, tag, items));
            ok(client.Put(path));
            ok(client.Put(path, "body", "text/plain"));
            ok(client.Put(path, params));
            ok(client.Patch(path));
            ok(client.Patch(path, tag, "body", "text/plain"));
            ok(client.Delete(path));
            ok(client.Delete(path, "body", "text/plain"));
            ok(client.Options(path));
            ok(client.Options(path, tag));
            Request request;
            request.method = "GET";
            request.path = path;
            ok(client.send(std::as_const(request)));
            CHECK(request.headers.empty());
            Response response;
            httplib::Error error{};
            CHECK(client.send(request, response, error));
            CHECK(client.send(request, response, error)); // the header of the first is replaced
            CHECK(response.status == 200);
        },
        other);
    REQUIRE(seen.spans.size() == 34);
    REQUIRE(other.seen.size() == seen.spans.size());
    for (std::size_t i = 0; i < seen.spans.size(); ++i) {
        const auto& span = seen.spans[i];
        CHECK(span.name == other.seen[i].method);
        CHECK(other.seen[i].traceparents == 1);
        CHECK(other.seen[i].traceparent == traceparent_of(span));
        CHECK(span.text("http.response.status_code") == "200");
        CHECK(span.text("url.full").ends_with(other.seen[i].path));
    }
    const auto tags = [&](std::string_view which) {
        return std::ranges::count(other.seen, which, &Other::Seen::tag);
    };
    CHECK(tags("mine") == 12);
    CHECK(tags("braces") == 1);
    CHECK(other.seen[8].path == "/p?k=v");
    CHECK(other.seen[14].body == "body");
    CHECK(other.seen[17].body == "body");
}

TEST_CASE("a client has failed from 400 on") {
    Other other;
    const auto seen = called(
        [](HttpClient& client) {
            for (const char* const status : {"204", "304", "404", "503"})
                REQUIRE(client.Get(std::string{"/status/"} + status));
        },
        other);
    REQUIRE(seen.spans.size() == 4);
    for (const auto& span : seen.spans) {
        const std::string status = span.text("http.response.status_code");
        const bool failed = status >= "400";
        CHECK((span.status == StatusCode::error) == failed);
        CHECK(span.text("error.type") == (failed ? status : ""));
    }
}

TEST_CASE("a call without a response has failed, with a word for the trouble") {
    Other other;
    const auto seen = called(
        [&](HttpClient& client) {
            client.set_follow_location(true);
            CHECK_FALSE(client.Get("/for/ever"));
            Request request;
            request.method = "GET";
            request.path = "/";
            Response response;
            httplib::Error error{};
            HttpClient nobody{"127.0.0.1", 1};
            CHECK_FALSE(nobody.Get("/"));
            CHECK_FALSE(nobody.send(request, response, error));
            CHECK(error == httplib::Error::Connection);
        },
        other);
    REQUIRE(seen.spans.size() == 3);
    CHECK(seen.spans[0].text("error.type") == "too_many_redirects");
    CHECK(seen.spans[1].text("error.type") == "connection_failed");
    CHECK(seen.spans[2].text("error.type") == "connection_failed");
    for (const auto& span : seen.spans) {
        CHECK(span.status == StatusCode::error);
        CHECK(span.attribute("http.response.status_code") == nullptr);
        CHECK(plume::test::breaches(span, plume::test::http_client_conventions, Level::required) ==
              "");
    }
}

TEST_CASE("every error of cpp-httplib has a type, with no figures in it") {
    for (int error = 1; error < 40; ++error) {
        const std::string_view type =
            plume::detail::error_type_of(static_cast<httplib::Error>(error));
        CHECK_FALSE(type.empty());
        CHECK(type.find_first_of("0123456789 ") == type.npos);
    }
}

TEST_CASE("a call that is cancelled on purpose has not failed") {
    Other other;
    const auto seen = called(
        [](HttpClient& client) {
            const auto refuse = [](const char*, std::size_t) { return false; };
            const auto stop = [](std::uint64_t, std::uint64_t) { return false; };
            const auto no_response = [](const Response&) { return false; };
            const auto take = [](const char*, std::size_t) { return true; };
            CHECK(client.Get("/", refuse).error() == httplib::Error::Canceled);
            CHECK(client.Get("/", stop).error() == httplib::Error::Canceled);
            CHECK(client.Get("/", no_response, take).error() == httplib::Error::Canceled);
            const auto no_body = [](std::size_t, std::size_t, httplib::DataSink&) { return false; };
            CHECK(client.Post("/", 4, no_body, "text/plain").error() == httplib::Error::Canceled);
            Request request;
            request.method = "GET";
            request.path = "/";
            request.response_handler = no_response;
            Response response;
            httplib::Error error{};
            CHECK_FALSE(client.send(request, response, error));
        },
        other);
    REQUIRE(seen.spans.size() == 5);
    for (const auto& span : seen.spans) {
        CHECK(span.status == StatusCode::unset);
        CHECK(span.attribute("error.type") == nullptr);
    }
}

// Where a call goes.

namespace {

/// The span of a call that goes nowhere: each client is stopped before it asks for an address.
template <class Client, class... Arguments>
Recorded stopped(const char* path, Arguments&&... arguments) {
    return recorded([&] {
        Client client{std::forward<Arguments>(arguments)...};
        client.set_connection_timeout(0, 1);
        static_cast<void>(client.Get(path));
    });
}

} // namespace

TEST_CASE("no credential of a client's host is in any attribute") {
    struct Case {
        const char* host;
        const char* address;
        const char* port;
        const char* url;
    };
    const Case cases[] = {
        {"http://ann:hunter2@127.0.0.1:1", "127.0.0.1", "1", "127.0.0.1:1/x"},
        {"http://ann:hunter2@127.0.0.1", "127.0.0.1", "80", "127.0.0.1/x"},
        {"http://hunter2@127.0.0.1:1", "127.0.0.1", "1", "127.0.0.1:1/x"},
        {"http://ann:hunter2@[::1]:1", "::1", "1", "[::1]:1/x"},
        {"http://hunter2@[::1]", "::1", "80", "[::1]/x"},
        {"http://ann%40shop:hunter2@127.0.0.1:1", "127.0.0.1", "1", "127.0.0.1:1/x"},
        {"http://ann:hun@ter2hunter2@127.0.0.1:1", "127.0.0.1", "1", "127.0.0.1:1/x"},
        {"http://ann:hun/hunter2@127.0.0.1:1", "127.0.0.1", "1", "127.0.0.1:1/x"},
        {"http://:hunter2@127.0.0.1:1", "127.0.0.1", "1", "127.0.0.1:1/x"},
        {"http://hunter2:@127.0.0.1:1", "127.0.0.1", "1", "127.0.0.1:1/x"},
        {"ann:hunter2@127.0.0.1:1", "127.0.0.1", "1", "127.0.0.1:1/x"},
        {"hunter2@127.0.0.1", "127.0.0.1", "80", "127.0.0.1/x"},
        {"http://ann:hunter2@127.0.0.1:1/", "127.0.0.1", "1", "127.0.0.1:1/x"},
        {"http://ann:hunter2@127.0.0.1:1/base?sig=hunter2", "127.0.0.1", "1", "127.0.0.1:1/x"},
        {"http://ann:hun?hunter2@127.0.0.1:1", "REDACTED", "80", "REDACTED/x"},
        {"http://127.0.0.1:1/?a=hunter2@hunter2", "REDACTED", "80", "REDACTED/x"},
        {"http://ann:hunter2@", "REDACTED", "80", "REDACTED/x"},
        {"http://ann:hunter2@ hunter2", "REDACTED", "80", "REDACTED/x"},
    };
    for (const Case& one : cases) {
        CAPTURE(one.host);
        const auto seen = stopped<HttpClient>("/x", one.host);
        const auto& span = seen["GET"];
        CHECK(span.text("server.address") == one.address);
        CHECK(span.text("server.port") == one.port);
        CHECK(span.text("url.full") == std::string{"http://REDACTED:REDACTED@"} + one.url);
        CHECK(seen.tree_with_attributes().find("hunter2") == std::string::npos);
    }
}

TEST_CASE("a host with a port of its own, and one that is encrypted, may have credentials too") {
    const auto with_port = stopped<HttpClient>("/x", "ann:hunter2@127.0.0.1", 8080);
    CHECK(with_port["GET"].text("url.full") == "http://REDACTED:REDACTED@127.0.0.1:8080/x");
    CHECK(with_port["GET"].text("server.port") == "8080");
    using SslClient = plume::BasicHttpClient<httplib::SSLClient>;
    const auto encrypted = stopped<SslClient>("/x", "hunter2@127.0.0.1", 443);
    CHECK(encrypted["GET"].text("url.full") == "https://REDACTED:REDACTED@127.0.0.1/x");
    const auto by_url = stopped<HttpClient>("/x", "https://ann:hunter2@127.0.0.1");
    CHECK(by_url["GET"].text("url.full") == "https://REDACTED:REDACTED@127.0.0.1/x");
    CHECK(by_url["GET"].text("server.port") == "443");
    for (const auto* const seen : {&with_port, &encrypted, &by_url}) {
        CHECK((*seen)["GET"].text("server.address") == "127.0.0.1");
        CHECK(seen->tree_with_attributes().find("hunter2") == std::string::npos);
    }
}

TEST_CASE("the path of a socket is an address as it is") {
    const httplib::ClientImpl client{"/run/user@1/shop.sock"};
    CHECK(plume::detail::Endpoint{client}.host == "/run/user@1/shop.sock");
    CHECK_FALSE(plume::detail::Endpoint{client}.credentials);
}

TEST_CASE("url.full is a URL whatever the path is, without the credentials in it") {
    const std::pair<const char*, const char*> cases[] = {
        {"x", "http://h:1/x"},
        {"?a=1", "http://h:1/?a=1"},
        {"/a b/\xc3\xbc?q=x y#f", "http://h:1/a%20b/%C3%BC?q=x%20y#f"},
        {"/a%20b?c=%2F+d", "http://h:1/a%20b?c=%2F+d"},
        {"/<\"{|}^`\\\x7f\n>", "http://h:1/%3C%22%7B%7C%7D%5E%60%5C%7F%0A%3E"},
        {"*", "http://h:1"},
        {"http://ann:hunter2@other:81/x?sig=y", "http://REDACTED:REDACTED@other:81/x?sig=REDACTED"},
        {"//ann:hunter2@other/x", "http://h:1//REDACTED:REDACTED@other/x"},
        {"/to/http://ann:hunter2@other/x", "http://h:1/to/http://REDACTED:REDACTED@other/x"},
        {"ann@other/x", "http://h:1/ann@other/x"},
        {"/x?X-Amz-Security-Token=hunter2", "http://h:1/x?X-Amz-Security-Token=REDACTED"},
        {"/a:b@c/d", "http://h:1/a:b@c/d"},
    };
    const plume::detail::ClientSettings settings{{}};
    httplib::ClientImpl client{"h", 1};
    const plume::detail::Endpoint endpoint{client};
    for (const auto& [path, url] : cases) {
        const auto method = settings.methods.read("GET");
        std::string told;
        plume::detail::CallAttributes{settings, endpoint, method, path}(
            [&](const auto&, const auto&, const auto&, const auto&, const auto&, const auto& full) {
                told = full.value;
            });
        CHECK(told == url);
    }
}

TEST_CASE("redirects belong to the call that led to them, which counts them") {
    Other other;
    const auto seen = called(
        [](HttpClient& client) {
            client.set_follow_location(true);
            const auto result = client.Get("/moved");
            REQUIRE(result);
            CHECK(result->body == "hello");
        },
        other);
    REQUIRE(seen.spans.size() == 1);
    const auto& span = seen.spans.front();
    CHECK(span.text("http.request.resend_count") == "2");
    CHECK(span.text("http.response.status_code") == "200");
    CHECK(span.text("url.full").ends_with("/moved"));
    REQUIRE(other.seen.size() == 3);
    for (const auto& one : other.seen) CHECK(one.traceparent == traceparent_of(span));
    CHECK(plume::test::breaches(span, plume::test::http_client_conventions, Level::recommended) ==
          "");
}

TEST_CASE("a redirect after which the method is GET takes the context along too") {
    Other other;
    const auto seen = called(
        [](HttpClient& client) {
            client.set_follow_location(true);
            const auto result =
                client.Post("/see/other", {{"X-Tag", "mine"}}, "body", "text/plain");
            REQUIRE(result);
            CHECK(result->status == 200);
            CHECK(result->body == "hello");
            REQUIRE(client.Post("/other/method/same", "body", "text/plain"));
            Request request;
            request.method = "POST";
            request.path = "/see/other";
            request.body = "body";
            Response response;
            httplib::Error error{};
            CHECK(client.send(request, response, error));
            CHECK(response.body == "hello");
            REQUIRE(client.Get("/after"));
        },
        other);
    REQUIRE(seen.spans.size() == 4);
    std::string requests;
    for (const auto& one : other.seen)
        requests += one.method + " " + one.path + " " + one.body + "\n";
    CHECK(requests == "POST /see/other body\nGET /arrived?x=1 \n"
                      "POST /other/method/same body\nPOST /see/other body\nGET /arrived?x=1 \n"
                      "POST /see/other body\nGET /arrived?x=1 \nGET /after \n");
    CHECK(other.seen[1].tag.empty()); // cpp-httplib drops the user's headers
    const std::size_t belongs_to[] = {0, 0, 1, 1, 1, 2, 2, 3};
    for (std::size_t i = 0; i < other.seen.size(); ++i) {
        CHECK(other.seen[i].traceparents == 1);
        CHECK(other.seen[i].traceparent == traceparent_of(seen.spans[belongs_to[i]]));
    }
    CHECK(seen.spans[0].name == "POST");
    CHECK(seen.spans[0].text("http.request.method") == "POST");
    CHECK(seen.spans[0].text("url.full").ends_with("/see/other"));
    CHECK(seen.spans[0].text("http.request.resend_count") == "1");
    CHECK(seen.spans[1].text("http.request.resend_count") == "2");
    CHECK(seen.spans[3].attribute("http.request.resend_count") == nullptr);
}

TEST_CASE("a redirect to another host takes the context along, whatever becomes of the method") {
    Other target;
    Other other;
    const auto seen = recorded([&] {
        const Serving there{target.server};
        const Serving serving{other.server};
        HttpClient client{"127.0.0.1", serving.port()};
        client.set_follow_location(true);
        REQUIRE(client.Post("/back/" + std::to_string(there.port()), "body", "text/plain"));
    });
    REQUIRE(target.seen.size() == 1);
    CHECK(target.seen[0].method == "GET");
    CHECK(target.seen[0].traceparent == traceparent_of(seen["POST"]));
    CHECK(seen["POST"].text("server.address") == "127.0.0.1");
}

TEST_CASE("an answer 303 that is not followed is an answer") {
    Other other;
    const auto seen =
        called([](HttpClient& client) { CHECK(client.Post("/see/other")->status == 303); }, other);
    CHECK(other.seen.size() == 1);
    CHECK(seen["POST"].text("http.response.status_code") == "303");
    CHECK(seen["POST"].attribute("http.request.resend_count") == nullptr);
}

TEST_CASE("a traced call leaves the client as it was") {
    Other other;
    int logged = 0;
    const auto seen = recorded([&] {
        const Serving serving{other.server};
        httplib::Client client = serving.client();
        client.set_follow_location(true);
        client.set_logger([&](const Request&, const Response&) { ++logged; });
        plume::TracedClient traced = plume::instrument(client);
        REQUIRE(traced.Post("/see/other"));
        CHECK(logged == 2);
        REQUIRE(client.Post("/see/other")->status == 200);
        CHECK(logged == 4);
    });
    CHECK(seen["POST"].text("http.request.resend_count") == "1");
    CHECK(other.seen.at(1).traceparents == 1);
    CHECK(other.seen.at(2).traceparents == 0);
    CHECK(other.seen.at(3).traceparents == 0);
}

TEST_CASE("a client has its own list of known methods") {
    Other other;
    const auto seen = called(
        [](HttpClient& client) {
            Request request;
            request.method = "BREW";
            request.path = "/";
            static_cast<void>(client.send(request));
            static_cast<void>(client.Get("/"));
        },
        other, {.known_methods = {"BREW"}});
    CHECK(seen.tree() == "BREW !\nHTTP\n");
    CHECK(seen["BREW"].attribute("http.request.method_original") == nullptr);
    CHECK(seen["HTTP"].text("http.request.method") == "_OTHER");
    CHECK(seen["HTTP"].text("http.request.method_original") == "GET");
}

TEST_CASE("no header that a context becomes can end another one") {
    httplib::Headers headers;
    plume::detail::HeadersCarrier carrier{headers};
    for (const std::string_view value : {"a\r\nX-Admin: yes", "a\nb", "a\x01", "a\x7f"})
        carrier.set("tracestate", value);
    CHECK(headers.empty());
    carrier.set("tracestate", "a=1");
    CHECK(headers.size() == 1);
}

TEST_CASE("the client's own logger is called, within the span") {
    Other other;
    bool inside = false;
    const auto seen = called(
        [&](HttpClient& client) {
            client.set_logger([&](const Request&, const Response&) {
                inside = plume::current_context().valid();
            });
            client.set_follow_location(true);
            CHECK(client.Get("/moved"));
        },
        other);
    CHECK(inside);
    CHECK(seen["GET"].text("http.request.resend_count") == "2");
}

TEST_CASE("what a callback does is a child of the call, and what it throws marks it") {
    Other other;
    const auto seen = called(
        [](HttpClient& client) {
            CHECK_THROWS_AS(client.Get("/",
                                       [](const char*, std::size_t) -> bool {
                                           PLUME_SPAN("received");
                                           throw std::runtime_error{"no"};
                                       }),
                            std::runtime_error);
        },
        other);
    CHECK(seen.tree() == "GET !\n  received !\n");
}

TEST_CASE("a client that exists already can be traced without being changed") {
    Other other;
    const auto seen = recorded([&] {
        const Serving serving{other.server};
        httplib::Client client = serving.client();
        plume::TracedClient traced = plume::instrument(client);
        CHECK(traced.Get("/traced"));
        CHECK(client.Get("/not/traced"));
        CHECK(traced.untraced().Get("/neither"));
    });
    REQUIRE(seen.spans.size() == 1);
    CHECK(seen.spans[0].text("url.full").ends_with("/traced"));
    REQUIRE(other.seen.size() == 3);
    CHECK(other.seen[0].traceparent == traceparent_of(seen.spans[0]));
    CHECK(other.seen[1].traceparents == 0);
}

TEST_CASE("without a session the context in force is sent on unchanged, and no ids are made") {
    Other other;
    const Serving serving{other.server};
    HttpClient client{"127.0.0.1", serving.port()};
    CHECK(client.Get("/"));
    plume::SpanContext context;
    context.trace_id = {1, 2};
    context.span_id = {3};
    context.flags = plume::trace_flags::sampled;
    const plume::ContextScope scope{context};
    CHECK(client.Get("/"));
    REQUIRE(other.seen.size() == 2);
    CHECK(other.seen[0].traceparents == 0);
    CHECK(other.seen[1].traceparent == "00-00000000000000010000000000000002-0000000000000003-01");
}

TEST_CASE("headers of a call and of its response are recorded if they are asked for") {
    Other other;
    const auto seen = called(
        [](HttpClient& client) {
            CHECK(client.Get("/", {{"X-Tag", "a"}, {"Authorization", "secret"}}));
        },
        other, {.request_headers = {"x-tag"}, .response_headers = {"Content-Type"}});
    const auto& span = seen["GET"];
    CHECK(span.text("http.request.header.x-tag") == "[a]");
    CHECK(span.text("http.response.header.content-type") == "[text/plain]");
    CHECK(seen.tree_with_attributes().find("secret") == std::string::npos);
    CHECK(plume::test::breaches(span, plume::test::http_client_conventions, Level::recommended) ==
          "");
}

TEST_CASE("a hook speaks about the call's span when the result is there") {
    Other other;
    const auto seen = called([](HttpClient& client) { CHECK(client.Get("/")); }, other,
                             {.on_result = [](const httplib::Result& result) {
                                 plume::set("response.size"_a = result->body.size());
                                 throw std::runtime_error{"ignored"};
                             }});
    CHECK(seen["GET"].text("response.size") == "5");
    CHECK(seen["GET"].status == StatusCode::unset);
}

TEST_CASE("a call with a method that nobody knows is named HTTP, and keeps it as an attribute") {
    Other other;
    const auto seen = called(
        [](HttpClient& client) {
            Request request;
            request.method = "BREW";
            request.path = "/";
            static_cast<void>(client.send(request));
        },
        other);
    CHECK(seen["HTTP"].text("http.request.method") == "_OTHER");
    CHECK(seen["HTTP"].text("http.request.method_original") == "BREW");
}

TEST_CASE("calls of several threads keep apart, and clients may be moved") {
    Other other;
    other.server.new_task_queue = [] { return new httplib::ThreadPool(1); };
    const auto seen = recorded([&] {
        const Serving serving{other.server};
        HttpClient first{"127.0.0.1", serving.port()};
        HttpClient client{std::move(first)};
        std::vector<std::thread> threads;
        for (int i = 0; i < 4; ++i)
            threads.emplace_back([&client] {
                PLUME_SPAN("caller");
                static_cast<void>(client.Get("/"));
            });
        for (auto& thread : threads) thread.join();
    });
    CHECK(seen.tree() == "caller\n  GET\ncaller\n  GET\ncaller\n  GET\ncaller\n  GET\n");
}
