// client.hpp - spans for every call of a httplib::Client.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <httplib.h>

#include <plume/core/config.hpp>
#include <plume/instrument/httplib/client_call.hpp>
#include <plume/instrument/httplib/options.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

template <class T>
inline constexpr bool is_headers = std::is_same_v<std::remove_cvref_t<T>, httplib::Headers>;
template <class... Rest>
inline constexpr bool begins_with_headers = false;
template <class First, class... Rest>
inline constexpr bool begins_with_headers<First, Rest...> = is_headers<First>;
template <class First, class Second, class... Rest>
inline constexpr bool begins_with_headers<First, Second, Rest...> =
    is_headers<First> || is_headers<Second>;

// Arguments go through by their own types: a literal length is an int by then, which is no mistake
// of the caller's.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"

/// The calls of httplib::Client by their names, with the same arguments and results. What is not
/// declared here, such as the type of a callback, is cpp-httplib's to check.
template <class Derived>
class [[gnu::visibility("default")]] TracedCalls {
  public:
    template <class... Rest>
        requires(!begins_with_headers<Rest...>)
    httplib::Result Get(const std::string& path, Rest&&... rest) {
        return Get(path, httplib::Headers{}, std::forward<Rest>(rest)...);
    }
    template <class... Rest>
    httplib::Result Get(const std::string& path, const httplib::Headers& headers, Rest&&... rest) {
        return call("GET", path, headers, [&](auto& client, const httplib::Headers& sent) {
            return client.Get(path, sent, std::forward<Rest>(rest)...);
        });
    }
    template <class... Rest>
    httplib::Result Get(const std::string& path, const httplib::Params& params,
                        const httplib::Headers& headers, Rest&&... rest) {
        const std::string target =
            params.empty() ? path : httplib::append_query_params(path, params);
        return Get(target, headers, std::forward<Rest>(rest)...);
    }

    template <class... Rest>
        requires(!begins_with_headers<Rest...>)
    httplib::Result Head(const std::string& path, Rest&&... rest) {
        return Head(path, httplib::Headers{}, std::forward<Rest>(rest)...);
    }
    template <class... Rest>
    httplib::Result Head(const std::string& path, const httplib::Headers& headers, Rest&&... rest) {
        return call("HEAD", path, headers, [&](auto& client, const httplib::Headers& sent) {
            return client.Head(path, sent, std::forward<Rest>(rest)...);
        });
    }

    template <class... Rest>
        requires(!begins_with_headers<Rest...>)
    httplib::Result Post(const std::string& path, Rest&&... rest) {
        return Post(path, httplib::Headers{}, std::forward<Rest>(rest)...);
    }
    template <class... Rest>
    httplib::Result Post(const std::string& path, const httplib::Headers& headers, Rest&&... rest) {
        return call("POST", path, headers, [&](auto& client, const httplib::Headers& sent) {
            return client.Post(path, sent, std::forward<Rest>(rest)...);
        });
    }

    template <class... Rest>
        requires(!begins_with_headers<Rest...>)
    httplib::Result Put(const std::string& path, Rest&&... rest) {
        return Put(path, httplib::Headers{}, std::forward<Rest>(rest)...);
    }
    template <class... Rest>
    httplib::Result Put(const std::string& path, const httplib::Headers& headers, Rest&&... rest) {
        return call("PUT", path, headers, [&](auto& client, const httplib::Headers& sent) {
            // What cpp-httplib sends for no body; not every release takes headers alone.
            if constexpr (sizeof...(Rest) == 0)
                return client.Put(path, sent, std::string{}, std::string{});
            else return client.Put(path, sent, std::forward<Rest>(rest)...);
        });
    }

    template <class... Rest>
        requires(!begins_with_headers<Rest...>)
    httplib::Result Patch(const std::string& path, Rest&&... rest) {
        return Patch(path, httplib::Headers{}, std::forward<Rest>(rest)...);
    }
    template <class... Rest>
    httplib::Result Patch(const std::string& path, const httplib::Headers& headers,
                          Rest&&... rest) {
        return call("PATCH", path, headers, [&](auto& client, const httplib::Headers& sent) {
            if constexpr (sizeof...(Rest) == 0) // as in Put()
                return client.Patch(path, sent, std::string{}, std::string{});
            else return client.Patch(path, sent, std::forward<Rest>(rest)...);
        });
    }

    template <class... Rest>
        requires(!begins_with_headers<Rest...>)
    httplib::Result Delete(const std::string& path, Rest&&... rest) {
        return Delete(path, httplib::Headers{}, std::forward<Rest>(rest)...);
    }
    template <class... Rest>
    httplib::Result Delete(const std::string& path, const httplib::Headers& headers,
                           Rest&&... rest) {
        return call("DELETE", path, headers, [&](auto& client, const httplib::Headers& sent) {
            return client.Delete(path, sent, std::forward<Rest>(rest)...);
        });
    }

