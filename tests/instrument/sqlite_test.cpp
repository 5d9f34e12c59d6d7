#include <plume/instrument/sqlite.hpp>

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <unistd.h>

#include "support/catch.hpp"
#include "support/conventions.hpp"
#include "support/recorded.hpp"

using plume::RecordedSpan;
using plume::SqliteOptions;
using plume::StatusCode;
using plume::test::on_a_thread;
using plume::test::Recorded;
using plume::test::recorded;

namespace {

/// A folder for the database files of one test.
class Folder {
  public:
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "plume-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()));
        path_ = name;
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    [[nodiscard]] std::string file() const { return (path_ / "shop.db").string(); }

  private:
    std::filesystem::path path_;
};

class Statement {
  public:
    Statement(sqlite3* db, const char* sql) {
        REQUIRE(sqlite3_prepare_v2(db, sql, -1, &statement_, nullptr) == SQLITE_OK);
    }
    ~Statement() { sqlite3_finalize(statement_); }
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;
    int step() { return sqlite3_step(statement_); }
    void reset() { sqlite3_reset(statement_); }
    operator sqlite3_stmt*() const { return statement_; }

  private:
    sqlite3_stmt* statement_ = nullptr;
};

class Database {
  public:
    explicit Database(const std::string& file = ":memory:") {
        REQUIRE(sqlite3_open(file.c_str(), &db_) == SQLITE_OK);
    }
    ~Database() { close(); }
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;
    void close() {
        if (db_) CHECK(sqlite3_close(db_) == SQLITE_OK);
        db_ = nullptr;
    }
    int run(const std::string& sql) {
        return sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr);
    }
    operator sqlite3*() const { return db_; }

  private:
    sqlite3* db_ = nullptr;
};

/// With a table: customers (id, name), two of them.
class Shop : public Database {
  public:
    explicit Shop(const std::string& file = ":memory:", const SqliteOptions& options = {})
        : Database{file} {
        REQUIRE(run("CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL);"
                    "INSERT INTO customers VALUES (1, 'Ada'), (2, 'Grace')") == SQLITE_OK);
        REQUIRE(plume::instrument(*this, options) == SQLITE_OK);
    }
};

std::vector<std::string> names_of(const Recorded& seen) {
    std::vector<std::string> names;
    for (const auto& span : seen.spans) names.push_back(span.name);
    return names;
}
std::string texts_of(const Recorded& seen) {
    std::string texts;
    for (const auto& span : seen.spans) (texts += span.text("db.query.text")) += '\n';
    return texts;
}

} // namespace

TEST_CASE("every statement is a span below the current one") {
    Shop shop;
    const auto seen = recorded([&] {
        PLUME_SPAN("request");
        CHECK(shop.run("SELECT name FROM customers WHERE id = 1;"
                       "UPDATE customers SET name = 'Barbara' WHERE id = 2;"
                       " -- nothing more\n") == SQLITE_OK);
    });
    CHECK(seen.tree() == "request\n"
                         "  SELECT customers\n"
                         "  UPDATE customers\n");
    CHECK(seen["UPDATE customers"].text("db.query.text") ==
          "UPDATE customers SET name = ? WHERE id = ?;");
}

TEST_CASE("a span has the attributes of the conventions, and no others") {
    const Folder folder;
    Shop shop{folder.file(), {.rows = true}};
    const auto seen = recorded([&] {
        shop.run("SELECT name FROM customers WHERE name <> 'nobody'");
        shop.run("INSERT INTO customers SELECT id, name FROM customers");
    });
    const RecordedSpan& query = seen["SELECT customers"];
    CHECK(query.kind == plume::SpanKind::client);
    CHECK(query.status == StatusCode::unset);
    const std::vector<std::pair<std::string, plume::RecordedValue>> expected{
        {"db.system.name", std::string{"sqlite"}},             // required
        {"db.namespace", std::string{"shop.db"}},              // if available
        {"db.query.summary", std::string{"SELECT customers"}}, // recommended
        {"db.query.text", std::string{"SELECT name FROM customers WHERE name <> ?"}},
        {"db.response.returned_rows", std::int64_t{2}}, // opt-in
    };
    for (const auto& [key, value] : expected) {
        CAPTURE(key);
        REQUIRE(query.attribute(key));
        CHECK(*query.attribute(key) == value);
    }
    CHECK(query.attributes.size() == expected.size());

    const RecordedSpan& copy = seen["INSERT customers SELECT customers"];
    for (const RecordedSpan& span : seen.spans)
        CHECK(plume::test::breaches(span, plume::test::database_conventions,
                                    plume::test::Level::recommended) == "");
    CHECK(copy.text("db.response.status_code") == "1555"); // conditionally required
    CHECK(copy.text("error.type") == "1555");
    CHECK(copy.attributes.size() == expected.size() + 2);
}

