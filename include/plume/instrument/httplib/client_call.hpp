// client_call.hpp - the span of one call of a httplib::Client, redirects and all.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <httplib.h>

#include <plume/instrument/detail/forwarded.hpp>
#include <plume/instrument/detail/http.hpp>
#include <plume/instrument/httplib/headers.hpp>
#include <plume/instrument/httplib/members.hpp>
#include <plume/instrument/httplib/options.hpp>
#include <plume/instrument/httplib/round_trips.hpp>
#include <plume/propagation/propagation.hpp>
#include <plume/trace/context.hpp>
#include <plume/trace/span.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// What a client was told, ready for use. Immutable.
struct ClientSettings {
    explicit ClientSettings(HttpClientOptions from)
        : options{std::move(from)},
          request_headers{"http.request.header.", options.request_headers},
          response_headers{"http.response.header.", options.response_headers},
          redaction{options.secret_query_keys}, methods{options.known_methods} {}

    HttpClientOptions options;
    CapturedHeaders request_headers;
    CapturedHeaders response_headers;
    UrlRedaction redaction;
    KnownMethods methods;
};

/// The underlying client of httplib::Client, or of one of its kind. Null where cpp-httplib could
/// not take the host apart, in releases that have no client then: it is not valid.
inline httplib::ClientImpl* impl_of(httplib::ClientImpl& client) noexcept { return &client; }
inline httplib::ClientImpl* impl_of(httplib::Client& client) noexcept {
    return (client.*open(ClientOf{})).get();
}

/// Where a client sends its requests. cpp-httplib takes for a host all that it cannot take apart,
/// such as a URL with credentials: it is taken apart here.
struct Endpoint {
    std::string_view host; ///< without credentials and brackets
    std::string_view scheme;
    int port;
    bool credentials = false;

    explicit Endpoint(const httplib::ClientImpl& client)
        : host{client.*open(HostOf{})}, scheme{(client.*open(IsEncrypted{}))() ? "https" : "http"},
          port{client.*open(PortOf{})} {
        // A name or an IPv6 address, or the path of a socket.
        if (is_host_name(host) || is_ipv6(host) || is_socket()) return;
        std::string_view text = host;
        if (const std::size_t colon = text.find("://"); colon != std::string_view::npos) {
            const std::string_view named = known_scheme(text.substr(0, colon));
            if (!named.empty() && named != scheme) {
                scheme = named;
                port = default_port();
            }
            text.remove_prefix(colon + 3);
        }
        take_apart(text);
    }

    /// Of a request for `path`, which may be a whole URL: then it is what a proxy is asked for.
    /// What may not stand in a URL is encoded.
    [[nodiscard]] std::string url(std::string_view path) const {
        std::string url;
        if (!begins_with_scheme(path)) {
            url.append(scheme).append(credentials ? "://REDACTED:REDACTED@" : "://");
            const bool ipv6 = host.find(':') != std::string_view::npos && !is_socket();
            url.append(ipv6 ? "[" : "").append(host).append(ipv6 ? "]" : "");
            if (port != default_port()) url.append(":").append(std::to_string(port));
            if (path == "*") return url; // of the server as a whole (RFC 9112, 3.3)
            if (!path.starts_with('/')) url += '/';
        }
        constexpr std::string_view not_in_urls = "\"<>\\^`{|}";
        constexpr char digits[] = "0123456789ABCDEF";
        for (const char c : path) {
            const auto byte = static_cast<unsigned char>(c);
            if (byte > 0x20 && byte < 0x7f && not_in_urls.find(c) == std::string_view::npos)
                url += c;
            else url.append({'%', digits[byte >> 4U], digits[byte & 15U]});
        }
        return url;
    }

  private:
    /// `text` is an authority, with credentials in which anything may stand.
    void take_apart(std::string_view text) noexcept {
        const std::size_t at = text.rfind('@');
        credentials = at != std::string_view::npos;
        // Behind a question mark, an '@' is perhaps part of another secret.
        const bool clear = !credentials || text.find_first_of("?#") > at;
        if (credentials) text.remove_prefix(at + 1);
        const HostAndPort parsed{clear ? text.substr(0, text.find_first_of("/\\?#"))
                                       : std::string_view{}};
        host = parsed.host.empty() ? "REDACTED" : parsed.host;
        if (parsed.port != 0) port = parsed.port;
    }

    /// In the file system, or an abstract one.
    [[nodiscard]] bool is_socket() const noexcept {
        return host.empty() || host.front() == '/' || host.front() == '\0';
    }
    [[nodiscard]] int default_port() const noexcept { return scheme == "https" ? 443 : 80; }

    static bool begins_with_scheme(std::string_view path) noexcept {
        const std::size_t colon = path.find("://");
        if (colon == std::string_view::npos || colon == 0) return false;
        for (const char c : path.substr(0, colon))
            if (!(lower(c) >= 'a' && lower(c) <= 'z') && !(c >= '0' && c <= '9') && c != '+' &&
                c != '-' && c != '.')
                return false;
        return true;
    }
};

/// What is known of a call before it is made, as the arguments of its span.
struct CallAttributes {
    const ClientSettings& settings;
    const Endpoint& endpoint;
    const HttpMethod& method;
    std::string_view path;

