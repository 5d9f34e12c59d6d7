#include <plume/exporters/console.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "support/capture.hpp"
#include "support/catch.hpp"
#include "support/scene.hpp"

using namespace std::chrono_literals;
using plume::ConsoleExporter;
using plume::ConsoleOptions;
using plume::scene::Capture;
using plume::scene::Stage;

static_assert(std::is_nothrow_move_constructible_v<ConsoleExporter>);

namespace {

std::chrono::steady_clock::time_point clock_now{1h};

/// A console that prints trees into memory, and the stage that delivers to it.
struct Theatre {
    explicit Theatre(ConsoleOptions options = {}) : console{prepared(options)} { clock_now += 1h; }

    plume::Outcome deliver() { return stage.deliver(console); }

    /// What was printed since the last call: for each tree, `*` and what its header says, the
    /// names, and an empty line.
    std::string outline() {
        std::istringstream text{capture.take()};
        std::string outline;
        for (std::string line; std::getline(text, line); outline += line + '\n') {
            constexpr std::string_view header = "shop · 4bf92f3577b34da6a3ce929d0e0e4736 · ";
            if (line.starts_with("shop · ")) {
                line.replace(0, header.size(), "* ");
                line.erase(line.rfind(" · ")); // when it began
                line.erase(line.rfind(" · ")); // how long it took
            } else if (!line.empty()) {
                const std::size_t guides = line.rfind("─ ");
                line.erase(line.find("  ", guides == std::string::npos ? 0 : guides));
            }
        }
        return outline;
    }

    Capture capture;
    Stage stage;
    ConsoleExporter console;

  private:
    ConsoleOptions prepared(ConsoleOptions options) {
        options.stream = capture.stream();
        options.glyphs = plume::ConsoleGlyphs::unicode;
        options.now = [] { return clock_now; };
        return options;
    }
};

} // namespace

TEST_CASE("a trace is printed when its local root has ended") {
    Theatre theatre;
    theatre.stage.add("child", 2, 1, {10, 20});
    CHECK(theatre.deliver().dropped.total() == 0);
    CHECK(theatre.outline().empty());
    theatre.stage.add("root", 1, 0, {0, 30});
    CHECK(theatre.deliver().dropped.total() == 0);
    CHECK(theatre.outline() == "* 2 spans\n"
                               "root\n"
                               "└─ child\n\n");
}

TEST_CASE("a root whose parent ran in another process completes a trace, too") {
    Theatre theatre;
    theatre.stage.add("child", 2, 1, {10, 20});
    theatre.stage.add("root", 1, 99, {0, 30}).remote();
    (void)theatre.deliver();
    CHECK(theatre.outline() == "* 2 spans\n"
                               "root\n"
                               "└─ child\n\n");
}

TEST_CASE("spans of one batch make one tree in whatever order their threads delivered them") {
    Theatre theatre;
    theatre.stage.add("root", 1, 0, {0, 100});
    theatre.stage.add("second", 3, 1, {50, 60});
    theatre.stage.add("below first", 4, 2, {20, 30});
    theatre.stage.add("first", 2, 1, {10, 40});
    (void)theatre.deliver();
    CHECK(theatre.outline() == "* 4 spans\n"
                               "root\n"
                               "├─ first\n"
                               "│  └─ below first\n"
                               "└─ second\n\n");
}

TEST_CASE("each root of a trace prints what descends from it") {
    Theatre theatre;
    theatre.stage.add("of the second", 5, 2, {20, 90});
    theatre.stage.add("of the first", 3, 1, {10, 40});
    theatre.stage.add("first", 1, 99, {0, 100}).remote();
    (void)theatre.deliver();
    CHECK(theatre.outline() == "* 2 spans\n"
                               "first\n"
                               "└─ of the first\n\n");
    theatre.stage.add("second", 2, 99, {5, 100}).remote();
    (void)theatre.deliver();
    CHECK(theatre.outline() == "* 2 spans\n"
                               "second\n"
                               "└─ of the second\n\n");
}

