#include <plume/instrument/curl.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/catch.hpp"
#include "support/conventions.hpp"
#include "support/curl_client.hpp"
#include "support/http_server.hpp"
#include "support/recorded.hpp"

using namespace plume::literals;
using plume::ContextScope;
using plume::CurlCapture;
using plume::CurlTransfer;
using plume::CurlTransfers;
using plume::current_context;
using plume::perform;
using plume::RecordedSpan;
using plume::SpanContext;
using plume::SpanKind;
using plume::StatusCode;
using plume::SuppressScope;
using plume::otlp_test::HttpServer;
using plume::otlp_test::Reply;
using plume::otlp_test::reply;
using plume::otlp_test::Request;
using plume::test::Easy;
using plume::test::HeaderList;
using plume::test::Multi;
using plume::test::on_a_thread;
using plume::test::Recorded;
using plume::test::recorded;

namespace {

/// The values of a header in a request, in their order.
std::vector<std::string> values_of(const Request& request, std::string_view name) {
    std::vector<std::string> found;
    std::size_t at = 0;
    const std::string start = "\r\n" + std::string{name} + ": ";
    while ((at = request.head.find(start, at)) != request.head.npos) {
        at += start.size();
        found.push_back(request.head.substr(at, request.head.find("\r\n", at) - at));
    }
    return found;
}

/// As the header should read whose sender is that span.
std::string traceparent_of(const plume::TraceId& trace, const plume::SpanId& span,
                           std::uint8_t flags) {
    const auto trace_hex = trace.hex();
    const auto span_hex = span.hex();
    return "00-" + std::string{trace_hex.begin(), trace_hex.end()} + "-" +
           std::string{span_hex.begin(), span_hex.end()} + "-0" + std::to_string(flags);
}
std::string traceparent_of(const RecordedSpan& span) {
    return traceparent_of(span.trace_id, span.span_id, span.flags);
}
std::string traceparent_in(const Request& request) {
    const auto values = values_of(request, "traceparent");
    REQUIRE(values.size() == 1);
    return values[0];
}

SpanContext remote() {
    SpanContext context;
    context.trace_id = {0x4bf92f3577b34da6, 0xa3ce929d0e0e4736};
    context.span_id = {0x00f067aa0ba902b7};
    context.flags = plume::trace_flags::sampled;
    context.is_remote = true;
    return context;
}

/// The one span that a transfer makes.
const RecordedSpan& only(const Recorded& seen) {
    REQUIRE(seen.spans.size() == 1);
    return seen.spans[0];
}

/// A port of loopback that nobody listens on.
std::string nobody() { return HttpServer{{reply(200)}}.url(); }

bool mentions(const RecordedSpan& span, std::string_view secret) {
    const auto has = [&](std::string_view text) { return text.find(secret) != text.npos; };
    return has(span.name) || has(span.status_message) || has(span.trace_state) ||
           std::ranges::any_of(span.attributes, [&](const plume::RecordedAttribute& attribute) {
               return has(attribute.key) || has(span.text(attribute.key));
           });
}

void check_against_conventions(const RecordedSpan& span) {
    CHECK(plume::test::breaches(span, plume::test::http_client_conventions,
                                plume::test::Level::required) == "");
}

int give_up(void*, curl_off_t, curl_off_t, curl_off_t, curl_off_t) { return 1; }
std::size_t refuse(const char*, std::size_t, std::size_t, void*) { return 0; }
std::size_t no_upload(char*, std::size_t, std::size_t, void*) { return 0; }

} // namespace

// What a span says.

TEST_CASE("a request of libcurl is a client span with the attributes of the conventions") {
    HttpServer server{{reply(200, "hello")}};
    const auto seen = recorded([&] {
        PLUME_SPAN("handler");
        Easy easy{server.url() + "/stock?item=7"};
        CHECK(perform(easy, nullptr) == CURLE_OK);
        CHECK(easy.body() == "hello");
    });
    CHECK(seen.tree() == "handler\n"
                         "  GET\n");
    const RecordedSpan& span = seen["GET"];
    check_against_conventions(span);
    CHECK(span.kind == SpanKind::client);
    CHECK(span.status == StatusCode::unset);
    CHECK(span.text("http.request.method") == "GET");
    CHECK(span.text("url.full") == server.url() + "/stock?item=7");
    CHECK(span.text("server.address") == "127.0.0.1");
    CHECK(span.text("server.port") == std::to_string(server.port()));
    CHECK(span.text("http.response.status_code") == "200");
    CHECK(span.text("network.protocol.version") == "1.1");
    CHECK(span.text("network.peer.address") == "127.0.0.1");
    CHECK(span.text("network.peer.port") == std::to_string(server.port()));
    CHECK(span.attributes.size() == 8);
}

TEST_CASE("the port of a URL that names none is that of its scheme") {
    HttpServer server{{reply(200)}};
    const auto seen = recorded([&] {
        Easy easy{"http://shop.example"};
        const HeaderList connect{("::127.0.0.1:" + std::to_string(server.port())).c_str()};
        easy.set(CURLOPT_CONNECT_TO, static_cast<curl_slist*>(connect));
        CHECK(perform(easy, nullptr) == CURLE_OK);
    });
    const RecordedSpan& span = only(seen);
    CHECK(span.text("url.full") == "http://shop.example/");
    CHECK(span.text("server.address") == "shop.example");
    CHECK(span.text("server.port") == "80");
    CHECK(span.text("network.peer.port") == std::to_string(server.port()));
}

TEST_CASE("a URL is taken as libcurl takes it") {
    const auto seen = recorded([] {
        Easy easy{"[::1]:1/x#part"};
        CHECK(perform(easy, nullptr) == CURLE_COULDNT_CONNECT);
    });
    CHECK(only(seen).text("url.full") == "http://[::1]:1/x#part");
    CHECK(only(seen).text("server.address") == "::1");
    CHECK(only(seen).text("server.port") == "1");
}

