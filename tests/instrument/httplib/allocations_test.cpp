// What the spans of requests take from the heap, in a program that counts.
#include <plume/instrument/httplib.hpp>

#include <cstddef>
#include <string>

#include "support/allocations.hpp"
#include "support/catch.hpp"
#include "support/recorded.hpp"

namespace {

/// What cpp-httplib makes of a request with a traceparent.
httplib::Request request() {
    httplib::Request made;
    made.method = "GET";
    made.target = "/orders/42?full=1";
    made.path = "/orders/42";
    made.version = "HTTP/1.1";
    made.remote_addr = "127.0.0.1";
    made.remote_port = 40000;
    made.headers = {{"Host", "127.0.0.1:8080"},
                    {"User-Agent", "a name that is too long for the object itself"},
                    {"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}};
    return made;
}

} // namespace

TEST_CASE("a request with a traceparent takes nothing from the heap, after the first one") {
    const plume::detail::ServerSettings settings{{}};
    const httplib::Request asked = request();
    httplib::Response response;
    response.status = 200;
    plume::detail::Route route{"GET", settings.methods};
    route.set_pattern(R"(/orders/(\d+))", {});
    std::size_t taken = 0;
    const auto seen = plume::test::recorded([&] {
        plume::detail::Connection connection{settings};
        for (int i = 0; i < 3; ++i) {
            const std::size_t before = plume::test::allocations();
            connection.begin(asked);
            connection.request()->routed(route, asked);
            connection.request()->answered(asked, response);
            connection.request()->sent(true);
            connection.end();
            taken = plume::test::allocations() - before;
        }
    });
    CHECK(taken == 0);
    CHECK(seen.spans.size() == 3);
    CHECK(seen.spans.back().text("user_agent.original") ==
          "a name that is too long for the object itself");
}
