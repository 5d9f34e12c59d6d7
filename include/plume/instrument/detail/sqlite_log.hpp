// sqlite_log.hpp - why a statement failed. SQLite's trace hooks do not say; its error log does.
#pragma once

#include <cstdlib>
#include <cstring>
#include <string_view>

#include <sqlite3.h>

#include <plume/record/module.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// What a result code says, in words that are the same each time: those of sqlite3_errstr(), and
/// for an extended code which constraint it was.
[[nodiscard]] inline std::string_view meaning_of_sqlite_code(int code) noexcept {
    switch (code) {
    case SQLITE_CONSTRAINT_CHECK: return "CHECK constraint failed";
    case SQLITE_CONSTRAINT_COMMITHOOK: return "constraint failed in a commit hook";
    case SQLITE_CONSTRAINT_FOREIGNKEY: return "FOREIGN KEY constraint failed";
    case SQLITE_CONSTRAINT_FUNCTION: return "constraint failed in a function";
    case SQLITE_CONSTRAINT_NOTNULL: return "NOT NULL constraint failed";
    case SQLITE_CONSTRAINT_PRIMARYKEY: return "PRIMARY KEY constraint failed";
    case SQLITE_CONSTRAINT_ROWID: return "rowid constraint failed";
    case SQLITE_CONSTRAINT_TRIGGER: return "constraint failed in a trigger";
    case SQLITE_CONSTRAINT_UNIQUE: return "UNIQUE constraint failed";
    case SQLITE_CONSTRAINT_VTAB: return "constraint failed in a virtual table";
#ifdef SQLITE_CONSTRAINT_DATATYPE
    case SQLITE_CONSTRAINT_DATATYPE: return "constraint failed: datatype";
#endif
    default: return sqlite3_errstr(code);
    }
}

/// The last statement of the thread that was aborted. While the profile hook runs,
/// sqlite3_errcode() still tells of the call before (SQLite 3.40, sqlite3Step(): the hook first,
/// then the code).
struct SqliteFault {
    int code = SQLITE_OK;
    char message[256] = {}; ///< SQLite cuts its messages at 210 bytes
};
inline constinit thread_local SqliteFault sqlite_fault;

/// What the log says of a statement that was aborted:
///     statement aborts at 5: [SELECT …] integer overflow
///     abort at 10 in [INSERT …]: UNIQUE constraint failed: t.a
/// `text` is what its brackets begin with; `reason` is empty where the message was cut before it.
struct SqliteAbort {
    bool found = false;
    std::string_view reason;

    [[nodiscard]] static SqliteAbort read(std::string_view message,
                                          std::string_view text) noexcept {
        const std::size_t bracket = message.find('[');
        if (!is_abort(message) || bracket == std::string_view::npos) return {};
        message.remove_prefix(bracket + 1);
        if (message.size() <= text.size()) return {text.starts_with(message), {}};
        if (!message.starts_with(text)) return {};
        message.remove_prefix(text.size());
        for (const std::string_view end : {"]: ", "] "})
            if (message.starts_with(end)) return {true, message.substr(end.size())};
        // Cut by SQLite: what stands there is the rest of the brackets.
        return {message == "]" || message == "]:", {}};
    }
    [[nodiscard]] static bool is_abort(std::string_view message) noexcept {
        return message.starts_with("statement aborts at ") || message.starts_with("abort at ");
    }
};

inline void note_sqlite_error(int code, const char* message) noexcept {
    if (!message || !SqliteAbort::is_abort(message)) return;
    const std::size_t size = strnlen(message, sizeof sqlite_fault.message - 1);
    std::memcpy(sqlite_fault.message, message, size);
    sqlite_fault.message[size] = '\0';
    sqlite_fault.code = code;
}

inline void sqlite_log(void*, int code, const char* message) noexcept {
    note_sqlite_error(code, message);
}

/// Before 3.42 SQLite takes a log only until it is first used: this is done when the program, or
/// the library that instruments, is loaded. An application that sets a log of its own replaces it.
inline bool watch_sqlite_errors() noexcept {
    if (sqlite3_config(SQLITE_CONFIG_LOG, &sqlite_log, nullptr) != SQLITE_OK) return false;
#if PLUME_ELF
    Dl_info here{};
    if (dladdr(reinterpret_cast<const void*>(&sqlite_log), &here) != 0 && here.dli_fname)
        pin(here.dli_fname); // SQLite may call it for as long as the process lives
#endif
    return true;
}
inline const bool watches_sqlite_errors = watch_sqlite_errors();

} // namespace detail
} // namespace plume
