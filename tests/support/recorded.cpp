// recorded.cpp - the session that most tests run in, compiled once.
#include "recorded.hpp"

#include <algorithm>
#include <stdexcept>

namespace plume::test {

const RecordedSpan& Recorded::operator[](std::string_view name) const {
    const auto found = std::ranges::find(spans, name, &RecordedSpan::name);
    if (found == spans.end()) throw std::runtime_error{"no span " + std::string{name}};
    return *found;
}

std::string Recorded::tree() const { return tree_of(spans); }

std::string Recorded::tree_with_attributes() const { return tree_of(spans, {.attributes = true}); }

const Drops& Recorded::dropped() const { return stats.exporters.at(0).dropped; }

Recorded recorded(Options options, const std::function<void()>& f) {
    std::string reports;
    std::string scope_reports;
    if (options.service_name.empty()) options.service_name = "test";
    if (!options.report)
        options.report = [&](std::string_view what) {
            ((what.starts_with("scope check: ") ? scope_reports : reports) += what) += '\n';
        };
    MemoryExporter memory;
    Session session{std::move(options), memory};
    f();
    const FlushResult end = session.shutdown(std::chrono::seconds{60});
    if (!end.complete) throw std::runtime_error{"the session did not deliver: " + reports};
    if (!reports.empty()) throw std::runtime_error{"the session reports: " + reports};
    const Stats& stats = end.stats;
    const ExporterStats& exporter = stats.exporters.at(0);
    if (stats.begun !=
            exporter.exported + exporter.dropped.total() + exporter.pending + stats.open ||
        exporter.exported != memory.size())
        throw std::runtime_error{"the session has lost count of its spans"};
    return {memory.spans(), stats, std::move(scope_reports)};
}
Recorded recorded(const std::function<void()>& f) { return recorded({}, f); }

} // namespace plume::test
