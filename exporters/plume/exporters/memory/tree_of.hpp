// tree_of.hpp - recorded spans as an indented text, to compare a trace at a glance.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <plume/exporters/detail/preorder.hpp>
#include <plume/exporters/memory/recorded_span.hpp>

namespace plume {

struct TreeOptions {
    bool attributes = false; ///< ` {key=value, key=value}` behind the name, sorted by key
};

namespace detail {

[[nodiscard]] inline std::string attributes_of(const RecordedSpan& span) {
    std::vector<const RecordedAttribute*> sorted;
    for (const RecordedAttribute& one : span.attributes) sorted.push_back(&one);
    std::ranges::sort(sorted, {}, [](const RecordedAttribute* one) { return one->key; });
    std::string text;
    for (const RecordedAttribute* const one : sorted)
        text += (text.empty() ? " {" : ", ") + one->key + "=" + plume::text_of(one->value);
    return text.empty() ? text : text + "}";
}

} // namespace detail

/// A span a line, two blanks a level, ` !` behind one that failed; children by the time at which
/// they began. At the left stand spans whose parent is not among `spans`.
///
///     visit
///       visit {cache.hit=true, order.id=42}
///         visit !
[[nodiscard]] inline std::string tree_of(std::span<const RecordedSpan> spans,
                                         TreeOptions options = {}) {
    std::vector<detail::Kin> kin;
    kin.reserve(spans.size());
    for (const RecordedSpan& span : spans)
        kin.push_back({{span.trace_id, span.span_id}, span.parent_span_id, span.begin_unix_ns});
    std::string text;
    for (const detail::Place& place : detail::preorder(kin)) {
        const RecordedSpan& span = spans[place.index];
        text.append(2 * std::size_t{place.depth}, ' ') += span.name;
        if (span.status == StatusCode::error) text += " !";
        if (options.attributes) text += detail::attributes_of(span);
        text += '\n';
    }
    return text;
}

} // namespace plume
