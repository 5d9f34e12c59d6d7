// sqlite_statements.hpp - the statements of a connection: what was read of their texts, and which
// are running.
#pragma once

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

    template <class Sink>
    auto operator()(Sink&& sink) const noexcept {
        return sink(
            client, Key<"db.system.name">{} = "sqlite", Key<"db.namespace">{} = if_any(name_space),
            Key<"db.operation.name">{} = if_any(query.operation),
            Key<"db.collection.name">{} = if_any(query.collection),
            Key<"db.query.summary">{} = if_any(query.summary), Key<"db.query.text">{} = query.text);
    }
};
using SqliteSite =
    typename SiteFor<SiteKind::span, Anywhere<"sqlite">, ArgumentsOf<const SqliteAttributes>>::type;

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
        slot.query = QueryText::make<SqliteSite>(
            sql, sqlite_sql, kept ? QueryText::Literals::kept : QueryText::Literals::replaced);
        slot.statement = statement;
        return slot;
    }

  private:
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
