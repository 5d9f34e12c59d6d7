// service.cpp - the part of the services that includes every exporter, compiled once for both.
#include "service.hpp"

#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <future>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <plume/exporters/console.hpp>
#include <plume/exporters/jaeger.hpp>
#include <plume/exporters/jsonl.hpp>
#include <plume/exporters/otlp.hpp>

namespace examples {
namespace {

[[noreturn]] void refuse(std::string_view why) {
    fmt::print(stderr, "{}\n", why);
    std::exit(2);
}

int number(std::string_view text) {
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < 0)
        refuse(fmt::format("not a number: {}", text));
    return value;
}

plume::ConsoleOptions console_options(const Arguments& arguments) {
    plume::ConsoleOptions options;
    options.columns = static_cast<std::size_t>(number(arguments["columns"]));
    if (arguments["colour"] == "always") options.colour = plume::ConsoleColour::always;
    if (arguments["colour"] == "never") options.colour = plume::ConsoleColour::never;
    return options;
}

plume::JaegerOptions jaeger_options() {
    plume::JaegerOptions options;
    if (const char* const host = std::getenv("OTEL_EXPORTER_JAEGER_AGENT_HOST"))
        options.agent_host = host;
    if (const char* const port = std::getenv("OTEL_EXPORTER_JAEGER_AGENT_PORT"))
        options.agent_port = static_cast<std::uint16_t>(number(port));
    if (const char* const endpoint = std::getenv("OTEL_EXPORTER_JAEGER_ENDPOINT"))
        options.endpoint = endpoint;
    return options;
}

std::unique_ptr<plume::Exporter> make_exporter(std::string_view name, const Arguments& arguments) {
    if (name == "console")
        return std::make_unique<plume::ConsoleExporter>(console_options(arguments));
    if (name == "jaeger") return std::make_unique<plume::JaegerExporter>(jaeger_options());
    if (name == "otlp")
        return std::make_unique<plume::OtlpExporter>(plume::OtlpOptions::from_environment());
    if (name == "jsonl")
        return std::make_unique<plume::JsonlExporter>(
            plume::JsonlOptions{.path = arguments["jsonl"]});
    refuse(fmt::format("--export knows console, jaeger, otlp and jsonl; not \"{}\"", name));
}

sigset_t stop_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    return signals;
}

} // namespace

Arguments::Arguments(int argc, char** argv, const std::map<std::string, std::string>& own)
    : values_{{"export", "console"}, // a list with commas: console, jaeger, otlp, jsonl
              {"jsonl", "traces.jsonl"},
              {"colour", "auto"},
              {"columns", "0"}} {
    values_.insert(own.begin(), own.end());
    for (int i = 1; i < argc; i += 2) {
        const std::string_view name = argv[i];
        const auto found =
            name.starts_with("--") ? values_.find(std::string{name.substr(2)}) : values_.end();
        if (found == values_.end() || i + 1 == argc) {
            std::string usage = fmt::format("usage: {} [--NAME VALUE]...; defaults:", argv[0]);
            for (const auto& [known, value] : values_)
                usage += fmt::format(" --{} \"{}\"", known, value);
            refuse(usage);
        }
        found->second = argv[i + 1];
    }
}

std::vector<std::unique_ptr<plume::Exporter>> make_exporters(const Arguments& arguments) {
    std::vector<std::unique_ptr<plume::Exporter>> exporters;
    std::string_view names = arguments["export"];
    for (;;) {
        const std::size_t comma = names.find(',');
        exporters.push_back(make_exporter(names.substr(0, comma), arguments));
        if (comma == std::string_view::npos) return exporters;
        names.remove_prefix(comma + 1);
    }
}

void block_stop_signals() {
    const sigset_t signals = stop_signals();
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

bool serve(httplib::Server& server, std::string_view service, const Arguments& arguments) {
    // cpp-httplib's own choice, SO_REUSEPORT, would share a port that is taken in silence.
    server.set_socket_options([](socket_t socket) {
        const int yes = 1;
        setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    server.set_tcp_nodelay(true);     // cpp-httplib writes headers and body one by one
    server.set_keep_alive_timeout(1); // seconds, which stopping has to wait for
    const std::string host = "127.0.0.1";
    int port = number(arguments["port"]);
    if (port == 0) port = server.bind_to_any_port(host);
    else if (!server.bind_to_port(host, port)) port = -1;
    if (port < 0) {
        fmt::print(stderr, "{}: port {} is taken\n", service, arguments["port"]);
        return false;
    }
    fmt::print(stderr, "{}: listening on http://{}:{}\n", service, host, port);

    auto listening = std::async(std::launch::async, [&server] {
        const bool stopped = server.listen_after_bind();
        kill(getpid(), SIGTERM); // for the case that nobody asked it to stop
        return stopped;
    });
    const sigset_t signals = stop_signals();
    int signal = 0;
    sigwait(&signals, &signal);
    // Again and again, because a server that is only just starting doesn't hear it.
    do server.stop();
    while (listening.wait_for(std::chrono::milliseconds{10}) != std::future_status::ready);
    return listening.get();
}

void account(std::string_view service, const plume::Stats& stats) {
    for (const plume::ExporterStats& exporter : stats.exporters) {
        fmt::print(stderr, "{}: begun {}, exported {}, dropped {} ({})\n", service, stats.begun,
                   exporter.exported, exporter.dropped.total(), exporter.name);
    }
}

} // namespace examples
