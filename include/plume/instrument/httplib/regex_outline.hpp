// regex_outline.hpp - what all texts have in common that a std::regex matches.
#pragma once

#include <cstddef>
#include <memory>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include <plume/instrument/httplib/members.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

#ifdef __GLIBCXX__

using RegexAutomaton = std::__detail::_NFA<std::regex_traits<char>>;
struct AutomatonOf {
    friend constexpr auto open(AutomatonOf);
};
template struct Opener<AutomatonOf, &std::regex::_M_automaton>;

/// Writes a route for a pattern of paths: characters that are the same in all of them, "{1}" for
/// the first capture and so on, and "*" for a part of a segment, or for several segments in a row,
/// that may differ. A std::regex keeps no text; libstdc++ has the automaton that it made of it,
/// and this walks along the states that every match goes through.
class RegexOutline {
  public:
    explicit RegexOutline(const RegexAutomaton& automaton) : states_{automaton} {}

    [[nodiscard]] std::string make() {
        constexpr std::size_t most_states = 2000; // "a{1,999}": not worth the search
        if (states_.size() > most_states) return "/*";
        for (Id at = states_._M_start(); at != none;) at = step(at);
        end_piece();
        return name_.starts_with('*') ? "/" + name_ : name_; // every path begins so
    }

  private:
    using Id = std::__detail::_StateIdT;
    using State = RegexAutomaton::value_type;
    static constexpr Id none = std::__detail::_S_invalid_state_id;

    [[nodiscard]] const State& state(Id id) const { return states_[static_cast<std::size_t>(id)]; }

    /// Tells the state, and returns the next one that every match goes through.
    Id step(Id id) {
        const State& at = state(id);
        switch (at._M_opcode()) {
        case std::__detail::_S_opcode_match: add_one_of(at); return at._M_next;
        case std::__detail::_S_opcode_subexpr_begin:
            if (at._M_subexpr == 0) return at._M_next; // the whole match
            end_piece();
            name_ += "{" + std::to_string(at._M_subexpr) + "}";
            return state(end_of_capture(id))._M_next;
        case std::__detail::_S_opcode_alternative:
        case std::__detail::_S_opcode_repeat: {
            const Id join = join_of(id);
            if (begins_with_slash(id, join)) { // "(?:/v2)?" leaves alone what stands before it
                end_piece();
                if (name_.ends_with('*')) return join;
            }
            varies_ = true;
            return join;
        }
        case std::__detail::_S_opcode_backref: varies_ = true; return at._M_next;
        case std::__detail::_S_opcode_accept: return none;
        default: return at._M_next; // takes no character
        }
    }

    /// Characters that a state takes: none, one, or several.
    struct Taken {
        int count = 0;
        char last = 0;
        bool slash = false;
    };
    [[nodiscard]] static Taken taken_by(const State& at) {
        Taken taken;
        for (int c = -128; c < 128; ++c) {
            if (!at._M_matches(static_cast<char>(c))) continue;
            ++taken.count;
            taken.last = static_cast<char>(c);
            taken.slash = taken.slash || c == '/';
        }
        return taken;
    }
    [[nodiscard]] static bool is_word(char c) noexcept {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    }

    void add_one_of(const State& at) {
        const Taken taken = taken_by(at);
        if (taken.count == 1 && taken.last == '/') {
            end_piece();
            name_ += '/';
        } else if (taken.count == 1) {
            piece_ += taken.last;
        } else if (taken.count > 250 && taken.slash && !piece_.empty() && is_word(piece_.back()) &&
                   next_is_word(at)) {
            piece_ += '.'; // in "/robots.txt" a dot is meant, though any character is taken
        } else {
            varies_ = true;
        }
    }
    [[nodiscard]] bool next_is_word(const State& at) const {
        const State& next = state(at._M_next);
        if (next._M_opcode() != std::__detail::_S_opcode_match) return false;
        const Taken taken = taken_by(next);
        return taken.count == 1 && is_word(taken.last);
    }

    /// A segment ends, or the part of one in front of a capture.
    void end_piece() {
        if (!varies_) name_ += piece_;
        else if (name_.ends_with("*/")) name_.pop_back(); // one for segments in a row
        else name_ += '*';
        piece_.clear();
        varies_ = false;
    }

