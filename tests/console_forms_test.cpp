#include <plume/exporters/console.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "support/capture.hpp"
#include "support/catch.hpp"
#include "support/scene.hpp"

using plume::ConsoleColour;
using plume::ConsoleExporter;
using plume::ConsoleForm;
using plume::ConsoleGlyphs;
using plume::ConsoleOptions;
using plume::scene::Capture;
using plume::scene::Stage;

namespace {

std::string printed(Stage& stage, ConsoleOptions options) {
    Capture capture;
    options.stream = capture.stream();
    options.glyphs = ConsoleGlyphs::unicode;
    ConsoleExporter console{options};
    (void)stage.deliver(console);
    return capture.take();
}

/// An environment variable, as it was before when this goes out of scope.
class Environment {
  public:
    Environment(const char* name, const char* value) : name_{name} {
        if (const char* const before = std::getenv(name)) before_ = {true, before};
        if (value) ::setenv(name, value, 1);
        else ::unsetenv(name);
    }
    ~Environment() {
        if (before_.first) ::setenv(name_, before_.second.c_str(), 1);
        else ::unsetenv(name_);
    }
    Environment(const Environment&) = delete;
    Environment& operator=(const Environment&) = delete;

  private:
    const char* name_;
    std::pair<bool, std::string> before_;
};

/// A stream that is a terminal: the far end of a pseudo-terminal.
class Terminal {
  public:
    Terminal() : near_{::posix_openpt(O_RDWR | O_NOCTTY)} {
        REQUIRE(::grantpt(near_) == 0);
        REQUIRE(::unlockpt(near_) == 0);
        const char* const far = ::ptsname(near_);
        REQUIRE(far);
        stream_ = ::fdopen(::open(far, O_RDWR | O_NOCTTY), "w");
        REQUIRE(stream_);
    }
    ~Terminal() {
        std::fclose(stream_);
        ::close(near_);
    }
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;

    [[nodiscard]] std::FILE* stream() const noexcept { return stream_; }

  private:
    int near_;
    std::FILE* stream_ = nullptr;
};

bool is_unicode(const char* all, const char* type, const char* language) {
    const Environment lc_all{"LC_ALL", all};
    const Environment lc_type{"LC_CTYPE", type};
    const Environment lang{"LANG", language};
    return plume::console::wants_unicode({});
}

} // namespace

