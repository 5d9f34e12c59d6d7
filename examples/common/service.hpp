// service.hpp - what both services do around their handlers: arguments, exporters, start and stop.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <httplib.h>
#include <plume/exporter.hpp>
#include <plume/session.hpp>

namespace examples {

/// `--name value` pairs. One that is not known, or --help, ends the program with a list of all.
class Arguments {
  public:
    /// `own`: the service's names with their defaults, besides those that all services have.
    Arguments(int argc, char** argv, const std::map<std::string, std::string>& own);

    [[nodiscard]] const std::string& operator[](const std::string& name) const {
        return values_.at(name);
    }

  private:
    std::map<std::string, std::string> values_;
};

/// Those that `--export` lists. Jaeger's and OTLP's can be told more by the environment: see
/// examples/README.md.
std::vector<std::unique_ptr<plume::Exporter>> make_exporters(const Arguments& arguments);

/// Keeps SIGINT and SIGTERM for serve(). Call it before the first thread starts.
void block_stop_signals();

/// Serves on loopback, at `--port`, until SIGINT or SIGTERM. False if it can't.
bool serve(httplib::Server& server, std::string_view service, const Arguments& arguments);

/// Prints where the spans went, a line for each exporter.
void account(std::string_view service, const plume::Stats& stats);

} // namespace examples
