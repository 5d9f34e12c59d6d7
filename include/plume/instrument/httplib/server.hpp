// server.hpp - spans for every request that a httplib::Server answers.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <httplib.h>

#include <plume/core/config.hpp>
#include <plume/instrument/httplib/options.hpp>
#include <plume/instrument/httplib/server_instrumentation.hpp>

namespace plume {

/// Traces every request that `traced` answers, of the routes that it has and of those that it gets
/// later: a span of the kind server, named "{method} {route}", which is the current one on the
/// thread that serves the request, from before routing until the body is sent or cannot be sent.
/// The server's handlers of every kind work as before, whenever they were set, and within the
/// span. Call it before the server binds its socket, on the thread that sets it up; a second call
/// does nothing. The server must not be set up any further while it listens, as without tracing.
///
/// http.route is the pattern of the route where cpp-httplib knows it (0.21 and later). Earlier
/// releases keep the compiled pattern alone: then a route is called by what all paths that it takes
/// have in common, with {1}, {2} … for captures and * for what else may vary. To have the pattern
/// itself, let the server be a plume::HttpServer; to have a nicer name, see
/// HttpServerOptions::route_names.
template <bool Enabled = (PLUME_ENABLED != 0)>
void instrument(httplib::Server& traced, HttpServerOptions options = {}) {
    if constexpr (Enabled) {
        if (detail::ServerInstrumentation::watches(traced)) return;
        std::make_shared<detail::ServerInstrumentation>(traced, std::move(options))
            ->watch_for_listening();
    }
}

// The server is visible to other modules, what it is made of is not: each module has its own.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wattributes"

/// A server that is traced, and knows the patterns of the routes that are registered with it.
/// `Base` is httplib::Server, or one derived from it such as httplib::SSLServer, whose arguments
/// follow the options:
///     plume::HttpServer server;
///     plume::BasicHttpServer<httplib::SSLServer> tls{{}, "cert.pem", "key.pem"};
template <class Base>
class BasicHttpServer : public Base {
  public:
    using Handler = httplib::Server::Handler;
    using Reader = httplib::Server::HandlerWithContentReader;

    template <bool Enabled = (PLUME_ENABLED != 0), class... Arguments>
    explicit BasicHttpServer(HttpServerOptions options = {}, Arguments&&... arguments)
        : Base(std::forward<Arguments>(arguments)...) {
        if constexpr (Enabled) {
            instrumentation_ =
                std::make_shared<detail::ServerInstrumentation>(*this, std::move(options));
            instrumentation_->watch_for_listening();
        }
    }

    // The functions of httplib::Server.
    BasicHttpServer& Get(const std::string& pattern, Handler handler) {
        Base::Get(pattern, routed("GET", pattern, std::move(handler)));
        return *this;
    }
    BasicHttpServer& Post(const std::string& pattern, Handler handler) {
        Base::Post(pattern, routed("POST", pattern, std::move(handler)));
        return *this;
    }
    BasicHttpServer& Post(const std::string& pattern, Reader handler) {
        Base::Post(pattern, routed("POST", pattern, std::move(handler)));
        return *this;
    }
    BasicHttpServer& Put(const std::string& pattern, Handler handler) {
        Base::Put(pattern, routed("PUT", pattern, std::move(handler)));
        return *this;
    }
    BasicHttpServer& Put(const std::string& pattern, Reader handler) {
        Base::Put(pattern, routed("PUT", pattern, std::move(handler)));
        return *this;
    }
    BasicHttpServer& Patch(const std::string& pattern, Handler handler) {
        Base::Patch(pattern, routed("PATCH", pattern, std::move(handler)));
        return *this;
    }
    BasicHttpServer& Patch(const std::string& pattern, Reader handler) {
        Base::Patch(pattern, routed("PATCH", pattern, std::move(handler)));
        return *this;
    }
    BasicHttpServer& Delete(const std::string& pattern, Handler handler) {
        Base::Delete(pattern, routed("DELETE", pattern, std::move(handler)));
        return *this;
    }
    BasicHttpServer& Delete(const std::string& pattern, Reader handler) {
        Base::Delete(pattern, routed("DELETE", pattern, std::move(handler)));
        return *this;
    }
    BasicHttpServer& Options(const std::string& pattern, Handler handler) {
        Base::Options(pattern, routed("OPTIONS", pattern, std::move(handler)));
        return *this;
    }

    /// Called when the server binds its socket.
    [[nodiscard]] bool is_valid() const override {
        if (instrumentation_) instrumentation_->watch_for_listening();
        return Base::is_valid();
    }

  private:
    template <class AnyHandler>
    AnyHandler routed(std::string_view method, const std::string& pattern, AnyHandler handler) {
        return instrumentation_ ? instrumentation_->routed(method, pattern, std::move(handler))
                                : handler;
    }

    std::shared_ptr<detail::ServerInstrumentation> instrumentation_;
};

#pragma GCC diagnostic pop

using HttpServer = BasicHttpServer<httplib::Server>;

} // namespace plume
