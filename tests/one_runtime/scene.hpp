// scene.hpp - what the programs of this test share: checks, calls through modules, what they leave.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#ifndef MODULES_STATIC
#    include <dlfcn.h>
#endif

#include "module.hpp"

namespace modules {

inline int passed = 0;
inline int failed = 0;

inline void check(bool good, const char* what, const std::string& seen = {}) {
    ++(good ? passed : failed);
    if (!good) std::printf("FAILED: %s\n%s\n", what, seen.c_str());
}
inline void check_text(const std::string& seen, const std::string& wanted, const char* what) {
    check(seen == wanted, what, "seen:\n" + seen + "wanted:\n" + wanted);
}
/// The result of main().
inline int summary() {
    std::printf("%d passed, %d failed, 0 skipped\n", passed, failed);
    return failed == 0 && passed != 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

inline void travel(const std::vector<const Module*>& stops) {
    stops.front()->visit({stops.data() + 1, static_cast<int>(stops.size()) - 1});
}

/// The tree that travel() leaves, with what spans.cpp says about each span.
inline std::string tree(const std::vector<std::string>& names) {
    std::string text;
    for (std::size_t i = 0; i < names.size(); ++i)
        text += std::string(2 * i, ' ') + "in " + names[i] +
                " {left=" + std::to_string(names.size() - 1 - i) + ", text=text of " + names[i] +
                "}\n";
    return text;
}
/// What finish() says when nothing was lost.
inline std::string counts(int spans) {
    return "begun " + std::to_string(spans) + ", exported " + std::to_string(spans) + ", open 0\n";
}

#ifndef MODULES_STATIC
/// A library as a plugin system opens it: nobody else sees its symbols.
class Library {
  public:
    Library(std::string path, const char* function)
        : path_{std::move(path)}, handle_{dlopen(path_.c_str(), RTLD_NOW | RTLD_LOCAL)} {
        if (!handle_) {
            std::printf("%s\n", dlerror());
            std::exit(EXIT_FAILURE);
        }
        module_ = reinterpret_cast<const Module* (*)()>(dlsym(handle_, function))();
    }
    Library(const Library&) = delete;
    Library& operator=(const Library&) = delete;
    ~Library() { close(); }

    [[nodiscard]] const Module* operator->() const { return module_; }
    [[nodiscard]] const Module* get() const { return module_; }
    void close() {
        if (handle_) dlclose(handle_);
        handle_ = nullptr;
    }
    /// Whether it is in the process, by whomever.
    [[nodiscard]] bool loaded() const {
        void* again = dlopen(path_.c_str(), RTLD_NOW | RTLD_NOLOAD);
        if (again) dlclose(again);
        return again != nullptr;
    }

  private:
    std::string path_;
    void* handle_;
    const Module* module_;
};
#endif

} // namespace modules
