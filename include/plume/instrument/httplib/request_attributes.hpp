// request_attributes.hpp - what is known of a request before it is routed, as attributes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <httplib.h>

#include <plume/instrument/detail/forwarded.hpp>
#include <plume/instrument/detail/http.hpp>
#include <plume/instrument/detail/rendered.hpp>
#include <plume/instrument/httplib/headers.hpp>
#include <plume/instrument/httplib/request_carrier.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// Path and query of a request as they came, undecoded.
struct Target {
    std::string_view path;
    std::string_view query;

    explicit Target(const httplib::Request& request) noexcept : path{request.target} {
        if (path.empty()) path = request.path;
        if (const std::size_t mark = path.find('?'); mark != std::string_view::npos) {
            query = path.substr(mark + 1);
            path = path.substr(0, mark);
        }
        // A proxy is asked for a whole URL (RFC 9112, 3.2.2).
        if (!path.starts_with('/'))
            if (const std::size_t host = path.find("://"); host != std::string_view::npos) {
                const std::size_t slash = path.find('/', host + 3);
                path = slash != std::string_view::npos ? path.substr(slash) : "/";
            }
    }
};

template <class Request>
bool came_encrypted(const Request& request) noexcept {
    if constexpr (requires { request.ssl != nullptr; }) return request.ssl != nullptr;
    else return false;
}

/// Who asks whom, and how: what the requests of a connection mostly have in common.
struct PeerAttributes {
    std::string_view scheme; ///< a literal
    std::string_view host;   ///< as in the header
    std::string_view client;
    std::string_view user_agent;
    const httplib::Request& request;

    PeerAttributes(const httplib::Request& asked, const RequestCarrier& headers, bool behind_proxy)
        : scheme{came_encrypted(asked) ? "https" : "http"}, host{headers.get("host")},
          client{asked.remote_addr}, user_agent{headers.get("user-agent")}, request{asked} {
        if (!behind_proxy) return;
        const Forwarded told = read_forwarded(headers);
        if (!told.scheme.empty()) scheme = told.scheme;
        if (!told.host.empty()) host = told.host;
        if (!told.client.empty()) client = told.client;
    }

    template <class Sink>
    auto operator()(Sink&& sink) const {
        HostAndPort server{host};
        if (server.host.empty()) server.host = request.local_addr;
        if (server.port == 0) server.port = scheme == "https" ? 443 : 80;
        // Not an optional: g++ 12 takes its value for uninitialised.
        const Maybe<std::int64_t> port{request.remote_port, request.remote_port > 0};
        return sink(
            Key<"url.scheme">{} = scheme, Key<"server.address">{} = unless_empty(server.host),
            Key<"server.port">{} = server.port, Key<"client.address">{} = unless_empty(client),
            Key<"network.peer.address">{} = unless_empty(request.remote_addr),
            KeyValue<"network.peer.port", Maybe<std::int64_t>>{port},
            Key<"network.protocol.version">{} = unless_empty(protocol_version(request.version)),
            Key<"user_agent.original">{} = unless_empty(user_agent));
    }
};

/// The other end of a connection, as its last request showed it. Allocates for that one alone.
class KnownPeer {
  public:
    /// Good until the next call.
    [[nodiscard]] RenderedFields<PeerAttributes> of(const PeerAttributes& peer) {
        if (!rendered_.fits() || !is(peer)) [[unlikely]]
            learn(peer);
        return {rendered_.bytes().empty() ? std::string_view{nothing, sizeof nothing}
                                          : rendered_.bytes()};
    }

  private:
    [[nodiscard]] bool is(const PeerAttributes& peer) const noexcept {
        return scheme_ == peer.scheme && host_ == peer.host && client_ == peer.client &&
               user_agent_ == peer.user_agent && address_ == peer.request.remote_addr &&
               port_ == peer.request.remote_port && version_ == peer.request.version;
    }
    [[gnu::noinline]] void learn(const PeerAttributes& peer) {
        rendered_.forget(); // should memory run out below, nothing is known
        scheme_ = peer.scheme;
        host_ = peer.host;
        client_ = peer.client;
        user_agent_ = peer.user_agent;
        address_ = peer.request.remote_addr;
        port_ = peer.request.remote_port;
        version_ = peer.request.version;
        rendered_.render(peer);
    }

    /// Without memory: a word for each field, which says that it is empty or absent.
    static constexpr char nothing[8 * RenderedFields<PeerAttributes>::count()]{};

    Rendered rendered_;
    std::string_view scheme_;
    std::string host_, client_, user_agent_, address_, version_;
    int port_ = 0;
};

/// The arguments of a request's span.
struct RequestAttributes {
    const UrlRedaction& redaction;
    const HttpMethod& method;
    const httplib::Request& request;
    const RequestCarrier& headers;
    bool behind_proxy;
    KnownPeer& peer;

    template <class Sink>
    auto operator()(Sink sink) const {
        const Target target{request};
        std::string buffer;
        return sink(plume::server, Key<"http.request.method">{} = method.value,
                    Key<"http.request.method_original">{} = method.original,
                    Key<"url.path">{} = target.path,
                    Key<"url.query">{} = unless_empty(redaction.query(target.query, buffer)),
                    KeyValue<"peer", RenderedFields<PeerAttributes>>{
                        peer.of({request, headers, behind_proxy})});
    }
};

} // namespace detail
} // namespace plume
