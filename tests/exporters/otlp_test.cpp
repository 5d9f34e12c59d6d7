#include <plume/exporters/otlp.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include "support/catch.hpp"
#include "support/http_server.hpp"
#include "support/otlp_read.hpp"
#include "support/otlp_text.hpp"
#include "support/random_batch.hpp"
#include "support/small_batch.hpp"

using namespace std::chrono_literals;
using namespace plume::otlp_test;
using plume::DropReason;
using plume::OtlpExporter;
using plume::OtlpOptions;
using Clock = std::chrono::steady_clock;

namespace {

/// Much longer than anything here should take, much shorter than what would be a mistake.
constexpr auto soon = 5s;

/// Nothing waits for long, whatever the server does.
OtlpOptions quick(std::string endpoint) {
    OtlpOptions options;
    options.endpoint = std::move(endpoint);
    options.timeout = 250ms;
    options.first_backoff = 2ms;
    options.code_attributes = false; // the sizes of spans are known
    return options;
}

plume::Outcome deliver(OtlpExporter& exporter, std::size_t spans = 3) {
    return exporter.deliver(SmallBatch{spans}.batch());
}
plume::Outcome deliver(const OtlpOptions& options, std::size_t spans = 3) {
    OtlpExporter exporter{options};
    return deliver(exporter, spans);
}

std::string gunzip(std::string bytes) {
    std::string result(std::size_t{1} << 20, '\0');
    z_stream stream{};
    REQUIRE(inflateInit2(&stream, 15 + 16) == Z_OK);
    stream.next_in = reinterpret_cast<Bytef*>(bytes.data());
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(result.data());
    stream.avail_out = static_cast<uInt>(result.size());
    CHECK(inflate(&stream, Z_FINISH) == Z_STREAM_END);
    result.resize(stream.total_out);
    inflateEnd(&stream);
    return result;
}

std::string gzipped(std::string_view bytes) {
    std::string result(1000, '\0');
    z_stream stream{};
    REQUIRE(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    std::string input{bytes};
    stream.next_in = reinterpret_cast<Bytef*>(input.data());
    stream.avail_in = static_cast<uInt>(input.size());
    stream.next_out = reinterpret_cast<Bytef*>(result.data());
    stream.avail_out = static_cast<uInt>(result.size());
    CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    result.resize(stream.total_out);
    deflateEnd(&stream);
    return result;
}

/// ExportTraceServiceResponse.partial_success with `rejected` below 128.
std::string partial_success(char rejected, std::string_view message) {
    std::string partial{'\x08', rejected, '\x12', static_cast<char>(message.size())};
    partial += message;
    return std::string{'\x0a', static_cast<char>(partial.size())} + partial;
}

/// Variables of the environment while it lives.
class Variables {
  public:
    Variables(std::initializer_list<std::pair<const char*, const char*>> all) {
        for (const auto& [name, value] : all) {
            names_.push_back(std::string{"OTEL_EXPORTER_OTLP_"} + name);
            ::setenv(names_.back().c_str(), value, 1);
        }
    }
    ~Variables() {
        for (const std::string& name : names_) ::unsetenv(name.c_str());
    }
    Variables(const Variables&) = delete;
    Variables& operator=(const Variables&) = delete;

  private:
    std::vector<std::string> names_;
};

} // namespace

TEST_CASE("a batch is one POST of protobuf, over a connection that stays") {
    HttpServer server{{reply(200)}};
    OtlpOptions options = quick(server.url());
    options.headers = {{"authorization", "Bearer abc"}};
    OtlpExporter made{options};
    OtlpExporter exporter = std::move(made);
    const RandomBatch random{5, {.spans = 20, .longest_text = 40}};
    for (int i = 0; i != 3; ++i) {
        const plume::Outcome outcome = exporter.deliver(random.batch());
        CHECK(outcome.dropped.total() == 0);
        CHECK(outcome.error.empty());
    }
    const std::vector<Request> requests = server.requests();
    REQUIRE(requests.size() == 3);
    CHECK(server.connections() == 1);
    CHECK(requests[0].head.starts_with("POST /v1/traces HTTP/1.1\r\n"));
    CHECK(requests[0].has_line("Content-Type: application/x-protobuf"));
    CHECK(requests[0].has_line("User-Agent: plume/" + std::string{plume::version} + " (cpp)"));
    CHECK(requests[0].has_line("authorization: Bearer abc"));
    CHECK(requests[0].head.find("Content-Encoding") == std::string::npos);
    for (const Request& request : requests)
        CHECK(read_protobuf(request.body).text() == otlp_text(random.batch()).text());
}

TEST_CASE("spans say which line of source they are from, unless the exporter is told otherwise") {
    for (const auto encoding : {plume::OtlpEncoding::protobuf, plume::OtlpEncoding::json}) {
        HttpServer server{{reply(200, "")}};
        OtlpOptions options;
        options.endpoint = server.url();
        options.encoding = encoding;
        CHECK(deliver(options).dropped.total() == 0);
        options.code_attributes = false;
        CHECK(deliver(options).dropped.total() == 0);
        CHECK(server.requests().at(0).body.find("code.function.name") != std::string::npos);
        CHECK(server.requests().at(1).body.find("code.") == std::string::npos);
    }
}

TEST_CASE("JSON and gzip are options") {
    HttpServer server{{reply(200, "{}")}};
    OtlpOptions options = quick(server.url() + "/custom/path?tenant=a");
    options.encoding = plume::OtlpEncoding::json;
    options.compression = plume::OtlpCompression::gzip;
    OtlpExporter exporter{options};
    const RandomBatch random{6, {.spans = 20, .longest_text = 40}};
    for (int i = 0; i != 2; ++i) {
        CHECK(exporter.deliver(random.batch()).error.empty());
        const Request request = server.requests().back();
        CHECK(request.head.starts_with("POST /custom/path?tenant=a HTTP/1.1\r\n"));
        CHECK(request.has_line("Content-Type: application/json"));
        CHECK(request.has_line("Content-Encoding: gzip"));
        CHECK(read_json(gunzip(request.body)).text() == otlp_text(random.batch()).text());
    }
}

TEST_CASE("a large batch is cut into requests, and every span is in one of them") {
    HttpServer server{{reply(200)}};
    OtlpOptions options = quick(server.url());
    options.max_request_bytes = 1000;
    CHECK(deliver(options, 50).dropped.total() == 0);
    std::size_t spans = 0;
    for (const Request& request : server.requests()) {
        spans += read_protobuf(request.body).spans();
        CHECK(request.body.size() < 1200);
    }
    CHECK(spans == 50);
    CHECK(server.requests().size() == 4); // of 14 spans of 75 bytes each, and the rest
}

TEST_CASE("an overloaded collector is asked again") {
    for (const int status : {429, 502, 503, 504}) {
        HttpServer server{{reply(status), reply(status), reply(200)}};
        const plume::Outcome outcome = deliver(quick(server.url()));
        INFO("status " << status);
        CHECK(outcome.dropped.total() == 0);
        CHECK(outcome.error.empty());
        CHECK(server.requests().size() == 3);
        CHECK(server.requests()[0].body == server.requests()[2].body);
    }
}

TEST_CASE("any other refusal is final") {
    for (const int status : {301, 400, 401, 404, 500, 501}) {
        HttpServer server{{reply(status, "no\x1b[31m way\n")}};
        const plume::Outcome outcome = deliver(quick(server.url()));
        INFO("status " << status);
        CHECK(outcome.dropped[DropReason::rejected] == 3);
        CHECK(outcome.dropped.total() == 3);
        CHECK(outcome.error ==
              server.url() + "/v1/traces: answered " + std::to_string(status) + " no[31m way");
        CHECK(server.requests().size() == 1);
    }
}

TEST_CASE("a collector that stays overloaded costs the time-out, and not the next batch") {
    HttpServer server{{reply(503)}};
    OtlpExporter exporter{quick(server.url())};
    const auto start = Clock::now();
    const plume::Outcome outcome = deliver(exporter);
    CHECK(Clock::now() - start < soon);
    CHECK(outcome.dropped[DropReason::transport] == 3);
    CHECK(outcome.dropped.total() == 3);
    const std::size_t tries = server.requests().size();
    CHECK(tries >= 2);
    CHECK(tries <= 10); // waits of about 2, 4, 8, 16, … ms, and at least half of that
    CHECK(deliver(exporter).dropped[DropReason::transport] == 3);
    CHECK(server.requests().size() > tries);
}

TEST_CASE("Retry-After is honoured") {
    const std::time_t later = std::time(nullptr) + 2;
    std::array<char, 64> date{};
    std::tm parts{};
    std::strftime(date.data(), date.size(), "Retry-After: %a, %d %b %Y %H:%M:%S GMT",
                  ::gmtime_r(&later, &parts));
    for (const std::string& header : {std::string{"Retry-After: 1"}, std::string{date.data()}}) {
        HttpServer server{{reply(429, {}, header), reply(200)}};
        OtlpOptions options = quick(server.url());
        options.timeout = 5s;
        const auto start = Clock::now();
        INFO(header);
        CHECK(deliver(options).dropped.total() == 0);
        CHECK(Clock::now() - start > 900ms);
        CHECK(server.requests().size() == 2);
    }
}

TEST_CASE("a collector that asks for more time than the time-out gets its spans then") {
    HttpServer server{{reply(503, {}, "Retry-After: 1"), reply(200)}};
    CHECK(deliver(quick(server.url())).dropped.total() == 0); // whose time-out is 250 ms
    CHECK(server.requests().size() == 2);
}

TEST_CASE("a collector that wants to be left alone is, until a deadline ends the wait") {
    for (const char* const wish : {"60", "99999999999999", "Fri, 01 Jan 2100 00:00:00 GMT"}) {
        HttpServer server{{reply(503, {}, "Retry-After: " + std::string{wish})}};
        OtlpOptions options = quick(server.url());
        options.timeout = 10s; // only the cancelling may end this
        OtlpExporter exporter{options};
        const auto deliver_and_cancel = [&](std::size_t spans, std::chrono::milliseconds after) {
            std::thread canceller{[&] {
                while (server.requests().empty()) std::this_thread::yield();
                std::this_thread::sleep_for(after);
                exporter.cancel();
            }};
            const plume::Outcome outcome = deliver(exporter, spans);
            canceller.join();
            CHECK(outcome.dropped[DropReason::shutdown] == spans);
            CHECK(outcome.dropped.total() == spans);
        };
        deliver_and_cancel(3, 1s); // by then the exporter has read the answer
        deliver_and_cancel(5, 0s);
        CHECK(server.requests().size() == 1); // the next batch waits too
    }
}

TEST_CASE("a Retry-After that says nothing leaves the time-out as it is") {
    for (const char* const junk : {"0", "-5", "soon", "Fri, 01 Jan 1999 00:00:00 GMT", ""}) {
        HttpServer server{{reply(429, {}, "Retry-After: " + std::string{junk})}};
        const plume::Outcome outcome = deliver(quick(server.url()));
        INFO(junk);
        CHECK(outcome.dropped[DropReason::transport] == 3);
        CHECK(server.requests().size() >= 2);
        CHECK(server.requests().size() <= 10);
    }
}

TEST_CASE("a request that is too large is sent in halves, and every span is in one that is taken") {
    HttpServer server{
        {reply(413), reply(200), reply(413), reply(200, partial_success(1, "")), reply(200)}};
    OtlpExporter exporter{quick(server.url())};
    const plume::Outcome outcome = deliver(exporter, 8);
    std::vector<std::size_t> spans;
    for (const Request& request : server.requests())
        spans.push_back(read_protobuf(request.body).spans());
    CHECK(spans == std::vector<std::size_t>{8, 4, 4, 2, 2});
    CHECK(outcome.dropped[DropReason::rejected] == 1);
    CHECK(outcome.dropped.total() == 1);
}

TEST_CASE("a span that is too large for the collector is dropped alone") {
    HttpServer server{{reply(413), reply(413, "no"), reply(200)}};
    const plume::Outcome outcome = deliver(quick(server.url()), 3);
    CHECK(outcome.dropped[DropReason::too_large] == 1);
    CHECK(outcome.dropped.total() == 1);
    CHECK(outcome.error == server.url() + "/v1/traces: answered 413 no");
    CHECK(server.requests().size() == 4);
}

TEST_CASE("a success counts when its status is there, whatever follows") {
    const std::string start = "HTTP/1.1 200 X\r\nContent-Length: 3000000\r\n";
    const std::string body(1'000'000, 'x');
    for (const Reply& answer :
         {Reply{start, true, false}, Reply{start + "\r\nhalf", true, false},
          Reply{start + "\r\ndrip", false, true}, Reply{start + "\r\n" + body, false, true}}) {
        HttpServer server{{answer}};
        const plume::Outcome outcome = deliver(quick(server.url()));
        CHECK(outcome.dropped.total() == 0);
        CHECK(outcome.error ==
              server.url() + "/v1/traces: took the spans, but its answer makes no sense");
        CHECK(server.requests().size() == 1);
    }
}

TEST_CASE("the message of a status is what is told of a refusal") {
    using namespace std::string_literals;
    const std::string message = "data refused due to high memory usage";
    const std::string protobuf =
        "\x08\x0e\x12"s + static_cast<char>(message.size()) + message + "\x1a\x00"s;
    const std::string json =
        R"({"code":14,"details":[{"message":"no"}],"message":")" + message + "\"}";
    const std::string long_one(1000, 'z');
    const std::array<std::array<std::string, 3>, 7> answers{
        {{"application/x-protobuf", protobuf, message},
         {"application/json; charset=utf-8", json, message},
         {"text/plain", "busy\r\n", "busy"},
         {"application/x-protobuf",
          "\x12\x05"
          "a\x1b\nb\xff",
          "ab?"},
         {"application/x-protobuf", "no\x01 thanks", "no thanks"},
         {"application/json", R"({"message":)", R"({"message":)"},
         {"text/html", long_one, long_one.substr(0, 200)}}};
    for (const auto& [type, body, told] : answers) {
        HttpServer server{{reply(400, body, "Content-Type: " + type)}};
        const plume::Outcome outcome = deliver(quick(server.url()));
        CHECK(outcome.error == server.url() + "/v1/traces: answered 400 " + told);
        CHECK(outcome.dropped[DropReason::rejected] == 3);
    }
}

