// secret.hpp - members of a struct that are never recorded: Secret<T>, and PLUME_REDACT.
#pragma once

#include <string_view>
#include <utility>

#include <plume/core/attribute.hpp>

namespace plume {

/// A member that plume::fields() leaves out, whatever struct it is in. Used like its value, but
/// only on request: `order.card.reveal()`. Given to an attribute by itself it is REDACTED.
template <class T>
class Secret {
  public:
    constexpr Secret() = default;
    constexpr Secret(T value) noexcept(noexcept(T(std::move(value)))) : value_(std::move(value)) {}

    [[nodiscard]] constexpr const T& reveal() const noexcept { return value_; }
    [[nodiscard]] constexpr T& reveal() noexcept { return value_; }

    friend constexpr bool operator==(const Secret&, const Secret&) = default;

  private:
    /// What an attribute makes of it: found by the type of its argument.
    friend constexpr std::string_view canonical(const Secret&) noexcept { return detail::redacted; }

    T value_{};
};

namespace [[gnu::visibility("hidden")]] detail {

template <class T> inline constexpr bool is_secret = false;
template <class T> inline constexpr bool is_secret<Secret<T>> = true;

/// What PLUME_REDACT says of a struct: the names of its members, separated by ", ".
template <class T>
consteval std::string_view kept_out_of() {
    if constexpr (requires { plume_keeps_out(static_cast<const T*>(nullptr)); })
        return plume_keeps_out(static_cast<const T*>(nullptr));
    else return {};
}

/// Whether a list of names separated by ", " has this one.
constexpr bool lists(std::string_view names, std::string_view name) noexcept {
    while (!names.empty()) {
        const std::size_t end = names.find(',');
        if (names.substr(0, end) == name) return true;
        if (end == std::string_view::npos) return false;
        names.remove_prefix(end + 1);
        while (names.starts_with(' ')) names.remove_prefix(1);
    }
    return false;
}

} // namespace detail
} // namespace plume

// One macro for each of the names: a level of scanning lets it begin anew four times.
#define PLUME_PARENS_ ()
#define PLUME_SCAN_(...) PLUME_SCAN2_(PLUME_SCAN2_(PLUME_SCAN2_(PLUME_SCAN2_(__VA_ARGS__))))
#define PLUME_SCAN2_(...) PLUME_SCAN1_(PLUME_SCAN1_(PLUME_SCAN1_(PLUME_SCAN1_(__VA_ARGS__))))
#define PLUME_SCAN1_(...) PLUME_SCAN0_(PLUME_SCAN0_(PLUME_SCAN0_(PLUME_SCAN0_(__VA_ARGS__))))
#define PLUME_SCAN0_(...) __VA_ARGS__
#define PLUME_EACH_MEMBER_(Type, member, ...)                                                      \
    static_assert([]<class T>(const T* object) { return requires { object->member; }; }(           \
                      static_cast<const Type*>(nullptr)),                                          \
                  "plume: PLUME_REDACT names a member that the struct does not have: " #member);   \
    __VA_OPT__(PLUME_MORE_MEMBERS_ PLUME_PARENS_(Type, __VA_ARGS__))
#define PLUME_MORE_MEMBERS_() PLUME_EACH_MEMBER_

/// Members that plume::fields() leaves out:  PLUME_REDACT(Order, email, card);
/// Stands at namespace scope, right behind the struct, so that no file sees one without the other.
/// In another namespace, and for a member that is not there, it does not compile. At most 64 names.
#define PLUME_REDACT(Type, ...)                                                                    \
    PLUME_SCAN_(PLUME_EACH_MEMBER_(Type, __VA_ARGS__))                                             \
    [[maybe_unused]] consteval ::std::string_view plume_keeps_out(const Type*) noexcept {          \
        return #__VA_ARGS__;                                                                       \
    }                                                                                              \
    static_assert(::plume::detail::kept_out_of<Type>() == #__VA_ARGS__,                            \
                  "plume: PLUME_REDACT stands right behind the struct, in its namespace")
