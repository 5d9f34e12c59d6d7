// server_instrumentation.hpp - what stands between a httplib::Server and its handlers.
#pragma once

#include <cerrno>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <httplib.h>

#include <plume/core/config.hpp>
#include <plume/instrument/httplib/members.hpp>
#include <plume/instrument/httplib/options.hpp>
#include <plume/instrument/httplib/route.hpp>
#include <plume/instrument/httplib/served_request.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// What stands between a server and its handlers. Each of the functors below is put in the place of
/// a handler, calls that one, and shares this with the others. They are put there when the server
/// begins to listen, so it does not matter in which order the handlers were set.
class ServerInstrumentation : public std::enable_shared_from_this<ServerInstrumentation> {
  public:
    using Server = httplib::Server;
    using Request = httplib::Request;
    using Response = httplib::Response;
    using HandlerResponse = Server::HandlerResponse;

    ServerInstrumentation(Server& server, HttpServerOptions options)
        : server_{server}, settings_{std::move(options)} {}

    /// Sees to it that listening begins with attach(): by what makes the queue for connections, and
    /// by what is called for a new socket, lest somebody replaces the former. Again and again.
    void watch_for_listening() {
        if (!server_.new_task_queue.target<NewQueue>())
            server_.new_task_queue = NewQueue{shared_from_this(), server_.new_task_queue};
        auto& socket_options = server_.*open(SocketOptionsOf{});
        if (!socket_options.target<OnSocket>())
            socket_options = OnSocket{shared_from_this(), socket_options};
    }
    [[nodiscard]] static bool watches(const Server& server) noexcept {
        return server.new_task_queue.target<NewQueue>() != nullptr;
    }

    /// A handler that knows its route's pattern.
    template <class Handler>
    Handler routed(std::string_view method, const std::string& pattern, Handler handler) {
        Route& route = routes_.emplace_back(method, settings_.methods);
        route.set_pattern(pattern, settings_.options.route_names);
        return RoutedHandler<Handler>{shared_from_this(), &route, std::move(handler)};
    }

  private:
    using Self = std::shared_ptr<ServerInstrumentation>;

    [[nodiscard]] Connection* connection() const noexcept { return Connection::current(settings_); }
    [[nodiscard]] ServedRequest* request() const noexcept {
        Connection* const here = connection();
        return here ? here->request() : nullptr;
    }

    /// Calls a handler, and takes note of what it throws. cpp-httplib makes a response of that.
    template <bool Exceptions = PLUME_EXCEPTIONS != 0, class F>
    decltype(auto) watched(F&& handler) const {
#if PLUME_EXCEPTIONS
        try {
            return handler();
        } catch (const std::exception& exception) {
            if (ServedRequest* const served = request())
                call_hook([&] { served->threw(type_of(exception), exception.what()); });
            throw;
        } catch (...) {
            if (ServedRequest* const served = request())
                call_hook([&] { served->threw("unknown", "not a std::exception"); });
            throw;
        }
#else
        return handler();
#endif
    }

    struct BeforeRouting {
        Self self;
        Server::HandlerWithResponse theirs;
        HandlerResponse operator()(const Request& request, Response& response) const {
            if (Connection* const here = self->connection()) here->begin(request);
            if (!theirs) return HandlerResponse::Unhandled;
            return self->watched([&] { return theirs(request, response); });
        }
    };

    template <class Handler>
    struct RoutedHandler {
        Self self;
        Route* route;
        Handler theirs;
        template <class... Reader>
        void operator()(const Request& request, Response& response, const Reader&... reader) const {
            if (ServedRequest* const served = self->request()) served->routed(*route, request);
            self->watched([&] { theirs(request, response, reader...); });
        }
    };

    struct AfterRouting {
        Self self;
        Server::Handler theirs;
        void operator()(const Request& request, Response& response) const {
            Connection* const here = self->connection();
            // What cannot be parsed is answered without routing.
            if (here && !here->busy()) here->begin(request);
            if (theirs) theirs(request, response);
            if (ServedRequest* const served = self->request()) served->answered(request, response);
            if (here) here->watch_end_of(response);
            errno = 0; // see Connection::response_ends()
        }
    };

    struct Logger {
        Self self;
        httplib::Logger theirs;
        void operator()(const Request& request, const Response& response) const {
            if (!theirs) return;
            if (Connection* const here = self->connection())
                here->during_logger([&] { theirs(request, response); });
            else theirs(request, response);
        }
    };

    /// The task that serves one connection.
    struct ServeConnection {
        Self self;
        std::function<void()> theirs;
        void operator()() const {
            const Connection connection{self->settings_};
            theirs();
        }
    };

    class Queue final : public httplib::TaskQueue {
      public:
        Queue(Self self, httplib::TaskQueue* theirs) : self_{std::move(self)}, theirs_{theirs} {}
        /// Returns nothing in releases before 0.15, later whether there was room.
        std::invoke_result_t<decltype(&httplib::TaskQueue::enqueue), httplib::TaskQueue&,
                             std::function<void()>>
        enqueue(std::function<void()> task) override {
            return theirs_->enqueue(ServeConnection{self_, std::move(task)});
        }
        void shutdown() override { theirs_->shutdown(); }
        void on_idle() override { theirs_->on_idle(); }

      private:
        Self self_;
        std::unique_ptr<httplib::TaskQueue> theirs_;
    };
    struct NewQueue {
        Self self;
        std::function<httplib::TaskQueue*()> theirs;
        httplib::TaskQueue* operator()() const {
            self->attach();
            httplib::TaskQueue* const queue = theirs();
            return queue ? new Queue{self, queue} : nullptr;
        }
    };
    struct OnSocket {
        Self self;
        httplib::SocketOptions theirs;
        void operator()(socket_t socket) const {
            self->watch_for_listening();
            if (theirs) theirs(socket);
        }
    };

    template <class Functor, class Tag>
    void put(Tag) {
        auto& handler = server_.*open(Tag{});
        if (!handler.template target<Functor>()) handler = Functor{shared_from_this(), handler};
    }
    template <class Tag>
    void wrap(std::string_view method, Tag) {
        for (auto& [matcher, handler] : server_.*open(Tag{})) {
            using Handler = std::remove_cvref_t<decltype(handler)>;
            auto* wrapped = handler.template target<RoutedHandler<Handler>>();
            if (!wrapped) {
                handler = RoutedHandler<Handler>{
                    shared_from_this(), &routes_.emplace_back(method, settings_.methods), handler};
                wrapped = handler.template target<RoutedHandler<Handler>>();
            }
            if (wrapped->route->known()) continue;
            if constexpr (requires { matcher->pattern(); })
                wrapped->route->set_pattern(matcher->pattern(), settings_.options.route_names);
            else wrapped->route->set_matcher(matcher);
        }
    }

    /// On the thread that listens, before the first connection.
    void attach() {
        put<BeforeRouting>(PreRouting{});
        put<AfterRouting>(PostRouting{});
        put<Logger>(AccessLogger{});
        wrap("GET", GetHandlers{});
        wrap("POST", PostHandlers{});
        wrap("POST", PostReaders{});
        wrap("PUT", PutHandlers{});
        wrap("PUT", PutReaders{});
        wrap("PATCH", PatchHandlers{});
        wrap("PATCH", PatchReaders{});
        wrap("DELETE", DeleteHandlers{});
        wrap("DELETE", DeleteReaders{});
        wrap("OPTIONS", OptionsHandlers{});
    }

    Server& server_;
    ServerSettings settings_;
    std::deque<Route> routes_; ///< at stable addresses
};

} // namespace detail
} // namespace plume
