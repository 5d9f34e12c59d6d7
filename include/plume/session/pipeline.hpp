// pipeline.hpp - a running session: what it has been told, its collector, and its life in a fork.
#pragma once

#include <atomic>
#include <bit>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <limits>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <plume/collect/collector.hpp>
#include <plume/core/environment.hpp>
#include <plume/record/module.hpp>
#include <plume/sampling/sources.hpp>
#include <plume/session/resource_detection.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// One call at a time, whoever reports; nothing that the listener throws comes back.
class Reporter {
  public:
    explicit Reporter(Report listener) : listener_{std::move(listener)} {}

    /// In the child of a fork: a thread that is gone may have been reporting.
    void forked() noexcept { ::new (static_cast<void*>(&mutex_)) std::recursive_mutex; }

    void operator()(std::string_view what) noexcept {
        const NoCancel whole; // writing is a cancellation point
        const std::lock_guard lock{mutex_};
        try {
            if (listener_) listener_(what);
            else std::fprintf(stderr, "plume: %.*s\n", static_cast<int>(what.size()), what.data());
        } catch (...) {
            std::fprintf(stderr, "plume: Options::report threw an exception\n");
        }
    }

  private:
    std::recursive_mutex mutex_; // a listener may call what reports
    Report listener_;
};

class Pipeline {
  public:
    using Exporters = std::vector<std::unique_ptr<Exporter>>;

    /// Null if there is a session already. May throw for lack of memory or threads.
    static std::shared_ptr<Pipeline> start(Options options, Exporters exporters,
                                           std::shared_ptr<Reporter> reporter) {
        Runtime& process = runtime();
        std::shared_ptr<Pipeline> pipeline{
            new Pipeline{process, std::move(options), std::move(reporter)}};
        if (!pipeline->install()) return nullptr;
        for (const auto& exporter : exporters)
            if (const std::string fault = exporter->fault(); !fault.empty())
                pipeline->report_("exporter " + std::string{exporter->name()} + ": " + fault +
                                  ": delivering nothing");
        try {
            std::shared_ptr<Collector> collector = pipeline->make_collector(std::move(exporters));
            {
                const std::lock_guard lock{pipeline->mutex_}; // another thread may fork
                pipeline->collector_ = std::move(collector);
            }
            pipeline->start_sampler();
        } catch (...) {
            pipeline->uninstall();
            throw;
        }
        switch_callsites(process, true);
        return pipeline;
    }

    Pipeline(const Pipeline&) = delete;
    Pipeline& operator=(const Pipeline&) = delete;
    ~Pipeline() = default;

    // Nobody holds the lock while waiting for an exporter: who is called by one, or by a report,
    // may ask for statistics, and so may any other thread.

    FlushResult flush(std::chrono::milliseconds wait) {
        const Deadline deadline = deadline_after(wait);
        const auto collector = running_collector();
        if (!collector) return last_result();
        const bool complete = collector->flush(deadline);
        return {complete, collector->stats()};
    }

    /// Nothing begins from here on; what was begun may end. Afterwards there is no session.
    FlushResult shutdown(std::chrono::milliseconds wait) {
        const NoCancel whole; // destructors call it, and half of an end is none
        const Deadline deadline = deadline_after(wait);
        const auto collector = running_collector();
        {
            std::unique_lock lock{mutex_};
            if (ending_) {
                if (ended_.wait_until(lock, deadline, [this] { return !collector_; })) return last_;
                return {false, collector->stats()};
            }
            ending_ = true;
            if (!collector) return last_;
        }
        switch_callsites(*runtime_, false);
        FlushResult result;
        result.complete = collector->stop(deadline);
        result.stats = collector->stats();
        if (!collector->has_ended()) keep_for_good(collector);
        sampler_.reset();
        uninstall();
        const std::lock_guard lock{mutex_};
        last_ = result;
        collector_.reset();
        ended_.notify_all();
        return result;
    }
    FlushResult shutdown() { return shutdown(options_.shutdown_deadline); }

    [[nodiscard]] Stats stats() {
        const auto collector = running_collector();
        return collector ? collector->stats() : last_result().stats;
    }

