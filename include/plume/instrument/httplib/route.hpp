// route.hpp - what a route of httplib::Server is called in spans.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <httplib.h>

#include <plume/instrument/detail/http.hpp>
#include <plume/instrument/httplib/members.hpp>
#include <plume/instrument/httplib/regex_outline.hpp>
#include <plume/trace/span_api.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// Writes a route with path parameters, of which a matcher keeps no text before release 0.21:
/// ":key" for each of them. Its literal parts are found out by asking it about other paths; it
/// compares them as a whole, so one character tells.
template <class Matcher, class Request = httplib::Request>
std::string route_with_parameters(const Matcher& matcher, const std::string& path) {
    std::string name;
    std::size_t begin = 0;
    while (begin < path.size()) {
        if (path[begin] == '/') {
            name += path[begin++];
            continue;
        }
        const std::size_t end = std::min(path.find('/', begin), path.size());
        constexpr const char* other = "\x01"; // in no path that anyone registers
        Request probe;
        probe.path = path.substr(0, begin) + other + path.substr(end);
        std::string shown = path.substr(begin, end - begin);
        if (matcher.match(probe))
            for (const auto& [key, value] : probe.path_params)
                if (value == other) shown = ":" + key;
        name += shown;
        begin = end;
    }
    return name;
}

/// One route. Named once, when it is registered or at its first request; read by any thread.
class Route {
  public:
    using Renamed = std::vector<std::pair<std::string, std::string>>;

    /// What spans say of it. Routes of GET serve HEAD too.
    struct Known {
        std::string text;
        Name name;
        Name head_name;
    };

    Route(std::string_view method, const KnownMethods& methods)
        : method_{methods.word(method)}, head_{methods.word(method == "GET" ? "HEAD" : method)} {}
    Route(const Route&) = delete;
    Route& operator=(const Route&) = delete;
    ~Route() { delete known_.load(std::memory_order_acquire); } // pairs with know()

    /// Its pattern is known, before any request comes.
    void set_pattern(const std::string& pattern, const Renamed& renamed) {
        know(renamed_to(pattern, renamed).value_or(pattern));
    }
    [[nodiscard]] bool known() const noexcept {
        return known_.load(std::memory_order_acquire) != nullptr; // pairs with know()
    }

    /// Its pattern is compiled already, and nothing is left of its text. Before any request comes.
    template <class Matcher>
    void set_matcher(const Matcher& matcher) {
        if constexpr (requires(httplib::Request& r) { matcher->match(r); }) {
            guess_ = [&one = *matcher](const httplib::Request& request, const Renamed& renamed) {
                if (request.matches.empty()) {
                    std::string route = route_with_parameters(one, request.path);
                    return renamed_to(route, renamed).value_or(route);
                }
                using RegexMatcher = httplib::detail::RegexMatcher;
                return name_of(static_cast<const RegexMatcher&>(one).*open(RegexOf{}), renamed);
            };
        } else {
            guess_ = [matcher](const httplib::Request&, const Renamed& renamed) {
                return name_of(matcher, renamed);
            };
        }
    }

    /// `request` has matched it.
    const Known& known_by(const httplib::Request& request, const Renamed& renamed) {
        if (const Known* known = known_.load(std::memory_order_acquire)) // pairs with know()
            return *known;
        const std::lock_guard lock{mutex_};
        if (const Known* known = known_.load(std::memory_order_relaxed)) // made under the lock
            return *known;
        return know(guess_(request, renamed));
    }

  private:
    static std::optional<std::string> renamed_to(const std::string& text, const Renamed& renamed) {
        for (const auto& [pattern, name] : renamed)
            if (pattern == text) return name;
        return std::nullopt;
    }
    static std::string name_of(const std::regex& route, const Renamed& renamed) {
        for (const auto& [pattern, name] : renamed)
            if (const auto compiled = regex_of(pattern); compiled && is_same(route, *compiled))
                return name;
        std::string outline = outline_of(route);
        return renamed_to(outline, renamed).value_or(outline);
    }
    /// Nothing, if it is no regular expression.
    template <bool Exceptions = PLUME_EXCEPTIONS != 0>
    static std::optional<std::regex> regex_of(const std::string& pattern) {
        std::optional<std::regex> compiled;
        call_hook([&] { compiled.emplace(pattern); });
        return compiled;
    }

    const Known& know(std::string text) {
        const std::string name = method_ + " " + text;
        const std::string head_name = head_ + " " + text;
        const auto* known = new Known{std::move(text), Name{name}, Name{head_name}};
        // Pairs with the acquire in known() and known_by().
        delete known_.exchange(known, std::memory_order_acq_rel);
        return *known;
    }

    std::string method_; ///< as the names of spans have it
    std::string head_;   ///< the same for HEAD
    std::function<std::string(const httplib::Request&, const Renamed&)> guess_;
    std::mutex mutex_;
    std::atomic<const Known*> known_{nullptr};
};

} // namespace detail
} // namespace plume
