#include <plume/exporters/jaeger.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include "support/catch.hpp"
#include "support/http_server.hpp"
#include "support/jaeger_model.hpp"
#include "support/left_behind.hpp"
#include "support/random_batch.hpp"
#include "support/small_batch.hpp"

using namespace std::chrono_literals;
using namespace plume::jaeger_test;
using plume::DropReason;
using plume::JaegerExporter;
using plume::JaegerOptions;
using plume::Outcome;
using plume::SpanData;
using plume::otlp_test::HttpServer;
using plume::otlp_test::RandomBatch;
using plume::otlp_test::Reply;
using plume::otlp_test::reply;
using plume::otlp_test::SmallBatch;
using Clock = std::chrono::steady_clock;

namespace {

JaegerOptions to(const HttpServer& server) {
    return {.endpoint = server.url() + "/api/traces", .first_backoff = 2ms, .timeout = 2s};
}
Outcome deliver(JaegerExporter& exporter, std::size_t spans = 3) {
    return exporter.deliver(SmallBatch{spans}.batch());
}
Outcome deliver(JaegerOptions options) {
    JaegerExporter exporter{std::move(options)};
    return deliver(exporter);
}
plume::idl::Batch decode(const plume::otlp_test::Request& request) {
    return thrift_object<plume::idl::Batch, BinaryProtocol>(request.body);
}

} // namespace

TEST_CASE("a collector gets a bare Batch, by one kept connection") {
    const HttpServer server{{reply(202)}};
    JaegerExporter exporter{to(server)};
    const RandomBatch random{7, {.spans = 10, .longest_text = 40}};
    CHECK(exporter.deliver(random.batch()).dropped.total() == 0);
    CHECK(deliver(exporter).error.empty());
    const auto requests = server.requests();
    REQUIRE(requests.size() == 2);
    CHECK(server.connections() == 1);
    CHECK(requests[0].head.starts_with("POST /api/traces HTTP/1.1\r\n"));
    CHECK(requests[0].has_line("Content-Type: application/vnd.apache.thrift.binary"));
    CHECK(requests[0].has_line("User-Agent: plume/" + std::string{plume::version}));

    const auto first = decode(requests[0]);
    CHECK(first.process.serviceName == "random");
    CHECK(first.seqNo == 0);
    CHECK(decode(requests[1]).seqNo == 1);
    REQUIRE(first.spans.size() == 10);
    std::size_t i = 0;
    for (const SpanData& span : random.batch())
        CHECK(
            (thrift_bytes<BinaryProtocol>(first.spans[i++]) ==
             thrift_bytes<BinaryProtocol>(exported_model_of(span)))); // NaN is not equal to itself
}

TEST_CASE("user and password travel as basic authentication") {
    const HttpServer server{{reply(202)}};
    JaegerOptions options = to(server);
    options.user = "Aladdin";
    options.password = "open sesame";
    CHECK(deliver(options).error.empty());
    CHECK(server.requests().at(0).has_line(
        "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")); // the example of RFC 7617
}

TEST_CASE("a collector's refusal is final") {
    for (const int status : {400, 401, 404, 301}) {
        const HttpServer server{{reply(status)}};
        const Outcome outcome = deliver(to(server));
        CHECK(outcome.dropped[DropReason::rejected] == 3);
        CHECK(outcome.dropped.total() == 3);
        CHECK(outcome.error == "Jaeger collector " + server.url() + "/api/traces: HTTP status " +
                                   std::to_string(status));
        CHECK(server.requests().size() == 1);
    }
}

TEST_CASE("trouble that passes costs nothing but time") {
    const Reply closes{"", true, false};
    const Reply breaks_off{"HTTP/1.1 2", true, false};
    const Reply garbage{"\x16\x03 what?\r\n\r\n", true, false};
    for (const Reply& trouble :
         {reply(503), reply(500), reply(429, "", "Retry-After: 1"), closes, breaks_off, garbage}) {
        const HttpServer server{{trouble, reply(202)}};
        const Outcome outcome = deliver(to(server));
        INFO(trouble.bytes << ": " << outcome.error);
        CHECK(outcome.dropped.total() == 0);
        CHECK(outcome.error.empty());
        CHECK(server.requests().size() == 2);
    }
}

