// http_server.hpp - a server on loopback that answers as it is told, misbehaviour included.
#pragma once

#include <algorithm>
#include <arpa/inet.h>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace plume::otlp_test {

struct Request {
    std::string head; ///< request line and headers
    std::string body;

    [[nodiscard]] bool has_line(std::string_view line) const {
        return head.find("\r\n" + std::string{line} + "\r\n") != head.npos;
    }
};

struct Reply {
    std::string bytes;  ///< as they go onto the wire
    bool close = false; ///< after them
    bool stall = false; ///< neither answer nor close, until the server stops
};

inline Reply reply(int status, std::string_view body = {}, std::string_view header = {}) {
    return {"HTTP/1.1 " + std::to_string(status) +
                " X\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
                std::string{header} + (header.empty() ? "" : "\r\n") + "\r\n" + std::string{body},
            false, false};
}

/// Gives its replies in their order, the last one again and again. A thread for each connection.
class HttpServer {
  public:
    /// On a free port, unless told which.
    explicit HttpServer(std::vector<Reply> replies, std::uint16_t port = 0)
        : replies_{std::move(replies)} {
        listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(port);
        const int yes = 1; // take over what earlier connections left behind
        ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
        socklen_t size = sizeof address;
        if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
            ::listen(listener_, 16) != 0 ||
            ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
            throw std::runtime_error{"no port on loopback"};
        port_ = ntohs(address.sin_port);
        acceptor_ = std::thread{[this] { accept_all(); }};
    }
    ~HttpServer() {
        stop_ = true;
        acceptor_.join();
        for (std::thread& connection : connections_) connection.join();
        ::close(listener_);
    }
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] std::vector<Request> requests() const {
        const std::lock_guard lock{mutex_};
        return requests_;
    }
    [[nodiscard]] std::size_t connections() const { return accepted_; }

  private:
    [[nodiscard]] bool wait_for_input(int socket) const {
        pollfd poll{socket, POLLIN, 0};
        while (!stop_)
            if (::poll(&poll, 1, 5) > 0) return true;
        return false;
    }
    void accept_all() {
        while (wait_for_input(listener_)) {
            const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
            if (socket < 0) continue;
            ++accepted_;
            connections_.emplace_back([this, socket] {
                serve(socket);
                ::close(socket);
            });
        }
    }
    [[nodiscard]] bool receive(int socket, std::string& bytes) const {
        char piece[65536];
        if (!wait_for_input(socket)) return false;
        const ssize_t count = ::recv(socket, piece, sizeof piece, 0);
        if (count <= 0) return false;
        bytes.append(piece, static_cast<std::size_t>(count));
        return true;
    }
    void serve(int socket) {
        std::string bytes;
        for (;;) {
            std::size_t end = 0;
            while ((end = bytes.find("\r\n\r\n")) == bytes.npos)
                if (!receive(socket, bytes)) return;
            Request request{bytes.substr(0, end + 2), {}};
            constexpr std::string_view length = "\r\nContent-Length: ";
            const std::size_t at = request.head.find(length);
            const std::size_t size =
                at == request.head.npos ? 0 : std::stoul(request.head.substr(at + length.size()));
            while (bytes.size() < end + 4 + size)
                if (!receive(socket, bytes)) return;
            request.body = bytes.substr(end + 4, size);
            bytes.erase(0, end + 4 + size);
            const Reply answer = record(std::move(request));
            ::send(socket, answer.bytes.data(), answer.bytes.size(), MSG_NOSIGNAL);
            while (answer.stall && !stop_)
                std::this_thread::sleep_for(std::chrono::milliseconds{2});
            if (answer.close) return;
        }
    }
    [[nodiscard]] Reply record(Request request) {
        const std::lock_guard lock{mutex_};
        const Reply& answer = replies_[std::min(requests_.size(), replies_.size() - 1)];
        requests_.push_back(std::move(request));
        return answer;
    }

    std::vector<Reply> replies_;
    int listener_ = -1;
    std::uint16_t port_ = 0;
    std::atomic<bool> stop_ = false;
    std::atomic<std::size_t> accepted_ = 0;
    mutable std::mutex mutex_;
    std::vector<Request> requests_;
    std::list<std::thread> connections_;
    std::thread acceptor_;
};

} // namespace plume::otlp_test
