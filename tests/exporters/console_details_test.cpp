#include <plume/exporters/console/details.hpp>

#include <cstdint>
#include <string>
#include <string_view>

#include "support/catch.hpp"
#include "support/console.hpp"
#include "support/scene.hpp"

using plume::scene::body;
using plume::scene::Stage;

TEST_CASE("no string of a span forges a line or commands the terminal") {
    constexpr std::string_view evil = "a\nshop \x1b[2J\xc2\x9b";
    Stage stage;
    auto& actor = stage.add(evil, 1, 0, {0, 10}).failed(evil).with(evil, evil);
    actor.event(evil, 5, {{evil, evil}}).link(7, {{evil, evil}});
    actor.event("exception", 6, {{"exception.message", evil}, {"exception.type", evil}});
    actor.source().file = evil;
    const std::string text = body(stage);
    CHECK(text.find_first_of("\x1b\x9b") == std::string::npos);
    CHECK("\n" + text == R"(
a\nshop \x1b[2J\u009b             10.0µs  ━━━━━━━━━━━━━━━━━━━━━━━━
  "a\nshop \x1b[2J\u009b"="a\nshop \x1b[2J\u009b"
  +5.00µs  a\nshop \x1b[2J\u009b  "a\nshop \x1b[2J\u009b"="a\nshop \x1b[2J\u009b"
  +6.00µs  ✗ a\nshop \x1b[2J\u009b: a\nshop \x1b[2J\u009b  span begun at a\nshop \x1b[2J\u009b:42
  → linked to 00000000000000010000000000000002 0000000000000007
    "a\nshop \x1b[2J\u009b"="a\nshop \x1b[2J\u009b"
)");
}

TEST_CASE("attributes wrap at the width of the line, and long values are cut to it") {
    Stage stage;
    const std::string query(500, 'x');
    stage.add("root", 1, 0, {0, 100})
        .with("db.system.name", "sqlite")
        .with("db.namespace", "orders")
        .with("db.query.text", std::string_view{query})
        .with("db.response.returned_rows", std::int64_t{1});
    stage.add("child", 2, 1, {0, 100}).event("cache miss", 10, {{"key", "a"}, {"long key", "b c"}});
    CHECK("\n" + body(stage, {.columns = 48}) == R"(
root             100µs  ────────────────────────
│ db.system.name=sqlite  db.namespace=orders
│ db.query.text=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
│ db.response.returned_rows=1
└─ child         100µs  ━━━━━━━━━━━━━━━━━━━━━━━━
     +10.0µs  cache miss  key=a
       "long key"="b c"
)");
}

TEST_CASE("an exception that made a span fail is told once") {
    Stage stage;
    stage.add("root", 1, 0, {0, 100})
        .failed("out of stock")
        .event("exception", 50,
               {{"exception.type", "StockError"},
                {"exception.message", "out of stock"},
                {"exception.attempt", std::int64_t{2}}});
    CHECK("\n" + body(stage) == R"(
root                               100µs  ━━━━━━━━━━━━━━━━━━━━━━━━
  +50.0µs  ✗ StockError: out of stock  span begun at checkout.cpp:42  exception.attempt=2
)");
}

TEST_CASE("an exception that was dealt with doesn't hide why a span failed") {
    Stage stage;
    stage.add("root", 1, 0, {0, 100})
        .failed("declined")
        .event("exception", 50, {{"exception.type", "Timeout"}, {"exception.message", "1 s"}});
    CHECK("\n" + body(stage) == R"(
root                               100µs  ━━━━━━━━━━━━━━━━━━━━━━━━
  +50.0µs  ✗ Timeout: 1 s
  ✗ declined  span begun at checkout.cpp:42
)");
}

TEST_CASE("a span that failed without a message says at least that") {
    Stage stage;
    stage.add("root", 1, 0, {0, 100}).failed();
    CHECK("\n" + body(stage) == R"(
root                               100µs  ━━━━━━━━━━━━━━━━━━━━━━━━
  ✗ error  span begun at checkout.cpp:42
)");
}

TEST_CASE("links and what was dropped at a limit are shown") {
    Stage stage;
    auto& root = stage.add("root", 1, 0, {0, 100}).link(0xabc, {{"why", "batch"}});
    root.details().dropped_attributes = 2;
    root.details().dropped_links = 1;
    CHECK("\n" + body(stage) == R"(
root                               100µs  ━━━━━━━━━━━━━━━━━━━━━━━━
  → linked to 00000000000000010000000000000002 0000000000000abc  why=batch
  dropped at a limit:  2 attributes  1 link
)");
}
