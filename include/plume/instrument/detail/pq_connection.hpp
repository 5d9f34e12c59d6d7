// pq_connection.hpp - what is known of a connection to PostgreSQL, and what is under way on it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <new>
#include <string_view>
#include <utility>

#include <libpq-events.h>
#include <libpq-fe.h>

#include <plume/instrument/detail/pq_conditions.hpp>
#include <plume/instrument/detail/pq_prepared.hpp>
#include <plume/instrument/detail/pq_texts.hpp>
#include <plume/instrument/detail/sql_options.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// A text under way: one statement, or several. Trivial to copy; PqConnection::end() ends it.
struct PqOpen {
    QuerySpan span;
    PqNamed* changes = nullptr; ///< of what prepared statements are called, if it succeeds
    std::int64_t rows = 0;
    std::uint32_t done = 0; ///< statements that have succeeded
    bool several = false;   ///< statements are in the text
    bool failed = false;
    bool forgets_unnamed = false; ///< the server drops the prepared statement without a name
    bool is_copy = false; ///< data are under way, and the result behind them may be the last
};

/// The values that a statement is sent with, as libpq takes them.
struct PqValues {
    int count;
    const char* const* values; ///< null, or one of them null: an SQL null
    const int* lengths;        ///< of those in binary
    const int* formats;        ///< 1: in binary; null: all are text

    constexpr PqValues(int n, const char* const* v, const int* l, const int* f) noexcept
        : count{n}, values{v}, lengths{l}, formats{f} {}
};

/// Lives as long as its PGconn, which one thread uses at a time (libpq, "Behavior in Threaded
/// Programs").
class PqConnection {
  public:
    PqConnection(const PqConnection&) = delete;
    PqConnection& operator=(const PqConnection&) = delete;

    /// That of a connection: made when it is first asked for. Null without memory.
    [[nodiscard]] static PqConnection* of(PGconn* conn) noexcept {
        if (!conn) return nullptr;
        if (void* known = PQinstanceData(conn, &on_event)) return static_cast<PqConnection*>(known);
        if (PQregisterEventProc(conn, &on_event, "plume", nullptr) == 0) return nullptr;
        return static_cast<PqConnection*>(PQinstanceData(conn, &on_event));
    }

    PqOptions settings;

    /// What begins with a text that is sent now.
    [[nodiscard]] PqOpen begin(std::string_view sql, QueryText::Literals literals) noexcept {
        PqOpen open;
        open.forgets_unnamed = true;
        prepared_.remove({});
        const bool spans = index_of<PqSite>() != 0;
        if (!spans && prepared_.empty()) return open;
        const QueryText* query = texts_.find(sql, backslashes(), allowed(literals));
        if (!query) return open;
        if (query->changes_prepared) open.changes = changes_of(sql);
        open.several = query->statements > 1;
        if (spans) open.span = begin(query);
        return open;
    }
    [[nodiscard]] PqOpen begin(std::string_view sql, QueryText::Literals literals,
                               const PqValues& sent) noexcept {
        PqOpen open = begin(sql, literals);
        record_parameters(open.span, sent);
        return open;
    }
    [[nodiscard]] PqOpen begin_prepared(std::string_view name, const PqValues& sent) noexcept {
        PqOpen open;
        if (index_of<PqSite>() == 0) return open;
        if (const QueryText* query = find_prepared(name)) {
            open.span = begin(query);
        } else {
            PqAttributes attributes = of_server();
            attributes.summary = attributes.operation = "EXECUTE";
            open.span = begin_called("EXECUTE", attributes);
        }
        record_parameters(open.span, sent);
        return open;
    }
    /// The text is remembered if the server takes it, whether a session runs or not.
    [[nodiscard]] PqOpen begin_prepare(std::string_view name, std::string_view sql) noexcept {
        PqOpen open;
        open.forgets_unnamed = name.empty();
        if (name.empty()) prepared_.remove(name);
        QueryText* query =
            PqTexts::make(sql, backslashes(), allowed(QueryText::Literals::kept_beside_parameters));
        if (!query) return open;
        open.changes = PqNamed::make(name, query);
        if (index_of<PqSite>() == 0 || !open.changes) return open;
        PqAttributes attributes = of_server();
        attributes.summary = attributes.operation = "PREPARE";
        if (settings.operation_and_collection) attributes.collection = query->collection;
        attributes.text = query->text;
        open.span = begin_called("PREPARE", attributes);
        return open;
    }

