#include <plume/instrument/libpq.hpp>

#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <poll.h>
#include <sys/socket.h>

#include "support/catch.hpp"
#include "support/conventions.hpp"
#include "support/postgres.hpp"
#include "support/recorded.hpp"

using plume::RecordedSpan;
using plume::StatusCode;
using plume::test::Postgres;
using plume::test::Recorded;
using plume::test::recorded;
namespace pq = plume::pq;

namespace {

using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;
Result own(PGresult* result) { return {result, &PQclear}; }

class Connection {
  public:
    explicit Connection(const std::string& where = Postgres::server().over_tcp())
        : conn_{PQconnectdb(where.c_str())} {
        REQUIRE(PQstatus(conn_) == CONNECTION_OK);
        PQsetNoticeProcessor(conn_, [](void*, const char*) {}, nullptr);
        own(PQexec(conn_, "CREATE TEMP TABLE customers (id int PRIMARY KEY, name text NOT NULL);"
                          "INSERT INTO customers VALUES (1, 'Ada'), (2, 'Grace')"));
    }
    ~Connection() { close(); }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    void close() {
        PQfinish(conn_);
        conn_ = nullptr;
    }
    operator PGconn*() const { return conn_; }

    ExecStatusType run(const char* sql) const {
        return PQresultStatus(own(pq::exec(conn_, sql)).get());
    }
    /// With one parameter.
    ExecStatusType run(const char* sql, const char* value) const {
        const char* values[] = {value};
        return PQresultStatus(
            own(pq::exec_params(conn_, sql, 1, nullptr, values, nullptr, nullptr, 0)).get());
    }
    ExecStatusType prepare(const char* name, const char* sql) const {
        return PQresultStatus(own(pq::prepare(conn_, name, sql, 0, nullptr)).get());
    }
    ExecStatusType run_prepared(const char* name, const char* value) const {
        const char* values[] = {value};
        return PQresultStatus(
            own(pq::exec_prepared(conn_, name, 1, values, nullptr, nullptr, 0)).get());
    }
    /// All results up to the null pointer: how many they are.
    int drain() const {
        int results = 0;
        while (own(pq::get_result(conn_))) ++results;
        return results;
    }

  private:
    PGconn* conn_;
};

using Attributes = std::vector<std::pair<std::string, plume::RecordedValue>>;

void check_attributes(const RecordedSpan& span, const Attributes& expected) {
    for (const auto& [key, value] : expected) {
        CAPTURE(key);
        REQUIRE(span.attribute(key));
        CHECK(*span.attribute(key) == value);
    }
    CHECK(span.attributes.size() == expected.size());
}

std::vector<std::string> names_of(const Recorded& seen) {
    std::vector<std::string> names;
    for (const auto& span : seen.spans) names.push_back(span.name);
    return names;
}

} // namespace

TEST_CASE("a statement is a span below the current one, with the attributes of the conventions") {
    const Connection conn;
    REQUIRE(plume::instrument(conn, {.rows = true}));
    const auto seen = recorded([&] {
        PLUME_SPAN("request");
        CHECK(conn.run("SELECT name FROM customers WHERE name <> E'it\\'s'") == PGRES_TUPLES_OK);
    });
    CHECK(seen.tree() == "request\n"
                         "  SELECT customers\n");
    const RecordedSpan& span = seen["SELECT customers"];
    CHECK(span.kind == plume::SpanKind::client);
    CHECK(span.status == StatusCode::unset);
    check_attributes(
        span, {
                  {"db.system.name", std::string{"postgresql"}},            // required
                  {"db.namespace", std::string{"postgres"}},                // if available
                  {"server.address", std::string{"127.0.0.1"}},             // recommended
                  {"server.port", std::int64_t{Postgres::server().port()}}, // if not 5432
                  {"db.query.summary", std::string{"SELECT customers"}},    // recommended
                  {"db.query.text", std::string{"SELECT name FROM customers WHERE name <> ?"}},
                  {"db.response.returned_rows", std::int64_t{2}}, // opt-in
              });
}

TEST_CASE("operation and table are recorded if that is asked for and the text has one of each") {
    const Connection conn;
    REQUIRE(plume::instrument(conn, {.operation_and_collection = true}));
    const auto seen = recorded([&] {
        conn.run("SELECT name FROM customers");
        conn.run("SELECT name FROM customers; SELECT id FROM customers");
        conn.run("SELECT 1; COMMIT");
        conn.prepare("p", "SELECT name FROM customers");
    });
    CHECK(seen.spans.at(0).text("db.operation.name") == "SELECT");
    CHECK(seen.spans.at(0).text("db.collection.name") == "customers");
    CHECK(seen.spans.at(1).text("db.operation.name") == "BATCH SELECT");
    CHECK(seen.spans.at(1).text("db.collection.name") == "customers");
    CHECK(seen.spans.at(2).attribute("db.operation.name") == nullptr);
    CHECK(seen.spans.at(3).text("db.operation.name") == "PREPARE");
    CHECK(seen.spans.at(3).text("db.collection.name") == "customers");
}

