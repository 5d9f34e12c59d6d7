#include <plume/exporters/jaeger.hpp>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/catch.hpp"
#include "support/jaeger_model.hpp"
#include "support/left_behind.hpp"
#include "support/random_batch.hpp"
#include "support/small_batch.hpp"

using namespace std::chrono_literals;
using namespace plume::jaeger;
using namespace plume::jaeger_test;
using plume::Attribute;
using plume::DropReason;
using plume::JaegerExporter;
using plume::Outcome;
using plume::SpanData;
using plume::detail::CancelFlag;
using plume::otlp_test::RandomBatch;
using plume::otlp_test::small_span;
using plume::otlp_test::SmallBatch;

namespace {

/// What a test wants the system to answer: an errno, or 0 to send for real.
std::function<int(std::size_t size)> fault; // one thread of the tests sends at a time

struct Fault {
    explicit Fault(std::function<int(std::size_t)> wanted) { fault = std::move(wanted); }
    ~Fault() { fault = nullptr; }
    Fault(const Fault&) = delete;
    Fault& operator=(const Fault&) = delete;
};

/// An agent on loopback.
class Agent {
  public:
    explicit Agent(int family = AF_INET, std::uint16_t port = 0)
        : socket_{::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0)} {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        v4.sin_port = htons(port);
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        v6.sin6_addr = in6addr_loopback;
        v6.sin6_port = htons(port);
        auto* const address =
            family == AF_INET ? reinterpret_cast<sockaddr*>(&v4) : reinterpret_cast<sockaddr*>(&v6);
        socklen_t size = family == AF_INET ? sizeof v4 : sizeof v6;
        if (::bind(socket_, address, size) != 0 || ::getsockname(socket_, address, &size) != 0)
            throw std::runtime_error{"no port on loopback"};
        port_ = ntohs(family == AF_INET ? v4.sin_port : v6.sin6_port);
    }
    ~Agent() { ::close(socket_); }
    Agent(const Agent&) = delete;
    Agent& operator=(const Agent&) = delete;

    [[nodiscard]] std::uint16_t port() const { return port_; }

    /// The next packet; nothing if none is there. On loopback, what was sent has arrived.
    [[nodiscard]] std::string take() const {
        std::string packet(70'000, '\0');
        const ssize_t size = ::recv(socket_, packet.data(), packet.size(), MSG_DONTWAIT);
        packet.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
        return packet;
    }
    [[nodiscard]] std::vector<plume::idl::Span> spans() const {
        std::vector<plume::idl::Span> all;
        for (std::string packet = take(); !packet.empty(); packet = take()) {
            const auto batch = emitted(std::move(packet));
            all.insert(all.end(), batch.spans.begin(), batch.spans.end());
        }
        return all;
    }

  private:
    int socket_;
    std::uint16_t port_ = 0;
};

Outcome deliver(JaegerExporter& exporter, std::size_t spans = 3) {
    return exporter.deliver(SmallBatch{spans}.batch());
}
Outcome deliver(UdpRoute& route, std::size_t spans = 3) {
    return route.deliver(SmallBatch{spans}.batch(), CancelFlag{});
}

UdpRoute route_to(std::string host, std::uint16_t port, Lookups lookups = {}) {
    return UdpRoute{{.host = std::move(host),
                     .port = port,
                     .max_packet_bytes = 65'000,
                     .timeout = 5s,
                     .lookups = std::move(lookups)}};
}

} // namespace

/// In the place of the C library's, for this program.
extern "C" ssize_t sendmsg(int socket, const msghdr* message, int flags) {
    std::size_t size = 0;
    for (std::size_t i = 0; i != message->msg_iovlen; ++i) size += message->msg_iov[i].iov_len;
    if (const int error = fault ? fault(size) : 0; error != 0) {
        errno = error;
        return -1;
    }
    return ::syscall(SYS_sendmsg, socket, message, flags);
}

TEST_CASE("spans arrive at an agent on IPv4, whole") {
    const Agent agent;
    JaegerExporter exporter{{.agent_host = "127.0.0.1", .agent_port = agent.port()}};
    const RandomBatch random{5, {.spans = 20, .longest_text = 40}};
    const Outcome outcome = exporter.deliver(random.batch());
    CHECK(outcome.dropped.total() == 0);
    CHECK(outcome.error.empty());
    const auto spans = agent.spans();
    REQUIRE(spans.size() == 20);
    std::size_t i = 0;
    for (const SpanData& span : random.batch())
        CHECK(
            (thrift_bytes<BinaryProtocol>(spans[i++]) ==
             thrift_bytes<BinaryProtocol>(exported_model_of(span)))); // NaN is not equal to itself
}

TEST_CASE("spans arrive at an agent on IPv6, with brackets or without") {
    const Agent agent{AF_INET6};
    for (const char* const host : {"::1", "[::1]"}) {
        JaegerExporter exporter{{.agent_host = host, .agent_port = agent.port()}};
        CHECK(deliver(exporter).dropped.total() == 0);
        CHECK(agent.spans().size() == 3);
    }
}

