// sqlite.hpp - every statement of an SQLite connection as a span, through SQLite's own hooks.
#pragma once

#include <new>

#include <sqlite3.h>

#include <plume/core/config.hpp>
#include <plume/instrument/detail/sql_options.hpp>
#if PLUME_ENABLED
#    include <plume/instrument/detail/sqlite_connection.hpp>
#endif

namespace plume {

#if PLUME_ENABLED

namespace [[gnu::visibility("hidden")]] detail {

/// SQLite calls it when the connection is really gone, which may be later than sqlite3_close_v2(),
/// and never while a statement runs; or at once, if it could not take the state.
inline void forget_sqlite(void* state) noexcept {
    auto* connection = static_cast<SqliteConnection*>(state);
    connection->stop();
    connection->~SqliteConnection();
    std::free(connection);
}

inline constexpr const char* sqlite_keeper = "plume_traces_this_connection";

/// Hangs the state on a function of SQL, the one thing that SQLite destroys with a connection.
inline int keep_with_sqlite(sqlite3* db, SqliteConnection* state) noexcept {
    const auto yes = [](sqlite3_context* context, int, sqlite3_value**) {
        sqlite3_result_int(context, 1);
    };
    return sqlite3_create_function_v2(db, sqlite_keeper, 0, SQLITE_UTF8, state,
                                      state ? +yes : nullptr, nullptr, nullptr,
                                      state ? &forget_sqlite : nullptr);
}

} // namespace detail

/// From here on every statement of the connection is a span of kind client, called like
/// `SELECT users`, from its first step until it is done, fails, is reset or finalized; its parent
/// is the span that is current at its first step. Until the connection is closed, before or after
/// whatever session. Any thread that may use the connection; SQLite's rules for threads hold.
/// Returns a result code of SQLite: SQLITE_OK; SQLITE_NOMEM; SQLITE_BUSY if it is instrumented
/// already and statements are running. A trace hook that is set later with sqlite3_trace_v2()
/// replaces ours. See docs/instrumentation.md for the attributes.
inline int instrument(sqlite3* db, const SqliteOptions& options = {}) noexcept {
    if (!db) return SQLITE_MISUSE;
    void* memory = std::malloc(sizeof(detail::SqliteConnection));
    if (!memory) return SQLITE_NOMEM;
    auto* state = new (memory) detail::SqliteConnection{db, options};
    if (const int code = detail::keep_with_sqlite(db, state); code != SQLITE_OK) return code;
    return state->start();
}

/// Ends that; spans of statements that are running end with it. Returns a result code of SQLite:
/// SQLITE_OK, also if it was not instrumented; SQLITE_BUSY while statements are running.
inline int stop_instrumenting(sqlite3* db) noexcept {
    return detail::keep_with_sqlite(db, nullptr);
}

/// For an application that sets an error log of its own (SQLITE_CONFIG_LOG): call it from there, so
/// that spans go on to know why their statements failed. Any thread.
inline void sqlite_error(int code, const char* message) noexcept {
    detail::note_sqlite_error(code, message);
}

#else

// Templates, so that they are other functions than the real ones of files that trace.
template <class = void>
inline int instrument(sqlite3*, const SqliteOptions& = {}) noexcept {
    return SQLITE_OK;
}
template <class = void>
inline int stop_instrumenting(sqlite3*) noexcept {
    return SQLITE_OK;
}
template <class = void>
inline void sqlite_error(int, const char*) noexcept {}

#endif

} // namespace plume
