// held_spans.hpp - spans that wait for their local root, and the trees that they become.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include <plume/export/span_data.hpp>
#include <plume/exporters/console/span_copy.hpp>
#include <plume/exporters/detail/preorder.hpp>

namespace plume::console {

/// A span and where it stands in its tree.
struct Branch {
    SpanCopy span;
    detail::Place place; ///< `end` counts from the beginning of the tree
};

/// Spans of one trace in reading order; several may stand at the top if it is not complete.
struct Tree {
    enum class Part : std::uint8_t {
        complete,  ///< from a local root down
        late,      ///< below spans that were printed before
        incomplete ///< no local root came in time
    };
    Part part = Part::complete;
    bool continued = false; ///< some of it was printed as incomplete before
    std::vector<Branch> branches{};
};

/// The last `capacity` ids that were put in: what has been printed can't be kept for ever, and what
/// comes later than that many spans is called incomplete instead of late.
class RecentSpans {
  public:
    explicit RecentSpans(std::size_t capacity) : capacity_{std::max<std::size_t>(capacity, 1)} {}

    [[nodiscard]] bool contains(const detail::SpanKey& key) const { return ids_.contains(key); }
    void insert(const detail::SpanKey& key) {
        if (!ids_.insert(key).second) return;
        if (order_.size() < capacity_) {
            order_.push_back(key);
        } else {
            ids_.erase(std::exchange(order_[oldest_], key));
            oldest_ = (oldest_ + 1) % capacity_;
        }
    }

  private:
    std::size_t capacity_;
    std::size_t oldest_ = 0;
    std::vector<detail::SpanKey> order_;
    std::unordered_set<detail::SpanKey, detail::IdHash> ids_;
};

/// Children end before their parents, so a span waits here until its local root has ended. What
/// belongs to which root is decided by ancestry: one trace may have several roots in a process.
class HeldSpans {
  public:
    using Time = std::chrono::steady_clock::time_point;

    explicit HeldSpans(std::size_t capacity)
        : capacity_{capacity}, printed_{capacity}, cut_off_{capacity} {}

    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    /// Copies the span. `now` never goes back from one call to the next.
    void add(const SpanData& span, Time now) {
        // The copy comes first: should memory run out, no trace is left without a span.
        Held held{SpanCopy{span}, now};
        const auto found = by_id_.find(span.trace_id);
        const Position trace =
            found != by_id_.end() ? found->second : traces_.emplace(traces_.end());
        trace->held.push_back(std::move(held));
        if (found == by_id_.end()) by_id_.emplace(span.trace_id, trace);
        ++size_;
        oldest_ = std::min(oldest_, now);
        // Only these two can make a tree ready: nobody looks at a trace that got neither.
        const bool is_late = printed_.contains({span.trace_id, span.parent_span_id});
        if (trace->touched || !(span.is_local_root() || is_late)) return;
        trace->touched = true;
        touched_.push_back(trace);
    }

    /// Takes out, ready to be printed: trees whose root has come; what is below spans that are
    /// printed already; what has waited for `patience`; and, if what is left exceeds the capacity,
    /// the oldest traces. Call it after a whole batch, not after each span: a batch has the spans
    /// of one thread before another's, so a root may come before its descendants.
    [[nodiscard]] std::vector<Tree> take(Time now, std::chrono::nanoseconds patience) {
        std::vector<Tree> trees;
        for (const Position trace : std::exchange(touched_, {})) {
            trace->touched = false;
            harvest(trace, std::nullopt, trees);
        }
        if (oldest_ <= now - patience) take_older(now, patience, trees);
        while (size_ > capacity_) harvest(traces_.begin(), Time::max(), trees);
        return trees;
    }

  private:
    struct Held {
        SpanCopy span;
        Time since;
    };
    struct Trace {
        std::vector<Held> held; ///< by arrival, never empty between calls
        bool touched = false;
    };
    using Position = std::list<Trace>::iterator;
    using Places = std::span<const detail::Place>;

