// sql_summary.hpp - finds in a text what it does, and to which tables.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include <plume/instrument/detail/sql_lexer.hpp>
#include <plume/instrument/detail/sql_summary_text.hpp>
#include <plume/instrument/detail/sql_words.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// Finds the operations of a text and their targets (OpenTelemetry, "Generating query summary").
/// Takes its tokens one by one.
class SqlSummary {
  public:
    SqlSummary(SqlSummaryText& words, const SqlDialect& dialect) noexcept
        : words_{words}, reserves_only_{dialect.reserves_only} {}

    /// `behind` has read this token, and nothing behind it.
    void take(const SqlToken& token, SqlWord word, const SqlLexer& behind) noexcept {
        if (token.kind == SqlKind::space || token.kind == SqlKind::comment) return;
        const Near near = std::exchange(near_, Near::nothing);
        if (behind_dot_ && near != Near::dot) word = SqlWord::other; // t.from
        // A label may be any word: SELECT a AS from.
        if (previous_ == SqlWord::as && level().operation == SqlWord::select) word = SqlWord::other;
        switch (token.kind) {
        case SqlKind::identifier:
        case SqlKind::doubtful: words_.remember_quote(); [[fallthrough]];
        case SqlKind::word: take_name(token.text, word, near, behind); break;
        case SqlKind::symbol: take_symbol(token.text.front(), near); break;
        case SqlKind::literal: words_.remember_quote(); break;
        case SqlKind::broken: words_.forget_what_follows_quotes(); break;
        default: break;
        }
        const bool valued = token.kind == SqlKind::literal || token.kind == SqlKind::parameter;
        if (valued && !begins_) awaits_ = Awaits::nothing;
        previous_ = word;
        behind_dot_ = token.is('.');
        behind_name_ = token.kind == SqlKind::identifier;
        begins_item_ = token.is('(') || token.is(',');
    }

    /// Behind the token that ended it.
    void end_statement() noexcept {
        words_.end_part();
        awaits_ = Awaits::statement;
        begins_ = true;
        ignored_ = is_program_ = into_ = false;
        depth_ = 0;
        level() = {};
        results_ = 0;
    }
    /// Behind the last token.
    void end(std::uint32_t statements) noexcept { words_.end(statements); }

    /// Whether the grammar of SQLite allows for the next token a name, and nothing else.
    [[nodiscard]] bool expects_name() const noexcept {
        if (awaits_ == Awaits::target || awaits_ == Awaits::result || behind_dot_ || behind_name_)
            return true;
        switch (previous_) {
        case SqlWord::as:
        case SqlWord::named: return true;
        case SqlWord::set: return levels_[at()].assigns;
        case SqlWord::on:
        case SqlWord::to: // of CREATE INDEX, of ALTER TABLE
            return levels_[at()].operation == SqlWord::define && depth_ == 0 && !ignored_;
        default: return begins_item_ && (levels_[at()].columns || levels_[at()].assigns);
        }
    }

  private:
    enum class Awaits : std::uint8_t { nothing, statement, kind, result, target, existence };
    enum class Near : std::uint8_t { nothing, target, dot };

    /// What an opening parenthesis puts aside. Levels deeper than there is room for share the last.
    struct Level {
        SqlWord operation = SqlWord::other;
        bool list = false;      ///< behind a comma stands another target
        bool statement = false; ///< INSERT, UPDATE or DELETE may stand here
        bool columns = false;   ///< behind a comma stands the name of a column
        bool assigns = false;   ///< likewise, with its value
        bool options = false;   ///< a target follows behind
    };

    [[nodiscard]] std::size_t at() const noexcept { return std::min(depth_, levels_.size() - 1); }
    Level& level() noexcept { return levels_[at()]; }

