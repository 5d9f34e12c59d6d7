// pq_connection.hpp - what is known of a connection to PostgreSQL, and what is under way on it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <new>
#include <string_view>

#include <libpq-events.h>
#include <libpq-fe.h>

#include <plume/instrument/detail/pq_texts.hpp>
#include <plume/instrument/detail/sql_options.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// A statement under way.
struct PqOpen {
    QuerySpan span;
    std::int64_t rows = 0;
    bool failed = false;
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

    /// The span of a text that is sent now.
    [[nodiscard]] QuerySpan begin(std::string_view sql, QueryText::Literals literals) noexcept {
        if (index_of<PqSite>() == 0) return {};
        return begin(texts_.find(sql, backslashes(), allowed(literals)));
    }
    [[nodiscard]] QuerySpan begin(std::string_view sql, QueryText::Literals literals,
                                  const PqValues& sent) noexcept {
        return with_parameters(begin(sql, literals), sent);
    }
    [[nodiscard]] QuerySpan begin_prepared(std::string_view name, const PqValues& sent) noexcept {
        if (index_of<PqSite>() == 0) return {};
        if (const QueryText* query = prepared_.find(name))
            return with_parameters(begin(query), sent);
        PqAttributes attributes = of_server();
        attributes.summary = attributes.operation = "EXECUTE";
        return with_parameters(begin_called("EXECUTE", attributes), sent);
    }
    /// Remembers the text, whether a session runs or not.
    [[nodiscard]] QuerySpan begin_prepare(std::string_view name, std::string_view sql) noexcept {
        prepared_.add(name, PqTexts::make(sql, backslashes(),
                                          allowed(QueryText::Literals::kept_beside_parameters)));
        const QueryText* query = prepared_.find(name);
        if (index_of<PqSite>() == 0 || !query) return {};
        PqAttributes attributes = of_server();
        attributes.summary = attributes.operation = "PREPARE";
        attributes.collection = query->collection;
        attributes.text = query->text;
        return begin_called("PREPARE", attributes);
    }

    /// What a result says of its statement.
    void take(PqOpen& open, const PGresult* result) const noexcept {
        switch (PQresultStatus(result)) {
        case PGRES_TUPLES_OK:
        case PGRES_SINGLE_TUPLE: open.rows += PQntuples(result); return;
        case PGRES_BAD_RESPONSE:
        case PGRES_FATAL_ERROR: return fail(open, result);
        case PGRES_PIPELINE_ABORTED:
            return fail(open, "PGRES_PIPELINE_ABORTED",
                        "a statement before it in the pipeline failed", false);
        default: return;
        }
    }
    /// There is no result: the statement could not be sent, or memory is used up.
    void lose(PqOpen& open) const noexcept {
        const std::string_view message = view_of(PQerrorMessage(conn_));
        fail(open, own_code(), message.substr(0, message.find('\n')), false);
    }
    void end(PqOpen& open) const noexcept {
        if (settings.rows && open.span.recording())
            open.span.set(Key<"db.response.returned_rows">{} = open.rows);
        open.span.end();
    }

    // Statements that were sent, and whose results the application has not seen all, oldest first.

