// http.hpp - spans to a Jaeger collector: a Batch in Thrift's binary protocol, POSTed.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <new>
#include <random>
#include <string>
#include <utility>

#include <plume/export/exporter.hpp>
#include <plume/exporters/detail/cancel.hpp>
#include <plume/exporters/detail/http_client.hpp>
#include <plume/exporters/jaeger/packets.hpp>
#include <plume/exporters/jaeger/wire.hpp>

namespace plume::jaeger {

/// A body is retried twice when the collector can't be reached or is in trouble (5xx, 429), and as
/// often as it asks for by Retry-After. A body that is too large is sent again in halves. 4xx is a
/// verdict on the body, and final. Bodies of a batch that come after a failure get one try, so that
/// a dead collector holds up a batch for seconds, not minutes.
class HttpRoute {
  public:
    HttpRoute(plume::detail::HttpOptions options, std::size_t max_body_bytes,
              std::chrono::milliseconds first_backoff, otlp::OriginChoice origins = {})
        : packets_{max_body_bytes, Envelope::none, origins}, client_{std::move(options)},
          first_backoff_{first_backoff} {}

    [[nodiscard]] Outcome deliver(const Batch& batch, const plume::detail::CancelFlag& cancel) {
        tries_ = 3;
        return packets_.split(batch, [&](const Packet& packet) {
            body_.clear();
            body_.append(packet.head).append(packet.spans).append(packet.tail);
            Outcome outcome = post(packet.span_count, cancel);
            const bool halve = outcome.dropped[DropReason::too_large] != 0 && packet.span_count > 1;
            return Sent{.outcome = halve ? Outcome{} : std::move(outcome),
                        .most_spans = halve ? packet.span_count / 2 : 0};
        });
    }

    /// Says why nothing can be sent; empty if something can.
    [[nodiscard]] const std::string& fault() const noexcept { return client_.fault(); }

    void forked() noexcept {
        client_.forked();
        // A fork amidst deliver() copied a text that was being changed: it is left behind.
        ::new (static_cast<void*>(&body_)) decltype(body_);
        packets_.forked();
    }

  private:
    [[nodiscard]] Outcome post(std::size_t spans, const plume::detail::CancelFlag& cancel) {
        for (int attempt = 1;;) {
            const auto response = client_.post(body_, cancel);
            if (response.ok()) return Outcome::delivered();
            if (response.refused) return failed(DropReason::rejected, spans, response.error);
            if (response.cancelled)
                return failed(DropReason::shutdown, spans, "cut short by a deadline");
            const std::string why = response.status == 0
                                        ? response.error
                                        : "HTTP status " + std::to_string(response.status);
            if (too_large(response)) return failed(DropReason::too_large, spans, why);
            if (!worth_a_retry(response.status)) return failed(DropReason::rejected, spans, why);
            // A collector that says when to come back takes the spans then.
            const bool asked = response.retry_after > response.retry_after.zero();
            if (!asked && attempt++ >= tries_) {
                tries_ = 1;
                return failed(DropReason::transport, spans, why);
            }
            if (!cancel.wait_for(pause_after(attempt, response.retry_after)))
                return failed(DropReason::shutdown, spans, why);
        }
    }

    /// Collectors that limit their bodies themselves answer 500 "http: request body too large".
    [[nodiscard]] static bool too_large(const plume::detail::HttpResponse& response) {
        return response.status == 413 ||
               (response.status == 500 && response.body.find("too large") != std::string::npos);
    }

    /// No answer, too many requests, or a server's own trouble.
    [[nodiscard]] static bool worth_a_retry(long status) noexcept {
        return status == 0 || status == 429 || status >= 500;
    }

    /// The backoff, then twice as long; or what the server asks for, within reason: one odd answer
    /// must not mute the program for a day. Jitter keeps the processes of a fleet from coming back
    /// together.
    [[nodiscard]] std::chrono::nanoseconds pause_after(int attempt, std::chrono::seconds asked) {
        constexpr std::chrono::seconds longest = std::chrono::minutes{5};
        if (asked > asked.zero()) return std::min(asked, longest);
        std::uniform_real_distribution<double> jitter{0.75, 1.25};
        const std::chrono::duration<double> pause =
            first_backoff_ * (attempt - 1) * jitter(random_);
        return std::chrono::duration_cast<std::chrono::nanoseconds>(pause);
    }

    [[nodiscard]] Outcome failed(DropReason reason, std::size_t spans,
                                 const std::string& why) const {
        return Outcome::failed(reason, spans, "Jaeger collector " + client_.where() + ": " + why);
    }

    Packets<Binary> packets_;
    plume::detail::HttpClient client_;
    std::chrono::milliseconds first_backoff_;
    std::string body_;
    int tries_ = 3;
    std::minstd_rand random_{std::random_device{}()};
};

} // namespace plume::jaeger
