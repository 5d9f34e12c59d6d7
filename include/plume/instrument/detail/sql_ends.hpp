// sql_ends.hpp - where the statements of a text end: not at each semicolon.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include <plume/instrument/detail/sql_lexer.hpp>
#include <plume/instrument/detail/sql_words.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// A semicolon in parentheses belongs to CREATE RULE … DO (a; b), and one between BEGIN and END to
/// the body of a trigger, a function or a procedure. Takes the tokens of a text one by one.
class SqlEnds {
  public:
    /// Whether the token ends its statement.
    [[nodiscard]] bool take(const SqlToken& token, SqlWord word) noexcept {
        if (token.kind == SqlKind::space || token.kind == SqlKind::comment) return false;
        const bool behind_dot = std::exchange(behind_dot_, token.is('.'));
        if (token.kind == SqlKind::word && !behind_dot) take_word(token.text, word);
        else if (token.is('(')) ++parentheses_;
        else if (token.is(')') && parentheses_ != 0) --parentheses_;
        if (!token.is(';') || parentheses_ != 0 || blocks_ != 0) return false;
        *this = {};
        return true;
    }

  private:
    void take_word(std::string_view text, SqlWord word) noexcept {
        const bool is_name = std::exchange(name_follows_, word == SqlWord::routine);
        if (words_ == 0) creates_ = word == SqlWord::define && (text.front() | 0x20) == 'c';
        // CREATE OR REPLACE TEMPORARY TRIGGER: what it makes stands at most so far behind.
        constexpr std::uint32_t kind_within = 6;
        if (++words_ <= kind_within && word == SqlWord::routine) has_body_ = creates_;
        if (!has_body_ || is_name) return;
        if (word == SqlWord::begin || (word == SqlWord::case_ && blocks_ != 0)) ++blocks_;
        else if (word == SqlWord::end && blocks_ != 0) --blocks_;
    }

    std::uint32_t words_ = 0;
    std::uint32_t parentheses_ = 0;
    std::uint32_t blocks_ = 0;
    bool creates_ = false;
    bool has_body_ = false;
    bool name_follows_ = false;
    bool behind_dot_ = false;
};

} // namespace detail
} // namespace plume