TEST_CASE("operation and table are recorded if that is asked for and the text has one of each") {
    Shop plain, asked{":memory:", {.operation_and_collection = true}};
    const auto seen = recorded([&] {
        plain.run("SELECT name FROM customers");
        asked.run("SELECT name FROM customers");
        asked.run("INSERT INTO customers SELECT id + 5, name FROM customers");
    });
    CHECK(seen.spans.at(0).attribute("db.operation.name") == nullptr);
    CHECK(seen.spans.at(0).attribute("db.collection.name") == nullptr);
    CHECK(seen.spans.at(1).text("db.operation.name") == "SELECT");
    CHECK(seen.spans.at(1).text("db.collection.name") == "customers");
    CHECK(seen.spans.at(2).attribute("db.operation.name") == nullptr); // there are two
    CHECK(seen.spans.at(2).attribute("db.collection.name") == nullptr);
}

TEST_CASE("a database without a file has no namespace") {
    Shop shop;
    const auto seen = recorded([&] { shop.run("SELECT 1"); });
    CHECK(seen["SELECT"].attribute("db.namespace") == nullptr);
}

TEST_CASE("a prepared statement is a span each time it runs, with its text as it is") {
    Shop shop;
    Statement query{shop, "SELECT name FROM customers  WHERE id = ?1 OR name = 'Ada'"};
    const auto seen = recorded([&] {
        for (int id = 1; id <= 2; ++id) {
            sqlite3_bind_int(query, 1, id);
            while (query.step() == SQLITE_ROW) {}
            query.reset();
        }
    });
    CHECK(texts_of(seen) == "SELECT name FROM customers  WHERE id = ?1 OR name = 'Ada'\n"
                            "SELECT name FROM customers  WHERE id = ?1 OR name = 'Ada'\n");
}

TEST_CASE("literals beside parameters go, too, if that is asked for") {
    Shop shop{":memory:", {.replace_all_literals = true}};
    Statement query{shop, "SELECT name FROM customers WHERE id = ?1 OR name = 'Ada'"};
    const auto seen = recorded([&] {
        query.step();
        query.reset();
    });
    CHECK(texts_of(seen) == "SELECT name FROM customers WHERE id = ?1 OR name = ?\n");
}

TEST_CASE("a span lasts from the first step until the statement is done") {
    Shop shop;
    Statement query{shop, "SELECT name FROM customers"};
    const auto seen = recorded([&] {
        CHECK(query.step() == SQLITE_ROW);
        { PLUME_SPAN("between"); }
        CHECK(query.step() == SQLITE_ROW);
        CHECK(query.step() == SQLITE_DONE);
        { PLUME_SPAN("after"); }
        query.reset();
    });
    CHECK(seen["SELECT customers"].begin_unix_ns <= seen["between"].begin_unix_ns);
    CHECK(seen["SELECT customers"].end_unix_ns >= seen["between"].end_unix_ns);
    CHECK(seen["SELECT customers"].end_unix_ns <= seen["after"].begin_unix_ns);
}

TEST_CASE("a statement that is left ends when it is reset or finalized") {
    Shop shop;
    const auto seen = recorded([&] {
        Statement left{shop, "SELECT name FROM customers"};
        left.step();
        { PLUME_SPAN("before the reset"); }
        left.reset();
        { PLUME_SPAN("after the reset"); }
        std::optional<Statement> dropped{std::in_place, shop, "DELETE FROM customers RETURNING id"};
        dropped->step();
        { PLUME_SPAN("before its end"); }
        dropped.reset();
        { PLUME_SPAN("after its end"); }
    });
    const auto ends_between = [&seen](const RecordedSpan& span, const char* before,
                                      const char* after) {
        CHECK(span.end_unix_ns >= seen[before].end_unix_ns);
        CHECK(span.end_unix_ns <= seen[after].begin_unix_ns);
        CHECK(span.status == StatusCode::unset);
    };
    ends_between(seen["SELECT customers"], "before the reset", "after the reset");
    ends_between(seen["DELETE customers"], "before its end", "after its end");
    CHECK(seen.stats.open == 0);
}

TEST_CASE("statements of one connection may be interleaved") {
    Shop shop{":memory:", {.rows = true}};
    const auto seen = recorded([&] {
        Statement outer{shop, "SELECT id FROM customers"};
        while (outer.step() == SQLITE_ROW) {
            Statement inner{shop, "SELECT name FROM customers AS c WHERE id = ?"};
            sqlite3_bind_int(inner, 1, sqlite3_column_int(outer, 0));
            while (inner.step() == SQLITE_ROW) {}
        }
    });
    REQUIRE(seen.spans.size() == 3);
    CHECK(texts_of(seen) == "SELECT name FROM customers AS c WHERE id = ?\n"
                            "SELECT name FROM customers AS c WHERE id = ?\n"
                            "SELECT id FROM customers\n");
    CHECK(seen.spans[0].text("db.response.returned_rows") == "1");
    CHECK(seen.spans[2].text("db.response.returned_rows") == "2");
    for (const auto& span : seen.spans) CHECK_FALSE(span.parent_span_id.valid());
}

