// disabled.cpp - a file without tracing that uses libcurl, in a program that has it.
#define PLUME_ENABLED 0
#include <plume/instrument/curl.hpp>

#include <type_traits>

#include "support/catch.hpp"
#include "support/curl_client.hpp"
#include "support/http_server.hpp"
#include "support/recorded.hpp"

using plume::otlp_test::HttpServer;
using plume::otlp_test::reply;
using plume::test::Easy;
using plume::test::HeaderList;
using plume::test::Multi;

TEST_CASE("compiled out, transfers send the user's headers and record nothing") {
    HttpServer server{{reply(200)}};
    const HeaderList headers{"X-Shop: north"};
    const auto seen = plume::test::recorded([&] {
        plume::SpanContext caller;
        caller.trace_id = {1, 2};
        caller.span_id = {3};
        caller.flags = plume::trace_flags::sampled;
        const plume::ContextScope scope{caller};
        const Easy easy{server.url()};
        CHECK(plume::perform(easy, headers) == CURLE_OK);

        plume::CurlTransfer transfer{easy, headers};
        CHECK(curl_easy_perform(easy) == CURLE_OK);
        transfer.done(CURLE_OK);
        CHECK_FALSE(transfer.context().valid());

        const Multi multi{curl_multi_init()};
        plume::CurlTransfers transfers{multi.get()};
        CHECK(transfers.add(easy, headers) == CURLM_OK);
        const CURLMsg* message = nullptr;
        int count = 0;
        while (!message) {
            REQUIRE(curl_multi_perform(multi.get(), &count) == CURLM_OK);
            message = transfers.info_read(&count);
            if (!message) curl_multi_poll(multi.get(), nullptr, 0, 1000, nullptr);
        }
        CHECK(message->data.result == CURLE_OK);
        CHECK(transfers.remove(easy) == CURLM_OK);
    });
    CHECK(seen.spans.empty());
    REQUIRE(server.requests().size() == 3);
    for (const auto& request : server.requests()) {
        CHECK(request.has_line("X-Shop: north"));
        CHECK(request.head.find("traceparent") == request.head.npos);
    }
    // A type of its own, so that files of both kinds can be linked together.
    CHECK(std::is_same_v<plume::CurlTransfer, plume::BasicCurlTransfer<false>>);
}
