#include <plume/exporters/console/look.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "support/capture.hpp"
#include "support/catch.hpp"

using plume::ConsoleColour;
using plume::scene::Capture;

namespace {

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
