// sqlite_connection.hpp - what SQLite's hooks tell of an instrumented connection, made into spans.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include <sqlite3.h>

#include <plume/instrument/detail/sql_options.hpp>
#include <plume/instrument/detail/sqlite_log.hpp>
#include <plume/instrument/detail/sqlite_statements.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// SQLite calls its hooks with the connection's mutex held; an application that compiled the
/// mutexes out keeps its threads apart by itself. So nothing here needs a lock.
class SqliteConnection {
  public:
    SqliteConnection(sqlite3* db, const SqliteOptions& settings) noexcept
        : db_{db}, settings_{settings} {
        // The name without its folder: where a database lies is the business of its machine.
        const char* file = sqlite3_db_filename(db, "main");
        std::string_view name = file ? file : "";
        name.remove_prefix(name.find_last_of('/') + 1);
        name_size_ = std::min(name.size(), sizeof name_);
        if (name_size_ != 0) std::memcpy(name_, name.data(), name_size_);
    }
    ~SqliteConnection() {
        for (auto& open : open_) open.span.end();
    }
    SqliteConnection(const SqliteConnection&) = delete;
    SqliteConnection& operator=(const SqliteConnection&) = delete;

    /// Has SQLite call it from here on.
    int start() noexcept {
        const int code = sqlite3_trace_v2(db_, events(), &on_event, this);
        started_ = code == SQLITE_OK;
        return code;
    }
    void stop() noexcept {
        if (started_) sqlite3_trace_v2(db_, 0, nullptr, nullptr);
    }

  private:
    using Open = SqliteOpenStatements::Open;

    [[nodiscard]] unsigned events() const noexcept {
        return SQLITE_TRACE_STMT | SQLITE_TRACE_PROFILE |
               (settings_.rows ? unsigned{SQLITE_TRACE_ROW} : 0U) |
               (settings_.trace ? settings_.trace_events : 0U);
    }

    static int on_event(unsigned event, void* self, void* p, void* x) noexcept {
        auto& connection = *static_cast<SqliteConnection*>(self);
        auto* statement = static_cast<sqlite3_stmt*>(p);
        if (event == SQLITE_TRACE_STMT) connection.begins(statement, static_cast<const char*>(x));
        else if (event == SQLITE_TRACE_PROFILE) connection.ends(statement);
        else if (event == SQLITE_TRACE_ROW) connection.has_row(statement);
        const SqliteOptions& settings = connection.settings_;
        if (settings.trace && (settings.trace_events & event) != 0)
            settings.trace(event, settings.trace_context, p, x);
        return 0;
    }

    /// `what` is the text of the statement; or a comment: what a trigger does, or the text of a
    /// statement that runs inside of another.
    void begins(sqlite3_stmt* statement, const char* what) noexcept {
        if (is_comment(what) && what != sqlite3_sql(statement)) {
            if (!settings_.nested) return;
            const std::string_view sql = sqlite3_sql(statement);
            do what += 3;
            while (what != sql && is_comment(what));
            if (what != sql) {
                constexpr std::string_view trigger = "TRIGGER ";
                if (std::string_view{what}.starts_with(trigger))
                    fires(statement, what + trigger.size());
                return;
            }
        } else if (retries_) {
            end_failed_retries();
        }
        if (Open* open = open_.find(statement)) {
            // It runs still: an action of a foreign key is told like the statement that it is part
            // of. But what was to be prepared again, and could not, has ended without a hook.
            if (!open->retried) return;
            if (tells_retries_apart()) fail(*open, SQLITE_SCHEMA, {});
            close(*open);
        }
        if (goes_on(statement)) return;
        // With a span or without one: it is known to run.
        Open* const open = open_.add(statement);
        if (!open || index_of<SqliteSite>() == 0) return;
        SqliteTexts::Slot& text = texts_.find(statement, what, settings_.replace_all_literals);
        if (!text.query || (text.of_virtual_table && !settings_.nested)) return;
        open->span = QuerySpan::begin<SqliteSite>(
            text.query->site, text.rendered,
            SqliteAttributes{*text.query, {name_, name_size_}, settings_.operation_and_collection});
        if (!open->span.recording()) return;
        if (settings_.parameters) [[unlikely]]
            record_parameters(open->span, text.parameters, statement, what);
        sqlite_fault.code = SQLITE_OK;
    }

    [[gnu::noinline, gnu::cold]] static void record_parameters(const QuerySpan& span,
                                                               SqliteParameters& parameters,
                                                               sqlite3_stmt* statement,
                                                               std::string_view sql) noexcept {
        parameters.find_in(sql);
        if (parameters.empty()) return;
        // Null without memory, and if it were longer than SQLITE_LIMIT_LENGTH.
        char* const expanded = sqlite3_expanded_sql(statement);
        if (!expanded) return;
        parameters.each_value(sql, expanded,
                              [&span](const SqliteParameter& parameter, std::string_view value) {
                                  span.set_text(parameter.key, value);
                              });
        sqlite3_free(expanded);
    }

