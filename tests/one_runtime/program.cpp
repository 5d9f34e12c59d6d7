// program.cpp - a program, a library that it is linked with, and two that it opens: one runtime.
//
//     program ONE TWO
//
// ONE and TWO are the paths of the libraries to be opened.
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <plume/plume.hpp>

#include "scene.hpp"

extern "C" const modules::Module* program_module();
extern "C" const modules::Module* linked_module();

namespace {

using modules::check;
using modules::check_text;
using modules::counts;
using modules::Library;
using modules::Module;
using modules::travel;
using modules::tree;

/// Registered lines of that name, and how many of them are loaded.
struct Lines {
    int known = 0;
    int live = 0;
};
Lines lines_named(std::string_view name) {
    plume::detail::Runtime& runtime = plume::detail::runtime();
    const plume::detail::Locked lock{runtime.mutex};
    Lines lines;
    for (std::uint32_t i = plume::detail::control::first_site; i < runtime.registry.size(); ++i) {
        const plume::detail::Entry* entry = runtime.registry.at(i);
        if (entry->name != name) continue;
        ++lines.known;
        lines.live += entry->live ? 1 : 0;
    }
    return lines;
}

class Scenarios {
  public:
    Scenarios(std::string one, std::string two) : one_{std::move(one)}, two_{std::move(two)} {}

    void run() const {
        one_tree();
        other_threads();
        closed_and_opened_again();
        closed_while_a_thread_remembers_it();
        session_of_a_closed_library();
    }

  private:
    /// Whoever starts the session, spans nest across all modules.
    void one_tree() const {
        const Library one{one_, "one_module"}, two{two_, "two_module"};
        const Module* program = program_module();
        const Module* linked = linked_module();
        for (const Module* starter : {program, linked, one.get(), two.get()}) {
            check_text(starter->start(), "", "any module may start the session");
            for (const Module* other : {program, linked, one.get(), two.get()})
                if (other != starter)
                    check_text(other->start(),
                               "a session is running already: end it before another begins",
                               "a session that another module has started is known to all");
            travel({program, linked, one.get(), two.get(), one.get(), linked, program});
            travel({two.get(), one.get()});
            check_text(starter->finish(),
                       tree({"program", "linked", "one", "two", "one", "linked", "program"}) +
                           tree({"two", "one"}) + counts(9),
                       "spans of all modules make one tree");
        }
    }

    /// Each thread has one lane for all modules.
    void other_threads() const {
        const Library one{one_, "one_module"}, two{two_, "two_module"};
        linked_module()->start();
        const std::uint32_t before = plume::detail::runtime().lane_count;
        std::thread{[&] {
            travel({one.get(), program_module(), two.get(), linked_module()});
        }}.join();
        const std::uint32_t lanes = plume::detail::runtime().lane_count - before;
        // The session's two threads may have theirs only now.
        check(lanes <= 3, "a thread has one lane", std::to_string(lanes));
        check_text(linked_module()->finish(), tree({"one", "program", "two", "linked"}) + counts(4),
                   "spans of all modules make one tree on any thread");
    }

    void closed_and_opened_again() const {
        const Library two{two_, "two_module"};
        program_module()->start();
        std::string wanted;
        for (int round = 0; round < 3; ++round) {
            Library one{one_, "one_module"};
            check(lines_named("in one").live == 1, "a line is known while its library is loaded");
            travel({two.get(), one.get(), program_module()});
            wanted += tree({"two", "one", "program"});
            one.close();
            check(!one.loaded(), "a library that is closed is gone");
            check(lines_named("in one").live == 0, "its lines are gone with it");
            check(lines_named("in one").known == 1, "and are the same when it comes back");
            travel({program_module(), two.get()});
            wanted += tree({"program", "two"});
            if (round != 1) check_text(program_module()->flush(), wanted, "its spans are not");
        }
        check_text(program_module()->finish(), wanted + counts(15), "nothing is lost");
    }

    /// A thread's cache of its lane lies in memory that goes away with the library.
    void closed_while_a_thread_remembers_it() const {
        const Library two{two_, "two_module"};
        program_module()->start();
        auto* one = new Library{one_, "one_module"};
        std::atomic<int> turn{0};
        const auto wait_for = [&turn](int wanted) {
            while (turn != wanted) std::this_thread::yield();
        };
        std::thread thread{[&] {
            travel({one->get(), two.get()});
            turn = 1;
            wait_for(2);
            travel({two.get(), program_module()});
            turn = 3;
            wait_for(4);
            travel({one->get(), two.get()});
        }};
        wait_for(1);
        delete one;
        turn = 2;
        wait_for(3);
        one = new Library{one_, "one_module"};
        turn = 4;
        thread.join();
        delete one;
        check_text(program_module()->finish(),
                   tree({"one", "two"}) + tree({"two", "program"}) + tree({"one", "two"}) +
                       counts(6),
                   "a thread outlives a library that it has worked in");
    }

    /// What a session leaves behind on lanes is not code of the library that started it.
    void session_of_a_closed_library() const {
        const Library two{two_, "two_module"};
        for (int round = 0; round < 2; ++round) {
            Library one{one_, "one_module"};
            check_text(one->start(), "", "an opened library starts a session");
            travel({program_module(), two.get(), one.get()});
            one->finish();
            one.close();
            check(!one.loaded(), "a library whose session has ended can be closed");
            check_text(program_module()->start(), "", "another module starts the next session");
            travel({program_module(), two.get()});
            check_text(program_module()->finish(), tree({"program", "two"}) + counts(2),
                       "and it works");
        }
    }

    std::string one_;
    std::string two_;
};

} // namespace

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    Scenarios{argv[1], argv[2]}.run();
    return modules::summary();
}
