// static.cpp - the program and what was a library in one static program, where no loader is.
#include <thread>

#include "scene.hpp"

extern "C" const modules::Module* program_module();
extern "C" const modules::Module* linked_module();

int main() {
    const modules::Module* program = program_module();
    const modules::Module* linked = linked_module();
    for (int round = 0; round < 2; ++round) {
        modules::check_text(linked->start(), "", "a session starts");
        modules::travel({program, linked, program});
        std::thread{[&] { modules::travel({linked, program}); }}.join();
        modules::check_text(program->flush(),
                            modules::tree({"program", "linked", "program"}) +
                                modules::tree({"linked", "program"}),
                            "and its spans make one tree");
        linked->finish();
    }
    return modules::summary();
}
