// sql_lexer.hpp - cuts SQL into tokens: where a literal begins, and where it ends.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// In what the databases differ. Where a text can be read in two ways, the database's own way
/// counts: a reader that took 'it\'s' for a whole string where it is not would leak what follows.
struct SqlDialect {
    /// "x" may be a string, except where the grammar has a name and nothing else: SQLite takes it
    /// so if no column is x.
    bool doubtful_quotes = false;
    bool bare_strings = false;     ///< a word is a string in ATTACH word and DEFAULT word
    bool reserves_only = false;    ///< ONLY, LATERAL, CONCURRENTLY and VERBOSE are no names
    bool brackets = false;         ///< [x] and `x` are identifiers
    bool named_parameters = false; ///< :name and @name; elsewhere they are operators, before E'\''
    bool dollar_quotes = false;    ///< $tag$ … $tag$ is a string
    bool escape_strings = false;   ///< E'\'' is one string, and goes on behind a line break
    bool backslashes = false;      ///< '\'' is one string
    bool nested_comments = false;
    bool open_comments = false;        ///< a block comment may last until the end of the text
    bool returns_end_comments = false; ///< "--" ends at a carriage return, too
};

/// SQLite, "SQL Keywords" and "Double-quoted String Literals Are Accepted".
inline constexpr SqlDialect sqlite_sql{.doubtful_quotes = true,
                                       .bare_strings = true,
                                       .brackets = true,
                                       .named_parameters = true,
                                       .open_comments = true};
/// PostgreSQL, "Lexical Structure". `backslashes` as the server's standard_conforming_strings says.
inline constexpr SqlDialect postgresql_sql{.reserves_only = true,
                                           .dollar_quotes = true,
                                           .escape_strings = true,
                                           .nested_comments = true,
                                           .returns_end_comments = true};

enum class SqlKind : std::uint8_t {
    space,
    comment,
    word,       ///< a keyword or a name
    identifier, ///< a quoted name
    doubtful,   ///< "x" where it may be a string
    literal,    ///< a string or a number, with its sign
    parameter,  ///< $1, ?, ?1, :name, @name, and with SQLite :1
    symbol,     ///< one character
    broken      ///< the rest of the text: a quote or a comment without an end
};

struct SqlToken {
    SqlKind kind = SqlKind::symbol;
    std::string_view text;

    [[nodiscard]] bool is(char symbol) const noexcept {
        return kind == SqlKind::symbol && text.starts_with(symbol);
    }
};

/// Every byte of the text is in exactly one token. Linear, allocates nothing.
class SqlLexer {
  public:
    SqlLexer(std::string_view sql, const SqlDialect& dialect) noexcept
        : sql_{sql}, dialect_{dialect} {}

    [[nodiscard]] bool next(SqlToken& token) noexcept {
        if (at_ == sql_.size()) return false;
        const std::size_t begin = at_;
        token.kind = scan();
        token.text = sql_.substr(begin, at_ - begin);
        if (token.kind == SqlKind::space || token.kind == SqlKind::comment) return true;
        word_before_ = token.kind == SqlKind::word && !after_dot_ ? token.text : std::string_view{};
        after_operand_ = token.kind != SqlKind::symbol || token.is(')') || token.is(']');
        after_dot_ = token.is('.');
        return true;
    }

    /// Whether all of the text is in tokens.
    [[nodiscard]] bool at_end() const noexcept { return at_ == sql_.size(); }

    /// The token behind the last one, blanks and comments left out; a symbol without text at the
    /// end. Does not move.
    [[nodiscard]] SqlToken following() const noexcept {
        SqlLexer ahead{*this};
        SqlToken token;
        while (ahead.next(token))
            if (token.kind != SqlKind::space && token.kind != SqlKind::comment) return token;
        return {};
    }
    /// Whether that token is a dot. Looks at no more than one character of it.
    [[nodiscard]] bool dot_follows() const noexcept {
        SqlLexer ahead{*this};
        SqlToken token;
        for (;;) {
            const char c = ahead.peek();
            const bool comment =
                (c == '-' && ahead.peek(1) == '-') || (c == '/' && ahead.peek(1) == '*');
            if (!comment && (ahead.at_end() || !blank(c))) return c == '.';
            if (!ahead.next(token)) return false;
        }
    }

