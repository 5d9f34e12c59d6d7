#include <plume/instrument/detail/sql_text.hpp>

#include <string>
#include <string_view>

#include "support/catch.hpp"

using plume::detail::postgresql_sql;
using plume::detail::read_sql;
using plume::detail::SqlDialect;
using plume::detail::sqlite_sql;
using plume::detail::SqlReading;

namespace {

/// That of the cases below that belong to no database: what may be a string is one, except where
/// there can only be a name.
constexpr SqlDialect any_sql{.doubtful_quotes = true, .dollar_quotes = true};

std::string text_of(std::string_view sql, const SqlDialect& dialect) {
    std::string out(sql.size(), '#');
    SqlReading reading;
    read_sql(sql, dialect, out.data(), reading);
    REQUIRE(reading.text_size <= sql.size());
    out.resize(reading.text_size);
    return out;
}
std::string summary_of(std::string_view sql, const SqlDialect& dialect = any_sql) {
    std::string out(sql.size(), '#');
    SqlReading reading;
    read_sql(sql, dialect, out.data(), reading);
    return std::string{reading.summary.text()};
}

/// With its literals, as beside parameters.
std::string kept_text_of(std::string_view sql, const SqlDialect& dialect) {
    std::string out(sql.size(), '#');
    SqlReading reading;
    read_sql(sql, dialect, out.data(), reading, {.keeps_literals = true});
    REQUIRE(reading.text_size <= sql.size());
    out.resize(reading.text_size);
    return out;
}

struct Case {
    std::string_view sql, text;
};
template <std::size_t N>
void check(const Case (&cases)[N], const SqlDialect& dialect) {
    for (const auto& [sql, text] : cases) {
        CAPTURE(sql);
        CHECK(text_of(sql, dialect) == text);
    }
}

} // namespace

TEST_CASE("a text and its summary are what the conventions' cases say") {
    constexpr struct {
        std::string_view sql, text, summary;
    } cases[] = {
        {"CREATE USER new_user PASSWORD Password1", "CREATE USER new_user PASSWORD ?",
         "CREATE USER new_user"},
        {"CONNECT user PASSWORD Password1", "CONNECT user PASSWORD ?", ""},
        {"CHECK USER user PASSWORD \"Password1\"", "CHECK USER user PASSWORD ?", ""},
        {"ALTER SYSTEM SET SECURE STORE BACKUP PASSWORD \"Password1\"",
         "ALTER SYSTEM SET SECURE STORE BACKUP PASSWORD ?", "ALTER SYSTEM"},
        {"IMPORT MY_SCHEMA1.T1 FROM '/backup/export_dir' WITH ENCRYPTION PASSWORD Password1",
         "IMPORT MY_SCHEMA1.T1 FROM ? WITH ENCRYPTION PASSWORD ?", ""},
        {"GRANT SELECT ON users TO admin /* PASSWORD Password1 */",
         "GRANT SELECT ON users TO admin", "GRANT"},
        {"ALTER USER user IDENTIFIED BY Password1 REPLACE Password2",
         "ALTER USER user IDENTIFIED BY ?", "ALTER USER user"},
        {"GRANT SELECT ON users TO admin; SELECT password FROM users",
         "GRANT SELECT ON users TO admin; SELECT password FROM users", "GRANT; SELECT users"},
        {"SELECT grant, password FROM users", "SELECT grant, password FROM users", "SELECT users"},
        {"SELECT identified_by FROM users", "SELECT identified_by FROM users", "SELECT users"},
        {"REPLACE password VALUES (1)", "REPLACE password VALUES (?)", "REPLACE password"},
        {"UPDATE users SET password = \"Password1\"", "UPDATE users SET password = ?",
         "UPDATE users"},
        {"SELECT * FROM TABLE WHERE FIELD = 1234", "SELECT * FROM TABLE WHERE FIELD = ?",
         "SELECT TABLE"},
        {"SELECT * FROM TABLE WHERE FIELD<-1234", "SELECT * FROM TABLE WHERE FIELD<?",
         "SELECT TABLE"},
        {"SELECT -1.2e-9", "SELECT ?", "SELECT"},
        {"SELECT +0.2", "SELECT ?", "SELECT"},
        {"7", "?", ""},
        {"-7", "?", ""},
        {"SELECT 0x0af764", "SELECT ?", "SELECT"},
        {"SELECT * FROM \"TABLE\"", "SELECT * FROM \"TABLE\"", // by its place it is a name
         "SELECT \"TABLE\""},
        {"SELECT -- comment", "SELECT", "SELECT"},
        {"SELECT FIELD2 FROM TABLE_123 WHERE X<>7", "SELECT FIELD2 FROM TABLE_123 WHERE X<>?",
         "SELECT TABLE_123"},
        {"SELECT 123-45-6789", "SELECT ?", "SELECT"},
        {"SELECT * FROM TABLE WHERE FIELD = ''", "SELECT * FROM TABLE WHERE FIELD = ?",
         "SELECT TABLE"},
        {"SELECT * FROM TABLE WHERE FIELD = ' an escaped '' quote mark inside'",
         "SELECT * FROM TABLE WHERE FIELD = ?", "SELECT TABLE"},
        {"SELECT * FROM TABLE WHERE FIELD = '\"inside doubles\"'",
         "SELECT * FROM TABLE WHERE FIELD = ?", "SELECT TABLE"},
        {"SELECT * FROM TABLE WHERE FIELD = 'a single \" doublequote inside'",
         "SELECT * FROM TABLE WHERE FIELD = ?", "SELECT TABLE"},
        {"SELECT * FROM TABLE WHERE FIELD = $$words and spaces$$",
         "SELECT * FROM TABLE WHERE FIELD = ?", "SELECT TABLE"},
        {"SELECT * FROM TABLE WHERE FIELD = $$\"''\"$$", "SELECT * FROM TABLE WHERE FIELD = ?",
         "SELECT TABLE"},
        {"SELECT * FROM TABLE WHERE FIELD = $1", "SELECT * FROM TABLE WHERE FIELD = $1",
         "SELECT TABLE"},
        {"SELECT    *    \t\r\nFROM  TABLE WHERE FIELD1 = 12344 AND FIELD2 = 5678",
         "SELECT * FROM TABLE WHERE FIELD1 = ? AND FIELD2 = ?", "SELECT TABLE"},
    };
    for (const auto& [sql, text, summary] : cases) {
        CAPTURE(sql);
        CHECK(text_of(sql, any_sql) == text);
        CHECK(summary_of(sql) == summary);
    }
}

