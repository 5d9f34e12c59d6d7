// sql_text.hpp - a text of SQL as it may be recorded: without what may be secret in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include <plume/instrument/detail/sql_lexer.hpp>
#include <plume/instrument/detail/sql_summary.hpp>
#include <plume/instrument/detail/sql_words.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// Writes a text token by token: `?` for every literal and for passwords that statements other
/// than queries name, `IN (?)` for every list of literals, one blank where there were several.
/// Comments stay. What is behind a quote without an end goes, back to the first quote of the text.
class SqlWriter {
  public:
    /// `out` has room for the whole text: nothing is replaced by more than it was.
    explicit SqlWriter(char* out) noexcept : out_{out} {}

    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    void take(const SqlToken& token, SqlWord word) noexcept {
        if (token.kind == SqlKind::space) {
            blank_ = behind_line_comment_ ? '\n' : ' ';
            return;
        }
        if (token.kind == SqlKind::broken) return take_broken();
        if (token.is(';')) end_statement();
        if (hidden_) return;
        if (token.kind == SqlKind::comment) {
            put(token.text);
            behind_line_comment_ = token.text.front() == '-';
            in_ = In::nothing;
            return;
        }
        if (secret_follows_) {
            secret_follows_ = token.is(',') || token.is(')') || token.is('.');
            if (!secret_follows_) {
                put_mark();
                hidden_ = true;
                return;
            }
            secret_follows_ = false;
        }
        switch (token.kind) {
        case SqlKind::word: take_word(token.text, word); break;
        case SqlKind::symbol: take_symbol(token.text); break;
        case SqlKind::literal:
        case SqlKind::doubtful:
            remember_quote();
            put_mark();
            break;
        case SqlKind::identifier: remember_quote(); [[fallthrough]];
        default: put(token.text); in_ = In::nothing;
        }
        behind_dot_ = token.is('.');
    }

  private:
    /// How far a list behind IN has come.
    enum class In : std::uint8_t { nothing, word, open, mark, comma };

    void take_word(std::string_view text, SqlWord word) noexcept {
        if (word == SqlWord::boolean && !behind_dot_) return put_mark();
        put(text);
        in_ = word == SqlWord::in ? In::word : In::nothing;
        if (words_ == 0) {
            is_query_ = word == SqlWord::select || word == SqlWord::change ||
                        word == SqlWord::remove || word == SqlWord::merge ||
                        word == SqlWord::with || word == SqlWord::explain;
            is_pragma_ = word == SqlWord::aimed && (text[0] | 0x20) == 'p';
        }
        // CREATE OR REPLACE TEMPORARY TABLE: what it defines stands at most so far behind.
        constexpr std::uint32_t kind_within = 6;
        if (++words_ <= kind_within &&
            (word == SqlWord::relation || word == SqlWord::structure || word == SqlWord::routine))
            is_query_ = true;
        if (is_query_) return;
        secret_follows_ = word == SqlWord::password || (word == SqlWord::key && is_pragma_) ||
                          (word == SqlWord::by && identified_);
        identified_ = identified_ || word == SqlWord::identified;
    }

    void take_symbol(std::string_view text) noexcept {
        put(text);
        if (in_ == In::word && text == "(") in_ = In::open;
        else if (in_ == In::mark && text == ",") in_ = In::comma;
        else in_ = In::nothing;
    }

    void end_statement() noexcept {
        if (hidden_ && !broken_) blank_ = '\0';
        hidden_ = broken_;
        secret_follows_ = false;
        identified_ = false;
        words_ = 0;
    }

    void take_broken() noexcept {
        if (before_quotes_ < size_) {
            size_ = before_quotes_;
            blank_ = blank_before_quotes_;
            hidden_ = false;
        }
        in_ = In::nothing;
        if (!hidden_) put_mark();
        broken_ = hidden_ = true;
    }

    void remember_quote() noexcept {
        if (before_quotes_ != none) return;
        before_quotes_ = size_;
        blank_before_quotes_ = blank_;
    }

    void put(std::string_view text) noexcept {
        if (blank_ != '\0' && size_ != 0) out_[size_++] = blank_;
        blank_ = '\0';
        behind_line_comment_ = false;
        std::memcpy(out_ + size_, text.data(), text.size());
        size_ += text.size();
    }
    void put_mark() noexcept {
        if (in_ == In::comma) { // the mark before stands for this one as well
            size_ = behind_mark_;
            blank_ = '\0';
            in_ = In::mark;
            return;
        }
        put("?");
        behind_mark_ = size_;
        in_ = in_ == In::open ? In::mark : In::nothing;
    }

    static constexpr std::size_t none = ~std::size_t{0};

    char* out_;
    std::size_t size_ = 0;
    std::size_t before_quotes_ = none;
    std::size_t behind_mark_ = 0;
    std::uint32_t words_ = 0; ///< of the statement
    char blank_ = '\0';
    char blank_before_quotes_ = '\0';
    In in_ = In::nothing;
    bool behind_line_comment_ = false;
    bool behind_dot_ = false;
    bool is_query_ = false; ///< PASSWORD is a column in it
    bool is_pragma_ = false;
    bool identified_ = false;
    bool secret_follows_ = false;
    bool hidden_ = false; ///< up to the end of the statement
    bool broken_ = false; ///< up to the end of the text
};

struct SqlReading {
    std::size_t text_size = 0; ///< of what was written
    bool has_parameters =
        false; ///< such as $1; what begins with another character may be an operator
    std::uint32_t statements = 0;
    SqlSummary summary;
};

/// Reads a text once. Linear in its size, allocates nothing; `out` has room for sql.size() bytes.
inline void read_sql(std::string_view sql, const SqlDialect& dialect, char* out,
                     SqlReading& reading) noexcept {
    SqlLexer lexer{sql, dialect};
    SqlWriter writer{out};
    SqlToken token;
    bool between = true; // statements
    while (lexer.next(token)) {
        const SqlWord word = token.kind == SqlKind::word ? sql_word(token.text) : SqlWord::other;
        if (token.kind == SqlKind::parameter && token.text.front() == '$')
            reading.has_parameters = true;
        if (token.kind != SqlKind::space && token.kind != SqlKind::comment) {
            if (between && !token.is(';')) ++reading.statements;
            between = token.is(';');
        }
        writer.take(token, word);
        reading.summary.take(token, word);
    }
    reading.text_size = writer.size();
}

} // namespace detail
} // namespace plume
