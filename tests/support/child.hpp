// child.hpp - runs a piece of a test in a child process, to see how that one ends.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>

#include <sys/wait.h>
#include <unistd.h>

namespace plume::scene {

#if defined(__SANITIZE_THREAD__)
inline constexpr bool thread_sanitizer = true;
#elif defined(__has_feature)
inline constexpr bool thread_sanitizer = __has_feature(thread_sanitizer);
#else
inline constexpr bool thread_sanitizer = false;
#endif
#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool address_sanitizer = true;
#elif defined(__has_feature)
inline constexpr bool address_sanitizer = __has_feature(address_sanitizer);
#else
inline constexpr bool address_sanitizer = false;
#endif

/// How a child has ended, and what it has printed.
struct Ended {
    std::string output;
    int exit_status = -1; ///< -1: a signal has ended it
    int signal = 0;
};

/// Writes to standard output, all at once and without a buffer that fork() would double.
inline void print(std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
        if (written < 0 && errno != EINTR) std::abort();
        if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
    }
}

/// A child process that is on its way.
class Child {
  public:
    /// Runs `body` in a child, which exits with 0 afterwards: std::exit, with all that it runs.
    /// One that hangs is ended by SIGALRM.
    template <class Body>
    explicit Child(Body&& body) {
        std::fflush(nullptr);
        std::cout.flush();
        int ends[2];
        if (::pipe(ends) != 0) throw std::runtime_error{"no pipe"};
        process_ = ::fork();
        if (process_ < 0) throw std::runtime_error{"no child"};
        if (process_ == 0) {
            ::close(ends[0]);
            ::dup2(ends[1], STDOUT_FILENO);
            ::close(ends[1]);
            ::alarm(30);
            try {
                body();
            } catch (...) { // the child must not go on with the parent's tests
                ::_exit(125);
            }
            std::exit(0);
        }
        ::close(ends[1]);
        output_ = ends[0];
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() {
        if (process_ > 0) static_cast<void>(wait());
    }

    [[nodiscard]] Ended wait() {
        Ended ended;
        char buffer[4096];
        ssize_t got = 0;
        while ((got = ::read(output_, buffer, sizeof buffer)) > 0 || (got < 0 && errno == EINTR))
            if (got > 0) ended.output.append(buffer, static_cast<std::size_t>(got));
        ::close(output_);
        int status = 0;
        while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) {}
        process_ = -1;
        if (WIFEXITED(status)) ended.exit_status = WEXITSTATUS(status);
        if (WIFSIGNALED(status)) ended.signal = WTERMSIG(status);
        return ended;
    }

  private:
    pid_t process_ = -1;
    int output_ = -1;
};

template <class Body>
[[nodiscard]] Ended in_child(Body&& body) {
    return Child{body}.wait();
}

} // namespace plume::scene