TEST_CASE("every literal of SQLite becomes a question mark") {
    check(
        {
            {"SELECT 'it''s', X'53514c', x'', 1e-9, .5, 1., 0xAF, 1_000",
             "SELECT ?, ?, ?, ?, ?, ?, "
             "?, ?"},
            {"SELECT 'a\\', 'b'", "SELECT ?, ?"}, // a backslash is a character like others
            {"SELECT TRUE, t.true, false", "SELECT ?, t.true, ?"},
            {"SELECT a-1, a - 1, a -1, (a)-1, -1", "SELECT a-?, a - ?, a -?, (a)-?, ?"},
            {"SELECT \"a\", 1 FROM [my 'table'] JOIN `o'clock` ON 1",
             "SELECT ?, ? FROM [my 'table'] JOIN `o'clock` ON ?"},
            {"SELECT ?, ?12, :name, @name, $name, $a::b",
             "SELECT ?, ?12, :name, @name, $name, $a::b"},
            {"SELECT :1, @2a, $3b, a:=1", "SELECT :1, @2a, $3b, a:=?"},
            {"SELECT a->'$.b', a->>0 FROM t", "SELECT a->?, a->>? FROM t"},
            {"SELECT $$, 1", "SELECT $$, ?"},
            {"  SELECT 1  ;  ", "SELECT ? ;"},
            {"", ""},
            {" \n", ""},
        },
        sqlite_sql);
}

TEST_CASE("every literal of PostgreSQL becomes a question mark") {
    check(
        {
            {"SELECT $1, $2::int, 'a'::text, a[1:2], a->'b', a ?| b",
             "SELECT $1, $2::int, ?::text, "
             "a[?:?], a->?, a ?| b"},
            {"SELECT E'it\\'s', e'\\\\', 'a\\', B'101', U&'d\\0061t'", "SELECT ?, ?, ?, ?, U&?"},
            {"SELECT E'one' -- and\n  'it\\'s', 2", "SELECT ?, ?"},
            {"SELECT E'one' 'two'", "SELECT ? ?"},
            {"SELECT $$it's$$, $tag$ $$ $other$ $tag$, a$b$c", "SELECT ?, ?, a$b$c"},
            {"SELECT \"col'umn\", U&\"d\\0061ta\" FROM \"t\"\"x\"",
             "SELECT \"col'umn\", U&\"d\\0061ta\" FROM \"t\"\"x\""},
            {"SELECT @E'it\\'s', a[1:E'\\'']", "SELECT @?, a[?:?]"},
            {"SELECT DATE '2024-01-31', INTERVAL '1' DAY", "SELECT DATE ?, INTERVAL ? DAY"},
            {"SELECT ARRAY[1,2], '{1,2}'::int[]", "SELECT ARRAY[?,?], ?::int[]"},
        },
        postgresql_sql);
    SqlDialect old = postgresql_sql;
    old.backslashes = true; // standard_conforming_strings off
    check({{"SELECT 'it\\'s', X'1'", "SELECT ?, ?"}}, old);
}

