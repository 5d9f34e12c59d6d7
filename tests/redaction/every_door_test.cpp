#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <plume/exporters/console.hpp>
#include <plume/exporters/jaeger.hpp>
#include <plume/exporters/jsonl.hpp>
#include <plume/exporters/memory.hpp>
#include <plume/exporters/otlp.hpp>
#include <plume/session.hpp>

#include "interop/recorded_json.hpp"
#include "redaction/secrets.hpp"
#include "support/capture.hpp"
#include "support/catch.hpp"
#include "support/http_server.hpp"

using namespace std::chrono_literals;
using namespace plume::redaction_test;

namespace {

/// Takes packets that come to it, and has them ready for whoever asks.
class Agent {
  public:
    Agent() : socket_{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)} {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* const any = reinterpret_cast<sockaddr*>(&address);
        if (::bind(socket_, any, size) != 0 || ::getsockname(socket_, any, &size) != 0)
            throw std::runtime_error{"no port on loopback"};
        port_ = ntohs(address.sin_port);
    }
    ~Agent() { ::close(socket_); }
    Agent(const Agent&) = delete;
    Agent& operator=(const Agent&) = delete;

    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] std::string received() const {
        std::string all;
        std::vector<char> packet(65'536);
        ssize_t size = 0;
        while ((size = ::recv(socket_, packet.data(), packet.size(), MSG_DONTWAIT)) > 0)
            all.append(packet.data(), static_cast<std::size_t>(size));
        return all;
    }

  private:
    int socket_;
    std::uint16_t port_;
};

std::string contents_of(const std::string& path) {
    std::ifstream file{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
}

std::string bodies(const plume::otlp_test::HttpServer& server) {
    std::string all;
    for (const auto& request : server.requests()) all += request.body;
    return all;
}

struct Shown {
    std::map<std::string, std::string> bytes; ///< by exporter
    plume::Stats stats;
};

/// All that every exporter puts out when secrets are let out by every door, the resource included.
Shown shown(plume::Redaction rules, const std::vector<Secret>& secrets, Random random) {
    using plume::otlp_test::HttpServer;
    using plume::otlp_test::reply;
    std::string path = (std::filesystem::temp_directory_path() / "plume-redaction-XXXXXX").string();
    ::close(::mkstemp(path.data()));
    plume::scene::Capture tree;
    plume::scene::Capture line;
    plume::scene::Capture json;
    const Agent agent;
    const HttpServer protobuf_server{{reply(200)}};
    const HttpServer json_server{{reply(200)}};
    const plume::MemoryExporter memory;
    const auto console = [](plume::ConsoleForm form, const plume::scene::Capture& to) {
        return plume::ConsoleExporter{{.form = form, .stream = to.stream(), .columns = 10'000}};
    };

    plume::Options options{.service_name = "redaction", .redaction = std::move(rules)};
    for (std::size_t i = 0; i < secrets.size(); ++i)
        options.resource.emplace_back("resource." + std::to_string(i),
                                      surrounded(random, secrets[i].written));
    plume::Session session{
        std::move(options),
        console(plume::ConsoleForm::tree, tree),
        console(plume::ConsoleForm::line, line),
        console(plume::ConsoleForm::json, json),
        plume::MemoryExporter{memory},
        plume::JsonlExporter{{.path = path}},
        plume::JaegerExporter{{.agent_host = "127.0.0.1", .agent_port = agent.port()}},
        plume::OtlpExporter{{.endpoint = protobuf_server.url()}},
        plume::OtlpExporter{
            {.endpoint = json_server.url(), .encoding = plume::OtlpEncoding::json}}};
    for (const Secret& secret : secrets)
        for (std::size_t door = 0; door < doors; ++door)
            let_out(door, surrounded(random, secret.written));
    const plume::FlushResult end = session.shutdown(60s);
    REQUIRE(end.complete);

    plume::interop::Json spans;
    spans.array([&] {
        for (const plume::RecordedSpan& span : memory.spans()) plume::interop::write(spans, span);
    });
    Shown all{{{"tree", tree.take()},
               {"line", line.take()},
               {"json", json.take()},
               {"memory", spans.text()},
               {"jsonl", contents_of(path)},
               {"jaeger", agent.received()},
               {"OTLP protobuf", bodies(protobuf_server)},
               {"OTLP JSON", bodies(json_server)}},
              end.stats};
    std::filesystem::remove(path);
    return all;
}

std::size_t count(std::string_view text, std::string_view what) {
    std::size_t found = 0;
    for (std::size_t at = text.find(what); at != std::string_view::npos;
         at = text.find(what, at + 1))
        ++found;
    return found;
}

std::vector<Secret> some_secrets(Random& random) {
    std::vector<Secret> secrets;
    for (int i = 0; i < 8; ++i) secrets.push_back(random_secret(random));
    return secrets;
}

} // namespace

TEST_CASE("without rules every exporter shows what comes through every door") {
    Random random{1};
    const std::vector<Secret> secrets = some_secrets(random);
    const Shown all = shown({}, secrets, random);
    // The console's forms for people leave some details out, and no console shows the resource.
    const std::map<std::string, std::size_t> ways{
        {"tree", 16},  {"line", 13},   {"json", 19},          {"memory", 18},
        {"jsonl", 20}, {"jaeger", 19}, {"OTLP protobuf", 20}, {"OTLP JSON", 20}};
    for (const auto& [exporter, bytes] : all.bytes) {
        INFO(exporter);
        for (const Secret& secret : secrets)
            CHECK(count(bytes, secret.essence) >= ways.at(exporter));
    }
    CHECK(all.stats.redacted_values == 0);
}

TEST_CASE("under the standard rules no exporter shows a secret, whatever door it comes through") {
    for (const std::uint64_t seed : {2U, 3U, 4U, 5U, 6U, 7U, 8U, 9U}) {
        Random random{seed};
        const std::vector<Secret> secrets = some_secrets(random);
        const Shown all = shown(plume::Redaction::standard(), secrets, random);
        for (const auto& [exporter, bytes] : all.bytes) {
            INFO(exporter << " with seed " << seed);
            REQUIRE(bytes.size() > 1000);
            for (const Secret& secret : secrets) {
                INFO(secret.written);
                CHECK(bytes.find(secret.essence) == std::string::npos);
            }
        }
        CHECK(all.stats.redacted_values >= secrets.size() * (doors + 1));
        CHECK(all.stats.failed_redactions == 0);
    }
}

TEST_CASE("under every other action no exporter shows a secret either") {
    std::uint64_t seed = 100;
    for (const plume::Redact action : {plume::Redact::hash, plume::Redact::drop}) {
        Random random{++seed};
        const std::vector<Secret> secrets = some_secrets(random);
        plume::Redaction rules = plume::Redaction::standard();
        for (plume::KeyRule& rule : rules.keys) rule.action = action;
        for (plume::ValueRule& rule : rules.values) rule.action = action;
        const Shown all = shown(rules, secrets, random);
        for (const auto& [exporter, bytes] : all.bytes) {
            INFO(exporter << " with seed " << seed);
            for (const Secret& secret : secrets) {
                INFO(secret.written);
                CHECK(bytes.find(secret.essence) == std::string::npos);
            }
        }
    }
}
