// udp_socket.hpp - a connected UDP socket that says what it knows about the fate of its packets.
#pragma once

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <string_view>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <plume/exporters/detail/own_descriptor.hpp>
#include <plume/exporters/jaeger/address_book.hpp>
#include <plume/exporters/jaeger/packets.hpp>

namespace plume::jaeger {

/// Functions return an errno, 0 if all went well, and never wait unless they say so.
class UdpSocket {
  public:
    /// False as well when the program has closed it: then the number may be another's.
    [[nodiscard]] bool is_open() const noexcept { return descriptor_.is_own(); }

    void close() noexcept { descriptor_.close(); }

    /// Connected, since the kernel tells of refused packets on connected sockets only.
    [[nodiscard]] int open(const Address& to, std::size_t packet_limit) noexcept {
        close();
        descriptor_ = plume::detail::OwnDescriptor{::socket(to.storage.ss_family, SOCK_DGRAM, 0)};
        if (!descriptor_.is_open()) return errno;
        ::fcntl(descriptor_.number(), F_SETFD, FD_CLOEXEC);
        want_send_buffer(static_cast<int>(packet_limit));
        if (::connect(descriptor_.number(), reinterpret_cast<const sockaddr*>(&to.storage),
                      to.size) == 0)
            return 0;
        const int error = errno;
        close();
        return error;
    }

    /// ECONNREFUSED is about an earlier packet, and means that this one was not sent.
    [[nodiscard]] int send(const Packet& packet) noexcept {
        const auto piece = [](std::string_view bytes) {
            return iovec{const_cast<char*>(bytes.data()), bytes.size()};
        };
        std::array<iovec, 3> pieces{piece(packet.head), piece(packet.spans), piece(packet.tail)};
        msghdr message{};
        message.msg_iov = pieces.data();
        message.msg_iovlen = pieces.size();
        while (::sendmsg(descriptor_.number(), &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
            if (errno != EINTR) return errno;
        }
        return 0;
    }

    /// What the network answered so far. On one host the answer is there when send() returns; from
    /// further away it comes within `patience`, later, or never.
    [[nodiscard]] int answer(std::chrono::milliseconds patience) noexcept {
        if (patience > patience.zero()) {
            pollfd errors_only{descriptor_.number(), 0, 0};
            ::poll(&errors_only, 1, static_cast<int>(patience.count()));
        }
        int error = 0;
        socklen_t size = sizeof error;
        ::getsockopt(descriptor_.number(), SOL_SOCKET, SO_ERROR, &error, &size);
        return error;
    }

  private:
    /// On macOS the buffer is the limit of a packet: 9,216 bytes, unless asked for more.
    void want_send_buffer(int wanted) noexcept {
        int size = 0;
        socklen_t length = sizeof size;
        if (::getsockopt(descriptor_.number(), SOL_SOCKET, SO_SNDBUF, &size, &length) != 0 ||
            size >= wanted)
            return;
        ::setsockopt(descriptor_.number(), SOL_SOCKET, SO_SNDBUF, &wanted, sizeof wanted);
    }

    plume::detail::OwnDescriptor descriptor_;
};

} // namespace plume::jaeger