TEST_CASE("a header that is none is refused, with a sentence and without its value") {
    using namespace std::string_literals;
    HttpServer server{{reply(200)}};
    const std::array<std::pair<std::string, std::string>, 8> headers{
        {{"authorization", "s3cret\r\nX-Two: 2"},
         {"authorization", "s3cret\n"},
         {"authorization", "s3cret\0more"s},
         {"authorization", "s3cret\x7f"},
         {"", "s3cret"},
         {"s3cret name", "a"},
         {"x: s3cret\r\ny", "a"},
         {"x:s3cret", "a"}}};
    for (const auto& header : headers) {
        OtlpOptions options = quick(server.url());
        options.headers = {{"x-good", "1"}, header};
        OtlpExporter exporter{options};
        CHECK(exporter.fault().starts_with("OtlpOptions::headers: "));
        CHECK(exporter.fault().find("s3cret") == std::string::npos);
        const plume::Outcome outcome = deliver(exporter);
        CHECK(outcome.dropped[DropReason::rejected] == 3);
        CHECK(outcome.error.find("s3cret") == std::string::npos);
    }
    CHECK(server.requests().empty());
    CHECK(OtlpExporter{quick(server.url())}.fault().empty());
}

TEST_CASE("a time-out that leaves no time is refused") {
    OtlpOptions options = quick("http://127.0.0.1:1");
    options.timeout = 0ms;
    CHECK(OtlpExporter{options}.fault().starts_with("OtlpOptions::timeout is not positive"));
    CHECK(deliver(options).dropped[DropReason::rejected] == 3);
}

