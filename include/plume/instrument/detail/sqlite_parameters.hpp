// sqlite_parameters.hpp - what is bound to the parameters of a statement. SQLite has no function
// that tells; but it writes the text with the values in their places.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>

#include <plume/instrument/detail/query_span.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// Where a parameter stands in its text, its number as SQLite counts, from 1, and its value's key.
struct SqliteParameter {
    std::size_t begin;
    std::size_t size;
    std::size_t number;
    RunTimeKey key;
};

/// The parameters of a text. Owns its memory.
class SqliteParameters {
  public:
    SqliteParameters() noexcept = default;
    ~SqliteParameters() { std::free(all_); }
    SqliteParameters(const SqliteParameters&) = delete;
    SqliteParameters& operator=(const SqliteParameters&) = delete;

    void forget() noexcept {
        std::free(all_);
        all_ = nullptr;
        size_ = capacity_ = 0;
        known_ = false;
    }

    /// Finds them, if that is not done. Numbers are given as SQLite does ("Parameters"): `?` is one
    /// more than the largest so far, as a name is when it is new.
    void find_in(std::string_view sql) noexcept {
        if (known_) return;
        known_ = true;
        SqlLexer lexer{sql, sqlite_sql};
        SqlToken token;
        std::size_t largest = 0;
        while (lexer.next(token)) {
            if (token.kind != SqlKind::parameter) continue;
            SqliteParameter parameter{static_cast<std::size_t>(token.text.data() - sql.data()),
                                      token.text.size(),
                                      largest + 1,
                                      {}};
            const char* const end = token.text.data() + token.text.size();
            const SqliteParameter* same = nullptr;
            if (token.text.front() == '?') {
                std::from_chars(token.text.data() + 1, end, parameter.number);
                parameter.key = parameter_key(parameter.number - 1);
            } else if (same = find(sql, token.text); same) {
                parameter.number = same->number;
                parameter.key = same->key;
            } else {
                parameter.key = parameter_key(token.text.substr(1));
            }
            largest = std::max(largest, parameter.number);
            if (!add(parameter)) return forget();
        }
    }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

    /// Calls f(parameter, value) for the parameters of `sql` in their order, where `expanded` is
    /// what sqlite3_expanded_sql() made of it, which is written to. A text is told without its
    /// quotes, a blob as x'…', a null as NULL. Stops where the two do not fit together.
    template <class F>
    void each_value(std::string_view sql, char* expanded, F&& f) const noexcept {
        if (size_ == 0 || !begins_with(expanded, sql.substr(0, all_[0].begin))) return;
        char* at = expanded + all_[0].begin;
        for (std::size_t i = 0; i != size_; ++i) {
            const std::size_t behind = all_[i].begin + all_[i].size;
            const bool last = i + 1 == size_;
            const std::string_view between =
                sql.substr(behind, (last ? sql.size() : all_[i + 1].begin) - behind);
            char* const end = end_of_value(at);
            // A quote would be taken for one of the value's. Two parameters in a row are one.
            const bool apart = between.empty() ? last : between.front() != '\'';
            if (!end || !apart || !begins_with(end, between)) return;
            char* const next = end + between.size();
            if (last && *next != '\0') return;
            f(all_[i], value_of(at, end));
            at = next;
        }
    }

  private:
    [[nodiscard]] const SqliteParameter* find(std::string_view sql,
                                              std::string_view name) const noexcept {
        constexpr std::size_t most = 1000; // so that it stays linear; who repeats names beyond?
        for (std::size_t i = 0; i != std::min(size_, most); ++i)
            if (sql.substr(all_[i].begin, all_[i].size) == name) return all_ + i;
        return nullptr;
    }
    /// False without memory.
    bool add(const SqliteParameter& parameter) noexcept {
        if (size_ == capacity_) {
            const std::size_t more = capacity_ == 0 ? 8 : 2 * capacity_;
            void* larger = std::realloc(static_cast<void*>(all_), more * sizeof(SqliteParameter));
            if (!larger) return false;
            all_ = static_cast<SqliteParameter*>(larger);
            capacity_ = more;
        }
        new (all_ + size_++) SqliteParameter{parameter};
        return true;
    }

    static bool begins_with(const char* text, std::string_view beginning) noexcept {
        return std::strncmp(text, beginning.data(), beginning.size()) == 0;
    }
    static char* skip_digits(char* at) noexcept {
        while (is_digit(*at)) ++at;
        return at;
    }
    static char* skip_string(char* at) noexcept {
        for (++at;; ++at) {
            at = std::strchr(at, '\'');
            if (!at) return nullptr;
            if (*++at != '\'') return at;
        }
    }

    /// Behind what vdbetrace.c writes for a value. Null if it is none.
    static char* end_of_value(char* at) noexcept {
        if (*at == '\'') return skip_string(at);
        if (at[0] == 'x' && at[1] == '\'') return skip_string(at + 1);
        if (begins_with(at, "NULL")) return at + 4;
        constexpr std::string_view zeros = "zeroblob(";
        if (begins_with(at, zeros)) {
            at = skip_digits(at + zeros.size());
            return *at == ')' ? at + 1 : nullptr;
        }
        if (*at == '-') ++at;
        if (begins_with(at, "Inf")) return at + 3;
        if (!is_digit(*at)) return nullptr;
        at = skip_digits(at);
        if (*at == '.') at = skip_digits(at + 1);
        // An exponent has a sign, which tells it from a name behind the number.
        if (*at == 'e' && (at[1] == '+' || at[1] == '-') && is_digit(at[2]))
            at = skip_digits(at + 2);
        return at;
    }

    static std::string_view value_of(char* begin, const char* end) noexcept {
        if (*begin != '\'') return {begin, static_cast<std::size_t>(end - begin)};
        char* to = begin;
        for (const char* from = begin + 1; from != end - 1; ++from) {
            if (*from == '\'') ++from; // the first of two
            *to++ = *from;
        }
        return {begin, static_cast<std::size_t>(to - begin)};
    }

    SqliteParameter* all_ = nullptr;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
    bool known_ = false;
};

} // namespace detail
} // namespace plume
