// scripted.hpp - an exporter that does what a test tells it to, and what the tests of a session
// share with it: a gate, waiting for a condition, the equation of the spans.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <plume/exporter.hpp>
#include <plume/session/options.hpp>

namespace plume::scene {

/// Waits until something is so; false if it is not in time. For what no flush waits for.
template <class Condition>
[[nodiscard]] bool eventually(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{10};
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    return true;
}

/// Holds up whoever passes until it is opened. Copies are the same gate.
class Gate {
  public:
    void open() const {
        {
            const std::lock_guard lock{state_->mutex};
            state_->open = true;
        }
        state_->changed.notify_all();
    }
    void pass() const {
        std::unique_lock lock{state_->mutex};
        ++state_->arrived;
        state_->changed.notify_all();
        state_->changed.wait(lock, [this] { return state_->open; });
    }
    /// How many wait, or have passed.
    [[nodiscard]] int arrived() const {
        const std::lock_guard lock{state_->mutex};
        return state_->arrived;
    }

  private:
    struct State {
        std::mutex mutex;
        std::condition_variable changed;
        bool open = false;
        int arrived = 0;
    };
    std::shared_ptr<State> state_ = std::make_shared<State>();
};

/// Listens to a session's reports. Copies share what they heard.
class Reports {
  public:
    void operator()(std::string_view what) const {
        const std::lock_guard lock{state_->mutex};
        state_->sentences.emplace_back(what);
    }
    [[nodiscard]] std::vector<std::string> all() const {
        const std::lock_guard lock{state_->mutex};
        return state_->sentences;
    }
    /// How many have `part` in them.
    [[nodiscard]] int with(std::string_view part) const {
        int count = 0;
        for (const std::string& one : all()) count += one.find(part) != std::string::npos ? 1 : 0;
        return count;
    }

  private:
    struct State {
        std::mutex mutex;
        std::vector<std::string> sentences;
    };
    std::shared_ptr<State> state_ = std::make_shared<State>();
};

/// A variable of the environment, as long as the object lives. Null: not set.
class EnvironmentVariable {
  public:
    EnvironmentVariable(const char* name, const char* value) : name_{name} {
        if (const char* old = std::getenv(name)) before_ = old;
        put(value);
    }
    ~EnvironmentVariable() { put(before_ ? before_->c_str() : nullptr); }
    EnvironmentVariable(const EnvironmentVariable&) = delete;
    EnvironmentVariable& operator=(const EnvironmentVariable&) = delete;

  private:
    void put(const char* value) const {
        if (value) ::setenv(name_, value, 1);
        else ::unsetenv(name_);
    }
    const char* name_;
    std::optional<std::string> before_;
};

/// Copies share their script and their counters: give one to the session and keep another.
class ScriptedExporter final : public Exporter {
  public:
    struct Script {
        std::string name = "scripted";
        std::function<Outcome(const Batch&)> deliver = [](const Batch&) {
            return Outcome::delivered();
        };
        std::function<void()> idle = [] {};
        std::function<void()> close = [] {};
        std::function<void()> cancel = [] {};
    };
    struct Counters {
        std::atomic<std::uint64_t> batches{0};
        std::atomic<std::uint64_t> spans{0};
        std::atomic<std::uint64_t> largest_batch{0};
        std::atomic<int> idles{0};
        std::atomic<int> closes{0};
        std::atomic<int> cancels{0};
        std::atomic<int> forks{0};
    };

    ScriptedExporter() : ScriptedExporter{Script{}} {}
    explicit ScriptedExporter(Script script) : state_{std::make_shared<State>(std::move(script))} {}
    explicit ScriptedExporter(std::function<Outcome(const Batch&)> deliver)
        : ScriptedExporter{Script{.deliver = std::move(deliver)}} {}
    ScriptedExporter(const ScriptedExporter&) = default; // moving copies: no handle is empty
    ScriptedExporter& operator=(const ScriptedExporter&) = default;

    [[nodiscard]] const Counters& counters() const noexcept { return state_->counters; }

    [[nodiscard]] Outcome deliver(const Batch& batch) override {
        const State& state = *state_;
        Counters& counters = state_->counters;
        ++counters.batches;
        counters.spans += batch.size();
        if (batch.size() > counters.largest_batch) counters.largest_batch = batch.size();
        return state.script.deliver(batch);
    }
    [[nodiscard]] std::string_view name() const noexcept override { return state_->script.name; }
    void idle() override {
        ++state_->counters.idles;
        state_->script.idle();
    }
    void close() override {
        ++state_->counters.closes;
        state_->script.close();
    }
    void cancel() noexcept override {
        ++state_->counters.cancels;
        state_->script.cancel();
    }
    void forked() noexcept override { ++state_->counters.forks; }

  private:
    struct State {
        explicit State(Script s) : script{std::move(s)} {}
        Script script;
        Counters counters;
    };
    std::shared_ptr<State> state_;
};

/// Empty if every span is accounted for, exporter by exporter; else who is wrong by how much.
[[nodiscard]] inline std::string wrong_in(const Stats& stats) {
    std::string wrong;
    for (const ExporterStats& one : stats.exporters) {
        const std::uint64_t sum = one.exported + one.dropped.total() + one.pending + stats.open;
        // An underflow of one would balance the sum.
        const bool sane = one.pending <= stats.begun && stats.open <= stats.begun;
        if (sum == stats.begun && sane) continue;
        wrong += one.name + ": begun " + std::to_string(stats.begun) + ", exported " +
                 std::to_string(one.exported) + ", dropped " + std::to_string(one.dropped.total()) +
                 ", pending " + std::to_string(one.pending) + ", open " +
                 std::to_string(stats.open) + "\n";
    }
    return wrong;
}

} // namespace plume::scene