TEST_CASE("localhost finds the agent on whichever loopback it listens") {
    for (const int family : {AF_INET, AF_INET6}) {
        const Agent agent{family};
        // /etc/hosts of a container may know one of the two only.
        UdpRoute route = route_to("localhost", agent.port(), {.resolve = [](auto, auto port) {
                                      Answer both = resolve("127.0.0.1", port);
                                      both.addresses.push_back(resolve("::1", port).addresses[0]);
                                      return both;
                                  }});
        for (int i = 0; i != 2; ++i) {
            const Outcome outcome = deliver(route);
            CHECK(outcome.dropped.total() == 0);
            CHECK(outcome.error.empty());
        }
        CHECK(agent.spans().size() == 6);
    }
}

TEST_CASE("what nobody listens for is counted, and delivered once somebody does") {
    for (const int family : {AF_INET, AF_INET6}) {
        const std::uint16_t port = Agent{family}.port();
        const std::string host = family == AF_INET ? "127.0.0.1" : "::1";
        JaegerExporter exporter{{.agent_host = host, .agent_port = port, .max_packet_bytes = 400}};
        for (int i = 0; i != 3; ++i) {
            const Outcome outcome = deliver(exporter, 20); // several packets
            CHECK(outcome.dropped[DropReason::transport] == 20);
            CHECK(outcome.dropped.total() == 20);
            CHECK(outcome.error == "Jaeger agent " + host + ":" + std::to_string(port) +
                                       ": nobody listens there (connection refused)");
        }
        const Agent agent{family, port};
        const Outcome outcome = deliver(exporter, 20);
        CHECK(outcome.dropped.total() == 0);
        CHECK(outcome.error.empty());
        CHECK(agent.spans().size() == 20);
    }
}

TEST_CASE("a refusal that comes late counts against the packet before, never twice") {
    const Agent agent;
    UdpRoute route{{.host = "127.0.0.1", .port = agent.port(), .max_packet_bytes = 400}};
    std::size_t call = 0;
    std::size_t spans = 0;
    {
        const Fault late{[&](std::size_t) { return ++call == 3 ? ECONNREFUSED : 0; }};
        const Outcome outcome = deliver(route, 20);
        spans = agent.spans().size(); // here the refused packet arrived in truth
        CHECK(spans == 20);
        CHECK(outcome.dropped[DropReason::transport] > 0);
        CHECK(outcome.dropped[DropReason::transport] <= 3); // one packet's
        CHECK_FALSE(outcome.error.empty());
    }
    {
        call = 2; // now the first call of a batch: an earlier batch is meant
        const Fault late{[&](std::size_t) { return ++call == 3 ? ECONNREFUSED : 0; }};
        const Outcome outcome = deliver(route, 20);
        CHECK(outcome.dropped.total() == 0);
        CHECK_FALSE(outcome.error.empty());
    }
    CHECK(deliver(route, 20).error.empty());
}

TEST_CASE("a full send buffer is waited for, a little") {
    const Agent agent;
    JaegerExporter exporter{{.agent_host = "127.0.0.1", .agent_port = agent.port()}};
    for (const int error : {EAGAIN, ENOBUFS}) {
        std::size_t calls = 0;
        {
            const Fault twice{[&](std::size_t) { return ++calls <= 2 ? error : 0; }};
            CHECK(deliver(exporter).dropped.total() == 0);
            CHECK(agent.spans().size() == 3);
        }
        const Fault always{[&](std::size_t) { return error; }};
        const Outcome outcome = deliver(exporter);
        CHECK(outcome.dropped[DropReason::transport] == 3);
        CHECK(outcome.error.ends_with("the system's send buffers stay full"));
    }
    CHECK(deliver(exporter).dropped.total() == 0);
}

