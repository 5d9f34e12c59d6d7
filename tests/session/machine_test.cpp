// What the system refuses, and what it does to threads: Plume stays safe, and says so.
#include <plume/session.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <plume/exporters/jsonl/file.hpp>
#include <plume/exporters/memory.hpp>
#include <plume/plume.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/scripted.hpp"

using namespace std::chrono_literals;
using namespace plume::literals;
using plume::DropReason;
using plume::MemoryExporter;
using plume::Session;
using plume::scene::Ended;
using plume::scene::in_child;
using plume::scene::print;
using plume::scene::ScriptedExporter;
using plume::scene::wrong_in;

namespace {

constexpr auto long_enough = 20s;

void visit() { PLUME_SPAN("visit"); }

int destroyed = 0;

/// Another library takes all keys that there are. Returns its first one.
pthread_key_t take_all_keys() {
    pthread_key_t first{}, key{};
    pthread_key_create(&first, [](void*) { ++destroyed; });
    while (pthread_key_create(&key, nullptr) == 0) {}
    return first;
}

/// From now on the process gets no random bytes by getrandom().
bool refuse_getrandom() {
    std::array<sock_filter, 4> filter{
        {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
         BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getrandom, 0, 1),
         BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 1U),
         BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)}};
    const sock_fprog program{filter.size(), filter.data()};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/// Runs `body` on a thread for which a cancellation is pending. Returns whether it took effect
/// behind it.
template <class Body>
bool is_cancelled_behind(Body body) {
    struct Run {
        Body body;
        std::atomic<int> stage{0};
    } run{std::move(body)};
    pthread_t thread{};
    pthread_create(
        &thread, nullptr,
        [](void* argument) -> void* {
            auto* const self = static_cast<Run*>(argument);
            self->stage = 1;
            while (self->stage != 2) {}
            self->body();
            pthread_testcancel();
            return nullptr;
        },
        &run);
    while (run.stage != 1) std::this_thread::yield();
    pthread_cancel(thread);
    run.stage = 2;
    void* result = nullptr;
    pthread_join(thread, &result);
    return result == PTHREAD_CANCELED;
}

} // namespace

TEST_CASE("where all keys of pthread are taken, spans are dropped, counted and reported") {
    const Ended ended = in_child([] {
        take_all_keys();
        std::string reports;
        plume::Options options{.service_name = "test"};
        options.report = [&reports](std::string_view what) { reports += what; };
        Session session{std::move(options), ScriptedExporter{}};
        visit();
        const plume::Stats stats = session.flush(long_enough).stats;
        if (reports.find("keys") == std::string::npos) _exit(1);
        if (stats.begun != 1 || !wrong_in(stats).empty()) _exit(2);
        if (stats.exporters.at(0).dropped[DropReason::thread_exit] != 1) _exit(3);
    });
    CHECK(ended.exit_status == 0);
}

TEST_CASE("where all keys of pthread are taken, those of other libraries keep their values") {
    const Ended ended = in_child([] {
        const pthread_key_t key = take_all_keys();
        std::thread{[key] {
            int value = 0;
            pthread_setspecific(key, &value);
            const plume::ContextScope scope{plume::SpanContext{{1, 2}, {3}, 1, true}};
            visit();
            if (pthread_getspecific(key) != &value) _exit(1);
        }}.join();
        if (destroyed != 1) _exit(2);
    });
    CHECK(ended.exit_status == 0);
}

TEST_CASE("a process that gets no random bytes from getrandom() records all the same") {
    const Ended ended = in_child([] {
        if (!refuse_getrandom()) _exit(77);
        const MemoryExporter memory;
        Session session{{.service_name = "test"}, memory};
        visit();
        std::thread{visit}.join();
        if (!session.flush(long_enough).complete || memory.size() != 2) _exit(1);
    });
    if (ended.exit_status == 77) return; // no seccomp here
    CHECK(ended.exit_status == 0);
}

TEST_CASE("what stands in for random bytes never comes twice, in parent and child neither") {
    constexpr int draws = 1'000;
    constexpr std::size_t size = 16;
    const auto draw = [] {
        std::string bytes(size, '\0');
        plume::detail::fill_from_surroundings(bytes.data(), size);
        return bytes;
    };
    std::set<std::string> seen;
    const Ended child = in_child([&] {
        std::string all;
        for (int i = 0; i < draws; ++i) all += draw();
        print(all);
    });
    REQUIRE(child.output.size() == draws * size);
    for (int i = 0; i < draws; ++i) {
        seen.insert(child.output.substr(static_cast<std::size_t>(i) * size, size));
        seen.insert(draw());
    }
    CHECK(seen.size() == 2 * draws);
}

TEST_CASE("a device takes over for a part that the kernel refuses") {
    std::array<char, 64> bytes{};
    CHECK(plume::detail::fill_from_device(bytes.data(), bytes.size()) == bytes.size());
    CHECK(std::set<char>{bytes.begin(), bytes.end()}.size() > 8);
}

TEST_CASE("a thread whose cancellation is pending records its first span, and ends behind it") {
    const MemoryExporter memory;
    Session session{{.service_name = "test"}, memory};
    CHECK(is_cancelled_behind(visit));
    CHECK(session.flush(long_enough).complete);
    CHECK(tree_of(memory) == "visit\n");
}

TEST_CASE("a thread whose cancellation is pending starts a session and ends it") {
    CHECK(is_cancelled_behind([] {
        Session session{{.service_name = "test"}, ScriptedExporter{}};
        visit();
    }));
}

