// explorer.hpp - runs threads in every order, with every value that the C++ memory model lets them
// read.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <type_traits>
#include <ucontext.h>
#include <utility>
#include <vector>

/// A scenario is run again and again, each time with other choices: which thread takes the next
/// step, and which store a load sees. A thread is a coroutine that stops before each atomic
/// operation.
///
/// A location remembers all that was stored, in order. A thread may read whatever is not older than
/// what it has seen of that location, by itself or through an acquire; a sequentially consistent
/// load, nothing older than the last such store. Two accesses to plain memory, one of them a write,
/// must be ordered by what was acquired. Not modelled: stores that take effect before earlier loads
/// of their thread, fences, locks that time out.
///
/// Orders that differ only by steps which do not touch the same location are run once (sleep sets).
namespace model {

constexpr std::size_t most_threads = 4;

class Explorer;
Explorer& explorer();

/// What a thread knows: how far each other thread has come, and the oldest store it may still see.
struct Knowledge {
    std::array<std::uint32_t, most_threads> time{};
    std::map<const void*, std::size_t> seen;

    void learn(const Knowledge& other) {
        for (std::size_t i = 0; i < most_threads; ++i) time[i] = std::max(time[i], other.time[i]);
        for (const auto& [place, index] : other.seen) {
            std::size_t& mine = seen[place];
            mine = std::max(mine, index);
        }
    }
};

class Explorer {
  public:
    using Body = std::function<void()>;
    /// One run: what each thread does, and what must hold when all have ended.
    struct Scenario {
        std::vector<Body> threads;
        Body at_the_end;
    };

    /// Makes `make()` anew for each order, and runs it. Ends the program with 1 at the first fault.
    void explore(const char* name, const std::function<Scenario()>& make) {
        name_ = name;
        path_.clear();
        shared_.clear();
        std::uint64_t runs = 0;
        do {
            restart_ = false;
            run(make());
            ++runs;
            if (restart_) path_.clear();
        } while (restart_ || next_path());
        std::printf("%s: %llu orders\n", name, static_cast<unsigned long long>(runs));
    }

    [[noreturn]] void fail(const std::string& what) const {
        std::printf("%s: %s\n", name_, what.c_str());
        for (const std::string& step : steps_) std::printf("  %s\n", step.c_str());
        std::fflush(stdout);
        std::_Exit(1); // on the stack of a coroutine
    }
    void require(bool condition, const char* what) const {
        if (!condition) fail(what);
    }

    // What threads do.

    std::uint64_t load(const void* place, std::uint64_t newest, int order) {
        if (!inside_) return newest;
        if (!is_own(place)) stop_before(place, false);
        Location& location = at(place, newest);
        Knowledge& mine = threads_[now_].knows;
        std::size_t oldest = mine.seen[place];
        if (order == __ATOMIC_SEQ_CST) oldest = std::max(oldest, location.last_consistent);
        const std::size_t last = location.stores.size() - 1;
        const std::size_t index = last - choose(last - oldest + 1);
        mine.seen[place] = index;
        const Store& seen = location.stores[index];
        if (acquires(order)) mine.learn(seen.released);
        note("reads", place, seen.value);
        return seen.value;
    }

    void store(const void* place, std::uint64_t before, std::uint64_t value, int order) {
        if (!inside_) return;
        take_over(place);
        stop_before(place, true);
        append(at(place, before), place, value, order, {});
    }

    std::uint64_t change(const void* place, std::uint64_t newest, int order,
                         const std::function<std::uint64_t(std::uint64_t)>& to) {
        if (!inside_) return newest;
        take_over(place);
        stop_before(place, true);
        Location& location = at(place, newest);
        const Store before = location.stores.back();
        if (acquires(order)) threads_[now_].knows.learn(before.released);
        append(location, place, to(before.value), order, before.released);
        return before.value;
    }

    /// Plain memory. Only what watch() has named, and what the caller itself tells.
    void reads(const void* from, std::size_t bytes) { touch(from, bytes, false); }
    void writes(const void* to, std::size_t bytes) { touch(to, bytes, true); }
    void watch(const void* from, std::size_t bytes) {
        watched_.emplace_back(address(from), address(from) + bytes);
    }
    [[nodiscard]] bool is_watched(const void* place) const {
        return std::ranges::any_of(watched_, [at = address(place)](const auto& region) {
            return at >= region.first && at < region.second;
        });
    }

