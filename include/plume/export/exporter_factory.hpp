// exporter_factory.hpp - which exporters OTEL_TRACES_EXPORTER can name in this program.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <plume/export/exporter.hpp>

namespace plume {

/// Makes an exporter as its environment variables say. May return null after a report.
using ExporterFactory =
    std::function<std::unique_ptr<Exporter>(const std::function<void(std::string_view)>& report)>;

namespace [[gnu::visibility("hidden")]] detail {

/// Filled while the program is loaded, by the headers of the exporters that it includes.
inline std::map<std::string, ExporterFactory, std::less<>>& exporter_factories() {
    static std::map<std::string, ExporterFactory, std::less<>> factories;
    return factories;
}

} // namespace detail

/// Lets Session::from_environment() find an exporter by this name. The headers of Plume's own
/// exporters do it; call it for yours before the session starts. Not synchronised.
inline bool register_exporter(std::string name, ExporterFactory factory) {
    return detail::exporter_factories()
        .insert_or_assign(std::move(name), std::move(factory))
        .second;
}

} // namespace plume