    [[nodiscard]] bool running() { return running_collector() != nullptr; }

  private:
    Pipeline(Runtime& process, Options options, std::shared_ptr<Reporter> reporter)
        : runtime_{&process}, options_{std::move(options)}, reporter_{std::move(reporter)},
          report_{[reporter = reporter_](std::string_view what) { (*reporter)(what); }} {}

    /// Null after the shutdown.
    [[nodiscard]] std::shared_ptr<Collector> running_collector() {
        revive();
        const std::lock_guard lock{mutex_};
        return collector_;
    }
    [[nodiscard]] FlushResult last_result() {
        const std::lock_guard lock{mutex_};
        return last_;
    }

    bool install() {
        // Reports first: whoever listens may begin spans, which may need the lock.
        const LaneSettings settings = lane_settings();
        const bool hides_threshold =
            options_.hide_threshold || variable_is_true("PLUME_HIDE_THRESHOLD", report_);
        if (options_.clock == Clock::counter && !counter_is_invariant())
            report_("the processor's counter is not invariant: timing with CLOCK_MONOTONIC");
        if (!has_key())
            report_("all keys of pthread are taken: no thread can record, its spans count as "
                    "dropped");
        const Locked lock{runtime_->mutex};
        if (runtime_->hooks.session) return false;
        runtime_->settings.store(settings);
        choose_hash_key(*runtime_, options_.hash_key);
        runtime_->hides_threshold = hides_threshold;
        if (runtime_->clock.load(memory_order_relaxed) ==
            Clock::undecided) // written under this lock only
            runtime_->clock.store(choose_clock(),
                                  memory_order_relaxed); // threads look before they have a lane
        runtime_->hooks = {this, &Pipeline::before_fork, &Pipeline::after_fork,
                           [](void* self) { static_cast<Pipeline*>(self)->revive(); }};
        return true;
    }

    /// Whether threads can be told from each other.
    [[nodiscard]] bool has_key() {
        const Locked lock{runtime_->mutex};
        if (!runtime_->started.load(memory_order_relaxed)) runtime_->start(*runtime_);
        return runtime_->has_key;
    }

    void uninstall() {
        const Locked lock{runtime_->mutex};
        runtime_->hooks = {};
    }

    [[nodiscard]] LaneSettings lane_settings() {
        LaneSettings settings;
        constexpr std::size_t least = 4096;
        constexpr std::size_t most = std::size_t{1} << 32U;
        settings.ring_bytes = std::bit_ceil(std::clamp(options_.ring_bytes, least, most));
        if (settings.ring_bytes != options_.ring_bytes)
            report_("Options::ring_bytes is " + std::to_string(options_.ring_bytes) +
                    ", which is not a power of two from 4 KiB to 4 GiB: using " +
                    std::to_string(settings.ring_bytes));
        // Several values have to fit the largest record, which is a quarter of the ring.
        settings.limits.text_bytes = static_cast<std::uint32_t>(
            std::min<std::size_t>(longest_text(), settings.ring_bytes / 8));
        settings.limits.elements = static_cast<std::uint32_t>(
            std::min<std::size_t>(options_.longest_array, settings.ring_bytes / 64));
        if (options_.when_full == WhenFull::wait && options_.longest_wait.count() > 0)
            settings.block_ns =
                std::min(static_cast<std::uint64_t>(options_.longest_wait.count()), day_ms) *
                1'000'000U;
        return settings;
    }

    /// A process has one clock for its life: positions on two clocks cannot be compared.
    [[nodiscard]] Clock choose_clock() {
        if (options_.clock == Clock::monotonic) return Clock::monotonic;
        for (std::uint32_t i = control::first_site; i < runtime_->registry.size(); ++i)
            if (runtime_->registry.at(i)->wants_monotonic) return Clock::monotonic;
        return counter_is_invariant() ? Clock::counter : Clock::monotonic;
    }

