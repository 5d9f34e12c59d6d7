// sql_secrets.hpp - where a word of SQL is a value: passwords, keys, settings.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>

#include <plume/instrument/detail/sql_lexer.hpp>
#include <plume/instrument/detail/sql_words.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// Values that no quotes mark: CREATE USER u PASSWORD hunter2, PRAGMA key = hunter2, SET x TO y.
/// Takes the tokens of a text one by one, without blanks and comments.
class SqlSecrets {
  public:
    enum class Verdict : std::uint8_t {
        shown,
        value, ///< `?` stands for it
        part,  ///< of a value for which `?` stands already
        rest   ///< `?` stands for it, and for all behind it up to the end of the statement
    };

    explicit SqlSecrets(const SqlDialect& dialect) noexcept : bare_strings_{dialect.bare_strings} {}

    [[nodiscard]] Verdict take(const SqlToken& token, SqlWord word) noexcept {
        if (argument_ != Argument::none) {
            if (!token.is(',') && !token.is(')'))
                return std::exchange(argument_, Argument::marked) == Argument::marked
                           ? Verdict::part
                           : Verdict::value;
            argument_ = Argument::none;
        }
        if (std::exchange(rest_follows_, false) && !token.is(',') && !token.is(')') &&
            !token.is('.'))
            return Verdict::rest;
        const bool behind_dot = std::exchange(behind_dot_, token.is('.'));
        if (token.kind == SqlKind::word || token.kind == SqlKind::identifier)
            return take_name(token, behind_dot ? SqlWord::other : word);
        value_follows_ = false;
        if (token.is('=')) {
            if (sets_ && !is_query_) rest_follows_ = true;
            else if (is_module_) argument_ = Argument::begins;
        }
        previous_ = SqlWord::other;
        return Verdict::shown;
    }
    void end_statement() noexcept {
        const bool bare_strings = bare_strings_;
        *this = SqlSecrets{{}};
        bare_strings_ = bare_strings;
    }

  private:
    enum class Argument : std::uint8_t { none, begins, marked };

    Verdict take_name(const SqlToken& token, SqlWord word) noexcept {
        const SqlWord previous = std::exchange(previous_, word);
        if (std::exchange(value_follows_, false) && !is_constant(token.text)) {
            value_follows_ = is_attach_ && same(token.text, "DATABASE");
            if (!value_follows_) return Verdict::value;
        }
        if (words_ == 0) take_first(token.text, word);
        ++words_;
        // CREATE OR REPLACE TEMPORARY TABLE: what it defines stands at most so far behind.
        constexpr std::uint32_t kind_within = 6;
        if (words_ <= kind_within) take_kind(token.text, word);
        if (word == SqlWord::default_ && defines_table_ && bare_strings_)
            value_follows_ = previous != SqlWord::set; // not ON DELETE SET DEFAULT
        const bool changes = word == SqlWord::change || word == SqlWord::with;
        is_query_ = is_query_ || (changes && previous == SqlWord::as); // PREPARE p AS UPDATE
        if (word == SqlWord::set) sets_ = true;
        if (word == SqlWord::to && sets_) rest_follows_ = !is_query_ || defines_routine_;
        if (is_pragma_ && names_secret(token.text)) rest_follows_ = true;
        if (is_query_) return Verdict::shown;
        if (word == SqlWord::password || (word == SqlWord::key && is_attach_) ||
            (word == SqlWord::by && identified_))
            rest_follows_ = true;
        identified_ = identified_ || word == SqlWord::identified;
        return Verdict::shown;
    }

    void take_first(std::string_view text, SqlWord word) noexcept {
        is_query_ = word == SqlWord::select || word == SqlWord::change || word == SqlWord::remove ||
                    word == SqlWord::merge || word == SqlWord::with || word == SqlWord::explain;
        defines_ = word == SqlWord::define;
        is_pragma_ = same(text, "PRAGMA");
        is_attach_ = same(text, "ATTACH");
        value_follows_ = is_attach_ && bare_strings_;
    }
    /// PASSWORD and SET are parts of a definition.
    void take_kind(std::string_view text, SqlWord word) noexcept {
        if (word == SqlWord::relation || word == SqlWord::structure || word == SqlWord::routine)
            is_query_ = true;
        defines_table_ = defines_table_ || (defines_ && word == SqlWord::relation);
        defines_routine_ = defines_routine_ || (defines_ && word == SqlWord::routine);
        is_module_ = is_module_ || (defines_ && bare_strings_ && same(text, "VIRTUAL"));
    }

    /// `upper` is in capitals.
    static bool same(std::string_view text, std::string_view upper) noexcept {
        return std::ranges::equal(
            text, upper, [](char c, char u) { return (c >= 'a' && c <= 'z' ? c - 0x20 : c) == u; });
    }
    /// The constants of DEFAULT, which say nothing.
    static bool is_constant(std::string_view text) noexcept {
        constexpr std::string_view current = "CURRENT_"; // _DATE, _TIME, _TIMESTAMP
        return same(text, "NULL") || same(text.substr(0, current.size()), current);
    }
    /// Whether a PRAGMA of that name, maybe in quotes, takes a secret: key, rekey, hexkey, textkey,
    /// … of builds of SQLite that encrypt, cipher_salt, activate_extensions. Not foreign_keys.
    static bool names_secret(std::string_view text) noexcept {
        constexpr std::string_view quotes = "\"'`[]";
        while (!text.empty() && quotes.find(text.front()) != quotes.npos) text.remove_prefix(1);
        while (!text.empty() && quotes.find(text.back()) != quotes.npos) text.remove_suffix(1);
        constexpr std::string_view key = "KEY";
        if (text.size() >= key.size() && same(text.substr(text.size() - key.size()), key))
            return true;
        for (const std::string_view part : {"PASS", "SALT", "SECRET", "ACTIVATE"})
            for (std::size_t i = 0; i + part.size() <= text.size(); ++i)
                if (same(text.substr(i, part.size()), part)) return true;
        return false;
    }

    std::uint32_t words_ = 0; ///< of the statement
    SqlWord previous_ = SqlWord::other;
    Argument argument_ = Argument::none; ///< of a virtual table's module
    bool bare_strings_;
    bool is_query_ = false; ///< PASSWORD is a column in it
    bool defines_ = false;  ///< CREATE, ALTER
    bool defines_table_ = false;
    bool defines_routine_ = false;
    bool is_module_ = false;
    bool is_pragma_ = false;
    bool is_attach_ = false;
    bool identified_ = false;
    bool sets_ = false; ///< behind SET
    bool behind_dot_ = false;
    bool value_follows_ = false;
    bool rest_follows_ = false;
};

} // namespace detail
} // namespace plume