TEST_CASE("a sign before a number goes with it, unless it is an operator") {
    check(
        {
            {"SELECT 5 -3, id -1, \"t\".\"n\" -1, ? -1, (a) -1, a[1] +1",
             "SELECT ? -?, id -?, \"t\".\"n\" -?, ? -?, (a) -?, a[?] +?"},
            {"SELECT -1, id - -1 FROM t WHERE a > -1 AND -1 < b OR NOT -1",
             "SELECT ?, id - ? FROM t WHERE a > ? AND ? < b OR NOT ?"},
            {"SELECT a BETWEEN -1 AND -2, CASE WHEN -1 THEN -.5 ELSE +.5 END LIMIT -1",
             "SELECT a BETWEEN ? AND ?, CASE WHEN ? THEN ? ELSE ? END LIMIT ?"},
            {"SELECT id /* of */ -1, t.limit -1", "SELECT id -?, t.limit -?"},
        },
        postgresql_sql);
}

TEST_CASE("comments are not recorded") {
    check(
        {
            {"SELECT 1 /* pw='x' */", "SELECT ?"},
            {"/*traceparent='00-1-2-01'*/ SELECT a FROM t", "SELECT a FROM t"},
            {"SELECT/**/1/**/FROM/* a */t", "SELECT ? FROM t"},
            {"SELECT 1 -- one\nFROM t -- last", "SELECT ? FROM t"},
            {"SELECT 1 -- 'one'\r2\n, 'x'", "SELECT ? , ?"},
            {"SELECT /*+ hint */ a FROM t", "SELECT a FROM t"},
            {"SELECT /* one /* comment */ 'x' */", "SELECT ? */"},
            {"SELECT 'one' FROM \"t\" /* secret 'open", "SELECT ? FROM \"t\""},
            {"SELECT a -- secret 'open", "SELECT a"},
            {"-- nothing else", ""},
        },
        sqlite_sql);
    check(
        {
            {"SELECT /* a /* nested 'secret */ 'comment' */ 'x'", "SELECT ?"},
            {"SELECT 1 -- one\r, 'x'", "SELECT ? , ?"},
            {"SELECT a /* open /* 'secret */", "SELECT a"},
            {"SELECT 'a' -- secret\n 'b'", "SELECT ? ?"},
        },
        postgresql_sql);
}

TEST_CASE("a text that keeps its literals loses comments and passwords all the same") {
    constexpr Case cases[] = {
        {"SELECT  a, 'it''s' FROM t\nWHERE id = $1", "SELECT  a, 'it''s' FROM t\nWHERE id = $1"},
        {"SELECT a /* pw='x' */ FROM t -- secret\nWHERE b = $1", "SELECT a FROM t WHERE b = $1"},
        {" /* x */ SELECT/**/TRUE, -1 -- end", "SELECT TRUE, -1"},
        {"ALTER USER u PASSWORD 'hunter2'", "ALTER USER u PASSWORD ?"},
        {"SELECT $1, 'open", "SELECT $1, ?"},
    };
    for (const auto& [sql, text] : cases) {
        CAPTURE(sql);
        CHECK(kept_text_of(sql, postgresql_sql) == text);
    }
}

TEST_CASE("a name in double quotes stays where SQLite reads no string") {
    check(
        {
            {"SELECT \"name\" FROM \"users\" WHERE \"users\".\"id\"=17",
             "SELECT ? FROM \"users\" WHERE \"users\".\"id\"=?"},
            {"SELECT u.\"n\" AS \"m\" FROM \"main\".\"users\" AS \"u\", \"b\" JOIN \"c\" ON 1",
             "SELECT u.\"n\" AS \"m\" FROM \"main\".\"users\" AS \"u\", \"b\" JOIN \"c\" ON ?"},
            {"SELECT \"t\" /* a */ . \"c\" \"label\"", "SELECT \"t\" . \"c\" \"label\""},
            {"INSERT INTO \"t\" (\"a\", \"b\") VALUES (\"secret\", \"s\")",
             "INSERT INTO \"t\" (\"a\", \"b\") VALUES (?, ?)"},
            {"UPDATE \"t\" SET \"a\" = \"secret\", \"b\" = f(\"s\", \"s\") WHERE \"c\" = \"s\"",
             "UPDATE \"t\" SET \"a\" = ?, \"b\" = f(?, ?) WHERE ? = ?"},
            {"DELETE FROM \"t\" WHERE x IN (\"s\", \"s\") RETURNING \"s\", \"s\"",
             "DELETE FROM \"t\" WHERE x IN (?) RETURNING ?, ?"},
            {"CREATE TABLE \"t\" (\"a\" TEXT DEFAULT \"secret\", \"b\" REFERENCES \"o\" (\"id\"))",
             "CREATE TABLE \"t\" (\"a\" TEXT DEFAULT ?, \"b\" REFERENCES \"o\" (?))"},
            {"ALTER TABLE \"t\" RENAME COLUMN \"a\" TO \"b\"",
             "ALTER TABLE \"t\" RENAME COLUMN \"a\" TO \"b\""},
            {"CREATE INDEX \"i\" ON \"t\" (lower(\"secret\"))",
             "CREATE INDEX \"i\" ON \"t\" (lower(?))"},
            {"SELECT a FROM t JOIN u ON \"s\" = a, \"v\" ORDER BY \"s\", \"s\" LIMIT 1",
             "SELECT a FROM t JOIN u ON ? = a, \"v\" ORDER BY ?, ? LIMIT ?"},
            {"SELECT a IS NOT DISTINCT FROM \"secret\"", "SELECT a IS NOT DISTINCT FROM ?"},
            {"VACUUM INTO \"secret\"", "VACUUM INTO ?"},
            {"ATTACH \"secret\" AS \"e\"", "ATTACH ? AS \"e\""},
            {"PRAGMA journal_mode = \"wal\"", "PRAGMA journal_mode = ?"},
            {"SELECT a FROM json_each(\"s\", \"s\")", "SELECT a FROM json_each(?, ?)"},
        },
        sqlite_sql);
    CHECK(summary_of("SELECT \"a\" FROM \"users\", \"orders\"", sqlite_sql) ==
          "SELECT \"users\" \"orders\"");
}