    // A scan of all traces, but only when one of them has really waited for too long.
    void take_older(Time now, std::chrono::nanoseconds patience, std::vector<Tree>& trees) {
        for (auto trace = traces_.begin(); trace != traces_.end();) {
            const Position here = trace++;
            // With what has waited for half as long: below a root that lasts for hours, spans come
            // out in a few large pieces, not one by one.
            if (here->held.front().since <= now - patience)
                harvest(here, now - patience / 2, trees);
        }
        oldest_ = Time::max();
        for (const Trace& trace : traces_) oldest_ = std::min(oldest_, trace.held.front().since);
    }

    /// Moves what is ready from the trace to `trees`, and forgets the trace when nothing is left.
    /// Without a deadline, what just waits goes on waiting.
    void harvest(Position trace, std::optional<Time> deadline, std::vector<Tree>& trees) {
        std::vector<Held>& held = trace->held;
        const TraceId id = held.front().span->trace_id;
        const std::vector<detail::Place> places = reading_order(held);

        // One tree for all that is late, and one for all that is incomplete: they are fragments of
        // the same trace, and one header is enough.
        Tree late{.part = Tree::Part::late};
        Tree incomplete{.part = Tree::Part::incomplete};
        for (std::size_t top = 0; top < places.size(); top = places[top].end) {
            const Places tree{places.data() + top, places[top].end - top};
            const SpanData& first = *held[tree.front().index].span;
            if (first.is_local_root()) {
                move(held, tree, trees.emplace_back());
            } else if (const detail::SpanKey parent{id, first.parent_span_id};
                       printed_.contains(parent)) {
                move(held, tree, late);
            } else if (deadline && is_older(held, tree, *deadline)) {
                cut_off_.insert(parent);
                move(held, tree, incomplete);
            }
        }
        for (Tree* rest : {&late, &incomplete})
            if (!rest->branches.empty()) trees.push_back(std::move(*rest));

        size_ -= std::erase_if(held, [](const Held& one) { return !one.span; });
        if (!held.empty()) return;
        by_id_.erase(id);
        traces_.erase(trace);
    }

    [[nodiscard]] static std::vector<detail::Place> reading_order(std::span<const Held> held) {
        std::vector<detail::Kin> kin;
        kin.reserve(held.size());
        for (const Held& one : held) {
            const SpanData& span = *one.span;
            // A local root stands at the top even where a service calls itself.
            kin.push_back({{span.trace_id, span.span_id},
                           span.is_local_root() ? SpanId{} : span.parent_span_id,
                           span.begin_unix_ns});
        }
        return detail::preorder(kin);
    }

    /// A fragment is as old as its oldest span: what arrived later belongs to it and goes with it.
    [[nodiscard]] static bool is_older(std::span<const Held> held, Places tree, Time deadline) {
        return std::ranges::any_of(
            tree, [&](const detail::Place& place) { return held[place.index].since <= deadline; });
    }

    void move(std::span<Held> held, Places places, Tree& tree) {
        // Places count from the first of the trace; in the tree they count from its beginning.
        const auto from = static_cast<std::uint32_t>(places.front().end - places.size());
        const auto to = static_cast<std::uint32_t>(tree.branches.size());
        for (detail::Place place : places) {
            SpanCopy span = std::move(held[place.index].span);
            const detail::SpanKey key{span->trace_id, span->span_id};
            tree.continued |= cut_off_.contains(key);
            printed_.insert(key);
            place.end = place.end - from + to;
            tree.branches.push_back({std::move(span), place});
        }
    }

    std::size_t capacity_;
    std::size_t size_ = 0;
    Time oldest_ = Time::max(); ///< no span has waited for longer
    std::list<Trace> traces_;   ///< by arrival, so the first is the one to give up
    std::unordered_map<TraceId, Position, detail::IdHash> by_id_;
    std::vector<Position> touched_;
    RecentSpans printed_;
    RecentSpans cut_off_; ///< not printed themselves, but some of their children were
};

} // namespace plume::console
