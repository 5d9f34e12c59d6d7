// In a process of its own: it changes the environment, and starts others.
#include <plume/propagation/child_environment.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <unistd.h>

#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/headers.hpp"
#include "support/recorded.hpp"

using plume::ChildEnvironment;
using plume::ContextScope;
using plume::EnvironmentCarrier;
using plume::Propagator;
using plume::Propagators;
using plume::SpanContext;
using plume::test::example_context;
using plume::test::recorded;

namespace {

const std::string traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Variables that are set until the end of the scope.
class Variables {
  public:
    Variables(std::initializer_list<std::pair<const char*, const char*>> variables) {
        for (const auto& [name, value] : variables) {
            ::setenv(name, value, 1);
            names_.emplace_back(name);
        }
    }
    ~Variables() {
        for (const std::string& name : names_) ::unsetenv(name.c_str());
    }
    Variables(const Variables&) = delete;
    Variables& operator=(const Variables&) = delete;

  private:
    std::vector<std::string> names_;
};

/// The variables of a child that are not this process's own.
std::map<std::string, std::string> added(const ChildEnvironment& environment) {
    std::map<std::string, std::string> variables;
    for (const std::string& variable : environment.variables()) {
        const std::size_t equals = variable.find('=');
        const std::string name = variable.substr(0, equals);
        const char* own = std::getenv(name.c_str());
        if (!own || variable.substr(equals + 1) != own)
            variables[name] = variable.substr(equals + 1);
    }
    return variables;
}

bool has(const ChildEnvironment& environment, std::string_view name) {
    return std::ranges::any_of(environment.variables(), [name](const std::string& variable) {
        return variable.starts_with(std::string{name} + "=");
    });
}

} // namespace

// Reading.

TEST_CASE("a process continues the trace of TRACEPARENT, TRACESTATE and BAGGAGE") {
    const Variables set{
        {"TRACEPARENT", traceparent.c_str()}, {"TRACESTATE", "a=1"}, {"BAGGAGE", "k=v"}};
    const auto parent = plume::extract(EnvironmentCarrier{});
    SpanContext expected = example_context();
    expected.trace_state = "a=1";
    expected.baggage = "k=v";
    CHECK(parent.context() == expected);
    const auto seen = recorded([&] {
        const ContextScope scope{parent.context()};
        PLUME_SPAN("job");
    });
    CHECK(seen["job"].parent_span_id == example_context().span_id);
    CHECK(seen["job"].parent_is_remote);
}

TEST_CASE("a process that was started without them has no parent") {
    CHECK(plume::extract(EnvironmentCarrier{}).context() == SpanContext{});
    const Variables set{{"TRACEPARENT", ""}, {"TRACESTATE", "a=1"}};
    CHECK(plume::extract(EnvironmentCarrier{}).context() == SpanContext{});
}

TEST_CASE("other formats have variables too, in upper case and with underscores") {
    {
        const Variables set{{"X_B3_TRACEID", "4bf92f3577b34da6a3ce929d0e0e4736"},
                            {"X_B3_SPANID", "00f067aa0ba902b7"},
                            {"X_B3_SAMPLED", "1"}};
        CHECK(plume::extract(EnvironmentCarrier{}, {Propagator::b3multi}).context() ==
              example_context());
    }
    const Variables set{{"UBER_TRACE_ID", "4bf92f3577b34da6a3ce929d0e0e4736:f067aa0ba902b7:0:1"},
                        {"UBERCTX_USER_ID", "ann"}};
    SpanContext expected = example_context();
    expected.baggage = "user-id=ann";
    CHECK(plume::extract(EnvironmentCarrier{}, {Propagator::jaeger}).context() == expected);
}

TEST_CASE("a name that begins with a digit gets an underscore in the environment") {
    CHECK(plume::detail::variable_name("3d-Trace.id") == "_3D_TRACE_ID");
}

// Writing.

TEST_CASE("the environment of a child is that of this process, and the current context") {
    const Variables set{{"PLUME_TEST_OF_ENVIRONMENT", "kept"}};
    SpanContext context = example_context();
    context.trace_state = "a=1";
    context.baggage = "k=v";
    const ContextScope scope{context};
    const ChildEnvironment environment;
    CHECK(has(environment, "PLUME_TEST_OF_ENVIRONMENT"));
    CHECK(added(environment) == std::map<std::string, std::string>{{"TRACEPARENT", traceparent},
                                                                   {"TRACESTATE", "a=1"},
                                                                   {"BAGGAGE", "k=v"}});
}

TEST_CASE("a child gets nothing of what this process has got from its own parent") {
    const Variables set{{"TRACEPARENT", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
                        {"TRACESTATE", "theirs=1"},
                        {"BAGGAGE", "theirs=1"},
                        {"B3", "0"},
                        {"UBERCTX_USER", "theirs"}};
    const ChildEnvironment with_context{example_context(), Propagators::defaults()};
    CHECK(added(with_context).at("TRACEPARENT") == traceparent);
    CHECK_FALSE(has(with_context, "TRACESTATE"));
    CHECK_FALSE(has(with_context, "BAGGAGE"));
    CHECK(has(with_context, "B3")); // a format that this process knows nothing about
    CHECK(has(with_context, "UBERCTX_USER"));
    const ChildEnvironment without{SpanContext{}, {Propagator::b3, Propagator::jaeger}};
    CHECK(has(without, "TRACEPARENT"));
    CHECK_FALSE(has(without, "B3"));
    CHECK_FALSE(has(without, "UBERCTX_USER"));
}

TEST_CASE("a child process reads what its parent has written") {
    SpanContext context = example_context();
    context.trace_state = "a=1";
    context.baggage = "k=a%20b";
    ChildEnvironment environment{context, Propagators::defaults()};
    environment.set("extra", "yes");
    char* const* variables = environment.envp();
    const auto ended = plume::scene::in_child([variables] {
        std::string shell = "/bin/sh", option = "-c";
        std::string script = "echo \"$TRACEPARENT $TRACESTATE $BAGGAGE $EXTRA\"";
        std::array<char*, 4> arguments{shell.data(), option.data(), script.data(), nullptr};
        ::execve(shell.c_str(), arguments.data(), variables);
    });
    CHECK(ended.exit_status == 0);
    CHECK(ended.output == traceparent + " a=1 k=a%20b yes\n");
}

TEST_CASE("a variable that is set again is there once") {
    ChildEnvironment environment{SpanContext{}};
    environment.set("some-name", "1");
    environment.set("some-name", "2");
    CHECK(std::ranges::count(environment.variables(), "SOME_NAME=2") == 1);
    CHECK(std::ranges::count(environment.variables(), "SOME_NAME=1") == 0);
    char* const* variables = environment.envp();
    std::size_t count = 0;
    while (variables[count]) ++count;
    CHECK(count == environment.variables().size());
}