  private:
    static bool digit(char c) noexcept { return c >= '0' && c <= '9'; }
    /// Bytes of other alphabets are letters, as both databases have it.
    static bool letter(char c) noexcept {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
               static_cast<unsigned char>(c) >= 0x80;
    }
    static bool in_word(char c) noexcept { return letter(c) || digit(c) || c == '$'; }
    /// Control characters separate, too: no token may begin with one.
    static bool blank(char c) noexcept {
        return static_cast<unsigned char>(c) <= ' ' || c == '\x7f';
    }

    /// The character so many places ahead; NUL behind the end.
    [[nodiscard]] char peek(std::size_t ahead = 0) const noexcept {
        return at_ + ahead < sql_.size() ? sql_[at_ + ahead] : '\0';
    }
    template <class Accepts>
    SqlKind skip(Accepts accepts, SqlKind kind) noexcept {
        while (at_ < sql_.size() && accepts(sql_[at_])) ++at_;
        return kind;
    }

    SqlKind scan() noexcept {
        const char c = peek();
        if (blank(c)) return skip(blank, SqlKind::space);
        if (c == '-' && peek(1) == '-') return line_comment();
        if (c == '/' && peek(1) == '*') return block_comment();
        if (c == '\'') return string(dialect_.backslashes);
        if (c == '"')
            return quoted('"', dialect_.doubtful_quotes ? SqlKind::doubtful : SqlKind::identifier);
        if (dialect_.brackets && c == '`') return quoted('`', SqlKind::identifier);
        if (dialect_.brackets && c == '[') return bracketed();
        if (letter(c)) return word();
        if (begins_number()) return number();
        if (c == '$') return dollar();
        const bool cast = c == ':' && peek(1) == ':';
        at_ += cast ? 2 : 1;
        if (c == '?') return skip(digit, SqlKind::parameter);
        if (dialect_.named_parameters && !cast && (c == ':' || c == '@') && in_word(peek()))
            return skip(in_word, SqlKind::parameter);
        return SqlKind::symbol;
    }

    SqlKind broken() noexcept {
        at_ = sql_.size();
        return SqlKind::broken;
    }

    SqlKind line_comment() noexcept {
        const bool ends_at_return = dialect_.returns_end_comments;
        return skip([=](char c) { return c != '\n' && (c != '\r' || !ends_at_return); },
                    SqlKind::comment);
    }

    SqlKind block_comment() noexcept {
        std::size_t depth = 1;
        for (at_ += 2; depth != 0; ++at_) {
            if (at_ >= sql_.size()) {
                const SqlKind kind = broken(); // which moves to the end
                return dialect_.open_comments ? SqlKind::comment : kind;
            }
            const bool ends = peek() == '*' && peek(1) == '/';
            const bool begins = dialect_.nested_comments && peek() == '/' && peek(1) == '*';
            if (ends) --depth;
            if (begins) ++depth;
            if (ends || begins) ++at_;
        }
        return SqlKind::comment;
    }

    /// From a quote to behind the one that ends it; two of them are one inside.
    bool skip_quoted(char quote, bool backslashes) noexcept {
        for (++at_; at_ < sql_.size(); ++at_) {
            if (backslashes && peek() == '\\') {
                ++at_;
            } else if (peek() == quote) {
                ++at_;
                if (peek() != quote) return true;
            }
        }
        return false;
    }
    SqlKind quoted(char quote, SqlKind kind) noexcept {
        return skip_quoted(quote, false) ? kind : broken();
    }
    SqlKind bracketed() noexcept {
        skip([](char c) { return c != ']'; }, SqlKind::identifier);
        if (at_ == sql_.size()) return broken();
        ++at_;
        return SqlKind::identifier;
    }