TEST_CASE("rows are counted, and the first is marked, only if that is asked for") {
    Shop plain, counting{":memory:", {.rows = true}};
    const auto seen = recorded([&] {
        plain.run("SELECT id FROM customers");
        counting.run("SELECT id FROM customers");
        counting.run("DELETE FROM customers");
    });
    CHECK(seen.spans[0].attribute("db.response.returned_rows") == nullptr);
    CHECK(seen.spans[0].events.empty());
    CHECK(seen.spans[1].text("db.response.returned_rows") == "2");
    REQUIRE(seen.spans[1].events.size() == 1);
    CHECK(seen.spans[1].events[0].name == "first row");
    CHECK(seen.spans[2].text("db.response.returned_rows") == "0");
    CHECK(seen.spans[2].events.empty());
}

// Failures.

TEST_CASE("a failure has SQLite's code, and says what the code means") {
    Shop shop;
    const auto seen = recorded([&] {
        CHECK(shop.run("INSERT INTO customers VALUES (1, 'Ada')") == SQLITE_CONSTRAINT);
        CHECK(shop.run("INSERT INTO customers VALUES (3, NULL)") == SQLITE_CONSTRAINT);
        CHECK(shop.run("SELECT abs(-9223372036854775808)") == SQLITE_ERROR);
        CHECK(shop.run("COMMIT") == SQLITE_ERROR);
        CHECK(shop.run("SELECT 1") == SQLITE_OK);
    });
    REQUIRE(seen.spans.size() == 5);
    constexpr struct {
        std::string_view code, message;
    } expected[] = {
        {"1555", "PRIMARY KEY constraint failed"},
        {"1299", "NOT NULL constraint failed"},
        {"1", "SQL logic error"},
        {"1", "SQL logic error"},
    };
    for (std::size_t i = 0; i < 4; ++i) {
        CAPTURE(i);
        CHECK(seen.spans[i].status == StatusCode::error);
        CHECK(seen.spans[i].status_message == expected[i].message);
        CHECK(seen.spans[i].text("db.response.status_code") == expected[i].code);
        CHECK(seen.spans[i].text("error.type") == expected[i].code);
    }
    CHECK(seen.spans[4].status == StatusCode::unset);
    CHECK(seen.spans[4].attribute("error.type") == nullptr);
}

TEST_CASE("SQLite's own words for a failure are recorded if that is asked for") {
    Shop shop{":memory:", {.messages = true}};
    const auto seen = recorded([&] {
        shop.run("INSERT INTO customers VALUES (1, 'Ada')");
        shop.run("COMMIT");
    });
    CHECK(seen.spans.at(0).status_message == "UNIQUE constraint failed: customers.id");
    CHECK(seen.spans.at(1).status_message == "cannot commit - no transaction is active");
}

TEST_CASE("what a failure quotes is not recorded, be it bound or in the text") {
    Shop shop;
    shop.run("CREATE TABLE checked (a CONSTRAINT secret_rule CHECK (a <> 'secret'), b UNIQUE);"
             "INSERT INTO checked VALUES (1, 'secret');"
             "CREATE VIRTUAL TABLE notes USING fts5(body);"
             "CREATE VIRTUAL TABLE old_notes USING fts4(body);"
             "CREATE TRIGGER strict BEFORE INSERT ON customers BEGIN "
             "SELECT RAISE(ABORT, 'no secret today'); END;");
    constexpr const char* bound[] = {
        "SELECT * FROM notes WHERE notes MATCH ?",
        "SELECT * FROM old_notes WHERE old_notes MATCH ?",
        "SELECT json_extract('{}', ?)",
        "SELECT json(?)",
        "ATTACH ? AS e",
        "SELECT load_extension(?)",
        "SELECT * FROM pragma_table_info(?), customers WHERE abs(-9223372036854775808)",
        "INSERT INTO checked VALUES (?, NULL)",
        "INSERT INTO checked VALUES (2, ?)",
        "INSERT INTO customers VALUES (3, ?)",
    };
    const auto seen = recorded([&] {
        for (const char* sql : bound) {
            Statement statement{shop, sql};
            const char* value = sql[0] == 'A'   ? "/secret/secret"
                                : sql[7] == '*' ? "(secret \""
                                                : "secret";
            sqlite3_bind_text(statement, 1, value, -1, SQLITE_STATIC);
            while (statement.step() == SQLITE_ROW) {}
        }
        shop.run("SELECT * FROM notes WHERE notes MATCH 'secret : x'");
        shop.run("ATTACH '/secret/secret' AS e");
    });
    REQUIRE(seen.spans.size() >= std::size(bound) + 2);
    for (const RecordedSpan& span : seen.spans) {
        CAPTURE(span.text("db.query.text"));
        CHECK(span.status == StatusCode::error);
        CHECK_FALSE(span.status_message.empty());
        CHECK(span.status_message.find("secret") == std::string::npos);
        for (const auto& attribute : span.attributes)
            CHECK(span.text(attribute.key).find("secret") == std::string::npos);
    }
}

TEST_CASE("a failure of a long text has the meaning of its code") {
    Shop shop;
    const auto seen = recorded(
        [&] { shop.run("INSERT INTO customers VALUES (1, '" + std::string(300, 'x') + "')"); });
    CHECK(seen.spans.at(0).status_message == "PRIMARY KEY constraint failed");
    CHECK(seen.spans.at(0).text("error.type") == "1555");
}

