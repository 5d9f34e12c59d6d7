// export.cpp - Jaeger by UDP and OTLP by HTTP, to sinks on this host that throw everything away.
#include "export.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <plume/exporters/jaeger.hpp>
#include <plume/exporters/otlp.hpp>
#include <plume/plume.hpp>
#include <plume/session.hpp>

#include "cases.hpp"
#include "measure.hpp"

namespace {

using namespace std::chrono_literals;

/// A socket on a free port of the loopback interface.
class Port {
  public:
    explicit Port(int type) : socket_{::socket(AF_INET, type, 0)} {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        ::bind(socket_, reinterpret_cast<sockaddr*>(&address), size);
        ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
        number_ = ntohs(address.sin_port);
    }
    Port(const Port&) = delete;
    Port& operator=(const Port&) = delete;
    ~Port() { ::close(socket_); }

    [[nodiscard]] int socket() const { return socket_; }
    [[nodiscard]] std::uint16_t number() const { return number_; }

  private:
    int socket_;
    std::uint16_t number_ = 0;
};

/// Answers every request with an empty success, without looking at what is in it.
void answer_requests(int connection) {
    std::string head;
    std::array<char, 1 << 18> buffer{};
    while (true) {
        std::size_t end = std::string::npos;
        while ((end = head.find("\r\n\r\n")) == std::string::npos) {
            const ssize_t got = ::recv(connection, buffer.data(), buffer.size(), 0);
            if (got <= 0) return;
            head.append(buffer.data(), static_cast<std::size_t>(got));
        }
        const std::size_t at = head.find("Content-Length: ");
        std::size_t left = at < end ? std::stoul(head.substr(at + 16)) : 0;
        if (head.find("100-continue") < end) {
            constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
            ::send(connection, go_on.data(), go_on.size(), MSG_NOSIGNAL);
        }
        left -= std::min(left, head.size() - end - 4);
        while (left != 0) {
            const ssize_t got = ::recv(connection, buffer.data(), std::min(left, buffer.size()), 0);
            if (got <= 0) return;
            left -= static_cast<std::size_t>(got);
        }
        head.clear();
        constexpr std::string_view done = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        ::send(connection, done.data(), done.size(), MSG_NOSIGNAL);
    }
}

/// What is timed is all that happens to spans with three attributes from the ring on.
template <class Exporter>
double spans_per_s(Exporter exporter, const char* what) {
    constexpr int spans = 50'000;
    plume::Session session{{.service_name = "overhead",
                            .when_full = plume::WhenFull::wait,
                            .longest_wait = 10s,
                            .queue_spans = std::size_t{1} << 20U,
                            .batch_spans = 4096},
                           std::move(exporter)};
    std::vector<double> rates;
    for (int round = 0; round < 30; ++round) {
        session.flush(60s);
        measure::BackgroundTime background;
        {
            PLUME_SPAN("around");
            cases::attributes_3(spans);
        }
        background.rest();
        session.flush(60s);
        rates.push_back(spans / background.ns() * 1e9);
    }
    const plume::Stats stats = session.stats();
    if (const auto lost = stats.exporters.at(0).dropped.total(); lost != 0) {
        std::fprintf(stderr, "overhead: %s lost %llu spans: no figure\n", what,
                     static_cast<unsigned long long>(lost));
        return 0;
    }
    std::ranges::sort(rates);
    return rates[rates.size() / 2];
}

/// The time to encode alone, into packets that are not sent.
double thrift_ns_per_span() {
    std::vector<plume::SpanData> spans(512);
    const std::array attributes{plume::Attribute{"order.id", std::int64_t{4711}},
                                plume::Attribute{"order.total", 99.5},
                                plume::Attribute{"order.currency", std::string_view{"EUR"}}};
    const plume::Source source{"checkout", "shop.cpp", "shop::checkout", 42, "plume", {}};
    std::uint64_t id = 1;
    for (plume::SpanData& span : spans) {
        span.trace_id = {plume::detail::mix(id), plume::detail::mix(id + 1)};
        span.span_id = {plume::detail::mix(id + 2)};
        span.parent_span_id = {plume::detail::mix(id + 3)};
        span.begin_unix_ns = 1'700'000'000'000'000'000U + id * 1000;
        span.end_unix_ns = span.begin_unix_ns + 12'345;
        span.source = &source;
        span.attribute_data = attributes.data();
        span.attribute_count = attributes.size();
        id += 4;
    }
    plume::Resource resource;
    resource.set("service.name", "overhead");
    const plume::Batch::Piece piece{spans};
    const plume::Batch batch{resource, std::span{&piece, 1}};
    plume::jaeger::Packets<plume::jaeger::Compact> packets{65'000,
                                                           plume::jaeger::Envelope::emit_batch};
    std::vector<double> times;
    for (int round = 0; round < 300; ++round) {
        const double begin = measure::now_ns();
        static_cast<void>(packets.split(batch, [](const plume::jaeger::Packet& packet) {
            asm volatile("" ::"r"(packet.spans.data()) : "memory");
            return plume::jaeger::Sent{};
        }));
        times.push_back((measure::now_ns() - begin) / static_cast<double>(spans.size()));
    }
    std::ranges::sort(times);
    return times[times.size() / 2];
}

} // namespace

ExportRates measure_export(const std::function<void()>& on_another) {
    ExportRates rates;
    rates.thrift_ns_per_span = thrift_ns_per_span();

    std::atomic<bool> done{false};
    {
        const Port port{SOCK_DGRAM};
        const timeval wait{0, 100'000};
        ::setsockopt(port.socket(), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
        std::thread sink{[&] {
            on_another();
            std::vector<char> buffer(65'536);
            while (!done) static_cast<void>(::recv(port.socket(), buffer.data(), buffer.size(), 0));
        }};
        rates.jaeger_udp_spans_per_s = spans_per_s(
            plume::JaegerExporter{{.agent_host = "127.0.0.1", .agent_port = port.number()}},
            "jaeger");
        done = true;
        sink.join();
    }
    const Port port{SOCK_STREAM};
    ::listen(port.socket(), 4);
    std::thread sink{[&] {
        on_another();
        const int connection = ::accept(port.socket(), nullptr, nullptr);
        if (connection >= 0) answer_requests(connection);
        ::close(connection);
    }};
    rates.otlp_spans_per_s = spans_per_s(
        plume::OtlpExporter{{.endpoint = "http://127.0.0.1:" + std::to_string(port.number())}},
        "otlp");
    ::shutdown(port.socket(), SHUT_RDWR); // the exporter has closed its connection, if it made one
    sink.join();
    return rates;
}