    /// Those that are not recorded stand in the row, too: results come in its order.
    void sent(const PqOpen& open) noexcept {
        constexpr std::size_t most = 65536; // nobody collects them with get_result()
        if (PQpipelineStatus(conn_) == PQ_PIPELINE_OFF || size_ - first_ == most) end_all();
        if (size_ == capacity_ && first_ != 0) {
            std::memmove(under_way_, under_way_ + first_, (size_ - first_) * sizeof(PqOpen));
            size_ -= first_;
            first_ = 0;
        }
        if (size_ == capacity_) {
            const std::size_t more = capacity_ == 0 ? 8 : 2 * capacity_;
            void* larger = std::realloc(under_way_, more * sizeof(PqOpen));
            if (!larger) return end_all();
            under_way_ = static_cast<PqOpen*>(larger);
            capacity_ = more;
        }
        under_way_[size_++] = open;
    }
    void has_result(const PGresult* result) noexcept {
        if (first_ == size_) return;
        if (result) {
            if (PQresultStatus(result) != PGRES_PIPELINE_SYNC) take(under_way_[first_], result);
            return;
        }
        end(under_way_[first_]);
        if (++first_ == size_) first_ = size_ = 0;
    }
    void end_all() noexcept {
        for (; first_ != size_; ++first_) end(under_way_[first_]);
        first_ = size_ = 0;
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
        default: return 1;
        }
    }
    static PqConnection* at(const PGconn* conn) noexcept {
        return static_cast<PqConnection*>(PQinstanceData(conn, &on_event));
    }

    /// Whether '\'' is one string: the server tells whenever that changes.
    [[nodiscard]] bool backslashes() const noexcept {
        return view_of(PQparameterStatus(conn_, "standard_conforming_strings")) == "off";
    }
    [[nodiscard]] QueryText::Literals allowed(QueryText::Literals wanted) const noexcept {
        return settings.replace_all_literals ? QueryText::Literals::replaced : wanted;
    }

    /// The span, and on it what its statement is sent with, if that is asked for.
    [[nodiscard]] QuerySpan with_parameters(QuerySpan span, const PqValues& sent) noexcept {
        if (!settings.parameters || !span.recording()) return span;
        for (int i = 0; i < sent.count; ++i) {
            const char* value = sent.values ? sent.values[i] : nullptr;
            const RunTimeKey key = key_of(static_cast<std::size_t>(i));
            if (!value) span.set_text(key, "NULL");
            else if (!sent.formats || sent.formats[i] == 0) span.set_text(key, value);
            else if (sent.lengths && sent.lengths[i] >= 0)
                record_binary(span, key, {value, static_cast<std::size_t>(sent.lengths[i])});
        }
        return span;
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
        attributes.address = view_of(PQhost(conn_));
        if (!attributes.address.starts_with('/'))
            attributes.port = std::strtol(PQport(conn_), nullptr, 10);
        return attributes;
    }
    [[nodiscard]] QuerySpan begin(const QueryText* query) noexcept {
        if (!query) return {};
        PqAttributes attributes = of_server();
        attributes.operation = query->operation;
        attributes.collection = query->collection;
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

    /// Where the server has said nothing.
    [[nodiscard]] std::string_view own_code() const noexcept {
        return PQstatus(conn_) == CONNECTION_OK ? "_OTHER" : "CONNECTION_BAD";
    }
    void fail(PqOpen& open, const PGresult* result) const noexcept {
        const std::string_view state = view_of(PQresultErrorField(result, PG_DIAG_SQLSTATE));
        const std::string_view primary =
            view_of(PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
        if (state.empty()) { // libpq's own
            const std::string_view message = view_of(PQresultErrorMessage(result));
            return fail(open, own_code(), message.substr(0, message.find('\n')), false);
        }
        fail(open, state, primary, true);
    }
    static void fail(PqOpen& open, std::string_view code, std::string_view message,
                     bool from_server) noexcept {
        if (open.failed || !open.span.recording()) return;
        open.failed = true;
        char shown[1024];
        message = without_partial_character(message.substr(0, sizeof shown));
        if (from_server && !quotes_names(code)) message = {shown, without_quoted(message, shown)};
        if (from_server) return open.span.fail(code, message);
        open.span.set(Key<"error.type">{} = code);
        open.span.set_error(message);
    }
    /// Whether what the messages of an SQLSTATE quote are names of tables, columns and constraints,
    /// and not values (PostgreSQL, "Error Codes").
    static bool quotes_names(std::string_view state) noexcept {
        if (state == "42601") return false; // syntax error at or near …
        for (const std::string_view of_names : {"23", "26", "3D", "3F", "42"})
            if (state.starts_with(of_names)) return true;
        return false;
    }

    PGconn* conn_;
    PqTexts texts_;
    PqPrepared prepared_;
    RunTimeKey keys_[16];
    std::size_t known_keys_ = 0;
    PqOpen* under_way_ = nullptr;
    std::size_t first_ = 0;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

} // namespace detail
} // namespace plume
