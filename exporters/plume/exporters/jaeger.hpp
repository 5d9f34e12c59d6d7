// jaeger.hpp - sends spans to Jaeger: to an agent by UDP, or to a collector by HTTP.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <plume/core/version.hpp>
#include <plume/export/exporter.hpp>
#include <plume/export/exporter_factory.hpp>
#include <plume/exporters/detail/cancel.hpp>
#include <plume/exporters/jaeger/environment.hpp>
#include <plume/exporters/jaeger/http.hpp>
#include <plume/exporters/jaeger/options.hpp>
#include <plume/exporters/jaeger/udp.hpp>

namespace plume {

/// A span that no packet takes goes without its events, then with its longest texts cut, marked
/// `plume.truncated`; the mapping of everything else is in jaeger/mapping.hpp and jaeger/tags.hpp.
/// May be moved until the first deliver().
class JaegerExporter final : public Exporter {
  public:
    JaegerExporter() : JaegerExporter{JaegerOptions{}} {}
    /// Connects to nobody and looks up nothing yet.
    explicit JaegerExporter(JaegerOptions options) : route_{route(std::move(options))} {}

    [[nodiscard]] std::string_view name() const noexcept override { return "jaeger"; }

    /// An invalid endpoint, user or password.
    [[nodiscard]] std::string fault() const override {
        const auto* http = std::get_if<jaeger::HttpRoute>(&route_);
        return http ? http->fault() : std::string{};
    }

    /// Spans that were sent by UDP count as delivered unless the other host refused them: see
    /// jaeger::UdpRoute for what UDP can tell. By HTTP, 2xx is delivered, 4xx rejected, and the
    /// rest is tried three times, and as often as Retry-After asks for.
    [[nodiscard]] Outcome deliver(const Batch& batch) override {
        Outcome outcome =
            std::visit([&](auto& route) { return route.deliver(batch, cancel_); }, route_);
        cancel_.reset();
        return outcome;
    }

    /// Ends the deliver() that is running, or the next one if none is: a call that comes just
    /// before would get lost otherwise. What it cut short by HTTP counts as DropReason::shutdown.
    void cancel() noexcept override { cancel_.request(); }

    void forked() noexcept override {
        std::visit([](auto& route) { route.forked(); }, route_);
        cancel_.reset();
    }

  private:
    using Route = std::variant<jaeger::UdpRoute, jaeger::HttpRoute>;

    [[nodiscard]] static Route route(JaegerOptions options) {
        const otlp::OriginChoice origins{.code = options.code_attributes,
                                         .thread = options.thread_attributes};
        if (options.endpoint.empty()) {
            return jaeger::UdpRoute{{.host = std::move(options.agent_host),
                                     .port = options.agent_port,
                                     .max_packet_bytes = options.max_packet_bytes,
                                     .timeout = options.timeout,
                                     .origins = origins}};
        }
        return jaeger::HttpRoute{{.url = std::move(options.endpoint),
                                  .headers = {"Content-Type: application/vnd.apache.thrift.binary"},
                                  .user_agent = "plume/" + std::string{version},
                                  .user = std::move(options.user),
                                  .password = std::move(options.password),
                                  .timeout = options.timeout,
                                  .ca_file = std::move(options.ca_file),
                                  .certificate_file = std::move(options.certificate_file),
                                  .key_file = std::move(options.key_file),
                                  .insecure_skip_verify = options.insecure_skip_verify},
                                 options.max_body_bytes,
                                 options.first_backoff,
                                 origins};
    }

    Route route_;
    plume::detail::CancelFlag cancel_;
};

namespace [[gnu::visibility("hidden")]] detail {
/// OTEL_TRACES_EXPORTER=jaeger works in a program that includes this header.
inline const bool jaeger_is_registered =
    register_exporter("jaeger", [](const std::function<void(std::string_view)>& report) {
        return std::make_unique<JaegerExporter>(jaeger::options_from_environment(report));
    });
} // namespace detail

} // namespace plume