TEST_CASE("a span is named after the method, also where libcurl knows it only later") {
    HttpServer server{{reply(204)}};
    const auto seen = recorded([&] {
        Easy post{server.url()};
        post.set(CURLOPT_POSTFIELDS, "a=1");
        CHECK(perform(post, nullptr) == CURLE_OK);
        post.set(CURLOPT_HTTPGET, 1L); // the handle has made a POST: it says so until it begins
        CHECK(perform(post, nullptr) == CURLE_OK);
        Easy put{server.url()};
        put.set(CURLOPT_UPLOAD, 1L);
        put.set(CURLOPT_INFILESIZE, 0L);
        put.set(CURLOPT_READFUNCTION, no_upload);
        CHECK(perform(put, nullptr) == CURLE_OK);
        Easy head{server.url()};
        head.set(CURLOPT_NOBODY, 1L);
        CHECK(perform(head, nullptr) == CURLE_OK);
        Easy patch{server.url()};
        patch.set(CURLOPT_CUSTOMREQUEST, "PATCH");
        CHECK(perform(patch, nullptr) == CURLE_OK);
    });
    std::vector<std::string> names;
    for (const RecordedSpan& span : seen.spans) {
        check_against_conventions(span);
        names.push_back(span.name);
        CHECK(span.text("http.request.method") == span.name);
        CHECK_FALSE(span.attribute("http.request.method_original"));
    }
    CHECK(names == std::vector<std::string>{"POST", "GET", "PUT", "HEAD", "PATCH"});
}

TEST_CASE("a method that nobody knows is told apart from the name of the span") {
    HttpServer server{{reply(200)}};
    const auto seen = recorded([&] {
        Easy easy{server.url()};
        easy.set(CURLOPT_CUSTOMREQUEST, "PURGE");
        CHECK(perform(easy, nullptr) == CURLE_OK);
    });
    const RecordedSpan& span = only(seen);
    check_against_conventions(span);
    CHECK(span.name == "HTTP");
    CHECK(span.text("http.request.method") == "_OTHER");
    CHECK(span.text("http.request.method_original") == "PURGE");
}

TEST_CASE("redirects that libcurl follows are part of the span, which is about the first request") {
    HttpServer target{{reply(200)}};
    HttpServer server{{reply(302, {}, "Location: /second"),
                       reply(303, {}, "Location: " + target.url() + "/end?sig=s3cret")}};
    const auto seen = recorded([&] {
        Easy easy{server.url() + "/first"};
        easy.set(CURLOPT_FOLLOWLOCATION, 1L);
        CHECK(perform(easy, nullptr) == CURLE_OK);
    });
    const RecordedSpan& span = only(seen);
    check_against_conventions(span);
    CHECK(span.name == "GET");
    CHECK(span.text("url.full") == server.url() + "/first");
    CHECK(span.text("server.port") == std::to_string(server.port()));
    CHECK(span.text("network.peer.port") == std::to_string(target.port()));
    CHECK(span.text("http.response.status_code") == "200");
    CHECK(span.text("http.request.resend_count") == "2");
    CHECK(span.status == StatusCode::unset);
    for (const Request& request : server.requests())
        CHECK(traceparent_in(request) == traceparent_of(span));
    CHECK(traceparent_in(target.requests().at(0)) == traceparent_of(span));
}

TEST_CASE("a method that redirects leave alone is told, and one that they change if it is given") {
    struct Case {
        int status;
        std::string_view given;
        std::string_view told;
    };
    // RFC 9110, 15.4.4 and 15.4.9: 303 makes a GET of it, 308 does not.
    for (const Case& one : {Case{308, "", "POST"}, Case{303, "POST", "POST"}}) {
        HttpServer server{{reply(one.status, {}, "Location: /second"), reply(200)}};
        const auto seen = recorded([&] {
            Easy easy{server.url() + "/first"};
            easy.set(CURLOPT_FOLLOWLOCATION, 1L);
            easy.set(CURLOPT_POSTFIELDS, "a=1");
            CHECK(perform(easy, nullptr, {.method = one.given}) == CURLE_OK);
        });
        const RecordedSpan& span = only(seen);
        check_against_conventions(span);
        CHECK(server.requests().at(0).head.starts_with("POST "));
        CHECK(span.name == one.told);
        CHECK(span.text("http.request.method") == one.told);
        CHECK(span.text("url.full") == server.url() + "/first");
        CHECK(span.text("http.request.resend_count") == "1");
    }
}

TEST_CASE("a handle that was redirected begins at its own URL again") {
    HttpServer server{{reply(302, {}, "Location: /second"), reply(200), reply(404)}};
    const auto seen = recorded([&] {
        Easy easy{server.url() + "/first"};
        easy.set(CURLOPT_FOLLOWLOCATION, 1L);
        CHECK(perform(easy, nullptr) == CURLE_OK);
        CHECK(perform(easy, nullptr) == CURLE_OK);
    });
    REQUIRE(seen.spans.size() == 2);
    CHECK(seen.spans[1].text("url.full") == server.url() + "/first");
    CHECK_FALSE(seen.spans[1].attribute("http.request.resend_count"));
    CHECK(seen.spans[1].text("error.type") == "404");
}

TEST_CASE("a try that is not the first says so, and redirects count on top") {
    HttpServer server{{reply(503), reply(302, {}, "Location: /second"), reply(200)}};
    const auto seen = recorded([&] {
        Easy easy{server.url()};
        easy.set(CURLOPT_FOLLOWLOCATION, 1L);
        for (int tries = 0; tries < 2; ++tries)
            CHECK(perform(easy, nullptr, {.resend_count = tries}) == CURLE_OK);
    });
    REQUIRE(seen.spans.size() == 2);
    CHECK_FALSE(seen.spans[0].attribute("http.request.resend_count"));
    CHECK(seen.spans[1].text("http.request.resend_count") == "2");
}

TEST_CASE("a sampler may decide by what is requested") {
    class ByUrl : public plume::CustomSampler {
      public:
        [[nodiscard]] bool sample(const plume::SamplingInput& input) override {
            bool wanted = false;
            for (std::size_t i = 0; i < input.attribute_count; ++i)
                wanted = wanted || (input.attributes[i].key == "url.full" &&
                                    std::string_view{input.attributes[i].text}.ends_with("/yes"));
            return wanted && input.kind == SpanKind::client;
        }
        [[nodiscard]] std::vector<std::string> attribute_keys() const override {
            return {"url.full"};
        }
    };
    HttpServer server{{reply(200)}};
    plume::Options options;
    options.sampler = plume::Sampler::custom(std::make_shared<ByUrl>());
    const auto seen = recorded(std::move(options), [&] {
        for (const char* path : {"/yes", "/no"}) {
            Easy easy{server.url() + path};
            CHECK(perform(easy, nullptr) == CURLE_OK);
        }
    });
    CHECK(only(seen).text("url.full") == server.url() + "/yes");
    CHECK(traceparent_in(server.requests().at(0)).ends_with("-03"));
    CHECK(traceparent_in(server.requests().at(1)).ends_with("-02"));
}

// How it went.