TEST_CASE("a socket in the file system has an address and no port") {
    const Connection conn{Postgres::server().over_socket()};
    const auto seen = recorded([&] { conn.run("SELECT 1"); });
    CHECK(seen["SELECT"].text("server.address") == Postgres::server().folder());
    CHECK(seen["SELECT"].attribute("server.port") == nullptr);
    CHECK(seen["SELECT"].attribute("db.response.returned_rows") == nullptr);
}

TEST_CASE("a text with parameters is as it was, unless all literals are to go") {
    const Connection conn;
    const char* sql = "SELECT name FROM customers WHERE id = $1::int  OR name = 'Ada'";
    const auto seen = recorded([&] {
        CHECK(conn.run(sql, "2") == PGRES_TUPLES_OK);
        CHECK(PQresultStatus(
                  own(pq::exec_params(conn, "SELECT 'x'", 0, nullptr, nullptr, nullptr, nullptr, 0))
                      .get()) == PGRES_TUPLES_OK);
        REQUIRE(plume::instrument(conn, {.replace_all_literals = true}));
        CHECK(conn.run(sql, "2") == PGRES_TUPLES_OK);
    });
    REQUIRE(seen.spans.size() == 3);
    CHECK(seen.spans[0].text("db.query.text") == sql);
    CHECK(seen.spans[1].text("db.query.text") == "SELECT ?");
    CHECK(seen.spans[2].text("db.query.text") ==
          "SELECT name FROM customers WHERE id = $1::int OR name = ?");
}

TEST_CASE("several statements in one text are one span, a batch") {
    const Connection conn;
    const auto seen = recorded([&] {
        CHECK(conn.run("BEGIN; UPDATE customers SET name = 'x'; COMMIT;") == PGRES_COMMAND_OK);
    });
    REQUIRE(names_of(seen) == std::vector<std::string>{"BEGIN; UPDATE customers; COMMIT"});
    CHECK(*seen.spans[0].attribute("db.operation.batch.size") ==
          plume::RecordedValue{std::int64_t{3}});
    CHECK(seen.spans[0].attribute("db.operation.name") == nullptr);
}

TEST_CASE("a semicolon inside of a statement makes no batch") {
    const Connection conn;
    const auto seen = recorded([&] {
        CHECK(conn.run("CREATE FUNCTION pg_temp.f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE "
                       "WHEN true THEN 2 END; END") == PGRES_COMMAND_OK);
        CHECK(conn.run("CREATE RULE r AS ON DELETE TO customers DO INSTEAD (SELECT 1; SELECT 2)") ==
              PGRES_COMMAND_OK);
        CHECK(conn.run(
                  "INSERT INTO customers VALUES (3, 'x'); INSERT INTO customers VALUES (4, 'y')") ==
              PGRES_COMMAND_OK);
    });
    REQUIRE(names_of(seen) == std::vector<std::string>{"CREATE FUNCTION pg_temp.f", "CREATE RULE r",
                                                       "BATCH INSERT customers"});
    CHECK(seen.spans[0].attribute("db.operation.batch.size") == nullptr);
    CHECK(seen.spans[1].attribute("db.operation.batch.size") == nullptr);
    CHECK(*seen.spans[2].attribute("db.operation.batch.size") ==
          plume::RecordedValue{std::int64_t{2}});
}

TEST_CASE("a prepared statement is remembered by its name") {
    const Connection conn;
    const auto seen = recorded([&] {
        CHECK(conn.prepare("find", "SELECT name FROM customers WHERE id = $1") == PGRES_COMMAND_OK);
        CHECK(conn.run_prepared("find", "1") == PGRES_TUPLES_OK);
        CHECK(conn.prepare("", "DELETE FROM customers WHERE id = $1") == PGRES_COMMAND_OK);
        CHECK(conn.run_prepared("", "7") == PGRES_COMMAND_OK);
        own(PQexec(conn, "PREPARE elsewhere (int) AS SELECT $1"));
        CHECK(conn.run_prepared("elsewhere", "7") == PGRES_TUPLES_OK);
    });
    CHECK(names_of(seen) == std::vector<std::string>{"PREPARE", "SELECT customers", "PREPARE",
                                                     "DELETE customers", "EXECUTE"});
    CHECK(seen.spans[0].text("db.query.text") == "SELECT name FROM customers WHERE id = $1");
    CHECK(seen.spans[0].text("db.operation.name") == "PREPARE");
    CHECK(seen.spans[0].attribute("db.collection.name") == nullptr);
    CHECK(seen.spans[1].text("db.query.text") == "SELECT name FROM customers WHERE id = $1");
    CHECK(seen.spans[4].attribute("db.query.text") == nullptr);
    CHECK(seen.spans[4].text("db.operation.name") == "EXECUTE");
}