TEST_CASE("a list of literals is one question mark, any other list is not") {
    check(
        {
            {"SELECT a FROM t WHERE b IN (1, 'two', -3)", "SELECT a FROM t WHERE b IN (?)"},
            {"SELECT a FROM t WHERE b in(1,2) AND c = 3",
             "SELECT a FROM t WHERE b in(?) AND c = ?"},
            {"SELECT a IN (1, b, 2, 3)", "SELECT a IN (?, b, ?, ?)"},
            {"SELECT a IN (1, /* two */ 2)", "SELECT a IN (?)"},
            {"SELECT a IN (SELECT 1, 2)", "SELECT a IN (SELECT ?, ?)"},
            {"INSERT INTO t VALUES (1, 2), (3, 4)", "INSERT INTO t VALUES (?, ?), (?, ?)"},
        },
        sqlite_sql);
}

TEST_CASE("a password in a statement that is no query goes, whatever follows it") {
    check(
        {
            {"ALTER ROLE admin WITH PASSWORD 'secret' VALID UNTIL '2030-01-01'; SELECT 1",
             "ALTER ROLE admin WITH PASSWORD ?; SELECT ?"},
            {"SET PASSWORD = secret", "SET PASSWORD ?"},
            {"create user u identified with plugin by secret",
             "create user u identified with plugin "
             "by ?"},
            {"CREATE USER u PASSWORD /* not */ secret", "CREATE USER u PASSWORD ?"},
            {"CREATE TABLE users (id int, password text)",
             "CREATE TABLE users (id int, password text)"},
            {"CREATE UNIQUE INDEX i ON users (password)",
             "CREATE UNIQUE INDEX i ON users (password)"},
            {"COPY users (password, id) FROM STDIN", "COPY users (password, id) FROM STDIN"},
            {"PRAGMA key = secret", "PRAGMA key ?"},
            {"PRAGMA foreign_keys = ON", "PRAGMA foreign_keys = ON"},
            {"INSERT INTO users (password) VALUES ('secret')",
             "INSERT INTO users (password) VALUES (?)"},
        },
        sqlite_sql);
}

TEST_CASE("a word that is a value goes") {
    check(
        {
            {"ATTACH 'x' AS e KEY hunter2", "ATTACH ? AS e KEY ?"},
            {"attach database secret as e key 'k'", "attach database ? as e key ?"},
            {"PRAGMA main.key = secret", "PRAGMA main.key ?"},
            {"PRAGMA rekey(secret)", "PRAGMA rekey?"},
            {"PRAGMA \"key\" = secret", "PRAGMA \"key\" ?"},
            {"PRAGMA hexkey=0a0b; PRAGMA foreign_keys=ON; PRAGMA foreign_key_list(t)",
             "PRAGMA hexkey?; PRAGMA foreign_keys=ON; PRAGMA foreign_key_list(t)"},
            {"PRAGMA cipher_salt = secret", "PRAGMA cipher_salt ?"},
            {"CREATE TABLE t (a DEFAULT secret, b DEFAULT NULL, c DEFAULT current_time)",
             "CREATE TABLE t (a DEFAULT ?, b DEFAULT NULL, c DEFAULT current_time)"},
            {"CREATE TABLE t (a REFERENCES o ON DELETE SET DEFAULT ON UPDATE CASCADE)",
             "CREATE TABLE t (a REFERENCES o ON DELETE SET DEFAULT ON UPDATE CASCADE)"},
            {"CREATE VIRTUAL TABLE t USING csv(a, key = secret 'word', b)",
             "CREATE VIRTUAL TABLE t USING csv(a, key = ?, b)"},
            {"INSERT INTO t DEFAULT VALUES", "INSERT INTO t DEFAULT VALUES"},
        },
        sqlite_sql);
    check(
        {
            {"SET app.token TO secret", "SET app.token TO ?"},
            {"SET LOCAL app.token = secret, more; SELECT a = b",
             "SET LOCAL app.token = ?; SELECT a = b"},
            {"ALTER ROLE u IN DATABASE d SET app.token TO secret",
             "ALTER ROLE u IN DATABASE d SET app.token TO ?"},
            {"ALTER SYSTEM SET app.token = secret", "ALTER SYSTEM SET app.token = ?"},
            {"ALTER FUNCTION f() SET app.token TO secret", "ALTER FUNCTION f() SET app.token TO ?"},
            {"CREATE ROLE u WITH ENCRYPTED PASSWORD secret",
             "CREATE ROLE u WITH ENCRYPTED PASSWORD ?"},
            {"CREATE USER MAPPING FOR u SERVER s OPTIONS (user 'u', password 'secret')",
             "CREATE USER MAPPING FOR u SERVER s OPTIONS (user ?, password ?"},
            {"CREATE SUBSCRIPTION s CONNECTION 'password=secret' PUBLICATION p",
             "CREATE SUBSCRIPTION s CONNECTION ? PUBLICATION p"},
            {"DO LANGUAGE plpgsql $$ secret $$", "DO LANGUAGE plpgsql ?"},
            {"CREATE FUNCTION f() RETURNS int AS $f$ SELECT 'secret' $f$ LANGUAGE sql",
             "CREATE FUNCTION f() RETURNS int AS ? LANGUAGE sql"},
            {"COPY t FROM PROGRAM 'secret'", "COPY t FROM PROGRAM ?"},
            {"ALTER TABLE t SET (fillfactor = 70), ALTER COLUMN a SET DEFAULT b",
             "ALTER TABLE t SET (fillfactor = ?), ALTER COLUMN a SET DEFAULT b"},
            {"UPDATE t SET a = b WHERE c = d", "UPDATE t SET a = b WHERE c = d"},
            {"PREPARE p AS UPDATE t SET a = b, password = c WHERE d = e",
             "PREPARE p AS UPDATE t SET a = b, password = c WHERE d = e"},
            {"SET TIME ZONE 'UTC'", "SET TIME ZONE ?"},
        },
        postgresql_sql);
}

