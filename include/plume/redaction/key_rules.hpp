// key_rules.hpp - what the rules say about a key, before any value is looked at.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <plume/core/environment.hpp>
#include <plume/core/glob.hpp>
#include <plume/redaction/rules.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// A rule that cannot be what anybody meant; what() says why, in a sentence for people.
class WrongRule : public std::invalid_argument {
    using std::invalid_argument::invalid_argument;
};

/// What is done with the value of a key: it is searched by the value rules, or goes as a whole.
enum class Treatment : std::uint8_t { search, replace, mask, hash, drop };

class KeyRules {
  public:
    /// Throws WrongRule if a rule is wrong.
    explicit KeyRules(const Redaction& rules) : others_{treatment_of(rules.others, "others")} {
        for (const KeyRule& rule : rules.keys) {
            const std::string name = "the key rule \"" + rule.pattern + '"';
            if (rule.pattern.empty())
                throw WrongRule{"a key rule has no pattern: \"*\" is every key"};
            denied_.emplace_back(lower_case(rule.pattern), treatment_of(rule.action, name));
        }
        for (const std::string& pattern : rules.allow_only) {
            if (pattern.empty())
                throw WrongRule{"allow_only has an empty pattern: \"*\" is every key"};
            allowed_.push_back(lower_case(pattern));
        }
    }

    /// Of an attribute's key. Slow: for what is asked once.
    [[nodiscard]] Treatment of(std::string_view key) const {
        const std::string lower = lower_case(key);
        const Treatment treatment = denied(lower);
        if (treatment != Treatment::search || allowed_.empty()) return treatment;
        const bool leaves = std::ranges::any_of(
            allowed_, [&](const std::string& pattern) { return matches_glob(pattern, lower); });
        return leaves ? Treatment::search : others_;
    }
    /// Of a key that leaves under any allow-list.
    [[nodiscard]] Treatment of_exempt(std::string_view key) const {
        return denied(lower_case(key));
    }

    /// Of a name in a text, such as a parameter's in a URL. The list of keys that are allowed is
    /// not about those. Remembers short names, since few are met often.
    [[nodiscard]] Treatment of_name(std::string_view name) noexcept {
        std::array<char, 64> buffer{};
        name = name.substr(0, buffer.size());
        std::uint32_t hash = 2166136261U;
        for (std::size_t i = 0; i < name.size(); ++i) {
            const char c = name[i];
            buffer[i] = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
            hash = (hash ^ static_cast<unsigned char>(buffer[i])) * 16777619U;
        }
        const std::string_view lower{buffer.data(), name.size()};
        Met& met = met_[(hash ^ hash >> 16U) % met_.size()];
        if (lower.size() > met.name.size()) return denied(lower);
        if (std::string_view{met.name.data(), met.size} != lower) {
            std::ranges::copy(lower, met.name.begin());
            met.size = static_cast<std::uint8_t>(lower.size());
            met.treatment = denied(lower);
        }
        return met.treatment;
    }

    /// `rule` names it in what is thrown.
    static Treatment treatment_of(Redact action, const std::string& rule) {
        switch (action) {
        case Redact::replace: return Treatment::replace;
        case Redact::mask: return Treatment::mask;
        case Redact::hash: return Treatment::hash;
        case Redact::drop: return Treatment::drop;
        case Redact::cut: break;
        }
        throw WrongRule{rule + " wants to cut: that is for Pattern::ip_address only"};
    }

  private:
    struct Met {
        std::array<char, 30> name;
        std::uint8_t size = 0;
        Treatment treatment = Treatment::search;
    };

    [[nodiscard]] Treatment denied(std::string_view lower) const noexcept {
        for (const auto& [pattern, treatment] : denied_)
            if (matches_glob(pattern, lower)) return treatment;
        return Treatment::search;
    }

    std::vector<std::pair<std::string, Treatment>> denied_; ///< in lower case, as what follows
    std::vector<std::string> allowed_;
    Treatment others_;
    std::array<Met, 256> met_{};
};

} // namespace detail
} // namespace plume