TEST_CASE("a compressed answer is read") {
    HttpServer server{{reply(200, gzipped(partial_success(2, "full")), "Content-Encoding: gzip")}};
    const plume::Outcome outcome = deliver(quick(server.url()));
    CHECK(outcome.dropped[DropReason::rejected] == 2);
    CHECK(outcome.error == server.url() + "/v1/traces: refused some spans: full");
}

TEST_CASE("a port that refuses counts the spans, and a server that comes later gets the next") {
    const std::uint16_t port = HttpServer{{reply(200)}}.port();
    OtlpExporter exporter{quick("http://127.0.0.1:" + std::to_string(port))};
    const plume::Outcome outcome = deliver(exporter);
    CHECK(outcome.dropped[DropReason::transport] == 3);
    CHECK(outcome.dropped.total() == 3);
    CHECK_FALSE(outcome.error.empty());
    HttpServer server{{reply(200)}, port};
    CHECK(deliver(exporter).dropped.total() == 0);
}

TEST_CASE("a server that never answers costs the time-out") {
    HttpServer server{{Reply{{}, false, true}}};
    const auto start = Clock::now();
    const plume::Outcome outcome = deliver(quick(server.url()));
    CHECK(Clock::now() - start < soon);
    CHECK(outcome.dropped[DropReason::transport] == 3);
    CHECK(outcome.dropped.total() == 3);
}

