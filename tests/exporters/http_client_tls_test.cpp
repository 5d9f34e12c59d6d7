#include <plume/exporters/detail/http_client.hpp>

#include <string>
#include <thread>
#include <utility>

#include <httplib.h>

#include "support/catch.hpp"
#include "support/certificates.hpp"

using namespace plume::detail;
using plume::test::Authority;
using plume::test::Identity;

namespace {

/// Says 200 to every POST, over TLS.
class TlsServer {
  public:
    /// With an authority, only clients that it vouches for.
    explicit TlsServer(const Identity& identity, const Identity* authority = nullptr)
        : server_{identity.certificate_file.c_str(), identity.key_file.c_str(),
                  authority ? authority->certificate_file.c_str() : nullptr} {
        server_.Post("/", [](const httplib::Request&, httplib::Response&) {});
        port_ = server_.bind_to_any_port("127.0.0.1");
        thread_ = std::thread{[this] { server_.listen_after_bind(); }};
        while (!server_.is_running()) std::this_thread::yield(); // stop() before it does nothing
    }
    ~TlsServer() {
        server_.stop();
        thread_.join();
    }
    TlsServer(const TlsServer&) = delete;
    TlsServer& operator=(const TlsServer&) = delete;

    [[nodiscard]] std::string url() const {
        return "https://127.0.0.1:" + std::to_string(port_) + "/";
    }

  private:
    httplib::SSLServer server_;
    int port_ = 0;
    std::thread thread_;
};

HttpResponse post(HttpOptions options) {
    HttpClient client{std::move(options)};
    return client.post("x", CancelFlag{});
}

} // namespace

TEST_CASE("a server is believed if the authority vouches for it, and its name is right") {
    const Authority authority;
    const TlsServer server{authority.vouch_for("server", "IP:127.0.0.1")};
    CHECK(post({.url = server.url(), .ca_file = authority.self().certificate_file}).ok());
    CHECK_FALSE(post({.url = server.url()}).ok());
    CHECK(post({.url = server.url(), .insecure_skip_verify = true}).ok());

    const TlsServer other{authority.vouch_for("other", "DNS:elsewhere.example")};
    CHECK_FALSE(post({.url = other.url(), .ca_file = authority.self().certificate_file}).ok());
    CHECK(post({.url = other.url(), .insecure_skip_verify = true}).ok());
}

TEST_CASE("a client shows its certificate to a server that asks") {
    const Authority authority;
    const TlsServer server{authority.vouch_for("server", "IP:127.0.0.1"), &authority.self()};
    const Identity client = authority.vouch_for("client", "DNS:client.example");
    HttpOptions options{.url = server.url(), .ca_file = authority.self().certificate_file};
    CHECK_FALSE(post(options).ok());
    options.certificate_file = client.certificate_file;
    options.key_file = client.key_file;
    CHECK(post(options).ok());
    options.key_file = "/nonexistent";
    const HttpResponse response = post(options);
    CHECK(response.status == 0);
    CHECK_FALSE(response.error.empty());
}