TEST_CASE("a status from 400 on is an error of the client, whatever libcurl makes of it") {
    for (const long fail_on_error : {0L, 1L}) {
        HttpServer server{{reply(404), reply(500)}};
        const auto seen = recorded([&] {
            Easy easy{server.url()};
            easy.set(CURLOPT_FAILONERROR, fail_on_error);
            const CURLcode expected = fail_on_error ? CURLE_HTTP_RETURNED_ERROR : CURLE_OK;
            CHECK(perform(easy, nullptr) == expected);
            CHECK(perform(easy, nullptr) == expected);
        });
        REQUIRE(seen.spans.size() == 2);
        const std::string_view expected[] = {"404", "500"};
        for (std::size_t i = 0; i < 2; ++i) {
            const RecordedSpan& span = seen.spans[i];
            check_against_conventions(span);
            CHECK(span.status == StatusCode::error);
            CHECK(span.status_message.empty());
            CHECK(span.text("error.type") == expected[i]);
            CHECK(span.text("http.response.status_code") == expected[i]);
        }
    }
}

TEST_CASE("a redirect that is not followed is no error") {
    HttpServer server{{reply(302, {}, "Location: /second"), reply(304)}};
    const auto seen = recorded([&] {
        Easy easy{server.url()};
        CHECK(perform(easy, nullptr) == CURLE_OK);
        CHECK(perform(easy, nullptr) == CURLE_OK);
    });
    for (const RecordedSpan& span : seen.spans) {
        CHECK(span.status == StatusCode::unset);
        CHECK_FALSE(span.attribute("error.type"));
        CHECK_FALSE(span.attribute("http.request.resend_count"));
    }
}

TEST_CASE("a connection that is refused is an error with a type and a message") {
    const std::string url = nobody();
    const auto seen = recorded([&] {
        Easy easy{url};
        CHECK(perform(easy, nullptr) == CURLE_COULDNT_CONNECT);
    });
    const RecordedSpan& span = only(seen);
    check_against_conventions(span);
    CHECK(span.status == StatusCode::error);
    CHECK(span.text("error.type") == "connection_refused");
    CHECK(span.status_message == curl_easy_strerror(CURLE_COULDNT_CONNECT));
    CHECK(span.text("url.full") == url + "/");
    CHECK_FALSE(span.attribute("http.response.status_code"));
    CHECK_FALSE(span.attribute("network.protocol.version"));
}

TEST_CASE("each way to fail has a type of its own") {
    struct Case {
        CURLcode code;
        std::string_view error_type;
        Reply answer;
        CURLoption option = CURLOPT_NOSIGNAL;
        long value = 1;
    };
    Reply cut = reply(200, "half");
    cut.bytes.resize(cut.bytes.size() - 2);
    cut.close = true;
    const Case cases[] = {
        {CURLE_OPERATION_TIMEDOUT,
         "timeout",
         {.bytes = {}, .close = false, .stall = true},
         CURLOPT_TIMEOUT_MS,
         20},
        {CURLE_GOT_NOTHING, "empty_response", {.bytes = {}, .close = true, .stall = false}},
        {CURLE_PARTIAL_FILE, "incomplete_response", cut},
        {CURLE_TOO_MANY_REDIRECTS, "too_many_redirects", reply(302, {}, "Location: /again"),
         CURLOPT_MAXREDIRS, 2},
        {CURLE_FILESIZE_EXCEEDED, "response_too_large", reply(200, "more"), CURLOPT_MAXFILESIZE, 2},
    };
    for (const Case& one : cases) {
        CAPTURE(one.error_type);
        HttpServer server{{one.answer}};
        const auto seen = recorded([&] {
            Easy easy{server.url()};
            easy.set(CURLOPT_FOLLOWLOCATION, 1L);
            easy.set(one.option, one.value);
            CHECK(perform(easy, nullptr) == one.code);
        });
        const RecordedSpan& span = only(seen);
        check_against_conventions(span);
        CHECK(span.status == StatusCode::error);
        CHECK(span.text("error.type") == one.error_type);
        CHECK(span.status_message == curl_easy_strerror(one.code));
    }
}

TEST_CASE("a host that nobody knows is an error that says so") {
    const std::string host(64, 'x'); // RFC 1035, 2.3.4: a label has 63, so no server is asked
    const auto seen = recorded([&] {
        Easy easy{"http://" + host + "/"};
        CHECK(perform(easy, nullptr) == CURLE_COULDNT_RESOLVE_HOST);
    });
    const RecordedSpan& span = only(seen);
    check_against_conventions(span);
    CHECK(span.text("error.type") == "unknown_host");
    CHECK(span.text("server.address") == host);
    CHECK_FALSE(span.attribute("network.peer.address"));
}

TEST_CASE("a transfer that a callback of the user's stops has not failed, and shows its status") {
    HttpServer server{{reply(200, "body")}};
    const auto seen = recorded([&] {
        Easy stopped{server.url()};
        stopped.set(CURLOPT_NOPROGRESS, 0L);
        stopped.set(CURLOPT_XFERINFOFUNCTION, give_up);
        CHECK(perform(stopped, nullptr) == CURLE_ABORTED_BY_CALLBACK);
        Easy refused{server.url()};
        refused.set(CURLOPT_WRITEFUNCTION, refuse);
        CHECK(perform(refused, nullptr) == CURLE_WRITE_ERROR);
        Easy header{server.url()};
        header.set(CURLOPT_HEADERFUNCTION, refuse);
        CHECK(perform(header, nullptr) == CURLE_WRITE_ERROR);
        Easy prepared{server.url()};
        prepared.set(
            CURLOPT_PREREQFUNCTION,
            +[](void*, char*, char*, int, int) { return CURL_PREREQFUNC_ABORT; });
        CHECK(perform(prepared, nullptr) == CURLE_ABORTED_BY_CALLBACK);
    });
    REQUIRE(seen.spans.size() == 4);
    for (const RecordedSpan& span : seen.spans) {
        CHECK(span.status == StatusCode::unset);
        CHECK(span.status_message.empty());
        CHECK_FALSE(span.attribute("error.type"));
    }
    CHECK(seen.spans[1].text("http.response.status_code") == "200");
}

TEST_CASE("a response that is an error stays one if its body is not wanted") {
    HttpServer server{{reply(503, "body")}};
    const auto seen = recorded([&] {
        Easy refused{server.url()};
        refused.set(CURLOPT_WRITEFUNCTION, refuse);
        CHECK(perform(refused, nullptr) == CURLE_WRITE_ERROR);
    });
    CHECK(only(seen).status == StatusCode::error);
    CHECK(only(seen).text("error.type") == "503");
}

