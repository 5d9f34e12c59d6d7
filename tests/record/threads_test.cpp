// Threads that come and go, and processes that end in every way there is.
#include <plume/session.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include <limits.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <plume/exporters/memory.hpp>
#include <plume/plume.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/scripted.hpp"

using namespace std::chrono_literals;
using namespace plume::literals;
using plume::Batch;
using plume::DropReason;
using plume::MemoryExporter;
using plume::Outcome;
using plume::Session;
using plume::SpanData;
using plume::scene::Ended;
using plume::scene::in_child;
using plume::scene::print;
using plume::scene::ScriptedExporter;
using plume::scene::wrong_in;

namespace {

constexpr auto long_enough = 20s;

void visit() { PLUME_SPAN("visit"); }

std::uint32_t lane_count() {
    plume::detail::Runtime& runtime = plume::detail::runtime();
    const plume::detail::Locked lock{runtime.mutex};
    return runtime.lane_count;
}

/// Memory that the process has in use, in bytes.
std::size_t resident() {
    std::size_t total = 0, pages = 0;
    std::ifstream{"/proc/self/statm"} >> total >> pages;
    return pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

/// Prints the names of spans: the only exporter that is of use when a process has ended.
ScriptedExporter printer() {
    return ScriptedExporter{[](const Batch& batch) {
        for (const SpanData& span : batch) print(std::string{span.name()} + '\n');
        return Outcome::delivered();
    }};
}

} // namespace

TEST_CASE("ten thousand threads reuse the lanes of those that have ended") {
    constexpr int rounds = 2'500;
    constexpr std::size_t at_once = 4;
    ScriptedExporter scripted;
    Session session{{.service_name = "test", .ring_bytes = 65536, .batch_delay = 1ms}, scripted};
    std::size_t resident_before = 0;
    std::uint32_t lanes_before = 0;
    for (int round = 0; round < rounds; ++round) {
        if (round == rounds / 10) { // once everything is warm
            resident_before = resident();
            lanes_before = lane_count();
        }
        std::array<std::thread, at_once> threads;
        for (std::thread& thread : threads) thread = std::thread{visit};
        for (std::thread& thread : threads) thread.join();
    }
    CHECK(lane_count() <= lanes_before + at_once);
    const std::size_t grown = resident() - std::min(resident(), resident_before);
    if (!plume::scene::thread_sanitizer && !plume::scene::address_sanitizer)
        CHECK(grown < std::size_t{16} << 20U);
    const plume::Stats stats = session.flush(long_enough).stats;
    CHECK(stats.begun == rounds * at_once);
    CHECK(scripted.counters().spans == rounds * at_once);
    CHECK(wrong_in(stats).empty());
}

TEST_CASE("a span that a thread left open may end on another one, and is no parent by then") {
    MemoryExporter memory;
    Session session{{.service_name = "test"}, memory};
    std::unique_ptr<plume::Span> outer, inner;
    std::thread{[&] {
        outer = std::make_unique<plume::Span>("outer"_name);
        inner = std::make_unique<plume::Span>("inner"_name);
        visit();
    }}.join();
    std::thread{visit}.join(); // takes over the lane
    plume::Stats stats = session.flush(long_enough).stats;
    CHECK(stats.open == 2);
    CHECK(wrong_in(stats).empty());
    CHECK(tree_of(memory) == "visit\n"
                             "visit\n");
    outer.reset();
    inner.reset();
    std::thread{visit}.join();
    stats = session.flush(long_enough).stats;
    CHECK(stats.open == 0);
    CHECK(wrong_in(stats).empty());
    CHECK(tree_of(memory) == "outer\n"
                             "  inner\n"
                             "    visit\n"
                             "visit\n"
                             "visit\n");
}

TEST_CASE("a span that nobody ends stays open, and is counted so") {
    Session session{{.service_name = "test"}};
    alignas(plume::Span) std::array<std::byte, sizeof(plume::Span)> forgotten;
    std::thread{[&] { new (forgotten.data()) plume::Span{"forgotten"_name}; }}.join();
    std::thread{visit}.join();
    const plume::Stats stats = session.shutdown(long_enough).stats;
    CHECK(stats.begun == 2);
    CHECK(stats.open == 1);
}

TEST_CASE("a thread that is cancelled ends its spans") {
    MemoryExporter memory;
    Session session{{.service_name = "test"}, memory};
    std::atomic<bool> waiting{false};
    std::thread thread{[&] {
        PLUME_SPAN("cancelled");
        waiting = true;
        while (true) pause();
    }};
    CHECK(plume::scene::eventually([&] { return waiting.load(); }));
    pthread_cancel(thread.native_handle());
    thread.join();
    CHECK(session.flush(long_enough).stats.open == 0);
    CHECK(tree_of(memory) == "cancelled\n");
}

// Objects that live as long as a thread.

namespace {

struct SpanAtTheEnd {
    const char* what;
    explicit SpanAtTheEnd(const char* w) : what{w} {}
    SpanAtTheEnd(const SpanAtTheEnd&) = delete;
    SpanAtTheEnd& operator=(const SpanAtTheEnd&) = delete;
    ~SpanAtTheEnd() {
        PLUME_SPAN("destructor", "of"_a = what);
        visit();
    }
};

/// The rounds of destructors in which a key's value begins a span.
struct Rounds {
    pthread_key_t key;
    int wanted;
    int seen = 0;
};

void destroy(void* memory) {
    auto* rounds = static_cast<Rounds*>(memory);
    ++rounds->seen;
    PLUME_SPAN("key's destructor", "round"_a = rounds->seen);
    if (rounds->seen == rounds->wanted) delete rounds;
    else pthread_setspecific(rounds->key, rounds);
}

pthread_key_t make_key() {
    pthread_key_t key{};
    REQUIRE(pthread_key_create(&key, &destroy) == 0);
    return key;
}

void end_in_rounds(pthread_key_t key, int rounds) {
    pthread_setspecific(key, new Rounds{key, rounds});
}

/// The runtime's own key is made for the first lane: this one is called before it in each round.
const pthread_key_t early_key = [] {
    pthread_key_t key{};
    pthread_key_create(&key, &destroy);
    return key;
}();

} // namespace

TEST_CASE("destructors of thread-local objects may begin spans") {
    MemoryExporter memory;
    Session session{{.service_name = "test"}, memory};
    std::thread{[] {
        thread_local const SpanAtTheEnd before_the_lane{"older object"};
        static_cast<void>(&before_the_lane);
        visit();
        thread_local const SpanAtTheEnd behind_the_lane{"younger object"};
        static_cast<void>(&behind_the_lane);
    }}.join();
    std::thread{[] {
        thread_local const SpanAtTheEnd only{"object of a thread without spans"};
    }}.join();
    const plume::Stats stats = session.flush(long_enough).stats;
    CHECK(tree_of(memory, {.attributes = true}) ==
          "visit\n"
          "destructor {of=younger object}\n"
          "  visit\n"
          "destructor {of=older object}\n"
          "  visit\n"
          "destructor {of=object of a thread without spans}\n"
          "  visit\n");
    CHECK(stats.open == 0);
    CHECK(wrong_in(stats).empty());
}

TEST_CASE("destructors of pthread keys may begin spans, which are counted even in the last round") {
    // In the last round ThreadSanitizer has gone already: no code that it watches may run, and so
    // lanes are given up earlier than otherwise.
    const int rounds = plume::scene::thread_sanitizer ? 1 : PTHREAD_DESTRUCTOR_ITERATIONS;
    MemoryExporter memory;
    Session session{{.service_name = "test"}, memory};
    visit(); // the runtime has its key
    const pthread_key_t late_key = make_key();
    const pthread_key_t key = GENERATE(true, false) ? early_key : late_key;
    SECTION("of a thread with spans") {
        std::thread{[&] {
            visit();
            end_in_rounds(key, rounds);
        }}.join();
    }
    SECTION("of a thread whose first span this is") {
        std::thread{[&] { end_in_rounds(key, rounds); }}.join();
    }
    const plume::Stats stats = session.flush(long_enough).stats;
    const auto spans = memory.spans();
    const auto recorded = std::ranges::count(spans, "key's destructor", &plume::RecordedSpan::name);
    const std::uint64_t lost = stats.exporters.at(0).dropped[DropReason::thread_exit];
    CHECK(recorded >= rounds - 2);
    CHECK(static_cast<std::uint64_t>(recorded) + lost == static_cast<std::uint64_t>(rounds));
    CHECK(wrong_in(stats).empty());
    pthread_key_delete(late_key);
}

TEST_CASE("a lane that was claimed while its thread ended is given up all the same") {
    Session session{{.service_name = "test", .ring_bytes = 4096}};
    visit();
    const pthread_key_t late_key = make_key();
    const pthread_key_t key = GENERATE(true, false) ? early_key : late_key;
    const int rounds = plume::scene::thread_sanitizer ? 1 : GENERATE(1, 3);
    std::thread{[&] { end_in_rounds(key, rounds); }}.join();
    const std::uint32_t lanes = lane_count();
    for (int i = 0; i < 20; ++i) std::thread{[&] { end_in_rounds(key, rounds); }}.join();
    CHECK(lane_count() == lanes);
    pthread_key_delete(late_key);
}

TEST_CASE("a session that gets no thread throws, and leaves the process as it was") {
    const rlim_t threads = GENERATE(as<rlim_t>{}, 1, 2); // none but this one, and one
    const Ended ended = in_child([&] {
        constexpr uid_t nobody_else = 54'321; // the limit counts all threads of a user
        rlimit limit{};
        getrlimit(RLIMIT_NPROC, &limit);
        const rlimit low{threads, limit.rlim_max};
        if (setuid(nobody_else) != 0 || setrlimit(RLIMIT_NPROC, &low) != 0) _exit(77);
        try {
            const Session refused{{.service_name = "test"}, printer()};
            _exit(1);
        } catch (const std::system_error&) {
            visit(); // not recorded
        }
        setrlimit(RLIMIT_NPROC, &limit);
        const Session session{{.service_name = "test"}, printer()};
        if (!session.running()) _exit(2);
        visit();
        std::exit(0);
    });
    if (ended.exit_status == 77) return; // root alone can become somebody else
    CHECK(ended.exit_status == 0);
    CHECK(ended.output == "visit\n");
}

// How a process ends.

TEST_CASE("exit() in the middle of main() delivers what has ended") {
    const Ended ended = in_child([] {
        Session session{{.service_name = "test"}, printer()};
        visit();
        PLUME_SPAN("open");
        std::exit(3);
    });
    CHECK(ended.exit_status == 3);
    CHECK(ended.output == "visit\n");
}

TEST_CASE("exit() on another thread delivers what has ended") {
    const Ended ended = in_child([] {
        Session session{{.service_name = "test"}, printer()};
        visit();
        std::thread{[] {
            PLUME_SPAN("open");
            visit();
            std::exit(3);
        }}.join();
    });
    CHECK(ended.exit_status == 3);
    CHECK(ended.output == "visit\nvisit\n");
}

TEST_CASE("exit() on an exporter's thread ends the process") {
    const Ended ended = in_child([] {
        Session session{{.service_name = "test", .shutdown_deadline = 100ms},
                        ScriptedExporter{[](const Batch&) -> Outcome { std::exit(3); }}};
        visit();
        static_cast<void>(session.flush(long_enough));
        while (true) pause();
    });
    CHECK(ended.exit_status == 3);
}

TEST_CASE("exit() with an exporter that hangs ends the process at the deadline") {
    const Ended ended = in_child([] {
        Session session{{.service_name = "test", .shutdown_deadline = 100ms},
                        ScriptedExporter{[](const Batch&) -> Outcome {
                            while (true) pause();
                        }}};
        visit();
        std::exit(3);
    });
    CHECK(ended.exit_status == 3);
}

TEST_CASE("a session that is a static object ends with the program") {
    const Ended ended = in_child([] {
        static Session session{{.service_name = "test"}, printer()};
        visit();
    });
    CHECK(ended.exit_status == 0);
    CHECK(ended.output == "visit\n");
}

namespace {

/// Older than any session, and so destroyed after it.
const struct OldObject {
    ~OldObject() {
        if (says_so) print("after the end\n");
        visit();
    }
    static inline bool says_so = false;
} old_object;

} // namespace

TEST_CASE("destructors of static objects may begin spans, before the session's end and after it") {
    const Ended ended = in_child([] {
        OldObject::says_so = true;
        Session session{{.service_name = "test"}, printer()};
        static const SpanAtTheEnd young_object{"static object"};
        std::exit(0);
    });
    CHECK(ended.exit_status == 0);
    CHECK(ended.output == "visit\n"
                          "destructor\n"
                          "after the end\n");
}

TEST_CASE("threads that still record at exit do no harm") {
    const Ended ended = in_child([] {
        static Session session{{.service_name = "test", .ring_bytes = 4096}, ScriptedExporter{}};
        for (int i = 0; i < 4; ++i)
            std::thread{[] {
                while (true) {
                    PLUME_SPAN("busy", "text"_a = "text");
                    visit();
                }
            }}.detach();
        while (session.stats().begun < 1'000) std::this_thread::yield();
        std::exit(0);
    });
    CHECK(ended.exit_status == 0);
}

TEST_CASE("_exit() and abort() end the process at once, and deliver nothing") {
    const auto end = GENERATE(
        +[] { _exit(3); },
        +[] {
            std::signal(SIGABRT, SIG_DFL);
            std::abort();
        });
    const Ended ended = in_child([&] {
        Session session{{.service_name = "test", .batch_delay = 1h}, printer()};
        visit();
        end();
    });
    CHECK((ended.exit_status == 3 || ended.signal == SIGABRT));
    CHECK(ended.output.empty());
}

TEST_CASE("an exception that nobody catches ends the process as it would without a session") {
    const Ended ended = in_child([] {
        std::signal(SIGABRT, SIG_DFL);
        std::set_terminate([] { _exit(4); });
        Session session{{.service_name = "test"}, printer()};
        std::thread{[] {
            PLUME_SPAN("fatal");
            throw std::runtime_error{"nobody catches me"};
        }}.join();
    });
    CHECK(ended.exit_status == 4);
}
