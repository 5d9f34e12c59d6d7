// options.hpp - what the instrumentation of cpp-httplib can be told.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <httplib.h>

#include <plume/propagation/extracted.hpp>

namespace plume {

/// Everything has a default.
struct HttpServerOptions {
    /// What a `traceparent` that comes with a request means: link or ignore for a server that
    /// anybody can reach.
    Trust trust = Trust::adopt;

    /// Believes what a proxy in front says of its clients, in Forwarded (RFC 7239) or
    /// X-Forwarded-For, -Host and -Proto: client.address, server.address, server.port and
    /// url.scheme are theirs. For servers that nobody reaches but through a proxy which sets these
    /// headers: others can write into them what they like.
    bool behind_proxy = false;

    /// Paths of which nothing is traced, neither the request nor what its handler does: "/healthz",
    /// or "/internal/*" for all that begin so. Compared with the decoded path.
    std::vector<std::string> excluded_paths{};

    /// What a route is called, by the pattern that it was registered with:
    /// {"/orders/([^/]+)", "/orders/{id}"}. A route that is not here is called by its pattern,
    /// where that is known; see plume::instrument().
    std::vector<std::pair<std::string, std::string>> route_names{};

    /// Headers that go into spans, in any case: "Content-Type" becomes
    /// http.request.header.content-type. None unless asked for: headers carry secrets.
    std::vector<std::string> request_headers{};
    std::vector<std::string> response_headers{};

    /// Methods that spans tell as they are, in place of all others; any other method is "_OTHER".
    /// Their case matters. Not set: OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS, else those of RFC
    /// 9110, PATCH and QUERY.
    std::vector<std::string> known_methods{};

    /// Keys whose values are left out of `url.query`, besides those of signed URLs that
    /// OpenTelemetry's conventions list. Their case matters.
    std::vector<std::string> secret_query_keys{};

    /// Called within the span of a request that is recorded, on the thread that serves it: what it
    /// says by plume::set() and the like is said about that span. `on_request` comes before the
    /// request is routed, `on_response` before the response is sent, with the status that it will
    /// have. What they throw is ignored.
    std::function<void(const httplib::Request&)> on_request{};
    std::function<void(const httplib::Request&, httplib::Response&)> on_response{};
};

/// Everything has a default. The fields are those of HttpServerOptions.
struct HttpClientOptions {
    std::vector<std::string> request_headers{};
    std::vector<std::string> response_headers{};
    std::vector<std::string> known_methods{};
    std::vector<std::string> secret_query_keys{}; ///< of `url.full`

    /// Called within the span of a call, when its result is there, on the calling thread.
    std::function<void(const httplib::Result&)> on_result{};
};

} // namespace plume