TEST_CASE("an answer that breaks off before its status is no answer") {
    const Reply half{"HTTP/1.1 2", true, false};
    const Reply nothing{{}, true, false};
    HttpServer server{{half, nothing, reply(200)}};
    const plume::Outcome outcome = deliver(quick(server.url()));
    CHECK(outcome.dropped.total() == 0);
    CHECK(server.requests().size() >= 3); // libcurl itself repeats one on a kept connection
}

TEST_CASE("a server that talks no HTTP costs the batch") {
    HttpServer server{{Reply{"SSH-2.0-OpenSSH_9.2\r\n", true, false}}};
    const plume::Outcome outcome = deliver(quick(server.url()));
    CHECK(outcome.dropped[DropReason::transport] == 3);
    CHECK(outcome.dropped.total() == 3);
}

TEST_CASE("a partial success is counted, and never sent again") {
    const std::string json = R"( {"unknown":[{"rejectedSpans":"9"}, -1.5e3, null, "a\"b]"],)"
                             R"("partialSuccess" : {"errorMessage":"full","rejectedSpans":"2"}} )";
    for (const std::string& body : {partial_success(2, "full"), json.substr(1)}) {
        HttpServer server{{reply(200, body)}};
        const plume::Outcome outcome = deliver(quick(server.url()));
        CHECK(outcome.dropped[DropReason::rejected] == 2);
        CHECK(outcome.dropped.total() == 2);
        CHECK(outcome.error == server.url() + "/v1/traces: refused some spans: full");
        CHECK(server.requests().size() == 1);
    }
}

