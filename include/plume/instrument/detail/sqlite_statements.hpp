// sqlite_statements.hpp - the statements of a connection: what was read of their texts, and which
// are running.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>

#include <sqlite3.h>

#include <plume/instrument/detail/query_span.hpp>
#include <plume/instrument/detail/sqlite_parameters.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

struct SqliteAttributes {
    const QueryText& query;
    std::string_view name_space;
    bool operation_and_collection;

    template <class Sink>
    auto operator()(Sink&& sink) const noexcept {
        return sink(
            client, Key<"db.system.name">{} = "sqlite", Key<"db.namespace">{} = if_any(name_space),
            Key<"db.operation.name">{} =
                if_any(operation_and_collection ? query.operation : std::string_view{}),
            Key<"db.collection.name">{} =
                if_any(operation_and_collection ? query.collection : std::string_view{}),
            Key<"db.query.summary">{} = if_any(query.summary), Key<"db.query.text">{} = query.text);
    }
};
using SqliteSite =
    typename SiteFor<SiteKind::span, Anywhere<"sqlite">, ArgumentsOf<const SqliteAttributes>>::type;

/// Whether a text is of a virtual table that reads its own tables (FTS5, FTS3, R*Tree). SQLite runs
/// some of them while it prepares a statement, and tells of them as of the application's own. Known
/// by how they are written: SELECT … FROM 'main'.'notes_config', PRAGMA 'main'.data_version.
inline bool is_of_virtual_table(std::string_view sql) noexcept {
    constexpr std::string_view suffixes[] = {"_config", "_content",  "_data",   "_docsize",
                                             "_idx",    "_node",     "_parent", "_rowid",
                                             "_segdir", "_segments", "_stat"};
    constexpr std::size_t longest = 1024;
    if (sql.size() > longest) return false;
    SqlLexer lexer{sql, sqlite_sql};
    SqlToken token;
    while (lexer.next(token)) {
        const bool quoted = token.text.front() == '\'' || token.kind == SqlKind::doubtful;
        if (!quoted || !lexer.following().is('.')) continue;
        while (lexer.next(token) && !token.is('.')) {}
        if (!lexer.next(token)) return false;
        if (token.kind == SqlKind::word)
            return token.text == "data_version" || token.text == "page_size";
        if (token.text.size() < 2 || token.text.front() != '\'') return false;
        const std::string_view name = token.text.substr(1, token.text.size() - 2);
        return std::ranges::any_of(suffixes,
                                   [name](auto suffix) { return name.ends_with(suffix); });
    }
    return false;
}

/// What was read of the texts that a connection runs again and again, found by the address of the
/// prepared statement. Addresses are used again, so a text counts only if it is the same.
class SqliteTexts {
  public:
    SqliteTexts() noexcept = default;
    ~SqliteTexts() {
        for (const Slot& slot : slots_) std::free(slot.query);
    }
    SqliteTexts(const SqliteTexts&) = delete;
    SqliteTexts& operator=(const SqliteTexts&) = delete;

    struct Slot {
        sqlite3_stmt* statement = nullptr;
        QueryText* query = nullptr;
        bool of_virtual_table = false;
        Rendered rendered;
        SqliteParameters parameters;
    };

    /// `query` is null without memory.
    Slot& find(sqlite3_stmt* statement, const char* sql, bool replace_all) noexcept {
        constexpr std::uint64_t golden = 0x9e3779b97f4a7c15; // 2^64 / the golden ratio
        Slot& slot = slots_[(reinterpret_cast<std::uintptr_t>(statement) * golden) >> 58U];
        if (slot.statement == statement && slot.query &&
            std::strcmp(slot.query->sql.data(), sql) == 0) [[likely]]
            return slot;
        const bool kept = !replace_all && sqlite3_bind_parameter_count(statement) != 0;
        slot.rendered.forget();
        slot.parameters.forget();
        std::free(slot.query);
        slot.query = QueryText::make<SqliteSite>(sql, dialect_of(sqlite3_db_handle(statement)),
                                                 kept ? QueryText::Literals::kept
                                                      : QueryText::Literals::replaced);
        slot.statement = statement;
        slot.of_virtual_table = is_of_virtual_table(sql);
        return slot;
    }

  private:
    /// Double quotes are doubtful only where the connection takes them for strings.
    static SqlDialect dialect_of(sqlite3* db) noexcept {
        SqlDialect dialect = sqlite_sql;
#ifdef SQLITE_DBCONFIG_DQS_DML
        int queries = 1, schema = 1; // so it is before 3.29, which knows neither
        sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, -1, &queries);
        sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DDL, -1, &schema);
        dialect.doubtful_quotes = queries != 0 || schema != 0;
#else
        static_cast<void>(db);
#endif
        return dialect;
    }

    Slot slots_[64]; // of 48 KiB at most: 3 MiB a connection in the worst case
};

/// The statements of a connection that have begun and not ended: few, mostly one.
class SqliteOpenStatements {
  public:
    struct Open {
        sqlite3_stmt* statement;
        QuerySpan span;
        std::int64_t rows;
        bool retried; ///< the schema has changed: SQLite prepares it again and goes on
    };

    SqliteOpenStatements() noexcept = default;
    ~SqliteOpenStatements() { std::free(all_); }
    SqliteOpenStatements(const SqliteOpenStatements&) = delete;
    SqliteOpenStatements& operator=(const SqliteOpenStatements&) = delete;

    [[nodiscard]] Open* find(sqlite3_stmt* statement) noexcept {
        for (std::size_t i = size_; i-- != 0;)
            if (all_[i].statement == statement) return all_ + i;
        return nullptr;
    }
    /// Null without memory.
    Open* add(sqlite3_stmt* statement) noexcept {
        if (size_ == capacity_) {
            const std::size_t more = capacity_ == 0 ? 8 : 2 * capacity_;
            void* larger = std::realloc(all_, more * sizeof(Open));
            if (!larger) return nullptr;
            all_ = static_cast<Open*>(larger);
            capacity_ = more;
        }
        return new (all_ + size_++) Open{statement, {}, 0, false};
    }
    void remove(Open* open) noexcept { *open = all_[--size_]; }
    [[nodiscard]] Open* begin() const noexcept { return all_; }
    [[nodiscard]] Open* end() const noexcept { return all_ + size_; }

  private:
    Open* all_ = nullptr;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

} // namespace detail
} // namespace plume
