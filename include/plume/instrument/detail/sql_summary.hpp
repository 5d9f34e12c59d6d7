// sql_summary.hpp - what a text does to which tables, in a few words: the name of its span.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include <plume/instrument/detail/sql_lexer.hpp>
#include <plume/instrument/detail/sql_words.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// `{operation} {target} {operation} {target}…`, at most 255 characters, cut at a token
/// (OpenTelemetry, "Generating query summary"). Takes the tokens of a text one by one. Holds
/// operations and names alone: no value of the text gets into it.
class SqlSummary {
  public:
    static constexpr std::size_t longest = 255;

    [[nodiscard]] std::string_view text() const noexcept { return {text_.data(), size_}; }
    /// The operation, if there is one alone, and likewise the table, as it is written: the
    /// conventions want neither of a text with several.
    [[nodiscard]] std::string_view operation() const noexcept {
        return operations_ == 1 ? text().substr(0, operation_size_) : std::string_view{};
    }
    [[nodiscard]] std::string_view collection() const noexcept {
        return targets_ == 1 && target_is_table_ ? text().substr(target_, target_size_)
                                                 : std::string_view{};
    }

    void take(const SqlToken& token, SqlWord word) noexcept {
        if (token.kind == SqlKind::space || token.kind == SqlKind::comment) return;
        const Near near = near_;
        near_ = Near::nothing;
        switch (token.kind) {
        case SqlKind::identifier:
        case SqlKind::doubtful: remember_quote(); [[fallthrough]];
        case SqlKind::word: take_name(token.text, word, near); break;
        case SqlKind::symbol: take_symbol(token.text.front(), near); break;
        case SqlKind::literal: remember_quote(); break;
        case SqlKind::broken: forget_what_follows_quotes(); break;
        default: break;
        }
        const bool valued = token.kind == SqlKind::literal || token.kind == SqlKind::parameter;
        if (valued && !begins_) awaits_ = Awaits::nothing;
        previous_ = word;
    }

  private:
    enum class Awaits : std::uint8_t { nothing, statement, kind, result, target };
    enum class Near : std::uint8_t { nothing, target, dot };

    /// What an opening parenthesis puts aside. Levels deeper than there is room for share the last.
    struct Level {
        SqlWord operation = SqlWord::other;
        bool list = false;      ///< behind a comma stands another target
        bool statement = false; ///< INSERT, UPDATE or DELETE may stand here
    };

    Level& level() noexcept { return levels_[std::min(depth_, levels_.size() - 1)]; }

    void take_symbol(char symbol, Near near) noexcept {
        if (symbol == ';' && !rest_is_program_) return begin_statement();
        if (ignored_) {
            if (symbol == '.' && near == Near::target) near_ = Near::dot;
            return;
        }
        switch (symbol) {
        case '(': return open();
        case ')': return close();
        case ',':
            if (level().list) awaits_ = Awaits::target;
            else if (level().operation == SqlWord::with) awaits_ = Awaits::result;
            else awaits_ = Awaits::nothing;
            return;
        case '.':
            if (near == Near::target) near_ = Near::dot;
            return;
        default: awaits_ = Awaits::nothing;
        }
    }

    void begin_statement() noexcept {
        separate_ = size_ != 0;
        awaits_ = Awaits::statement;
        begins_ = true;
        ignored_ = false;
        depth_ = 0;
        level() = {};
        results_ = 0;
    }

    void open() noexcept {
        const bool expected = awaits_ == Awaits::target;
        const bool statement = level().operation == SqlWord::with;
        ++depth_;
        level() = {SqlWord::other, expected, statement};
        if (!expected) awaits_ = Awaits::statement;
        begins_ = false;
    }
    void close() noexcept {
        if (depth_ != 0) --depth_;
        const SqlWord operation = level().operation;
        awaits_ = operation == SqlWord::with || operation == SqlWord::explain ? Awaits::statement
                                                                              : Awaits::nothing;
    }