TEST_CASE("what was prepared before a session is known in it, and not after a reset") {
    const Connection conn;
    CHECK(conn.prepare("find", "SELECT 1 FROM customers WHERE id = $1") == PGRES_COMMAND_OK);
    const auto seen = recorded([&] {
        conn.run_prepared("find", "1");
        PQreset(conn);
        CHECK(conn.run_prepared("find", "1") == PGRES_FATAL_ERROR);
    });
    CHECK(names_of(seen) == std::vector<std::string>{"SELECT customers", "EXECUTE"});
    CHECK(seen.spans[1].text("error.type") == "26000");
    CHECK(seen.spans[1].status_message == "invalid_sql_statement_name");
}

// What a name stands for.

namespace {

/// The text of the span of "p", which runs now, and cannot take a parameter; empty: none.
std::string text_of_p(const Connection& conn, const char* name = "p") {
    const auto seen =
        recorded([&] { own(pq::exec_prepared(conn, name, 0, nullptr, nullptr, nullptr, 0)); });
    return seen.spans.at(0).text("db.query.text");
}
constexpr const char* a = "SELECT 1 FROM customers AS a";
constexpr const char* b = "SELECT 1 FROM customers AS b";
constexpr const char* a_text = "SELECT ? FROM customers AS a";
constexpr const char* b_text = "SELECT ? FROM customers AS b";

} // namespace

TEST_CASE("a statement that could not be prepared changes nothing") {
    const Connection conn;
    CHECK(conn.prepare("p", a) == PGRES_COMMAND_OK);
    CHECK(conn.prepare("p", b) == PGRES_FATAL_ERROR);
    CHECK(text_of_p(conn) == a_text);
    CHECK(pq::send_prepare(conn, "p", b, 0, nullptr) == 1);
    conn.drain();
    CHECK(text_of_p(conn) == a_text);
    CHECK(conn.run("BEGIN; SELECT 1/0") == PGRES_FATAL_ERROR);
    CHECK(conn.prepare("q", b) == PGRES_FATAL_ERROR);
    CHECK(conn.run("DEALLOCATE p") == PGRES_FATAL_ERROR);
    CHECK(conn.run("ROLLBACK") == PGRES_COMMAND_OK);
    CHECK(text_of_p(conn) == a_text);
    CHECK(text_of_p(conn, "q") == "");
}

TEST_CASE("a name that was deallocated stands for what it is given next") {
    for (const char* forget : {"DEALLOCATE p", "deallocate prepare P", "DEALLOCATE ALL",
                               "DISCARD ALL", "SELECT 1; DEALLOCATE \"p\"; SELECT 1/0"}) {
        CAPTURE(forget);
        const Connection conn;
        REQUIRE(conn.prepare("p", a) == PGRES_COMMAND_OK);
        conn.run(forget);
        CHECK(text_of_p(conn) == "");
        // The temporary table may be gone.
        CHECK(conn.prepare("p", "SELECT 3 AS b") == PGRES_COMMAND_OK);
        CHECK(text_of_p(conn) == "SELECT ? AS b");
    }
    const Connection conn;
    REQUIRE(conn.prepare("p", a) == PGRES_COMMAND_OK);
    for (const char* kept : {"DEALLOCATE other", "DISCARD PLANS", "SELECT 1/0; DEALLOCATE p",
                             "SELECT 'DEALLOCATE p'"}) {
        CAPTURE(kept);
        conn.run(kept);
        CHECK(text_of_p(conn) == a_text);
    }
}

TEST_CASE("a statement that SQL prepares is known by its text") {
    const auto seen = recorded([&] {
        const Connection conn;
        CHECK(conn.run("PREPARE P (int, text) AS SELECT $1, 'x' /* no */; SELECT 1") ==
              PGRES_TUPLES_OK);
        const char* values[] = {"1", "y"};
        own(pq::exec_prepared(conn, "p", 2, values, nullptr, nullptr, 0));
    });
    CHECK(seen.spans.at(1).text("db.query.text") == "SELECT $1, 'x'");
}