    template <class Sink>
    auto operator()(Sink sink) const {
        std::string in_path;
        std::string buffer;
        const std::string url = endpoint.url(
            path.starts_with("//") ? settings.redaction.reference(path, in_path) : path);
        return sink(plume::client, Key<"http.request.method">{} = method.value,
                    Key<"http.request.method_original">{} = method.original,
                    Key<"server.address">{} = endpoint.host, Key<"server.port">{} = endpoint.port,
                    Key<"url.full">{} = settings.redaction.url(url, buffer));
    }
};

/// error.type of a call without a response: in the words of curl_error_type(), where cpp-httplib
/// knows as much. `E` is httplib::Error, to which releases add.
template <class E>
constexpr std::string_view error_type_of(E error) noexcept {
    switch (error) {
    case E::Connection: return "connection_failed";
    case E::BindIPAddress: return "bind_failed";
    case E::Read: return "read_failed";
    case E::Write: return "write_failed";
    case E::ExceedRedirectCount: return "too_many_redirects";
    case E::SSLConnection: return "tls_handshake_failed";
    case E::SSLLoadingCerts: return "certificates_not_loaded";
    case E::SSLServerVerification: return "server_certificate_invalid";
    case E::UnsupportedMultipartBoundaryChars: return "invalid_request";
    case E::Compression: return "compression_failed";
    default: break;
    }
    if constexpr (requires { E::ConnectionTimeout; }) // 0.11.4
        if (error == E::ConnectionTimeout) return "timeout";
    if constexpr (requires { E::ProxyConnection; }) // 0.13
        if (error == E::ProxyConnection) return "proxy_connection_failed";
    if constexpr (requires { E::SSLServerHostnameVerification; }) // 0.18
        if (error == E::SSLServerHostnameVerification) return "server_certificate_invalid";
    if constexpr (requires { E::Timeout; }) { // 0.26
        if (error == E::Timeout) return "timeout";
        if (error == E::ConnectionClosed) return "connection_lost";
        if (error == E::ExceedMaxPayloadSize) return "response_too_large";
        if (error == E::HTTPParsing || error == E::InvalidHeaders) return "invalid_response";
    }
    return "_OTHER";
}

/// A call that is being made, and its span, which is the current one all the while.
class ClientCall {
  public:
    ClientCall(const ClientSettings& settings, httplib::ClientImpl& client, std::string_view method,
               std::string_view path)
        : settings_{settings}, method_{settings.methods.read(method)},
          span_{Anywhere<"HTTP">{}, CallAttributes{settings, Endpoint{client}, method_, path}},
          round_trips_{std::in_place, client} {
        span_.rename(*method_.name);
    }
    ClientCall(const ClientCall&) = delete;
    ClientCall& operator=(const ClientCall&) = delete;

    /// Makes the call's span the parent of what the server does.
    void add_to(httplib::Headers& headers) const {
        put_context(headers);
        if (span_.recording()) capture(settings_.request_headers, settings_.redaction, headers);
    }

    /// The call has returned. Gives back what it is to return to the user.
    [[nodiscard]] httplib::Result done(httplib::Result result) {
        if (result && round_trips_->stopped(result->status))
            result = round_trips_->go_on(std::move(result), put_context);
        const std::int64_t count = finish();
        if (!span_.recording()) return result;
        if (result) answered(*result, count);
        else failed(result.error());
        if (settings_.options.on_result) call_hook([&] { settings_.options.on_result(result); });
        return result;
    }
    [[nodiscard]] bool done(bool sent, httplib::Request& request, httplib::Response& response,
                            httplib::Error& error) {
        if (sent && round_trips_->stopped(response.status))
            sent = round_trips_->go_on(request, response, error, put_context);
        const std::int64_t count = finish();
        if (!span_.recording()) return sent;
        if (sent) answered(response, count);
        else failed(error);
        return sent;
    }

  private:
    static void put_context(httplib::Headers& headers) {
        HeadersCarrier carrier{headers};
        call_hook([&] { inject(carrier); });
    }

    /// The client is again as it was.
    std::int64_t finish() {
        const std::int64_t count = round_trips_->count();
        round_trips_.reset();
        return count;
    }
    void answered(const httplib::Response& response, std::int64_t round_trips) const {
        const bool failed = is_client_error(response.status);
        const StatusText status{response.status};
        const std::string_view version = protocol_version(response.version);
        span_.set(Key<"http.response.status_code">{} = response.status,
                  Key<"network.protocol.version">{} = unless_empty(version),
                  KeyValue<"http.request.resend_count", Maybe<std::int64_t>>{
                      {round_trips - 1, round_trips > 1}},
                  Key<"error.type">{} = unless_empty(failed ? status.view() : std::string_view{}));
        if (failed) span_.set_error({});
        capture(settings_.response_headers, settings_.redaction, response.headers);
    }
    void failed(httplib::Error error) const {
        // Who cancels on purpose has not failed (HTTP conventions, "Status", since 1.41).
        if (error == httplib::Error::Canceled) return;
        span_.set(Key<"error.type">{} = error_type_of(error));
        call_hook([&] { span_.set_error(httplib::to_string(error)); });
    }

    const ClientSettings& settings_;
    HttpMethod method_;
    Span span_;
    std::optional<RoundTrips> round_trips_;
};

} // namespace detail
} // namespace plume
