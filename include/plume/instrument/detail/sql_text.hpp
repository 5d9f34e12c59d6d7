// sql_text.hpp - a text of SQL as it may be recorded: without what may be secret in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include <plume/instrument/detail/sql_ends.hpp>
#include <plume/instrument/detail/sql_lexer.hpp>
#include <plume/instrument/detail/sql_secrets.hpp>
#include <plume/instrument/detail/sql_summary.hpp>
#include <plume/instrument/detail/sql_words.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// How a text is read.
struct SqlManner {
    bool cut = false;            ///< there was more of it
    bool keeps_literals = false; ///< those in quotes and numbers; no comment, and no password
};

/// Writes a text token by token: `?` for every literal and for words that are values, `IN (?)` for
/// every list of literals, one blank where there were blanks and comments. What is behind a quote
/// without an end goes, back to the first quote of the text.
class SqlWriter {
  public:
    /// `out` has room for the whole text: nothing is replaced by more than it was.
    SqlWriter(char* out, const SqlDialect& dialect, bool keeps_literals) noexcept
        : out_{out}, secrets_{dialect}, keeps_literals_{keeps_literals} {}

    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    void take(const SqlToken& token, SqlWord word) noexcept {
        if (token.kind == SqlKind::space || token.kind == SqlKind::comment) {
            const bool kept = keeps_literals_ && token.kind == SqlKind::space;
            if (blank_.empty()) blank_ = kept ? token.text : " ";
            return;
        }
        if (token.kind == SqlKind::broken) return take_broken(token.text);
        if (hidden_) return;
        switch (secrets_.take(token, word)) {
        case SqlSecrets::Verdict::shown: break;
        case SqlSecrets::Verdict::value: return put_mark();
        case SqlSecrets::Verdict::part: blank_ = {}; return;
        case SqlSecrets::Verdict::rest:
            put_mark();
            hidden_ = true;
            return;
        }
        switch (token.kind) {
        case SqlKind::word: take_word(token.text, word); break;
        case SqlKind::symbol: take_symbol(token.text); break;
        case SqlKind::literal:
        case SqlKind::doubtful:
            remember_quote();
            if (keeps_literals_) put(token.text);
            else put_mark();
            break;
        case SqlKind::identifier: remember_quote(); [[fallthrough]];
        default: put(token.text); in_ = In::nothing;
        }
        behind_dot_ = token.is('.');
    }

    /// Before the semicolon.
    void end_statement() noexcept {
        if (hidden_ && !broken_) blank_ = {};
        hidden_ = broken_;
        secrets_.end_statement();
    }

  private:
    /// How far a list behind IN has come.
    enum class In : std::uint8_t { nothing, word, open, mark, comma };

    void take_word(std::string_view text, SqlWord word) noexcept {
        if (word == SqlWord::boolean && !behind_dot_ && !keeps_literals_) return put_mark();
        put(text);
        in_ = word == SqlWord::in ? In::word : In::nothing;
    }

    void take_symbol(std::string_view text) noexcept {
        put(text);
        if (in_ == In::word && text == "(") in_ = In::open;
        else if (in_ == In::mark && text == ",") in_ = In::comma;
        else in_ = In::nothing;
    }

    void take_broken(std::string_view text) noexcept {
        const bool misread = before_quotes_ < size_;
        if (misread) {
            size_ = before_quotes_;
            blank_ = blank_before_quotes_;
            hidden_ = false;
        }
        in_ = In::nothing;
        const bool is_comment = text.starts_with("/*");
        if (!hidden_ && (misread || !is_comment)) put_mark();
        broken_ = hidden_ = true;
    }

    void remember_quote() noexcept {
        if (before_quotes_ != none) return;
        before_quotes_ = size_;
        blank_before_quotes_ = blank_;
    }

    void put(std::string_view text) noexcept {
        if (!blank_.empty() && size_ != 0) {
            std::memcpy(out_ + size_, blank_.data(), blank_.size());
            size_ += blank_.size();
        }
        blank_ = {};
        std::memcpy(out_ + size_, text.data(), text.size());
        size_ += text.size();
    }
    void put_mark() noexcept {
        if (in_ == In::comma) { // the mark before stands for this one as well
            size_ = behind_mark_;
            blank_ = {};
            in_ = In::mark;
            return;
        }
        put("?");
        behind_mark_ = size_;
        in_ = in_ == In::open ? In::mark : In::nothing;
    }

    static constexpr std::size_t none = ~std::size_t{0};

    char* out_;
    SqlSecrets secrets_;
    std::size_t size_ = 0;
    std::size_t before_quotes_ = none;
    std::size_t behind_mark_ = 0;
    std::string_view blank_; ///< what stands before the next token
    std::string_view blank_before_quotes_;
    In in_ = In::nothing;
    bool keeps_literals_;
    bool behind_dot_ = false;
    bool hidden_ = false; ///< up to the end of the statement
    bool broken_ = false; ///< up to the end of the text
};

struct SqlReading {
    std::size_t text_size = 0; ///< of what was written
    bool has_parameters =
        false; ///< such as $1; what begins with another character may be an operator
    bool changes_prepared = false; ///< a statement of it is PREPARE, DEALLOCATE or DISCARD
    std::uint32_t statements = 0;
    SqlSummaryText summary;
};

/// What a token is that touches the end of a text of which there was more: a string, if it is not
/// known to be something else.
inline SqlKind kind_at_cut(const SqlToken& token) noexcept {
    switch (token.kind) {
    case SqlKind::space:
    case SqlKind::comment:
    case SqlKind::symbol: return token.kind;
    case SqlKind::broken: return token.text.starts_with("/*") ? SqlKind::comment : SqlKind::literal;
    default: return SqlKind::literal;
    }
}

/// Reads a text once. Linear in its size, allocates nothing; `out` has room for sql.size() bytes.
inline void read_sql(std::string_view sql, const SqlDialect& dialect, char* out,
                     SqlReading& reading, SqlManner manner = {}) noexcept {
    SqlLexer lexer{sql, dialect};
    SqlWriter writer{out, dialect, manner.keeps_literals};
    SqlSummary summary{reading.summary, dialect};
    SqlEnds ends;
    SqlToken token;
    bool between = true; // statements
    while (lexer.next(token)) {
        if (manner.cut && lexer.at_end()) {
            if (token.kind == SqlKind::broken && !token.text.starts_with("/*")) token.text = "?";
            token.kind = kind_at_cut(token);
        }
        if (token.kind == SqlKind::doubtful && (summary.expects_name() || lexer.dot_follows()))
            token.kind = SqlKind::identifier;
        const SqlWord word = token.kind == SqlKind::word ? sql_word(token.text) : SqlWord::other;
        if (token.kind == SqlKind::parameter && token.text.front() == '$')
            reading.has_parameters = true;
        const bool ends_statement = ends.take(token, word);
        if (ends_statement) {
            writer.end_statement();
        } else if (token.kind != SqlKind::space && token.kind != SqlKind::comment) {
            if (between) {
                ++reading.statements;
                reading.changes_prepared = reading.changes_prepared || word == SqlWord::prepares;
            }
            between = false;
        }
        writer.take(token, word);
        if (ends_statement) {
            between = true;
            summary.end_statement();
        } else {
            summary.take(token, word, lexer);
        }
    }
    summary.end(reading.statements);
    reading.text_size = writer.size();
}

} // namespace detail
} // namespace plume
