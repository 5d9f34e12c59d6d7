// no_cancel.hpp - keeps a pthread_cancel() waiting while Plume does what it can't leave half done.
#pragma once

#include <pthread.h>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// No cancellation of the calling thread takes effect in this scope: one that is pending does at
/// the thread's next cancellation point behind it. For slow paths alone: on the way to a
/// cancellation point a cancelled thread would unwind, and end the program in a noexcept function.
class [[nodiscard]] NoCancel {
  public:
    NoCancel() noexcept { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before_); }
    ~NoCancel() { pthread_setcancelstate(before_, nullptr); }
    NoCancel(const NoCancel&) = delete;
    NoCancel& operator=(const NoCancel&) = delete;

  private:
    int before_ = PTHREAD_CANCEL_ENABLE;
};

} // namespace detail
} // namespace plume
