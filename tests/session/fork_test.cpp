// A process that forks while a session runs: parent and child each deliver their own, once.
#include <plume/session.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <dirent.h>
#include <unistd.h>

#include <plume/exporters/memory.hpp>
#include <plume/plume.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/scripted.hpp"

using namespace std::chrono_literals;
using namespace plume::literals;
using plume::Batch;
using plume::Outcome;
using plume::Session;
using plume::SpanData;
using plume::scene::Child;
using plume::scene::Ended;
using plume::scene::eventually;
using plume::scene::Gate;
using plume::scene::in_child;
using plume::scene::print;
using plume::scene::ScriptedExporter;
using plume::scene::wrong_in;

// ThreadSanitizer refuses new threads in a child of a process with threads, unless it is told.
extern "C" const char* __tsan_default_options();
extern "C" const char* __tsan_default_options() { return "die_after_fork=0"; }

// LeakSanitizer does not see what the stacks of threads refer to that are not in the child.
static const pid_t home = getpid();
extern "C" int __lsan_is_turned_off();
extern "C" int __lsan_is_turned_off() { return getpid() != home ? 1 : 0; }

namespace {

constexpr auto long_enough = 20s;

void visit() { PLUME_SPAN("visit"); }

/// What an exporter was given: a line for each span, which a child prints.
struct Seen {
    std::string name, span, parent, trace, pid, instance;
    bool remote_parent = false;
};

template <class Id>
std::string hex(const Id& id) {
    const auto digits = id.hex();
    return {digits.begin(), digits.end()};
}

std::vector<Seen> read(const std::string& text) {
    std::vector<Seen> all;
    std::istringstream lines{text};
    Seen one;
    while (lines >> one.name >> one.span >> one.parent >> one.trace >> one.pid >> one.instance >>
           one.remote_parent)
        all.push_back(one);
    return all;
}

std::vector<std::string> names(const std::vector<Seen>& all) {
    std::vector<std::string> list;
    for (const Seen& one : all) list.push_back(one.name);
    return list;
}
using Names = std::vector<std::string>;

/// Keeps what it is given in the process that made it, and prints it in any other.
class Recorder {
  public:
    [[nodiscard]] ScriptedExporter& exporter() noexcept { return exporter_; }
    [[nodiscard]] const ScriptedExporter::Counters& counters() const noexcept {
        return exporter_.counters();
    }
    [[nodiscard]] std::vector<Seen> seen() const {
        const std::lock_guard lock{state_->mutex};
        return read(state_->text);
    }

  private:
    struct State {
        std::mutex mutex;
        std::string text;
    };

    static std::string lines_of(const Batch& batch) {
        std::ostringstream out;
        std::int64_t pid = 0;
        for (const plume::Attribute& one : batch.resource().attributes())
            if (one.key() == "process.pid") pid = one.int64;
        for (const SpanData& span : batch)
            out << span.name() << ' ' << hex(span.span_id) << ' ' << hex(span.parent_span_id) << ' '
                << hex(span.trace_id) << ' ' << pid << ' '
                << batch.resource().text("service.instance.id") << ' ' << span.parent_is_remote
                << '\n';
        return out.str();
    }

    std::shared_ptr<State> state_ = std::make_shared<State>();
    ScriptedExporter exporter_{[state = state_](const Batch& batch) {
        if (getpid() != home) {
            print(lines_of(batch));
            return Outcome::delivered();
        }
        const std::lock_guard lock{state->mutex};
        state->text += lines_of(batch);
        return Outcome::delivered();
    }};
};

int thread_count() {
    int count = 0;
    DIR* tasks = opendir("/proc/self/task");
    while (const dirent* one = readdir(tasks)) count += one->d_name[0] != '.' ? 1 : 0;
    closedir(tasks);
    return count;
}

const std::string no_parent(16, '0');

} // namespace