TEST_CASE("a database that is locked is a failure") {
    const Folder folder;
    Shop shop{folder.file()};
    Database other{folder.file()};
    REQUIRE(other.run("BEGIN EXCLUSIVE") == SQLITE_OK);
    const auto seen = recorded([&] {
        CHECK(shop.run("UPDATE customers SET name = 'x'") == SQLITE_BUSY);
        other.run("COMMIT");
        CHECK(shop.run("UPDATE customers SET name = 'x'") == SQLITE_OK);
    });
    CHECK(seen.spans.at(0).text("error.type") == "5");
    CHECK(seen.spans.at(0).status_message == "database is locked");
    CHECK(seen.spans.at(1).status == StatusCode::unset);
}

TEST_CASE("the failure of another connection is not taken for one's own") {
    Shop shop;
    Database other;
    other.run("CREATE TABLE customers (id CHECK (id > 5))");
    const auto seen = recorded([&] {
        Statement query{shop, "SELECT id FROM customers"};
        query.step();
        CHECK(other.run("INSERT INTO customers VALUES (1)") == SQLITE_CONSTRAINT);
        while (query.step() == SQLITE_ROW) {}
    });
    CHECK(seen["SELECT customers"].status == StatusCode::unset);
}

TEST_CASE("an application with a log of its own can pass errors on") {
    Shop shop;
    sqlite3_create_function(
        shop, "fail_quietly", 0, SQLITE_UTF8, nullptr,
        [](sqlite3_context*, int, sqlite3_value**) {
            plume::sqlite_error(SQLITE_IOERR,
                                "statement aborts at 3: [SELECT fail_quietly()] lost");
        },
        nullptr, nullptr);
    const auto seen = recorded([&] { shop.run("SELECT fail_quietly()"); });
    CHECK(seen.spans.at(0).status_message == "disk I/O error");
    CHECK(seen.spans.at(0).text("error.type") == "10");
}

// A schema that changes below a prepared statement.

TEST_CASE("a statement that SQLite prepares again is one span") {
    Shop shop{":memory:", {.rows = true}};
    Statement query{shop, "SELECT id FROM customers"};
    const auto seen = recorded([&] {
        query.step();
        query.reset();
        shop.run("CREATE TABLE other (a)");
        while (query.step() == SQLITE_ROW) {}
    });
    CHECK(names_of(seen) ==
          std::vector<std::string>{"SELECT customers", "CREATE TABLE other", "SELECT customers"});
    CHECK(seen.spans[2].status == StatusCode::unset);
    CHECK(seen.spans[2].text("db.response.returned_rows") == "2");
}

TEST_CASE("a statement that cannot be prepared again fails") {
    Shop shop;
    Statement query{shop, "SELECT id FROM customers"};
    const auto seen = recorded([&] {
        query.step();
        query.reset();
        shop.run("DROP TABLE customers");
        CHECK(query.step() == SQLITE_ERROR);
        shop.run("SELECT 1");
    });
    REQUIRE(seen.spans.size() == 4);
    CHECK(seen.spans[2].text("error.type") == "17");
    CHECK(seen.spans[2].status_message == "database schema has changed");
}

TEST_CASE("a statement that is prepared again may be interleaved with others") {
    Shop shop{":memory:", {.rows = true}};
    Statement query{shop, "SELECT id FROM customers"};
    query.step();
    query.reset();
    shop.run("CREATE TABLE other (a)");
    const auto seen = recorded([&] {
        CHECK(query.step() == SQLITE_ROW);
        shop.run("SELECT 1");
        CHECK(query.step() == SQLITE_ROW);
        CHECK(query.step() == SQLITE_DONE);
    });
    CHECK(names_of(seen) == std::vector<std::string>{"SELECT", "SELECT customers"});
    CHECK(seen.spans[1].status == StatusCode::unset);
}

TEST_CASE("a statement that could not be prepared again, and then could, is two spans") {
    const Folder folder;
    Shop shop{folder.file()};
    Database other{folder.file()};
    Statement query{shop, "SELECT id FROM customers"};
    query.step();
    query.reset();
    const auto seen = recorded([&] {
        other.run("DROP TABLE customers");
        CHECK(query.step() == SQLITE_ERROR);
        query.reset();
        other.run("CREATE TABLE customers (id)");
        CHECK(query.step() == SQLITE_DONE);
    });
    REQUIRE(names_of(seen) == std::vector<std::string>(2, "SELECT customers"));
    CHECK(seen.spans[0].text("error.type") == "17");
    CHECK(seen.spans[1].status == StatusCode::unset);
}

// What runs inside of a statement.