TEST_CASE("methods are known by the conventions' list, or by one of the user's") {
    HttpServer server{{reply(200)}};
    const CurlCapture capture{{.known_methods = {"PURGE"}}};
    const auto seen = recorded([&] {
        for (const char* const method : {"QUERY", "PURGE"}) {
            Easy easy{server.url()};
            easy.set(CURLOPT_CUSTOMREQUEST, method);
            CHECK(perform(easy, nullptr) == CURLE_OK);
            CHECK(perform(easy, nullptr, {.capture = &capture}) == CURLE_OK);
        }
    });
    CHECK(seen.tree() == "QUERY\nHTTP\nHTTP\nPURGE\n");
    CHECK(seen.spans[0].text("http.request.method") == "QUERY");
    CHECK(seen.spans[1].text("http.request.method_original") == "QUERY");
    CHECK(seen.spans[3].text("http.request.method") == "PURGE");
}

TEST_CASE("every code of libcurl has a name, and no figures in it") {
    for (int code = 1; code < CURL_LAST; ++code) {
        const std::string_view name =
            plume::detail::curl_error_type(static_cast<CURLcode>(code), 0);
        CAPTURE(code);
        CHECK_FALSE(name.empty());
        CHECK(name.find_first_of("0123456789 ") == name.npos);
    }
}

TEST_CASE("a handle without a URL, and no handle at all, fail as they do without tracing") {
    const auto seen = recorded([] {
        Easy easy{""};
        CHECK(perform(easy, nullptr) == CURLE_URL_MALFORMAT);
        CHECK(perform(nullptr, nullptr) == CURLE_BAD_FUNCTION_ARGUMENT);
    });
    CHECK(only(seen).text("error.type") == "invalid_url");
    CHECK_FALSE(only(seen).attribute("url.full"));
}

// Secrets.

TEST_CASE("credentials and signatures in a URL are in no attribute") {
    HttpServer server{{reply(401)}};
    const std::string host = "127.0.0.1:" + std::to_string(server.port());
    const std::string urls[] = {
        "http://joe:hunter2@" + host + "/a",
        "http://hunter2@" + host + "/a",
        "joe:hunter2@" + host,
        "http://" + host + "/a?X-Amz-Signature=hunter2&b=1",
        "http://joe:hun ter2@" + host + "/hunter2", // not a URL
        "nothing://joe:hunter2@" + host + "/",      // of no scheme
        "http://joe:hunter2@" + host + ":x/hunter2",
    };
    for (const std::string& url : urls) {
        CAPTURE(url);
        const auto seen = recorded([&] {
            Easy easy{url};
            static_cast<void>(perform(easy, nullptr));
        });
        CHECK_FALSE(mentions(only(seen), "hunter2"));
        CHECK_FALSE(mentions(only(seen), "hun ter2"));
    }
    const auto seen = recorded([&] {
        Easy easy{urls[0]};
        CHECK(perform(easy, nullptr) == CURLE_OK);
    });
    CHECK(only(seen).text("url.full") == "http://REDACTED:REDACTED@" + host + "/a");
    CHECK(only(seen).text("server.address") == "127.0.0.1");
}

TEST_CASE("credentials that are given to libcurl by other means are in no attribute") {
    HttpServer server{{reply(200)}};
    const std::string url = "http://joe:hunter2@127.0.0.1:" + std::to_string(server.port()) + "/a";
    CURLU* parts = curl_url();
    REQUIRE(curl_url_set(parts, CURLUPART_URL, url.c_str(), 0) == CURLUE_OK);
    const auto seen = recorded([&] {
        Easy by_option{server.url() + "/a"};
        by_option.set(CURLOPT_USERPWD, "joe:hunter2");
        CHECK(perform(by_option, nullptr) == CURLE_OK);
        Easy by_parts{""};
        by_parts.set(CURLOPT_URL, static_cast<const char*>(nullptr));
        by_parts.set(CURLOPT_CURLU, parts);
        CHECK(perform(by_parts, nullptr) == CURLE_OK);
    });
    curl_url_cleanup(parts);
    REQUIRE(seen.spans.size() == 2);
    for (std::size_t i = 0; i < 2; ++i) {
        check_against_conventions(seen.spans[i]);
        CHECK_FALSE(mentions(seen.spans[i], "hunter2"));
        CHECK(traceparent_in(server.requests().at(i)) == traceparent_of(seen.spans[i]));
    }
}

TEST_CASE("a redirect gives no secret away either") {
    HttpServer server{{reply(302, {}, "Location: /?Signature=hunter2"), reply(200)}};
    const auto seen = recorded([&] {
        Easy easy{server.url() + "/?sig=hunter2"};
        easy.set(CURLOPT_FOLLOWLOCATION, 1L);
        CHECK(perform(easy, nullptr) == CURLE_OK);
    });
    CHECK_FALSE(mentions(only(seen), "hunter2"));
    CHECK(only(seen).text("url.full") == server.url() + "/?sig=REDACTED");
}

TEST_CASE("headers that are captured show no credential of a URL") {
    HttpServer server{{reply(302, {}, "Location: http://joe:hunter2@h/?sig=hunter2")}};
    const CurlCapture capture{{.request_headers = {"Referer"}, .response_headers = {"Location"}}};
    const HeaderList headers{"Referer: http://joe:hunter2@h/a"};
    const auto seen = recorded([&] {
        Easy easy{server.url()};
        CHECK(perform(easy, headers, {.capture = &capture}) == CURLE_OK);
    });
    CHECK(only(seen).text("http.request.header.referer") == "[http://REDACTED:REDACTED@h/a]");
    CHECK(only(seen).text("http.response.header.location") ==
          "[http://REDACTED:REDACTED@h/?sig=REDACTED]");
    CHECK_FALSE(mentions(only(seen), "hunter2"));
}

TEST_CASE("keys of a query that hold secrets here are hidden on demand") {
    HttpServer server{{reply(200)}};
    const CurlCapture capture{{.secret_query_keys = {"token"}}};
    const auto seen = recorded([&] {
        Easy easy{server.url() + "/?token=hunter2&sig=hunter2&page=3"};
        CHECK(perform(easy, nullptr, {.capture = &capture}) == CURLE_OK);
    });
    CHECK(only(seen).text("url.full") == server.url() + "/?token=REDACTED&sig=REDACTED&page=3");
}

// What is sent.