    void lock(const void* mutex) {
        if (!inside_) return;
        Thread& mine = threads_[now_];
        mine.wants = mutex;
        stop_before(mutex, true);
        mine.wants = nullptr;
        Lock& lock = locks_[mutex];
        lock.held = true;
        mine.knows.learn(lock.released);
    }
    void unlock(const void* mutex) {
        if (!inside_) return;
        Lock& lock = locks_[mutex];
        lock.held = false;
        lock.released = threads_[now_].knows;
        ++threads_[now_].knows.time[now_];
    }

    /// A futex: sleeps for ever while the newest value is `expected`, until somebody wakes it.
    void wait(const void* place, std::uint64_t newest, std::uint64_t expected) {
        if (!inside_) return;
        stop_before(place, true);
        if (at(place, newest).stores.back().value != expected) return;
        threads_[now_].sleeps_on = place;
        stop_before(nullptr, false);
    }
    void wake(const void* place) {
        if (!inside_) return;
        stop_before(place, true);
        for (Thread& thread : threads_)
            if (thread.sleeps_on == place) thread.sleeps_on = nullptr;
    }

  private:
    struct Store {
        std::uint64_t value = 0;
        Knowledge released; ///< what an acquire learns from it
    };
    struct Location {
        std::vector<Store> stores;
        std::size_t last_consistent = 0;
        std::size_t name = 0;
    };
    struct Thread {
        ucontext_t context{};
        std::unique_ptr<char[]> stack;
        Body body;
        Knowledge knows;
        bool ended = false;
        // The step it takes next.
        const void* place = nullptr;
        bool writes = false;
        const void* wants = nullptr;     ///< a lock
        const void* sleeps_on = nullptr; ///< a futex
    };
    struct Lock {
        bool held = false;
        Knowledge released;
    };
    struct Cell {
        std::size_t writer = most_threads;
        std::uint32_t written = 0;
        std::array<std::uint32_t, most_threads> read{};
    };
    /// A point where there is a choice, and what is chosen this time.
    struct Choice {
        std::vector<std::size_t> options;
        std::size_t chosen = 0;
    };

    static constexpr std::size_t stack_bytes = 256 * 1024;

    static bool acquires(int order) noexcept {
        return order == __ATOMIC_ACQUIRE || order == __ATOMIC_ACQ_REL || order == __ATOMIC_SEQ_CST;
    }
    static bool releases(int order) noexcept {
        return order == __ATOMIC_RELEASE || order == __ATOMIC_ACQ_REL || order == __ATOMIC_SEQ_CST;
    }
    static std::uintptr_t address(const void* place) noexcept {
        return reinterpret_cast<std::uintptr_t>(place);
    }

    Location& at(const void* place, std::uint64_t first) {
        Location& location = locations_[place];
        if (location.stores.empty()) {
            location.stores.push_back({first, {}});
            location.name = locations_.size();
        }
        return location;
    }

    void append(Location& location, const void* place, std::uint64_t value, int order,
                const Knowledge& continued) {
        Knowledge& mine = threads_[now_].knows;
        mine.seen[place] = location.stores.size();
        Store made{value, continued}; // a change continues what an earlier release began
        if (releases(order)) made.released.learn(mine);
        if (order == __ATOMIC_SEQ_CST) location.last_consistent = location.stores.size();
        location.stores.push_back(std::move(made));
        ++mine.time[now_];
        note("writes", place, value);
    }

    void note(const char* what, const void* place, std::uint64_t value) {
        steps_.push_back("thread " + std::to_string(now_) + ' ' + what + ' ' +
                         std::to_string(value) + " at location " +
                         std::to_string(locations_[place].name));
    }

    void touch(const void* place, std::size_t bytes, bool write) {
        if (!inside_) return;
        const Knowledge& mine = threads_[now_].knows;
        const std::uintptr_t end = address(place) + bytes;
        for (std::uintptr_t word = address(place) / 8 * 8; word < end; word += 8) {
            Cell& cell = cells_[word];
            if (cell.writer != most_threads && mine.time[cell.writer] < cell.written)
                fail("plain memory is read or written while another thread writes it");
            if (write)
                for (std::size_t i = 0; i < most_threads; ++i)
                    if (i != now_ && mine.time[i] < cell.read[i])
                        fail("plain memory is written while another thread reads it");
            if (write) {
                cell = {};
                cell.writer = now_;
                cell.written = mine.time[now_];
            } else {
                cell.read[now_] = mine.time[now_];
            }
        }
    }

    // A location that one thread alone writes: its own loads are no steps, since they read what it
    // has stored last whatever others do. Found out by trying.
    [[nodiscard]] bool is_own(const void* place) const {
        const auto found = owners_.find(place);
        return found != owners_.end() && found->second == now_ && !shared_.contains(place);
    }
    void take_over(const void* place) {
        const auto [found, is_new] = owners_.emplace(place, now_);
        if (!is_new && found->second != now_ && shared_.insert(place).second) restart_ = true;
    }

