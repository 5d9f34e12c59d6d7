#include <plume/exporters/console.hpp>

#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>

#include "support/capture.hpp"
#include "support/catch.hpp"
#include "support/scene.hpp"

using plume::ConsoleColour;
using plume::ConsoleExporter;
using plume::ConsoleGlyphs;
using plume::ConsoleOptions;
using plume::SpanKind;
using plume::scene::Capture;
using plume::scene::Stage;

namespace {

std::string printed(Stage& stage, ConsoleOptions options = {}) {
    Capture capture;
    options.stream = capture.stream();
    if (options.glyphs == ConsoleGlyphs::automatic) options.glyphs = ConsoleGlyphs::unicode;
    ConsoleExporter console{options};
    (void)stage.deliver(console);
    return capture.take();
}

/// Without the header and the empty line at the end.
std::string body(Stage& stage, ConsoleOptions options = {}) {
    const std::string text = printed(stage, options);
    const std::size_t begin = text.find('\n') + 1;
    return text.substr(begin, text.size() - 1 - begin);
}

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
    CHECK(printed(stage) == R"(shop · 4bf92f3577b34da6a3ce929d0e0e4736 · 5 spans
)");
}

TEST_CASE("a tree can be printed in ASCII") {
    Stage stage;
    order(stage);
    CHECK(printed(stage, {.glyphs = ConsoleGlyphs::ascii}) == R"(shop
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

TEST_CASE("no string of a span forges a line or commands the terminal") {
    constexpr std::string_view evil = "a\nshop \x1b[2J\xc2\x9b";
    Stage stage;
    auto& actor = stage.add(evil, 1, 0, {0, 10}).failed(evil).with(evil, evil);
    actor.event(evil, 5, {{evil, evil}}).link(7, {{evil, evil}});
    actor.event("exception", 6, {{"exception.message", evil}, {"exception.type", evil}});
    actor.source().file = evil;
    const std::string text = body(stage);
    CHECK(text.find_first_of("\x1b\x9b") == std::string::npos);
    CHECK(text == R"(a
)");
}

TEST_CASE("a service's name forges no line either") {
    Capture capture;
    ConsoleExporter console{{.stream = capture.stream()}};
    Stage stage;
    stage.add("root", 1, 0, {0, 10});
    (void)stage.deliver(console, "shop\n\x1b[31m");
    CHECK(capture.take().substr(0, 14) == R"(shop\n\x1b[31m)");
}

TEST_CASE("names in every script leave the columns straight") {
    Stage stage;
    stage.add("Größe", 1, 0, {0, 100});
    stage.add("заказ №1", 2, 1, {0, 50});
    stage.add("order", 3, 1, {50, 100});
    CHECK(body(stage) == R"(Größe
)");
}

TEST_CASE("a bar is heavy where a span worked itself, and thin where its children did") {
    Stage stage;
    stage.add("root", 1, 0, {0, 240});
    stage.add("first", 2, 1, {60, 120});
    stage.add("second", 3, 1, {180, 240});
    CHECK(body(stage) == R"(root
)");
}

TEST_CASE("a span that is too short for the scale still shows when it was") {
    Stage stage;
    stage.add("root", 1, 0, {0, 1'000'000});
    stage.add("at the beginning", 2, 1, {0, 1});
    stage.add("at the end", 3, 1, {999'999, 1'000'000});
    CHECK(body(stage) == R"(root
)");
}

TEST_CASE("a span that takes no time at all has a bar") {
    Stage stage;
    stage.add("instant", 1, 0, {0, 0});
    CHECK(body(stage) == R"(instant
)");
}

TEST_CASE("the time line of a tree ends with the last of its spans") {
    Stage stage;
    stage.add("root", 1, 0, {0, 100});
    stage.add("async", 2, 1, {50, 200});
    CHECK(printed(stage) == R"(shop
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
    CHECK(body(stage, {.columns = 48}) == R"(root
)");
}

TEST_CASE("an exception that made a span fail is told once") {
    Stage stage;
    stage.add("root", 1, 0, {0, 100})
        .failed("out of stock")
        .event("exception", 50,
               {{"exception.type", "StockError"},
                {"exception.message", "out of stock"},
                {"exception.escaped", true}});
    CHECK(body(stage) == R"(root
)");
}

TEST_CASE("an exception that was dealt with doesn't hide why a span failed") {
    Stage stage;
    stage.add("root", 1, 0, {0, 100})
        .failed("declined")
        .event("exception", 50, {{"exception.type", "Timeout"}, {"exception.message", "1 s"}});
    CHECK(body(stage) == R"(root
)");
}

TEST_CASE("a span that failed without a message says at least that") {
    Stage stage;
    stage.add("root", 1, 0, {0, 100}).failed();
    CHECK(body(stage) == R"(root
)");
}

TEST_CASE("links and what was dropped at a limit are shown") {
    Stage stage;
    auto& root = stage.add("root", 1, 0, {0, 100}).link(0xabc, {{"why", "batch"}});
    root.details().dropped_attributes = 2;
    root.details().dropped_links = 1;
    CHECK(body(stage) == R"(root
)");
}

TEST_CASE("guides end at a depth that still leaves room for names") {
    Stage stage;
    for (std::uint64_t id = 1; id <= 27; ++id) stage.add("down", id, id - 1, {0, 100});
    std::istringstream lines{body(stage)};
    std::string line;
    for (int depth = 0; depth <= 24; ++depth) std::getline(lines, line);
    CHECK(line.substr(0, 79) == std::string(69, ' ') + "└─ down");
    std::getline(lines, line);
    CHECK(line.substr(0, 81) == std::string(69, ' ') + "… 25 down");
    std::getline(lines, line);
    CHECK(line.substr(0, 81) == std::string(69, ' ') + "… 26 down");
}

TEST_CASE("a recursion of any depth is printed in room that grows with its spans") {
    Stage stage;
    constexpr std::uint64_t depth = 50'000;
    for (std::uint64_t id = depth; id > 0; --id) stage.add("down", id, id - 1, {0, 100});
    CHECK(printed(stage).size() < depth * 300);
}

TEST_CASE("a service without a name is called unknown") {
    Capture capture;
    ConsoleExporter console{{.stream = capture.stream()}};
    Stage stage;
    stage.add("root", 1, 0, {0, 10});
    (void)stage.deliver(console, "");
    CHECK(capture.take().substr(0, 15) == "unknown_service");
}