TEST_CASE("a thread that waits for room is cancelled behind the wait") {
    Session session{{.service_name = "test",
                     .ring_bytes = 4096,
                     .when_full = plume::WhenFull::wait,
                     .longest_wait = 1ms},
                    ScriptedExporter{}};
    CHECK(is_cancelled_behind([] {
        for (int i = 0; i < 10'000; ++i) visit();
    }));
}

TEST_CASE("a thread may be cancelled while it waits in flush()") {
    plume::scene::Gate gate;
    Session session{{.service_name = "test"}, ScriptedExporter{[&](const plume::Batch&) {
                        gate.pass();
                        return plume::Outcome::delivered();
                    }}};
    visit();
    CHECK(is_cancelled_behind([&] { static_cast<void>(session.flush(long_enough)); }));
    gate.open();
    CHECK(session.flush(long_enough).complete);
}

// What a listener to reports may do: the collector's thread calls it.

namespace {

/// Makes the collector report that the exporter's queue is full.
void overflow() {
    for (int i = 0; i < 1'000; ++i) visit();
}

plume::Options tiny_queue(plume::detail::Report listener) {
    plume::Options options{.service_name = "test", .batch_delay = 1h, .shutdown_deadline = 100ms};
    options.queue_spans = 1;
    options.batch_spans = 1;
    options.report = std::move(listener);
    return options;
}

} // namespace

TEST_CASE("a report that exits the program ends it") {
    const Ended ended = in_child([] {
        Session session{tiny_queue([](std::string_view) { std::exit(3); }), ScriptedExporter{}};
        overflow();
        static_cast<void>(session.flush(long_enough));
        while (true) pause();
    });
    CHECK(ended.exit_status == 3);
}

TEST_CASE("a report that throws stops nothing") {
    Session session{tiny_queue([](std::string_view) { throw std::runtime_error{"a report"}; }),
                    ScriptedExporter{}};
    overflow();
    CHECK(session.flush(long_enough).complete);
}

TEST_CASE("a report may flush and end the session, and waits for neither") {
    const Ended ended = in_child([] {
        Session* running = nullptr;
        std::atomic<bool> through{false};
        Session session{tiny_queue([&](std::string_view) {
                            if (through) return;
                            if (running->flush(long_enough).complete) _exit(1);
                            static_cast<void>(running->shutdown(50ms));
                            through = true;
                        }),
                        ScriptedExporter{}};
        running = &session;
        overflow();
        if (!plume::scene::eventually([&] { return through.load(); })) _exit(2);
        std::exit(session.running() ? 4 : 0);
    });
    CHECK(ended.exit_status == 0);
}

TEST_CASE("a shutdown returns at its deadline while a report hangs") {
    const Ended ended = in_child([] {
        const plume::scene::Gate gate;
        Session session{tiny_queue([&](std::string_view) { gate.pass(); }), ScriptedExporter{}};
        overflow();
        static_cast<void>(session.flush(100ms));
        _exit(session.shutdown(100ms).complete ? 1 : 0);
    });
    CHECK(ended.exit_status == 0);
}

// Descriptors that the program closes, and gives to files of its own.

namespace {

struct TwoFiles {
    std::string ours = "/tmp/plume_machine_ours_" + std::to_string(getpid());
    std::string others = "/tmp/plume_machine_others_" + std::to_string(getpid());
    TwoFiles() = default;
    TwoFiles(const TwoFiles&) = delete;
    TwoFiles& operator=(const TwoFiles&) = delete;
    ~TwoFiles() {
        unlink(ours.c_str());
        unlink(others.c_str());
    }
};

std::string content_of(const std::string& path) {
    std::ifstream file{path};
    return {std::istreambuf_iterator<char>{file}, {}};
}

int open_file(const std::string& path) { return open(path.c_str(), O_RDWR | O_CREAT, 0600); }

/// The descriptor of this process that leads to the file, or -1.
int descriptor_of(const std::string& path) {
    struct stat wanted{}, there{};
    if (stat(path.c_str(), &wanted) != 0) return -1;
    for (int number = 3; number < 256; ++number)
        if (fstat(number, &there) == 0 && there.st_ino == wanted.st_ino &&
            there.st_dev == wanted.st_dev)
            return number;
    return -1;
}

} // namespace

TEST_CASE("a descriptor whose number leads to another file is not closed") {
    const TwoFiles files;
    const int other = open_file(files.others);
    const int number = open_file(files.ours);
    {
        const plume::detail::OwnDescriptor own{number};
        CHECK(own.is_own());
        dup2(other, number);
        CHECK_FALSE(own.is_own());
    }
    CHECK(fcntl(number, F_GETFD) >= 0);
    close(number);
    close(other);
}

TEST_CASE("lines go on into their file when the program has reused its descriptor") {
    const TwoFiles files;
    const plume::detail::CancelFlag cancel;
    const int other = open_file(files.others);
    plume::jsonl::File file{{.path = files.ours}};
    REQUIRE(file.append("one\n", cancel).written);
    const int number = descriptor_of(files.ours);
    REQUIRE(number >= 0);
    dup2(other, number);
    REQUIRE(file.append("two\n", cancel).written);
    CHECK(content_of(files.ours) == "one\ntwo\n");
    CHECK(content_of(files.others).empty());
    CHECK(fcntl(number, F_GETFD) >= 0);
    close(number);
    close(other);
}

TEST_CASE("exporters let go of the parent's descriptors before fork() returns in the child") {
    const ScriptedExporter exporter;
    Session session{{.service_name = "test"}, exporter};
    visit();
    REQUIRE(session.flush(long_enough).complete);
    const Ended ended = in_child([&] { _exit(exporter.counters().forks == 1 ? 0 : 1); });
    CHECK(ended.exit_status == 0);
}
