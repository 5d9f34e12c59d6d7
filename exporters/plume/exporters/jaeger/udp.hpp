// udp.hpp - spans to a Jaeger agent: Agent.emitBatch in Thrift's compact protocol, by UDP.
#pragma once

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <system_error>
#include <utility>

#include <plume/export/exporter.hpp>
#include <plume/exporters/detail/cancel.hpp>
#include <plume/exporters/jaeger/address_book.hpp>
#include <plume/exporters/jaeger/packets.hpp>
#include <plume/exporters/jaeger/udp_socket.hpp>
#include <plume/exporters/jaeger/wire.hpp>

namespace plume::jaeger {

struct UdpOptions {
    std::string host = {};
    std::uint16_t port = 0;
    std::size_t max_packet_bytes = 0;
    std::chrono::milliseconds timeout{0}; ///< of the first lookup of the host's name
    Lookups lookups = {};
    otlp::OriginChoice origins = {};
};

/// What UDP can tell: that a packet left this host, and, if the other host says so in time, that
/// nobody listens there. It can't tell whether a packet arrived, whether the agent had room for it,
/// nor what a firewall did with it. Spans count as delivered unless the contrary is known when
/// deliver() returns; an answer that comes later shows in the next outcome, without a count.
class UdpRoute {
  public:
    explicit UdpRoute(UdpOptions options)
        : timeout_{options.timeout},
          name_{"Jaeger agent " + options.host + ":" + std::to_string(options.port) + ": "},
          packets_{options.max_packet_bytes, Envelope::emit_batch, options.origins},
          book_{std::move(options.host), options.port, std::move(options.lookups)} {}

    [[nodiscard]] Outcome deliver(const Batch& batch, const plume::detail::CancelFlag& cancel) {
        if (!book_.ready(timeout_, cancel)) {
            packets_.give_up(batch.size());
            return Outcome::failed(DropReason::transport, batch.size(), name_ + book_.error());
        }
        if (book_.edition() != edition_) use_address(0);
        earlier_spans_ = 0;
        return packets_.split(batch, [&](const Packet& packet) { return send(packet, cancel); });
    }

    [[nodiscard]] std::size_t packet_limit() const noexcept { return packets_.limit(); }

    void forked() noexcept {
        socket_.close();
        book_.forked();
        packets_.forked();
    }

  private:
    /// Each address has its chance with each packet: what was refused arrived nowhere, so sending
    /// it again makes no second copy.
    [[nodiscard]] Sent send(const Packet& packet, const plume::detail::CancelFlag& cancel) {
        Sent sent;
        int error = 0;
        for (std::size_t untried = book_.addresses().size(); untried != 0; --untried) {
            error = send_once(packet, sent.outcome, cancel);
            if (error == 0) {
                earlier_spans_ = packet.span_count;
                leave_time_to_read(packet.size(), cancel);
                return sent;
            }
            if (error == EMSGSIZE && (sent.smaller = smaller_than(packet.size())) != 0) return sent;
            use_address((address_ + 1) % book_.addresses().size());
        }
        book_.doubt();
        earlier_spans_ = 0;
        sent.outcome.error = name_ + reason(error);
        sent.outcome.dropped[DropReason::transport] += packet.span_count;
        return sent;
    }

    [[nodiscard]] int send_once(const Packet& packet, Outcome& outcome,
                                const plume::detail::CancelFlag& cancel) {
        int error = 0;
        if (!socket_.is_open()) error = socket_.open(book_.addresses()[address_], packets_.limit());
        if (error == 0) error = socket_.send(packet);
        if (error == ECONNREFUSED) { // the answer to an earlier packet
            outcome.dropped[DropReason::transport] += std::exchange(earlier_spans_, 0);
            outcome.error = name_ + reason(error);
            refused_ = true;
            error = socket_.send(packet);
        }
        if (is_busy(error)) error = send_patiently(packet, cancel);
        // Who refused the last packet has a moment to refuse this one too: then the count is right
        // for agents on other hosts as well, and packets wait only where they are not wanted.
        if (error == 0) error = socket_.answer(refused_ ? a_moment : a_moment.zero());
        refused_ = error == ECONNREFUSED;
        return error;
    }

    /// Linux drops a packet that finds the receiver's buffer full, and that holds three of the
    /// largest packets (net.core.rmem_default, 208 KiB with the kernel's own bytes). So a burst
    /// pauses for 1 ms after each 64,000 bytes: 64 MB a second, more than Jaeger takes.
    void leave_time_to_read(std::size_t bytes, const plume::detail::CancelFlag& cancel) {
        constexpr std::size_t most_at_once = 64'000;
        constexpr std::chrono::milliseconds pause{1};
        const auto now = std::chrono::steady_clock::now();
        if (now - std::exchange(last_sent_, now) > pause) burst_bytes_ = 0;
        burst_bytes_ += bytes;
        if (burst_bytes_ < most_at_once) return;
        burst_bytes_ = 0;
        static_cast<void>(cancel.wait_for(pause)); // who cancels wants the rest sent at once
    }

    /// The kernel's buffers drain in microseconds, or the network is down: 127 ms in all.
    [[nodiscard]] int send_patiently(const Packet& packet,
                                     const plume::detail::CancelFlag& cancel) {
        int error = EAGAIN;
        for (std::chrono::milliseconds pause{1}; is_busy(error) && pause.count() <= 64;
             pause *= 2) {
            if (!cancel.wait_for(pause)) break;
            error = socket_.send(packet);
        }
        return error;
    }
    [[nodiscard]] static bool is_busy(int error) noexcept {
        return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS;
    }

    /// What Jaeger reads, what macOS sends by default, and what every IPv6 network carries whole
    /// (1,280 bytes, RFC 8200, 5). 0: there is nothing smaller to try.
    [[nodiscard]] static std::size_t smaller_than(std::size_t size) noexcept {
        for (const std::size_t step :
             {std::size_t{65'000}, std::size_t{9'216}, std::size_t{1'200}}) {
            if (step < size) return step;
        }
        return 0;
    }

    [[nodiscard]] static std::string reason(int error) {
        if (error == ECONNREFUSED) return "nobody listens there (connection refused)";
        if (is_busy(error)) return "the system's send buffers stay full";
        return std::system_category().message(error);
    }

    void use_address(std::size_t index) {
        edition_ = book_.edition();
        address_ = index;
        socket_.close();
    }

    static constexpr std::chrono::milliseconds a_moment{20}; // a round trip inside a data centre: 1

    std::chrono::milliseconds timeout_;
    std::string name_;
    Packets<Compact> packets_;
    AddressBook book_;
    UdpSocket socket_;
    std::size_t address_ = 0;
    unsigned edition_ = 0;          // of the book that address_ belongs to
    std::size_t earlier_spans_ = 0; // in the last packet of this batch that seemed to be sent
    bool refused_ = false;
    std::chrono::steady_clock::time_point last_sent_{};
    std::size_t burst_bytes_ = 0; // since the last pause
};

} // namespace plume::jaeger
