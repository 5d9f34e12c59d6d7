// stock.hpp - what lies on the shelves, in an SQLite database.
#pragma once

#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <sqlite3.h>

namespace inventory {

struct DatabaseError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// May be used by several threads at once; they take turns.
class Stock {
  public:
    /// Opens the database in that file, or creates and fills it; without a name it is a temporary
    /// file of SQLite's. Throws DatabaseError.
    explicit Stock(const std::string& file);

    struct Answer {
        std::vector<std::string> values = {}; ///< a row each
        std::string error = {};               ///< why there is none; empty if all went well
    };
    /// How many there are of an item: one value, or none if nobody knows the item.
    [[nodiscard]] Answer quantity(std::string_view sku);
    /// All items, the scarcest first.
    [[nodiscard]] Answer items();

  private:
    struct Close {
        void operator()(sqlite3* database) const noexcept { sqlite3_close(database); }
        void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
    };
    using Statement = std::unique_ptr<sqlite3_stmt, Close>;

    [[nodiscard]] Statement prepare(const char* sql);
    [[nodiscard]] Answer select(sqlite3_stmt* statement);

    std::mutex mutex_;
    std::unique_ptr<sqlite3, Close> database_; // the statements go first
    Statement quantity_;
    Statement items_;
};

} // namespace inventory