TEST_CASE("a service that calls itself prints the inner request as a tree of its own") {
    Theatre theatre;
    theatre.stage.add("inner", 3, 2, {20, 30}).remote();
    theatre.stage.add("call", 2, 1, {10, 40});
    theatre.stage.add("outer", 1, 0, {0, 50});
    (void)theatre.deliver();
    CHECK(theatre.outline() == "* 2 spans\n"
                               "outer\n"
                               "└─ call\n\n"
                               "* 1 span\n"
                               "inner\n\n");
}

TEST_CASE("spans that come after their root are printed at once, as late") {
    Theatre theatre;
    theatre.stage.add("root", 1, 0, {0, 50});
    (void)theatre.deliver();
    (void)theatre.outline();
    theatre.stage.add("below async", 3, 2, {60, 70});
    (void)theatre.deliver();
    CHECK(theatre.outline().empty()); // its parent may still end
    theatre.stage.add("async", 2, 1, {40, 80});
    theatre.stage.add("also async", 4, 1, {45, 80});
    (void)theatre.deliver();
    CHECK(theatre.outline() == "* late, its parent was printed before · 3 spans\n"
                               "async\n"
                               "└─ below async\n"
                               "also async\n\n");
}

TEST_CASE("a late tree says which trace it belongs to") {
    Theatre theatre;
    theatre.stage.add("root", 1, 0, {0, 50});
    (void)theatre.deliver();
    (void)theatre.capture.take();
    theatre.stage.add("async", 2, 1, {40, 80});
    (void)theatre.deliver();
    CHECK(theatre.capture.take().find("4bf92f3577b34da6a3ce929d0e0e4736 · late") !=
          std::string::npos);
}

TEST_CASE("spans whose root doesn't end in time are printed as incomplete") {
    Theatre theatre{{.incomplete_after = 10s}};
    theatre.stage.add("below", 3, 2, {20, 30});
    theatre.stage.add("child", 2, 1, {10, 40});
    (void)theatre.deliver();
    clock_now += 9'999ms;
    theatre.console.idle();
    CHECK(theatre.outline().empty());
    clock_now += 1ms;
    theatre.console.idle();
    CHECK(theatre.outline() == "* incomplete, its root has not ended · 2 spans\n"
                               "child\n"
                               "└─ below\n\n");
    theatre.console.idle();
    CHECK(theatre.outline().empty());
}

TEST_CASE("the time limit holds for an exporter that is never idle") {
    Theatre theatre{{.incomplete_after = 10s}};
    theatre.stage.add("stuck", 2, 1, {10, 40});
    (void)theatre.deliver();
    clock_now += 10s;
    theatre.stage.add("root", 5, 0, {0, 10}).of({1, 1});
    (void)theatre.deliver();
    CHECK(theatre.outline() == "* 1 span\n"
                               "root\n\n"
                               "* incomplete, its root has not ended · 1 span\n"
                               "stuck\n\n");
}

TEST_CASE("a young part of a trace keeps waiting when an old one is printed") {
    Theatre theatre{{.incomplete_after = 10s}};
    theatre.stage.add("old", 2, 1, {10, 40});
    (void)theatre.deliver();
    clock_now += 6s;
    theatre.stage.add("young", 4, 3, {10, 40});
    theatre.stage.add("below old", 5, 2, {20, 30});
    (void)theatre.deliver();
    clock_now += 4s;
    theatre.console.idle();
    CHECK(theatre.outline() == "* incomplete, its root has not ended · 2 spans\n"
                               "old\n"
                               "└─ below old\n\n");
    theatre.stage.add("root", 3, 0, {0, 50});
    (void)theatre.deliver();
    CHECK(theatre.outline() == "* 2 spans\n"
                               "root\n"
                               "└─ young\n\n");
}

