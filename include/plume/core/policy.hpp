// policy.hpp - what a team lets its code record: rules that are checked where the code is compiled.
#pragma once

#include <cstddef>
#include <string_view>

#include <plume/core/glob.hpp>

namespace plume {

/// What every rule is as long as nobody says otherwise. A team's own policy is a struct that
/// inherits from this one and declares again what it wants otherwise, in a header that ends with
///     namespace plume { using TeamPolicy = shop::TracingPolicy; }
/// and that is named by -DPLUME_POLICY='"team_policy.hpp"' for each file (config.hpp includes it).
/// What breaks a rule does not compile. A policy changes no layout: files with different ones, and
/// with none, may be linked together, as long as the structs have different names.
///
/// Rules hold for keys and names that are written in code. What Plume adds by itself, such as
/// exception.message, and what is known at run time only is the matter of the session's redaction.
struct Policy {
    /// A list of texts without any. With some it is  std::string_view name[]{"text", ...};
    struct None {
        static constexpr const std::string_view* begin() { return nullptr; }
        static constexpr const std::string_view* end() { return nullptr; }
    };

    /// Every key begins with one of these, or with a namespace of `conventions`. None: any key.
    static constexpr None required_prefixes{};
    /// Keys that must not be used. In these patterns `*` stands for any characters and `?`
    /// for one.
    static constexpr None forbidden_keys{};
    /// Keys that are recorded with the value REDACTED, whatever they are given. Patterns.
    static constexpr None sensitive_keys{};

    /// More than 128 characters are never allowed.
    static constexpr std::size_t longest_name = 128;
    static constexpr std::size_t longest_key = 128;

    /// A file's PLUME_LEVEL is within these.
    static constexpr int least_level = 1;
    static constexpr int most_level = 3;

    /// Anything else that the team wants of span and event names, and of keys.
    static consteval bool allows_name(std::string_view) { return true; }
    static consteval bool allows_key(std::string_view) { return true; }

    /// Namespaces of OpenTelemetry's semantic conventions: nobody would want another prefix there.
    static constexpr std::string_view conventions[]{
        "client.",  "code.",   "db.",     "error.", "http.",      "exception.",
        "network.", "server.", "thread.", "url.",   "user_agent."};
};

namespace [[gnu::visibility("hidden")]] detail {

template <class Patterns>
constexpr bool matches_any(const Patterns& patterns, std::string_view text) noexcept {
    for (const std::string_view pattern : patterns)
        if (matches_glob(pattern, text)) return true;
    return false;
}

template <class Rules>
consteval bool has_required_prefix(std::string_view key) {
    bool free = true;
    for (const std::string_view prefix : Rules::required_prefixes) {
        if (key.starts_with(prefix)) return true;
        free = false;
    }
    for (const std::string_view prefix : Rules::conventions)
        if (key.starts_with(prefix)) return true;
    return free;
}

} // namespace detail

#ifndef PLUME_POLICY
using TeamPolicy = Policy;
#endif

} // namespace plume