    template <class... Rest>
        requires(!begins_with_headers<Rest...>)
    httplib::Result Options(const std::string& path, Rest&&... rest) {
        return Options(path, httplib::Headers{}, std::forward<Rest>(rest)...);
    }
    template <class... Rest>
    httplib::Result Options(const std::string& path, const httplib::Headers& headers,
                            Rest&&... rest) {
        return call("OPTIONS", path, headers, [&](auto& client, const httplib::Headers& sent) {
            return client.Options(path, sent, std::forward<Rest>(rest)...);
        });
    }

    httplib::Result send(const httplib::Request& request) {
        return call(request.method, request.path, request.headers,
                    [&](auto& client, const httplib::Headers& sent) {
                        httplib::Request traced = request;
                        traced.headers = sent;
                        return client.send(traced);
                    });
    }
    /// Leaves the headers that it has added in `request`, as cpp-httplib does with its own.
    bool send(httplib::Request& request, httplib::Response& response, httplib::Error& error) {
        auto& client = static_cast<Derived&>(*this).untraced();
        if (!settings_) return client.send(request, response, error);
        httplib::ClientImpl* const impl = impl_of(client);
        if (!impl) {
            error = httplib::Error::Connection;
            return false;
        }
        const std::string method = request.method; // what is sent last may be another one
        const std::string path = request.path;
        ClientCall call{*settings_, *impl, method, path};
        call.add_to(request.headers);
        const bool sent = client.send(request, response, error);
        return call.done(sent, request, response, error);
    }

  protected:
    /// Null: not traced.
    explicit TracedCalls(std::shared_ptr<const ClientSettings> settings) noexcept
        : settings_{std::move(settings)} {}

    std::shared_ptr<const ClientSettings> settings_;

  private:
    template <class Send>
    httplib::Result call(std::string_view method, const std::string& path,
                         const httplib::Headers& headers, Send&& send_with) {
        auto& client = static_cast<Derived&>(*this).untraced();
        if (!settings_) return send_with(client, headers);
        httplib::ClientImpl* const impl = impl_of(client);
        if (!impl) return {nullptr, httplib::Error::Connection};
        ClientCall call{*settings_, *impl, method, path};
        httplib::Headers sent = headers;
        call.add_to(sent);
        return call.done(send_with(client, sent));
    }
};

#pragma GCC diagnostic pop

template <bool Enabled>
std::shared_ptr<const ClientSettings> client_settings(HttpClientOptions options) {
    if constexpr (Enabled) return std::make_shared<const ClientSettings>(std::move(options));
    else return nullptr;
}

} // namespace detail

/// A client that is traced: each call is a span of the kind client, named after its method, and the
/// service that it reaches gets to know it by the headers of the formats in force. Redirects that
/// cpp-httplib follows belong to the call that led to them, and send its context along;
/// `http.request.resend_count` says how often it had to send again. Used like `Base`, from the same
/// threads: httplib::Client, or one of its kind such as httplib::SSLClient.
///     plume::HttpClient client{"http://localhost:8080"};
///     auto result = client.Get("/orders/42");
template <class Base>
class BasicHttpClient : public Base, public detail::TracedCalls<BasicHttpClient<Base>> {
    using Calls = detail::TracedCalls<BasicHttpClient>;

  public:
    /// The arguments of `Base`.
    template <bool Enabled = (PLUME_ENABLED != 0), class... Arguments>
        requires std::is_constructible_v<Base, Arguments...>
    explicit BasicHttpClient(Arguments&&... arguments)
        : Base(std::forward<Arguments>(arguments)...), Calls{detail::client_settings<Enabled>({})} {
    }
    template <bool Enabled = (PLUME_ENABLED != 0), class... Arguments>
        requires std::is_constructible_v<Base, Arguments...>
    explicit BasicHttpClient(HttpClientOptions options, Arguments&&... arguments)
        : Base(std::forward<Arguments>(arguments)...),
          Calls{detail::client_settings<Enabled>(std::move(options))} {}

    using Calls::Delete;
    using Calls::Get;
    using Calls::Head;
    using Calls::Options;
    using Calls::Patch;
    using Calls::Post;
    using Calls::Put;
    using Calls::send;

    /// For calls that are not to be traced.
    [[nodiscard]] Base& untraced() noexcept { return *this; }
};

using HttpClient = BasicHttpClient<httplib::Client>;

/// Traces what is called by it of a client that exists already.
class TracedClient : public detail::TracedCalls<TracedClient> {
  public:
    explicit TracedClient(httplib::Client& calls,
                          std::shared_ptr<const detail::ClientSettings> settings) noexcept
        : TracedCalls{std::move(settings)}, client_{&calls} {}

    [[nodiscard]] httplib::Client& untraced() const noexcept { return *client_; }

  private:
    httplib::Client* client_;
};

/// A client that traces its calls and leaves them to `untraced`, which has to live as long:
///     auto traced = plume::instrument(client);
///     auto result = traced.Get("/orders/42");
template <bool Enabled = (PLUME_ENABLED != 0)>
[[nodiscard]] TracedClient instrument(httplib::Client& untraced, HttpClientOptions options = {}) {
    return TracedClient{untraced, detail::client_settings<Enabled>(std::move(options))};
}

} // namespace plume