TEST_CASE("a body that is too large goes again in halves, and every span is in one of them") {
    for (const Reply& too_large : {reply(413), reply(500, "http: request body too large\n")}) {
        const HttpServer server{{too_large, reply(202), too_large, reply(202)}};
        JaegerExporter exporter{to(server)};
        const Outcome outcome = deliver(exporter, 8);
        CHECK(outcome.dropped.total() == 0);
        CHECK(outcome.error.empty());
        std::vector<std::size_t> spans;
        for (const auto& request : server.requests()) spans.push_back(decode(request).spans.size());
        CHECK(spans == std::vector<std::size_t>{8, 4, 4, 2, 2});
    }
}

TEST_CASE("a span that is too large for the collector is dropped alone") {
    const HttpServer server{{reply(413), reply(413), reply(202)}};
    JaegerExporter exporter{to(server)};
    const Outcome outcome = deliver(exporter, 3);
    CHECK(outcome.dropped[DropReason::too_large] == 1);
    CHECK(outcome.dropped.total() == 1);
    CHECK(outcome.error.ends_with(": HTTP status 413"));
}

TEST_CASE("a collector that asks for time again and again gets its spans in the end") {
    const Reply later = reply(429, "", "Retry-After: 1");
    const HttpServer server{{later, later, later, reply(202)}};
    CHECK(deliver(to(server)).dropped.total() == 0);
}

TEST_CASE("a body counts as delivered when the status is there, whatever follows") {
    const std::string start = "HTTP/1.1 202 X\r\nContent-Length: 3000000\r\n\r\n";
    for (const Reply& answer : {Reply{start + "half", true, false},
                                Reply{start + std::string(1'000'000, 'x'), false, true}}) {
        const HttpServer server{{answer}};
        CHECK(deliver(to(server)).dropped.total() == 0);
        CHECK(server.requests().size() == 1);
    }
}

TEST_CASE("an endpoint or a password with a control character is refused, and not shown") {
    const HttpServer server{{reply(202)}};
    JaegerOptions url = to(server);
    url.endpoint += "?s3cret\r\nX-Two: 2";
    JaegerOptions password = to(server);
    password.user = "me";
    password.password = "s3cret\n";
    for (const JaegerOptions& options : {url, password}) {
        JaegerExporter exporter{options};
        CHECK_FALSE(exporter.fault().empty());
        CHECK(exporter.fault().find("s3cret") == std::string::npos);
        const Outcome outcome = deliver(exporter);
        CHECK(outcome.dropped[DropReason::rejected] == 3);
        CHECK(outcome.error.find("s3cret") == std::string::npos);
    }
    CHECK(server.requests().empty());
}

TEST_CASE("trouble that stays costs the spans after three tries, and then one a body") {
    const HttpServer server{{reply(503)}};
    JaegerOptions options = to(server);
    options.max_body_bytes = 1'000;
    JaegerExporter exporter{options};
    const Outcome outcome = deliver(exporter, 20); // about four bodies
    CHECK(outcome.dropped[DropReason::transport] == 20);
    CHECK(outcome.dropped.total() == 20);
    CHECK(outcome.error.ends_with(": HTTP status 503"));
    std::size_t spans = 0;
    const auto requests = server.requests();
    for (std::size_t i = 2; i != requests.size(); ++i) spans += decode(requests[i]).spans.size();
    CHECK(decode(requests.at(0)) == decode(requests.at(2)));
    CHECK(spans == 20);
}