    void take_name(std::string_view text, SqlWord word, Near near) noexcept {
        if (near == Near::dot) return extend_target(text);
        if (ignored_) return;
        if (word == SqlWord::select && awaits_ != Awaits::kind) return operate(text, word);
        switch (awaits_) {
        case Awaits::statement: return take_first(text, word);
        case Awaits::kind: return take_kind(text, word);
        case Awaits::result: return take_result(text, word);
        case Awaits::target: return take_target(text, word);
        case Awaits::nothing: return take_inside(word);
        }
    }

    void take_first(std::string_view text, SqlWord word) noexcept {
        const bool waits =
            level().operation == SqlWord::with || level().operation == SqlWord::explain;
        const bool whole = begins_ || waits || level().statement;
        if (!waits) awaits_ = Awaits::nothing;
        switch (word) {
        case SqlWord::with: return expect_results();
        case SqlWord::change:
            if (!whole) return;
            operate(text, word);
            awaits_ = Awaits::target;
            return;
        case SqlWord::remove:
        case SqlWord::merge:
            if (whole) operate(text, word);
            return;
        default: break;
        }
        if (!begins_) return;
        begins_ = false;
        switch (word) {
        case SqlWord::define:
            define_ = text;
            awaits_ = Awaits::kind;
            return;
        case SqlWord::explain:
            operate(text, word);
            awaits_ = Awaits::statement;
            return;
        case SqlWord::aimed:
            operate(text, word);
            awaits_ = Awaits::target;
            return;
        case SqlWord::plain:
        case SqlWord::end_list: // SET and VALUES
            operate(text, word);
            ignored_ = true;
            return;
        default: ignored_ = true;
        }
    }

    void expect_results() noexcept {
        begins_ = false;
        level().operation = SqlWord::with;
        awaits_ = Awaits::result;
    }

    /// CREATE OR REPLACE TEMPORARY TABLE IF NOT EXISTS: the operation is CREATE TABLE.
    void take_kind(std::string_view text, SqlWord word) noexcept {
        if (word == SqlWord::skipped || word == SqlWord::or_ || previous_ == SqlWord::or_) return;
        operate(define_, SqlWord::define, text);
        level().list = sql_word(define_) == SqlWord::define && (define_[0] | 0x20) == 'd'; // DROP
        awaits_ = Awaits::target;
        names_table_ = word == SqlWord::relation;
        ignored_ = word == SqlWord::system;
        rest_is_program_ = word == SqlWord::routine;
    }

    void take_result(std::string_view text, SqlWord word) noexcept {
        if (word == SqlWord::skipped) return; // RECURSIVE
        if (results_ < result_names_.size()) result_names_[results_++] = text;
        awaits_ = Awaits::nothing;
    }

    void take_target(std::string_view text, SqlWord word) noexcept {
        switch (word) {
        case SqlWord::skipped:
        case SqlWord::or_:
        case SqlWord::into: return;
        case SqlWord::with: return expect_results();
        case SqlWord::relation:
            if (level().operation == SqlWord::aimed) return; // TRUNCATE TABLE
            break;
        case SqlWord::on:
        case SqlWord::end_list:
            level().list = false;
            awaits_ = Awaits::nothing;
            return;
        default:
            if (previous_ == SqlWord::or_) return;
        }
        awaits_ = Awaits::nothing;
        ignored_ = rest_is_program_;
        if (!is_result(text)) aim_at(text);
    }

    void take_inside(SqlWord word) noexcept {
        const SqlWord operation = level().operation;
        switch (word) {
        case SqlWord::from:
            if (previous_ == SqlWord::distinct || operation == SqlWord::other ||
                operation == SqlWord::aimed)
                return;
            [[fallthrough]];
        case SqlWord::use:
            if (word == SqlWord::use && operation != SqlWord::remove && operation != SqlWord::merge)
                return;
            level().list = true;
            awaits_ = Awaits::target;
            return;
        case SqlWord::into:
            if (operation != SqlWord::merge && operation != SqlWord::select) return;
            [[fallthrough]];
        case SqlWord::join: awaits_ = Awaits::target; return;
        case SqlWord::end_list: level().list = false; return;
        case SqlWord::with:
            if (previous_ == SqlWord::as || operation == SqlWord::change) expect_results();
            return;
        default: return;
        }
    }