    /// Calls `f` with each state that can follow `from` without going through `without`, `from`
    /// included, until `f` returns false.
    template <class F>
    void reach(Id from, Id without, const F& f) const {
        std::vector<bool> seen(states_.size());
        std::vector<Id> open{from};
        const auto visit = [&](Id id) {
            if (id == none || id == without || seen[static_cast<std::size_t>(id)]) return;
            seen[static_cast<std::size_t>(id)] = true;
            open.push_back(id);
        };
        for (std::size_t i = 0; i < open.size(); ++i) {
            const State& at = state(open[i]);
            if (!f(open[i], at)) continue;
            visit(at._M_next);
            if (at._M_opcode() != std::__detail::_S_opcode_subexpr_lookahead && at._M_has_alt())
                visit(at._M_alt);
        }
    }

    [[nodiscard]] Id end_of_capture(Id begin) const {
        Id end = none;
        reach(begin, none, [&](Id id, const State& at) {
            if (end != none || at._M_opcode() != std::__detail::_S_opcode_subexpr_end ||
                at._M_subexpr != state(begin)._M_subexpr)
                return end == none;
            end = id;
            return false;
        });
        return end;
    }

    /// The first state behind a choice that every match goes through.
    [[nodiscard]] Id join_of(Id choice) const {
        std::vector<Id> behind;
        reach(choice, none, [&](Id id, const State&) {
            behind.push_back(id);
            return true;
        });
        Id join = none;
        std::size_t fewest = behind.size() + 1;
        for (const Id one : behind) {
            if (one == choice || !must_pass(choice, one)) continue;
            std::size_t before = 0; // the fewer there are in front of it, the earlier it comes
            reach(choice, one, [&](Id, const State&) {
                ++before;
                return true;
            });
            if (before >= fewest) continue;
            fewest = before;
            join = one;
        }
        return join;
    }
    [[nodiscard]] bool must_pass(Id from, Id through) const {
        bool accepted = state(through)._M_opcode() == std::__detail::_S_opcode_accept;
        if (accepted) return true;
        reach(from, through, [&](Id, const State& at) {
            accepted = accepted || at._M_opcode() == std::__detail::_S_opcode_accept;
            return !accepted;
        });
        return !accepted;
    }

    /// Whether what is matched between the two is nothing, or begins with a slash.
    [[nodiscard]] bool begins_with_slash(Id choice, Id join) const {
        bool slash = true;
        reach(choice, join, [&](Id, const State& at) {
            if (at._M_opcode() == std::__detail::_S_opcode_backref) slash = false;
            if (at._M_opcode() != std::__detail::_S_opcode_match) return true;
            const Taken taken = taken_by(at);
            slash = slash && taken.count == 1 && taken.last == '/';
            return false;
        });
        return slash;
    }

    const RegexAutomaton& states_;
    std::string name_;
    std::string piece_;   ///< since the last slash or capture
    bool varies_ = false; ///< that piece
};

inline std::string outline_of(const std::regex& pattern) {
    const auto& automaton = pattern.*open(AutomatonOf{});
    return automaton ? RegexOutline{*automaton}.make() : "/*";
}

/// Whether both were made of the same text, or of texts that differ in nothing that matters.
inline bool is_same(const std::regex& one, const std::regex& other) {
    const auto& left = one.*open(AutomatonOf{});
    const auto& right = other.*open(AutomatonOf{});
    if (!left || !right || left->size() != right->size()) return false;
    for (std::size_t i = 0; i < left->size(); ++i) {
        const auto& a = (*left)[i];
        const auto& b = (*right)[i];
        if (a._M_opcode() != b._M_opcode() || a._M_next != b._M_next) return false;
        if (a._M_has_alt() && a._M_alt != b._M_alt) return false;
        switch (a._M_opcode()) {
        case std::__detail::_S_opcode_word_boundary:
        case std::__detail::_S_opcode_subexpr_lookahead:
            if (a._M_neg != b._M_neg) return false;
            continue;
        case std::__detail::_S_opcode_backref:
            if (a._M_backref_index != b._M_backref_index) return false;
            continue;
        case std::__detail::_S_opcode_match: break;
        default: continue;
        }
        for (int c = -128; c < 128; ++c)
            if (a._M_matches(static_cast<char>(c)) != b._M_matches(static_cast<char>(c)))
                return false;
    }
    return true;
}

#else

/// Other libraries show nothing of a std::regex.
inline std::string outline_of(const std::regex&) { return "/*"; }
inline bool is_same(const std::regex&, const std::regex&) { return false; }

#endif

} // namespace detail
} // namespace plume