TEST_CASE("the service at the other end has the client's span as its parent") {
    HttpServer server{{reply(200)}};
    const auto seen = recorded([&] {
        Easy easy{server.url()};
        CHECK(perform(easy, nullptr) == CURLE_OK);
        CHECK(perform(easy, nullptr) == CURLE_OK);
    });
    REQUIRE(seen.spans.size() == 2);
    CHECK(server.connections() == 1); // it is kept
    for (std::size_t i = 0; i < 2; ++i)
        CHECK(traceparent_in(server.requests().at(i)) == traceparent_of(seen.spans[i]));
    CHECK(seen.spans[0].trace_id != seen.spans[1].trace_id);
}

TEST_CASE("the user's headers arrive, and their list stays as it is") {
    HttpServer server{{reply(200)}};
    const HeaderList headers{"X-Shop: north", "Accept:", "X-Empty;"};
    const std::string before = headers.text();
    const auto seen = recorded([&] {
        Easy easy{server.url()};
        CHECK(perform(easy, headers) == CURLE_OK);
    });
    const Request request = server.requests().at(0);
    CHECK(request.has_line("X-Shop: north"));
    CHECK(request.has_line("X-Empty:"));
    CHECK(values_of(request, "Accept").empty());
    CHECK(traceparent_in(request) == traceparent_of(only(seen)));
    CHECK(headers.text() == before);
}

TEST_CASE("afterwards the handle sends the user's headers, and nothing of ours") {
    HttpServer server{{reply(200)}};
    const HeaderList headers{"X-Shop: north"};
    const auto seen = recorded([&] {
        Easy easy{server.url()};
        CHECK(perform(easy, headers) == CURLE_OK);
        CHECK(curl_easy_perform(easy) == CURLE_OK);
    });
    CHECK(seen.spans.size() == 1);
    const Request request = server.requests().at(1);
    CHECK(request.has_line("X-Shop: north"));
    CHECK(values_of(request, "traceparent").empty());
}