    /// Whether it is the name of a result of this statement, and no table.
    [[nodiscard]] bool is_result(std::string_view text) const noexcept {
        const auto same = [](char a, char b) {
            const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? c | 0x20 : c; };
            return lower(a) == lower(b);
        };
        return std::any_of(
            result_names_.begin(), result_names_.begin() + results_,
            [&](std::string_view name) { return std::ranges::equal(name, text, same); });
    }

    void operate(std::string_view text, SqlWord word, std::string_view kind = {}) noexcept {
        level().operation = word;
        level().list = false;
        awaits_ = Awaits::nothing;
        begins_ = false;
        names_table_ = word != SqlWord::aimed;
        const std::string_view before = size_ == 0 ? "" : separate_ ? "; " : " ";
        separate_ = false;
        if (append(before, text, kind.empty() ? "" : " ", kind) && ++operations_ == 1)
            operation_size_ = size_;
    }
    void aim_at(std::string_view text) noexcept {
        const std::size_t begin = size_ + 1;
        if (!append(" ", text)) return;
        near_ = Near::target;
        last_target_ = begin;
        if (++targets_ != 1) return;
        target_ = begin;
        target_size_ = text.size();
        target_is_table_ = names_table_;
    }
    /// schema.table is one name; where it does not fit, there is none.
    void extend_target(std::string_view text) noexcept {
        if (append(".", text)) {
            near_ = Near::target;
            if (targets_ == 1) target_size_ += 1 + text.size();
        } else {
            size_ = last_target_ - 1;
            targets_ = 2;
        }
    }
    template <class... Parts>
    bool append(Parts... parts) noexcept {
        full_ = full_ || (size_ + ... + std::string_view{parts}.size()) > longest;
        if (full_) {
            operations_ = targets_ = 2; // not all there is, at least
            return false;
        }
        const auto put = [this](std::string_view part) {
            if (!part.empty()) std::memcpy(text_.data() + size_, part.data(), part.size());
            size_ += part.size();
        };
        (put(parts), ...);
        return true;
    }

    void remember_quote() noexcept { before_quotes_ = std::min(before_quotes_, size_); }
    /// A quote without an end: one before it may have been misread, and what looked like a name
    /// was inside a string.
    void forget_what_follows_quotes() noexcept {
        if (size_ > before_quotes_) {
            size_ = before_quotes_;
            operations_ = targets_ = 2;
        }
        full_ = true;
    }

    std::array<char, longest> text_;
    std::size_t size_ = 0;
    std::size_t before_quotes_ = longest;
    std::size_t operation_size_ = 0;
    std::size_t target_ = 0;
    std::size_t target_size_ = 0;
    std::size_t last_target_ = 0;
    std::uint32_t operations_ = 0;
    std::uint32_t targets_ = 0;
    bool target_is_table_ = false;
    bool names_table_ = false; ///< the next target is a table
    bool separate_ = false;    ///< another statement has begun
    bool full_ = false;

    Awaits awaits_ = Awaits::statement;
    Near near_ = Near::nothing;
    SqlWord previous_ = SqlWord::other;
    bool begins_ = true;           ///< nothing is known of the statement yet
    bool ignored_ = false;         ///< nothing more is to be learnt from the statement
    bool rest_is_program_ = false; ///< up to the end of the text
    std::string_view define_;
    std::size_t depth_ = 0;
    std::array<Level, 32> levels_{};
    std::array<std::string_view, 8> result_names_;
    std::uint8_t results_ = 0;
};

} // namespace detail
} // namespace plume
