// route.hpp - what a route of httplib::Server is called in spans.
#pragma once

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

#include <plume/on_span.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// Makes a name for a route of which only a request is known that it has matched: the path, with
/// "{1}" for the first capture and so on, and "*" for what else other requests may have there.
/// std::regex does not tell its text, so that is found out by asking it about other paths.
class RouteGuess {
  public:
    using Matches = std::function<bool(const std::string& path)>;

    RouteGuess(const httplib::Request& request, const Matches& matches)
        : request_{request}, matches_{matches} {}

    [[nodiscard]] std::string make() {
        const std::string& path = request_.path;
        std::size_t at = 0;
        for (std::size_t i = 1; i < request_.matches.size(); ++i) {
            const auto& capture = request_.matches[i];
            if (!capture.matched) continue;
            const auto begin = static_cast<std::size_t>(capture.first - path.begin());
            if (begin < at) continue; // inside the one before
            add_rest(at, begin);
            name_ += "{" + std::to_string(i) + "}";
            at = begin + static_cast<std::size_t>(capture.length());
        }
        add_rest(at, path.size());
        return std::move(name_);
    }

  private:
    /// What no capture covers, from slash to slash.
    void add_rest(std::size_t begin, std::size_t end) {
        const std::string& path = request_.path;
        while (begin < end) {
            if (path[begin] == '/') {
                name_ += '/';
                ++begin;
                continue;
            }
            std::size_t stop = path.find('/', begin);
            if (stop > end) stop = end;
            if (!varies(begin, stop)) name_.append(path, begin, stop - begin);
            else if (const std::string key = parameter(path.substr(begin, stop - begin));
                     !key.empty())
                name_ += ":" + key;
            else if (!name_.ends_with("*/")) name_ += '*'; // one for segments in a row
            else name_.pop_back();
            begin = stop;
        }
    }

    /// Whether the route takes another character of the same class somewhere in there. Letters
    /// become "a" or "b", so that hexadecimal digits stay such. Of dots and dashes nothing is
    /// learnt: an unescaped dot of a pattern takes anything.
    [[nodiscard]] bool varies(std::size_t begin, std::size_t end) const {
        constexpr std::size_t longest = 256; // each character costs a match of the whole path
        if (request_.path.size() > longest) return true;
        std::string path = request_.path;
        for (std::size_t i = begin; i < end; ++i) {
            const char original = path[i];
            if (original >= '0' && original <= '9') path[i] = original == '0' ? '1' : '0';
            else if (original >= 'A' && original <= 'Z') path[i] = original == 'A' ? 'B' : 'A';
            else if (original >= 'a' && original <= 'z') path[i] = original == 'a' ? 'b' : 'a';
            else if (static_cast<unsigned char>(original) >= 0x80) path[i] = 'a';
            else continue;
            if (matches_(path)) return true;
            path[i] = original;
        }
        return false;
    }

    /// The name of the path parameter with that value, in releases that have such.
    template <class Request = httplib::Request>
    [[nodiscard]] std::string parameter(const std::string& value) const {
        if constexpr (requires(const Request& r) { r.path_params; }) {
            const Request& request = request_;
            for (const auto& [key, its_value] : request.path_params)
                if (its_value == value) return key;
        }
        return {};
    }

    const httplib::Request& request_;
    const Matches& matches_;
    std::string name_;
};

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

    explicit Route(std::string_view method) : method_{method} {}
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

    /// How to ask it about a path. Before any request comes.
    template <class Matcher>
    void set_matcher(const Matcher& matcher) {
        if constexpr (requires(httplib::Request& r) { matcher->match(r); })
            matches_ = [&one = *matcher](const std::string& path) {
                httplib::Request request;
                request.path = path;
                return one.match(request);
            };
        else
            matches_ = [matcher](const std::string& path) {
                return std::regex_match(path, matcher);
            };
    }

    /// `request` has matched it.
    const Known& known_by(const httplib::Request& request, const Renamed& renamed) {
        if (const Known* known = known_.load(std::memory_order_acquire)) // pairs with know()
            return *known;
        const std::lock_guard lock{mutex_};
        if (const Known* known = known_.load(std::memory_order_relaxed)) // made under the lock
            return *known;
        std::string text = RouteGuess{request, matches_}.make();
        auto name = renamed_to(text, renamed);
        if (!name) name = renamed_by_path(request.path, renamed);
        return know(name ? std::move(*name) : std::move(text));
    }

  private:
    static std::optional<std::string> renamed_to(const std::string& text, const Renamed& renamed) {
        for (const auto& [pattern, name] : renamed)
            if (pattern == text) return name;
        return std::nullopt;
    }
    static std::optional<std::string> renamed_by_path(const std::string& path,
                                                      const Renamed& renamed) {
        for (const auto& [pattern, name] : renamed)
            if (std::regex_match(path, std::regex{pattern})) return name;
        return std::nullopt;
    }

    const Known& know(std::string text) {
        const std::string name = std::string{method_} + " " + text;
        const std::string head_name = method_ == "GET" ? "HEAD " + text : name;
        const auto* known = new Known{std::move(text), Name{name}, Name{head_name}};
        // Pairs with the acquire in known() and known_by().
        delete known_.exchange(known, std::memory_order_acq_rel);
        return *known;
    }

    std::string_view method_; ///< a literal
    RouteGuess::Matches matches_;
    std::mutex mutex_;
    std::atomic<const Known*> known_{nullptr};
};

} // namespace detail
} // namespace plume
