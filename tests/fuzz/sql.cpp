// sql.cpp - what is recorded of SQL, beside a reader that knows quotes and nothing else: no
// character of a string or of a comment stays, every character of a quoted name does.
#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <plume/instrument/detail/sql_text.hpp>

namespace {

using plume::detail::SqlDialect;
using plume::detail::SqlManner;
using plume::detail::SqlReading;

void expect(bool held) {
    if (!held) std::abort();
}

std::string read(const std::string& sql, const SqlDialect& dialect, SqlReading& reading,
                 SqlManner manner = {}) {
    std::string out(sql.size(), '\0');
    plume::detail::read_sql(sql, dialect, out.data(), reading, manner);
    expect(reading.text_size <= sql.size());
    out.resize(reading.text_size);
    return out;
}

/// What a byte is: of a string ('s'), of what may be one ('d'), of a comment ('c'), of a quoted
/// name
/// ('n'), quotes included, or of anything else (' '). '!' from where something has no end.
std::string marks_of(const std::string& sql, const SqlDialect& dialect) {
    std::string marks(sql.size(), ' ');
    const auto at = [&](std::size_t i) { return i < sql.size() ? sql[i] : '\0'; };
    const auto is_word = [&](std::size_t i) {
        return std::isalnum(static_cast<unsigned char>(at(i))) != 0 || at(i) == '_' ||
               at(i) == '$' || static_cast<unsigned char>(at(i)) >= 0x80;
    };
    /// Marks up to the end of a text behind `from`, which begins with `end`.
    const auto mark = [&](std::size_t begin, std::size_t end, char kind) {
        if (end > sql.size()) {
            for (std::size_t k = begin; k < sql.size(); ++k) marks[k] = '!';
            return sql.size();
        }
        for (std::size_t k = begin; k < end; ++k) marks[k] = kind;
        return end;
    };
    const auto quoted = [&](std::size_t begin, char quote, bool backslashes) {
        for (std::size_t k = begin + 1; k < sql.size(); ++k) {
            if (backslashes && sql[k] == '\\') ++k;
            else if (sql[k] == quote && at(k + 1) == quote) ++k;
            else if (sql[k] == quote) return k + 1;
        }
        return sql.size() + 1;
    };
    /// One string; with backslashes, it goes on behind blanks with a line break and comments of one
    /// line.
    const auto string = [&](std::size_t begin, bool backslashes) {
        for (;;) {
            const std::size_t end = mark(begin, quoted(begin, '\'', backslashes), 's');
            bool line_break = false;
            for (begin = end;; ++begin) {
                if (at(begin) == '-' && at(begin + 1) == '-')
                    while (begin < sql.size() && at(begin) != '\n' && at(begin) != '\r') ++begin;
                if (begin >= sql.size() ||
                    (static_cast<unsigned char>(at(begin)) > ' ' && at(begin) != '\x7f'))
                    break;
                line_break = line_break || at(begin) == '\n' || at(begin) == '\r';
            }
            if (!backslashes || !line_break || at(begin) != '\'') return end;
        }
    };
    std::size_t i = 0;
    while (i < sql.size()) {
        if (at(i) == '-' && at(i + 1) == '-') {
            std::size_t end = i;
            while (end < sql.size() && sql[end] != '\n' &&
                   !(dialect.returns_end_comments && sql[end] == '\r'))
                ++end;
            i = mark(i, end, 'c');
        } else if (at(i) == '/' && at(i + 1) == '*') {
            int depth = 1;
            std::size_t end = i + 2;
            while (end < sql.size() && depth > 0) {
                if (sql[end] == '*' && at(end + 1) == '/') --depth, end += 2;
                else if (dialect.nested_comments && sql[end] == '/' && at(end + 1) == '*')
                    ++depth, end += 2;
                else ++end;
            }
            const bool ends = depth == 0 || dialect.open_comments;
            i = mark(i, ends ? std::min(end, sql.size()) : sql.size() + 1, 'c');
        } else if (at(i) == '\'') {
            i = string(i, dialect.backslashes);
        } else if (at(i) == '"') {
            i = mark(i, quoted(i, '"', false), dialect.doubtful_quotes ? 'd' : 'n');
        } else if (dialect.brackets && at(i) == '`') {
            i = mark(i, quoted(i, '`', false), 'n');
        } else if (dialect.brackets && at(i) == '[') {
            const std::size_t end = sql.find(']', i);
            i = mark(i, end == std::string::npos ? sql.size() + 1 : end + 1, 'n');
        } else if (is_word(i) && at(i) != '$') {
            std::size_t end = i;
            // A point goes on with a number, and so does a sign.
            const bool number = std::isdigit(static_cast<unsigned char>(at(i))) != 0;
            while (is_word(end) || (number && at(end) == '.') ||
                   (number && (at(end) == '+' || at(end) == '-') &&
                    std::isdigit(static_cast<unsigned char>(at(end + 1))) != 0))
                ++end;
            const std::string word = sql.substr(i, end - i);
            if (dialect.escape_strings && (word == "e" || word == "E") && at(end) == '\'') {
                i = string(end, true);
            } else {
                i = end;
            }
        } else if (dialect.dollar_quotes && at(i) == '$') {
            std::size_t end = i + 1;
            if (std::isdigit(static_cast<unsigned char>(at(end))) != 0) {
                while (std::isdigit(static_cast<unsigned char>(at(end))) != 0) ++end;
                i = end;
                continue;
            }
            while (is_word(end) && at(end) != '$') ++end;
            if (at(end) != '$') {
                ++i;
                continue;
            }
            const std::string tag = sql.substr(i, end + 1 - i);
            const std::size_t close = sql.find(tag, end + 1);
            i = mark(i, close == std::string::npos ? sql.size() + 1 : close + tag.size(), 's');
        } else if (at(i) == '$') { // a parameter
            ++i;
            while (is_word(i)) ++i;
        } else {
            ++i;
        }
    }
    return marks;
}

constexpr char stain = '\x7e'; // '~' has no meaning for any reader of SQL here

void check(std::string sql, const SqlDialect& dialect) {
    for (char& c : sql)
        if (c == stain) c = ' ';
    const std::string marks = marks_of(sql, dialect);
    const bool broken = marks.find('!') != std::string::npos;
    // Statements with passwords and settings lose more than their strings.
    std::string lower = sql;
    for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    bool hides = false;
    for (const char* const word :
         {"password", "identified", "pragma", "attach", "set", "default", "virtual"})
        hides = hides || lower.find(word) != std::string::npos;

    SqlReading reading;
    const std::string text = read(sql, dialect, reading);
    const std::string summary{reading.summary.text()};
    expect(summary.size() <= 255);

    // Stained inside of its strings, a text reads the same, and no stain comes through.
    std::string stained = sql;
    std::string kept;
    for (std::size_t i = 0; i < sql.size(); ++i) {
        const auto c = static_cast<unsigned char>(sql[i]);
        if ((marks[i] == 's' || marks[i] == 'c') && std::isalnum(c) != 0 &&
            !(i != 0 && sql[i - 1] == '\\')) {
            bool in_tag = false; // of a dollar quote, which has to stay what it is
            if (dialect.dollar_quotes) in_tag = sql.find('$') != std::string::npos;
            if (!in_tag) stained[i] = stain;
        }
        if (marks[i] == 'n') kept += sql[i];
    }
    SqlReading again;
    const std::string clean = read(stained, dialect, again);
    expect(clean.find(stain) == std::string::npos);
    if (!broken && !dialect.doubtful_quotes) {
        expect(clean == text);
        expect(again.summary.text() == summary);
    }

    // Quoted names are there in full, in order, if nothing had to go with them.
    if (!broken && !hides) {
        std::size_t found = 0;
        for (std::size_t i = 0; i < text.size() && found < kept.size(); ++i)
            if (text[i] == kept[found]) ++found;
        expect(found == kept.size());
    }

    // What is written has no literal left: read once more it stays as it is. Where something was
    // left out up to the end of its statement, a parenthesis may have gone with it, and the end is
    // found later.
    SqlReading third;
    const std::string twice = read(text, dialect, third);
    expect(hides ? twice.size() <= text.size() : twice == text);

    // With its literals it is the same text, and reads like it.
    SqlReading fourth, fifth;
    const std::string whole = read(sql, dialect, fourth, {.keeps_literals = true});
    expect(fourth.summary.text() == summary);
    if (!broken && !hides) expect(read(whole, dialect, fifth) == text);

    // Cut anywhere, it shows nothing else.
    for (std::size_t size = 0; size < stained.size(); size += 1 + size / 8) {
        SqlReading cut;
        expect(read(stained.substr(0, size), dialect, cut, {.cut = true}).find(stain) ==
               std::string::npos);
        expect(cut.summary.text().find(stain) == std::string_view::npos);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    const std::string sql{reinterpret_cast<const char*>(data + 1), size - 1};
    SqlDialect old_postgresql = plume::detail::postgresql_sql;
    old_postgresql.backslashes = true;
    SqlDialect sqlite_without_doubts = plume::detail::sqlite_sql;
    sqlite_without_doubts.doubtful_quotes = false;
    switch (data[0] % 3) {
    case 0:
        check(sql, plume::detail::sqlite_sql);
        check(sql, sqlite_without_doubts);
        break;
    case 1: check(sql, plume::detail::postgresql_sql); break;
    default: check(sql, old_postgresql);
    }
    return 0;
}
