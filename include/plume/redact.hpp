// redact.hpp - values that are disguised where they are recorded: secret, masked, hashed.
#pragma once

#include <array>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include <plume/attribute.hpp>
#include <plume/disguise.hpp>
#include <plume/module.hpp>

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

/// The key of the process, which is made when it is needed first.
[[gnu::noinline]] inline HashKey hash_key() noexcept {
    Runtime& process = runtime();
    HashKey key = process.hash_key.load();
    if ((key.low | key.high) != 0) [[likely]]
        return key;
    Locked lock{process.mutex};
    key = process.hash_key.load();
    if ((key.low | key.high) == 0) choose_hash_key(process, {});
    return process.hash_key.load();
}

} // namespace detail

// All three work on the recording thread, without heap, locks or system calls: what is given to
// them is never in a ring, nor on its way to an exporter. Their results are for attributes:
//     PLUME_SPAN("pay", "card"_a = plume::masked(card), "user"_a = plume::hashed(email));

/// Nothing of the value: the attribute is the text REDACTED.
template <class T>
[[nodiscard]] constexpr std::string_view secret(const T&) noexcept {
    return detail::redacted;
}

/// The last four characters of a text or integer, as in "****1234"; of one with less than eight
/// characters none, "****". Does not tell how long it was.
template <class T>
[[nodiscard]] constexpr auto masked(const T& value) noexcept {
    return detail::with_text(value, [](std::string_view text) {
        return detail::Disguised<detail::longest_mask>{
            [text](char* to) { return detail::write_mask(to, text); }};
    });
}

/// A hash of a text or integer, 16 hexadecimal digits: equal values have equal ones, and nobody can
/// try out values without the key. That is Options::hash_key; without one it is random, and values
/// are comparable within the process and its forks. An integer has the hash of its decimal digits.
template <class T>
[[nodiscard]] auto hashed(const T& value) noexcept {
    return detail::with_text(value, [](std::string_view text) {
        return detail::Disguised<detail::hash_size>{[text](char* to) {
            detail::write_hash(to, text, detail::hash_key());
            return detail::hash_size;
        }};
    });
}

} // namespace plume