TEST_CASE("the statement without a name goes with the next one") {
    const Connection conn;
    CHECK(conn.prepare("", a) == PGRES_COMMAND_OK);
    CHECK(text_of_p(conn, "") == a_text);
    CHECK(conn.prepare("", b) == PGRES_COMMAND_OK);
    CHECK(text_of_p(conn, "") == b_text);
    CHECK(conn.prepare("", "nonsense") == PGRES_FATAL_ERROR);
    CHECK(text_of_p(conn, "") == "");
    CHECK(conn.prepare("", a) == PGRES_COMMAND_OK);
    conn.run("SELECT 1");
    CHECK(text_of_p(conn, "") == "");
}

TEST_CASE("in a pipeline a name stands for what will be prepared by then") {
    const Connection conn;
    CHECK(conn.prepare("known", a) == PGRES_COMMAND_OK);
    const auto seen = recorded([&] {
        REQUIRE(PQenterPipelineMode(conn) == 1);
        const auto run = [&](const char* name) {
            CHECK(pq::send_query_prepared(conn, name, 0, nullptr, nullptr, nullptr, 0) == 1);
        };
        CHECK(pq::send_prepare(conn, "new", b, 0, nullptr) == 1);
        run("new");
        CHECK(pq::send_query_params(conn, "DEALLOCATE new", 0, nullptr, nullptr, nullptr, nullptr,
                                    0) == 1);
        CHECK(pq::send_prepare(conn, "new", a, 0, nullptr) == 1);
        run("new");
        CHECK(PQpipelineSync(conn) == 1);
        CHECK(pq::send_prepare(conn, "known", b, 0, nullptr) == 1); // is refused
        CHECK(PQpipelineSync(conn) == 1);
        run("known");
        CHECK(PQpipelineSync(conn) == 1);
        for (int i = 0; i < 10; ++i) {
            while (PGresult* result = pq::get_result(conn)) {
                const bool sync = PQresultStatus(result) == PGRES_PIPELINE_SYNC;
                PQclear(result);
                if (sync) break;
            }
        }
        CHECK(PQexitPipelineMode(conn) == 1);
    });
    REQUIRE(names_of(seen) == std::vector<std::string>{"PREPARE", "SELECT customers", "DEALLOCATE",
                                                       "PREPARE", "SELECT customers", "PREPARE",
                                                       "SELECT customers"});
    CHECK(seen.spans[1].text("db.query.text") == b_text);
    CHECK(seen.spans[4].text("db.query.text") == a_text);
    CHECK(seen.spans[5].text("error.type") == "42P05");
    CHECK(seen.spans[6].text("db.query.text") == a_text);
    CHECK(text_of_p(conn, "new") == a_text);
}

TEST_CASE("results that are fetched past Plume leave the name with its first text") {
    const Connection conn;
    CHECK(pq::send_prepare(conn, "p", a, 0, nullptr) == 1);
    while (own(PQgetResult(conn))) {}
    CHECK(text_of_p(conn) == a_text);
    CHECK(pq::send_prepare(conn, "p", b, 0, nullptr) == 1);
    while (own(PQgetResult(conn))) {}
    CHECK(text_of_p(conn) == a_text);
}

TEST_CASE("texts of any number are remembered, and names once") {
    const Connection conn;
    const auto seen = recorded([&] {
        for (int round = 0; round < 2; ++round)
            for (int i = 0; i < 200; ++i)
                conn.run(
                    ("SELECT " + std::to_string(i) + " FROM customers AS c" + std::to_string(i))
                        .c_str());
    });
    REQUIRE(seen.spans.size() == 400);
    for (int i = 0; i < 400; ++i) {
        CHECK(seen.spans[static_cast<std::size_t>(i)].name == "SELECT customers");
        CHECK(seen.spans[static_cast<std::size_t>(i)].text("db.query.text") ==
              "SELECT ? FROM customers AS c" + std::to_string(i % 200));
    }
}

// Failures.

TEST_CASE("a failure has the server's SQLSTATE, and says what that means") {
    const Connection conn;
    const auto seen = recorded([&] {
        conn.run("INSERT INTO customers VALUES (1, 'Ada')");
        conn.run("SELECT * FROM nowhere");
        conn.run("SELECT 'secret'::int");
        conn.run("SELECT 'it' secret 'secret'");
        conn.run("SELECT 1/0");
        conn.run("DO $$ BEGIN RAISE 'no \"secret\" here'; END $$");
        conn.run("SELECT 1; SELECT 1/0; SELECT 2");
        conn.run("");
    });
    constexpr struct {
        std::string_view code, message;
    } expected[] = {
        {"23505", "unique_violation"},
        {"42P01", "undefined_table"},
        {"22P02", "invalid_text_representation"},
        {"42601", "syntax_error"},
        {"22012", "division_by_zero"},
        {"P0001", "raise_exception"},
        {"22012", "division_by_zero"},
    };
    REQUIRE(seen.spans.size() == 8);
    for (std::size_t i = 0; i < 7; ++i) {
        CAPTURE(i);
        CHECK(seen.spans[i].status == StatusCode::error);
        CHECK(seen.spans[i].status_message == expected[i].message);
        CHECK(seen.spans[i].text("db.response.status_code") == expected[i].code);
        CHECK(seen.spans[i].text("error.type") == expected[i].code);
    }
    CHECK(seen.spans[7].name == "postgresql");
    CHECK(seen.spans[7].status == StatusCode::unset);
}