    /// What a result says of its statement. Once for each result.
    void take(PqOpen& open, const PGresult* result) const noexcept {
        switch (PQresultStatus(result)) {
        case PGRES_TUPLES_OK: ++open.done; [[fallthrough]];
#ifdef LIBPQ_HAS_CHUNK_MODE
        case PGRES_TUPLES_CHUNK:
#endif
        case PGRES_SINGLE_TUPLE: open.rows += PQntuples(result); return;
        case PGRES_COMMAND_OK: ++open.done; return;
        case PGRES_BAD_RESPONSE:
        case PGRES_FATAL_ERROR: return fail(open, result);
        case PGRES_PIPELINE_ABORTED:
            return fail(open, "PGRES_PIPELINE_ABORTED",
                        "a statement before it in the pipeline failed");
        default: return;
        }
    }
    /// There is no result: the statement could not be sent, or memory is used up.
    void lose(PqOpen& open) const noexcept { fail(open, view_of(PQerrorMessage(conn_))); }
    void end(PqOpen& open) noexcept {
        if (settings.rows && open.span.recording())
            open.span.set(Key<"db.response.returned_rows">{} = open.rows);
        open.span.end();
        while (open.changes) {
            PqNamed* const change = std::exchange(open.changes, open.changes->next);
            if (open.done > change->statement || (is_unknown(open) && may_apply(*change)))
                prepared_.apply(change);
            else PqNamed::drop(change);
        }
    }

    // Calls that wait for their results.