TEST_CASE("a statement with actions of foreign keys is one span until it is done") {
    constexpr const char* actions[] = {"ON DELETE CASCADE", "ON DELETE SET NULL",
                                       "ON DELETE SET DEFAULT", "ON UPDATE CASCADE"};
    for (const bool nested : {false, true}) {
        for (const std::string action : actions) {
            CAPTURE(nested, action);
            Shop shop{":memory:", {.rows = true, .nested = nested}};
            shop.run("PRAGMA foreign_keys = ON; CREATE TABLE p (id INTEGER PRIMARY KEY);"
                     "CREATE TABLE c (id INTEGER PRIMARY KEY, p DEFAULT 3 REFERENCES p " +
                     action +
                     "); CREATE TABLE d (c REFERENCES c ON DELETE CASCADE);"
                     "INSERT INTO p VALUES (1), (2), (3); INSERT INTO c VALUES (1, 1), (2, 2);"
                     "INSERT INTO d VALUES (1), (1), (2);");
            const bool updates = action.starts_with("ON UPDATE");
            const auto seen = recorded([&] {
                Statement statement{shop, updates ? "UPDATE p SET id = id + 10 WHERE id < 3"
                                                  : "DELETE FROM p WHERE id < 3 RETURNING id"};
                while (statement.step() == SQLITE_ROW) {}
                { PLUME_SPAN("after"); }
                CHECK(statement.step() != SQLITE_ERROR); // once more
            });
            REQUIRE(seen.spans.size() == 3);
            const RecordedSpan& first = seen[updates ? "UPDATE p" : "DELETE p"];
            CHECK(first.end_unix_ns <= seen["after"].begin_unix_ns);
            CHECK(first.text("db.response.returned_rows") == (updates ? "0" : "2"));
        }
    }
}

TEST_CASE("a statement that goes on after a lock without a reset begins no other span") {
    const Folder folder;
    Shop shop{folder.file()};
    shop.run("PRAGMA foreign_keys = ON; CREATE TABLE p (id INTEGER PRIMARY KEY);"
             "CREATE TABLE c (p REFERENCES p ON DELETE CASCADE);"
             "INSERT INTO p VALUES (1), (2); INSERT INTO c VALUES (1), (2)");
    Database other{folder.file()};
    const bool in_transaction = GENERATE(false, true);
    CAPTURE(in_transaction);
    if (in_transaction) shop.run("BEGIN");
    Statement statement{shop, "DELETE FROM p"};
    REQUIRE(other.run("BEGIN EXCLUSIVE") == SQLITE_OK);
    const auto seen = recorded([&] {
        CHECK(statement.step() == SQLITE_BUSY);
        CHECK(other.run("COMMIT") == SQLITE_OK);
        CHECK(statement.step() == SQLITE_DONE);
        { PLUME_SPAN("between"); }
        CHECK(statement.step() == SQLITE_DONE); // once more
    });
    CHECK(seen.spans.size() == 3);
    for (const RecordedSpan& span : seen.spans) {
        if (span.name == "between") continue;
        const bool first = span.end_unix_ns <= seen["between"].begin_unix_ns;
        CHECK((first || span.begin_unix_ns >= seen["between"].end_unix_ns));
        CHECK(span.text("error.type") == (first ? "5" : ""));
    }
    CHECK(seen.stats.open == 0);
}

TEST_CASE("an action of a foreign key that fails is the failure of its statement") {
    Shop shop;
    shop.run("PRAGMA foreign_keys = ON; CREATE TABLE p (id INTEGER PRIMARY KEY);"
             "CREATE TABLE c (p NOT NULL REFERENCES p ON DELETE SET NULL);"
             "INSERT INTO p VALUES (1); INSERT INTO c VALUES (1)");
    const auto seen = recorded([&] {
        shop.run("DELETE FROM p");
        shop.run("SELECT 1");
    });
    CHECK(names_of(seen) == std::vector<std::string>{"DELETE p", "SELECT"});
    CHECK(seen.spans[0].text("error.type") == "1299");
}

TEST_CASE("a statement that is not sampled stays so when actions of foreign keys run") {
    Shop shop;
    shop.run("PRAGMA foreign_keys = ON; CREATE TABLE p (id INTEGER PRIMARY KEY);"
             "CREATE TABLE c (p REFERENCES p ON DELETE CASCADE);"
             "INSERT INTO p VALUES (1); INSERT INTO c VALUES (1)");
    static std::optional<plume::SuppressScope> quiet;
    quiet.emplace();
    sqlite3_create_function(
        shop, "speak", 0, SQLITE_UTF8, nullptr,
        [](sqlite3_context* context, int, sqlite3_value**) {
            quiet.reset();
            sqlite3_result_int(context, 1);
        },
        nullptr, nullptr);
    const auto seen = recorded([&] { shop.run("DELETE FROM p WHERE speak()"); });
    quiet.reset();
    CHECK(seen.spans.empty());
}

namespace {
constexpr const char* audited =
    "CREATE TABLE audit (what); CREATE TRIGGER keep AFTER DELETE ON customers BEGIN "
    "INSERT INTO audit VALUES ('secret'); END;";

void ask_inside(sqlite3_context* context, int, sqlite3_value**) {
    sqlite3_exec(sqlite3_context_db_handle(context), "-- inside\nSELECT 1 FROM customers", nullptr,
                 nullptr, nullptr);
    sqlite3_result_int(context, 1);
}
} // namespace

