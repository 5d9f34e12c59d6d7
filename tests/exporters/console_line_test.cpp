#include <plume/exporters/console/line.hpp>

#include <cstdint>
#include <string>
#include <string_view>

#include "support/catch.hpp"
#include "support/console.hpp"
#include "support/scene.hpp"

using plume::ConsoleColour;
using plume::ConsoleForm;
using plume::scene::printed;
using plume::scene::Stage;

TEST_CASE("a line has time, duration, status, ids, name and the rest, in this order") {
    Stage stage;
    stage.add("GET /orders/{id}", 2, 1, {123, 12'523})
        .kind(plume::SpanKind::server)
        .failed("card declined")
        .with("order.id", std::int64_t{42})
        .with("two words", "two values")
        .event("retry", 200)
        .link(9);
    CHECK(printed(stage, {.form = ConsoleForm::line}) ==
          "2026-08-01T09:30:00.000123Z 12.4ms error 4bf92f3577b34da6a3ce929d0e0e4736 "
          "0000000000000002 0000000000000001 \"GET /orders/{id}\" kind=server "
          "message=\"card declined\" order.id=42 \"two words\"=\"two values\" events=1 links=1\n");
}

TEST_CASE("a line tells roots by a dash, and leaves out what there is nothing to say about") {
    Stage stage;
    stage.add("root", 1, 0, {0, 100});
    CHECK(printed(stage, {.form = ConsoleForm::line}) ==
          "2026-08-01T09:30:00.000000Z  100µs unset 4bf92f3577b34da6a3ce929d0e0e4736 "
          "0000000000000001 - root\n");
}

TEST_CASE("a span is one line whatever its strings hold, and no value is cut") {
    Stage stage;
    const std::string text = std::string(1'000, 'x') + "\n\x1b[2J";
    stage.add("a\nb", 1, 0, {0, 100}).failed(text).with("k\n", std::string_view{text});
    const std::string line = printed(stage, {.form = ConsoleForm::line});
    CHECK(line.find('\n') == line.size() - 1);
    CHECK(line.find('\x1b') == std::string::npos);
    CHECK(line.size() > 2'000);
}

TEST_CASE("a line is the same in colours but for them") {
    Stage stage;
    stage.add("root", 1, 0, {0, 100}).failed();
    const std::string line =
        printed(stage, {.form = ConsoleForm::line, .colour = ConsoleColour::always});
    CHECK(line.find("\x1b[31merror\x1b[0m") != std::string::npos);
    CHECK(line.find("\x1b[1mroot\x1b[0m") != std::string::npos);
}
