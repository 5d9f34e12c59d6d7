// bytes.hpp - a growing run of bytes that encoders fill through a bare pointer, and reuse.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

namespace plume::otlp {

/// Like a std::string that is asked for room once per field group rather than once per byte, and
/// whose new room is not filled with zeros first. Keeps its memory over clear().
class Bytes {
  public:
    Bytes() = default;
    Bytes(Bytes&& other) noexcept { swap(other); }
    Bytes& operator=(Bytes&& other) noexcept {
        swap(other);
        return *this;
    }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
    [[nodiscard]] char* data() noexcept { return data_.get(); }
    [[nodiscard]] std::string_view view() const noexcept { return {data_.get(), size_}; }

    /// Where to write the next bytes, at most `count` of them; finish() says how many they were.
    /// Earlier pointers into the buffer become invalid.
    [[nodiscard]] char* room(std::size_t count) {
        if (capacity_ - size_ < count) grow(count);
        return data_.get() + size_;
    }
    void finish(const char* end) noexcept {
        size_ = static_cast<std::size_t>(end - data_.get());
        assert(size_ <= capacity_);
    }

    void append(std::string_view text) {
        char* const out = room(text.size());
        if (!text.empty()) std::memcpy(out, text.data(), text.size());
        size_ += text.size();
    }
    void resize(std::size_t size) noexcept {
        assert(size <= capacity_);
        size_ = size;
    }
    void clear() noexcept { size_ = 0; }

  private:
    void swap(Bytes& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        std::swap(capacity_, other.capacity_);
    }
    void grow(std::size_t count) {
        constexpr std::size_t first = 4096; // a page: smaller ones would only be outgrown at once
        std::size_t capacity = capacity_ < first ? first : capacity_ * 2;
        if (capacity - size_ < count) capacity = size_ + count;
        auto data = std::make_unique_for_overwrite<char[]>(capacity);
        if (size_ != 0) std::memcpy(data.get(), data_.get(), size_);
        data_ = std::move(data);
        capacity_ = capacity;
    }

    std::unique_ptr<char[]> data_;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

} // namespace plume::otlp