TEST_CASE("triggers and statements inside of others are not seen unless that is asked for") {
    Shop shop;
    shop.run(audited);
    sqlite3_create_function(shop, "ask", 0, SQLITE_UTF8, nullptr, ask_inside, nullptr, nullptr);
    const auto seen = recorded([&] {
        shop.run("DELETE FROM customers");
        shop.run("SELECT ask()");
    });
    CHECK(names_of(seen) == std::vector<std::string>{"DELETE customers", "SELECT"});
    CHECK(seen.spans[0].events.empty());
}

TEST_CASE("a trigger is an event, a statement inside of another a span, if that is asked for") {
    Shop shop{":memory:", {.nested = true}};
    shop.run(audited);
    sqlite3_create_function(shop, "ask", 0, SQLITE_UTF8, nullptr, ask_inside, nullptr, nullptr);
    const auto seen = recorded([&] {
        shop.run("DELETE FROM customers WHERE id = 1");
        shop.run("SELECT ask()");
    });
    CHECK(names_of(seen) ==
          std::vector<std::string>{"DELETE customers", "SELECT customers", "SELECT"});
    REQUIRE(seen.spans[0].events.size() == 1);
    CHECK(seen.spans[0].events[0].name == "trigger");
    CHECK(plume::text_of(seen.spans[0].events[0].attributes.at(0).value) == "keep");
}

TEST_CASE("statements of virtual tables are not seen, also where SQLite prepares and not runs") {
    const Folder folder;
    {
        Database made{folder.file()};
        made.run("CREATE VIRTUAL TABLE notes USING fts5(body);"
                 "CREATE VIRTUAL TABLE old_notes USING fts4(body);"
                 "CREATE VIRTUAL TABLE boxes USING rtree(id, a, b);"
                 "INSERT INTO notes VALUES ('one'); INSERT INTO old_notes VALUES ('one');"
                 "INSERT INTO boxes VALUES (1, 1, 2);");
    }
    constexpr const char* sql =
        "SELECT * FROM notes WHERE notes MATCH 'one'; INSERT INTO notes VALUES ('two');"
        "SELECT * FROM old_notes WHERE old_notes MATCH 'one'; INSERT INTO old_notes VALUES ('two');"
        "SELECT * FROM boxes WHERE a > 0; INSERT INTO boxes VALUES (NULL, 1, 2); VACUUM;"
        "SELECT * FROM 'main'.'notes';";
    for (const bool nested : {false, true}) {
        Database shop{folder.file()};
        REQUIRE(plume::instrument(shop, {.nested = nested}) == SQLITE_OK);
        const auto seen = recorded([&] {
            CHECK(shop.run(sql) == SQLITE_OK);
            CHECK(shop.run(sql) == SQLITE_OK);
        });
        if (nested) CHECK(seen.spans.size() > 16);
        else CHECK(texts_of(seen).find("_config") == std::string::npos);
        if (!nested) CHECK(seen.spans.size() == 16);
        CHECK(seen.stats.open == 0);
    }
}

TEST_CASE("a statement that begins with a comment is a statement") {
    Shop shop;
    const auto seen = recorded([&] { shop.run("-- TRIGGER happy\nSELECT id FROM customers"); });
    CHECK(names_of(seen) == std::vector<std::string>{"SELECT customers"});
}

// Connections.

TEST_CASE("a connection is traced whenever a session runs") {
    Shop shop;
    CHECK(shop.run("SELECT 1") == SQLITE_OK);
    for (int i = 0; i < 2; ++i) {
        const auto seen = recorded([&] { shop.run("SELECT id FROM customers"); });
        CHECK(names_of(seen) == std::vector<std::string>{"SELECT customers"});
        CHECK(shop.run("SELECT 1") == SQLITE_OK);
    }
}

TEST_CASE("a statement that began before the session, or ends after it, is not exported") {
    Shop shop;
    Statement query{shop, "SELECT id FROM customers"};
    query.step();
    const auto seen = recorded([&] {
        while (query.step() == SQLITE_ROW) {}
        query.reset();
        query.step();
    });
    CHECK(seen.spans.empty());
    CHECK(seen.stats.begun == 1);
    CHECK(seen.dropped().total() + seen.stats.open == 1);
    query.reset();
}

TEST_CASE("a connection may be closed at any time, with statements that outlive it") {
    const auto seen = recorded([&] {
        sqlite3* db = nullptr;
        REQUIRE(sqlite3_open(":memory:", &db) == SQLITE_OK);
        REQUIRE(plume::instrument(db) == SQLITE_OK);
        {
            Statement query{db, "VALUES (1), (2)"};
            query.step();
            CHECK(sqlite3_close(db) == SQLITE_BUSY); // and works on
            Statement second{db, "SELECT 1"};
            second.step();
            CHECK(sqlite3_close_v2(db) == SQLITE_OK); // a zombie
            CHECK(query.step() == SQLITE_ROW);
        }
        Shop shop;
    });
    CHECK(names_of(seen) == std::vector<std::string>{"SELECT", "VALUES"});
    CHECK(seen.stats.open == 0);
}

