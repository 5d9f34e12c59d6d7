// wire.hpp - protobuf fields written through a bare pointer, on protozero's primitives.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include <protozero/types.hpp>
#include <protozero/varint.hpp>

#include <plume/exporters/detail/bytes.hpp>

// protozero's own writer appends byte by byte to a std::string and closes the gap after every
// nested message: 3 times slower here. What follows takes sizes from the caller instead.
namespace plume::otlp::wire {

using Type = protozero::pbf_wire_type;

inline constexpr std::size_t max_varint = protozero::max_varint_length;

/// Bytes that `value` takes as a varint: a seventh of its bits, rounded up, without a loop.
[[nodiscard]] constexpr std::size_t size_of_varint(std::uint64_t value) noexcept {
    return (static_cast<std::size_t>(std::bit_width(value | 1)) * 9 + 64) / 64;
}
static_assert(size_of_varint(0) == 1 && size_of_varint(127) == 1 && size_of_varint(128) == 2 &&
              size_of_varint(16383) == 2 && size_of_varint(16384) == 3 &&
              size_of_varint(~std::uint64_t{0}) == max_varint);

/// Bytes of a field that carries `size` bytes, with its length and a tag of one byte.
[[nodiscard]] constexpr std::size_t size_of_field(std::size_t size) noexcept {
    return 1 + size_of_varint(size) + size;
}

[[nodiscard]] inline char* varint(char* out, std::uint64_t value) noexcept {
    return out + protozero::add_varint_to_buffer(out, value);
}
/// Field numbers below 16 only need one byte; the compiler folds both forms.
[[nodiscard]] inline char* tag(char* out, std::uint32_t field, Type type) noexcept {
    return varint(out, field << 3U | static_cast<std::uint32_t>(type));
}
[[nodiscard]] inline char* number(char* out, std::uint32_t field, std::uint64_t value) noexcept {
    return varint(tag(out, field, Type::varint), value);
}

/// `value` as it lies in memory, lowest byte first.
template <class Integer>
[[nodiscard]] char* little_endian(char* out, Integer value) noexcept {
    for (std::size_t i = 0; i != sizeof value; ++i)
        out[i] = static_cast<char>(value >> (8 * i) & 0xff); // becomes one store
    return out + sizeof value;
}
[[nodiscard]] inline char* fixed64(char* out, std::uint32_t field, std::uint64_t value) noexcept {
    return little_endian(tag(out, field, Type::fixed64), value);
}
[[nodiscard]] inline char* fixed32(char* out, std::uint32_t field, std::uint32_t value) noexcept {
    return little_endian(tag(out, field, Type::fixed32), value);
}

/// Ids are bytes on the wire, most significant first.
[[nodiscard]] inline char* big_endian(char* out, std::uint64_t value) noexcept {
    for (int shift = 56; shift >= 0; shift -= 8) *out++ = static_cast<char>(value >> shift & 0xff);
    return out;
}

/// The head of a field that `size` bytes follow.
[[nodiscard]] inline char* head(char* out, std::uint32_t field, std::size_t size) noexcept {
    return varint(tag(out, field, Type::length_delimited), size);
}
[[nodiscard]] inline char* text(char* out, std::uint32_t field, std::string_view value) noexcept {
    out = head(out, field, value.size());
    if (!value.empty()) std::memcpy(out, value.data(), value.size());
    return out + value.size();
}

/// A nested message whose size is not known in advance: begins as if its length took
/// `length_bytes`, and moves it only when that guess was wrong.
class Message {
  public:
    /// Fields 1 to 15. The content is what is put into `bytes` until close().
    Message(Bytes& bytes, std::uint32_t field, std::size_t length_bytes)
        : bytes_{bytes}, begin_{bytes.size() + 1 + length_bytes}, length_bytes_{length_bytes} {
        char* const out = bytes.room(1 + length_bytes);
        bytes.finish(tag(out, field, Type::length_delimited) + length_bytes);
    }
    Message(const Message&) = delete;
    Message& operator=(const Message&) = delete;

    void close() {
        const std::size_t size = bytes_.size() - begin_;
        const std::size_t length_bytes = size_of_varint(size);
        if (length_bytes != length_bytes_) [[unlikely]] {
            (void)bytes_.room(max_varint);
            char* const content = bytes_.data() + begin_;
            std::memmove(content - length_bytes_ + length_bytes, content, size);
            begin_ = begin_ - length_bytes_ + length_bytes;
        }
        (void)varint(bytes_.data() + begin_ - length_bytes, size);
        bytes_.resize(begin_ + size);
    }

  private:
    Bytes& bytes_;
    std::size_t begin_;
    std::size_t length_bytes_;
};

} // namespace plume::otlp::wire
