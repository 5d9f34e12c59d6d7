// http_server.hpp - what a handler says about its request and its response, by the conventions.
#pragma once

#include <string>
#include <utility>

#include <httplib.h>
#include <plume/context.hpp>
#include <plume/plume.hpp>
#include <plume/propagation/propagation.hpp>

namespace examples {

struct Reply {
    int status = 200;
    std::string text = {};
};

/// Where the caller is in its trace, and its baggage. If it doesn't say, what begins below is a new
/// trace.
inline plume::Extracted caller_of(const httplib::Request& request) {
    return plume::extract(plume::PairsCarrier{request.headers});
}

/// Answers a request within the server span that is open: calls `handle` for the Reply. Who the
/// caller is, address and headers, stays out of the span.
template <class Handle>
void answer(const httplib::Request& request, httplib::Response& response, Handle&& handle) {
    PLUME_SET("http.request.method"_a = request.method, "url.scheme"_a = "http",
              "url.path"_a = request.path);
    const Reply reply = std::forward<Handle>(handle)();
    PLUME_SET("http.response.status_code"_a = reply.status);
    // That a caller asked for something wrong (4xx) is no failure of the server.
    if (reply.status >= 500) {
        PLUME_SET("error.type"_a = std::to_string(reply.status));
        plume::set_status(plume::StatusCode::error);
    }

    // Whoever complains about a response can say which trace it was.
    if (const plume::SpanContext here = plume::current_context(); here.valid()) {
        const auto trace = here.trace_id.hex();
        response.set_header("X-Trace-Id", std::string{trace.data(), trace.size()});
    }
    response.status = reply.status;
    response.set_content(reply.text + "\n", "text/plain");
}

} // namespace examples