TEST_CASE("of a text that was cut nothing is lost but what stands at the cut") {
    std::string sql = "INSERT INTO \"users\" (\"name\") VALUES ";
    for (int i = 0; i < 40; ++i)
        sql += "('it''s secret', E'secret', /* secret */ $$secret$$, 123), -- secret\n";
    for (std::size_t size = 40; size < sql.size(); ++size) {
        CAPTURE(sql.substr(0, size));
        for (const SqlDialect* dialect : {&postgresql_sql, &sqlite_sql}) {
            std::string out(size, '#');
            SqlReading reading;
            read_sql(std::string_view{sql}.substr(0, size), *dialect, out.data(), reading,
                     {.cut = true});
            out.resize(reading.text_size);
            REQUIRE(out.starts_with("INSERT INTO \"users\" (\"name\") VALUES"));
            REQUIRE(reading.summary.text() == "INSERT \"users\"");
            if (dialect->dollar_quotes) REQUIRE(out.find("ecret") == std::string::npos);
            REQUIRE(out.find("sec'") == std::string::npos);
            REQUIRE(out.find('1') == std::string::npos);
        }
    }
}

TEST_CASE("a name that was cut is not taken for a whole one") {
    const auto cut = [](std::string_view sql) {
        std::string out(sql.size(), '#');
        SqlReading reading;
        read_sql(sql, postgresql_sql, out.data(), reading, {.cut = true});
        return out.substr(0, reading.text_size) + " | " + std::string{reading.summary.text()};
    };
    CHECK(cut("SELECT a FROM use") == "SELECT a FROM ? | SELECT");
    CHECK(cut("SELECT a FROM \"use") == "SELECT a FROM ? | SELECT");
    CHECK(cut("SELECT a FROM \"use\"") == "SELECT a FROM ? | SELECT");
    CHECK(cut("SELECT a FROM users /* 'x") == "SELECT a FROM users | SELECT users");
    CHECK(cut("SELECT a FROM users WHERE b = $a$ 'x") ==
          "SELECT a FROM users WHERE b = ? | SELECT users");
    CHECK(cut("SELECT 'a' FROM users WHERE b = 'x\xc3") ==
          "SELECT ? FROM users WHERE b = ? | SELECT users");
}

TEST_CASE("what has no end hides everything back to the first quote of the text") {
    check(
        {
            {"SELECT 'secret", "SELECT ?"},
            {"SELECT a FROM t WHERE b = 'it\\'s secret FROM vault' AND c = 1",
             "SELECT a FROM t WHERE b = ?"},
            {"SELECT \"secret", "SELECT ?"},
            {"SELECT [secret", "SELECT ?"},
            {"SELECT `secret", "SELECT ?"},
            {"SELECT 1 /* secret", "SELECT ?"},
        },
        sqlite_sql);
    check({{"SELECT 'one' /* secret; SELECT", "SELECT ?"},
           {"SELECT $a$ secret $b$", "SELECT ?"},
           {"SELECT E'secret\\", "SELECT ?"}},
          postgresql_sql);
    CHECK(summary_of("SELECT a FROM t WHERE b = 'it\\'s secret FROM vault' AND c = 1",
                     sqlite_sql) == "SELECT t");
    CHECK(summary_of("SELECT 'it\\'s secret' FROM vault, 'safe", sqlite_sql) == "SELECT");
}

