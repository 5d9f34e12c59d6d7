// finder.hpp - finds what the value rules are about, in one pass over a text from left to right.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <plume/core/environment.hpp>
#include <plume/redaction/key_rules.hpp>
#include <plume/redaction/numbers.hpp>
#include <plume/redaction/rules.hpp>
#include <plume/redaction/user_rule.hpp>
#include <plume/redaction/words.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// A part of a text that must not leave, and what it becomes.
struct Found : Part {
    Redact action;
};

/// What there is in a text.
enum class Findings : std::uint8_t {
    none,
    parts, ///< those of Finder::parts()
    all    ///< a rule could not say: all of it is taken for secret
};

class Finder {
  public:
    /// Throws WrongRule if a rule is wrong. `keys` outlives
    /// the finder.
    Finder(const Redaction& rules, KeyRules& keys, Report report)
        : keys_{&keys}, report_{std::move(report)} {
        for (const ValueRule& rule : rules.values) {
            if (rule.is_regex || rule.matcher || !rule.name.empty()) {
                user_rules_.emplace_back(rule);
                continue;
            }
            const auto index = static_cast<std::size_t>(rule.pattern);
            if (index >= actions_.size()) throw WrongRule{"a pattern has no meaning"};
            if (rule.action == Redact::cut && rule.pattern != Pattern::ip_address)
                throw WrongRule{"a value rule wants to cut: that is for Pattern::ip_address only"};
            actions_[index] = {true, rule.action};
        }
        stop_at("@%", wants(Pattern::email));
        stop_at("bBJ", wants(Pattern::token));
        stop_at("0123456789", wants(Pattern::card) || wants(Pattern::ip_address));
        stop_at(":", wants(Pattern::ip_address) || wants(Pattern::url_credentials) ||
                         wants(Pattern::named_value));
        stop_at("=", wants(Pattern::named_value));
        reported_.resize(user_rules_.size());
    }

    [[nodiscard]] bool wants(Pattern pattern) const noexcept {
        return actions_[static_cast<std::size_t>(pattern)].on;
    }
    [[nodiscard]] Redact action(Pattern pattern) const noexcept {
        return actions_[static_cast<std::size_t>(pattern)].action;
    }
    [[nodiscard]] bool has_rules() const noexcept {
        return !user_rules_.empty() ||
               std::ranges::any_of(actions_, [](const Action& action) { return action.on; });
    }

    /// Takes time in proportion to the text, whatever is in it, but for rules of the user's. May
    /// throw std::bad_alloc.
    [[nodiscard]] Findings find(std::string_view text) {
        found_.clear();
        floor_ = 0;
        for (std::size_t i = 0; i < user_rules_.size(); ++i)
            if (!ask(i, text)) return Findings::all;
        for (std::size_t i = next_stop(text, 0); i < text.size(); i = next_stop(text, i))
            i = look(text, i);
        if (found_.empty()) [[likely]]
            return Findings::none;
        put_in_order();
        return Findings::parts;
    }

    /// In order, without overlaps; until the next find().
    [[nodiscard]] std::span<const Found> parts() const noexcept { return found_; }

    /// Texts that a rule of the user's could not be asked about.
    [[nodiscard]] std::uint64_t failures() const noexcept { return failures_; }

  private:
    struct Action {
        bool on = false;
        Redact action = Redact::replace;
    };

    void stop_at(std::string_view bytes, bool wanted) {
        for (const char c : bytes) stops_[static_cast<unsigned char>(c)] = wanted;
    }
    [[nodiscard]] std::size_t next_stop(std::string_view text, std::size_t i) const noexcept {
        while (i < text.size() && !stops_[static_cast<unsigned char>(text[i])]) ++i;
        return i;
    }

    void add(const Part& part, Pattern pattern) { found_.push_back({part, action(pattern)}); }
    /// Adds a part that is there, and says where to go on.
    bool take(const Part& part, Pattern pattern, std::size_t& i) {
        if (part.empty()) return false;
        add(part, pattern);
        i = part.end;
        return true;
    }

