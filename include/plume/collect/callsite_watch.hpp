// callsite_watch.hpp - what the background thread does for single lines: it keeps rates, and
// notices the one that makes nearly all spans.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <plume/collect/callsite_table.hpp>
#include <plume/record/runtime.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// Gives a line what it has used back when the window of its rate has passed since this was
/// noticed: so it never records more than its rate in any such stretch of time. Lines that are
/// over it read one number and no clock.
class RateKeeper {
  public:
    /// `now_ns` never decreases. Returns when to call it again at the latest.
    std::uint64_t keep(Runtime& runtime, std::uint64_t now_ns) {
        std::uint64_t next = ~std::uint64_t{0};
        if (!runtime.registry.limited()) return next;
        const Locked lock{runtime.mutex}; // lines come and go with their libraries
        for (const Entry* entry = runtime.registry.limited(); entry; entry = entry->next_limited)
            if (entry->live && entry->live->index.load(memory_order_relaxed) != 0) // a number
                next = std::min(next, keep(sites_[entry->index], *entry, now_ns));
        return next;
    }

  private:
    struct Used {
        std::uint64_t until_ns;
        std::int32_t spans;
    };
    struct Site {
        const Callsite* live = nullptr;
        std::int32_t left = 0; ///< when it was last looked at
        std::deque<Used> used;
    };

    static std::uint64_t keep(Site& site, const Entry& entry, std::uint64_t now_ns) {
        Callsite& callsite = *entry.live;
        const auto most = static_cast<std::int32_t>(entry.rate.count);
        if (site.live != &callsite) site = {&callsite, most, {}};           // back with its library
        const std::int32_t left = callsite.left.load(memory_order_relaxed); // only a number
        if (left > site.left) { // switched off and on again
            site.used.clear();
            site.left = most;
        }
        const std::uint64_t window_ns = std::uint64_t{entry.rate.window_ms} * 1'000'000;
        if (left < site.left) site.used.push_back({now_ns + window_ns, site.left - left});
        site.left = left;
        while (!site.used.empty() && site.used.front().until_ns <= now_ns) {
            callsite.left.fetch_add(site.used.front().spans, memory_order_relaxed); // likewise
            site.left += site.used.front().spans;
            site.used.pop_front();
        }
        return site.used.empty() ? ~std::uint64_t{0} : site.used.front().until_ns;
    }

    std::unordered_map<std::uint32_t, Site> sites_; ///< by index
};

/// Tells of lines that make more than a share of all spans for an interval. Spans that are of no
/// line, as of ready-made instrumentation, count among all, and nobody is told of them: that a
/// server has a span for each request is as it should be.
class NoisyCallsites {
  public:
    NoisyCallsites(double share, std::function<void(std::string_view)> report)
        : share_{share}, report_{std::move(report)} {}

    /// At the end of an interval.
    void look(const CallsiteTable& sites) {
        constexpr std::uint64_t few = 10'000; // of so few nobody needs fewer
        const std::vector<std::uint64_t>& begun = sites.begun();
        before_.resize(begun.size());
        std::uint64_t all = 0;
        std::uint64_t most = 0;
        std::size_t loudest = 0;
        for (std::size_t i = 0; i < begun.size(); ++i) {
            const std::uint64_t count = begun[i] - before_[i];
            all += count;
            if (count <= most || sites.entry(static_cast<std::uint32_t>(i)).line == 0) continue;
            most = count;
            loudest = i;
        }
        before_ = begun;
        if (all < few || static_cast<double>(most) <= share_ * static_cast<double>(all)) return;
        if (std::ranges::find(told_, loudest) != told_.end()) return;
        told_.push_back(loudest);
        const Entry& entry = sites.entry(static_cast<std::uint32_t>(loudest));
        report_("\"" + std::string{entry.name} + "\" (" + std::string{entry.file} + ":" +
                std::to_string(entry.line) + ") makes " + std::to_string(100 * most / all) +
                " % of all spans, " + std::to_string(most) + " of " + std::to_string(all) +
                ": give it a rate with PLUME_SPAN_LIMITED, or switch "
                "it off with plume::disable()");
    }

  private:
    double share_;
    std::function<void(std::string_view)> report_;
    std::vector<std::uint64_t> before_;
    std::vector<std::size_t> told_;
};

} // namespace detail
} // namespace plume