TEST_CASE("instrumenting again changes the options, and stopping ends it") {
    Shop shop;
    const auto seen = recorded([&] {
        REQUIRE(plume::instrument(shop, {.rows = true}) == SQLITE_OK);
        shop.run("SELECT id FROM customers");
        {
            Statement query{shop, "SELECT name FROM customers"};
            query.step();
            CHECK(plume::instrument(shop) == SQLITE_BUSY); // changes nothing
            CHECK(plume::stop_instrumenting(shop) == SQLITE_BUSY);
        }
        REQUIRE(plume::stop_instrumenting(shop) == SQLITE_OK);
        shop.run("SELECT id FROM customers");
        CHECK(plume::stop_instrumenting(shop) == SQLITE_OK);
    });
    REQUIRE(seen.spans.size() == 2);
    CHECK(seen.spans[0].text("db.response.returned_rows") == "2");
    CHECK(seen.spans[1].text("db.response.returned_rows") == "1");
    CHECK(plume::instrument(static_cast<sqlite3*>(nullptr)) == SQLITE_MISUSE);
}

TEST_CASE("a trace hook of the application's own is called as well") {
    struct Heard {
        std::string events;
    } heard;
    const auto hear = [](unsigned event, void* context, void*, void*) {
        static_cast<Heard*>(context)->events += event == SQLITE_TRACE_STMT ? 's' : 'c';
        return 0;
    };
    {
        Shop shop{":memory:",
                  {.trace_events = SQLITE_TRACE_STMT | SQLITE_TRACE_CLOSE,
                   .trace = hear,
                   .trace_context = &heard}};
        const auto seen = recorded([&] { shop.run("SELECT 1; SELECT 2"); });
        CHECK(seen.spans.size() == 2);
    }
    CHECK(heard.events == "ssc");
}

TEST_CASE("threads may share a connection, and hand statements on") {
    Shop shop;
    const auto seen = recorded([&] {
        Statement query{shop, "SELECT id FROM customers"};
        query.step();
        on_a_thread([&] {
            while (query.step() == SQLITE_ROW) {}
        });
        std::vector<std::thread> threads;
        for (int i = 0; i < 4; ++i)
            threads.emplace_back([&shop] {
                PLUME_SPAN("worker");
                for (int k = 0; k < 100; ++k) shop.run("SELECT name FROM customers AS c");
            });
        for (auto& thread : threads) thread.join();
    });
    CHECK(seen.spans.size() == 1 + 4 + 400);
    CHECK(seen.stats.open == 0);
    for (const auto& span : seen.spans)
        if (span.text("db.query.text") == "SELECT name FROM customers AS c")
            CHECK(span.parent_span_id.valid());
}

TEST_CASE("an unsampled or suppressed thread traces no statement") {
    Shop shop;
    const auto seen = recorded([&] {
        const plume::SuppressScope quiet;
        shop.run("SELECT id FROM customers");
    });
    CHECK(seen.spans.empty());
    CHECK(seen.stats.begun == 0);
}

// Texts.

TEST_CASE("comments of a text are not recorded, whether it has parameters or not") {
    Shop shop;
    const auto seen = recorded([&] {
        shop.run("SELECT 1 /* pw='x' */; SELECT 2 -- 'x'\n; SELECT 3 /* open 'x'");
        Statement query{shop, "SELECT  'kept' /* pw='x' */ FROM customers WHERE id = ? --'x'"};
        query.step();
    });
    CHECK(texts_of(seen) == "SELECT ? ;\nSELECT ? ;\nSELECT ?\n"
                            "SELECT  'kept' FROM customers WHERE id = ?\n");
}

