// masking.hpp - what is left of a value that must not leave: its last characters, or a hash of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include <plume/core/ids.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// What a hash depends on besides the value: nobody without it can try out what was hashed.
struct HashKey {
    std::uint64_t low;
    std::uint64_t high;
};

/// SipHash-2-4 (Aumasson and Bernstein, 2012): without the key, as good as random.
class SipHash {
  public:
    [[nodiscard]] static constexpr std::uint64_t of(std::string_view text,
                                                    const HashKey& key) noexcept {
        SipHash hash{key};
        const std::size_t whole = text.size() & ~std::size_t{7};
        for (std::size_t i = 0; i < whole; i += 8) hash.add(word(text.substr(i, 8)));
        hash.add(word(text.substr(whole)) | std::uint64_t{text.size()} << 56U);
        hash.v2_ ^= 0xff;
        for (int i = 0; i < 4; ++i) hash.round();
        return hash.v0_ ^ hash.v1_ ^ hash.v2_ ^ hash.v3_;
    }

  private:
    constexpr explicit SipHash(const HashKey& key) noexcept
        : v0_{key.low ^ 0x736f6d6570736575U}, v1_{key.high ^ 0x646f72616e646f6dU},
          v2_{key.low ^ 0x6c7967656e657261U}, v3_{key.high ^ 0x7465646279746573U} {}

    static constexpr std::uint64_t word(std::string_view bytes) noexcept {
        std::uint64_t value = 0;
        for (std::size_t i = 0; i < bytes.size(); ++i)
            value |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
        return value;
    }
    static constexpr std::uint64_t rotated(std::uint64_t x, unsigned by) noexcept {
        return x << by | x >> (64 - by);
    }
    constexpr void round() noexcept {
        v0_ += v1_;
        v1_ = rotated(v1_, 13) ^ v0_;
        v0_ = rotated(v0_, 32);
        v2_ += v3_;
        v3_ = rotated(v3_, 16) ^ v2_;
        v0_ += v3_;
        v3_ = rotated(v3_, 21) ^ v0_;
        v2_ += v1_;
        v1_ = rotated(v1_, 17) ^ v2_;
        v2_ = rotated(v2_, 32);
    }
    constexpr void add(std::uint64_t value) noexcept {
        v3_ ^= value;
        round();
        round();
        v0_ ^= value;
    }

    std::uint64_t v0_, v1_, v2_, v3_;
};

/// The key that a text of any length stands for.
constexpr HashKey hash_key_of(std::string_view text) noexcept {
    return {SipHash::of(text, {1, 2}), SipHash::of(text, {3, 4})};
}

/// The key of the process: Options::hash_key, or a random one. Defined in module.hpp; a template,
/// so that a file which never evaluates it needs no definition.
template <class = void>
HashKey hash_key_of_process() noexcept;

inline constexpr std::size_t hash_size = 16;

/// Writes the hash of a value as `hash_size` hexadecimal digits.
constexpr void write_hash(char* to, std::string_view value, const HashKey& key) noexcept {
    write_hex(to, SipHash::of(value, key));
}

/// "****" and the last four characters, of which UTF-8 makes 16 bytes at the most.
inline constexpr std::size_t longest_mask = 4 + 16;

/// Writes "****" and the last four characters of a value, or "****" alone if it has less than
/// eight: neither its length nor most of it can be seen. Returns the number of bytes.
constexpr std::size_t write_mask(char* to, std::string_view value) noexcept {
    const auto continues = [value](std::size_t i) {
        return (static_cast<unsigned char>(value[i]) & 0xC0U) == 0x80U;
    };
    std::size_t characters = 0;
    std::size_t last_four = value.size();
    for (std::size_t i = value.size(); i-- > 0 && characters < 8;) {
        if (continues(i)) continue;
        if (++characters == 4) last_four = i;
    }
    const bool short_one = characters < 8 || value.size() - last_four > longest_mask - 4;
    const std::string_view kept = short_one ? std::string_view{} : value.substr(last_four);
    for (std::size_t i = 0; i < 4; ++i) to[i] = '*';
    for (std::size_t i = 0; i < kept.size(); ++i) to[4 + i] = kept[i];
    return 4 + kept.size();
}

} // namespace detail
} // namespace plume