TEST_CASE("a collector can't refuse more spans than it got") {
    HttpServer server{{reply(200, partial_success(100, ""))}};
    CHECK(deliver(quick(server.url())).dropped[DropReason::rejected] == 3);
    HttpServer negative{{reply(200, R"({"partialSuccess":{"rejectedSpans":-5}})")}};
    CHECK(deliver(quick(negative.url())).dropped.total() == 0);
}

TEST_CASE("a success with a warning delivers, and passes the warning on") {
    HttpServer server{{reply(200, partial_success(0, "old client"))}};
    const plume::Outcome outcome = deliver(quick(server.url()));
    CHECK(outcome.dropped.total() == 0);
    CHECK(outcome.error == server.url() + "/v1/traces: warns: old client");
}

TEST_CASE("a success with a body of garbage delivers, and says so") {
    const std::string deep = R"({"a":)" + std::string(100'000, '[');
    for (const std::string& body :
         {std::string{"<html>OK</html>"}, std::string{"{\"partialSuccess\":"}, std::string{"{]"},
          std::string{R"({"partialSuccess":{"rejectedSpans":"many"}})"}, deep}) {
        HttpServer server{{reply(200, body)}};
        const plume::Outcome outcome = deliver(quick(server.url()));
        CHECK(outcome.dropped.total() == 0);
        CHECK(outcome.error ==
              server.url() + "/v1/traces: took the spans, but its answer makes no sense");
    }
}

TEST_CASE("what the collector took and what was dropped add up to what was sent") {
    HttpServer server{{reply(200), reply(400), reply(503), reply(200, partial_success(1, "")),
                       Reply{{}, true, false}, reply(200), reply(413), reply(200)}};
    OtlpOptions options = quick(server.url());
    options.max_request_bytes = 300; // four spans of 75 bytes
    OtlpExporter exporter{options};
    plume::Drops dropped;
    for (int i = 0; i != 3; ++i) dropped += deliver(exporter, 8).dropped;
    std::size_t accepted = 0;
    const std::vector<Request> requests = server.requests();
    for (std::size_t i = 0; i != requests.size(); ++i) {
        const bool taken = i != 1 && i != 2 && i != 4 && i != 6; // as the replies above say
        if (taken) accepted += read_protobuf(requests[i].body).spans();
    }
    CHECK(accepted - 1 + dropped.total() == 24);
    CHECK(dropped[DropReason::rejected] == 3 + 1); // 400 and the partial success
}

TEST_CASE("when the collector is away, the rest of the batch doesn't wait for it again") {
    OtlpOptions options = quick(HttpServer{{reply(200)}}.url()); // which is gone by now
    options.max_request_bytes = 1;
    const auto start = Clock::now();
    const plume::Outcome outcome = deliver(options, 40);
    CHECK(Clock::now() - start < soon);
    CHECK(outcome.dropped[DropReason::transport] == 40);
    CHECK(outcome.dropped.total() == 40);
}

TEST_CASE("cancel ends a wait for a server, a wait before a retry, and the next delivery") {
    HttpServer stalls{{Reply{{}, false, true}}};
    HttpServer refuses{{reply(503, {}, "Retry-After: 20")}};
    for (const HttpServer* const server : {&stalls, &refuses}) {
        OtlpOptions options = quick(server->url());
        options.timeout = 30s;
        OtlpExporter exporter{options};
        std::thread other{[&] {
            while (server->requests().empty()) std::this_thread::sleep_for(1ms);
            exporter.cancel();
            exporter.cancel();
        }};
        const auto start = Clock::now();
        const plume::Outcome outcome = deliver(exporter);
        other.join();
        CHECK(Clock::now() - start < soon);
        CHECK(outcome.dropped[DropReason::shutdown] == 3);
        CHECK(outcome.dropped.total() == 3);
    }
    HttpServer server{{reply(200)}};
    OtlpExporter exporter{quick(server.url())};
    exporter.cancel();
    CHECK(deliver(exporter).dropped[DropReason::shutdown] == 3);
    CHECK(deliver(exporter).dropped.total() == 0);
}

TEST_CASE("after a fork both processes deliver, each over a connection of its own") {
    HttpServer server{{reply(200)}};
    OtlpExporter exporter{quick(server.url())};
    CHECK(deliver(exporter).dropped.total() == 0);
    const pid_t child = ::fork();
    if (child == 0) {
        exporter.forked();
        ::_exit(deliver(exporter).dropped.total() == 0 ? 0 : 1);
    }
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    CHECK(deliver(exporter).dropped.total() == 0);
    CHECK(server.connections() == 2);
    CHECK(server.requests().size() == 3);
}

TEST_CASE("an unset environment leaves every default") {
    std::vector<std::string> warnings;
    const OtlpOptions options = OtlpOptions::from_environment(&warnings);
    CHECK(warnings.empty());
    CHECK(options.endpoint == "http://localhost:4318/v1/traces");
    CHECK(options.encoding == plume::OtlpEncoding::protobuf);
    CHECK(options.compression == plume::OtlpCompression::none);
    CHECK(options.headers.empty());
    CHECK(options.timeout == 10s);
    CHECK(options.ca_file.empty());
}

TEST_CASE("the environment sets every option") {
    const Variables variables{{"ENDPOINT", " https://collector:4318/base/?key=1 "},
                              {"HEADERS", "api-key=a%2Cb , x=1=2,empty="},
                              {"COMPRESSION", "GZIP"},
                              {"TIMEOUT", "2500"},
                              {"PROTOCOL", "HTTP/json"},
                              {"CERTIFICATE", "ca.pem"},
                              {"CLIENT_CERTIFICATE", "me.pem"},
                              {"CLIENT_KEY", "me.key"}};
    std::vector<std::string> warnings;
    const OtlpOptions options = OtlpOptions::from_environment(&warnings);
    CHECK(warnings.empty());
    CHECK(options.endpoint == "https://collector:4318/base/v1/traces?key=1");
    CHECK(options.headers ==
          decltype(options.headers){{"api-key", "a,b"}, {"x", "1=2"}, {"empty", ""}});
    CHECK(options.compression == plume::OtlpCompression::gzip);
    CHECK(options.timeout == 2500ms);
    CHECK(options.encoding == plume::OtlpEncoding::json);
    CHECK(options.ca_file == "ca.pem");
    CHECK(options.certificate_file == "me.pem");
    CHECK(options.key_file == "me.key");
}

TEST_CASE("the variable for traces beats the one for all signals") {
    const Variables variables{{"ENDPOINT", "http://all:1"},
                              {"TRACES_ENDPOINT", "http://traces:2/x"},
                              {"TIMEOUT", "1"},
                              {"TRACES_TIMEOUT", "2"},
                              {"HEADERS", "a=1,b=2"},
                              {"TRACES_HEADERS", "c=3"},
                              {"COMPRESSION", "gzip"},
                              {"TRACES_COMPRESSION", "none"},
                              {"PROTOCOL", "http/json"},
                              {"TRACES_PROTOCOL", "http/protobuf"},
                              {"CERTIFICATE", "a"},
                              {"TRACES_CERTIFICATE", ""}};
    const OtlpOptions options = OtlpOptions::from_environment();
    CHECK(options.endpoint == "http://traces:2/x");
    CHECK(options.timeout == 2ms);
    CHECK(options.headers == decltype(options.headers){{"c", "3"}});
    CHECK(options.compression == plume::OtlpCompression::none);
    CHECK(options.encoding == plume::OtlpEncoding::protobuf);
    CHECK(options.ca_file == "a"); // empty means unset
}

TEST_CASE("the endpoint for traces is used as it is, and the common one gets a path") {
    const auto endpoint = [](const char* name, const char* value, const char* insecure = "") {
        const Variables variables{{name, value}, {"INSECURE", insecure}};
        return OtlpOptions::from_environment().endpoint;
    };
    CHECK(endpoint("ENDPOINT", "http://a:4318") == "http://a:4318/v1/traces");
    CHECK(endpoint("ENDPOINT", "http://a:4318/") == "http://a:4318/v1/traces");
    CHECK(endpoint("ENDPOINT", "http://a/b") == "http://a/b/v1/traces");
    CHECK(endpoint("TRACES_ENDPOINT", "http://a:4318") == "http://a:4318/");
    CHECK(endpoint("TRACES_ENDPOINT", "http://a/b") == "http://a/b");
    CHECK(endpoint("ENDPOINT", "a:4318") == "https://a:4318/v1/traces");
    CHECK(endpoint("ENDPOINT", "a:4318", "true") == "http://a:4318/v1/traces");
    CHECK(endpoint("ENDPOINT", "https://a", "true") == "https://a/v1/traces");
}

TEST_CASE("junk in the environment leaves the default and a warning without the value") {
    const std::vector<std::pair<const char*, const char*>> junk{
        {"ENDPOINT", "unix:///run/secret"},
        {"ENDPOINT", "http://"},
        {"ENDPOINT", "http://sec ret"},
        {"TRACES_ENDPOINT", "secret://a"},
        {"TIMEOUT", "secret"},
        {"TIMEOUT", "10s"},
        {"TIMEOUT", "-1"},
        {"TIMEOUT", "99999999999999999999"},
        {"COMPRESSION", "secret"},
        {"PROTOCOL", "grpc"},
        {"HEADERS", "secret"},
        {"HEADERS", "a=secret%2"},
        {"HEADERS", "a=secret%0D%0AHost: b"},
        {"HEADERS", "secret name=1"},
        {"HEADERS", "=secret"},
        {"INSECURE", "secret"}};
    for (const auto& [name, value] : junk) {
        const Variables variables{{name, value}};
        std::vector<std::string> warnings;
        const OtlpOptions options = OtlpOptions::from_environment(&warnings);
        INFO(name << '=' << value);
        REQUIRE(warnings.size() == 1);
        CHECK(warnings[0].starts_with(std::string{"OTEL_EXPORTER_OTLP_"} + name + ' '));
        CHECK(warnings[0].find("secret") == std::string::npos);
        CHECK(options.endpoint == OtlpOptions{}.endpoint);
        CHECK(options.timeout == OtlpOptions{}.timeout);
        CHECK(options.headers.empty());
        CHECK(options.encoding == plume::OtlpEncoding::protobuf);
    }
}

TEST_CASE("good headers survive bad neighbours, and a time-out of 0 means a day") {
    const Variables variables{{"HEADERS", "a=1,,junk,b=2"}, {"TIMEOUT", "0"}};
    std::vector<std::string> warnings;
    const OtlpOptions options = OtlpOptions::from_environment(&warnings);
    CHECK(warnings.size() == 1);
    CHECK(options.headers == decltype(options.headers){{"a", "1"}, {"b", "2"}});
    CHECK(options.timeout == 24h);
}