    /// Options, else the variable of spans, else that of all attributes (OpenTelemetry, "Attribute
    /// Limits"), else 128.
    [[nodiscard]] Allowed allowed_per_span() {
        constexpr std::uint32_t most = 1U << 20U;
        const auto decide = [this](std::uint32_t& limit, bool set, const char* name) {
            if (!set)
                limit = static_cast<std::uint32_t>(variable_number(name, limit, 0, most, report_));
        };
        const SpanLimits& limits = options_.limits;
        Allowed allowed{limits};
        decide(allowed.attributes, limits.attributes.has_value(), "OTEL_ATTRIBUTE_COUNT_LIMIT");
        decide(allowed.attributes, limits.attributes.has_value(),
               "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT");
        decide(allowed.events, limits.events.has_value(), "OTEL_SPAN_EVENT_COUNT_LIMIT");
        decide(allowed.links, limits.links.has_value(), "OTEL_SPAN_LINK_COUNT_LIMIT");
        decide(allowed.attributes_per_event, limits.attributes_per_event.has_value(),
               "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT");
        decide(allowed.attributes_per_link, limits.attributes_per_link.has_value(),
               "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT");
        return allowed;
    }

    /// Bytes of one text value: likewise.
    [[nodiscard]] std::size_t longest_text() {
        if (options_.longest_text != 0) return options_.longest_text;
        constexpr std::size_t otherwise = 16 * 1024;
        const std::uint64_t most = std::numeric_limits<std::uint32_t>::max();
        const std::uint64_t any =
            variable_number("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", otherwise, 0, most, report_);
        return variable_number("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", any, 0, most, report_);
    }

    [[nodiscard]] std::unique_ptr<Collector> make_collector(Exporters exporters) {
        const Allowed allowed = allowed_per_span();
        std::unique_ptr<Redactor> redactor;
        if (!options_.redaction.empty())
            redactor =
                std::make_unique<Redactor>(options_.redaction, runtime_->hash_key.load(), report_);
        Resource resource = make_resource(options_, report_);
        if (redactor) resource = redactor->applied(resource);
        CallsiteTable sites{runtime_->registry, allowed.attributes, redactor.get()};
        auto kept = std::make_shared<BatchBacking>(std::move(redactor), std::move(resource),
                                                   std::move(sites));
        service_name_ = kept->resource.service_name();
        Collector::Settings settings{allowed, {}, kept};
        const auto number = [this](auto set, const char* name, std::uint64_t otherwise,
                                   std::uint64_t most) {
            return set != 0 ? static_cast<std::uint64_t>(set)
                            : variable_number(name, otherwise, 1, most, report_);
        };
        // OpenTelemetry's queue of 2,048 spans is less than one ring holds: a burst that the ring
        // has absorbed would be lost behind it.
        constexpr std::uint64_t usual_queue = std::uint64_t{1} << 18U;
        auto& batcher = settings.batcher;
        batcher.queue_spans =
            number(options_.queue_spans, "OTEL_BSP_MAX_QUEUE_SIZE", usual_queue, 1U << 30U);
        batcher.queue_bytes = options_.queue_bytes;
        batcher.batch_spans =
            number(options_.batch_spans, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512, 1U << 20U);
        if (batcher.batch_spans > batcher.queue_spans) {
            report_("batches of " + std::to_string(batcher.batch_spans) +
                    " spans do not fit a queue of " + std::to_string(batcher.queue_spans) +
                    ": using that for both");
            batcher.batch_spans = batcher.queue_spans;
        }
        auto delay = options_.batch_delay.count();
        if (delay < 0 || delay > static_cast<std::int64_t>(day_ms)) {
            report_("Options::batch_delay is " + std::to_string(delay) +
                    " ms, which is not from 0 to one day: as if it were not set");
            delay = 0;
        }
        batcher.batch_delay =
            std::chrono::milliseconds{number(delay, "OTEL_BSP_SCHEDULE_DELAY", 5000, day_ms)};
        settings.loud_share = options_.loud_share;
        settings.loud_interval = options_.loud_interval;
        batcher.resource = &kept->resource;
        batcher.report = report_;
        return std::make_unique<Collector>(*runtime_, std::move(exporters), std::move(settings));
    }

