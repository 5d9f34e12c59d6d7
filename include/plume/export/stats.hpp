// stats.hpp - where the spans of a session are: delivered, dropped, or still open.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <plume/export/exporter.hpp>

namespace plume {

/// What one exporter has done with the session's spans.
struct ExporterStats {
    std::string name;
    std::uint64_t exported = 0;
    Drops dropped;
    std::uint64_t pending = 0; ///< ended, and not delivered yet
};

/// Every span is accounted for, for each exporter:
///     begun = exported + dropped.total() + pending + open
struct Stats {
    std::uint64_t begun =
        0; ///< spans that were sampled and began, those for which no room was included
    std::uint64_t open = 0;
    std::uint64_t suppressed = 0; ///< did not begin: their line was over its PLUME_SPAN_LIMITED
    std::uint64_t dropped_records = 0;   ///< events, attributes and other annotations without room
    std::uint64_t truncated_values = 0;  ///< texts and arrays that were cut at the limit
    std::uint64_t redacted_values = 0;   ///< changed or left out by Options::redaction; a name once
    std::uint64_t failed_redactions = 0; ///< of those: a rule failed, so all of the text went
    std::vector<ExporterStats> exporters;
};

/// What a flush or a shutdown has achieved by its deadline.
struct FlushResult {
    bool complete = false; ///< every exporter has settled all that had ended when it
                           ///< began, and a shutdown has dropped none of it
    Stats stats;
};

} // namespace plume
