// A file in which Plume is compiled out: its servers and clients are cpp-httplib's own.
#undef PLUME_ENABLED
#define PLUME_ENABLED 0

#include <plume/instrument/httplib.hpp>

#include "support/catch.hpp"
#include "support/httplib.hpp"
#include "support/recorded.hpp"

TEST_CASE("where Plume is compiled out, nothing of cpp-httplib is traced or changed") {
    std::size_t traceparents = 1;
    const auto seen = plume::test::recorded([&] {
        plume::HttpServer server;
        httplib::Server plain;
        plume::instrument(plain);
        CHECK_FALSE(plume::detail::ServerInstrumentation::watches(server));
        CHECK_FALSE(plume::detail::ServerInstrumentation::watches(plain));
        server.Get("/(.*)", [&](const httplib::Request& request, httplib::Response& response) {
            traceparents = request.get_header_value_count("traceparent");
            response.status = 204;
        });
        const plume::test::Serving serving{server};
        plume::HttpClient client{"127.0.0.1", serving.port()};
        const auto result = client.Get("/a");
        REQUIRE(result);
        CHECK(result->status == 204);
        httplib::Client existing = serving.client();
        CHECK(plume::instrument(existing).Get("/b"));
        httplib::Request request;
        httplib::Response response;
        httplib::Error error{};
        request.method = "GET";
        request.path = "/c";
        CHECK(client.send(request, response, error));
    });
    CHECK(seen.spans.empty());
    CHECK(traceparents == 0);
}
