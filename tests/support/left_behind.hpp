// left_behind.hpp - for tests that play the child of a fork() in their own process.
#pragma once

extern "C" {
[[gnu::weak]] void __lsan_disable();
[[gnu::weak]] void __lsan_enable();
}

namespace plume::test {

/// While it lives, LeakSanitizer does not miss what is allocated: forked() leaves buffers behind
/// that a thread of the parent may have been changing.
class LeftBehind {
  public:
    LeftBehind() {
        if (__lsan_disable) __lsan_disable();
    }
    ~LeftBehind() {
        if (__lsan_enable) __lsan_enable();
    }
    LeftBehind(const LeftBehind&) = delete;
    LeftBehind& operator=(const LeftBehind&) = delete;
};

} // namespace plume::test
