// engine.hpp - a running session: what it has been told, its collector, and its life in a fork.
#pragma once

#include <atomic>
#include <bit>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <plume/collector.hpp>
#include <plume/environment.hpp>
#include <plume/module.hpp>
#include <plume/process.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// One call at a time, whoever reports; nothing that the listener throws comes back.
class Reporter {
  public:
    explicit Reporter(Report listener) : listener_{std::move(listener)} {}
    void operator()(std::string_view what) noexcept {
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

class Engine {
  public:
    using Exporters = std::vector<std::unique_ptr<Exporter>>;

    /// Null if there is a session already.
    static std::unique_ptr<Engine> start(Options options, Exporters exporters,
                                         const Report& report) {
        Runtime& process = runtime();
        std::unique_ptr<Engine> engine{new Engine{process, std::move(options), report}};
        if (!engine->install()) return nullptr;
        engine->collector_ = engine->make_collector(std::move(exporters));
        switch_callsites(process, true);
        return engine;
    }

    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;
    ~Engine() = default;

    FlushResult flush(std::chrono::milliseconds wait) {
        const auto deadline = std::chrono::steady_clock::now() + wait;
        revive();
        const bool complete = collector_->flush(deadline);
        return {complete, collector_->stats()};
    }

    /// Nothing begins from here on; what was begun may end. Afterwards there is no session.
    FlushResult shutdown(std::chrono::milliseconds wait) {
        const auto deadline = std::chrono::steady_clock::now() + wait;
        revive();
        switch_callsites(*runtime_, false);
        FlushResult result;
        result.complete = collector_->stop(deadline);
        result.stats = collector_->stats();
        const Locked lock{runtime_->mutex};
        runtime_->hooks = {};
        return result;
    }

    [[nodiscard]] Stats stats() {
        revive();
        return collector_->stats();
    }

  private:
    Engine(Runtime& process, Options options, Report report)
        : runtime_{&process}, options_{std::move(options)}, report_{std::move(report)} {}

    bool install() {
        const Locked lock{runtime_->mutex};
        if (runtime_->hooks.session) return false;
        if (!runtime_->started) runtime_->start(*runtime_);
        runtime_->settings = lane_settings();
        if (runtime_->clock.load(std::memory_order_relaxed) ==
            Clock::undecided) // written under this lock only
            runtime_->clock.store(
                choose_clock(), std::memory_order_relaxed); // threads look before they have a lane
        runtime_->hooks = {this, nullptr, &Engine::after_fork,
                           [](void* self) { static_cast<Engine*>(self)->revive(); }};
        return true;
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
            std::min<std::size_t>(options_.longest_text, settings.ring_bytes / 8));
        settings.limits.elements = static_cast<std::uint32_t>(
            std::min<std::size_t>(options_.longest_array, settings.ring_bytes / 64));
        if (options_.when_full == WhenFull::wait && options_.longest_wait.count() > 0)
            settings.block_ns =
                static_cast<std::uint64_t>(options_.longest_wait.count()) * 1'000'000U;
        return settings;
    }

    /// A process has one clock for its life: positions on two clocks cannot be compared.
    [[nodiscard]] Clock choose_clock() {
        if (options_.clock == Clock::monotonic) return Clock::monotonic;
        for (std::uint32_t i = control::first_site; i < runtime_->registry.size(); ++i)
            if (runtime_->registry.at(i)->wants_monotonic) return Clock::monotonic;
        if (counter_is_invariant()) return Clock::counter;
        if (options_.clock == Clock::counter)
            report_("the processor's counter is not invariant: timing with CLOCK_MONOTONIC");
        return Clock::monotonic;
    }

    [[nodiscard]] std::unique_ptr<Collector> make_collector(Exporters exporters) {
        auto kept =
            std::make_shared<Kept>(make_resource(options_, report_),
                                   SiteTable{runtime_->registry, options_.limits.attributes});
        Collector::Settings settings{options_.limits, {}, kept};
        const auto number = [this](auto set, const char* name, std::uint64_t otherwise,
                                   std::uint64_t most) {
            return set != 0 ? static_cast<std::uint64_t>(set)
                            : variable_number(name, otherwise, 1, most, report_);
        };
        // OpenTelemetry's queue of 2,048 spans is less than one ring holds: a burst that the ring
        // has absorbed would be lost behind it.
        constexpr std::uint64_t usual_queue = std::uint64_t{1} << 18U;
        auto& worker = settings.worker;
        worker.queue_spans =
            number(options_.queue_spans, "OTEL_BSP_MAX_QUEUE_SIZE", usual_queue, 1U << 30U);
        worker.batch_spans =
            number(options_.batch_spans, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512, 1U << 20U);
        if (worker.batch_spans > worker.queue_spans) {
            report_("batches of " + std::to_string(worker.batch_spans) +
                    " spans do not fit a queue of " + std::to_string(worker.queue_spans) +
                    ": using that for both");
            worker.batch_spans = worker.queue_spans;
        }
        constexpr std::uint64_t day_ms = 24U * 3600U * 1000U;
        worker.batch_delay = std::chrono::milliseconds{
            number(options_.batch_delay.count(), "OTEL_BSP_SCHEDULE_DELAY", 5000, day_ms)};
        worker.resource = &kept->resource;
        worker.report = report_;
        return std::make_unique<Collector>(*runtime_, std::move(exporters), std::move(settings));
    }

    static void switch_callsites(Runtime& process, bool on) {
        const Locked lock{process.mutex};
        process.recording.store(on, std::memory_order_relaxed); // read under the lock, or as a hint
        for (std::uint32_t i = control::first_site; i < process.registry.size(); ++i)
            if (Entry* entry = process.registry.at(i); entry->live)
                entry->live->index.store(on ? entry->index : 0,
                                         std::memory_order_relaxed); // a switch
    }

    static void after_fork(void* self, bool in_child) noexcept {
        if (!in_child) return;
        auto* engine = static_cast<Engine*>(self);
        ::new (static_cast<void*>(&engine->mutex_)) std::mutex; // whoever held it is not here
        engine->orphaned_ = true;
    }

    /// In a child after fork(), when it first needs the threads: the exporters go on in a new
    /// collector, with another process id. The old one is leaked, for its locks may be held.
    void revive() {
        if (!runtime_->needs_revival.load(std::memory_order_acquire))
            return; // pairs with the release below
        const std::lock_guard lock{mutex_};
        if (!orphaned_) return;
        Collector* old = collector_.release();
        collector_ = make_collector(old->salvage());
        orphaned_ = false;
        runtime_->needs_revival.store(false,
                                      std::memory_order_release); // pairs with the acquire above
    }

    Runtime* runtime_;
    Options options_;
    Report report_;
    std::mutex mutex_;
    bool orphaned_ = false;
    std::unique_ptr<Collector> collector_;
};

} // namespace detail
} // namespace plume
