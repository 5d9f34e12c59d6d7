// sqlite_parameters.cpp - what is recorded of the values that are bound to a statement, beside what
// was bound. The first line is the text, the others say what is bound, in turns.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <sqlite3.h>

#include <plume/instrument/detail/sqlite_parameters.hpp>

#include "fuzz.hpp"

namespace {

using Database = std::unique_ptr<sqlite3, decltype(&sqlite3_close)>;
using Statement = std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)>;
using Text = std::unique_ptr<char, decltype(&sqlite3_free)>;

sqlite3* open() {
    sqlite3* db = nullptr;
    fuzz::require(sqlite3_open(":memory:", &db) == SQLITE_OK, "there is a database");
    return db;
}

/// Binds a value that no other parameter has, and returns how it is recorded.
std::string bind(sqlite3_stmt* statement, int number, const std::string& value) {
    // SQLite writes texts up to the first NUL.
    const std::string unique = value.substr(0, value.find('\0')) + std::to_string(number);
    const int size = static_cast<int>(unique.size());
    switch (value.empty() ? 'n' : value[0]) {
    case 'i': {
        const std::int64_t bound = -number * std::int64_t{1'000'000'007};
        sqlite3_bind_int64(statement, number, bound);
        return std::to_string(bound);
    }
    case 'd': {
        const double bound = number * (value.size() % 2 == 0 ? 1e200 : -1.25);
        sqlite3_bind_double(statement, number, bound);
        return Text{sqlite3_mprintf("%!.15g", bound), &sqlite3_free}.get();
    }
    case 'z':
        sqlite3_bind_zeroblob(statement, number, number);
        return "zeroblob(" + std::to_string(number) + ")";
    case 'x': {
        sqlite3_bind_blob(statement, number, unique.data(), size, SQLITE_TRANSIENT);
        std::string digits = "x'";
        for (const char c : unique) {
            char two[3];
            std::snprintf(two, sizeof two, "%02x", static_cast<unsigned>(c) & 0xffU);
            digits += two;
        }
        return digits + "'";
    }
    case 'n': return "NULL";
    default:
        sqlite3_bind_text(statement, number, unique.data(), size, SQLITE_TRANSIENT);
        return unique;
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const Database db{open(), &sqlite3_close};
    const std::vector<std::string> lines =
        fuzz::split({reinterpret_cast<const char*>(data), size}, '\n');
    sqlite3_stmt* prepared = nullptr;
    sqlite3_prepare_v2(db.get(), lines[0].c_str(), -1, &prepared, nullptr);
    const Statement statement{prepared, &sqlite3_finalize};
    if (!statement) return 0;
    const int count = sqlite3_bind_parameter_count(statement.get());
    if (count > 1000) return 0; // ?32766: it takes long, and shows nothing new
    std::vector<std::string> bound;
    for (int i = 1; i <= count; ++i) {
        const std::size_t turn = static_cast<std::size_t>(i) % lines.size();
        bound.push_back(bind(statement.get(), i, turn == 0 ? "" : lines[turn]));
    }

    const std::string_view sql = sqlite3_sql(statement.get());
    const Text expanded{sqlite3_expanded_sql(statement.get()), &sqlite3_free};
    plume::detail::SqliteParameters parameters;
    parameters.find_in(sql);
    int told = 0;
    parameters.each_value(
        sql, expanded.get(),
        [&](const plume::detail::SqliteParameter& parameter, std::string_view value) {
            ++told;
            fuzz::require(parameter.number >= 1 && parameter.number <= bound.size(),
                          "SQLite has this parameter");
            fuzz::require(value == bound[parameter.number - 1], "it has the value that was bound");
            const std::string name{sql.substr(parameter.begin, parameter.size)};
            if (name.front() != '?')
                fuzz::require(sqlite3_bind_parameter_index(statement.get(), name.c_str()) ==
                                  static_cast<int>(parameter.number),
                              "it has its name");
        });
    // Tcl's names, such as $a::b(c), are not read, nor is a value with a quote behind it.
    if (count != 0 && sql.find_first_of("$#:('") == std::string_view::npos)
        fuzz::require(told != 0, "what is bound is told");
    return 0;
}
