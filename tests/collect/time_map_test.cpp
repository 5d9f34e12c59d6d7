#include <plume/collect/time_map.hpp>

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

#include "support/catch.hpp"

using plume::Clock;
using plume::detail::ClockSample;
using plume::detail::sample_clocks;
using plume::detail::TimeMap;

namespace {

constexpr std::uint64_t dawn = 1'785'576'600'000'000'000; // 2026-08-01 09:30:00 UTC
constexpr std::uint64_t second = 1'000'000'000;
constexpr std::uint64_t hour = 3600 * second;

/// A counter, a monotonic clock that agrees with it, and a wall clock with a mind of its own.
class Machine {
  public:
    /// Switched on `age_ns` ago.
    explicit Machine(std::uint64_t ticks_a_second = 2'300'000'000, std::uint64_t age_ns = 0)
        : ns{age_ns}, rate_{ticks_a_second}, map{Clock::counter, sample()} {
        run(2'000'000);
        map.learn(sample());
    }

    void run(std::uint64_t nanoseconds) { ns += nanoseconds; }
    void learn() { map.learn(sample()); }

    [[nodiscard]] std::uint64_t ticks() const { return ticks_at(ns); }
    [[nodiscard]] std::uint64_t ticks_at(std::uint64_t when_ns) const {
        __extension__ using Wide = unsigned __int128;
        return 1'000'000 + static_cast<std::uint64_t>(Wide{when_ns} * rate_ / second);
    }
    [[nodiscard]] ClockSample sample() const { return {ticks(), 5 * second + ns, unix_ns()}; }
    /// What the wall clock shows, and what the map makes of the ticks.
    [[nodiscard]] std::uint64_t unix_ns() const {
        return dawn + ns + static_cast<std::uint64_t>(wall_ns);
    }
    [[nodiscard]] std::uint64_t mapped() const { return map.unix_ns(ticks(), map.epoch()); }

    std::uint64_t ns;
    std::int64_t wall_ns = 0; ///< that the wall clock is ahead

  private:
    std::uint64_t rate_;

  public:
    TimeMap map;
};

std::uint64_t distance(std::uint64_t a, std::uint64_t b) { return a < b ? b - a : a - b; }

} // namespace

TEST_CASE("ticks become the time of the wall clock") {
    for (const std::uint64_t rate :
         {24'000'000UL, 1'000'000'000UL, 2'300'000'000UL, 5'000'000'000UL}) {
        Machine machine{rate};
        for (int i = 0; i < 100; ++i) {
            machine.run(10'000'000);
            CHECK(distance(machine.mapped(), machine.unix_ns()) < 2'000);
        }
    }
}

TEST_CASE("a program that has just started knows the time as well as one that runs for long") {
    for (std::uint32_t seed = 1; seed <= 50; ++seed) {
        std::mt19937 random{seed};
        Machine machine;
        // Other threads, interrupts and other machines on the same processor blur each sample.
        const auto blurred = [&] {
            ClockSample sample = machine.sample();
            sample.ticks += random() % 500; // 200 ns
            return sample;
        };
        TimeMap map{Clock::counter, blurred()};
        machine.run(2'000'000);
        map.learn(blurred());
        std::uint64_t next = machine.ns;
        std::uint64_t worst = 0;
        while (machine.ns < 3 * second) {
            if (machine.ns >= next) {
                map.learn(blurred());
                next = machine.ns + static_cast<std::uint64_t>(map.learning_interval().count());
            }
            worst = std::max(
                worst, distance(map.unix_ns(machine.ticks(), map.epoch()), machine.unix_ns()));
            machine.run(1'000'000);
        }
        CHECK(worst < 2'000);
    }
}

TEST_CASE("the kernel's clock is taken for what it is") {
    const ClockSample start{5 * second, 5 * second, dawn};
    TimeMap map{Clock::monotonic, start};
    map.learn({6 * second, 6 * second, dawn + second});
    CHECK(map.unix_ns(7 * second + 1, map.epoch()) == dawn + 2 * second + 1);
}

TEST_CASE("the real clocks of this machine agree with each other") {
    TimeMap map{Clock::monotonic};
    map.learn();
    const ClockSample now = sample_clocks(Clock::monotonic);
    CHECK(distance(map.unix_ns(now.ticks, map.epoch()), now.unix_ns) < 1'000'000);
}

TEST_CASE("ticks before the first sample lie before its time") {
    const Machine machine{2'300'000'000, 10 * second};
    std::uint64_t last = 0;
    for (std::uint64_t ns = 0; ns < 10 * second; ns += 333'333'333) {
        const std::uint64_t time = machine.map.unix_ns(machine.ticks_at(ns), machine.map.epoch());
        CHECK(time > last);
        CHECK(distance(time, dawn + ns) < 100'000);
        last = time;
    }
}

TEST_CASE("whatever is learned, time never runs backwards and never jumps") {
    for (std::uint32_t seed = 1; seed <= 50; ++seed) {
        std::mt19937 random{seed};
        Machine machine;
        const TimeMap::Epoch epoch = machine.map.epoch();
        for (int i = 0; i < 40; ++i) {
            machine.run(random() % (2 * second) + 1);
            // The wall clock wanders, less than somebody would set it by.
            machine.wall_ns += static_cast<std::int64_t>(random() % 20'000'000) - 10'000'000;
            if (machine.wall_ns > 50'000'000) machine.wall_ns = 50'000'000;
            if (machine.wall_ns < -50'000'000) machine.wall_ns = -50'000'000;
            const std::uint64_t at = machine.ticks();
            std::vector<std::uint64_t> before;
            for (std::uint64_t t = at - 3'000'000; t < at; t += 99'991)
                before.push_back(machine.map.unix_ns(t, epoch));
            machine.learn();
            REQUIRE(machine.map.epoch() == epoch);
            // What was before the sample keeps its time.
            std::size_t k = 0;
            bool same = true;
            for (std::uint64_t t = at - 3'000'000; t < at; t += 99'991)
                same = same && machine.map.unix_ns(t, epoch) == before[k++];
            REQUIRE(same);
            std::uint64_t last = machine.map.unix_ns(at - 1'000, epoch);
            bool rises = true;
            for (std::uint64_t t = at - 999; t < at + 1'000; ++t) {
                const std::uint64_t time = machine.map.unix_ns(t, epoch);
                rises = rises && (time == last || time == last + 1); // two ticks are a nanosecond
                last = time;
            }
            REQUIRE(rises);
        }
    }
}

TEST_CASE("time rises over all lines of a chain, also those that are forgotten") {
    Machine machine;
    std::mt19937 random{7};
    const std::uint64_t first = machine.ticks();
    for (int i = 0; i < 100; ++i) {
        machine.run(second);
        machine.wall_ns += static_cast<std::int64_t>(random() % 2'000'000) - 1'000'000;
        machine.learn();
    }
    std::uint64_t last = 0;
    for (std::uint64_t t = first; t < machine.ticks() + 1'000'000; t += 1'234'567) {
        const std::uint64_t time = machine.map.unix_ns(t, machine.map.epoch());
        REQUIRE(time > last);
        last = time;
    }
}

TEST_CASE("a wall clock that drifts is followed") {
    Machine machine;
    for (int i = 0; i < 200; ++i) {
        machine.run(second);
        machine.wall_ns += 50'000; // 50 millionths
        machine.learn();
    }
    CHECK(distance(machine.mapped(), machine.unix_ns()) < 200'000);
}

TEST_CASE("a wall clock that was a little wrong is caught up with, slowly") {
    Machine machine;
    machine.wall_ns = 5'000'000;
    std::uint64_t last = machine.mapped();
    for (int i = 0; i < 60; ++i) {
        machine.run(second);
        machine.learn();
        const std::uint64_t time = machine.mapped();
        CHECK(time - last < second + 250'000); // 200 millionths at most
        last = time;
    }
    CHECK(distance(last, machine.unix_ns()) < 100'000);
}

TEST_CASE("a step of the wall clock begins a new chain, and the old one goes on undisturbed") {
    for (const std::int64_t step :
         {static_cast<std::int64_t>(hour), -static_cast<std::int64_t>(hour)}) {
        Machine machine;
        const TimeMap::Epoch before = machine.map.epoch();
        const std::uint64_t begin = machine.ticks();
        const std::uint64_t begin_ns = machine.map.unix_ns(begin, before);
        machine.run(second / 2);
        machine.wall_ns = step;
        machine.learn();
        CHECK(machine.map.epoch() != before);
        CHECK(machine.map.unix_ns(begin, before) == begin_ns);
        machine.run(second / 2);
        const std::uint64_t end_ns = machine.map.unix_ns(machine.ticks(), before);
        CHECK(distance(end_ns - begin_ns, second) < 10'000);
        // What begins now is told by the clock as it is now.
        CHECK(distance(machine.mapped(), machine.unix_ns()) < 10'000);
    }
}

TEST_CASE("durations on a chain are right through eight later steps of the wall clock") {
    Machine machine;
    struct Open {
        TimeMap::Epoch epoch;
        std::uint64_t begin_ns;
        std::uint64_t at;
    };
    std::vector<Open> open;
    for (int i = 0; i < 8; ++i) {
        open.push_back({machine.map.epoch(), machine.mapped(), machine.ns});
        machine.run(second);
        machine.wall_ns += i % 2 == 0 ? static_cast<std::int64_t>(hour) : -7'200'000'000'000;
        machine.learn();
        for (const Open& one : open)
            CHECK(distance(machine.map.unix_ns(machine.ticks(), one.epoch) - one.begin_ns,
                           machine.ns - one.at) < 10'000);
    }
}

TEST_CASE("a sample that is no later than the last one teaches nothing") {
    Machine machine;
    ClockSample again = machine.sample();
    again.unix_ns += hour;
    const TimeMap::Epoch epoch = machine.map.epoch();
    machine.run(second);
    machine.learn();
    const std::uint64_t time = machine.map.unix_ns(machine.ticks(), epoch);
    machine.map.learn(again);
    ClockSample same = machine.sample();
    same.unix_ns += hour;
    machine.map.learn(same);
    CHECK(machine.map.epoch() == epoch);
    CHECK(machine.map.unix_ns(machine.ticks(), epoch) == time);
}

TEST_CASE("a time map works for years") {
    Machine machine;
    for (int day = 0; day < 3'000; ++day) {
        machine.run(24 * hour);
        machine.wall_ns += 1'000'000;
        machine.learn();
    }
    CHECK(distance(machine.mapped(), machine.unix_ns()) < 110'000'000);
    const std::uint64_t now = machine.mapped();
    CHECK(distance(machine.map.unix_ns(machine.ticks_at(machine.ns + second), machine.map.epoch()) -
                       now,
                   second) < 300'000);
}

// A counter that does not do what it should.

namespace {

/// All clocks of a machine, each with a mind of its own, and a map that learns once a second.
class Odd {
  public:
    Odd() : map{Clock::counter, sample()} {
        run(0.002);
        map.learn(sample());
    }
    void run(double seconds) {
        ticks += seconds * rate;
        kernel += seconds;
        wall += seconds;
    }
    void live(int seconds) {
        for (int i = 0; i < seconds; ++i) {
            run(1);
            map.learn(sample());
        }
    }
    [[nodiscard]] ClockSample sample() const {
        return {static_cast<std::uint64_t>(ticks), static_cast<std::uint64_t>(kernel * 1e9),
                static_cast<std::uint64_t>(wall * 1e9)};
    }
    /// What a span that begins now and takes a second would be said to take.
    [[nodiscard]] double a_second() const {
        const std::uint64_t begin = map.unix_ns(static_cast<std::uint64_t>(ticks), map.epoch());
        const std::uint64_t end =
            map.unix_ns(static_cast<std::uint64_t>(ticks + rate), map.epoch());
        return static_cast<double>(end - begin) * 1e-9;
    }
    /// How far the map is from the wall clock, in seconds.
    [[nodiscard]] double error() const {
        const auto mapped = map.unix_ns(static_cast<std::uint64_t>(ticks), map.epoch());
        return static_cast<double>(
                   static_cast<std::int64_t>(mapped - static_cast<std::uint64_t>(wall * 1e9))) *
               1e-9;
    }

    double rate = 2.1e9;
    double ticks = 1e12;
    double kernel = 1'000;
    double wall = 1.7e9;
    TimeMap map;
};

bool is_about(double a, double b, double tolerance) {
    return a > b - tolerance && a < b + tolerance;
}

} // namespace

TEST_CASE("a suspend that the counter counts and the kernel does not bends no duration") {
    for (const int before : {1, 60, 3600}) {
        Odd machine;
        machine.live(before);
        machine.ticks += 8 * 3600 * machine.rate;
        machine.wall += 8 * 3600;
        for (const int later : {1, 1, 58, 3600}) {
            machine.live(later);
            CHECK(is_about(machine.a_second(), 1, 300e-6));
            CHECK(is_about(machine.error(), 0, 0.001));
        }
    }
}

TEST_CASE("a span that is open through a suspend takes as long as the kernel says") {
    for (const double kernel : {0.0, 8 * 3600.0}) {
        for (const double counter : {0.0, 8 * 3600.0, -9.0, -400.0}) {
            Odd machine;
            machine.live(10);
            const TimeMap::Epoch epoch = machine.map.epoch();
            std::uint64_t ticks = machine.sample().ticks;
            const std::uint64_t begin = machine.map.unix_ns(ticks, epoch);
            machine.kernel += kernel;
            machine.wall += 8 * 3600;
            machine.ticks += counter * machine.rate;
            machine.live(10);
            const std::uint64_t end = machine.map.unix_ns(machine.sample().ticks, epoch);
            CHECK(is_about(static_cast<double>(end - begin) * 1e-9, kernel + 10, 0.01));
            ticks += machine.map.leapt(); // as the counter counts now
            CHECK(machine.map.unix_ns(ticks, epoch) == begin);
            CHECK(is_about(machine.error(), 0, 0.001));
        }
    }
}

TEST_CASE("another rate of the counter is learned within seconds") {
    for (const double factor : {0.8, 0.99, 1.01, 1.2, 1.9}) {
        Odd machine;
        machine.live(24 * 3600);
        machine.rate *= factor;
        machine.live(3);
        CHECK(is_about(machine.a_second(), 1, 300e-6));
        machine.live(1);
        CHECK(is_about(machine.error(), 0, 0.01));
    }
}

TEST_CASE("a rate that changes by less than kernels bend clocks is learned within minutes") {
    Odd machine;
    machine.live(24 * 3600);
    machine.rate *= 1.0008;
    machine.live(180);
    CHECK(is_about(machine.a_second(), 1, 300e-6));
    machine.live(1'000);
    CHECK(is_about(machine.a_second(), 1, 10e-6));
    CHECK(is_about(machine.error(), 0, 0.001));
}

TEST_CASE("a counter that begins again goes on where it was") {
    for (const double again : {0.0, 1e9, 9.9e11}) {
        Odd machine;
        machine.live(60);
        machine.ticks = again;
        machine.wall += 3600;
        machine.live(1);
        CHECK(is_about(machine.error(), 0, 0.001));
        machine.live(60);
        CHECK(is_about(machine.error(), 0, 0.001));
        CHECK(is_about(machine.a_second(), 1, 300e-6));
    }
}

TEST_CASE("a counter that leaps in between is noticed at the next look") {
    Odd machine;
    machine.live(10);
    machine.run(0.02);
    machine.map.look(machine.sample());
    for (const double leap : {-10.0, 5400.0, -5400.0, 0.2, -0.2}) {
        machine.ticks += leap * machine.rate;
        machine.run(0.02);
        machine.map.look(machine.sample());
        CHECK(is_about(machine.error(), 0, 0.001));
    }
}

TEST_CASE("durations on a chain are right through any number of steps of the wall clock") {
    Odd machine;
    machine.live(1);
    const TimeMap::Epoch epoch = machine.map.epoch();
    const std::uint64_t begin = machine.map.unix_ns(machine.sample().ticks, epoch);
    std::uint64_t last = begin;
    for (int i = 1; i <= 1'000; ++i) {
        machine.wall += i % 3 == 0 ? -3600 : 3600;
        machine.live(1);
        const std::uint64_t end = machine.map.unix_ns(machine.sample().ticks, epoch);
        REQUIRE(is_about(static_cast<double>(end - begin) * 1e-9, i, 0.01));
        REQUIRE(end > last);
        last = end;
    }
}