TEST_CASE("a line has time, duration, status, ids, name and the rest, in this order") {
    Stage stage;
    stage.add("GET /orders/{id}", 2, 1, {123, 12'523})
        .kind(plume::SpanKind::server)
        .failed("card declined")
        .with("order.id", std::int64_t{42})
        .with("two words", "two values")
        .event("retry", 200)
        .link(9);
    CHECK(printed(stage, {.form = ConsoleForm::line}) == R"(2026
)");
}

TEST_CASE("a line tells roots by a dash, and leaves out what there is nothing to say about") {
    Stage stage;
    stage.add("root", 1, 0, {0, 100});
    CHECK(printed(stage, {.form = ConsoleForm::line}) == R"(2026
)");
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

TEST_CASE("a JSON line has everything that a span has") {
    Stage stage;
    const bool flags[] = {true, false};
    const std::string_view words[] = {"a", "b c"};
    auto& actor = stage.add("GET /orders/{id}", 2, 1, {123, 12'523})
                      .remote()
                      .kind(plume::SpanKind::server)
                      .failed("card declined")
                      .with("order.id", std::int64_t{-42})
                      .with("ratio", 0.5)
                      .with("flags", std::span<const bool>{flags})
                      .with("words", std::span<const std::string_view>{words})
                      .event("retry", 200, {{"attempt", std::int64_t{2}}})
                      .link(9, {{"why", "batch"}});
    actor.details().trace_state = "vendor=1";
    actor.details().dropped_attributes = 1;
    actor.details().dropped_events = 2;
    actor.details().dropped_links = 3;
    actor.source().function = "checkout";
    CHECK(printed(stage, {.form = ConsoleForm::json}) == R"({}
)");
}

TEST_CASE("a JSON line leaves out counts of nothing") {
    Stage stage;
    stage.add("root", 1, 0, {0, 100});
    CHECK(printed(stage, {.form = ConsoleForm::json}) == R"({}
)");
}

TEST_CASE("JSON has no number for NaN and the infinities, so they are strings") {
    Stage stage;
    using Limits = std::numeric_limits<double>;
    const double all[] = {Limits::infinity(), 1e300};
    stage.add("root", 1, 0, {0, 100})
        .with("a", Limits::quiet_NaN())
        .with("b", -Limits::infinity())
        .with("c", std::span<const double>{all});
    CHECK(printed(stage, {.form = ConsoleForm::json})
              .find(R"("attributes":{"a":"NaN","b":"-Infinity","c":["Infinity",1e+300]})") !=
          std::string::npos);
}

TEST_CASE("JSON strings are escaped, and valid whatever they held") {
    using namespace std::string_view_literals;
    Stage stage;
    stage.add("q\" b\\ n\n t\t e\x1b z\0 c\xc2\x9b o\xe2\x80\xae u\xc3\xbc x\xff"sv, 1, 0, {0, 1});
    CHECK(printed(stage, {.form = ConsoleForm::json})
              .find(R"("name":"q\" b\\ n\n t\t e\u001b z\u0000 c\u009b o\u202e uü x\ufffd")") !=
          std::string::npos);
}

TEST_CASE("what is no tree is printed at once, root or not") {
    Stage stage;
    stage.add("child", 2, 1, {0, 1});
    CHECK_FALSE(printed(stage, {.form = ConsoleForm::line}).empty());
    stage.add("child", 2, 1, {0, 1});
    CHECK_FALSE(printed(stage, {.form = ConsoleForm::json}).empty());
}

TEST_CASE("colour is automatic: on a terminal, unless its user or its kind says no") {
    const Environment term{"TERM", "xterm"};
    const Environment no_color{"NO_COLOR", nullptr};
    const Terminal terminal;
    const Capture file;
    CHECK(plume::console::wants_colour({.stream = terminal.stream()}));
    CHECK_FALSE(plume::console::wants_colour({.stream = file.stream()}));
    {
        const Environment set{"NO_COLOR", "1"};
        CHECK_FALSE(plume::console::wants_colour({.stream = terminal.stream()}));
        CHECK(plume::console::wants_colour(
            {.colour = ConsoleColour::always, .stream = terminal.stream()}));
    }
    {
        const Environment set{"NO_COLOR", ""}; // no-color.org: empty means not set
        CHECK(plume::console::wants_colour({.stream = terminal.stream()}));
    }
    const Environment dumb{"TERM", "dumb"};
    CHECK_FALSE(plume::console::wants_colour({.stream = terminal.stream()}));
}

TEST_CASE("the first locale that is set decides whether guides are ASCII") {
    CHECK(is_unicode(nullptr, nullptr, nullptr));
    CHECK(is_unicode(nullptr, nullptr, "de_DE.UTF-8"));
    CHECK(is_unicode(nullptr, "C.utf8", "C"));
    CHECK_FALSE(is_unicode("C", "C.UTF-8", "C.UTF-8"));
    CHECK_FALSE(is_unicode(nullptr, nullptr, "de_DE.ISO-8859-1"));
    CHECK(is_unicode("", "", "en_US.UTF-8")); // empty means not set
}

TEST_CASE("lines are as wide as the option says, or else as the terminal, or else 100") {
    const Capture file;
    CHECK(plume::console::columns_for({.stream = file.stream(), .columns = 40}) == 40);
    CHECK(plume::console::columns_for({.stream = file.stream()}) == 100);
    const Terminal terminal;
    winsize window{};
    window.ws_col = 132;
    REQUIRE(::ioctl(fileno(terminal.stream()), TIOCSWINSZ, &window) == 0);
    CHECK(plume::console::columns_for({.stream = terminal.stream()}) == 132);
    window.ws_col = 20;
    REQUIRE(::ioctl(fileno(terminal.stream()), TIOCSWINSZ, &window) == 0);
    CHECK(plume::console::columns_for({.stream = terminal.stream()}) == 72);
}
