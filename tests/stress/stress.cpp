// stress.cpp - random operations of many threads, against the accounting and the ids.
//
//     stress SECONDS SEED PLUGIN [--without=KIND,...]
//
// Threads come and go, sessions start and stop, spans end elsewhere, a library that records is
// opened and closed, the process forks, signals interrupt it, threads are cancelled. What a thread
// does follows from the seed; how the threads meet does not. Exits with 1 after a violation.

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <memory>
#include <optional>
#include <pthread.h>
#include <random>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <plume/callsites.hpp>
#include <plume/exporters/memory.hpp>
#include <plume/plume.hpp>
#include <plume/session.hpp>

#include "witness.hpp"
#include "work.hpp"

using namespace plume::literals;
using namespace std::chrono_literals;
using stress::check_balance;
using stress::Random;
using stress::shared;
using stress::violation;
using stress::Work;

namespace {

struct Wanted : stress::Kinds {
    bool forks = true;
    bool cancels = true;
    bool signals = true;
    bool plugins = true;
    bool small_rings = true; ///< 4 KiB, which lose records of any kind

    bool leave_out(std::string_view kind) {
        const std::pair<std::string_view, bool*> kinds[] = {
            {"foreign_guards", &foreign_guards},
            {"foreign_scopes", &foreign_scopes},
            {"coroutines", &coroutines},
            {"forks", &forks},
            {"cancels", &cancels},
            {"signals", &signals},
            {"plugins", &plugins},
            {"small_rings", &small_rings},
        };
        for (const auto& [name, wanted] : kinds)
            if (name == kind) {
                *wanted = false;
                return true;
            }
        return kind.empty();
    }
};

struct Counts {
    std::atomic<long> sessions{0}, checks{0}, forks{0}, threads{0}, steps{0}, opened{0},
        cancelled{0}, signals{0};
};
Counts counts;

Wanted wanted;
std::atomic<bool> finished{false};
/// Held shared by a thread in a step; alone by who wants nothing to happen.
std::shared_mutex pause;
/// glibc lets readers in before a writer that waits: those that come look here first.
std::atomic<bool> pause_is_wanted{false};
std::shared_lock<std::shared_mutex> go_on() {
    while (pause_is_wanted) std::this_thread::sleep_for(std::chrono::microseconds{100});
    return std::shared_lock{pause};
}

/// In a child: a sentence of what is wrong, and no way back.
[[noreturn]] void fail_child(const std::string& what) {
    std::fprintf(stderr, "VIOLATION in a child: %s\n", what.c_str());
    _exit(1);
}

[[noreturn]] void live_as_child(plume::Session& session, plume::MemoryExporter& memory) {
    alarm(60); // a child that hangs is one that failed
    if (const std::string what = stress::imbalance(session.stats()); !what.empty())
        fail_child("at first, " + what);
    if (memory.size() != 0) fail_child("spans of the parent are in the exporter");
    std::atomic<std::size_t> recorded{0};
    const auto record = [&recorded] {
        for (int i = 0; i < 20; ++i) {
            PLUME_SPAN_AS(span, "in the child", "i"_a = i);
            if (span.recording()) ++recorded;
        }
    };
    record();
    std::thread one{record};
    std::thread two{record};
    one.join();
    two.join();
    const plume::FlushResult result = session.flush(20s);
    if (!result.complete) fail_child("a flush was not complete in 20 s");
    if (const std::string what = stress::imbalance(result.stats); !what.empty())
        fail_child("flushed, " + what);
    std::size_t exported = 0;
    for (const plume::RecordedSpan& span : memory.spans()) {
        if (span.name != "in the child") fail_child("exported " + std::string{span.name});
        ++exported;
    }
    if (exported != recorded)
        fail_child("exported " + std::to_string(exported) + " of " + std::to_string(recorded));
    _exit(0);
}

void fork_once(plume::Session& session, plume::MemoryExporter& memory) {
    ++counts.forks;
    const pid_t child = fork();
    if (child == 0) live_as_child(session, memory);
    int status = 0;
    while (waitpid(child, &status, 0) != child) { // a signal has interrupted it
    }
    if (WIFSIGNALED(status))
        violation("a child died of signal " + std::to_string(WTERMSIG(status)));
    else if (WEXITSTATUS(status) != 0) violation("a child failed");
}

/// A thread that has many successors, each of some steps.
void work_on(unsigned seed) {
    for (unsigned k = 0; !finished; ++k) {
        ++counts.threads;
        std::thread{[seed, k] {
            Work work{seed + k, wanted};
            const unsigned steps = 5 + work.random()() % 200;
            for (unsigned i = 0; i < steps && !finished; ++i) {
                const auto lock = go_on();
                work.step();
                ++counts.steps;
            }
        }}.join();
    }
}

void open_and_close(const char* path, unsigned seed) {
    Random random{seed};
    while (!finished) {
        const auto lock = go_on();
        void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        if (!library) return violation(dlerror());
        const auto work =
            reinterpret_cast<int (*)(int, void (*)(int))>(dlsym(library, "plugin_work"));
        const auto begin = reinterpret_cast<void* (*)()>(dlsym(library, "plugin_begin"));
        const auto end = reinterpret_cast<void (*)(void*)>(dlsym(library, "plugin_end"));
        void* span = begin();
        const int n = static_cast<int>(random() % 5);
        std::thread there{[&] {
            static_cast<void>(work(n, [](int depth) { PLUME_SPAN("back", "n"_a = depth); }));
            end(span);
        }};
        static_cast<void>(work(3, nullptr));
        there.join();
        dlclose(library);
        ++counts.opened;
    }
}

/// Threads that are cancelled wherever the system lets them: before their first span, in their
/// spans, while they wait for room.
void cancel_threads(unsigned seed) {
    Random random{seed};
    while (!finished) {
        const auto lock = go_on();
        pthread_t thread{};
        const auto body = [](void*) -> void* {
            while (true) {
                PLUME_SPAN("cancelled", "text"_a = "some text");
                for (int i = 0; i < 20; ++i) {
                    PLUME_SPAN("in what is cancelled");
                }
                pthread_testcancel();
            }
        };
        if (pthread_create(&thread, nullptr, body, nullptr) != 0) continue;
        std::this_thread::sleep_for(std::chrono::microseconds{random() % 3'000});
        pthread_cancel(thread);
        pthread_join(thread, nullptr);
        ++counts.cancelled;
    }
}

/// Interrupts whatever the threads of the program wait in. The handler records nothing.
void send_signals(unsigned seed) {
    Random random{seed};
    while (!finished) {
        std::this_thread::sleep_for(std::chrono::microseconds{random() % 20'000});
        kill(getpid(), SIGUSR1);
    }
}

[[nodiscard]] plume::Sampler some_sampler(Random& random) {
    using plume::Sampler;
    switch (random() % 4) {
    case 0: return Sampler::parent_based(Sampler::ratio(0.3));
    case 1:
        return Sampler::by_rule({{.attribute = "d", .value = "3"},
                                 {.name = "parent"},
                                 {.name = "burst", .then = Sampler::always_off()}},
                                Sampler::ratio(0.5));
    case 2: return Sampler::ratio(0.5);
    default: return Sampler::always_on();
    }
}

[[nodiscard]] plume::Options some_options(Random& random) {
    plume::Options options;
    options.service_name = "stress";
    const std::size_t sizes[] = {4'096, 8'192, 65'536, 1U << 20U};
    options.ring_bytes = sizes[wanted.small_rings ? random() % 4 : 3];
    if (random() % 4 == 0) options.when_full = plume::WhenFull::wait;
    options.longest_wait = std::chrono::milliseconds{random() % 20};
    options.batch_delay = std::chrono::milliseconds{1 + random() % 200};
    options.queue_spans = random() % 3 == 0 ? 600 : 0;
    options.limits.spans_per_root = random() % 4 == 0 ? 10 : 0;
    options.report = [](std::string_view) {};
    if (random() % 2 == 0) options.sampler = some_sampler(random);
    return options;
}

/// Nothing is recorded, and nothing stays open: the numbers must say so.
void come_to_rest(plume::Session& session, stress::Family& family) {
    pause_is_wanted = true;
    const std::unique_lock lock{pause};
    pause_is_wanted = false;
    shared.end_all();
    const plume::FlushResult result = session.flush(30s);
    check_balance(result.stats, "at rest");
    if (!result.complete) return violation("a flush was not complete in 30 s");
    for (const plume::ExporterStats& to : result.stats.exporters)
        if (to.pending != 0)
            violation(to.name + ": pending " + std::to_string(to.pending) + " after a flush");
    if (result.stats.open != 0)
        violation("open " + std::to_string(result.stats.open) + " where nothing is, with " +
                  std::to_string(result.stats.dropped_records) + " dropped records");
    family.check();
    const std::uint64_t exported = result.stats.exporters[0].exported;
    if (family.size() != exported)
        violation("exported " + std::to_string(exported) + " spans, delivered " +
                  std::to_string(family.size()));
}

void live_in(plume::Session& session, stress::Family& family, plume::MemoryExporter& memory,
             Random& random) {
    const unsigned turns = 2 + random() % 10;
    for (unsigned i = 0; i < turns; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds{random() % 60});
        ++counts.checks;
        switch (random() % 8) {
        case 0:
            check_balance(session.flush(std::chrono::milliseconds{random() % 500}).stats, "flush");
            break;
        case 1: plume::set_sampler(some_sampler(random)); break;
        case 2:
            static_cast<void>(random() % 2 == 0 ? plume::disable("p*") : plume::enable("*"));
            break;
        case 3:
            memory.clear(); // which keeps all that it is given
            if (wanted.forks) fork_once(session, memory);
            break;
        default: check_balance(session.stats(), "stats"); break;
        }
    }
    if (random() % 2 == 0) come_to_rest(session, family);
    if (random() % 2 == 0)
        check_balance(session.shutdown(std::chrono::milliseconds{random() % 3'000}).stats,
                      "shutdown");
}

void run_session(Random& random) {
    const auto family = std::make_shared<stress::Family>();
    plume::MemoryExporter memory;
    std::vector<std::unique_ptr<plume::Exporter>> exporters;
    exporters.push_back(std::make_unique<stress::Witness>(family));
    exporters.push_back(std::make_unique<plume::MemoryExporter>(memory));
    for (const auto how :
         {stress::Ill::How::slow, stress::Ill::How::throws, stress::Ill::How::down})
        if (random() % 3 == 0) exporters.push_back(std::make_unique<stress::Ill>(how));
    ++counts.sessions;
    {
        plume::Session session{some_options(random), std::move(exporters)};
        live_in(session, *family, memory, random);
    }
    family->check();
}

void ignore(int) { ++counts.signals; }

} // namespace

int main(int argc, char** argv) {
    if (argc < 4) {
        std::fprintf(stderr, "usage: %s SECONDS SEED PLUGIN [--without=KIND,...]\n", argv[0]);
        return 2;
    }
    const std::chrono::seconds seconds{std::atoi(argv[1])};
    const auto seed = static_cast<unsigned>(std::strtoul(argv[2], nullptr, 10));
    std::string_view without = argc > 4 ? argv[4] : "";
    without.remove_prefix(std::min(without.size(), std::string_view{"--without="}.size()));
    while (!without.empty()) {
        const std::size_t end = std::min(without.find(','), without.size());
        if (!wanted.leave_out(without.substr(0, end))) {
            std::fprintf(stderr, "no kind %s\n", std::string{without.substr(0, end)}.c_str());
            return 2;
        }
        without.remove_prefix(std::min(end + 1, without.size()));
    }
    // A hang is a failure too: after the time of the run, and a minute for its end.
    alarm(static_cast<unsigned>(seconds.count()) + 90);
    struct sigaction action{};
    action.sa_handler = &ignore;
    sigaction(SIGUSR1, &action, nullptr); // without SA_RESTART

    Random random{seed};
    std::vector<std::thread> threads;
    for (unsigned w = 1; w <= 3; ++w) threads.emplace_back(work_on, seed * 7'919 + w * 1'000'003);
    if (wanted.plugins) threads.emplace_back(open_and_close, argv[3], seed + 5);
    if (wanted.cancels) threads.emplace_back(cancel_threads, seed + 6);
    if (wanted.signals) threads.emplace_back(send_signals, seed + 7);

    const auto until = std::chrono::steady_clock::now() + seconds;
    while (std::chrono::steady_clock::now() < until) run_session(random);
    finished = true;
    for (std::thread& thread : threads) thread.join();
    shared.end_all();

    std::printf("seed %u: %ld sessions, %ld checks, %ld forks, %ld threads, %ld steps, "
                "%ld libraries opened, %ld threads cancelled, %ld signals; %ld violations\n",
                seed, counts.sessions.load(), counts.checks.load(), counts.forks.load(),
                counts.threads.load(), counts.steps.load(), counts.opened.load(),
                counts.cancelled.load(), counts.signals.load(), stress::violations.load());
    return stress::violations == 0 ? 0 : 1;
}