TEST_CASE("parameters are seen where they are no part of something else") {
    const auto has_parameters = [](std::string_view sql, const SqlDialect& dialect) {
        std::string out(sql.size(), '#');
        SqlReading reading;
        read_sql(sql, dialect, out.data(), reading);
        return reading.has_parameters;
    };
    CHECK(has_parameters("SELECT $1", postgresql_sql));
    CHECK_FALSE(has_parameters("SELECT '$1', \"$1\", a$1, $$ $1 $$ /* $1 */", postgresql_sql));
    CHECK_FALSE(has_parameters("SELECT 1::int, a[1:2], b ? 'c', @d, :e", postgresql_sql));
}

TEST_CASE("a summary lists operations and their targets in order") {
    constexpr Case cases[] = {
        {"SELECT * FROM wuser_table", "SELECT wuser_table"},
        {"INSERT INTO shipping_details (a, b) SELECT a, b FROM orders",
         "INSERT shipping_details SELECT orders"},
        {"SELECT * FROM songs, artists WHERE songs.artist_id = artists.id", "SELECT songs artists"},
        {"select a from b", "select b"},
        {"SELECT * FROM a JOIN b ON f(a, b), c LEFT OUTER JOIN d USING (x, y) WHERE a.x IN (1, 2)",
         "SELECT a b c d"},
        {"SELECT * FROM (SELECT x FROM inner_table) AS i, other",
         "SELECT SELECT inner_table other"},
        {"SELECT (SELECT max(x) FROM a) FROM b", "SELECT SELECT a b"},
        {"SELECT a FROM x UNION ALL SELECT b FROM y ORDER BY 1, 2", "SELECT x SELECT y"},
        {"SELECT extract(year FROM ts), trim(both ' ' from name) FROM t", "SELECT t"},
        {"SELECT a IS DISTINCT FROM b FROM t", "SELECT t"},
        {"SELECT replace(a, 'x', 'y'), (replace(b, 'x', c)) FROM t", "SELECT t"},
        {"SELECT * FROM public.orders o, \"my schema\".\"order's\" p",
         "SELECT public.orders \"my schema\".\"order's\""},
        {"WITH recent AS (SELECT * FROM orders), old(a) AS (SELECT 1 FROM items) SELECT * FROM "
         "Recent JOIN old ON 1",
         "SELECT orders SELECT items SELECT"},
        {"WITH gone AS (DELETE FROM a RETURNING *) INSERT INTO b SELECT * FROM gone",
         "DELETE a INSERT b SELECT"},
        {"INSERT OR IGNORE INTO t VALUES (1)", "INSERT t"},
        {"UPDATE OR REPLACE t SET a = 1, b = 2", "UPDATE t"},
        {"UPDATE ONLY t SET a = u.a FROM u WHERE t.id = u.id", "UPDATE t u"},
        {"DELETE FROM t USING u WHERE t.id = u.id", "DELETE t u"},
        {"MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN UPDATE SET a = s.a", "MERGE t s"},
        {"CREATE TABLE IF NOT EXISTS t (a int, b int)", "CREATE TABLE t"},
        {"CREATE TEMP TABLE t AS SELECT * FROM u", "CREATE TABLE t SELECT u"},
        {"CREATE OR REPLACE VIEW v AS WITH w AS (SELECT 1) SELECT * FROM w, t",
         "CREATE VIEW v SELECT SELECT t"},
        {"CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)", "CREATE INDEX i"},
        {"CREATE INDEX ON t (a)", "CREATE INDEX"},
        {"CREATE TRIGGER s.tr AFTER INSERT ON t BEGIN DELETE FROM u; SELECT 1; END",
         "CREATE TRIGGER s.tr"},
        {"DROP TABLE IF EXISTS a, b CASCADE", "DROP TABLE a b"},
        {"ALTER TABLE t ADD COLUMN c text", "ALTER TABLE t"},
        {"TRUNCATE TABLE t", "TRUNCATE t"},
        {"TRUNCATE a, ONLY s.b *, c RESTART IDENTITY", "TRUNCATE a s.b c"},
        {"LOCK TABLE a, b IN ACCESS SHARE MODE", "LOCK a b"},
        {"VACUUM a, b", "VACUUM a b"},
        {"VACUUM FULL VERBOSE ANALYZE a (x, y), b", "VACUUM a b"},
        {"VACUUM (FULL, ANALYZE) a, b; VACUUM", "VACUUM a b; VACUUM"},
        {"ANALYZE VERBOSE a(x, y), b", "ANALYZE a b"},
        {"EXPLAIN ANALYZE SELECT * FROM a, b", "EXPLAIN SELECT a b"},
        {"PRAGMA user_version = 3", "PRAGMA user_version"},
        {"EXPLAIN QUERY PLAN SELECT * FROM t", "EXPLAIN SELECT t"},
        {"EXPLAIN (ANALYZE, BUFFERS) DELETE FROM t", "EXPLAIN DELETE t"},
        {"BEGIN IMMEDIATE", "BEGIN"},
        {"SAVEPOINT sp_17", "SAVEPOINT"},
        {"SET TIME ZONE 'UTC'", "SET"},
        {"BEGIN; UPDATE t SET a = 1; COMMIT;", "BEGIN; UPDATE t; COMMIT"},
        {"SELECT 1; ; ", "SELECT"},
        {"SELECT a FROM t FOR UPDATE", "SELECT t"},
        {"SELECT a FROM t FOR UPDATE OF t, u", "SELECT t"},
        {"INSERT INTO t (a) VALUES ($1) ON CONFLICT (a) DO UPDATE SET a = 2", "INSERT t"},
        {"COPY t (a, b) FROM STDIN", "COPY t"},
        {"-- first\nSELECT /* second */ a FROM t", "SELECT t"},
        {"VALUES (1), (2)", "VALUES"},
        {"nonsense FROM t", ""},
        {")))) SELECT (((", "SELECT"},
        {"", ""},
    };
    for (const auto& [sql, summary] : cases) {
        CAPTURE(sql);
        CHECK(summary_of(sql, postgresql_sql) == summary);
    }
}

