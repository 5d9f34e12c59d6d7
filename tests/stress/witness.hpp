// witness.hpp - what the stress expects of every number and of every span that is exported.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include <plume/exporter.hpp>
#include <plume/session.hpp>

namespace stress {

inline std::atomic<long> violations{0};

inline void violation(const std::string& what) {
    ++violations;
    std::fprintf(stderr, "VIOLATION: %s\n", what.c_str());
}

/// begun = exported + dropped + pending + open, for each exporter.
[[nodiscard]] inline std::string imbalance(const plume::Stats& stats) {
    for (const plume::ExporterStats& to : stats.exporters) {
        const std::uint64_t dropped = to.dropped.total();
        const std::uint64_t sum = to.exported + dropped + to.pending + stats.open;
        const bool sane = stats.open <= stats.begun && to.pending <= stats.begun &&
                          to.exported <= stats.begun && dropped <= stats.begun;
        if (sum == stats.begun && sane) continue;
        return to.name + ": begun " + std::to_string(stats.begun) + ", exported " +
               std::to_string(to.exported) + ", dropped " + std::to_string(dropped) + ", pending " +
               std::to_string(to.pending) + ", open " + std::to_string(stats.open);
    }
    return {};
}

inline void check_balance(const plume::Stats& stats, const char* when) {
    if (const std::string what = imbalance(stats); !what.empty())
        violation(std::string{when} + ", " + what);
}

/// All spans of a session, as far as they say whose child they are.
class Family {
  public:
    void add(const plume::SpanData& span) {
        const std::lock_guard lock{mutex_};
        if (!traces_.emplace(span.span_id.value, span.trace_id).second)
            violation("a span id was exported twice");
        if (span.end_unix_ns < span.begin_unix_ns) violation("a span ends before it begins");
        if (span.parent_span_id.valid())
            children_.emplace_back(span.parent_span_id.value, span.trace_id);
    }
    /// Every child is in the trace of its parent, if that is there.
    void check() {
        const std::lock_guard lock{mutex_};
        for (const auto& [parent, trace] : children_)
            if (const auto found = traces_.find(parent);
                found != traces_.end() && found->second != trace)
                violation("a child is in another trace than its parent");
        children_.clear();
    }
    [[nodiscard]] std::size_t size() const {
        const std::lock_guard lock{mutex_};
        return traces_.size();
    }

  private:
    mutable std::mutex mutex_;
    std::unordered_map<std::uint64_t, plume::TraceId> traces_;
    std::vector<std::pair<std::uint64_t, plume::TraceId>> children_;
};

/// Reads all of each span, and tells a family about it.
class Witness : public plume::Exporter {
  public:
    /// Its thread may outlive the session, at whose deadline it was delivering.
    explicit Witness(std::shared_ptr<Family> family) : family_{std::move(family)} {}
    [[nodiscard]] plume::Outcome deliver(const plume::Batch& batch) override {
        std::size_t bytes = 0;
        for (const plume::SpanData& span : batch) {
            family_->add(span);
            bytes += span.name().size();
            for (const plume::Attribute& attribute : span.attributes())
                bytes += attribute.key().size();
        }
        read_.fetch_add(bytes, std::memory_order_relaxed); // so that reading has a result
        return plume::Outcome::delivered();
    }
    /// A thread of the parent may have held the lock of its family.
    void forked() noexcept override {
        ::new (static_cast<void*>(&family_)) std::shared_ptr<Family>{std::make_shared<Family>()};
    }
    [[nodiscard]] std::string_view name() const noexcept override { return "witness"; }

  private:
    std::shared_ptr<Family> family_;
    static inline std::atomic<std::size_t> read_{0};
};

/// What exporters do when their backend is not well.
class Ill : public plume::Exporter {
  public:
    enum class How : std::uint8_t { slow, throws, down };
    explicit Ill(How how) : how_{how} {}
    [[nodiscard]] plume::Outcome deliver(const plume::Batch& batch) override {
        if (how_ == How::slow) std::this_thread::sleep_for(std::chrono::milliseconds{2});
        const bool bad = ++batches_ % 3 == 0;
        if (how_ == How::throws && bad) throw std::runtime_error{"on purpose"};
        if (how_ == How::down && bad)
            return plume::Outcome::failed(plume::DropReason::transport, batch.size(), "down");
        return plume::Outcome::delivered();
    }
    [[nodiscard]] std::string_view name() const noexcept override {
        constexpr std::string_view names[] = {"slow", "throws", "down"};
        return names[static_cast<std::size_t>(how_)];
    }

  private:
    How how_;
    unsigned batches_ = 0;
};

} // namespace stress