    /// What is found around text[i], one of the stops. Returns where to go on.
    std::size_t look(std::string_view text, std::size_t i) {
        switch (text[i]) {
        case '@': return look_at_mail(text, i, i + 1);
        case '%': return text.substr(i, 3) == "%40" ? look_at_mail(text, i, i + 3) : i + 1;
        case 'b':
        case 'B':
            if (take(bearer_at(text, i), Pattern::token, i)) return i;
            if (take(basic_at(text, i), Pattern::token, i)) return i;
            return i + 1;
        case 'J': return take(web_token_at(text, i), Pattern::token, i) ? i : i + 1;
        case ':': return look_at_colon(text, i);
        case '=': return look_at_name(text, i);
        default: return look_at_number(text, i);
        }
    }

    std::size_t look_at_number(std::string_view text, std::size_t i) {
        const std::size_t end = end_of(text, i, character::digit);
        if (end - i >= 4) { // too many for a part of an address, enough for a group of a card
            if (wants(Pattern::card)) take(card_at(text, i), Pattern::card, i);
        } else if (wants(Pattern::ip_address) && end < text.size() && text[end] == '.') {
            take(ipv4_at(text, i), Pattern::ip_address, i);
        }
        return std::max(i, end);
    }

    /// An address begins behind the last @ that was looked at: so each byte is looked at twice.
    std::size_t look_at_mail(std::string_view text, std::size_t at, std::size_t behind) {
        const Part part = email_at(text, at, behind, floor_);
        floor_ = behind;
        return take(part, Pattern::email, floor_) ? floor_ : behind;
    }

    std::size_t look_at_colon(std::string_view text, std::size_t i) {
        if (wants(Pattern::url_credentials)) {
            const UserAndPassword url = credentials_at(text, i);
            if (url.end != 0) {
                if (!url.user.empty()) add(url.user, Pattern::url_credentials);
                if (!url.password.empty()) add(url.password, Pattern::url_credentials);
                return floor_ = url.end;
            }
        }
        if (wants(Pattern::ip_address) && take(ipv6_at(text, i), Pattern::ip_address, i)) return i;
        return wants(Pattern::named_value) ? look_at_name(text, i) : i + 1;
    }

    std::size_t look_at_name(std::string_view text, std::size_t i) {
        const std::string_view name = name_before(text, i);
        if (name.empty()) return i + 1;
        const Treatment treatment = keys_->of_name(name);
        if (treatment == Treatment::search) return i + 1;
        const Part value = value_behind(text, i);
        if (value.empty()) return i + 1;
        found_.push_back({value, treatment == Treatment::mask   ? Redact::mask
                                 : treatment == Treatment::hash ? Redact::hash
                                                                : Redact::replace});
        return value.end;
    }

    bool ask(std::size_t index, std::string_view text) {
        constexpr int most_parts = 64; // more of them are all of the text, more or less
        UserRule& rule = user_rules_[index];
        std::string why;
        try {
            std::size_t from = 0;
            for (int i = 0; i < most_parts; ++i) {
                const Part part = from < text.size() ? rule.find(text, from) : Part{};
                if (part.empty()) return true;
                found_.push_back({part, rule.action()});
                from = part.end;
            }
            return false;
        } catch (const std::exception& exception) {
            why = exception.what();
        } catch (...) {
            why = "unknown exception";
        }
        ++failures_;
        if (std::exchange(reported_[index], 1) == 0)
            report_("Options::redaction: " + rule.name() + " fails: " + why +
                    "; what it cannot be asked about is replaced");
        return false;
    }

    /// Parts that overlap become one. What one rule leaves of it another may want to take.
    void put_in_order() {
        if (!std::ranges::is_sorted(found_, {}, &Found::begin))
            std::ranges::sort(found_, {}, &Found::begin);
        std::size_t last = 0;
        for (std::size_t i = 1; i < found_.size(); ++i) {
            const Found& next = found_[i];
            Found& before = found_[last];
            if (next.begin >= before.end) {
                found_[++last] = next;
                continue;
            }
            if (next.action == Redact::drop) before.action = Redact::drop;
            else if (next.action != before.action && before.action != Redact::drop)
                before.action = Redact::replace;
            else if (before.action == Redact::cut) before.action = Redact::replace;
            before.end = std::max(before.end, next.end);
        }
        found_.resize(last + 1);
    }

    KeyRules* keys_;
    Report report_;
    std::array<Action, 6> actions_{};
    std::array<bool, 256> stops_{};
    std::vector<UserRule> user_rules_;
    std::vector<char> reported_; ///< by user rule
    std::vector<Found> found_;
    std::size_t floor_ = 0;
    std::uint64_t failures_ = 0;
};

} // namespace detail
} // namespace plume