TEST_CASE("a child delivers its own spans, with other ids, as another process") {
    Recorder recorder;
    Session session{{.service_name = "test"}, recorder.exporter()};
    for (int i = 0; i < 5; ++i) visit();
    CHECK(session.flush(long_enough).complete);
    const bool flushes = GENERATE(true, false);
    const Ended ended = in_child([&] {
        for (int i = 0; i < 5; ++i) visit();
        if (!flushes) return; // exit() does it
        const plume::FlushResult result = session.flush(long_enough);
        if (!result.complete || result.stats.begun != 5 || !wrong_in(result.stats).empty())
            _exit(1);
        if (recorder.counters().forks != 1) _exit(2);
        _exit(0);
    });
    CHECK(ended.exit_status == 0);
    for (int i = 0; i < 5; ++i) visit();
    const plume::FlushResult result = session.flush(long_enough);
    CHECK(result.complete);
    CHECK(result.stats.begun == 10);
    CHECK(wrong_in(result.stats).empty());
    CHECK(recorder.counters().forks == 0);

    const std::vector<Seen> parents = recorder.seen();
    const std::vector<Seen> childs = read(ended.output);
    CHECK(parents.size() == 10);
    CHECK(childs.size() == 5);
    std::set<std::string> spans, traces, parents_say, childs_say;
    for (const Seen& one : parents) {
        spans.insert(one.span);
        traces.insert(one.trace);
        parents_say.insert(one.pid + one.instance);
    }
    for (const Seen& one : childs) {
        spans.insert(one.span);
        traces.insert(one.trace);
        childs_say.insert(one.pid + one.instance);
        CHECK(one.pid != std::to_string(getpid()));
        CHECK(one.instance != parents.front().instance);
    }
    CHECK(spans.size() == 15);
    CHECK(traces.size() == 15);
    CHECK(parents_say.size() == 1);
    CHECK(childs_say.size() == 1);
}