    void take_symbol(char symbol, Near near) noexcept {
        if (ignored_) {
            if (symbol == '.' && near == Near::target) near_ = Near::dot;
            return;
        }
        switch (symbol) {
        case '(': return open(near);
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

    void open(Near near) noexcept {
        const Level& around = level();
        Level inside;
        const bool expected = awaits_ == Awaits::target;
        inside.options = expected && around.operation == SqlWord::aimed_list; // VACUUM (FULL) t
        inside.list = expected && !inside.options;
        inside.statement = around.operation == SqlWord::with;
        inside.columns =
            near == Near::target &&
            (around.operation == SqlWord::change ||
             (around.operation == SqlWord::define && names_table_)); // INSERT INTO t (a, b)
        ++depth_;
        level() = inside;
        if (inside.options) awaits_ = Awaits::nothing;
        else if (!expected) awaits_ = Awaits::statement;
        begins_ = false;
    }
    void close() noexcept {
        const bool options = level().options;
        if (depth_ != 0) --depth_;
        const SqlWord operation = level().operation;
        if (options) awaits_ = Awaits::target;
        else if (operation == SqlWord::with || operation == SqlWord::explain)
            awaits_ = Awaits::statement;
        else awaits_ = Awaits::nothing;
    }

    void take_name(std::string_view text, SqlWord word, Near near,
                   const SqlLexer& behind) noexcept {
        if (near == Near::dot) {
            if (words_.extend_target(text)) near_ = Near::target;
            return;
        }
        if (ignored_) return;
        if (word == SqlWord::select && awaits_ != Awaits::kind) return operate(text, word);
        switch (awaits_) {
        case Awaits::statement: return take_first(text, word);
        case Awaits::kind: return take_kind(text, word);
        case Awaits::result: return take_result(text, word, behind);
        case Awaits::target: return take_target(text, word, behind);
        case Awaits::existence:
            if (word == SqlWord::exists) awaits_ = Awaits::target;
            return;
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
        case SqlWord::aimed_list:
            operate(text, word);
            level().list = word == SqlWord::aimed_list;
            awaits_ = Awaits::target;
            return;
        case SqlWord::plain:
        case SqlWord::prepares:
        case SqlWord::begin:
        case SqlWord::end:
        case SqlWord::set:
        case SqlWord::end_list: // VALUES
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
        is_program_ = word == SqlWord::routine;
    }

    void take_result(std::string_view text, SqlWord word, const SqlLexer& behind) noexcept {
        if (word == SqlWord::skipped && is_name(behind.following())) return; // WITH RECURSIVE r
        if (results_ < result_names_.size()) result_names_[results_++] = text;
        awaits_ = Awaits::nothing;
    }

    void take_target(std::string_view text, SqlWord word, const SqlLexer& behind) noexcept {
        const SqlWord operation = level().operation;
        switch (word) {
        case SqlWord::or_: return;
        case SqlWord::into:
            if (operation != SqlWord::change) awaits_ = Awaits::nothing; // VACUUM INTO
            return;
        case SqlWord::with: return expect_results();
        case SqlWord::only:
            if (reserves_only_) return;
            break;
        case SqlWord::if_:
            if (operation != SqlWord::define || !begins_existence(behind.following())) break;
            awaits_ = Awaits::existence;
            return;
        case SqlWord::skipped: // SELECT … INTO TEMP t
            if (into_ && is_name(behind.following())) return;
            break;
        case SqlWord::relation: // TRUNCATE TABLE t
            if ((operation == SqlWord::aimed_list || into_) && is_name(behind.following())) return;
            break;
        case SqlWord::aimed_list: // VACUUM ANALYZE t
            if (operation == SqlWord::aimed_list && reserves_only_) return;
            break;
        case SqlWord::set: // PostgreSQL has tables that are called so
            if (previous_ != SqlWord::other) break;
            [[fallthrough]];
        case SqlWord::on:
        case SqlWord::end_list:
            level().list = false;
            awaits_ = Awaits::nothing;
            return;
        default:
            if (previous_ == SqlWord::or_) return;
        }
        aim(text);
    }
    void aim(std::string_view text) noexcept {
        awaits_ = Awaits::nothing;
        ignored_ = is_program_;
        into_ = false;
        if (!is_result(text) && words_.aim_at(text, names_table_)) near_ = Near::target;
    }
    static bool begins_existence(const SqlToken& token) noexcept {
        if (token.kind != SqlKind::word) return false;
        const SqlWord word = sql_word(token.text);
        return word == SqlWord::not_ || word == SqlWord::exists;
    }
    /// Whether a name may be meant: what cannot be one behind a target is none.
    static bool is_name(const SqlToken& token) noexcept {
        if (token.kind != SqlKind::word)
            return token.kind == SqlKind::identifier || token.kind == SqlKind::doubtful;
        switch (sql_word(token.text)) {
        case SqlWord::as:
        case SqlWord::from:
        case SqlWord::join:
        case SqlWord::use:
        case SqlWord::on:
        case SqlWord::in:
        case SqlWord::end_list: return false;
        default: return true;
        }
    }

    void take_inside(SqlWord word) noexcept {
        const SqlWord operation = level().operation;
        if (word == SqlWord::set) level().assigns = operation == SqlWord::change;
        else if (word == SqlWord::end_list || word == SqlWord::from) level().assigns = false;
        switch (word) {
        case SqlWord::from:
            if (previous_ == SqlWord::distinct || operation == SqlWord::other ||
                operation == SqlWord::aimed || operation == SqlWord::aimed_list)
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
            into_ = operation == SqlWord::select;
            awaits_ = Awaits::target;
            return;
        case SqlWord::join: awaits_ = Awaits::target; return;
        case SqlWord::set:
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

    /// `kind` may be empty.
    void operate(std::string_view text, SqlWord word, std::string_view kind = {}) noexcept {
        level().operation = word;
        level().list = level().assigns = level().columns = false;
        awaits_ = Awaits::nothing;
        begins_ = false;
        names_table_ = word != SqlWord::aimed && word != SqlWord::aimed_list;
        words_.operate(text, kind);
    }

    SqlSummaryText& words_;
    bool reserves_only_;
    Awaits awaits_ = Awaits::statement;
    Near near_ = Near::nothing;
    SqlWord previous_ = SqlWord::other;
    bool behind_dot_ = false;
    bool behind_name_ = false; ///< a quoted one
    bool begins_item_ = false; ///< behind a comma or an opening parenthesis
    bool begins_ = true;       ///< nothing is known of the statement yet
    bool ignored_ = false;     ///< nothing more is to be learnt from the statement
    bool is_program_ = false;  ///< up to its end
    bool names_table_ = false; ///< the next target is a table
    bool into_ = false;        ///< of SELECT … INTO
    std::string_view define_;
    std::size_t depth_ = 0;
    std::array<Level, 32> levels_{};
    std::array<std::string_view, 8> result_names_;
    std::uint8_t results_ = 0;
};

} // namespace detail
} // namespace plume
