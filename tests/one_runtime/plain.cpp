// plain.cpp - a program that knows nothing of Plume opens two libraries that do: the first of them
// is home to the runtime, and so it stays.
//
//     plain ONE TWO
#include <string>
#include <thread>

#include "scene.hpp"

namespace {

using modules::check;
using modules::check_text;
using modules::counts;
using modules::Library;
using modules::travel;
using modules::tree;

void run(const std::string& path_of_one, const std::string& path_of_two) {
    Library one{path_of_one, "one_module"};
    for (int round = 0; round < 3; ++round) {
        Library two{path_of_two, "two_module"};
        const modules::Module* starter = round == 1 ? one.get() : two.get();
        check_text(starter->start(), "", "a library starts the session");
        travel({one.get(), two.get(), one.get()});
        std::thread{[&] { travel({two.get(), one.get()}); }}.join();
        if (round == 2) {
            one.close();
            check(one.loaded(), "the home of the runtime stays");
            travel({two.get(), two.get()});
        }
        check_text(starter->finish(),
                   tree({"one", "two", "one"}) + tree({"two", "one"}) +
                       (round == 2 ? tree({"two", "two"}) : "") + counts(round == 2 ? 7 : 5),
                   "spans of both make one tree");
        two.close();
        check(!two.loaded(), "the other library goes");
    }
    const Library again{path_of_one, "one_module"};
    check_text(again->start(), "", "the first library is as good as before");
    travel({again.get()});
    check_text(again->finish(), tree({"one"}) + counts(1), "and so are its spans");
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    run(argv[1], argv[2]);
    return modules::summary();
}
