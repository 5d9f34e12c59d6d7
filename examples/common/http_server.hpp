// http_server.hpp - how a handler answers.
#pragma once

#include <string>

#include <httplib.h>
#include <plume/context.hpp>

namespace examples {

struct Reply {
    int status = 200;
    std::string text = {};
};

inline void respond(httplib::Response& response, const Reply& reply) {
    // Whoever complains about a response can say which trace it was.
    if (const plume::SpanContext here = plume::current_context(); here.valid()) {
        const auto trace = here.trace_id.hex();
        response.set_header("X-Trace-Id", std::string{trace.data(), trace.size()});
    }
    response.status = reply.status;
    response.set_content(reply.text + "\n", "text/plain");
}

} // namespace examples
