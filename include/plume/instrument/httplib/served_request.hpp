// served_request.hpp - the span of one request that a server answers, from routing to the last
// byte.
#pragma once

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

#include <plume/context.hpp>
#include <plume/instrument/detail/http.hpp>
#include <plume/instrument/httplib/headers.hpp>
#include <plume/instrument/httplib/options.hpp>
#include <plume/instrument/httplib/request_attributes.hpp>
#include <plume/instrument/httplib/request_carrier.hpp>
#include <plume/instrument/httplib/route.hpp>
#include <plume/propagation/propagation.hpp>
#include <plume/span.hpp>

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
          redaction{options.secret_query_keys} {}

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
};

/// A request that is being answered, and its span, which is the current one all the while.
class ServedRequest {
  public:
    ServedRequest(const ServerSettings& settings, const httplib::Request& request, KnownPeer& peer)
        : ServedRequest{settings, request, RequestCarrier{request.headers}, peer} {}

    ServedRequest(const ServerSettings& settings, const httplib::Request& request,
                  const RequestCarrier& headers, KnownPeer& peer)
        : settings_{settings}, method_{request.method}, caller_{extract(headers)},
          scope_{caller_.parent(settings.options.trust)},
          span_{Anywhere<"HTTP">{}, RequestAttributes{settings.redaction, method_, request, headers,
                                                      settings.options.behind_proxy, peer}} {
        if (!span_.recording()) return;
        span_.link(caller_.link(settings.options.trust));
        capture(settings.request_headers, request.headers);
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
        span_.event(Anywhere<"exception">{}, Key<"exception.type">{} = type,
                    Key<"exception.message">{} = message);
        error_type_ = std::move(type);
        error_message_ = message;
    }

    /// The response is ready, and not yet sent.
    void answered(const httplib::Request& request, httplib::Response& response) {
        if (!span_.recording()) return;
        if (settings_.options.on_response)
            call_hook([&] { settings_.options.on_response(request, response); });
        capture(settings_.response_headers, response.headers);
    }

    /// The response is sent, or as much of it as could be.
    void sent(const httplib::Response& response, bool complete) {
        if (!span_.recording()) return;
        if (!route_) span_.rename(name_of_method(method_));
        span_.set(Key<"http.response.status_code">{} = response.status,
                  Key<"http.route">{} =
                      route_ ? std::optional<std::string_view>{*route_} : std::nullopt);
        if (is_server_error(response.status)) {
            fail(error_type_.empty() ? StatusText{response.status}.view() : error_type_,
                 error_message_);
        } else if (!complete) { // as httplib::Error would call it
            fail("Write", "the response was not sent to its end");
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
        if (settings_.excludes(request.path)) quiet_.emplace();
        else call_hook([&] { request_.emplace(settings_, request, peer_); });
    }
    [[nodiscard]] bool busy() const noexcept { return request_ || quiet_; }
    [[nodiscard]] ServedRequest* request() noexcept { return request_ ? &*request_ : nullptr; }
    void end() noexcept {
        request_.reset();
        quiet_.reset();
    }

  private:
    const ServerSettings& settings_;
    Connection* outside_; ///< a server may serve within the handler of another
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
inline Connection* Connection::current(const ServerSettings& settings) noexcept {
    return this_connection && &this_connection->settings_ == &settings ? this_connection : nullptr;
}

} // namespace detail
} // namespace plume
