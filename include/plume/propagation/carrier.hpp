// carrier.hpp - what a context is read from and written to: anything with get or set.
#pragma once

#include <concepts>
#include <string_view>
#include <type_traits>

#include <plume/propagation/header_text.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

template <class Value>
concept HeaderText = std::is_convertible_v<const Value&, std::string_view>;
template <class Value>
concept MaybeHeaderText = HeaderText<Value> || requires(const Value& value) {
    static_cast<bool>(value);
    { *value } -> std::convertible_to<std::string_view>;
};

/// What get() returns, as text: null and nullopt are absent, which is the same as empty.
template <MaybeHeaderText Value>
constexpr std::string_view text_of(const Value& value) noexcept {
    if constexpr (HeaderText<Value> && !std::is_pointer_v<Value>) return value;
    else if (!value) return {};
    else if constexpr (HeaderText<Value>) return value;
    else return *value;
}

} // namespace detail

/// Gives the value of a header:  get(name), to a std::string_view, a std::string, or an
/// std::optional or a pointer of one; empty or null if there is no such header. `name` is in lower
/// case; that headers have no case is for the carrier to know. What get() returns has to stay valid
/// until the next call. More than that is used where it is there:
///   each(name, f)   calls f(value) for each header of that name, in their order. Without it, a
///                   header that came twice looks like one that came once.
///   each_name(f)    calls f(name) for the name of each header. Jaeger's baggage needs it.
template <class C>
concept ReadableCarrier =
    requires(const C& carrier, std::string_view name) { detail::text_of(carrier.get(name)); };

/// Takes a header:  set(name, value), in the place of those of the name that are there. `name` is
/// in lower case; both are valid only during the call.
template <class C>
concept WritableCarrier = requires(C& carrier, std::string_view text) { carrier.set(text, text); };

/// A carrier of any container of pairs of text: std::map, std::multimap and their unordered
/// siblings, a std::vector or std::span of std::pair. Refers to it, and looks at each of its
/// elements whatever it is sorted by, since names of headers have no case.
///     std::map<std::string, std::string> headers;
///     plume::PairsCarrier carrier{headers};
template <class Pairs>
class PairsCarrier {
  public:
    explicit PairsCarrier(Pairs& pairs) noexcept : pairs_{&pairs} {}

    /// The first of the name.
    [[nodiscard]] std::string_view get(std::string_view name) const noexcept {
        for (const auto& [key, value] : *pairs_)
            if (detail::same_name(key, name)) return value;
        return {};
    }
    template <class F>
    void each(std::string_view name, F&& f) const {
        for (const auto& [key, value] : *pairs_)
            if (detail::same_name(key, name)) f(std::string_view{value});
    }
    template <class F>
    void each_name(F&& f) const {
        for (const auto& [key, value] : *pairs_) f(std::string_view{key});
    }

    void set(std::string_view name, std::string_view value)
        requires(!std::is_const_v<Pairs> && requires(Pairs& p) { p.erase(p.begin()); })
    {
        for (auto it = pairs_->begin(); it != pairs_->end();)
            if (detail::same_name(it->first, name)) it = pairs_->erase(it);
            else ++it;
        if constexpr (requires { pairs_->emplace_back(name, value); })
            pairs_->emplace_back(name, value);
        else pairs_->emplace(name, value);
    }

  private:
    Pairs* pairs_;
};

namespace [[gnu::visibility("hidden")]] detail {

/// f(value) for each header of a name that is not empty, as well as the carrier can tell.
template <ReadableCarrier C, class F>
void each_value(const C& carrier, std::string_view name, F&& f) {
    const auto take = [&f](std::string_view value) {
        if (!value.empty()) f(value);
    };
    if constexpr (requires { carrier.each(name, take); }) {
        carrier.each(name, take);
    } else {
        const auto& value = carrier.get(name);
        take(text_of(value));
    }
}

} // namespace detail
} // namespace plume
