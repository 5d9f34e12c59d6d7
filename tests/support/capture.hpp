// capture.hpp - streams that an exporter writes to: one that keeps the text, one that fails.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <sys/types.h>

namespace plume::scene {

/// A stream into memory.
class Capture {
  public:
    Capture() : stream_{::open_memstream(&data_, &size_)} {}
    ~Capture() {
        std::fclose(stream_);
        std::free(data_);
    }
    Capture(const Capture&) = delete;
    Capture& operator=(const Capture&) = delete;

    [[nodiscard]] std::FILE* stream() const noexcept { return stream_; }

    /// What was written since the last call. Not flushed: the exporter does that.
    [[nodiscard]] std::string take() {
        if (size_ == taken_) return {};
        std::string text{data_ + taken_, size_ - taken_};
        taken_ = size_;
        return text;
    }

  private:
    char* data_ = nullptr;
    std::size_t size_ = 0;
    std::size_t taken_ = 0;
    std::FILE* stream_;
};

#ifdef __GLIBC__
/// A disk that has room for some more bytes, and no buffer in front of it.
class SmallDisk {
  public:
    explicit SmallDisk(std::size_t room)
        : room_{room}, stream_{::fopencookie(this, "w", {nullptr, &write, nullptr, nullptr})} {
        std::setvbuf(stream_, nullptr, _IONBF, 0);
    }
    ~SmallDisk() { std::fclose(stream_); }
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;

    [[nodiscard]] std::FILE* stream() const noexcept { return stream_; }
    [[nodiscard]] const std::string& text() const noexcept { return text_; }
    [[nodiscard]] int writes() const noexcept { return writes_; }
    void grow(std::size_t bytes) noexcept { room_ += bytes; }

  private:
    static ssize_t write(void* self, const char* data, std::size_t size) {
        auto& disk = *static_cast<SmallDisk*>(self);
        ++disk.writes_;
        const std::size_t fits = std::min(size, disk.room_);
        if (fits == 0) {
            errno = ENOSPC;
            return 0; // what fopencookie(3) wants for an error
        }
        disk.text_.append(data, fits);
        disk.room_ -= fits;
        return static_cast<ssize_t>(fits);
    }

    std::size_t room_;
    int writes_ = 0;
    std::string text_;
    std::FILE* stream_;
};
#endif

} // namespace plume::scene