TEST_CASE("the server's own words for a failure are recorded if that is asked for") {
    const Connection conn;
    REQUIRE(plume::instrument(conn, {.messages = true}));
    const auto seen = recorded([&] { conn.run("SELECT 'word'::int"); });
    CHECK(seen.spans.at(0).status_message == "invalid input syntax for type integer: \"word\"");
}

TEST_CASE("what a failure quotes is not recorded, be it bound or in the text") {
    const Connection conn;
    own(PQexec(conn, "CREATE TEMP TABLE checked (id int UNIQUE, a text CHECK (a <> 'secret'),"
                     "d date); INSERT INTO checked VALUES (4711, 'x')"));
    const auto seen = recorded([&] {
        conn.run("INSERT INTO checked VALUES (1, $1)", "secret");
        conn.run("INSERT INTO checked VALUES ($1::int, 'x')", "4711");
        conn.run("SELECT $1::int", "secret");
        conn.run("SELECT make_date(4711, $1::int, 4711)", "4711");
        conn.run("SELECT $1::date", "4711-47-11");
        conn.run("SELECT $1::json", "{secret");
        conn.run("SELECT $1::xml", "<secret>");
        conn.run("SELECT $1::regclass", "secret");
        conn.run("SELECT to_tsquery($1)", "secret secret");
        conn.run("SELECT regexp_match('x', $1)", "(secret");
        conn.run("SELECT set_config($1, 'secret', true)", "secret secret");
        conn.run("SELECT secret FROM \"secret\" WHERE 'secret' = 'secret' secret");
        conn.run("DO $$ BEGIN RAISE EXCEPTION 'secret' USING ERRCODE = 'XY123', DETAIL = 'secret'; "
                 "END $$");
    });
    REQUIRE(seen.spans.size() == 13);
    for (std::size_t i = 0; i < seen.spans.size(); ++i) {
        const RecordedSpan& span = seen.spans[i];
        CAPTURE(i, span.status_message);
        CHECK(span.status == StatusCode::error);
        CHECK_FALSE(span.status_message.empty());
        CHECK(span.status_message.find("secret") == std::string::npos);
        CHECK(span.status_message.find("47") == std::string::npos);
    }
}

TEST_CASE("a session that the server ends has its SQLSTATE, by whichever call it is found") {
    const Connection other;
    enum class Call { exec, params, prepare, send };
    for (const Call call : {Call::exec, Call::params, Call::prepare, Call::send}) {
        CAPTURE(static_cast<int>(call));
        const Connection conn;
        const std::string end = "SELECT pg_terminate_backend(" +
                                std::to_string(PQbackendPID(conn)) +
                                ", 10000)"; // waits until it has ended
        own(PQexec(other, end.c_str()));
        const auto seen = recorded([&] {
            switch (call) { // finds out
            case Call::exec: CHECK(conn.run("SELECT 1") == PGRES_FATAL_ERROR); break;
            case Call::params: CHECK(conn.run("SELECT $1", "1") == PGRES_FATAL_ERROR); break;
            case Call::prepare: CHECK(conn.prepare("p", "SELECT 1") == PGRES_FATAL_ERROR); break;
            case Call::send: CHECK(pq::send_query(conn, "SELECT 1") == 1); conn.drain();
            }
            CHECK(conn.run("SELECT 2") == PGRES_FATAL_ERROR); // knows
        });
        REQUIRE(seen.spans.size() == 2);
        CHECK(seen.spans[0].text("error.type") == "57P01");
        CHECK(seen.spans[0].text("db.response.status_code") == "57P01");
        CHECK(seen.spans[0].status_message == "admin_shutdown");
        CHECK(seen.spans[1].text("error.type") == "CONNECTION_BAD");
        CHECK(seen.spans[1].attribute("db.response.status_code") == nullptr);
        CHECK(seen.spans[1].status_message == "there is no connection to the server");
    }
}

