// child_environment.hpp - contexts that travel in environment variables, from process to child.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

#include <plume/propagation/propagation.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// "x-b3-traceid" as X_B3_TRACEID (OpenTelemetry, "Environment Variables as Context Propagation
/// Carriers", "Key Name Normalization").
inline std::string variable_name(std::string_view header) {
    std::string name;
    if (!header.empty() && header[0] >= '0' && header[0] <= '9') name = '_';
    for (const char c : header) {
        const bool letter = lower(c) >= 'a' && lower(c) <= 'z';
        const bool digit = c >= '0' && c <= '9';
        if (letter) name += static_cast<char>(lower(c) - ('a' - 'A'));
        else name += digit ? c : '_';
    }
    return name;
}

/// The name of a "NAME=value".
inline std::string_view name_in(std::string_view variable) noexcept {
    return variable.substr(0, variable.find('='));
}

} // namespace detail

/// Reads the variables with which this process was started: TRACEPARENT, TRACESTATE, BAGGAGE and
/// those of the other formats. As with getenv(), no other thread may change the environment at the
/// time.
///     const plume::Extracted parent = plume::extract(plume::EnvironmentCarrier{});
class EnvironmentCarrier {
  public:
    [[nodiscard]] std::string_view get(std::string_view name) const {
        const char* value = std::getenv(detail::variable_name(name).c_str());
        return value ? std::string_view{value} : std::string_view{};
    }
    /// An underscore was a hyphen in the name of a header, most likely.
    template <class F>
    void each_name(F&& f) const {
        std::string header;
        for (char** variable = environ; variable && *variable; ++variable) {
            header = detail::name_in(*variable);
            for (char& c : header) c = c == '_' ? '-' : detail::lower(c);
            f(std::string_view{header});
        }
    }
};

/// The environment of a child process: a copy of this one's, with a context in it for the child to
/// continue. What this process has got from its own parent in the same formats is left out.
/// Allocates: make it before fork().
///     plume::ChildEnvironment environment;
///     posix_spawn(&pid, path, nullptr, nullptr, arguments, environment.envp());
class ChildEnvironment {
  public:
    /// As with getenv(), no other thread may change the environment at the time.
    explicit ChildEnvironment(const SpanContext& context = current_context(),
                              Propagators chosen = propagators()) {
        for (char** variable = environ; variable && *variable; ++variable)
            if (!carries_context(*variable, chosen)) variables_.emplace_back(*variable);
        inject(context, *this, chosen);
    }

    /// Sets a variable by the name of a header, as inject() does.
    void set(std::string_view header, std::string_view value) {
        std::string variable = detail::variable_name(header);
        std::erase_if(variables_, [&variable](const std::string& other) {
            return detail::name_in(other) == variable;
        });
        variables_.push_back(variable.append(1, '=').append(value));
    }

    /// "NAME=value" each.
    [[nodiscard]] const std::vector<std::string>& variables() const noexcept { return variables_; }

    /// The same for posix_spawn() and execve(): pointers with a null behind them, good until this
    /// is changed, moved, destroyed, or asked again.
    [[nodiscard]] char* const* envp() {
        pointers_.clear();
        for (std::string& variable : variables_) pointers_.push_back(variable.data());
        pointers_.push_back(nullptr);
        return pointers_.data();
    }

  private:
    static bool carries_context(std::string_view variable, Propagators chosen) {
        const std::string_view name = detail::name_in(variable);
        bool found = chosen.contains(Propagator::jaeger) &&
                     name.starts_with(detail::variable_name(detail::uberctx));
        each_header(chosen, [&](std::string_view header) {
            found = found || name == detail::variable_name(header);
        });
        return found;
    }

    std::vector<std::string> variables_;
    std::vector<char*> pointers_;
};

} // namespace plume