    void start_sampler() {
        if (!options_.sampler) options_.sampler = sampler_from_environment(report_);
        if (!options_.sampler) return;
        sampler_ = std::make_unique<SamplerSources>(
            *runtime_, *options_.sampler, SamplerSource::Session{service_name_, {}, report_});
    }

    static void switch_callsites(Runtime& process, bool on) {
        const Locked lock{process.mutex};
        process.recording.store(on, memory_order_relaxed); // read under the lock, or as a hint
        for (std::uint32_t i = control::first_site; i < process.registry.size(); ++i)
            if (Entry* entry = process.registry.at(i); entry->live)
                process.turn(*entry->live, *entry);
    }

    /// collector_ is whole when the process forks. No thread that holds this lock waits for the
    /// runtime's, which the forking one has already.
    static void before_fork(void* self) noexcept { static_cast<Pipeline*>(self)->mutex_.lock(); }

    static void after_fork(void* self, bool in_child) noexcept {
        auto* pipeline = static_cast<Pipeline*>(self);
        if (!in_child) return pipeline->mutex_.unlock();
        const NoCancel whole; // exporters close descriptors
        // Whoever held them, or waited, is not here.
        ::new (static_cast<void*>(&pipeline->mutex_)) std::mutex;
        ::new (static_cast<void*>(&pipeline->revival_)) std::recursive_mutex;
        ::new (static_cast<void*>(&pipeline->ended_)) std::condition_variable;
        pipeline->reporter_->forked();
        if (pipeline->sampler_) pipeline->sampler_->forked();
        pipeline->ending_ = false;
        // A child that never recorded has told them already, and they have opened nothing since.
        if (!pipeline->orphaned_ && pipeline->collector_) pipeline->collector_->forked();
        pipeline->orphaned_ = true;
    }

    /// In a child after fork(), when it first needs the threads: the exporters go on in a new
    /// collector, with another process id.
    void revive() noexcept {
        if (!runtime_->needs_revival.load(memory_order_acquire))
            return;           // pairs with the release below
        const NoCancel whole; // exporters open what they need
        const std::lock_guard lock{revival_};
        if (!orphaned_) return; // another thread was first, or this one asks from within a report
        orphaned_ = false;
        const SuppressScope untraced; // this thread may be about to begin a span
        std::shared_ptr<Collector> revived;
        try {
            const std::shared_ptr<Collector> parents = take_collector();
            keep_for_good(parents);
            // Null: the fork came between two sessions' ends, or amidst another revival.
            revived = make_collector(parents ? parents->take_exporters() : Exporters{});
            if (sampler_) sampler_->start();
        } catch (const std::exception& exception) {
            report_(std::string{"no tracing after fork(): "} + exception.what());
        }
        {
            const std::lock_guard state_lock{mutex_};
            collector_ = std::move(revived);
        }
        runtime_->needs_revival.store(false,
                                      memory_order_release); // pairs with the acquire above
    }
    /// One that must not be destroyed: threads that hang, or stayed in the parent, may use it.
    static void keep_for_good(std::shared_ptr<Collector> collector) {
        static std::mutex mutex;
        static auto& kept = *new std::vector<std::shared_ptr<Collector>>; // for ever
        const std::lock_guard lock{mutex};
        kept.push_back(std::move(collector));
    }
    [[nodiscard]] std::shared_ptr<Collector> take_collector() {
        const std::lock_guard lock{mutex_};
        return std::exchange(collector_, nullptr);
    }

    static constexpr std::uint64_t day_ms = 24U * 3600U * 1000U;

    Runtime* runtime_;
    Options options_;
    std::string service_name_;
    std::unique_ptr<SamplerSources> sampler_;
    std::shared_ptr<Reporter> reporter_;
    Report report_;

    std::recursive_mutex revival_; // a listener to reports may ask for statistics
    bool orphaned_ = false;

    std::mutex mutex_; // of what follows
    std::condition_variable ended_;
    std::shared_ptr<Collector> collector_;
    bool ending_ = false;
    FlushResult last_{true, {}};
};

} // namespace detail
} // namespace plume
