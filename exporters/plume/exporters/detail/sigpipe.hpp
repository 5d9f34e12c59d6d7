// sigpipe.hpp - lets a library write to a closed connection without a signal to the program.
#pragma once

#include <csignal>

namespace plume::detail {

/// Holds back SIGPIPE from this thread while it lives, and swallows the one that came meanwhile.
/// TLS libraries write with plain write(), so no flag of a socket call can do it for them.
class NoSigpipe {
  public:
    NoSigpipe() noexcept {
        sigset_t pending;
        sigpending(&pending);
        was_pending_ = sigismember(&pending, SIGPIPE) == 1;
        sigemptyset(&sigpipe_);
        sigaddset(&sigpipe_, SIGPIPE);
        pthread_sigmask(SIG_BLOCK, &sigpipe_, &before_);
    }
    ~NoSigpipe() {
        sigset_t pending;
        sigpending(&pending);
        if (!was_pending_ && sigismember(&pending, SIGPIPE) == 1) {
            int swallowed = 0;
            sigwait(&sigpipe_, &swallowed); // returns at once: it is pending
        }
        pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }
    NoSigpipe(const NoSigpipe&) = delete;
    NoSigpipe& operator=(const NoSigpipe&) = delete;

  private:
    sigset_t sigpipe_{};
    sigset_t before_{};
    bool was_pending_ = false;
};

} // namespace plume::detail
