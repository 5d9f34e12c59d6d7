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

/// What a request asks for, as it came, undecoded (RFC 9112, 3.2).
struct Target {
    std::string_view path;
    std::string_view query;
    std::string_view scheme; ///< with `authority`: a proxy is asked for a whole URL
    std::string_view authority;

    explicit Target(const httplib::Request& request) noexcept : path{request.target} {
        if (path.empty()) path = request.path;
        if (!path.starts_with('/')) take_authority(); // "*" has none, nor what CONNECT asks for
        if (const std::size_t mark = path.find('?'); mark != std::string_view::npos) {
            query = path.substr(mark + 1);
            path = path.substr(0, mark);
        }
    }

  private:
    void take_authority() noexcept {
        const std::size_t colon = path.find("://");
        if (colon == std::string_view::npos) return;
        scheme = known_scheme(path.substr(0, colon));
        path.remove_prefix(colon + 3);
        const std::size_t end = path.find_first_of("/?", UrlRedaction::begin_of_host(path));
        authority = path.substr(0, end);
        path.remove_prefix(authority.size());
        if (path.empty()) path = "/";
        else if (path.front() == '?') {
            query = path.substr(1);
            path = "/";
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
    std::string_view host;   ///< as in the header, or in the URL that a proxy is asked for
    std::string_view client;
    std::string_view user_agent;
    const httplib::Request& request;

    PeerAttributes(const httplib::Request& asked, const Target& target,
                   const RequestCarrier& headers, bool behind_proxy)
        : scheme{came_encrypted(asked) ? "https" : "http"}, host{headers.get("host")},
          client{asked.remote_addr}, user_agent{headers.get("user-agent")}, request{asked} {
        if (!target.authority.empty()) { // outranks the header (RFC 9112, 3.2.2)
            host = target.authority;
            if (!target.scheme.empty()) scheme = target.scheme;
        }
        if (!behind_proxy) return;
        const Forwarded told = read_forwarded(headers);
        if (!told.scheme.empty()) scheme = told.scheme;
        if (!told.host.empty()) host = told.host;
        if (!told.client.empty()) client = told.client;
    }

    template <class Sink>
    auto operator()(Sink&& sink) const {
        HostAndPort server{host};
        if (server.host.empty()) { // none is named, or none that can be read: the socket knows
            server.host = request.local_addr;
            server.port = request.local_port;
        } else if (server.port == 0 && !server.bad_port) {
            server.port = scheme == "https" ? 443 : 80;
        }
        // Not optionals: g++ 12 takes their values for uninitialised.
        const Maybe<std::int64_t> port{request.remote_port, request.remote_port > 0};
        const Maybe<std::int64_t> server_port{server.port, server.port > 0};
        return sink(
            Key<"url.scheme">{} = scheme, Key<"server.address">{} = unless_empty(server.host),
            KeyValue<"server.port", Maybe<std::int64_t>>{server_port},
            Key<"client.address">{} = unless_empty(client),
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
        std::string path;
        std::string query;
        return sink(plume::server, Key<"http.request.method">{} = method.value,
                    Key<"http.request.method_original">{} = method.original,
                    Key<"url.path">{} = redaction.reference(target.path, path),
                    Key<"url.query">{} = unless_empty(redaction.query(target.query, query)),
                    KeyValue<"peer", RenderedFields<PeerAttributes>>{
                        peer.of({request, target, headers, behind_proxy})});
    }
};

} // namespace detail
} // namespace plume