    /// A string that goes on behind a line break keeps the backslashes of its first part
    /// (PostgreSQL, "String Constants").
    SqlKind string(bool backslashes) noexcept {
        do {
            if (!skip_quoted('\'', backslashes)) return broken();
        } while (backslashes && skip_to_continuation());
        return SqlKind::literal;
    }
    bool skip_to_continuation() noexcept {
        const std::size_t end = at_;
        bool new_line = false;
        for (;; ++at_) {
            if (peek() == '-' && peek(1) == '-') line_comment();
            if (at_ == sql_.size() || !blank(peek())) break;
            new_line = new_line || peek() == '\n' || peek() == '\r';
        }
        if (new_line && peek() == '\'') return true;
        at_ = end;
        return false;
    }

    /// X'53', B'101', N'text' and E'it\'s' are one literal each.
    SqlKind word() noexcept {
        const std::size_t begin = at_;
        skip(in_word, SqlKind::word);
        if (peek() != '\'' || at_ - begin != 1) return SqlKind::word;
        switch (sql_[begin] | 0x20) {
        case 'e': return dialect_.escape_strings ? string(true) : SqlKind::word;
        case 'b':
        case 'n':
        case 'x': return string(dialect_.backslashes);
        default: return SqlKind::word;
        }
    }

    SqlKind dollar() noexcept {
        ++at_;
        if (!dialect_.dollar_quotes)
            return in_word(peek()) ? skip(in_word, SqlKind::parameter) : SqlKind::symbol;
        if (digit(peek())) return skip(digit, SqlKind::parameter);
        const std::size_t begin = at_ - 1;
        std::size_t end = at_;
        while (end < sql_.size() && (letter(sql_[end]) || digit(sql_[end]))) ++end;
        if (end == sql_.size() || sql_[end] != '$') return SqlKind::symbol;
        const std::string_view tag = sql_.substr(begin, end + 1 - begin);
        const std::size_t close = sql_.find(tag, end + 1);
        if (close == std::string_view::npos) return broken();
        at_ = close + tag.size();
        return SqlKind::literal;
    }

    /// A sign belongs to the number unless something stands before it that can be subtracted from.
    [[nodiscard]] bool begins_number() const noexcept {
        const char c = peek();
        if (digit(c)) return true;
        const bool sign = c == '-' || c == '+';
        if (!sign && c != '.') return false;
        const std::size_t first = sign ? 1 : 0;
        const bool digits = digit(peek(first)) || (peek(first) == '.' && digit(peek(first + 1)));
        return digits && (!after_operand_ || before_value(word_before_));
    }
    /// Whether a value follows the word, and so it is none: SELECT -1, as opposed to id -1.
    static bool before_value(std::string_view word) noexcept {
        constexpr std::string_view words[] = {
            "ALL",    "AND",       "BETWEEN", "BY",    "CASE", "DISTINCT", "ELSE", "HAVING",
            "IN",     "IS",        "LIKE",    "LIMIT", "NOT",  "OFFSET",   "ON",   "OR",
            "RETURN", "RETURNING", "SELECT",  "THEN",  "TO",   "VALUES",   "WHEN", "WHERE"};
        const auto same = [word](std::string_view each) {
            return std::ranges::equal(each, word, [](char upper, char c) {
                return upper == (c >= 'a' && c <= 'z' ? c - 0x20 : c);
            });
        };
        return !word.empty() && std::ranges::any_of(words, same);
    }
    /// Whatever is glued to the digits goes with them: 0x1F, 1e-9, 1_000, and 123-45-6789, which
    /// may be somebody's number.
    SqlKind number() noexcept {
        ++at_;
        for (;; ++at_) {
            skip([](char c) { return in_word(c) || c == '.'; }, SqlKind::literal);
            if ((peek() != '-' && peek() != '+') || !digit(peek(1))) return SqlKind::literal;
        }
    }

    std::string_view sql_;
    const SqlDialect& dialect_;
    std::size_t at_ = 0;
    std::string_view word_before_; ///< the token before, if it is a word and no part of a name
    bool after_operand_ = false;   ///< that token may be a value
    bool after_dot_ = false;
};

} // namespace detail
} // namespace plume
