// stock.cpp - queries by SQLite, each of them traced.
#include "stock.hpp"

#include <string>

#include <plume/instrument/sqlite.hpp>

namespace inventory {
namespace {

// Two shelves may have the same item. Of paper clips somebody has entered a number on one shelf
// that leaves no room for those on the other: their sum makes the database fail, for real.
constexpr const char* create_and_fill = R"(
    BEGIN IMMEDIATE;
    CREATE TABLE IF NOT EXISTS stock (
        sku TEXT NOT NULL, shelf TEXT NOT NULL, quantity INTEGER NOT NULL, PRIMARY KEY (sku, shelf)
    );
    INSERT OR IGNORE INTO stock VALUES
        ('desk-lamp', 'A1', 7), ('desk-lamp', 'C4', 5), ('oak-table', 'B2', 3),
        ('wool-rug', 'B7', 1), ('paper-clip', 'A3', 9223372036854775807), ('paper-clip', 'D1', 1);
    COMMIT;
)";

} // namespace

Stock::Stock(const std::string& file) {
    sqlite3* database = nullptr;
    const int code = sqlite3_open(file.c_str(), &database);
    database_.reset(database);
    sqlite3_busy_timeout(database, 100); // milliseconds
    if (code != SQLITE_OK ||
        sqlite3_exec(database, create_and_fill, nullptr, nullptr, nullptr) != SQLITE_OK)
        throw DatabaseError{file + ": " + sqlite3_errmsg(database)};
    // From here on. What a statement says is in its span, with a question mark for each value.
    plume::instrument(database, {.rows = true});
    quantity_ = prepare("SELECT sum(quantity) FROM stock WHERE sku = ? GROUP BY sku");
    items_ = prepare("SELECT sku FROM stock GROUP BY sku ORDER BY total(quantity)");
}

Stock::Statement Stock::prepare(const char* sql) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(database_.get(), sql, -1, &statement, nullptr) != SQLITE_OK)
        throw DatabaseError{sqlite3_errmsg(database_.get())};
    return Statement{statement};
}

Stock::Answer Stock::quantity(std::string_view sku) {
    const std::lock_guard lock{mutex_};
    sqlite3_bind_text(quantity_.get(), 1, sku.data(), static_cast<int>(sku.size()), SQLITE_STATIC);
    return select(quantity_.get());
}

Stock::Answer Stock::items() {
    const std::lock_guard lock{mutex_};
    return select(items_.get());
}

Stock::Answer Stock::select(sqlite3_stmt* statement) {
    Answer answer;
    int code = SQLITE_ROW;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        const unsigned char* const text = sqlite3_column_text(statement, 0);
        answer.values.emplace_back(reinterpret_cast<const char*>(text));
    }
    if (code != SQLITE_DONE) answer.error = sqlite3_errmsg(database_.get());
    sqlite3_reset(statement);
    return answer;
}

} // namespace inventory
