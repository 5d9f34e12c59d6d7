// libpq.hpp - the functions of libpq that run statements, each of which makes a span.
#pragma once

#include <libpq-fe.h>

#include <plume/core/config.hpp>
#include <plume/instrument/detail/sql_options.hpp>
#if PLUME_ENABLED
#    include <plume/instrument/detail/pq_connection.hpp>
#endif

namespace plume {

#if PLUME_ENABLED

/// Changes what spans of a connection have. Not needed otherwise: pq::exec() and its like trace
/// every connection. False without memory, or for a null connection.
inline bool instrument(PGconn* conn, const PqOptions& options) noexcept {
    detail::PqConnection* state = detail::PqConnection::of(conn);
    if (state) state->settings = options;
    return state != nullptr;
}

namespace [[gnu::visibility("hidden")]] detail {

/// Runs a statement whose results come back at once.
template <class Begin, class Call>
PGresult* pq_run(PGconn* conn, Begin begin, Call call) noexcept {
    PqConnection* state = PqConnection::of(conn);
    if (!state) return call();
    const bool goes_on = state->finish();
    PqOpen open = begin(*state);
    return state->run(open, [&] { return goes_on ? call() : nullptr; });
}

/// Sends a statement whose results PQgetResult() brings.
template <class Begin, class Call>
int pq_send(PGconn* conn, Begin begin, Call call) noexcept {
    PqConnection* state = PqConnection::of(conn);
    if (!state) return call();
    PqOpen open = begin(*state);
    const int sent = call();
    if (sent != 0) {
        state->sent(open);
    } else {
        state->lose(open);
        state->end(open);
    }
    return sent;
}

inline auto pq_text(const char* sql) noexcept {
    return [=](PqConnection& state) {
        return state.begin(view_of(sql), QueryText::Literals::replaced);
    };
}
inline auto pq_text(const char* sql, const PqValues& sent) noexcept {
    return [=](PqConnection& state) {
        return state.begin(
            view_of(sql),
            sent.count > 0 ? QueryText::Literals::kept : QueryText::Literals::replaced, sent);
    };
}
inline auto pq_prepared(const char* name, const PqValues& sent) noexcept {
    return [=](PqConnection& state) { return state.begin_prepared(view_of(name), sent); };
}
inline auto pq_prepare(const char* name, const char* sql) noexcept {
    return [=](PqConnection& state) { return state.begin_prepare(view_of(name), view_of(sql)); };
}

} // namespace detail

#else

template <class = void> // another function than the real one of files that trace
inline bool instrument(PGconn* conn, const PqOptions&) noexcept {
    return conn != nullptr;
}

#endif

/// The functions of libpq of the same names, with the same arguments, results and rules. Each makes
/// a span of kind client, called like `SELECT users`, below the current one. A connection is for
/// one thread at a time, as ever; a statement may begin on one and end on another. Without a
/// session, and on a null connection, they do what libpq does.
namespace pq {

#if PLUME_ENABLED
inline namespace traced {
#    define PLUME_PQ(how, begin, call) detail::how(conn, detail::begin, [&] { return call; })
#else
inline namespace untraced {
#    define PLUME_PQ(how, begin, call) call
#endif

/// Every statement of the text is in the one span.
inline PGresult* exec(PGconn* conn, const char* query) noexcept {
    return PLUME_PQ(pq_run, pq_text(query), PQexec(conn, query));
}
inline PGresult* exec_params(PGconn* conn, const char* command, int count, const Oid* types,
                             const char* const* values, const int* lengths, const int* formats,
                             int result_format) noexcept {
    return PLUME_PQ(
        pq_run, pq_text(command, detail::PqValues(count, values, lengths, formats)),
        PQexecParams(conn, command, count, types, values, lengths, formats, result_format));
}
/// The connection remembers the text for exec_prepared() and send_query_prepared().
inline PGresult* prepare(PGconn* conn, const char* name, const char* query, int count,
                         const Oid* types) noexcept {
    return PLUME_PQ(pq_run, pq_prepare(name, query), PQprepare(conn, name, query, count, types));
}
/// Called EXECUTE if the statement was not prepared here.
inline PGresult* exec_prepared(PGconn* conn, const char* name, int count, const char* const* values,
                               const int* lengths, const int* formats, int result_format) noexcept {
    return PLUME_PQ(pq_run, pq_prepared(name, detail::PqValues(count, values, lengths, formats)),
                    PQexecPrepared(conn, name, count, values, lengths, formats, result_format));
}

// What is sent with these lasts until get_result() has brought a null pointer for it, or until the
// connection is used for something else.

inline int send_query(PGconn* conn, const char* query) noexcept {
    return PLUME_PQ(pq_send, pq_text(query), PQsendQuery(conn, query));
}
inline int send_query_params(PGconn* conn, const char* command, int count, const Oid* types,
                             const char* const* values, const int* lengths, const int* formats,
                             int result_format) noexcept {
    return PLUME_PQ(
        pq_send, pq_text(command, detail::PqValues(count, values, lengths, formats)),
        PQsendQueryParams(conn, command, count, types, values, lengths, formats, result_format));
}
inline int send_prepare(PGconn* conn, const char* name, const char* query, int count,
                        const Oid* types) noexcept {
    return PLUME_PQ(pq_send, pq_prepare(name, query),
                    PQsendPrepare(conn, name, query, count, types));
}
inline int send_query_prepared(PGconn* conn, const char* name, int count, const char* const* values,
                               const int* lengths, const int* formats, int result_format) noexcept {
    return PLUME_PQ(
        pq_send, pq_prepared(name, detail::PqValues(count, values, lengths, formats)),
        PQsendQueryPrepared(conn, name, count, values, lengths, formats, result_format));
}

/// PQgetResult(), and the end of the span when it returns null. In pipelines too.
inline PGresult* get_result(PGconn* conn) noexcept {
    PGresult* result = PQgetResult(conn);
#if PLUME_ENABLED
    if (detail::PqConnection* state = detail::PqConnection::of(conn)) state->has_result(result);
#endif
    return result;
}

#undef PLUME_PQ

} // namespace traced
} // namespace pq

} // namespace plume
