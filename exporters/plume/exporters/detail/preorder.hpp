// preorder.hpp - spans in the order in which a tree is read: a parent, then its children by begin.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include <plume/core/ids.hpp>

namespace plume::detail {

/// A span as its trace knows it: unique by both ids.
struct SpanKey {
    TraceId trace_id;
    SpanId span_id;

    friend bool operator==(const SpanKey&, const SpanKey&) = default;
};

/// Ids may come from other tracers, whose bits need not be random: all of them count.
struct IdHash {
    [[nodiscard]] std::size_t operator()(const TraceId& id) const noexcept {
        return static_cast<std::size_t>(mix(id.low ^ mix(id.high)));
    }
    [[nodiscard]] std::size_t operator()(const SpanKey& key) const noexcept {
        return static_cast<std::size_t>(mix(key.span_id.value ^ (*this)(key.trace_id)));
    }
};

/// What decides a span's place among others.
struct Kin {
    SpanKey self;
    SpanId parent; ///< invalid: it stands at the top
    std::uint64_t begin_unix_ns = 0;
};

/// A place in the reading order.
struct Place {
    std::uint32_t index = 0; ///< into the spans that were given
    std::uint32_t depth = 0; ///< 0 at the top
    std::uint32_t end = 0;   ///< the place after its last descendant's
    bool last = false;       ///< no sibling follows
};

/// Each span exactly once, whatever the ids say. At the top stand, by begin, those whose parent is
/// not among `spans`; where parents go in a circle, the earliest of the circle does. Equal begins
/// stay in the order given. Linear but for the sort, and without recursion: chains may be long.
[[nodiscard]] inline std::vector<Place> preorder(std::span<const Kin> spans) {
    constexpr std::uint32_t none = 0xffff'ffff;
    const auto count = static_cast<std::uint32_t>(spans.size());

    std::vector<std::uint32_t> by_begin(count);
    std::iota(by_begin.begin(), by_begin.end(), 0U);
    // Not stable_sort: libstdc++ 12's uses what clang 19 warns of as deprecated.
    std::ranges::sort(by_begin, {},
                      [&](std::uint32_t i) { return std::pair{spans[i].begin_unix_ns, i}; });

    std::unordered_map<SpanKey, std::uint32_t, IdHash> where;
    where.reserve(count);
    for (std::uint32_t i = 0; i < count; ++i) where.try_emplace(spans[i].self, i);

    // Siblings form a list through `next`, the latest first: the stack below turns it around.
    std::vector<std::uint32_t> first_child(count, none);
    std::vector<std::uint32_t> next(count, none);
    std::vector<std::uint32_t> tops;
    for (const std::uint32_t i : by_begin) {
        const Kin& span = spans[i];
        const auto parent =
            span.parent.valid() ? where.find({span.self.trace_id, span.parent}) : where.end();
        if (parent == where.end()) {
            tops.push_back(i);
        } else {
            next[i] = first_child[parent->second];
            first_child[parent->second] = i;
        }
    }
    // Those in a circle are reached from no top; each of them is tried after all real ones.
    tops.insert(tops.end(), by_begin.begin(), by_begin.end());

    struct Visit {
        std::uint32_t index, depth, parent_place;
        bool last;
    };
    std::vector<Place> places;
    places.reserve(count);
    std::vector<std::uint32_t> parent_place;
    parent_place.reserve(count);
    std::vector<bool> seen(count, false);
    std::vector<Visit> stack;
    for (const std::uint32_t top : tops) {
        if (!seen[top]) stack.push_back({top, 0, none, true});
        while (!stack.empty()) {
            const Visit visit = stack.back();
            stack.pop_back();
            if (seen[visit.index]) continue;
            seen[visit.index] = true;
            const auto place = static_cast<std::uint32_t>(places.size());
            places.push_back({visit.index, visit.depth, place + 1, visit.last});
            parent_place.push_back(visit.parent_place);
            bool last = true;
            for (std::uint32_t child = first_child[visit.index]; child != none;
                 child = next[child]) {
                stack.push_back({child, visit.depth + 1, place, last});
                last = false;
            }
        }
    }
    for (std::uint32_t place = count; place-- > 0;)
        if (const std::uint32_t parent = parent_place[place]; parent != none)
            places[parent].end = std::max(places[parent].end, places[place].end);
    return places;
}

} // namespace plume::detail
