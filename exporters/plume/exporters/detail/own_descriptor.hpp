// own_descriptor.hpp - a descriptor that notices when its number is another file's by now.
#pragma once

#include <utility>

#include <sys/stat.h>
#include <unistd.h>

namespace plume::detail {

/// Remembers which file or socket it was given. A daemon that closes all descriptors from 3 on
/// closes this one too, and the number goes to the next file that the program opens: that one must
/// neither be written to nor be closed. Owned by one thread at a time.
class OwnDescriptor {
  public:
    OwnDescriptor() = default;
    /// Takes over what was opened just now; -1: nothing.
    explicit OwnDescriptor(int number) noexcept : number_{number} {
        struct stat now{};
        if (number_ < 0 || ::fstat(number_, &now) != 0) return;
        device_ = now.st_dev;
        node_ = now.st_ino;
    }
    OwnDescriptor(OwnDescriptor&& other) noexcept
        : number_{std::exchange(other.number_, -1)}, device_{other.device_}, node_{other.node_} {}
    OwnDescriptor& operator=(OwnDescriptor&& other) noexcept {
        std::swap(number_, other.number_);
        std::swap(device_, other.device_);
        std::swap(node_, other.node_);
        return *this;
    }
    ~OwnDescriptor() { close(); }

    [[nodiscard]] int number() const noexcept { return number_; }
    [[nodiscard]] bool is_open() const noexcept { return number_ >= 0; }

    /// Whether the number still leads to what was opened. A system call.
    [[nodiscard]] bool is_own() const noexcept {
        struct stat now{};
        return is_open() && ::fstat(number_, &now) == 0 && now.st_dev == device_ &&
               now.st_ino == node_;
    }

    /// Closes it, unless it is another's by now.
    void close() noexcept {
        if (is_own()) ::close(number_);
        number_ = -1;
    }
    /// For what closes it by itself.
    void forget() noexcept { number_ = -1; }

  private:
    int number_ = -1;
    dev_t device_{};
    ino_t node_{};
};

} // namespace plume::detail