    /// Takes what is left of the statement before, as libpq does at the beginning of such a call.
    /// False if the connection is lost: then libpq does no more, either.
    [[nodiscard]] bool finish() noexcept {
        if (PQpipelineStatus(conn_) != PQ_PIPELINE_OFF) return true; // which libpq refuses
        if (PQtransactionStatus(conn_) != PQTRANS_ACTIVE) {
            end_all();
            return true;
        }
        while (PGresult* result = PQgetResult(conn_)) {
            const ExecStatusType status = PQresultStatus(result);
            has_result(result);
            PQclear(result);
            if (status == PGRES_COPY_BOTH) return true; // likewise
            if (status == PGRES_COPY_IN && PQputCopyEnd(conn_, "another statement is run") < 0)
                return false;
            if (status == PGRES_COPY_OUT) drop_copied();
            if (PQstatus(conn_) == CONNECTION_BAD) {
                end_all();
                return false;
            }
        }
        end_all();
        return true;
    }
    /// libpq shows the call's last result; those before it come by its hook.
    template <class Call>
    PGresult* run(PqOpen& open, Call call) noexcept {
        running_ = &open;
        taken_ = nullptr;
        PGresult* result = call();
        running_ = nullptr;
        if (!result) lose(open);
        else if (result != std::exchange(taken_, nullptr)) take(open, result);
        const ExecStatusType status = PQresultStatus(result);
        if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) {
            open.is_copy = true;
            sent(open);
        } else {
            end(open);
        }
        return result;
    }

    // Statements that were sent, and whose results the application has not seen all, oldest first.

    /// Those that are not recorded stand in the row, too: results come in its order.
    void sent(PqOpen& open) noexcept {
        constexpr std::size_t most = 65536; // nobody collects them with get_result()
        if (PQpipelineStatus(conn_) == PQ_PIPELINE_OFF || size_ - first_ == most) end_all();
        if (size_ == capacity_ && first_ != 0) {
            std::memmove(static_cast<void*>(under_way_), under_way_ + first_,
                         (size_ - first_) * sizeof(PqOpen));
            size_ -= first_;
            first_ = 0;
        }
        if (size_ == capacity_) {
            const std::size_t more = capacity_ == 0 ? 8 : 2 * capacity_;
            void* larger = std::realloc(static_cast<void*>(under_way_), more * sizeof(PqOpen));
            if (!larger) {
                end_all();
                return end(open);
            }
            under_way_ = static_cast<PqOpen*>(larger);
            capacity_ = more;
        }
        if (open.changes) ++changing_;
        under_way_[size_++] = open;
    }
    void has_result(const PGresult* result) noexcept {
        const bool known = result && result == std::exchange(taken_, nullptr);
        if (first_ == size_ || known) return;
        if (!result) return end_first();
        if (under_way_[first_].is_copy) return take_copy(result);
        if (PQresultStatus(result) != PGRES_PIPELINE_SYNC) take(under_way_[first_], result);
    }
    void end_all() noexcept {
        while (first_ != size_) end_first();
    }

  private:
    explicit PqConnection(PGconn* conn) noexcept : conn_{conn} {}
    ~PqConnection() {
        end_all();
        std::free(under_way_);
    }

    /// libpq's own hook: it knows when a connection ends.
    static int on_event(PGEventId event, void* info, void*) noexcept {
        switch (event) {
        case PGEVT_REGISTER: {
            PGconn* conn = static_cast<PGEventRegister*>(info)->conn;
            void* memory = std::malloc(sizeof(PqConnection));
            if (!memory) return 0;
            return PQsetInstanceData(conn, &on_event, new (memory) PqConnection{conn});
        }
        case PGEVT_CONNRESET:
            if (auto* state = at(static_cast<PGEventConnReset*>(info)->conn)) {
                state->end_all();
                state->prepared_.clear();
            }
            return 1;
        case PGEVT_CONNDESTROY:
            if (auto* state = at(static_cast<PGEventConnDestroy*>(info)->conn)) {
                state->~PqConnection();
                std::free(state);
            }
            return 1;
        case PGEVT_RESULTCREATE: {
            const auto* created = static_cast<PGEventResultCreate*>(info);
            if (auto* state = at(created->conn)) state->hears_of(created->result);
            return 1;
        }
        default: return 1;
        }
    }
    static PqConnection* at(const PGconn* conn) noexcept {
        return static_cast<PqConnection*>(PQinstanceData(conn, &on_event));
    }

    /// libpq has a result, and gives it to its caller next.
    void hears_of(const PGresult* result) noexcept {
        if (running_) take(*running_, result);
        else if (first_ != size_ && under_way_[first_].is_copy) take_copy(result);
        else return;
        taken_ = result;
    }
    /// A text that began to copy ends with the result behind the data, unless others may follow.
    void take_copy(const PGresult* result) noexcept {
        PqOpen& open = under_way_[first_];
        take(open, result);
        if (open.failed || (open.done != 0 && !open.several)) end_first();
    }
    void end_first() noexcept {
        PqOpen& open = under_way_[first_];
        if (open.changes) --changing_;
        end(open);
        if (++first_ == size_) first_ = size_ = 0;
    }
    void drop_copied() const noexcept {
        char* row = nullptr;
        while (PQgetCopyData(conn_, &row, 0) > 0) PQfreemem(row);
    }

    /// What the server will call that name when it comes to what is sent now.
    [[nodiscard]] const QueryText* find_prepared(std::string_view name) const noexcept {
        const QueryText* known = prepared_.find(name);
        for (std::size_t i = first_; changing_ != 0 && i != size_; ++i) {
            if (under_way_[i].forgets_unnamed && name.empty()) known = nullptr;
            for (const PqNamed* each = under_way_[i].changes; each; each = each->next) {
                if (each->all) known = nullptr;
                else if (each->name() != name) continue;
                else if (!each->query) known = nullptr;
                else if (!known) known = each->query; // otherwise the server refuses
            }
        }
        return known;
    }
    /// Whether the application has fetched the results past us.
    static bool is_unknown(const PqOpen& open) noexcept { return open.done == 0 && !open.failed; }
    /// Of what may have succeeded: a name that stands for something can be given to nothing else.
    [[nodiscard]] bool may_apply(const PqNamed& change) const noexcept {
        return !change.query || !prepared_.find(change.name());
    }
    [[nodiscard]] PqNamed* changes_of(std::string_view sql) const noexcept {
        return PqChangeReader{sql, backslashes(),
                              allowed(QueryText::Literals::kept_beside_parameters)}
            .read();
    }

    /// Whether '\'' is one string: the server tells whenever that changes.
    [[nodiscard]] bool backslashes() const noexcept {
        return view_of(PQparameterStatus(conn_, "standard_conforming_strings")) == "off";
    }
    [[nodiscard]] QueryText::Literals allowed(QueryText::Literals wanted) const noexcept {
        return settings.replace_all_literals ? QueryText::Literals::replaced : wanted;
    }

    /// What a statement is sent with, if that is asked for.
    void record_parameters(const QuerySpan& span, const PqValues& sent) noexcept {
        if (!settings.parameters || !span.recording()) return;
        for (int i = 0; i < sent.count; ++i) {
            const char* value = sent.values ? sent.values[i] : nullptr;
            const RunTimeKey key = key_of(static_cast<std::size_t>(i));
            if (!value) span.set_text(key, "NULL");
            else if (!sent.formats || sent.formats[i] == 0) span.set_text(key, value);
            else if (sent.lengths && sent.lengths[i] >= 0)
                record_binary(span, key, {value, static_cast<std::size_t>(sent.lengths[i])});
        }
    }
    /// Keys are interned under a lock: those that nearly all statements have, once a connection.
    [[nodiscard]] RunTimeKey key_of(std::size_t number) noexcept {
        while (known_keys_ <= number && known_keys_ < std::size(keys_)) {
            keys_[known_keys_] = parameter_key(known_keys_);
            ++known_keys_;
        }
        return number < known_keys_ ? keys_[number] : parameter_key(number);
    }
    /// As the server writes a bytea: \x and hexadecimal digits. Of a long value the beginning.
    static void record_binary(const QuerySpan& span, const RunTimeKey& key,
                              std::string_view value) noexcept {
        constexpr std::size_t longest = 512;
        char text[2 + 2 * longest] = {'\\', 'x'};
        char* to = text + 2;
        for (const char c : value.substr(0, longest)) {
            const auto byte = static_cast<unsigned char>(c);
            *to++ = hex_digits[byte >> 4U];
            *to++ = hex_digits[byte & 15U];
        }
        span.set_text(key, {text, static_cast<std::size_t>(to - text)});
    }

    /// A socket in the file system has an address, its folder, and no port.
    [[nodiscard]] PqAttributes of_server() const noexcept {
        PqAttributes attributes{};
        attributes.name_space = view_of(PQdb(conn_));
        // What was meant to be taken apart, but was not: it may hold a password.
        for (const std::string_view sign : {"://", "="})
            if (attributes.name_space.find(sign) != std::string_view::npos)
                attributes.name_space = {};
        attributes.address = view_of(PQhost(conn_));
        if (!attributes.address.starts_with('/'))
            attributes.port = std::strtol(PQport(conn_), nullptr, 10);
        return attributes;
    }
    [[nodiscard]] QuerySpan begin(const QueryText* query) const noexcept {
        PqAttributes attributes = of_server();
        if (settings.operation_and_collection) {
            attributes.operation = query->operation;
            attributes.collection = query->collection;
        }
        attributes.summary = query->summary;
        attributes.text = query->text;
        if (query->statements > 1) attributes.statements = query->statements;
        return QuerySpan::begin<PqSite>(query->site, attributes);
    }
    [[nodiscard]] static QuerySpan begin_called(const char* name,
                                                const PqAttributes& attributes) noexcept {
        constexpr std::uint32_t always = ~std::uint32_t{0}; // there are two of these names
        return QuerySpan::begin<PqSite>(named_site<PqSite>(name, always), attributes);
    }

    void fail(PqOpen& open, const PGresult* result) const noexcept {
        const std::string_view state = view_of(PQresultErrorField(result, PG_DIAG_SQLSTATE));
        if (state.empty()) return fail(open, view_of(PQresultErrorMessage(result)));
        if (std::exchange(open.failed, true) || !open.span.recording()) return;
        const std::string_view primary =
            view_of(PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
        open.span.fail(state, settings.messages ? primary : name_of_condition(state));
    }
    /// An error of libpq's own: the server has said nothing.
    void fail(PqOpen& open, std::string_view message) const noexcept {
        const bool lost = PQstatus(conn_) != CONNECTION_OK;
        const std::string_view code = lost ? "CONNECTION_BAD" : "_OTHER";
        if (settings.messages) return fail(open, code, message.substr(0, message.find('\n')));
        fail(open, code, lost ? "there is no connection to the server" : "libpq cannot do it");
    }
    static void fail(PqOpen& open, std::string_view code, std::string_view message) noexcept {
        if (std::exchange(open.failed, true) || !open.span.recording()) return;
        open.span.set(Key<"error.type">{} = code);
        open.span.set_error(message);
    }

    PGconn* conn_;
    PqOpen* running_ = nullptr;       ///< what a call waits for
    const PGresult* taken_ = nullptr; ///< the result that libpq gives away next is known
    PqTexts texts_;
    PqPrepared prepared_;
    RunTimeKey keys_[16];
    std::size_t known_keys_ = 0;
    PqOpen* under_way_ = nullptr;
    std::size_t first_ = 0;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
    std::size_t changing_ = 0; ///< how many of them have changes
};

} // namespace detail
} // namespace plume
