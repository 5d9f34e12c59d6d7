// http.cpp - what tracing every request costs a cpp-httplib server under wrk: its throughput and
// the 99th percentile of its latency, traced over untraced.
//
// The server has one processor, and wrk the others. Where the kernel puts their threads otherwise
// changes from run to run, and is worth more than what is measured: two servers that are both
// untraced then differ by up to 8 % in a pair, and the one that was made first wins by 1 to 3 % on
// the whole. So the background threads of tracing, too, take their time from the server.
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <httplib.h>
#include <sched.h>

#include <plume/instrument/httplib.hpp>
#include <plume/session.hpp>

#include "measure.hpp"

namespace {

constexpr int connections = 4;
constexpr int rounds = 15;
constexpr int seconds = 1; ///< of a run: short, so that both of a pair meet the same machine

/// Both servers are alike but for tracing, and run all the time: one has nothing to do while the
/// other is asked.
class Server {
  public:
    explicit Server(bool traced) {
        if (traced) plume::instrument(server_);
        server_.set_tcp_nodelay(true);             // cpp-httplib writes head and body one by one
        server_.set_keep_alive_max_count(1 << 30); // nor is connecting what is measured
        server_.new_task_queue = [] { return new httplib::ThreadPool(connections); };
        server_.Get(R"(/orders/(\d+))", [](const httplib::Request&, httplib::Response& response) {
            response.set_content(R"({"order": 42, "state": "paid"})", "application/json");
        });
        port_ = server_.bind_to_any_port("127.0.0.1");
        listening_ = std::thread{[this] { server_.listen_after_bind(); }};
        while (!server_.is_running()) std::this_thread::yield();
    }
    ~Server() {
        server_.stop();
        listening_.join();
    }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    [[nodiscard]] int port() const { return port_; }

  private:
    httplib::Server server_;
    int port_ = 0;
    std::thread listening_;
};

struct Run {
    double requests_per_second = 0;
    double p99_us = 0;
};

/// "1.23ms" of wrk's table.
double microseconds(const char* text) {
    char* unit = nullptr;
    const double value = std::strtod(text, &unit);
    const std::string_view name{unit};
    if (name.starts_with("us")) return value;
    return name.starts_with("ms") ? value * 1e3 : value * 1e6;
}

/// Leaves this process the first of its processors, and returns what makes wrk use the others:
/// nothing if there are none.
std::string part_from_wrk() {
    cpu_set_t all;
    if (sched_getaffinity(0, sizeof all, &all) != 0 || CPU_COUNT(&all) < 2) return {};
    cpu_set_t first;
    CPU_ZERO(&first);
    std::string others;
    for (std::size_t i = 0; i < CPU_SETSIZE; ++i) {
        if (!CPU_ISSET(i, &all)) continue;
        if (CPU_COUNT(&first) == 0) CPU_SET(i, &first);
        else others += (others.empty() ? "" : ",") + std::to_string(i);
    }
    if (sched_setaffinity(0, sizeof first, &first) != 0) return {};
    return "taskset -c " + others + " ";
}

/// Every request comes with a trace that is sampled.
std::optional<Run> ask(int port, const std::string& wrk_prefix) {
    const std::string command =
        wrk_prefix + "wrk -t1 -c" + std::to_string(connections) + " -d" + std::to_string(seconds) +
        "s --latency -H 'traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' "
        "http://127.0.0.1:" +
        std::to_string(port) + "/orders/42";
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> wrk{popen(command.c_str(), "r"), &pclose};
    if (!wrk) return std::nullopt;
    Run run;
    std::array<char, 256> line{};
    while (std::fgets(line.data(), line.size(), wrk.get())) {
        const std::string_view text{line.data()};
        if (text.find("Non-2xx") != text.npos || text.find("Socket errors") != text.npos)
            return std::nullopt;
        if (const auto at = text.find("99%"); at != text.npos)
            run.p99_us = microseconds(line.data() + at + 3);
        if (text.starts_with("Requests/sec:"))
            run.requests_per_second = std::strtod(line.data() + 13, nullptr);
    }
    return run.requests_per_second > 0 && run.p99_us > 0 ? std::optional{run} : std::nullopt;
}

} // namespace

int main() {
    const std::string wrk_prefix = part_from_wrk(); // before there are threads
    plume::Session session{{.service_name = "http"}, measure::NullExporter{}};
    std::vector<double> throughput, p99, per_second;
    double traced_requests = 0;
    {
        const Server plain{false};
        const Server traced{true};
        for (int round = -1; round < rounds; ++round) { // the first one is to warm up
            // Which one is first alternates, so that a machine that gets slower favours neither.
            const bool plain_first = round % 2 == 0;
            const auto first = ask((plain_first ? plain : traced).port(), wrk_prefix);
            const auto second = ask((plain_first ? traced : plain).port(), wrk_prefix);
            if (!first || !second) {
                std::fprintf(stderr, "http: wrk has not measured\n");
                return 1;
            }
            const Run& off = plain_first ? *first : *second;
            const Run& on = plain_first ? *second : *first;
            traced_requests += on.requests_per_second * seconds;
            if (round < 0) continue;
            throughput.push_back(on.requests_per_second / off.requests_per_second);
            p99.push_back(on.p99_us / off.p99_us);
            per_second.push_back(off.requests_per_second);
            std::fprintf(
                stderr,
                "http: %.0f requests/s untraced, %.0f traced (%.3f), p99 %.0f us, %.0f us (%.3f)\n",
                off.requests_per_second, on.requests_per_second, throughput.back(), off.p99_us,
                on.p99_us, p99.back());
        }
    }
    const plume::FlushResult end = session.shutdown(std::chrono::seconds{30});
    const plume::ExporterStats& exporter = end.stats.exporters.at(0);
    if (exporter.dropped.total() != 0 || exporter.exported != end.stats.begun ||
        static_cast<double>(end.stats.begun) < 0.9 * traced_requests) {
        std::fprintf(stderr, "http: %.0f requests, %llu spans, %llu exported\n", traced_requests,
                     static_cast<unsigned long long>(end.stats.begun),
                     static_cast<unsigned long long>(exporter.exported));
        return 1;
    }
    std::fprintf(
        stderr,
        "http: %.0f requests/s; traced, the median of %d pairs: throughput %.3f, p99 %.3f\n",
        measure::median(per_second), rounds, measure::median(throughput), measure::median(p99));
    std::printf("{\"http\": {\"throughput_ratio\": %.4f, \"p99_ratio\": %.4f}}\n",
                measure::median(throughput), measure::median(p99));
    return 0;
}
