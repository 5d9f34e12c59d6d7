// served_request.hpp - the span of one request that a server answers, from routing to the last
// byte.
#pragma once

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include <cxxabi.h>
#include <httplib.h>

#include <plume/instrument/detail/http.hpp>
#include <plume/instrument/httplib/headers.hpp>
#include <plume/instrument/httplib/options.hpp>
#include <plume/instrument/httplib/request_attributes.hpp>
#include <plume/instrument/httplib/request_carrier.hpp>
#include <plume/instrument/httplib/route.hpp>
#include <plume/propagation/propagation.hpp>
#include <plume/trace/context.hpp>
#include <plume/trace/span.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// What an exception is called: its own type, where the compiler keeps that.
inline std::string type_of(const std::exception& exception) {
#if defined(__cpp_rtti)
    int status = 0;
    const std::unique_ptr<char, void (*)(void*)> name{
        abi::__cxa_demangle(typeid(exception).name(), nullptr, nullptr, &status), &std::free};
    if (name) return name.get();
#endif
    static_cast<void>(exception);
    return "std::exception";
}

/// What a server was told, ready for use. Immutable once it listens.
struct ServerSettings {
    explicit ServerSettings(HttpServerOptions from)
        : options{std::move(from)},
          request_headers{"http.request.header.", options.request_headers},
          response_headers{"http.response.header.", options.response_headers},
          redaction{options.secret_query_keys}, methods{options.known_methods} {}

    [[nodiscard]] bool excludes(std::string_view path) const noexcept {
        for (const std::string& excluded : options.excluded_paths) {
            const std::string_view text{excluded};
            if (text == path) return true;
            if (text.ends_with('*') && path.starts_with(text.substr(0, text.size() - 1)))
                return true;
        }
        return false;
    }

    HttpServerOptions options;
    CapturedHeaders request_headers;
    CapturedHeaders response_headers;
    UrlRedaction redaction;
    KnownMethods methods;
};

/// A request that is being answered, and its span, which is the current one all the while.
class ServedRequest {
  public:
    ServedRequest(const ServerSettings& settings, const httplib::Request& request, KnownPeer& peer)
        : ServedRequest{settings, request, RequestCarrier{request.headers}, peer} {}

    ServedRequest(const ServerSettings& settings, const httplib::Request& request,
                  const RequestCarrier& headers, KnownPeer& peer)
        : settings_{settings}, method_{settings.methods.read(request.method)},
          caller_{extract(headers)}, scope_{caller_.parent(settings.options.trust)},
          span_{Anywhere<"HTTP">{}, RequestAttributes{settings.redaction, method_, request, headers,
                                                      settings.options.behind_proxy, peer}} {
        if (!span_.recording()) return;
        span_.link(caller_.link(settings.options.trust));
        capture(settings.request_headers, settings.redaction, request.headers);
        if (settings.options.on_request) call_hook([&] { settings.options.on_request(request); });
    }
    ServedRequest(const ServedRequest&) = delete;
    ServedRequest& operator=(const ServedRequest&) = delete;

    /// A handler is about to be called.
    void routed(Route& route, const httplib::Request& request) {
        if (!span_.recording() || route_) return;
        call_hook([&] { // a pattern of the user's may be no regular expression
            const Route::Known& known = route.known_by(request, settings_.options.route_names);
            route_ = &known.text;
            span_.rename(request.method == "HEAD" ? known.head_name : known.name);
        });
    }

    /// An exception leaves a handler. Whether the request has failed depends on what becomes of it:
    /// the server's exception handler may make an answer of it.
    void threw(std::string type, const char* message) {
        std::string buffer;
        const std::string_view shown = UrlRedaction::text(message, buffer);
        span_.event(Anywhere<"exception">{}, Key<"exception.type">{} = type,
                    Key<"exception.message">{} = shown);
        error_type_ = std::move(type);
        error_message_ = shown;
    }

    /// The response is ready, and not yet sent.
    void answered(const httplib::Request& request, httplib::Response& response) {
        streamed_ = response.body.empty() && response.content_provider_ && request.method != "HEAD";
        if (!span_.recording()) return;
        if (settings_.options.on_response)
            call_hook([&] { settings_.options.on_response(request, response); });
        status_ = response.status;
        capture(settings_.response_headers, settings_.redaction, response.headers);
    }
    /// Its body is made while it is sent.
    [[nodiscard]] bool streamed() const noexcept { return streamed_; }