TEST_CASE("a table may be called like a keyword") {
    constexpr Case both[] = {
        {"SELECT * FROM temp t", "SELECT temp"},
        {"SELECT * FROM local, users", "SELECT local users"},
        {"SELECT * FROM temp.sess, local.x JOIN unlogged u ON 1",
         "SELECT temp.sess local.x unlogged"},
        {"CREATE TABLE local (id int)", "CREATE TABLE local"},
        {"CREATE TEMP TABLE IF NOT EXISTS temp (id int)", "CREATE TABLE temp"},
        {"CREATE TABLE temp.sess (id int)", "CREATE TABLE temp.sess"},
        {"CREATE TABLE if (id int)", "CREATE TABLE if"},
        {"CREATE TABLE if AS SELECT 1", "CREATE TABLE if SELECT"},
        {"ALTER TABLE global ADD x int", "ALTER TABLE global"},
        {"ALTER TABLE if ADD x int", "ALTER TABLE if"},
        {"DROP TABLE IF EXISTS if, materialized, virtual", "DROP TABLE if materialized virtual"},
        {"DROP TABLE if", "DROP TABLE if"},
        {"INSERT INTO materialized (a) VALUES (1)", "INSERT materialized"},
        {"INSERT INTO temp SELECT * FROM unique_", "INSERT temp SELECT unique_"},
        {"UPDATE unlogged SET a = 1", "UPDATE unlogged"},
        {"DELETE FROM temporary WHERE a = 1", "DELETE temporary"},
        {"WITH recursive AS (SELECT 1) SELECT * FROM recursive, t", "SELECT SELECT t"},
        {"WITH RECURSIVE temp(a) AS (SELECT 1) SELECT * FROM temp", "SELECT SELECT"},
        {"SELECT * FROM replace r, password, key, system, begin",
         "SELECT replace password key system begin"},
        {"SELECT t.from, t.join FROM t", "SELECT t"},
        {"SELECT a AS from, b AS join FROM t", "SELECT t"},
    };
    for (const auto& [sql, summary] : both) {
        CAPTURE(sql);
        CHECK(summary_of(sql, postgresql_sql) == summary);
        CHECK(summary_of(sql, sqlite_sql) == summary);
    }
    CHECK(summary_of("SELECT * FROM only, lateral JOIN concurrently", sqlite_sql) ==
          "SELECT only lateral concurrently");
    CHECK(summary_of("ALTER TABLE only ADD x int", sqlite_sql) == "ALTER TABLE only");
    constexpr Case postgresql[] = {
        {"SELECT * FROM ONLY t, LATERAL f(t.a) JOIN LATERAL (SELECT * FROM u) v ON true",
         "SELECT t f SELECT u"},
        {"ALTER TABLE IF EXISTS ONLY t ADD x int", "ALTER TABLE t"},
        {"DROP INDEX CONCURRENTLY IF EXISTS i, j", "DROP INDEX i j"},
        {"SELECT * INTO TEMP t FROM u", "SELECT t u"},
        {"SELECT * INTO LOCAL TEMPORARY TABLE t FROM u", "SELECT t u"},
        {"SELECT * INTO temp FROM u", "SELECT temp u"},
        {"UPDATE set SET a = 1", "UPDATE set"},
    };
    for (const auto& [sql, summary] : postgresql) {
        CAPTURE(sql);
        CHECK(summary_of(sql, postgresql_sql) == summary);
    }
}