TEST_CASE("double quotes are doubtful only where the connection takes them for strings") {
    Shop shop;
    const char* sql = "SELECT \"name\" FROM \"customers\" WHERE \"customers\".\"id\" = 17";
    const auto seen = recorded([&] {
        shop.run(sql);
        sqlite3_db_config(shop, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
        sqlite3_db_config(shop, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
        shop.run(std::string{sql} + " ");
    });
    CHECK(names_of(seen) == std::vector<std::string>(2, "SELECT \"customers\""));
    CHECK(seen.spans[0].text("db.query.text") ==
          "SELECT ? FROM \"customers\" WHERE \"customers\".\"id\" = ?");
    CHECK(seen.spans[1].text("db.query.text") ==
          "SELECT \"name\" FROM \"customers\" WHERE \"customers\".\"id\" = ?");
}

TEST_CASE("the key of an attached database is not recorded") {
    Shop shop;
    const auto seen = recorded([&] { shop.run("ATTACH ':memory:' AS e KEY hunter2"); });
    CHECK(texts_of(seen) == "ATTACH ? AS e KEY ?\n");
}

TEST_CASE("a text that is cut is named like a whole one, wherever the cut falls") {
    Shop shop;
    shop.run("CREATE TABLE users (name)");
    for (const std::size_t shift : {0U, 1U, 2U, 3U, 4U, 5U, 6U, 7U}) {
        std::string sql =
            "INSERT INTO \"users\" (\"name\") VALUES ('" + std::string(shift, 'x') + "')";
        while (sql.size() < 28'000) sql += ",('s\xc3\xbc')";
        const auto seen = recorded([&] { CHECK(shop.run(sql) == SQLITE_OK); });
        CHECK(names_of(seen) == std::vector<std::string>{"INSERT \"users\""});
        CHECK(texts_of(seen).starts_with("INSERT INTO \"users\" (\"name\") VALUES (?),(?)"));
        CHECK(texts_of(seen).find('s', 35) == std::string::npos);
    }
}

TEST_CASE("texts of any size are recorded up to a limit, and their literals never") {
    Shop shop;
    std::string sql = "INSERT INTO customers (name) VALUES ";
    for (int i = 0; i < 5000; ++i) sql += "('secret'), ";
    sql += "('secret')";
    const auto seen = recorded([&] { CHECK(shop.run(sql) == SQLITE_OK); });
    const std::string text = seen["INSERT customers"].text("db.query.text");
    CHECK(text.starts_with("INSERT INTO customers (name) VALUES (?"));
    CHECK(text.find("secret") == std::string::npos);
}

TEST_CASE("what is bound is recorded if that is asked for, by name or by number from 0") {
    Shop shop{":memory:", {.parameters = true}};
    const auto seen = recorded([&] {
        Statement statement{
            shop,
            "SELECT ?, :name, 'it''s ?', @blob, \"?\", $null, :name, ?6, ? -- ?\n, ?, ?12, ?"};
        sqlite3_bind_int64(statement, 1, -17);
        sqlite3_bind_text(statement, 2, "O'Brien's ''", -1, SQLITE_STATIC);
        sqlite3_bind_blob(statement, 3, "\x00\xff", 2, SQLITE_STATIC);
        sqlite3_bind_double(statement, 6, 1.5e300);
        sqlite3_bind_text(statement, 7, "", -1, SQLITE_STATIC);
        sqlite3_bind_zeroblob(statement, 8, 4);
        sqlite3_bind_text(statement, 12, "\xc3\xbc, ? and :name", -1, SQLITE_STATIC);
        sqlite3_bind_double(statement, 13, 0.25);
        CHECK(statement.step() == SQLITE_ROW);
    });
    REQUIRE(seen.spans.size() == 1);
    CHECK(plume::test::breaches(seen.spans[0], plume::test::database_conventions,
                                plume::test::Level::recommended) == "");
    std::string bound;
    for (const auto& attribute : seen.spans[0].attributes)
        if (attribute.key.starts_with("db.query.parameter."))
            bound += attribute.key.substr(19) + "=" + seen.spans[0].text(attribute.key) + "\n";
    CHECK(bound == "0=-17\n"
                   "name=O'Brien's ''\n"
                   "blob=x'00ff'\n"
                   "null=NULL\n"
                   "5=1.5e+300\n"
                   "6=\n"
                   "7=zeroblob(4)\n"
                   "11=\xc3\xbc, ? and :name\n"
                   "12=0.25\n");
}

TEST_CASE("what is bound is not recorded unless that is asked for, and is redacted by its key") {
    const char* sql = "SELECT name FROM customers WHERE name = :password";
    const auto run = [&](const SqliteOptions& options) {
        Shop shop{":memory:", options};
        plume::Options session;
        session.redaction.keys.push_back({"*password*"});
        return recorded(session, [&] {
            for (const char* value : {"one", "two"}) {
                Statement statement{shop, sql};
                sqlite3_bind_text(statement, 1, value, -1, SQLITE_STATIC);
                CHECK(statement.step() == SQLITE_DONE);
            }
        });
    };
    const auto silent = run({});
    CHECK(silent["SELECT customers"].attribute("db.query.parameter.password") == nullptr);
    const auto told = run({.parameters = true});
    REQUIRE(told.spans.size() == 2);
    CHECK(told.spans[0].text("db.query.parameter.password") == "REDACTED");
    CHECK(told.spans[1].text("db.query.parameter.password") == "REDACTED");
}

TEST_CASE("a program that makes up tables runs out of names, not of memory") {
    Shop shop;
    const auto seen = recorded([&] {
        shop.run("SELECT name FROM customers");
        for (int i = 0; i < 2500; ++i) {
            const std::string table = "made_up_" + std::to_string(i);
            shop.run("CREATE TEMP TABLE " + table + " (a)");
            shop.run("DROP TABLE " + table);
        }
        shop.run("SELECT id FROM customers");
    });
    REQUIRE(seen.spans.size() == 5002);
    CHECK(seen.spans[1].name == "CREATE TABLE made_up_0");
    CHECK(seen.spans[5001].name == "SELECT customers"); // one that was made before
    const RecordedSpan& last = seen.spans[5000];
    CHECK(last.name == "DROP TABLE");
    CHECK(last.text("db.query.summary") == "DROP TABLE made_up_2499");
    CHECK(plume::detail::runtime().registry.size() < 2500 + 64);
}
