// program.cpp - a program, a library that it is linked with, and two that it opens: one tree of
// spans, whoever starts the session; and a library that is closed while spans of it are on their
// way.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include <dlfcn.h>

#include "module.hpp"

#include <plume/plume.hpp>

extern "C" {
void program_visit(Function then);
const char* program_session(Function body);
void linked_visit(Function then);
const char* linked_session(Function body);
}

namespace {

int failures = 0;

void expect(std::string_view what, std::string_view expected, std::string_view found) {
    const bool same = expected == found;
    std::printf("%s %.*s\n", same ? "ok  " : "FAIL", static_cast<int>(what.size()), what.data());
    if (same) return;
    ++failures;
    std::printf("expected:\n%.*s\nfound:\n%.*s\n", static_cast<int>(expected.size()),
                expected.data(), static_cast<int>(found.size()), found.data());
}

void* open_library(const char* path) {
    void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        std::printf("FAIL %s\n", dlerror());
        std::exit(1);
    }
    return library;
}
template <class F>
F find(void* library, const char* name) {
    return reinterpret_cast<F>(dlsym(library, name));
}

Visit first_visit = nullptr;
Visit second_visit = nullptr;

void leaf() { PLUME_SPAN("leaf"); }
void into_second() { second_visit(&leaf); }
void into_first() { first_visit(&into_second); }
void into_linked() { linked_visit(&into_first); }
void body() { program_visit(&into_linked); }

const char* const path_of_second = "./libsecond.so";
void* second = nullptr;

std::size_t lines_of_second_in_force() {
    plume::detail::Runtime& runtime = plume::detail::runtime();
    const plume::detail::Locked lock{runtime.mutex};
    std::size_t count = 0;
    for (std::uint32_t i = plume::detail::control::first_site; i < runtime.registry.size(); ++i) {
        const plume::detail::Entry* entry = runtime.registry.at(i);
        count += entry->name == "second" && entry->live ? 1 : 0;
    }
    return count;
}

void close_in_the_middle() {
    PLUME_SPAN("around");
    second_visit(&leaf);
    expect("a line of a library that is open is in force", "1",
           std::to_string(lines_of_second_in_force()));
    dlclose(second);
    expect("a library that is closed is unloaded", "unloaded",
           dlopen(path_of_second, RTLD_NOW | RTLD_NOLOAD) ? "still there" : "unloaded");
    expect("its lines are gone", "0", std::to_string(lines_of_second_in_force()));
    leaf();
    second = open_library(path_of_second);
    second_visit = find<Visit>(second, "second_visit");
    second_visit(&leaf);
    expect("it finds its line again", "1", std::to_string(lines_of_second_in_force()));
}

} // namespace

int main() {
    void* first = open_library("./libfirst.so");
    second = open_library(path_of_second);
    first_visit = find<Visit>(first, "first_visit");
    second_visit = find<Visit>(second, "second_visit");
    const auto first_session = find<RunSession>(first, "first_session");

    constexpr std::string_view tree = "program\n"
                                      "  linked\n"
                                      "    first\n"
                                      "      second\n"
                                      "        leaf\n";
    expect("one tree, of a session that the program starts", tree, program_session(&body));
    expect("one tree, of a session that a linked library starts", tree, linked_session(&body));
    expect("one tree, of a session that an opened library starts", tree, first_session(&body));
    expect("spans of a library that was closed are intact",
           "around\n"
           "  second\n"
           "    leaf\n"
           "  leaf\n"
           "  second\n"
           "    leaf\n",
           first_session(&close_in_the_middle));
    expect("and the next session works", tree, program_session(&body));
    return failures == 0 ? 0 : 1;
}