    [[nodiscard]] std::size_t choose(std::size_t count) {
        if (count == 1) return 0;
        if (depth_ == path_.size()) {
            Choice choice;
            for (std::size_t i = 0; i < count; ++i) choice.options.push_back(i);
            path_.push_back(std::move(choice));
        }
        const Choice& choice = path_[depth_++];
        if (choice.options.size() != count) fail("a scenario that does not repeat itself");
        return choice.options[choice.chosen];
    }

    void stop_before(const void* place, bool writes) {
        Thread& mine = threads_[now_];
        mine.place = place;
        mine.writes = writes;
        swapcontext(&mine.context, &scheduler_);
    }

    [[nodiscard]] bool can_step(const Thread& thread) const {
        if (thread.ended || thread.sleeps_on) return false;
        if (!thread.wants) return true;
        const auto found = locks_.find(thread.wants);
        return found == locks_.end() || !found->second.held;
    }
    [[nodiscard]] static bool independent(const Thread& a, const Thread& b) noexcept {
        return a.place != b.place || !a.place || (!a.writes && !b.writes);
    }

    static void begin() {
        Explorer& self = explorer();
        Thread& mine = self.threads_[self.now_];
        mine.body();
        mine.ended = true;
        swapcontext(&mine.context, &self.scheduler_);
    }

    void step(std::size_t which) {
        now_ = which;
        inside_ = true;
        swapcontext(&scheduler_, &threads_[which].context);
        inside_ = false;
    }

    void run(Scenario scenario) {
        locations_.clear();
        owners_.clear();
        cells_.clear();
        locks_.clear();
        steps_.clear();
        depth_ = 0;
        threads_.resize(scenario.threads.size());
        for (std::size_t i = 0; i < scenario.threads.size(); ++i) {
            Thread& thread = threads_[i];
            thread.body = std::move(scenario.threads[i]);
            thread.knows = {};
            thread.knows.time[i] = 1;
            thread.ended = false;
            thread.place = thread.wants = thread.sleeps_on = nullptr;
            if (!thread.stack) thread.stack = std::make_unique<char[]>(stack_bytes);
            getcontext(&thread.context);
            thread.context.uc_stack.ss_sp = thread.stack.get();
            thread.context.uc_stack.ss_size = stack_bytes;
            makecontext(&thread.context, &begin, 0);
        }
        if (!run_threads() || restart_) return;
        scenario.at_the_end();
    }

    /// False if another order has shown the same already.
    bool run_threads() {
        for (std::size_t i = 0; i < threads_.size(); ++i) step(i); // up to their first operations
        std::set<std::size_t> asleep;
        while (!restart_) {
            std::vector<std::size_t> able;
            for (std::size_t i = 0; i < threads_.size(); ++i)
                if (can_step(threads_[i])) able.push_back(i);
            if (able.empty()) {
                if (std::ranges::all_of(threads_, &Thread::ended)) return true;
                fail("a thread waits for ever");
            }
            if (depth_ == path_.size()) {
                std::erase_if(able, [&](std::size_t i) { return asleep.contains(i); });
                if (able.empty()) return false;
                path_.push_back({able, 0});
            }
            const Choice& choice = path_[depth_++];
            const std::size_t chosen = choice.options[choice.chosen];
            for (std::size_t i = 0; i < choice.chosen; ++i) asleep.insert(choice.options[i]);
            std::erase_if(
                asleep, [&](std::size_t i) { return !independent(threads_[i], threads_[chosen]); });
            step(chosen);
        }
        return false;
    }

    [[nodiscard]] bool next_path() {
        while (!path_.empty() && path_.back().chosen + 1 == path_.back().options.size())
            path_.pop_back();
        if (path_.empty()) return false;
        ++path_.back().chosen;
        return true;
    }

    const char* name_ = "";
    bool inside_ = false;
    bool restart_ = false;
    std::size_t now_ = 0;
    std::vector<Thread> threads_;
    ucontext_t scheduler_{};
    std::vector<Choice> path_;
    std::size_t depth_ = 0;
    std::map<const void*, Location> locations_;
    std::map<const void*, std::size_t> owners_;
    std::set<const void*> shared_;
    std::map<std::uintptr_t, Cell> cells_;
    std::map<const void*, Lock> locks_;
    std::vector<std::pair<std::uintptr_t, std::uintptr_t>> watched_;
    std::vector<std::string> steps_;
};

inline Explorer& explorer() {
    static Explorer one;
    return one;
}

} // namespace model