TEST_CASE("a transaction that was idle for too long has the SQLSTATE of that") {
    const Connection conn;
    conn.run("SET idle_in_transaction_session_timeout = 1; BEGIN");
    pollfd ends{PQsocket(conn), POLLIN, 0};
    REQUIRE(poll(&ends, 1, 10'000) == 1);
    const auto seen = recorded([&] { CHECK(conn.run("SELECT 1") == PGRES_FATAL_ERROR); });
    CHECK(seen.spans.at(0).text("error.type") == "25P03");
}

TEST_CASE("a connection that breaks is a failure without an SQLSTATE") {
    const Connection conn;
    shutdown(PQsocket(conn), SHUT_RDWR);
    const auto seen = recorded([&] { CHECK(conn.run("SELECT 1") == PGRES_FATAL_ERROR); });
    CHECK(seen.spans.at(0).text("error.type") == "CONNECTION_BAD");
    CHECK(seen.spans.at(0).attribute("db.response.status_code") == nullptr);
    CHECK(seen.spans.at(0).status_message == "there is no connection to the server");
}

// COPY.

TEST_CASE("a copy lasts until its data have arrived, and fails as they do") {
    const Connection conn;
    for (const char* data : {"3\tIda\n", "no number\tsecret\n"}) {
        const bool good = data[0] == '3';
        CAPTURE(data);
        const auto seen = recorded([&] {
            CHECK(conn.run("COPY customers FROM STDIN") == PGRES_COPY_IN);
            CHECK(PQputCopyData(conn, data, static_cast<int>(std::strlen(data))) == 1);
            { PLUME_SPAN("data"); }
            CHECK(PQputCopyEnd(conn, nullptr) == 1);
            CHECK(PQresultStatus(own(pq::get_result(conn)).get()) ==
                  (good ? PGRES_COMMAND_OK : PGRES_FATAL_ERROR));
            { PLUME_SPAN("after"); }
            CHECK(pq::get_result(conn) == nullptr);
        });
        const RecordedSpan& copy = seen["COPY customers"];
        CHECK(copy.end_unix_ns >= seen["data"].end_unix_ns);
        CHECK(copy.end_unix_ns <= seen["after"].begin_unix_ns);
        CHECK(copy.status == (good ? StatusCode::unset : StatusCode::error));
        CHECK(copy.text("error.type") == (good ? "" : "22P02"));
        CHECK(copy.status_message.find("secret") == std::string::npos);
    }
}

TEST_CASE("a copy ends with its result also if libpq's own function fetches that") {
    const Connection conn;
    const auto seen = recorded([&] {
        CHECK(conn.run("COPY customers FROM STDIN") == PGRES_COPY_IN);
        CHECK(PQputCopyEnd(conn, "on second thoughts") == 1);
        while (own(PQgetResult(conn))) {}
        { PLUME_SPAN("after"); }
    });
    CHECK(seen["COPY customers"].text("error.type") == "57014");
    CHECK(seen["COPY customers"].end_unix_ns <= seen["after"].begin_unix_ns);
}

TEST_CASE("a copy from the server lasts until its rows are read") {
    const Connection conn;
    const auto seen = recorded([&] {
        CHECK(conn.run("COPY customers TO STDOUT") == PGRES_COPY_OUT);
        { PLUME_SPAN("data"); }
        char* row = nullptr;
        while (PQgetCopyData(conn, &row, 0) > 0) PQfreemem(row);
        CHECK(conn.drain() == 1);
    });
    CHECK(seen["COPY customers"].end_unix_ns >= seen["data"].end_unix_ns);
    CHECK(seen["COPY customers"].status == StatusCode::unset);
}

TEST_CASE("another statement ends a copy, which says so") {
    const Connection conn;
    const auto seen = recorded([&] {
        CHECK(conn.run("COPY customers FROM STDIN") == PGRES_COPY_IN);
        CHECK(conn.run("SELECT 1 AS next") == PGRES_TUPLES_OK);
        CHECK(conn.run("COPY customers TO STDOUT") == PGRES_COPY_OUT);
        CHECK(conn.run("SELECT 2 AS next") == PGRES_TUPLES_OK);
        CHECK(pq::send_query(conn, "COPY customers FROM STDIN") == 1);
        CHECK(conn.run("SELECT 3 AS next") == PGRES_TUPLES_OK);
    });
    REQUIRE(names_of(seen) == std::vector<std::string>{"COPY customers", "SELECT", "COPY customers",
                                                       "SELECT", "COPY customers", "SELECT"});
    CHECK(seen.spans[0].text("error.type") == "57014");
    CHECK(seen.spans[2].status == StatusCode::unset);
    CHECK(seen.spans[4].text("error.type") == "57014");
    for (const std::size_t next : {1U, 3U, 5U}) CHECK(seen.spans[next].status == StatusCode::unset);
}

TEST_CASE("statements behind a copy in one text are part of its span") {
    const Connection conn;
    const auto seen = recorded([&] {
        CHECK(conn.run("COPY customers FROM STDIN; SELECT 1/0") == PGRES_COPY_IN);
        CHECK(PQputCopyEnd(conn, nullptr) == 1);
        CHECK(conn.drain() == 2);
    });
    CHECK(seen.spans.at(0).text("error.type") == "22012");
}

TEST_CASE("a null connection and one that failed do what libpq does") {
    const auto seen = recorded([] {
        CHECK(pq::exec(nullptr, "SELECT 1") == nullptr);
        CHECK(pq::send_query(nullptr, "SELECT 1") == 0);
        CHECK(pq::get_result(nullptr) == nullptr);
        CHECK_FALSE(plume::instrument(static_cast<PGconn*>(nullptr), plume::PqOptions{}));
        PGconn* failed = PQconnectdb("host=/nonexistent dbname=d");
        CHECK(PQresultStatus(own(pq::exec(failed, "SELECT 1")).get()) == PGRES_FATAL_ERROR);
        CHECK(pq::send_query(failed, "SELECT 1") == 0);
        PQfinish(failed);
    });
    REQUIRE(seen.spans.size() == 2);
    for (const auto& span : seen.spans) {
        CHECK(span.status == StatusCode::error);
        CHECK(span.text("error.type") == "CONNECTION_BAD");
    }
}

TEST_CASE("a password in the name of a database that does not exist is not recorded") {
    for (const char* name :
         {"postgres://ann:hunter2@127.0.0.1/shop", "user=ann password=hunter2"}) {
        const std::string port = std::to_string(Postgres::server().port());
        const char* keys[] = {"dbname", "host", "port", "user", nullptr};
        const char* values[] = {name, "127.0.0.1", port.c_str(), "plume", nullptr};
        PGconn* failed = PQconnectdbParams(keys, values, 0);
        CHECK(PQstatus(failed) == CONNECTION_BAD);
        const auto seen = recorded([&] { own(pq::exec(failed, "SELECT 1")); });
        PQfinish(failed);
        CHECK(seen.spans.at(0).status_message == "there is no connection to the server");
        for (const auto& attribute : seen.spans.at(0).attributes)
            CHECK(seen.spans.at(0).text(attribute.key).find("hunter2") == std::string::npos);
    }
}

// Asynchronous calls.

TEST_CASE("what is sent lasts until its last result was fetched") {
    const Connection conn;
    REQUIRE(plume::instrument(conn, {.rows = true}));
    const auto seen = recorded([&] {
        {
            PLUME_SPAN("sends");
            CHECK(pq::send_query(conn, "SELECT * FROM customers; SELECT 1") == 1);
        }
        { PLUME_SPAN("between"); }
        CHECK(conn.drain() == 2);
        { PLUME_SPAN("after"); }
        CHECK(pq::get_result(conn) == nullptr);
    });
    const RecordedSpan& span = seen["SELECT customers; SELECT"];
    CHECK(span.parent_span_id == seen["sends"].span_id);
    CHECK(span.end_unix_ns >= seen["between"].end_unix_ns);
    CHECK(span.end_unix_ns <= seen["after"].begin_unix_ns);
    CHECK(span.text("db.response.returned_rows") == "3");
}

TEST_CASE("every way to send is traced") {
    const Connection conn;
    const char* values[] = {"1"};
    const auto seen = recorded([&] {
        CHECK(pq::send_query_params(conn, "SELECT id FROM customers WHERE id = $1", 1, nullptr,
                                    values, nullptr, nullptr, 0) == 1);
        conn.drain();
        CHECK(pq::send_prepare(conn, "p", "DELETE FROM customers WHERE id = $1", 0, nullptr) == 1);
        conn.drain();
        CHECK(pq::send_query_prepared(conn, "p", 1, values, nullptr, nullptr, 0) == 1);
        conn.drain();
    });
    CHECK(names_of(seen) ==
          std::vector<std::string>{"SELECT customers", "PREPARE", "DELETE customers"});
}

TEST_CASE("rows of single-row mode are counted, and a failure among them is seen") {
    const Connection conn;
    REQUIRE(plume::instrument(conn, {.rows = true}));
    const auto seen = recorded([&] {
        CHECK(pq::send_query(conn, "SELECT 1/(3 - i) FROM generate_series(1, 5) i") == 1);
        CHECK(PQsetSingleRowMode(conn) == 1);
        CHECK(conn.drain() == 3);
    });
    REQUIRE(seen.spans.size() == 1);
    CHECK(seen.spans[0].text("db.response.returned_rows") == "2");
    CHECK(seen.spans[0].text("error.type") == "22012");
}

TEST_CASE("statements of a pipeline are told apart, and what a failure skips") {
    const Connection conn;
    const auto seen = recorded([&] {
        REQUIRE(PQenterPipelineMode(conn) == 1);
        const auto send = [&](const char* sql) {
            CHECK(pq::send_query_params(conn, sql, 0, nullptr, nullptr, nullptr, nullptr, 0) == 1);
        };
        send("SELECT 1 AS first");
        {
            const plume::SuppressScope quiet;
            send("SELECT 1 AS unseen");
        }
        send("SELECT 1/0 AS failing");
        send("SELECT 1 AS skipped");
        CHECK(PQpipelineSync(conn) == 1);
        for (int i = 0; i < 4; ++i) CHECK(conn.drain() == 1);
        const auto sync = own(pq::get_result(conn));
        CHECK(PQresultStatus(sync.get()) == PGRES_PIPELINE_SYNC);
        CHECK(PQexitPipelineMode(conn) == 1);
        CHECK(conn.run("SELECT 1 AS afterwards") == PGRES_TUPLES_OK);
    });
    REQUIRE(seen.spans.size() == 4);
    CHECK(seen.spans[0].text("db.query.text") == "SELECT ? AS first");
    CHECK(seen.spans[0].status == StatusCode::unset);
    CHECK(seen.spans[1].text("db.query.text") == "SELECT ?/? AS failing");
    CHECK(seen.spans[1].text("error.type") == "22012");
    CHECK(seen.spans[2].text("db.query.text") == "SELECT ? AS skipped");
    CHECK(seen.spans[2].text("error.type") == "PGRES_PIPELINE_ABORTED");
    CHECK(seen.spans[3].status == StatusCode::unset);
}

TEST_CASE("what nobody fetched ends with the next statement, or with the connection") {
    Connection conn;
    const auto seen = recorded([&] {
        CHECK(pq::send_query(conn, "SELECT id FROM customers") == 1);
        while (own(PQgetResult(conn))) {} // not through ours
        CHECK(conn.run("SELECT 1") == PGRES_TUPLES_OK);
        CHECK(pq::send_query(conn, "SELECT name FROM customers") == 1);
        conn.close();
    });
    CHECK(names_of(seen) ==
          std::vector<std::string>{"SELECT customers", "SELECT", "SELECT customers"});
    CHECK(seen.stats.open == 0);
}

TEST_CASE("a text is read as the server reads it") {
    const Connection conn;
    const auto seen = recorded([&] {
        own(PQexec(conn, "SET standard_conforming_strings = off; SET escape_string_warning = off"));
        CHECK(conn.run("SELECT 'it\\'s', 'secret'") == PGRES_TUPLES_OK);
        own(PQexec(conn, "SET standard_conforming_strings = on"));
        CHECK(conn.run("SELECT 'it\\', 'secret'") == PGRES_TUPLES_OK);
    });
    CHECK(seen.spans.at(0).text("db.query.text") == "SELECT ?, ?");
    CHECK(seen.spans.at(1).text("db.query.text") == "SELECT ?, ?");
}

TEST_CASE("what is bound is recorded if that is asked for, by number from 0") {
    const Connection conn;
    const char binary[] = {0, 0, 0, 5};
    const char* values[] = {"O'Brien", nullptr, binary};
    const int lengths[] = {0, 0, 4};
    const int formats[] = {0, 0, 1};
    const auto send = [&] {
        own(PQexec(conn, "DEALLOCATE ALL"));
        CHECK(conn.prepare("p", "SELECT $1::text, $2::text, $3::int") == PGRES_COMMAND_OK);
        own(pq::exec_params(conn, "SELECT $1::text, $2::text, $3::int", 3, nullptr, values, lengths,
                            formats, 0));
        own(pq::exec_prepared(conn, "p", 3, values, lengths, formats, 0));
        CHECK(pq::send_query_prepared(conn, "p", 3, values, lengths, formats, 0) == 1);
        conn.drain();
        own(pq::exec_params(conn, "SELECT 1", 0, nullptr, nullptr, nullptr, nullptr, 0));
    };
    const auto silent = recorded(send);
    REQUIRE(plume::instrument(conn, {.parameters = true}));
    const auto told = recorded(send);
    const auto bound = [](const Recorded& seen) {
        std::string text;
        for (const auto& span : seen.spans)
            for (const auto& attribute : span.attributes)
                if (attribute.key.starts_with("db.query.parameter."))
                    text += attribute.key.substr(19) + "=" + span.text(attribute.key) + " ";
        return text;
    };
    CHECK(bound(silent) == "");
    const std::string once = "0=O'Brien 1=NULL 2=\\x00000005 ";
    CHECK(bound(told) == once + once + once);
    for (const auto& span : told.spans) {
        CHECK(span.status == StatusCode::unset);
        CHECK(plume::test::breaches(span, plume::test::database_conventions,
                                    plume::test::Level::recommended) == "");
    }
}
