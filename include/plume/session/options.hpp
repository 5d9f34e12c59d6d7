// options.hpp - what a session can be told, and what it tells.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <plume/core/clock.hpp>
#include <plume/core/span_limits.hpp>
#include <plume/export/exporter.hpp>
#include <plume/propagation/propagators.hpp>
#include <plume/redaction/rules.hpp>
#include <plume/sampling/sampler.hpp>

namespace plume {

/// What a thread does whose ring is full.
enum class WhenFull : std::uint8_t {
    drop, ///< drop the span that would begin, and count it
    wait  ///< wait for the collector, for Options::longest_wait; then drop
};

/// Everything has a default. Where a field says so, 0 or empty means: what the environment variable
/// says, else the default. What is set here outranks the environment.
struct Options {
    std::string
        service_name{}; ///< empty: OTEL_SERVICE_NAME, else "unknown_service:" and the program

    /// More about the process, such as {"deployment.environment.name", "staging"}. Outranks
    /// OTEL_RESOURCE_ATTRIBUTES.
    std::vector<std::pair<std::string, std::variant<std::string, std::int64_t>>> resource{};

    /// In which formats contexts travel; nothing: what OTEL_PROPAGATORS says, else tracecontext and
    /// baggage. Outlives the session, and holds even if OTEL_SDK_DISABLED is "true".
    std::optional<Propagators> propagators{};

    std::size_t ring_bytes = std::size_t{1} << 20U; ///< a thread; a power of two, 4 KiB at least
    WhenFull when_full = WhenFull::drop;
    std::chrono::milliseconds longest_wait{100}; ///< of a recording thread, with WhenFull::wait

    /// Bytes of one text value; more is cut off and counted. 0:
    /// OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT, OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT, else 16 KiB.
    std::size_t longest_text = 0;
    std::size_t longest_array = 1024; ///< elements of one array; likewise
    SpanLimits limits{};

    /// What never leaves the process. Nothing is taken out unless this says so;
    /// Redaction::standard() is a set of rules to begin with.
    Redaction redaction{};

    /// What the hashes depend on that stand in for values: the same text in all processes whose
    /// hashes shall be comparable, and a secret. Empty: random in each process.
    std::string hash_key{};

    std::size_t queue_spans = 0; ///< per exporter; 0: OTEL_BSP_MAX_QUEUE_SIZE, else 262,144
    std::size_t queue_bytes = std::size_t{64} << 20U; ///< per exporter, whatever the spans are like
    std::size_t batch_spans = 0;              ///< 0: OTEL_BSP_MAX_EXPORT_BATCH_SIZE, else 512
    std::chrono::milliseconds batch_delay{0}; ///< 0: OTEL_BSP_SCHEDULE_DELAY, else 5 s
    std::chrono::milliseconds shutdown_deadline{5000}; ///< of the session's destructor

    /// A line of source that makes more than this part of a process' spans for loud_interval is
    /// reported, once; 1 or more: never. Below 10,000 spans in that time nothing is.
    double loud_share = 0.9;
    std::chrono::milliseconds loud_interval{60'000};

    Clock clock = Clock::undecided; ///< undecided: the counter, unless a file's PLUME_CLOCK says no

    /// Which traces are recorded. Not set: OTEL_TRACES_SAMPLER and _ARG, else every new trace, and
    /// every other one that was recorded where it came from.
    std::optional<Sampler> sampler{};

    /// Samplers with a ratio write no "ot=th:…" into trace states; also by PLUME_HIDE_THRESHOLD
    /// "true". For pipelines whose Collector samples by `hash_seed`, which refuses such spans.
    /// Holds for what sampler or set_sampler() set from then on.
    bool hide_threshold = false;

    /// Told about bad settings, and when an exporter begins to fail and when it recovers; never
    /// about single spans. Called from any thread, one call at a time. Empty: a line on stderr.
    std::function<void(std::string_view)> report{};
};

} // namespace plume
