// httplib.hpp - a httplib::Server on a thread, and a socket that says what no client would.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

#include <arpa/inet.h>
#include <httplib.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace plume::test {

/// Listens on loopback until the end of the scope. All requests have been served then: clients that
/// keep their connections have to let go of them before.
class Serving {
  public:
    explicit Serving(httplib::Server& server)
        : server_{server}, port_{server.bind_to_any_port("127.0.0.1")},
          thread_{[&server] { server.listen_after_bind(); }} {
        if (port_ <= 0) throw std::runtime_error{"no port"};
        // A server that is only just starting does not hear stop().
        while (!server_.is_running()) std::this_thread::yield();
    }
    ~Serving() {
        server_.stop();
        thread_.join();
    }
    Serving(const Serving&) = delete;
    Serving& operator=(const Serving&) = delete;

    [[nodiscard]] int port() const noexcept { return port_; }
    [[nodiscard]] httplib::Client client() const { return httplib::Client{"127.0.0.1", port_}; }

  private:
    httplib::Server& server_;
    int port_;
    std::thread thread_;
};

/// A connection to loopback.
class RawSocket {
  public:
    explicit RawSocket(int port) : socket_{::socket(AF_INET, SOCK_STREAM, 0)} {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(port));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
            throw std::runtime_error{"no connection"};
    }
    ~RawSocket() { ::close(socket_); }
    RawSocket(const RawSocket&) = delete;
    RawSocket& operator=(const RawSocket&) = delete;

    void say(std::string_view text) const {
        if (::send(socket_, text.data(), text.size(), MSG_NOSIGNAL) !=
            static_cast<ssize_t>(text.size()))
            throw std::runtime_error{"not sent"};
    }
    /// Reads until `text` has come, or the peer has no more to say.
    [[nodiscard]] std::string hear_until(std::string_view text) const {
        std::string heard;
        char c = 0;
        while (heard.find(text) == std::string::npos && ::recv(socket_, &c, 1, 0) == 1) heard += c;
        return heard;
    }
    /// Lets the peer read the end, and waits until it closes its side too.
    void say_no_more() const {
        ::shutdown(socket_, SHUT_WR);
        static_cast<void>(hear_until("\n\n\n"));
    }
    /// Lets the end of the scope reset the connection instead of closing it.
    void be_rude() const {
        const linger now{1, 0};
        ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }

  private:
    int socket_;
};

/// The head of the response to a request that is sent as it stands.
inline std::string head_of_response(int port, std::string_view request) {
    const RawSocket socket{port};
    socket.say(request);
    return socket.hear_until("\r\n\r\n");
}

} // namespace plume::test