    /// The response is sent, or as much of it as could be.
    void sent(bool complete) {
        if (!span_.recording()) return;
        if (!route_) span_.rename(*method_.name);
        span_.set(Key<"http.response.status_code">{} = status_,
                  Key<"http.route">{} =
                      route_ ? std::optional<std::string_view>{*route_} : std::nullopt);
        if (is_server_error(status_)) {
            fail(error_type_.empty() ? StatusText{status_}.view() : error_type_, error_message_);
        } else if (!complete) { // as error_type_of(httplib::Error) calls it
            fail("write_failed", "the response was not sent to its end");
        }
    }

  private:
    [[gnu::cold]] void fail(std::string_view type, std::string_view message) const noexcept {
        span_.set(Key<"error.type">{} = type);
        span_.set_error(message);
    }

    const ServerSettings& settings_;
    HttpMethod method_;
    Extracted caller_; ///< the scope views it
    ContextScope scope_;
    Span span_;
    const std::string* route_ = nullptr;
    int status_ = 0;
    bool streamed_ = false;
    std::string error_type_;
    std::string error_message_;
};

/// One connection while a worker thread serves it: at most one request at a time. Lives on the
/// stack of the task that serves it, so that its request ends with it, whatever has happened.
class Connection {
  public:
    explicit Connection(const ServerSettings& settings) noexcept;
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    /// The innermost one of the calling thread, if it belongs to that server; else null.
    static Connection* current(const ServerSettings& settings) noexcept;

    /// A request begins, and one that is still open ends.
    void begin(const httplib::Request& request) {
        end();
        theirs_ = nullptr;
        ++serial_;
        if (settings_.excludes(request.path)) quiet_.emplace();
        else call_hook([&] { request_.emplace(settings_, request, peer_); });
    }
    [[nodiscard]] bool busy() const noexcept { return request_ || quiet_; }
    [[nodiscard]] ServedRequest* request() noexcept { return request_ ? &*request_ : nullptr; }
    void end() noexcept {
        request_.reset();
        quiet_.reset();
    }

    /// The end of the response to the request that is being served: where cpp-httplib releases what
    /// its body was made of, after the last byte or when it gives up. cpp-httplib calls no handler
    /// then: its logger is called before the response is sent, from release 0.34 on. `theirs` is
    /// the user's.
    void watch_end_of(httplib::Response& response) {
        auto& releaser = response.content_provider_resource_releaser_;
        // A response that the user has kept and answers with again has one of an earlier request.
        if (!releaser.target<EndOfResponse>()) theirs_ = std::move(releaser);
        releaser = EndOfResponse{this, serial_};
    }
    /// A logger of the user's runs, who may copy the response: the end of a copy is none.
    template <class F>
    void during_logger(const F& f) {
        const std::uint64_t serial = std::exchange(serial_, 0);
        const int error = errno; // of the body, in releases that have sent it
        f();
        errno = error;
        serial_ = serial;
    }

  private:
    /// What cpp-httplib calls at the end of a response, and of each copy of it. Is copied without
    /// the heap, and outlives all that it refers to if a copy does.
    struct EndOfResponse {
        Connection* connection;
        std::uint64_t serial;
        void operator()(bool body_sent) const;
    };

    void response_ends(bool body_sent) {
        // Of a body that is no stream cpp-httplib tells nobody whether it was sent; but if the peer
        // has reset the connection, the failure is what errno was last set by.
        const bool complete =
            request_ && request_->streamed() ? body_sent : errno != EPIPE && errno != ECONNRESET;
        if (const auto theirs = std::exchange(theirs_, nullptr)) theirs(body_sent);
        if (request_) request_->sent(complete);
        end();
    }

    const ServerSettings& settings_;
    Connection* outside_;      ///< a server may serve within the handler of another
    std::uint64_t serial_ = 0; ///< of the request; zero while none can end
    httplib::ContentProviderResourceReleaser theirs_;
    KnownPeer peer_;
    std::optional<SuppressScope> quiet_;
    std::optional<ServedRequest> request_;
};

[[gnu::tls_model("initial-exec")]] inline constinit thread_local Connection* this_connection =
    nullptr; ///< see this_lane

inline Connection::Connection(const ServerSettings& settings) noexcept
    : settings_{settings}, outside_{std::exchange(this_connection, this)} {}
inline Connection::~Connection() {
    end();
    this_connection = outside_;
}
inline void Connection::EndOfResponse::operator()(bool body_sent) const {
    if (this_connection == connection && connection->serial_ == serial)
        connection->response_ends(body_sent);
}
inline Connection* Connection::current(const ServerSettings& settings) noexcept {
    return this_connection && &this_connection->settings_ == &settings ? this_connection : nullptr;
}

} // namespace detail
} // namespace plume