TEST_CASE("a traceparent that the user has in their list gives way to the span's") {
    HttpServer server{{reply(200)}};
    const HeaderList headers{"X-First: 1",
                             "TraceParent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                             "X-Second: 2", "traceparent:", "X-Third: 3"};
    const std::string before = headers.text();
    const auto seen = recorded([&] {
        SpanContext caller = remote();
        caller.trace_state = "shop=1";
        caller.baggage = "user=7";
        const ContextScope scope{caller};
        Easy easy{server.url()};
        CHECK(perform(easy, headers) == CURLE_OK);
    });
    const Request request = server.requests().at(0);
    CHECK(traceparent_in(request) == traceparent_of(only(seen)));
    CHECK(values_of(request, "TraceParent").empty());
    CHECK(request.has_line("tracestate: shop=1"));
    CHECK(request.has_line("baggage: user=7"));
    for (const char* line : {"X-First: 1", "X-Second: 2", "X-Third: 3"})
        CHECK(request.has_line(line));
    CHECK(headers.text() == before);
}

TEST_CASE("one list of headers may serve many threads at once") {
    HttpServer server{{reply(200)}};
    const HeaderList headers{"X-Shop: north", "traceparent: mine"};
    const auto seen = recorded([&] {
        std::vector<std::thread> threads;
        for (int i = 0; i < 4; ++i) {
            threads.emplace_back([&] {
                Easy easy{server.url()};
                for (int k = 0; k < 5; ++k) perform(easy, headers);
            });
        }
        for (std::thread& thread : threads) thread.join();
    });
    CHECK(seen.spans.size() == 20);
    REQUIRE(server.requests().size() == 20);
    for (const Request& request : server.requests()) {
        CHECK(request.has_line("X-Shop: north"));
        const std::string sent = traceparent_in(request);
        CHECK(std::ranges::count(seen.spans, sent, [](const RecordedSpan& span) {
                  return traceparent_of(span);
              }) == 1);
    }
}

TEST_CASE("a value that would forge further headers is not sent") {
    plume::detail::CurlHeaders headers{nullptr};
    for (const std::string_view value : {"a=1\r\nX-Admin: yes", "a=1\n", "a\x01", "a\x7f"})
        headers.set("tracestate", value);
    CHECK_FALSE(headers.added());
    headers.set("tracestate", "a=1");
    headers.set("baggage", "b=2");
    headers.set("TRACESTATE", "c=3");
    REQUIRE(headers.list());
    CHECK(std::string{headers.list()->data} == "baggage: b=2");
    CHECK(std::string{headers.list()->next->data} == "TRACESTATE: c=3");
    CHECK_FALSE(headers.list()->next->next);
}

TEST_CASE("a trace that is not sampled is not recorded, and its decision is sent") {
    HttpServer server{{reply(200)}};
    const auto seen = recorded([&] {
        SpanContext unsampled = remote();
        unsampled.flags = 0;
        const ContextScope scope{unsampled};
        Easy easy{server.url()};
        CHECK(perform(easy, nullptr) == CURLE_OK);
        CurlTransfer transfer{easy, nullptr};
        CHECK(curl_easy_perform(easy) == CURLE_OK);
        transfer.done(CURLE_OK);
    });
    CHECK(seen.spans.empty());
    REQUIRE(server.requests().size() == 2);
    for (const Request& request : server.requests()) {
        CHECK(traceparent_in(request).starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"));
        CHECK(traceparent_in(request).ends_with("-00"));
    }
}

TEST_CASE("without a session nothing is sent but the user's headers") {
    HttpServer server{{reply(200)}};
    const HeaderList headers{"X-Shop: north"};
    Easy easy{server.url()};
    CHECK(perform(easy, headers) == CURLE_OK);
    CurlTransfer transfer{easy, headers};
    CHECK(curl_easy_perform(easy) == CURLE_OK);
    transfer.done(CURLE_OK);
    REQUIRE(server.requests().size() == 2);
    for (const Request& request : server.requests()) {
        CHECK(request.has_line("X-Shop: north"));
        CHECK(values_of(request, "traceparent").empty());
        CHECK(values_of(request, "baggage").empty());
    }
}

TEST_CASE("without a session a caller's context is passed on as it is") {
    HttpServer server{{reply(200)}};
    SpanContext caller = remote();
    caller.baggage = "user=7";
    const ContextScope scope{caller};
    Easy easy{server.url()};
    CHECK(perform(easy, nullptr) == CURLE_OK);
    CurlTransfer transfer{easy, nullptr};
    CHECK(transfer.context() == caller);
    CHECK(curl_easy_perform(easy) == CURLE_OK);
    transfer.done(CURLE_OK);
    REQUIRE(server.requests().size() == 2);
    for (const Request& request : server.requests()) {
        CHECK(traceparent_in(request) == "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        CHECK(request.has_line("baggage: user=7"));
    }
}

TEST_CASE("where tracing is suppressed nothing is recorded and nothing is sent") {
    HttpServer server{{reply(200)}};
    const auto seen = recorded([&] {
        PLUME_SPAN("export");
        const SuppressScope quiet;
        Easy easy{server.url()};
        CHECK(perform(easy, nullptr) == CURLE_OK);
        CurlTransfer transfer{easy, nullptr};
        CHECK(curl_easy_perform(easy) == CURLE_OK);
        transfer.done(CURLE_OK);
    });
    CHECK(seen.tree() == "export\n");
    REQUIRE(server.requests().size() == 2);
    for (const Request& request : server.requests())
        CHECK(values_of(request, "traceparent").empty());
}

TEST_CASE("what a callback records is a child of the request") {
    HttpServer server{{reply(200, "body")}};
    const auto seen = recorded([&] {
        Easy easy{server.url()};
        easy.set(
            CURLOPT_WRITEFUNCTION, +[](char*, std::size_t size, std::size_t count, void*) {
                PLUME_SPAN("parse");
                return size * count;
            });
        CHECK(perform(easy, nullptr) == CURLE_OK);
    });
    CHECK(seen.tree() == "GET\n"
                         "  parse\n");
}

TEST_CASE("a handle that is reset begins anew") {
    HttpServer server{{reply(404), reply(200)}};
    const auto seen = recorded([&] {
        Easy easy{server.url() + "/first"};
        easy.set(CURLOPT_CUSTOMREQUEST, "DELETE");
        const HeaderList headers{"X-Shop: north"};
        CHECK(perform(easy, headers) == CURLE_OK);
        curl_easy_reset(easy);
        easy.prepare(server.url() + "/second");
        CHECK(perform(easy, nullptr) == CURLE_OK);
    });
    REQUIRE(seen.spans.size() == 2);
    CHECK(seen.spans[1].name == "GET");
    CHECK(seen.spans[1].text("url.full") == server.url() + "/second");
    CHECK(seen.spans[1].status == StatusCode::unset);
    CHECK(values_of(server.requests().at(1), "X-Shop").empty());
}

TEST_CASE("the user's pointer and callbacks on a handle are theirs") {
    HttpServer server{{reply(200, "body")}};
    int mine = 0;
    char message[CURL_ERROR_SIZE] = "untouched";
    const auto seen = recorded([&] {
        Easy easy{server.url()};
        easy.set(CURLOPT_PRIVATE, &mine);
        easy.set(CURLOPT_ERRORBUFFER, message);
        easy.set(CURLOPT_PREREQDATA, &mine);
        easy.set(
            CURLOPT_PREREQFUNCTION, +[](void* data, char*, char*, int, int) {
                ++*static_cast<int*>(data);
                return CURL_PREREQFUNC_OK;
            });
        CHECK(perform(easy, nullptr) == CURLE_OK);
        int* still = nullptr;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, &still);
        CHECK(still == &mine);
        CHECK(easy.body() == "body");
    });
    CHECK(seen.spans.size() == 1);
    CHECK(mine == 1);
}

// Opt-in.

TEST_CASE("headers are captured on demand, and only those that were asked for") {
    HttpServer server{{reply(200, {}, "X-Cache: hit\r\nX-CACHE: local\r\nSet-Cookie: id=1")}};
    const CurlCapture capture{
        {.request_headers = {"X-Shop", "X-None"}, .response_headers = {"x-cache", "X-Missing"}}};
    const HeaderList headers{"x-shop:  north", "X-Shop: south", "Cookie: id=1"};
    const auto seen = recorded([&] {
        Easy easy{server.url()};
        CHECK(perform(easy, headers, {.capture = &capture}) == CURLE_OK);
    });
    using Texts = std::vector<std::string>;
    const RecordedSpan& span = only(seen);
    const auto* request = span.attribute("http.request.header.x-shop");
    const auto* response = span.attribute("http.response.header.x-cache");
    REQUIRE((request && response));
    CHECK(std::get<Texts>(*request) == Texts{"north", "south"});
    CHECK(std::get<Texts>(*response) == Texts{"hit", "local"});
    CHECK(std::ranges::count_if(span.attributes, [](const plume::RecordedAttribute& attribute) {
              return attribute.key.find(".header.") != attribute.key.npos;
          }) == 2);
}

TEST_CASE("how long the phases took is told on demand") {
    HttpServer server{{reply(200)}};
    const auto seen = recorded([&] {
        Easy easy{server.url()};
        CHECK(perform(easy, nullptr, {.phases = true}) == CURLE_OK);
        CHECK(perform(easy, nullptr) == CURLE_OK);
    });
    REQUIRE(seen.spans.size() == 2);
    for (const char* key :
         {"curl.namelookup_us", "curl.connect_us", "curl.appconnect_us", "curl.pretransfer_us",
          "curl.starttransfer_us", "curl.redirect_us", "curl.total_us"}) {
        CAPTURE(key);
        const auto* value = seen.spans[0].attribute(key);
        REQUIRE(value);
        CHECK(std::holds_alternative<std::int64_t>(*value));
        CHECK_FALSE(seen.spans[1].attribute(key));
    }
    CHECK(seen.spans[0].text("curl.appconnect_us") == "0"); // no TLS
    CHECK(seen.spans[0].text("curl.starttransfer_us") != "0");
}

// Other schemes than HTTP.

TEST_CASE("a transfer that is not HTTP is named after its scheme, and has nothing of HTTP") {
    char path[] = "/tmp/plume_curl_XXXXXX";
    const int descriptor = ::mkstemp(path);
    REQUIRE(descriptor >= 0);
    ::close(descriptor);
    const std::string url = "file://" + std::string{path};
    const auto seen = recorded([&] {
        Easy easy{url};
        CHECK(perform(easy, nullptr) == CURLE_OK);
        ::unlink(path);
        CHECK(perform(easy, nullptr) == CURLE_FILE_COULDNT_READ_FILE);
    });
    REQUIRE(seen.spans.size() == 2);
    for (const RecordedSpan& span : seen.spans) {
        CHECK(span.name == "file");
        CHECK(span.kind == SpanKind::client);
        CHECK(span.text("url.full") == url);
        CHECK(span.text("url.scheme") == "file");
        CHECK_FALSE(span.attribute("http.request.method"));
        CHECK_FALSE(span.attribute("server.address"));
    }
    CHECK(seen.spans[0].status == StatusCode::unset);
    CHECK(seen.spans[1].text("error.type") == "not_found");
}

namespace {

/// Takes one mail on a free port of loopback (RFC 5321), whatever it is told first.
class MailServer {
  public:
    MailServer() : listener_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        REQUIRE(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0);
        REQUIRE(::listen(listener_, 1) == 0);
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
        url_ = "smtp://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
        thread_ = std::thread{[this] { serve(::accept(listener_, nullptr, nullptr)); }};
    }
    ~MailServer() {
        ::shutdown(listener_, SHUT_RDWR); // if nobody came
        if (thread_.joinable()) thread_.join();
        ::close(listener_);
    }
    MailServer(const MailServer&) = delete;
    MailServer& operator=(const MailServer&) = delete;

    [[nodiscard]] const std::string& url() const { return url_; }
    /// All that it was told, once the client has gone.
    [[nodiscard]] const std::string& conversation() {
        thread_.join();
        return told_;
    }

  private:
    void serve(int socket) {
        const auto say = [socket](std::string_view line) {
            static_cast<void>(::send(socket, line.data(), line.size(), MSG_NOSIGNAL));
        };
        say("220 ready\r\n");
        bool in_mail = false;
        std::size_t begin = 0;
        char piece[4096];
        for (ssize_t count = 0; (count = ::recv(socket, piece, sizeof piece, 0)) > 0;) {
            told_.append(piece, static_cast<std::size_t>(count));
            for (std::size_t end = 0; (end = told_.find("\r\n", begin)) != told_.npos;) {
                const std::string line = told_.substr(begin, end - begin);
                begin = end + 2;
                const bool was_in_mail =
                    std::exchange(in_mail, line == "DATA" || (in_mail && line != "."));
                if (!in_mail) say(line == "QUIT" ? "221 bye\r\n" : "250 fine\r\n");
                else if (!was_in_mail) say("354 go on\r\n");
            }
        }
        ::close(socket);
    }

    int listener_;
    std::string url_;
    std::string told_;
    std::thread thread_;
};

} // namespace

TEST_CASE("a trace is not written into mail, where libcurl puts the same list of headers") {
    MailServer server;
    const HeaderList headers{"Subject: stock is low"};
    const HeaderList recipients{"<buyer@shop.example>"};
    const auto seen = recorded([&] {
        Easy easy{server.url()};
        easy.set(CURLOPT_MAIL_FROM, "<shop@shop.example>");
        easy.set(CURLOPT_MAIL_RCPT, static_cast<curl_slist*>(recipients));
        curl_mime* mime = curl_mime_init(easy);
        curl_mime_data(curl_mime_addpart(mime), "Order more.", CURL_ZERO_TERMINATED);
        easy.set(CURLOPT_MIMEPOST, mime);
        CHECK(perform(easy, headers) == CURLE_OK);
        curl_mime_free(mime);
    });
    CHECK(only(seen).name == "smtp");
    const std::string& conversation = server.conversation();
    CHECK(conversation.find("Subject: stock is low\r\n") != conversation.npos);
    CHECK(conversation.find("Order more.") != conversation.npos);
    CHECK(conversation.find("traceparent") == conversation.npos);
}

TEST_CASE("headers are added to what is HTTP, or may be") {
    for (const char* url : {"smtp://127.0.0.1/", "imaps://127.0.0.1/", "smtp.example.com"})
        CHECK_FALSE(plume::detail::sends_http_headers(Easy{url}));
    for (const char* url : {"http://127.0.0.1/", "HTTPS://127.0.0.1/", "example.com", ""})
        CHECK(plume::detail::sends_http_headers(Easy{url}));
}

// The multi interface.

namespace {

/// A transfer as an application may keep it: it stops at its first byte until it is let go.
struct Fetch {
    explicit Fetch(const std::string& url) : easy{url} {
        easy.set(CURLOPT_WRITEFUNCTION, &Fetch::write);
        easy.set(CURLOPT_WRITEDATA, this);
        easy.set(CURLOPT_PRIVATE, this);
    }
    static std::size_t write(char*, std::size_t size, std::size_t count, void* self) {
        auto& fetch = *static_cast<Fetch*>(self);
        fetch.waits = !fetch.may_go;
        return fetch.may_go ? size * count : CURL_WRITEFUNC_PAUSE;
    }

    Easy easy;
    bool waits = false;
    bool may_go = false;
};

/// Lets libcurl work until `enough`.
template <class Enough>
void drive(CURLM* multi, Enough&& enough) {
    int running = 0;
    while (!enough()) {
        REQUIRE(curl_multi_perform(multi, &running) == CURLM_OK);
        if (enough()) return;
        REQUIRE(curl_multi_poll(multi, nullptr, 0, 1000, nullptr) == CURLM_OK);
    }
}

/// The handle whose transfer is done, or null, and its result to `done`.
template <class Done>
CURL* read_one(CURLM* multi, Done&& done) {
    int left = 0;
    const CURLMsg* message = curl_multi_info_read(multi, &left);
    if (!message || message->msg != CURLMSG_DONE) return nullptr;
    CURL* easy = message->easy_handle;
    done(message->data.result);
    return easy;
}

} // namespace

TEST_CASE("parallel transfers each have their span, in whatever order and on whatever thread they "
          "are done") {
    constexpr std::size_t count = 20;
    HttpServer server{{reply(200, "body")}};
    const HeaderList headers{"X-Shop: north"};
    const auto seen = recorded([&] {
        PLUME_SPAN("handler");
        const Multi multi{curl_multi_init()};
        std::vector<std::unique_ptr<Fetch>> fetches;
        std::vector<CurlTransfer> transfers;
        for (std::size_t i = 0; i < count; ++i) {
            fetches.push_back(std::make_unique<Fetch>(server.url() + "/" + std::to_string(i)));
            transfers.emplace_back(fetches[i]->easy, headers); // moves those before it
            curl_multi_add_handle(multi.get(), fetches[i]->easy);
        }
        on_a_thread([&] {
            drive(multi.get(), [&] {
                return std::ranges::all_of(fetches, [](const auto& fetch) { return fetch->waits; });
            });
            for (std::size_t i = count; i-- > 0;) {
                fetches[i]->may_go = true;
                curl_easy_pause(fetches[i]->easy, CURLPAUSE_CONT);
                CURL* easy = nullptr;
                drive(multi.get(), [&] {
                    easy = read_one(multi.get(), [&](CURLcode code) { transfers[i].done(code); });
                    return easy != nullptr;
                });
                CHECK(easy == fetches[i]->easy);
                curl_multi_remove_handle(multi.get(), easy);
            }
        });
    });
    REQUIRE(seen.spans.size() == count + 1);
    const std::vector<Request> requests = server.requests();
    REQUIRE(requests.size() == count);
    for (const Request& request : requests) {
        CHECK(request.has_line("X-Shop: north"));
        const std::string path = request.head.substr(4, request.head.find(' ', 4) - 4);
        const auto span =
            std::ranges::find(seen.spans, server.url() + path,
                              [](const RecordedSpan& s) { return s.text("url.full"); });
        REQUIRE(span != seen.spans.end());
        check_against_conventions(*span);
        CHECK(span->name == "GET");
        CHECK(span->parent_span_id == seen["handler"].span_id);
        CHECK(span->text("http.response.status_code") == "200");
        CHECK(traceparent_in(request) == traceparent_of(*span));
    }
    const auto end_of = [&](std::size_t i) {
        const std::string url = server.url() + "/" + std::to_string(i);
        return std::ranges::find(seen.spans, url,
                                 [](const RecordedSpan& s) { return s.text("url.full"); })
            ->end_unix_ns;
    };
    for (std::size_t i = 1; i < count; ++i) CHECK(end_of(i) <= end_of(i - 1));
}

TEST_CASE("a transfer that is given up is no error, and leaves the handle as it was") {
    HttpServer server{{{.bytes = {}, .close = false, .stall = true}, reply(200)}};
    const HeaderList headers{"X-Shop: north"};
    const auto seen = recorded([&] {
        const Multi multi{curl_multi_init()};
        const Easy easy{server.url()};
        {
            const CurlTransfer transfer{easy, headers};
            curl_multi_add_handle(multi.get(), easy);
            drive(multi.get(), [&] { return server.requests().size() == 1; });
            curl_multi_remove_handle(multi.get(), easy);
        }
        CHECK(curl_easy_perform(easy) == CURLE_OK);
    });
    const RecordedSpan& span = only(seen);
    check_against_conventions(span);
    CHECK(span.name == "GET");
    CHECK(span.status == StatusCode::unset);
    CHECK_FALSE(span.attribute("error.type"));
    CHECK(traceparent_in(server.requests().at(0)) == traceparent_of(span));
    CHECK(server.requests().at(1).has_line("X-Shop: north"));
    CHECK(values_of(server.requests().at(1), "traceparent").empty());
}

TEST_CASE("what belongs to a transfer finds its parent wherever it runs") {
    HttpServer server{{reply(200)}};
    const auto seen = recorded([&] {
        const Easy easy{server.url()};
        CurlTransfer transfer{easy, nullptr};
        CHECK_FALSE(current_context().valid()); // it is nobody's parent by itself
        on_a_thread([&] {
            const ContextScope scope{transfer.context()};
            PLUME_SPAN("parse");
        });
        CHECK(curl_easy_perform(easy) == CURLE_OK);
        transfer.done(CURLE_OK);
        transfer.done(CURLE_COULDNT_CONNECT); // the first call counts
    });
    CHECK(seen.tree() == "GET\n"
                         "  parse\n");
    CHECK(seen["GET"].status == StatusCode::unset);
}

TEST_CASE("a transfer may take the place of another one") {
    HttpServer server{{reply(200)}};
    const auto seen = recorded([&] {
        const Easy first{server.url() + "/first"};
        const Easy second{server.url() + "/second"};
        CurlTransfer transfer;
        transfer.done(CURLE_OK);
        transfer = CurlTransfer{first, nullptr};
        transfer = CurlTransfer{second, nullptr};
        CHECK(curl_easy_perform(second) == CURLE_OK);
        transfer.done(CURLE_OK);
        CHECK(curl_easy_perform(first) == CURLE_OK);
    });
    REQUIRE(seen.spans.size() == 2);
    CHECK(seen.spans[0].text("url.full") == server.url() + "/first");
    CHECK(seen.spans[0].status == StatusCode::unset);
    CHECK(seen.spans[1].text("url.full") == server.url() + "/second");
    CHECK(seen.spans[1].status == StatusCode::unset);
    CHECK(traceparent_in(server.requests().at(0)) == traceparent_of(seen.spans[1]));
    CHECK(values_of(server.requests().at(1), "traceparent").empty());
}

TEST_CASE("three calls on a multi handle trace all its transfers") {
    HttpServer server{{reply(200, "body")}};
    const auto seen = recorded([&] {
        const Multi multi{curl_multi_init()};
        Fetch done{server.url() + "/done"};
        Fetch removed{server.url() + "/removed"};
        Fetch left{server.url() + "/left"};
        done.may_go = true;
        CurlTransfers transfers{multi.get()};
        for (const Fetch* fetch : {&done, &removed, &left})
            CHECK(transfers.add(fetch->easy, nullptr) == CURLM_OK);
        CHECK(transfers.add(done.easy, nullptr) == CURLM_ADDED_ALREADY);
        CHECK(transfers.context(left.easy).valid());

        CURL* read = nullptr;
        drive(multi.get(), [&] {
            int more = 0;
            if (const CURLMsg* message = transfers.info_read(&more)) {
                CHECK(message->data.result == CURLE_OK);
                read = message->easy_handle;
            }
            return read && removed.waits && left.waits;
        });
        CHECK(read == done.easy);
        CHECK_FALSE(transfers.context(done.easy).valid());
        for (const Fetch* fetch : {&done, &removed})
            CHECK(transfers.remove(fetch->easy) == CURLM_OK);
        curl_multi_remove_handle(multi.get(), left.easy);
    });
    REQUIRE(seen.spans.size() == 3);
    for (const RecordedSpan& span : seen.spans) {
        const bool done = span.text("url.full").ends_with("/done");
        CHECK(span.status == StatusCode::unset);
        CHECK_FALSE(span.attribute("error.type"));
        CHECK((span.attribute("http.response.status_code") != nullptr) == done);
    }
}

TEST_CASE("a transfer that a multi handle does not take is an error at once") {
    const auto seen = recorded([] {
        const Easy easy{"http://127.0.0.1/"};
        CurlTransfers transfers{nullptr};
        CHECK(transfers.add(easy, nullptr) == CURLM_BAD_HANDLE);
    });
    CHECK(only(seen).status == StatusCode::error);
}
