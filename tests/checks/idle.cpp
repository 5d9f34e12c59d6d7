// idle.cpp - what a session costs while nothing is recorded: 64 threads with a lane each, and the
// processor time of the process. Usage: idle SECONDS
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>

#include <plume/plume.hpp>
#include <plume/session.hpp>

namespace {

class NullExporter : public plume::Exporter {
  public:
    plume::Outcome deliver(const plume::Batch&) override { return plume::Outcome::delivered(); }
    [[nodiscard]] std::string_view name() const noexcept override { return "null"; }
};

double processor_seconds() {
    std::timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

} // namespace

int main(int argc, char** argv) {
    const int seconds = argc > 1 ? std::atoi(argv[1]) : 5;
    constexpr double most_percent = 0.2; // of one core
    constexpr int lanes = 64;

    plume::Session session{{.service_name = "idle"}, NullExporter{}};
    std::mutex mutex;
    std::condition_variable changed;
    int recorded = 0;
    bool done = false;
    std::vector<std::thread> threads;
    for (int i = 0; i < lanes; ++i)
        threads.emplace_back([&] {
            { PLUME_SPAN("once"); }
            std::unique_lock lock{mutex};
            ++recorded;
            changed.notify_all();
            changed.wait(lock, [&] { return done; });
        });
    {
        std::unique_lock lock{mutex};
        changed.wait(lock, [&] { return recorded == lanes; });
    }
    session.flush(std::chrono::seconds{10});
    std::this_thread::sleep_for(std::chrono::seconds{1}); // the thread in background calms down

    const double before = processor_seconds();
    std::this_thread::sleep_for(std::chrono::seconds{seconds});
    const double percent = 100 * (processor_seconds() - before) / seconds;
    {
        const std::lock_guard lock{mutex};
        done = true;
    }
    changed.notify_all();
    for (std::thread& thread : threads) thread.join();

    std::printf("%d idle lanes: %.3f %% of a core (at most %.1f %%)\n", lanes, percent,
                most_percent);
    return percent <= most_percent ? 0 : 1;
}