    /// Whether the statement ended busy, is tried again without a reset, and does what a foreign
    /// key wants: it writes by then, as it does not when it begins. Of such a try SQLite tells
    /// nothing else, and it counts the steps of a try when that is over.
    [[nodiscard]] bool goes_on(sqlite3_stmt* statement) noexcept {
        if (!left_busy_) return false;
#if SQLITE_VERSION_NUMBER >= 3034000
        if (left_busy_ == statement && left_steps_ == steps_of(statement) &&
            sqlite3_txn_state(db_, nullptr) == SQLITE_TXN_WRITE)
            return true;
#else
        static_cast<void>(statement);
#endif
        left_busy_ = nullptr;
        return false;
    }

    static int steps_of(sqlite3_stmt* statement) noexcept {
        return sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_VM_STEP, 0);
    }

    static bool is_comment(const char* text) noexcept {
        return text[0] == '-' && text[1] == '-' && text[2] == ' ';
    }

    void fires(sqlite3_stmt* statement, const char* trigger) noexcept {
        if (const Open* open = open_.find(statement))
            open->span.event(Anywhere<"trigger">{},
                             Key<"sqlite.trigger.name">{} = std::string_view{trigger});
    }

    void has_row(sqlite3_stmt* statement) noexcept {
        Open* open = open_.find(statement);
        if (open && open->rows++ == 0) open->span.event(Anywhere<"first row">{});
    }

    void ends(sqlite3_stmt* statement) noexcept {
        Open* open = open_.find(statement);
        if (!open) return;
        if (sqlite_fault.code != SQLITE_OK) [[unlikely]] {
            if (failed(*open)) return;
        } else if (sqlite3_stmt_busy(statement) != 0 && sqlite3_data_count(statement) == 0) {
            // It could not begin, or not commit: SQLite leaves it where it is for another try, and
            // logs nothing. A statement that the application has left has a row at hand.
            fail(*open, SQLITE_BUSY, {});
            left_busy_ = statement;
            left_steps_ = steps_of(statement);
        }
        close(*open);
    }

    /// True if SQLite is about to go on with the statement.
    bool failed(Open& open) noexcept {
        const int code = sqlite_fault.code;
        const SqliteAbort abort =
            SqliteAbort::read(sqlite_fault.message, sqlite3_sql(open.statement));
        if (!abort.found) return false; // of another connection, or outside of any statement
        sqlite_fault.code = SQLITE_OK;
        if (code == SQLITE_SCHEMA) return retries_ = open.retried = true;
        fail(open, code, abort.reason);
        return false;
    }

    /// `message` may be empty, and may quote values.
    void fail(const Open& open, int code, std::string_view message) const noexcept {
        char number[12];
        const char* end = std::to_chars(number, number + sizeof number, code).ptr;
        const bool shown = settings_.messages && !message.empty();
        open.span.fail({number, static_cast<std::size_t>(end - number)},
                       shown ? message : meaning_of_sqlite_code(code));
    }
    /// Whether a statement that was prepared again goes on without being told once more.
    static bool tells_retries_apart() noexcept { return sqlite3_libversion_number() >= 3039000; }

    void close(Open& open) noexcept {
        if (settings_.rows) open.span.set(Key<"db.response.returned_rows">{} = open.rows);
        open.span.end();
        open_.remove(&open);
    }

    /// A statement that could not be prepared again has ended without a hook; one that runs again
    /// is busy.
    void end_failed_retries() noexcept {
        retries_ = false;
        for (std::size_t i = 0; open_.begin() + i != open_.end();) {
            Open& open = open_.begin()[i];
            if (open.retried && !is_busy(open.statement)) {
                fail(open, SQLITE_SCHEMA, {});
                close(open);
                continue;
            }
            retries_ = retries_ || open.retried;
            ++i;
        }
    }
    [[nodiscard]] bool is_busy(const sqlite3_stmt* statement) const noexcept {
        sqlite3_stmt* each = sqlite3_next_stmt(db_, nullptr);
        while (each && each != statement) each = sqlite3_next_stmt(db_, each);
        return each && sqlite3_stmt_busy(each) != 0;
    }

    sqlite3* db_;
    SqliteOptions settings_;
    SqliteTexts texts_;
    SqliteOpenStatements open_;
    const sqlite3_stmt* left_busy_ = nullptr; ///< the last one that began, if it ended busy
    int left_steps_ = 0;                      ///< its, by then
    bool started_ = false;
    bool retries_ = false; ///< an open statement is being prepared again
    std::size_t name_size_ = 0;
    char name_[256]; // NAME_MAX of Linux and one more
};

} // namespace detail
} // namespace plume
