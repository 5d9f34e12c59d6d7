// otlp.hpp - sends spans to a collector in OTLP over HTTP, and gives up in time.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <plume/core/version.hpp>
#include <plume/export/exporter.hpp>
#include <plume/export/exporter_factory.hpp>
#include <plume/exporters/detail/cancel.hpp>
#include <plume/exporters/detail/http_client.hpp>
#include <plume/exporters/otlp/answer.hpp>
#include <plume/exporters/otlp/environment.hpp>
#include <plume/exporters/otlp/gzip.hpp>
#include <plume/exporters/otlp/json.hpp>
#include <plume/exporters/otlp/options.hpp>
#include <plume/exporters/otlp/protobuf.hpp>

namespace plume {

/// OTLP/HTTP 1.11 to one endpoint, over a connection that it keeps. 429, 502, 503, 504 and
/// connection failures are tried again until OtlpOptions::timeout, not counting the waits that the
/// collector asks for by Retry-After. A request that is too large (413) is sent again in halves;
/// any other refusal is final. A success (2xx) counts as soon as its status is there. Delivery is
/// at least once: an answer that got lost makes the collector see spans twice.
class OtlpExporter final : public Exporter {
  public:
    explicit OtlpExporter(OtlpOptions options = {})
        : options_{std::move(options)}, http_{http_options(options_)}, client_{http_},
          fault_{fault_of(options_, client_)}, jitter_{std::random_device{}()} {
        if (options_.encoding == OtlpEncoding::json) encoder_.emplace<otlp::JsonEncoder>(origins());
        else encoder_.emplace<otlp::ProtobufEncoder>(origins());
    }

    /// An invalid header or endpoint. Without the header the spans might reach another tenant.
    [[nodiscard]] std::string fault() const override { return fault_; }

    [[nodiscard]] Outcome deliver(const Batch& batch) override {
        if (!fault_.empty())
            return Outcome::failed(DropReason::rejected, batch.size(), sentence(fault_));
        Outcome outcome =
            std::visit([&](auto& encoder) { return deliver_pieces(encoder, batch); }, encoder_);
        cancel_.reset();
        return outcome;
    }

    [[nodiscard]] std::string_view name() const noexcept override { return "otlp"; }

    /// Ends the delivery under way, or the next one if there is none: a call that comes just
    /// before deliver() would get lost otherwise. Its spans count as DropReason::shutdown.
    void cancel() noexcept override { cancel_.request(); }

    void forked() noexcept override {
        client_.forked();
        // A fork amidst deliver() copied buffers that were being changed: they are left behind.
        using Encoder = decltype(encoder_);
        if (options_.encoding == OtlpEncoding::json)
            ::new (static_cast<void*>(&encoder_))
                Encoder{std::in_place_type<otlp::JsonEncoder>, origins()};
        else
            ::new (static_cast<void*>(&encoder_))
                Encoder{std::in_place_type<otlp::ProtobufEncoder>, origins()};
        ::new (static_cast<void*>(&gzip_)) otlp::Gzip;
        cancel_.reset();
    }

  private:
    using Clock = std::chrono::steady_clock;

    [[nodiscard]] otlp::OriginChoice origins() const noexcept {
        return {.code = options_.code_attributes, .thread = options_.thread_attributes};
    }
    [[nodiscard]] static detail::HttpOptions http_options(const OtlpOptions& options) {
        detail::HttpOptions http;
        http.url = otlp::has_path(options.endpoint)
                       ? options.endpoint
                       : otlp::with_path(options.endpoint, "v1/traces");
        const bool json = options.encoding == OtlpEncoding::json;
        http.headers.push_back("Content-Type: " +
                               std::string{json ? otlp::JsonEncoder::content_type
                                                : otlp::ProtobufEncoder::content_type});
        if (options.compression == OtlpCompression::gzip)
            http.headers.emplace_back("Content-Encoding: gzip");
        for (const auto& [name, value] : options.headers)
            http.headers.push_back(name + ": " + value); // fault_of() has the last word
        http.user_agent = "plume/" + std::string{version} + " (cpp)";
        http.timeout = options.timeout;
        http.ca_file = options.ca_file;
        http.certificate_file = options.certificate_file;
        http.key_file = options.key_file;
        return http;
    }

    [[nodiscard]] static std::string fault_of(const OtlpOptions& options,
                                              const detail::HttpClient& http) {
        for (const auto& [name, value] : options.headers)
            if (std::string fault = detail::header_fault(name, value); !fault.empty())
                return "OtlpOptions::headers: " + fault;
        if (options.timeout.count() <= 0)
            return "OtlpOptions::timeout is not positive: give it time, a day if need be";
        return http.fault();
    }

    /// A batch is one request, unless it is very large, or larger than the collector takes.
    template <class Encoder>
    [[nodiscard]] Outcome deliver_pieces(Encoder& encoder, const Batch& batch) {
        Outcome total;
        std::uint64_t done = 0;
        std::uint64_t most_spans = batch.size();
        for (auto span = batch.begin(); span != batch.end();) {
            const auto first = span;
            std::uint64_t spans = 0;
            encoder.begin(batch.resource());
            do {
                encoder.add(*span++);
                ++spans;
            } while (span != batch.end() && spans < most_spans &&
                     encoder.size() < options_.max_request_bytes);
            Outcome outcome = send(encoder.finish(), spans);
            if (outcome.dropped[DropReason::too_large] != 0 && spans > 1) {
                most_spans = spans / 2; // holds for the rest of the batch
                span = first;
                continue;
            }
            done += spans;
            // A collector that is away stays away for the rest of the batch.
            for (const DropReason gone : {DropReason::transport, DropReason::shutdown}) {
                if (outcome.dropped[gone] == 0) continue;
                outcome.dropped[gone] += batch.size() - done;
                span = batch.end();
            }
            total.dropped += outcome.dropped;
            if (!outcome.error.empty()) total.error = std::move(outcome.error);
        }
        return total;
    }

