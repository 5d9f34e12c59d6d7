// masked.hpp - values that are disguised where they are recorded: secret, masked, hashed.
#pragma once

#include <array>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include <plume/core/attribute.hpp>
#include <plume/core/masking.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// A text of its own, as an attribute takes it.
template <std::size_t N>
class Disguised {
  public:
    template <std::invocable<char*> F>
    explicit constexpr Disguised(const F& write) noexcept : size_{write(text_.data())} {}
    constexpr operator std::string_view() const noexcept { return {text_.data(), size_}; }

  private:
    std::array<char, N> text_{};
    std::size_t size_;
};

/// Calls `f` with a value as text; integers are their decimal digits.
template <class T, class F>
constexpr auto with_text(const T& value, const F& f) noexcept {
    if constexpr (Text<T>) {
        return f(canonical(value));
    } else {
        static_assert(std::is_integral_v<T> && !std::is_same_v<T, bool> && !is_character<T>,
                      "plume: only text and integers can be masked or hashed: convert the value, "
                      "or use plume::secret()");
        if constexpr (std::is_same_v<T, char>) return f(std::string_view{&value, 1});
        else {
            char digits[24]{};
            const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
            return f(std::string_view{digits, static_cast<std::size_t>(end - digits)});
        }
    }
}

} // namespace detail

// All three work on the recording thread, without heap and system calls, and without a lock once
// the process has its key. What they are given is never in a ring, nor on its way to an exporter.
//     PLUME_SPAN("pay", "card"_a = plume::masked(card), "user"_a = plume::hashed(email));

/// Nothing of the value: the attribute is the text REDACTED.
template <class T>
[[nodiscard]] constexpr std::string_view secret(const T&) noexcept {
    return detail::redacted;
}

/// The last four characters of a text or integer, as in "****1234"; of one with less than eight
/// characters none, "****". Does not tell how long it was.
template <class T>
[[nodiscard]] constexpr detail::Disguised<detail::longest_mask> masked(const T& value) noexcept {
    using Mask = detail::Disguised<detail::longest_mask>;
    return detail::with_text(value, [](std::string_view text) {
        return Mask{[text](char* to) { return detail::write_mask(to, text); }};
    });
}

/// A hash of a text or integer, 16 hexadecimal digits: equal values have equal ones, and nobody can
/// try out values without the key. That is Options::hash_key; without one it is random, and values
/// are comparable within the process and its forks. An integer has the hash of its decimal digits.
/// Belongs into a file that records, by plume.hpp: the key is the runtime's.
template <class T>
[[nodiscard]] detail::Disguised<detail::hash_size> hashed(const T& value) noexcept {
    using Hash = detail::Disguised<detail::hash_size>;
    return detail::with_text(value, [](std::string_view text) {
        return Hash{[text](char* to) {
            detail::write_hash(to, text, detail::hash_key_of_process());
            return detail::hash_size;
        }};
    });
}

} // namespace plume