TEST_CASE("a statement ends at a semicolon that is not inside of it") {
    constexpr struct {
        std::string_view sql;
        std::uint32_t statements;
        std::string_view summary;
    } cases[] = {
        {"CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1 FROM a; SELECT CASE WHEN true THEN "
         "1 "
         "END; END",
         1, "CREATE FUNCTION f"},
        {"CREATE OR REPLACE PROCEDURE p() BEGIN ATOMIC DELETE FROM a; END; SELECT 1 FROM t", 2,
         "CREATE PROCEDURE p; SELECT t"},
        {"CREATE RULE r AS ON INSERT TO t DO ALSO (DELETE FROM a; DELETE FROM b); COMMIT", 2,
         "CREATE RULE r; COMMIT"},
        {"CREATE TEMP TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM b; SELECT new.end; END;", 1,
         "CREATE TRIGGER t"},
        {"CREATE FUNCTION begin() RETURNS int RETURN 1; SELECT 1", 2,
         "CREATE FUNCTION begin; SELECT"},
        {"BEGIN; DELETE FROM t; END; SELECT 1", 4, "BEGIN; DELETE t; END; SELECT"},
        {"SELECT CASE a WHEN 1 THEN 2 END; SELECT begin FROM t", 2, "SELECT; SELECT t"},
        {"DO $$ BEGIN a; b; END $$; SELECT 1", 2, "DO; SELECT"},
    };
    for (const auto& [sql, statements, summary] : cases) {
        CAPTURE(sql);
        std::string out(sql.size(), '#');
        SqlReading reading;
        read_sql(sql, postgresql_sql, out.data(), reading);
        CHECK(reading.statements == statements);
        CHECK(reading.summary.text() == summary);
    }
}

TEST_CASE("statements that do the same are a batch, and are named once") {
    constexpr Case cases[] = {
        {"INSERT INTO users VALUES (1); INSERT INTO users VALUES (2)", "BATCH INSERT users"},
        {"SELECT a FROM t, u; SELECT b FROM t, u;;", "BATCH SELECT t u"},
        {"BEGIN; INSERT INTO t VALUES (1); INSERT INTO t VALUES (2); COMMIT",
         "BEGIN; INSERT t; COMMIT"},
        {"INSERT INTO t VALUES (1); DELETE FROM t; INSERT INTO t VALUES (2)",
         "INSERT t; DELETE t; INSERT t"},
        {"INSERT INTO t VALUES (1); INSERT INTO T VALUES (1)", "INSERT t; INSERT T"},
        {"INSERT INTO t VALUES (1);", "INSERT t"},
        {"nonsense; SELECT 1; SELECT 2", "SELECT"},
    };
    for (const auto& [sql, summary] : cases) {
        CAPTURE(sql);
        CHECK(summary_of(sql, postgresql_sql) == summary);
    }
    std::string many = "INSERT INTO users VALUES (1)";
    for (int i = 0; i < 100; ++i) many += "; INSERT INTO users VALUES (1)";
    CHECK(summary_of(many) == "BATCH INSERT users");
}

TEST_CASE("a summary ends before the token that does not fit into 255 characters") {
    std::string sql = "SELECT * FROM t0";
    for (int i = 1; i < 100; ++i) sql += ", t" + std::to_string(i);
    const std::string summary = summary_of(sql);
    CHECK(summary.size() <= 255);
    CHECK(summary.starts_with("SELECT t0 t1 t2 "));
    CHECK(summary.ends_with(" t63")); // 6 + 10 * 3 + 54 * 4 = 252
    CHECK(summary_of("SELECT * FROM schema." + std::string(250, 't') + ", u") == "SELECT");
    CHECK(summary_of("SELECT * FROM " + std::string(248, 't') + ", u") ==
          "SELECT " + std::string(248, 't'));
}

TEST_CASE("a text has an operation and a table where it has one alone") {
    constexpr struct {
        std::string_view sql, operation, collection;
    } cases[] = {
        {"SELECT * FROM t", "SELECT", "t"},
        {"SELECT * FROM s.t", "SELECT", "s.t"},
        {"SELECT * FROM t, u", "SELECT", ""},
        {"SELECT 1", "SELECT", ""},
        {"INSERT INTO t SELECT * FROM u", "", ""},
        {"CREATE TABLE t (a)", "CREATE TABLE", "t"},
        {"CREATE INDEX i ON t (a)", "CREATE INDEX", ""},
        {"CREATE USER u", "CREATE USER", ""},
        {"PRAGMA user_version", "PRAGMA", ""},
        {"COMMIT", "COMMIT", ""},
        {"BEGIN; COMMIT", "", ""},
        {"nonsense", "", ""},
        {"INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)", "BATCH INSERT", "t"},
    };
    for (const auto& [sql, operation, collection] : cases) {
        CAPTURE(sql);
        std::string out(sql.size(), '#');
        SqlReading reading;
        read_sql(sql, postgresql_sql, out.data(), reading);
        CHECK(reading.summary.operation() == operation);
        CHECK(reading.summary.collection() == collection);
    }
}

TEST_CASE("parentheses may be as deep as they like") {
    const std::string deep = "SELECT a FROM t WHERE b = " + std::string(10'000, '(') + "1" +
                             std::string(10'000, ')') + " AND c IN (SELECT d FROM u)";
    CHECK(summary_of(deep) == "SELECT t SELECT u");
}