    [[nodiscard]] Outcome send(std::string_view body, std::uint64_t spans) {
        if (options_.compression == OtlpCompression::gzip) body = gzip_(body);
        std::chrono::nanoseconds backoff = options_.first_backoff;
        std::string trouble;
        Clock::time_point next = std::max(not_before_, Clock::now());
        Clock::time_point deadline = next + options_.timeout;
        for (bool first = true; next < deadline; first = false) {
            if (!cancel_.wait_for(next - Clock::now())) return cancelled(spans);
            detail::HttpResponse response =
                first ? client_.post(body, cancel_) : try_again(body, deadline);
            if (response.cancelled) return cancelled(spans);
            if (response.ok()) return answered(response, spans);
            trouble = response.status == 0
                          ? std::move(response.error)
                          : "answered " + std::to_string(response.status) + ' ' +
                                otlp::refusal(response.body, response.content_type);
            if (response.status == 413)
                return Outcome::failed(DropReason::too_large, spans, sentence(trouble));
            if (!may_retry(response.status))
                return Outcome::failed(DropReason::rejected, spans, sentence(trouble));
            const bool asked = response.retry_after.count() > 0;
            const std::chrono::nanoseconds wait = pause(response.retry_after, backoff);
            next = Clock::now() + wait;
            if (asked) deadline += wait; // the collector takes this time, not the request
        }
        return Outcome::failed(DropReason::transport, spans, sentence(trouble));
    }

    /// OTLP 1.11, Retryable Response Codes; 0 is a connection that failed.
    [[nodiscard]] static bool may_retry(long status) noexcept {
        return status == 0 || status == 429 || status == 502 || status == 503 || status == 504;
    }

    /// On a connection of its own: the kept one either failed, or has a time-out that is longer
    /// than what is left.
    [[nodiscard]] detail::HttpResponse try_again(std::string_view body,
                                                 Clock::time_point deadline) {
        detail::HttpOptions http = http_;
        http.timeout = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
        http.timeout = std::max(http.timeout, std::chrono::milliseconds{1}); // 0 means no limit
        return detail::HttpClient{std::move(http)}.post(body, cancel_);
    }

    /// What the collector wishes; else a random time around `backoff`, so that processes that
    /// lost it together don't come back together.
    [[nodiscard]] std::chrono::nanoseconds pause(std::chrono::seconds wish,
                                                 std::chrono::nanoseconds& backoff) {
        constexpr std::chrono::minutes longest_wish{5}; // one odd answer must not mute us for a day
        constexpr std::chrono::seconds longest_backoff{5};
        if (wish.count() > 0) {
            const std::chrono::nanoseconds wait =
                std::min<std::chrono::seconds>(wish, longest_wish);
            not_before_ = Clock::now() + wait; // holds for the next batch too
            return wait;
        }
        std::uniform_real_distribution<double> around{0.5, 1.5};
        const auto wait =
            std::chrono::duration_cast<std::chrono::nanoseconds>(backoff * around(jitter_));
        backoff = std::min<std::chrono::nanoseconds>(backoff * 2, longest_backoff);
        return wait;
    }

    /// A success may be partial; it is never retried.
    [[nodiscard]] Outcome answered(const detail::HttpResponse& response,
                                   std::uint64_t spans) const {
        const otlp::Answer answer = otlp::read_answer(response.body);
        if (!answer.understood || response.cut) {
            Outcome outcome;
            outcome.error = sentence("took the spans, but its answer makes no sense");
            return outcome;
        }
        const auto rejected =
            static_cast<std::uint64_t>(std::max<std::int64_t>(answer.rejected_spans, 0));
        Outcome outcome;
        outcome.dropped[DropReason::rejected] = std::min(rejected, spans);
        if (rejected != 0)
            outcome.error = sentence("refused some spans: " + otlp::one_line(answer.message));
        else if (!answer.message.empty())
            outcome.error = sentence("warns: " + otlp::one_line(answer.message));
        return outcome;
    }

    [[nodiscard]] Outcome cancelled(std::uint64_t spans) const {
        return Outcome::failed(DropReason::shutdown, spans,
                               sentence("was not waited for any longer"));
    }
    [[nodiscard]] std::string sentence(std::string_view what) const {
        return client_.where() + ": " + std::string{what};
    }

    OtlpOptions options_;
    detail::HttpOptions http_;
    detail::HttpClient client_;
    std::string fault_;
    detail::CancelFlag cancel_;
    std::variant<otlp::ProtobufEncoder, otlp::JsonEncoder> encoder_;
    otlp::Gzip gzip_;
    std::minstd_rand jitter_;
    Clock::time_point not_before_{};
};

namespace [[gnu::visibility("hidden")]] detail {
/// OTEL_TRACES_EXPORTER=otlp works in a program that includes this header.
inline const bool otlp_is_registered =
    register_exporter("otlp", [](const std::function<void(std::string_view)>& report) {
        std::vector<std::string> warnings;
        auto exporter = std::make_unique<OtlpExporter>(OtlpOptions::from_environment(&warnings));
        for (const std::string& warning : warnings) report(warning);
        return exporter;
    });
} // namespace detail

} // namespace plume