TEST_CASE("where packets may not be as large as the limit, they become smaller") {
    const Agent agent;
    UdpRoute route = route_to("127.0.0.1", agent.port());
    const Fault mac{[](std::size_t size) { return size > 9'216 ? EMSGSIZE : 0; }};
    const Outcome outcome = deliver(route, 400);
    CHECK(outcome.dropped.total() == 0);
    CHECK(outcome.error.empty());
    CHECK(agent.spans().size() == 400);
    CHECK(route.packet_limit() == 9'216);
}

TEST_CASE("a limit above what UDP carries is lowered to what Jaeger reads") {
    const Agent agent;
    UdpRoute route{{.host = "127.0.0.1", .port = agent.port(), .max_packet_bytes = 100'000}};
    CHECK(deliver(route, 1'200).dropped.total() == 0);
    CHECK(route.packet_limit() == 65'000);
    CHECK(agent.spans().size() == 1'200);
}

TEST_CASE("an error that nothing helps against is named") {
    const Agent agent;
    JaegerExporter exporter{{.agent_host = "127.0.0.1", .agent_port = agent.port()}};
    {
        const Fault down{[](std::size_t) { return ENETUNREACH; }};
        const Outcome outcome = deliver(exporter);
        CHECK(outcome.dropped[DropReason::transport] == 3);
        CHECK(outcome.error.ends_with(": Network is unreachable"));
    }
    const Fault tiny{[](std::size_t) { return EMSGSIZE; }};
    const Outcome outcome = deliver(exporter);
    CHECK(outcome.dropped[DropReason::transport] == 3);
    CHECK(outcome.error.ends_with(": Message too long"));
}

TEST_CASE("a span beyond 65,000 bytes arrives cut, and its neighbours whole") {
    const Agent agent;
    JaegerExporter exporter{{.agent_host = "127.0.0.1", .agent_port = agent.port()}};
    const std::string text(200'000, 't');
    const Attribute attribute{"text", text};
    std::vector<SpanData> batch(3, small_span());
    batch[1].attribute_data = &attribute;
    batch[1].attribute_count = 1;
    CHECK(exporter.deliver(SmallBatch{batch}.batch()).dropped.total() == 0);
    const auto spans = agent.spans();
    REQUIRE(spans.size() == 3);
    CHECK(text_of(spans[0].tags, "plume.truncated") == "no plume.truncated");
    CHECK(text_of(spans[1].tags, "plume.truncated") == "plume.truncated=true");
    CHECK(text_of(spans[2].tags, "plume.truncated") == "no plume.truncated");
}

TEST_CASE("a host name that does not resolve is told, and tried again") {
    JaegerExporter exporter{{.agent_host = "no-such-host.invalid"}}; // RFC 6761, 6.4
    const Outcome outcome = deliver(exporter);
    CHECK(outcome.dropped[DropReason::transport] == 3);
    CHECK(outcome.error.starts_with(
        "Jaeger agent no-such-host.invalid:6831: the host name does not resolve ("));

    const Agent agent;
    std::atomic<int> lookups = 0;
    UdpRoute route = route_to("agent", agent.port(),
                              {.resolve =
                                   [&](auto, auto port) {
                                       if (++lookups < 3) return Answer{{}, "not yet"};
                                       return resolve("127.0.0.1", port);
                                   },
                               .first_retry = 1ms});
    std::size_t tries = 1;
    for (Outcome failed = deliver(route); failed.dropped.total() != 0; failed = deliver(route)) {
        REQUIRE(failed.dropped[DropReason::transport] == 3);
        REQUIRE(failed.error.ends_with(": the host name does not resolve (not yet)"));
        ++tries;
    }
    CHECK(tries >= 3);
    CHECK(lookups == 3);
    CHECK(agent.spans().size() == 3);
}

TEST_CASE("a name that moves is followed") {
    const Agent first;
    const Agent second;
    const auto port = std::make_shared<std::atomic<std::uint16_t>>(first.port()); // of lookups
    UdpRoute route = route_to("agent", 1,
                              {.resolve =
                                   [port](auto, auto) { // that outlive this test
                                       return resolve("127.0.0.1", *port);
                                   },
                               .refresh = 0ms});
    CHECK(deliver(route).dropped.total() == 0);
    CHECK(first.spans().size() == 3);
    *port = second.port();
    std::size_t arrived = 0;
    for (int i = 0; i != 1'000'000 && arrived == 0; ++i) { // the lookup runs beside the batches
        CHECK(deliver(route).dropped.total() == 0);
        arrived = second.spans().size();
        (void)first.spans();
    }
    CHECK(arrived == 3);
}

TEST_CASE("a name server that hangs doesn't hold up whoever cancels") {
    std::promise<void> answer;
    const std::shared_future<void> wait = answer.get_future().share();
    UdpRoute route = route_to("agent", 1, {.resolve = [wait](auto, auto) {
                                  wait.wait();
                                  return Answer{{}, "at last"};
                              }});
    CancelFlag cancel;
    std::thread canceller{[&] { cancel.request(); }};
    const auto before = std::chrono::steady_clock::now();
    const Outcome outcome = route.deliver(SmallBatch{3}.batch(), cancel);
    CHECK(std::chrono::steady_clock::now() - before < 4s); // and the time-out is 5 s
    canceller.join();
    CHECK(outcome.dropped[DropReason::transport] == 3);
    CHECK(outcome.error.ends_with("the host name is still being resolved"));
    answer.set_value();
}

TEST_CASE("a child after fork() is another client on another socket") {
    const plume::test::LeftBehind left_behind;
    const Agent agent;
    JaegerExporter exporter{{.agent_host = "127.0.0.1", .agent_port = agent.port()}};
    const auto client = [&] {
        CHECK(deliver(exporter).dropped.total() == 0);
        return text_of(emitted(agent.take()).process.tags, "client-uuid");
    };
    const std::string parent = client();
    CHECK(client() == parent);
    exporter.forked();
    CHECK(client() != parent);
}

TEST_CASE("an exporter may move before its first batch") {
    const Agent agent;
    JaegerExporter first{{.agent_host = "127.0.0.1", .agent_port = agent.port()}};
    JaegerExporter second{std::move(first)};
    CHECK(deliver(second).dropped.total() == 0);
    CHECK(agent.spans().size() == 3);
}
