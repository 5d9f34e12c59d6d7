// client_call.hpp - the span of one call of a httplib::Client, redirects and all.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <httplib.h>

#include <plume/context.hpp>
#include <plume/instrument/detail/http.hpp>
#include <plume/instrument/httplib/headers.hpp>
#include <plume/instrument/httplib/members.hpp>
#include <plume/instrument/httplib/options.hpp>
#include <plume/propagation/propagation.hpp>
#include <plume/span.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// What a client was told, ready for use. Immutable.
struct ClientSettings {
    explicit ClientSettings(HttpClientOptions from)
        : options{std::move(from)},
          request_headers{"http.request.header.", options.request_headers},
          response_headers{"http.response.header.", options.response_headers},
          redaction{options.secret_query_keys} {}

    HttpClientOptions options;
    CapturedHeaders request_headers;
    CapturedHeaders response_headers;
    UrlRedaction redaction;
};

/// Where a client sends its requests.
struct Endpoint {
    const std::string& host;
    int port;
    bool encrypted;

    explicit Endpoint(const httplib::ClientImpl& client)
        : host{client.*open(HostOf{})}, port{client.*open(PortOf{})},
          encrypted{(client.*open(IsEncrypted{}))()} {}
    explicit Endpoint(const httplib::Client& client) : Endpoint{*(client.*open(ClientOf{}))} {}

    [[nodiscard]] std::string url(const std::string& path) const {
        std::string url = encrypted ? "https://" : "http://";
        const bool bare_ipv6 = host.find(':') != std::string::npos;
        url.append(bare_ipv6 ? "[" : "").append(host).append(bare_ipv6 ? "]" : "");
        if (port != (encrypted ? 443 : 80)) url.append(":").append(std::to_string(port));
        return url.append(path);
    }
};

/// What is known of a call before it is made, as the arguments of its span.
struct CallAttributes {
    const ClientSettings& settings;
    const Endpoint& endpoint;
    const HttpMethod& method;
    const std::string& path;

    template <class Sink>
    auto operator()(Sink sink) const {
        std::string buffer;
        const std::string url = endpoint.url(path);
        return sink(plume::client, Key<"http.request.method">{} = method.value,
                    Key<"http.request.method_original">{} = method.original,
                    Key<"server.address">{} = endpoint.host, Key<"server.port">{} = endpoint.port,
                    Key<"url.full">{} = settings.redaction.url(url, buffer));
    }
};

/// The enumerator's name: httplib::to_string() makes sentences of them since 0.12.
constexpr std::string_view name_of(httplib::Error error) noexcept {
    switch (error) {
    case httplib::Error::Connection: return "Connection";
    case httplib::Error::BindIPAddress: return "BindIPAddress";
    case httplib::Error::Read: return "Read";
    case httplib::Error::Write: return "Write";
    case httplib::Error::ExceedRedirectCount: return "ExceedRedirectCount";
    case httplib::Error::Canceled: return "Canceled";
    case httplib::Error::SSLConnection: return "SSLConnection";
    case httplib::Error::SSLLoadingCerts: return "SSLLoadingCerts";
    case httplib::Error::SSLServerVerification: return "SSLServerVerification";
    case httplib::Error::UnsupportedMultipartBoundaryChars:
        return "UnsupportedMultipartBoundaryChars";
    case httplib::Error::Compression: return "Compression";
    case httplib::Error::ConnectionTimeout: return "ConnectionTimeout";
    default: return "Unknown";
    }
}

/// A call that is being made, and its span, which is the current one all the while.
class ClientCall {
  public:
    ClientCall(const ClientSettings& settings, const Endpoint& endpoint, std::string_view method,
               const std::string& path)
        : settings_{settings}, method_{method},
          span_{Anywhere<"HTTP">{}, CallAttributes{settings, endpoint, method_, path}},
          outside_{current()} {
        span_.rename(name_of_method(method_));
        current() = this;
    }
    ~ClientCall() { current() = outside_; }
    ClientCall(const ClientCall&) = delete;
    ClientCall& operator=(const ClientCall&) = delete;

    /// The innermost one of the calling thread.
    static ClientCall*& current() noexcept {
        [[gnu::tls_model("initial-exec")]] static constinit thread_local ClientCall* call = nullptr;
        return call;
    }
    [[nodiscard]] bool is_of(const ClientSettings& settings) const noexcept {
        return &settings_ == &settings;
    }

    /// Makes the call's span the parent of what the server does.
    void add_to(httplib::Headers& headers) const {
        PairsCarrier carrier{headers};
        call_hook([&] { inject(carrier); });
        if (span_.recording()) capture(settings_.request_headers, headers);
    }

    /// A request was answered: the first one, or one that came of a redirect or a challenge.
    void round_trip() noexcept { ++round_trips_; }

    void done(const httplib::Result& result) const {
        if (!span_.recording()) return;
        if (result) answered(*result);
        else failed(result.error());
        if (settings_.options.on_result) call_hook([&] { settings_.options.on_result(result); });
    }
    void answered(const httplib::Response& response) const {
        const bool failed = is_client_error(response.status);
        const StatusText status{response.status};
        const std::string_view version = protocol_version(response.version);
        span_.set(Key<"http.response.status_code">{} = response.status,
                  Key<"network.protocol.version">{} = unless_empty(version),
                  KeyValue<"http.request.resend_count", Maybe<std::int64_t>>{
                      {round_trips_ - 1, round_trips_ > 1}},
                  Key<"error.type">{} = unless_empty(failed ? status.view() : std::string_view{}));
        if (failed) span_.set_error({});
        if (!settings_.response_headers.empty())
            capture(settings_.response_headers, response.headers);
    }
    void failed(httplib::Error error) const {
        if (!span_.recording()) return;
        span_.set(Key<"error.type">{} = name_of(error));
        call_hook([&] { span_.set_error(httplib::to_string(error)); });
    }

  private:
    const ClientSettings& settings_;
    HttpMethod method_;
    Span span_;
    ClientCall* outside_;
    std::int64_t round_trips_ = 0;
};

/// Counts round trips, and hands on to the user's logger. Kept by cpp-httplib.
struct CountingLogger {
    std::shared_ptr<const ClientSettings> settings;
    httplib::Logger theirs;

    void operator()(const httplib::Request& request, const httplib::Response& response) const {
        ClientCall* const call = ClientCall::current();
        if (call && call->is_of(*settings)) call->round_trip();
        if (theirs) theirs(request, response);
    }
};

} // namespace detail
} // namespace plume
