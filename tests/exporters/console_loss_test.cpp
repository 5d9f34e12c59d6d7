#include <plume/exporters/console.hpp>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <string>

#include <unistd.h>

#include "support/capture.hpp"
#include "support/catch.hpp"
#include "support/scene.hpp"

using plume::ConsoleExporter;
using plume::ConsoleForm;
using plume::DropReason;
using plume::Outcome;
using plume::scene::Stage;

TEST_CASE("a full disk is a loss that is counted, with the reason") {
    std::FILE* const full = std::fopen("/dev/full", "w");
    REQUIRE(full);
    {
        ConsoleExporter console{{.form = ConsoleForm::line, .stream = full}};
        Stage stage;
        stage.add("one", 1, 0, {0, 10});
        stage.add("two", 2, 0, {0, 10});
        const Outcome outcome = stage.deliver(console);
        CHECK(outcome.dropped[DropReason::transport] == 2);
        CHECK(outcome.dropped.total() == 2);
        CHECK(outcome.error == "cannot write to the console: No space left on device");
    }
    std::fclose(full);
}

TEST_CASE("a reader that has gone away is a loss that is counted") {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    ::close(ends[0]);
    std::FILE* const broken = ::fdopen(ends[1], "w");
    REQUIRE(broken);
    const auto before = std::signal(SIGPIPE, SIG_IGN); // a session's threads block it
    {
        ConsoleExporter console{{.form = ConsoleForm::json, .stream = broken}};
        Stage stage;
        stage.add("one", 1, 0, {0, 10});
        const Outcome outcome = stage.deliver(console);
        CHECK(outcome.dropped[DropReason::transport] == 1);
        CHECK(outcome.error == "cannot write to the console: Broken pipe");
    }
    std::fclose(broken);
    std::signal(SIGPIPE, before);
}

#ifdef __GLIBC__
TEST_CASE("a batch is written at once") {
    plume::scene::SmallDisk disk{1 << 20};
    ConsoleExporter console{{.stream = disk.stream()}};
    Stage stage;
    for (std::uint64_t id = 1; id <= 100; ++id) stage.add("root", id, 0, {0, 10});
    (void)stage.deliver(console);
    CHECK(disk.writes() == 1);
}

TEST_CASE("spans that were written before the disk was full don't count as lost") {
    plume::scene::SmallDisk disk{150}; // one line of 98 bytes, and some of the next
    ConsoleExporter console{{.form = ConsoleForm::line, .stream = disk.stream()}};
    Stage stage;
    for (std::uint64_t id = 1; id <= 3; ++id) stage.add("root", id, 0, {0, 10});
    CHECK(stage.deliver(console).dropped[DropReason::transport] == 2);
    disk.grow(1000);
    stage.add("later", 4, 0, {0, 10});
    const Outcome later = stage.deliver(console);
    CHECK(later.dropped.total() == 0);
    CHECK(later.error.empty());
    CHECK(disk.text().find("later") != std::string::npos);
}

TEST_CASE("spans that had been accepted before they were lost are counted with later batches") {
    plume::scene::SmallDisk disk{0};
    ConsoleExporter console{{.stream = disk.stream()}};
    Stage stage;
    for (std::uint64_t id = 2; id <= 4; ++id) stage.add("child", id, 1, {1, 2});
    CHECK(stage.deliver(console).dropped.total() == 0);
    stage.add("root", 1, 0, {0, 10});
    CHECK(stage.deliver(console).dropped.total() == 1); // never more than the batch has
    disk.grow(10'000);
    for (std::uint64_t id = 5; id <= 9; ++id) stage.add("root", id, 0, {0, 10});
    const Outcome last = stage.deliver(console);
    CHECK(last.dropped[DropReason::transport] == 3);
    CHECK_FALSE(last.error.empty());
    stage.add("root", 10, 0, {0, 10});
    CHECK(stage.deliver(console).dropped.total() == 0);
}
#endif