TEST_CASE("a body that is refused has no influence on the next") {
    const HttpServer server{{reply(202), reply(400), reply(202)}};
    JaegerOptions options = to(server);
    options.max_body_bytes = 1'000;
    JaegerExporter exporter{options};
    const Outcome outcome = deliver(exporter, 20);
    const auto requests = server.requests();
    REQUIRE(requests.size() > 2);
    std::size_t arrived = 0;
    for (std::size_t i = 0; i != requests.size(); ++i)
        if (i != 1) arrived += decode(requests[i]).spans.size();
    CHECK(outcome.dropped[DropReason::rejected] == decode(requests[1]).spans.size());
    CHECK(arrived + outcome.dropped.total() == 20);
}

TEST_CASE("nobody at the collector's port") {
    const std::string url = HttpServer{{reply(202)}}.url();
    const Outcome outcome = deliver({.endpoint = url, .first_backoff = 2ms, .timeout = 2s});
    CHECK(outcome.dropped[DropReason::transport] == 3);
    CHECK(outcome.dropped.total() == 3);
    CHECK(outcome.error == "Jaeger collector " + url + "/: Couldn't connect to server");
}

TEST_CASE("a collector that stalls is given up after the time-out") {
    const HttpServer server{{{"", false, true}}};
    JaegerOptions options = to(server);
    options.timeout = 50ms;
    const Outcome outcome = deliver(options);
    CHECK(outcome.dropped[DropReason::transport] == 3);
    CHECK(outcome.error.ends_with(": Timeout was reached"));
}

TEST_CASE("cancel ends a delivery that stalls, and one that waits for its next try") {
    const Reply stalls{"", false, true};
    for (const Reply& trouble : {stalls, reply(503, "", "Retry-After: 4")}) {
        const HttpServer server{{trouble, reply(202)}};
        JaegerOptions options = to(server);
        options.timeout = 20s;
        JaegerExporter exporter{options};
        std::thread canceller{[&] {
            while (server.requests().empty()) std::this_thread::yield();
            exporter.cancel();
        }};
        const auto before = Clock::now();
        const Outcome outcome = deliver(exporter);
        CHECK(Clock::now() - before < 2s);
        canceller.join();
        CHECK(outcome.dropped[DropReason::shutdown] == 3);
        CHECK(outcome.dropped.total() == 3);
        CHECK(deliver(exporter).dropped.total() == 0); // it holds for one delivery
    }
}

TEST_CASE("a child after fork() makes a connection of its own") {
    const plume::test::LeftBehind left_behind;
    const HttpServer server{{reply(202)}};
    JaegerExporter exporter{to(server)};
    CHECK(deliver(exporter).error.empty());
    const pid_t child = ::fork();
    if (child == 0) {
        exporter.forked();
        ::_exit(deliver(exporter).error.empty() ? 0 : 1);
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    CHECK(status == 0);
    CHECK(server.connections() == 2);
    const auto requests = server.requests();
    CHECK(text_of(decode(requests.at(0)).process.tags, "client-uuid") !=
          text_of(decode(requests.at(1)).process.tags, "client-uuid"));
}

TEST_CASE("credentials in an endpoint are used, and never told") {
    const HttpServer server{{reply(401)}};
    const std::string port = std::to_string(server.port());
    const Outcome outcome =
        deliver({.endpoint = "http://me:secret@127.0.0.1:" + port + "/api/traces?key=secret"});
    CHECK(outcome.error ==
          "Jaeger collector http://127.0.0.1:" + port + "/api/traces: HTTP status 401");
    CHECK(server.requests().at(0).head.find("\r\nAuthorization: Basic ") != std::string::npos);
}

TEST_CASE("an endpoint that is no URL is an error, not a crash") {
    for (const char* const endpoint : {"nonsense://", "ftp://127.0.0.1/", "http://", ":::"}) {
        const Outcome outcome =
            deliver({.endpoint = endpoint, .first_backoff = 2ms, .timeout = 100ms});
        CHECK(outcome.dropped[DropReason::transport] == 3);
        CHECK_FALSE(outcome.error.empty());
    }
}
