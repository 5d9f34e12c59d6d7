// In a process of its own: what a session chooses holds for the rest of it.
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/headers.hpp"
#include "support/recorded.hpp"

using plume::Propagator;
using plume::Propagators;
using plume::propagators;
using plume::test::example_context;

namespace {

std::vector<std::string> reports_of_session(std::optional<Propagators> chosen) {
    std::vector<std::string> reports;
    const plume::Session session{
        {.service_name = "test",
         .propagators = chosen,
         .report = [&reports](std::string_view what) { reports.emplace_back(what); }},
        plume::MemoryExporter{}};
    return reports;
}

class Variable {
  public:
    Variable(const char* name, const char* value) : name_{name} { ::setenv(name, value, 1); }
    ~Variable() { ::unsetenv(name_); }
    Variable(const Variable&) = delete;
    Variable& operator=(const Variable&) = delete;

  private:
    const char* name_;
};

} // namespace

TEST_CASE("the formats of a process are tracecontext and baggage before any session") {
    CHECK(propagators() == Propagators::defaults());
}

TEST_CASE("a session chooses by OTEL_PROPAGATORS, and the choice outlives it") {
    {
        const Variable set{"OTEL_PROPAGATORS", "b3,baggage"};
        CHECK(reports_of_session({}).empty());
    }
    CHECK(propagators() == Propagators{Propagator::b3, Propagator::baggage});
    CHECK(reports_of_session({}).empty());
    CHECK(propagators() == Propagators::defaults());
}

TEST_CASE("Options::propagators outranks OTEL_PROPAGATORS, which then is not even read") {
    const Variable set{"OTEL_PROPAGATORS", "junk"};
    CHECK(reports_of_session(Propagators{Propagator::jaeger}).empty());
    CHECK(propagators() == Propagators{Propagator::jaeger});
    CHECK(reports_of_session(Propagators{}).empty());
    CHECK(propagators() == Propagators{});
}

TEST_CASE("junk in OTEL_PROPAGATORS is reported") {
    const Variable set{"OTEL_PROPAGATORS", "b3,junk"};
    CHECK(reports_of_session({}).size() == 1);
    CHECK(propagators() == Propagators{Propagator::b3});
}

TEST_CASE("with OTEL_SDK_DISABLED contexts travel on in the chosen formats") {
    const Variable disabled{"OTEL_SDK_DISABLED", "true"};
    const Variable set{"OTEL_PROPAGATORS", "b3multi"};
    CHECK(reports_of_session({}).empty());
    CHECK(propagators() == Propagators{Propagator::b3multi});
}

TEST_CASE("a session that is refused chooses nothing") {
    const plume::Session running{
        {.service_name = "test", .propagators = Propagators{Propagator::b3}},
        plume::MemoryExporter{}};
    CHECK(reports_of_session(Propagators{Propagator::jaeger}).size() == 1);
    CHECK(propagators() == Propagators{Propagator::b3});
}

TEST_CASE("extract and inject use the formats of the process") {
    static_cast<void>(reports_of_session(Propagators{Propagator::b3}));
    plume::test::Headers headers;
    plume::PairsCarrier carrier{headers};
    plume::inject(example_context(), carrier);
    CHECK(headers.at(0).first == "b3");
    CHECK(plume::extract(carrier).context() == example_context());
}