TEST_CASE("what waits in rings and queues at a fork is delivered by the parent alone") {
    Recorder recorder;
    Session session{{.service_name = "test", .batch_delay = 1h}, recorder.exporter()};
    for (int i = 0; i < 1'000; ++i) visit();
    const bool in_queue = GENERATE(true, false);
    if (in_queue) CHECK(eventually([&] { return session.stats().exporters.at(0).pending > 0; }));
    const Ended ended = in_child([] { PLUME_SPAN("child"); });
    CHECK(ended.exit_status == 0);
    CHECK(names(read(ended.output)) == Names{"child"});
    CHECK(session.flush(long_enough).stats.exporters.at(0).exported == 1'000);
    CHECK(recorder.seen().size() == 1'000);
}

TEST_CASE("a span that is open at a fork is the parent's, and the child's spans are below it") {
    Recorder recorder;
    Session session{{.service_name = "test"}, recorder.exporter()};
    Ended ended;
    {
        std::optional<plume::Span> open;
        open.emplace("open"_name);
        const std::string id = hex(open->context().span_id);
        ended = in_child([&] {
            visit();
            if (hex(plume::current_context().span_id) != id) _exit(1);
            open->set("too"_a = "late");
            open.reset();
            if (plume::current_context().valid()) _exit(2);
            PLUME_SPAN("root");
        });
    }
    CHECK(ended.exit_status == 0);
    CHECK(session.flush(long_enough).stats.begun == 1);
    const std::vector<Seen> parents = recorder.seen();
    const std::vector<Seen> childs = read(ended.output);
    REQUIRE(names(parents) == Names{"open"});
    REQUIRE(names(childs) == Names{"visit", "root"});
    CHECK(childs[0].parent == parents[0].span);
    CHECK(childs[0].trace == parents[0].trace);
    CHECK(childs[0].remote_parent);
    CHECK(childs[1].parent == no_parent);
    CHECK(childs[1].trace != parents[0].trace);
}

TEST_CASE("a child that only continues its parent's trace needs no flush to deliver") {
    Recorder recorder;
    Session session{{.service_name = "test", .batch_delay = 1ms}, recorder.exporter()};
    const plume::Span open{"open"_name};
    const bool async = GENERATE(false, true);
    const Ended ended = in_child([&] {
        while (recorder.counters().spans == 0) {
            if (async) plume::AsyncSpan{"visit"_name}.end();
            else visit();
            std::this_thread::sleep_for(1ms);
        }
        static_cast<void>(session.flush(long_enough)); // till what is delivered is written
        _exit(0);
    });
    CHECK(ended.exit_status == 0);
    const std::vector<Seen> childs = read(ended.output);
    REQUIRE_FALSE(childs.empty());
    CHECK(childs[0].parent == hex(open.context().span_id));
}

TEST_CASE("a span off the stack that is open at a fork is the parent's") {
    Recorder recorder;
    Session session{{.service_name = "test"}, recorder.exporter()};
    plume::AsyncSpan here{"here"_name};
    plume::AsyncSpan there;
    std::thread{[&] { there = plume::AsyncSpan{"there"_name}; }}.join();
    const Ended ended = in_child([&] {
        here.set("too"_a = "late");
        there.event("late"_name);
        here.end();
        there.end();
        visit();
    });
    CHECK(ended.exit_status == 0);
    CHECK(names(read(ended.output)) == Names{"visit"});
    here.end();
    there.end();
    const plume::Stats stats = session.flush(long_enough).stats;
    CHECK(stats.open == 0);
    CHECK(wrong_in(stats).empty());
    CHECK(recorder.seen().size() == 2);
}

TEST_CASE("as the guards end that a child has inherited, the next one out is its parent") {
    Recorder recorder;
    Session session{{.service_name = "test"}, recorder.exporter()};
    Ended ended;
    {
        std::optional<plume::Span> outer{std::in_place, "outer"_name};
        const plume::SpanContext before = plume::current_context();
        std::optional<plume::ContextScope> scope{std::in_place,
                                                 plume::SpanContext{{1, 2}, {3}, 1, true}};
        std::optional<plume::Span> root{std::in_place, "root"_name};
        const plume::SpanContext in_root = plume::current_context();
        std::optional<plume::Span> inner{std::in_place, "inner"_name};
        ended = in_child([&] {
            const auto is_current = [](const plume::SpanContext& context) {
                return plume::current_context().span_id == context.span_id &&
                       plume::current_context().trace_id == context.trace_id;
            };
            {
                PLUME_SPAN("below-inner");
                const Ended grandchild = in_child([&] {
                    PLUME_SPAN("grandchild");
                    if (!plume::current_context().valid()) _exit(1);
                });
                if (grandchild.exit_status != 0) _exit(2);
            }
            inner.reset();
            if (!is_current(in_root)) _exit(3);
            { PLUME_SPAN("below-root"); }
            root.reset();
            if (!is_current({{1, 2}, {3}})) _exit(4);
            scope.reset();
            if (!is_current(before)) _exit(5);
            if (outer->context().span_id != before.span_id) _exit(6);
            { PLUME_SPAN("below-outer"); }
            outer.reset();
            if (plume::current_context().valid()) _exit(7);
            PLUME_SPAN("alone");
        });
    }
    CHECK(ended.exit_status == 0);
    CHECK(session.flush(long_enough).stats.begun == 3);
    const std::vector<Seen> parents = recorder.seen();
    const std::vector<Seen> childs = read(ended.output);
    REQUIRE(names(parents) == Names{"inner", "root", "outer"});
    REQUIRE(names(childs) == Names{"below-inner", "below-root", "below-outer", "alone"});
    for (std::size_t i = 0; i < 3; ++i) {
        CHECK(childs[i].parent == parents[i].span);
        CHECK(childs[i].trace == parents[i].trace);
    }
    CHECK(childs[3].parent == no_parent);
}

TEST_CASE("a grandchild goes on below its parent's spans, and below those of its grandparent") {
    Recorder recorder;
    Session session{{.service_name = "test"}, recorder.exporter()};
    std::optional<plume::Span> first{std::in_place, "first"_name};
    const plume::SpanId first_id = plume::current_context().span_id;
    const Ended ended = in_child([&] {
        std::optional<plume::Span> second{std::in_place, "second"_name};
        const plume::SpanId second_id = plume::current_context().span_id;
        const Ended grandchild = in_child([&] {
            if (plume::current_context().span_id != second_id) _exit(1);
            second.reset();
            if (plume::current_context().span_id != first_id) _exit(2);
            first.reset();
            _exit(plume::current_context().valid() ? 3 : 0);
        });
        _exit(grandchild.exit_status);
    });
    CHECK(ended.exit_status == 0);
}

TEST_CASE("what is not recorded where a process forks is not recorded in the child") {
    Recorder recorder;
    plume::Options options;
    options.service_name = "test";
    const plume::Sampler by_name = plume::Sampler::by_rule(
        {{.name = "left-out", .then = plume::Sampler::always_off()}}, plume::Sampler::always_on());
    const bool by_ratio = GENERATE(false, true); // then nobody has asked for the trace's id
    options.sampler = plume::Sampler::parent_based(by_ratio ? plume::Sampler::ratio(0) : by_name);
    Session session{options, recorder.exporter()};
    std::optional<plume::SuppressScope> quiet;
    std::optional<plume::Span> root;
    const bool suppressed = GENERATE(false, true);
    if (suppressed) quiet.emplace();
    else root.emplace("left-out"_name);
    const Ended ended = in_child([&] {
        if (plume::current_context().sampled()) _exit(1);
        {
            PLUME_SPAN_AS(span, "below");
            if (span.recording()) _exit(2);
        }
        const plume::AsyncSpan async{"below"_name};
        if (async.recording()) _exit(3);
        root.reset();
        quiet.reset();
        const plume::ContextScope sampled{plume::SpanContext{{1, 2}, {3}, 1, true}};
        PLUME_SPAN("later");
    });
    CHECK(ended.exit_status == 0);
    CHECK(names(read(ended.output)) == Names{"later"});
}

TEST_CASE("a child that records nothing starts no thread") {
    Recorder recorder;
    Session session{{.service_name = "test"}, recorder.exporter()};
    visit();
    const Ended idle = in_child([] { _exit(thread_count()); });
    CHECK(idle.exit_status == 1);
    const Ended replaced = in_child([] {
        execl("/bin/echo", "echo", "another program", nullptr);
        _exit(1);
    });
    CHECK(replaced.output == "another program\n");
    CHECK(replaced.exit_status == 0);
}

TEST_CASE("a child may end its session, and start another") {
    Recorder recorder;
    Session session{{.service_name = "test"}, recorder.exporter()};
    visit();
    const Ended ended = in_child([&] {
        visit();
        if (!session.shutdown(long_enough).complete || session.running()) _exit(1);
        Session another{{.service_name = "child"}, recorder.exporter()};
        if (!another.running()) _exit(2);
        PLUME_SPAN("another");
    });
    CHECK(ended.exit_status == 0);
    CHECK(names(read(ended.output)) == Names{"visit", "another"});
    CHECK(session.running());
    visit();
    CHECK(session.flush(long_enough).stats.begun == 2);
}

TEST_CASE("a child of a process without a session may start one") {
    visit();
    const Ended ended = in_child([] {
        Recorder recorder;
        Session session{{.service_name = "child"}, recorder.exporter()};
        visit();
    });
    CHECK(ended.exit_status == 0);
    const std::vector<Seen> childs = read(ended.output);
    REQUIRE(names(childs) == Names{"visit"});
    CHECK(childs[0].pid != std::to_string(getpid()));
}

TEST_CASE("a grandchild delivers its own spans too") {
    Recorder recorder;
    Session session{{.service_name = "test"}, recorder.exporter()};
    visit();
    const Ended ended = in_child([&] {
        PLUME_SPAN("child");
        const Ended grandchild = in_child([] {
            PLUME_SPAN("grandchild");
            visit();
        });
        if (grandchild.exit_status != 0) _exit(1);
        print(grandchild.output);
        visit();
    });
    CHECK(ended.exit_status == 0);
    const std::vector<Seen> all = read(ended.output);
    REQUIRE(names(all) == Names{"visit", "grandchild", "visit", "child"});
    CHECK(all[0].pid == all[1].pid);
    CHECK(all[1].pid != all[2].pid);
    CHECK(all[2].pid == all[3].pid);
    for (const Seen& one : all) CHECK(one.trace == all[0].trace);
    CHECK(all[0].parent == all[1].span);
    CHECK(all[1].parent == all[3].span);
    CHECK(all[2].parent == all[3].span);
    CHECK(std::set{all[0].span, all[1].span, all[2].span, all[3].span}.size() == 4);
    CHECK(session.flush(long_enough).stats.begun == 1);
    CHECK(recorder.seen().size() == 1);
}

TEST_CASE("a thread may fork, and its child goes on with the thread's spans") {
    Recorder recorder;
    Session session{{.service_name = "test"}, recorder.exporter()};
    visit();
    PLUME_SPAN("main-thread");
    Ended ended;
    std::thread{[&] {
        PLUME_SPAN("thread");
        ended = in_child([] {
            visit();
            std::thread{visit}.join(); // in a lane that the parent's main thread had
        });
    }}.join();
    CHECK(ended.exit_status == 0);
    CHECK(session.flush(long_enough).complete);
    const std::vector<Seen> childs = read(ended.output);
    REQUIRE(names(childs) == Names{"visit", "visit"});
    std::vector<Seen> parents = recorder.seen();
    // Lane by lane: the order says nothing, of the parent's spans nor of the child's.
    if (names(parents) == Names{"thread", "visit"}) std::swap(parents[0], parents[1]);
    REQUIRE(names(parents) == Names{"visit", "thread"});
    const std::size_t first = childs[0].parent == no_parent ? 1 : 0;
    CHECK(childs[first].parent == parents[1].span);
    CHECK(childs[1 - first].parent == no_parent);
}

TEST_CASE("forks from a process that records on many threads never hang") {
    Recorder recorder;
    Session session{{.service_name = "test",
                     .ring_bytes = 4096,
                     .batch_delay = 1ms,
                     .report = [](std::string_view) {}},
                    recorder.exporter(),
                    ScriptedExporter{}};
    std::atomic<bool> enough{false};
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i)
        threads.emplace_back([&] {
            while (!enough) {
                {
                    PLUME_SPAN("busy", "text"_a = "text");
                    visit();
                }
                static_cast<void>(session.stats());
                std::thread{visit}.join();
                std::this_thread::sleep_for(100us); // the children want to run, too
            }
        });
    int good = 0;
    constexpr int children = 18;
    for (int i = 0; i < children; ++i) {
        const Ended ended = in_child([&] {
            PLUME_SPAN("child");
            std::thread{visit}.join();
            if (i % 3 == 0) _exit(0);
            static_cast<void>(session.stats());
            if (i % 3 == 1 && !session.flush(long_enough).complete) _exit(1);
        });
        const std::vector<std::string> seen = names(read(ended.output));
        const bool right = i % 3 == 0 || seen == Names{"visit"} ||
                           seen == Names{"child", "visit"} ||
                           seen == Names{"visit", "child"}; // lane by lane
        good += ended.exit_status == 0 && right ? 1 : 0;
    }
    enough = true;
    for (std::thread& thread : threads) thread.join();
    CHECK(good == children);
    const plume::FlushResult result = session.flush(long_enough);
    CHECK(result.complete);
    CHECK(wrong_in(result.stats).empty());
    CHECK(recorder.seen().size() == result.stats.exporters.at(0).exported);
}

TEST_CASE("a child goes on although a thread of its parent was reporting, or delivering") {
    const Gate gate;
    const auto wait_at_home = [gate] {
        if (getpid() == home) gate.pass();
    };
    const bool while_reporting = GENERATE(true, false);
    Recorder recorder;
    ScriptedExporter held{[=](const Batch& batch) {
        if (!while_reporting) wait_at_home();
        return Outcome::failed(plume::DropReason::rejected, batch.size(), "no");
    }};
    Session session{{.service_name = "test",
                     .batch_delay = 1ms,
                     .report =
                         [=](std::string_view) {
                             if (while_reporting) wait_at_home();
                         }},
                    held,
                    recorder.exporter()};
    visit();
    CHECK(eventually([&] { return gate.arrived() == 1; }));
    const Ended ended = in_child([&] {
        visit();
        _exit(session.flush(long_enough).complete ? 0 : 1);
    });
    gate.open();
    CHECK(ended.exit_status == 0);
    CHECK(names(read(ended.output)) == Names{"visit"});
}

TEST_CASE("the memory exporter of a child holds the child's spans alone") {
    plume::MemoryExporter memory;
    Session session{{.service_name = "test"}, memory};
    visit();
    CHECK(session.flush(long_enough).complete);
    const Ended ended = in_child([&] {
        PLUME_SPAN("child");
        visit();
        if (!session.flush(long_enough).complete) _exit(1);
        print(tree_of(memory));
    });
    CHECK(ended.exit_status == 0);
    CHECK(ended.output == "visit\n");
    CHECK(memory.size() == 1);
}

TEST_CASE("a ring that another thread was moving when the process forked works in the child") {
    const plume::MemoryExporter memory;
    Session session{{.service_name = "test", .ring_bytes = 4096}, memory};
    const Gate gate;
    plume::detail::Lane* lane = nullptr;
    std::thread thread{[&] {
        visit();
        lane = plume::detail::own_lane();
        gate.pass();
    }};
    REQUIRE(eventually([&] { return gate.arrived() == 1; }));
    lane->bias -= lane->capacity; // the first of the three stores that begin a lap
    const Ended ended = in_child([&] {
        if (lane->address(lane->head.load()) != lane->memory) _exit(1);
        std::thread{[&] {
            for (int i = 0; i < 10; ++i) visit();
        }}.join();
        if (!session.flush(long_enough).complete || memory.size() != 10) _exit(3);
    });
    lane->bias += lane->capacity;
    gate.open();
    thread.join();
    CHECK(ended.exit_status == 0);
}