TEST_CASE("spans below a root that lasts for hours are printed in a few large pieces") {
    Theatre theatre{{.incomplete_after = 10s}};
    for (std::uint64_t second = 0; second <= 10; ++second) {
        theatre.stage.add("request", 2 + second, 1, {second, second + 1});
        (void)theatre.deliver();
        clock_now += 1s;
    }
    CHECK(theatre.outline() == "* incomplete, its root has not ended · 6 spans\n"
                               "request\nrequest\nrequest\nrequest\nrequest\nrequest\n\n");
    clock_now += 3s;
    theatre.console.idle();
    CHECK(theatre.outline().empty());
    clock_now += 2s;
    theatre.console.idle();
    CHECK(theatre.outline() == "* incomplete, its root has not ended · 5 spans\n"
                               "request\nrequest\nrequest\nrequest\nrequest\n\n");
}

TEST_CASE("a root says so when the beginning of its tree was printed as incomplete") {
    Theatre theatre{{.incomplete_after = 10s}};
    theatre.stage.add("first", 2, 1, {10, 40});
    (void)theatre.deliver();
    clock_now += 10s;
    theatre.console.idle();
    (void)theatre.outline();
    theatre.stage.add("second", 3, 1, {50, 60});
    theatre.stage.add("root", 1, 0, {0, 100});
    (void)theatre.deliver();
    CHECK(theatre.outline() == "* continued, the beginning was printed as incomplete · 2 spans\n"
                               "root\n"
                               "└─ second\n\n");
}

TEST_CASE("when too many spans wait the oldest trace is printed as incomplete") {
    Theatre theatre{{.max_held_spans = 2}};
    theatre.stage.add("oldest", 2, 1, {10, 40});
    theatre.stage.add("newer", 4, 3, {10, 40}).of({1, 1});
    (void)theatre.deliver();
    CHECK(theatre.outline().empty());
    theatre.stage.add("newest", 6, 5, {10, 40}).of({1, 1});
    (void)theatre.deliver();
    CHECK(theatre.outline() == "* incomplete, its root has not ended · 1 span\n"
                               "oldest\n\n");
}

TEST_CASE("complete traces never count as too many, however large the batch is") {
    Theatre theatre{{.max_held_spans = 2}};
    for (std::uint64_t id = 2; id <= 5; ++id) theatre.stage.add("child", id, 1, {id, id + 1});
    theatre.stage.add("root", 1, 0, {0, 100});
    (void)theatre.deliver();
    CHECK(theatre.outline() == "* 5 spans\n"
                               "root\n"
                               "├─ child\n"
                               "├─ child\n"
                               "├─ child\n"
                               "└─ child\n\n");
}

TEST_CASE("closing prints what still waits") {
    Theatre theatre;
    theatre.stage.add("stuck", 2, 1, {10, 40});
    (void)theatre.deliver();
    theatre.console.close();
    CHECK(theatre.outline() == "* incomplete, its root has not ended · 1 span\n"
                               "stuck\n\n");
    theatre.console.close();
    CHECK(theatre.outline().empty());
}

TEST_CASE("spans whose parents go in a circle are printed in time") {
    Theatre theatre{{.incomplete_after = 10s}};
    theatre.stage.add("own parent", 1, 1, {1, 9});
    theatre.stage.add("a", 2, 3, {2, 9});
    theatre.stage.add("b", 3, 2, {3, 9});
    (void)theatre.deliver();
    clock_now += 10s;
    theatre.console.idle();
    CHECK(theatre.outline() == "* incomplete, its root has not ended · 3 spans\n"
                               "own parent\n"
                               "a\n"
                               "└─ b\n\n");
}

TEST_CASE("a console exporter that was moved goes on with what it held") {
    Theatre theatre;
    theatre.stage.add("child", 2, 1, {10, 20});
    (void)theatre.deliver();
    ConsoleExporter moved{std::move(theatre.console)};
    theatre.stage.add("root", 1, 0, {0, 30});
    (void)theatre.stage.deliver(moved);
    CHECK(theatre.outline() == "* 2 spans\n"
                               "root\n"
                               "└─ child\n\n");
}

TEST_CASE("what waits at a fork is printed by the parent alone") {
    Theatre theatre;
    theatre.stage.add("child", 2, 1, {10, 20});
    (void)theatre.deliver();
    theatre.console.forked();
    theatre.console.close();
    CHECK(theatre.outline().empty());
}
