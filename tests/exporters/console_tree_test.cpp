#include <plume/exporters/console.hpp>

#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>

#include "support/catch.hpp"
#include "support/console.hpp"
#include "support/scene.hpp"

using plume::ConsoleColour;
using plume::ConsoleGlyphs;
using plume::SpanKind;
using plume::scene::body;
using plume::scene::printed;
using plume::scene::Stage;

namespace {

void order(Stage& stage) {
    stage.add("GET /orders/{id}", 1, 0, {0, 12'400})
        .kind(SpanKind::server)
        .with("http.request.method", "GET")
        .with("url.path", "/orders/42")
        .with("http.response.status_code", std::int64_t{503});
    stage.add("load order", 2, 1, {200, 3'400}).with("order.id", std::int64_t{42});
    stage.add("SELECT orders", 3, 2, {400, 2'400})
        .kind(SpanKind::client)
        .with("db.query.text", "SELECT * FROM orders WHERE id = ?");
    stage.add("GET", 4, 1, {3'600, 11'700})
        .kind(SpanKind::client)
        .failed("inventory is not available")
        .event("retry", 4'800, {{"attempt", std::int64_t{2}}, {"reason", "connection reset"}});
    stage.add("render", 5, 1, {11'800, 12'300}).with("template", "");
}

} // namespace

TEST_CASE("a tree shows names, kinds, durations, times, attributes, events and errors") {
    Stage stage;
    order(stage);
    CHECK("\n" + printed(stage) == R"(
shop · 4bf92f3577b34da6a3ce929d0e0e4736 · 5 spans · 12.4ms · 2026-08-01 09:30:00.000000 UTC
GET /orders/{id} · server         12.4ms  ╾─────╼───────────────╼─
│ http.request.method=GET  url.path=/orders/42  http.response.status_code=503
├─ load order                     3.20ms  ╺───╼━╸
│  │ order.id=42
│  └─ SELECT orders · client      2.00ms   ━━━╸
│       db.query.text="SELECT * FROM orders WHERE id = ?"
├─ GET · client                   8.10ms         ━━━━━━━━━━━━━━━╸
│    +1.20ms  retry  attempt=2  reason="connection reset"
│    ✗ inventory is not available  span begun at checkout.cpp:42
└─ render                          500µs                         ━
     template=""

)");
}

TEST_CASE("a tree can be printed in ASCII") {
    Stage stage;
    order(stage);
    CHECK("\n" + printed(stage, {.glyphs = ConsoleGlyphs::ascii}) == R"(
shop - 4bf92f3577b34da6a3ce929d0e0e4736 - 5 spans - 12.4ms - 2026-08-01 09:30:00.000000 UTC
GET /orders/{id} - server         12.4ms  =-----=---------------=-
| http.request.method=GET  url.path=/orders/42  http.response.status_code=503
|- load order                     3.20ms  =---===
|  | order.id=42
|  `- SELECT orders - client      2.00ms   ====
|       db.query.text="SELECT * FROM orders WHERE id = ?"
|- GET - client                   8.10ms         ================
|    +1.20ms  retry  attempt=2  reason="connection reset"
|    x inventory is not available  span begun at checkout.cpp:42
`- render                          500us                         =
     template=""

)");
}

TEST_CASE("a tree in colours says the same as one without") {
    Stage stage;
    order(stage);
    const std::string plain = printed(stage);
    order(stage);
    std::string coloured = printed(stage, {.colour = ConsoleColour::always});
    CHECK(coloured.find("\x1b[1;31mGET\x1b[0m") != std::string::npos); // it failed
    CHECK(coloured.find("\x1b[31m✗ inventory is not available\x1b[0m") != std::string::npos);
    for (std::size_t at = 0; (at = coloured.find('\x1b', at)) != std::string::npos;)
        coloured.erase(at, coloured.find('m', at) + 1 - at);
    CHECK(coloured == plain);
}

TEST_CASE("a service's name forges no line either") {
    Stage stage;
    stage.add("root", 1, 0, {0, 10});
    CHECK(printed(stage, {}, "shop\n\x1b[31m").substr(0, 14) == R"(shop\n\x1b[31m)");
}

TEST_CASE("names in every script leave the columns straight") {
    Stage stage;
    stage.add("Größe", 1, 0, {0, 100});
    stage.add("заказ №1", 2, 1, {0, 50});
    stage.add("order", 3, 1, {50, 100});
    CHECK("\n" + body(stage) == R"(
Größe                              100µs  ────────────────────────
├─ заказ №1                       50.0µs  ━━━━━━━━━━━━
└─ order                          50.0µs              ━━━━━━━━━━━━
)");
}

TEST_CASE("a bar is heavy where a span worked itself, and thin where its children did") {
    Stage stage;
    stage.add("root", 1, 0, {0, 240});
    stage.add("first", 2, 1, {60, 120});
    stage.add("second", 3, 1, {180, 240});
    CHECK("\n" + body(stage) == R"(
root                               240µs  ━━━━━━──────━━━━━━──────
├─ first                          60.0µs        ━━━━━━
└─ second                         60.0µs                    ━━━━━━
)");
}

TEST_CASE("a span that is too short for the scale still shows when it was") {
    Stage stage;
    stage.add("root", 1, 0, {0, 1'000'000});
    stage.add("at the beginning", 2, 1, {0, 1});
    stage.add("at the end", 3, 1, {999'999, 1'000'000});
    CHECK("\n" + body(stage) == R"(
root                               1.00s  ━━━━━━━━━━━━━━━━━━━━━━━━
├─ at the beginning               1.00µs  ╸
└─ at the end                     1.00µs                         ╺
)");
}

TEST_CASE("a span that takes no time at all has a bar") {
    Stage stage;
    stage.add("instant", 1, 0, {0, 0});
    CHECK("\n" + body(stage) == R"(
instant                              0ns  ╸
)");
}

TEST_CASE("the time line of a tree ends with the last of its spans") {
    Stage stage;
    stage.add("root", 1, 0, {0, 100});
    stage.add("async", 2, 1, {50, 200});
    CHECK("\n" + printed(stage) == R"(
shop · 4bf92f3577b34da6a3ce929d0e0e4736 · 2 spans · 100µs · 2026-08-01 09:30:00.000000 UTC
root                               100µs  ━━━━━━──────
└─ async                           150µs        ━━━━━━━━━━━━━━━━━━

)");
}

TEST_CASE("guides end at a depth that still leaves room for names") {
    Stage stage;
    for (std::uint64_t id = 1; id <= 27; ++id) stage.add("down", id, id - 1, {0, 100});
    std::istringstream lines{body(stage)};
    std::string line;
    for (int depth = 0; depth <= 24; ++depth) std::getline(lines, line);
    CHECK(line.substr(0, 80) == std::string(69, ' ') + "└─ down");
    std::getline(lines, line);
    CHECK(line.substr(0, 80) == std::string(69, ' ') + "… 25 down");
    std::getline(lines, line);
    CHECK(line.substr(0, 80) == std::string(69, ' ') + "… 26 down");
}

TEST_CASE("a recursion of any depth is printed in room that grows with its spans") {
    Stage stage;
    constexpr std::uint64_t depth = 50'000;
    for (std::uint64_t id = depth; id > 0; --id) stage.add("down", id, id - 1, {0, 100});
    CHECK(printed(stage).size() < depth * 300);
}

TEST_CASE("a service without a name is called unknown") {
    Stage stage;
    stage.add("root", 1, 0, {0, 10});
    CHECK(printed(stage, {}, "").substr(0, 15) == "unknown_service");
}
