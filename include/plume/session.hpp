// session.hpp - the heavy door: what main() includes to turn tracing on, and off again.
#pragma once

#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <plume/export/exporter_factory.hpp>
#include <plume/session/pipeline.hpp>

namespace plume {

// A session is visible to other modules, what it is made of is not: each module has its own.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wattributes"

/// Tracing is on from its construction to its destruction, for the whole process; one at a time.
/// Never throws but for lack of memory or threads: what is wrong is in error(), and is reported.
/// All functions may be called from any thread.
class [[nodiscard]] Session {
  public:
    /// Starts to record, and to deliver to `exporters`, each by a thread of its own. Does nothing
    /// if OTEL_SDK_DISABLED is "true", or if a session runs already, which is an error.
    template <class... Exporters>
        requires(std::is_base_of_v<Exporter, std::remove_cvref_t<Exporters>> && ...)
    explicit Session(Options options, Exporters&&... exporters) {
        detail::Pipeline::Exporters list;
        (list.push_back(
             std::make_unique<std::remove_cvref_t<Exporters>>(std::forward<Exporters>(exporters))),
         ...);
        start(std::move(options), std::move(list));
    }
    Session(Options options, std::vector<std::unique_ptr<Exporter>> exporters) {
        start(std::move(options), std::move(exporters));
    }

    /// A session with the exporters that OTEL_TRACES_EXPORTER lists ("otlp" if it is not set,
    /// "none" for none), each set up by its own variables. An exporter is known by including its
    /// header.
    static Session from_environment(std::string service_name = {}, Options options = {}) {
        if (!service_name.empty()) options.service_name = std::move(service_name);
        detail::Reporter report{options.report};
        std::vector<std::unique_ptr<Exporter>> exporters;
        const auto tell = [&report](std::string_view what) { report(what); };
        const std::string names =
            detail::lower_case(detail::variable("OTEL_TRACES_EXPORTER").value_or("otlp"));
        for (const std::string_view name : detail::split_list(names)) {
            if (name == "none") continue;
            const auto found = detail::exporter_factories().find(name);
            if (found == detail::exporter_factories().end()) {
                report("OTEL_TRACES_EXPORTER names \"" + std::string{name} +
                       "\": no such exporter in this " + "program; include <plume/exporters/" +
                       std::string{name} + ".hpp> where it starts");
                continue;
            }
            if (auto exporter = found->second(tell)) exporters.push_back(std::move(exporter));
        }
        return Session{std::move(options), std::move(exporters)};
    }

    Session(Session&&) noexcept = default;
    Session& operator=(Session&&) = delete;

    /// shutdown() with Options::shutdown_deadline.
    ~Session() {
        if (pipeline_) pipeline_->shutdown();
    }

    /// Whether it records: neither refused, nor disabled, nor shut down.
    [[nodiscard]] bool running() const { return pipeline_ && pipeline_->running(); }
    /// Why it does not run; empty if it does, or is disabled on purpose.
    [[nodiscard]] std::string_view error() const noexcept { return error_; }

    /// Delivers every span that has ended, to every exporter. Blocks until then, or until the
    /// deadline: the result says which.
    FlushResult flush(std::chrono::milliseconds deadline) {
        return pipeline_ ? pipeline_->flush(deadline) : FlushResult{true, {}};
    }

    /// Ends the session: nothing begins from here on, what has ended is delivered, and what is not
    /// delivered by the deadline counts as dropped. Returns at the deadline even if an exporter
    /// hangs. Spans that are still open end without being exported. A second call does nothing.
    FlushResult shutdown(std::chrono::milliseconds deadline) {
        return pipeline_ ? pipeline_->shutdown(deadline) : FlushResult{true, {}};
    }

    /// Where the spans are; after the shutdown, where they were at its end.
    [[nodiscard]] Stats stats() const { return pipeline_ ? pipeline_->stats() : Stats{}; }

  private:
    /// exit() in the middle of main() destroys no locals: the spans are delivered all the same.
    static std::weak_ptr<detail::Pipeline>& at_exit() {
        static std::weak_ptr<detail::Pipeline> pipeline;
        static const bool registered = std::atexit([] {
                                           if (const auto left = at_exit().lock()) left->shutdown();
                                       }) == 0;
        static_cast<void>(registered);
        return pipeline;
    }

    void start(Options options, detail::Pipeline::Exporters exporters) {
        const detail::NoCancel whole; // reading files is a cancellation point
        const auto reporter = std::make_shared<detail::Reporter>(options.report);
        const auto report = [&reporter](std::string_view what) { (*reporter)(what); };
        const Propagators formats =
            options.propagators
                ? *options.propagators
                : Propagators::parse(detail::variable("OTEL_PROPAGATORS").value_or(""), report);
        const auto choose_formats = [formats] {
            detail::runtime().propagators.store(formats.word(), detail::memory_order_relaxed);
        };
        // Whoever records nothing passes on what comes all the same.
        if (detail::variable_is_true("OTEL_SDK_DISABLED", report)) return choose_formats();
        try {
            pipeline_ = detail::Pipeline::start(std::move(options), std::move(exporters), reporter);
        } catch (const detail::WrongRule& wrong) {
            error_ = std::string{"Options::redaction: "} + wrong.what() + ": recording nothing";
            report(error_);
            return choose_formats();
        }
        if (!pipeline_) {
            error_ = "a session is running already: end it before another begins";
            report(error_);
            return;
        }
        choose_formats();
        at_exit() = pipeline_;
    }

    /// Shared with the function that runs when the program exits without destroying the session.
    std::shared_ptr<detail::Pipeline> pipeline_;
    std::string error_;
};

#pragma GCC diagnostic pop

} // namespace plume
