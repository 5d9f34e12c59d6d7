// fields.hpp - a struct as attributes, one for each member, flattened at compile time.
//
// Not in plume.hpp, because Boost.PFR takes its time to compile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

#if !__has_include(<boost/pfr/core.hpp>)
#    error "plume: <plume/fields.hpp> needs Boost.PFR, of Boost 1.75 or newer"
#endif
#include <boost/pfr/core.hpp>
#include <boost/version.hpp>
#if BOOST_VERSION >= 108400
#    include <boost/pfr/core_name.hpp>
#endif

#include <plume/record/callsite.hpp>
#include <plume/trace/secret.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

#if defined(BOOST_PFR_CORE_NAME_ENABLED) && BOOST_PFR_CORE_NAME_ENABLED

/// The name of member `I` of a struct.
template <class T, std::size_t I>
consteval std::string_view member_name() {
    return boost::pfr::get_name<I, T>();
}

#else

// The compilers spell the address of a member of an object of static storage with the member's
// name. The object need not exist: nothing ever looks at more than its address.
#    if defined(__clang__)
#        pragma clang diagnostic push
#        pragma clang diagnostic ignored "-Wundefined-var-template"
#        pragma clang diagnostic ignored "-Wundefined-internal"
#    endif

template <class T>
struct Somewhere {
    const T object;
};
template <class T> extern const Somewhere<T> somewhere;

/// clang spells an address within a struct only.
template <class T>
struct Address {
    T to;
};
template <class T> Address(T) -> Address<T>;

template <auto Member>
consteval std::string_view spelt() {
    return __PRETTY_FUNCTION__;
}

/// The name of member `I` of a struct: the last identifier of
/// "... [with auto Member = plume::detail::Address<const int*>{(& somewhere<Order>....Order::id)};
/// ...]"
template <class T, std::size_t I>
consteval std::string_view member_name() {
    std::string_view text =
        spelt<Address{std::addressof(boost::pfr::get<I>(somewhere<T>.object))}>();
    const auto in_name = [](char c) {
        return c == '_' || is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               static_cast<unsigned char>(c) >= 0x80;
    };
    std::size_t end = text.rfind('}');
    while (!in_name(text[end - 1])) --end;
    std::size_t begin = end;
    while (in_name(text[begin - 1])) --begin;
    return text.substr(begin, end - begin);
}

#    if defined(__clang__)
#        pragma clang diagnostic pop
#    endif

#endif

/// "order.address" of "order" and the name of a member.
template <Literal Prefix, class T, std::size_t I>
consteval auto joined_key() {
    constexpr std::string_view prefix = Prefix.view();
    constexpr std::string_view name = member_name<T, I>();
    char text[prefix.size() + 1 + name.size() + 1]{};
    prefix.copy(text, prefix.size());
    text[prefix.size()] = '.';
    name.copy(text + prefix.size() + 1, name.size());
    return Literal{text};
}

/// What becomes of a member.
enum class Role : std::uint8_t { value, structure, optional_structure, kept_out, unknown };

template <class T>
concept Flat = std::is_aggregate_v<T> && std::is_class_v<T>;
template <class T>
using InsideOf = std::remove_cvref_t<decltype(*std::declval<const T&>())>;

template <class T>
consteval Role role_of() {
    if constexpr (is_secret<T>) return Role::kept_out;
    else if constexpr (Scalar<T> || Range<T>) return Role::value;
    else if constexpr (Optional<T>) {
        constexpr Role inside = role_of<InsideOf<T>>();
        if (inside == Role::structure) return Role::optional_structure;
        return Optional<InsideOf<T>> ? Role::unknown : inside;
    } else return Flat<T> ? Role::structure : Role::unknown;
}

/// Instantiated for its assertion, so that the compiler says which member it is about.
template <Literal KeyText, class T>
struct CheckedMember {
    static constexpr Role role = role_of<T>();
    static_assert(role != Role::unknown,
                  "plume: fields() cannot record a member of this type: give it one that an "
                  "attribute may have, make it a plume::Secret, or keep it out with PLUME_REDACT");
};

/// The members of a struct, as the values of keys that begin with `Prefix`. Borrowed, as all values
/// are. With `MayBeNull` it is what an optional holds: without it, all its members are absent.
template <Literal Prefix, class T, class Rules, bool MayBeNull = false>
struct [[gnu::visibility("hidden")]] Members {
    const T* object;

    static consteval std::size_t count() {
        std::size_t count = 0;
        each_type([&]<class>() { ++count; });
        return count;
    }
    static consteval bool one_word_each() {
        bool all = true;
        each_type([&]<class Leaf>() { all = all && one_word<typename Leaf::value_type>; });
        return all;
    }
    /// Members are read each time that each() is called: whether they are the same every time.
    static consteval bool settled() {
        return []<std::size_t... I>(std::index_sequence<I...>) {
            return (settled_at<I>() && ...);
        }(indices);
    }
    /// Writes the fields of the values, and returns where the next ones begin.
    static consteval Field* describe(Field* to) {
        each_type([&]<class Leaf>() { *to++ = field_of<Leaf>(); });
        return to;
    }

    /// Calls `f` with each value.
    template <class F>
    [[gnu::always_inline]] constexpr void each(const F& f) const {
        [&]<std::size_t... I>(std::index_sequence<I...>)
            __attribute__((always_inline)) { (visit<I>(f), ...); }(indices);
    }
    /// The same at compile time, with the type of each: f.operator()<KeyValue<...>>().
    template <class F>
    static constexpr void each_type(const F& f) {
        [&]<std::size_t... I>(std::index_sequence<I...>) { (visit_type<I>(f), ...); }(indices);
    }

  private:
    static constexpr auto indices = std::make_index_sequence<boost::pfr::tuple_size_v<T>>{};

    template <std::size_t I>
    using TypeAt = std::remove_cv_t<boost::pfr::tuple_element_t<I, T>>;

    template <std::size_t I>
    static consteval Role role_at() {
        constexpr auto key = joined_key<Prefix, T, I>();
        if constexpr (lists(kept_out_of<T>(), member_name<T, I>())) return Role::kept_out;
        else if constexpr (matches_any(Rules::sensitive_keys, key.view())) return Role::value;
        else return CheckedMember<key, TypeAt<I>>::role;
    }

    template <std::size_t I>
    static consteval bool settled_at() {
        if constexpr (role_at<I>() == Role::kept_out ||
                      matches_any(Rules::sensitive_keys, joined_key<Prefix, T, I>().view()))
            return true; // whatever type it has: its value is not read
        else if constexpr (role_at<I>() == Role::value) return stays_as_it_is<TypeAt<I>>;
        else return decltype(std::declval<const Members&>().template below<I>())::settled();
    }

    template <std::size_t I>
    [[gnu::always_inline]] constexpr const auto& at() const noexcept {
        return boost::pfr::get<I>(*object);
    }
    template <std::size_t I>
    [[gnu::always_inline]] constexpr auto plain_value_at() const
        noexcept(reads_quietly<TypeAt<I>>) {
        if constexpr (matches_any(Rules::sensitive_keys, joined_key<Prefix, T, I>().view()))
            return redacted;
        else return canonical(at<I>());
    }
    template <std::size_t I>
    [[gnu::always_inline]] constexpr auto value_at() const noexcept(reads_quietly<TypeAt<I>>) {
        if constexpr (MayBeNull) {
            using V = decltype(as_maybe(plain_value_at<I>()));
            return object ? as_maybe(plain_value_at<I>()) : V{};
        } else return plain_value_at<I>();
    }
    /// The members of a member.
    template <std::size_t I>
    [[gnu::always_inline]] constexpr auto below() const noexcept {
        constexpr auto key = joined_key<Prefix, T, I>();
        if constexpr (role_at<I>() == Role::optional_structure) {
            const bool there = (!MayBeNull || object) && at<I>().has_value();
            return Members<key, InsideOf<TypeAt<I>>, Rules, true>{there ? std::addressof(*at<I>())
                                                                        : nullptr};
        } else {
            const bool there = !MayBeNull || object;
            return Members<key, TypeAt<I>, Rules, MayBeNull>{there ? std::addressof(at<I>())
                                                                   : nullptr};
        }
    }

    template <std::size_t I, class F>
    [[gnu::always_inline]] constexpr void visit(const F& f) const {
        constexpr Role role = role_at<I>();
        if constexpr (role == Role::value) f(value_at<I>());
        else if constexpr (role != Role::kept_out) below<I>().each(f);
    }
    template <std::size_t I, class F>
    static constexpr void visit_type(const F& f) {
        constexpr Role role = role_at<I>();
        constexpr auto key = joined_key<Prefix, T, I>();
        using Self = const Members&;
        if constexpr (role == Role::value) {
            static_assert(CheckedKey<key, Rules>::ok);
            f.template
            operator()<KeyValue<key, decltype(std::declval<Self>().template value_at<I>())>>();
        } else if constexpr (role != Role::kept_out) {
            decltype(std::declval<Self>().template below<I>())::each_type(f);
        }
    }

    template <class V>
    static constexpr Maybe<V> as_maybe(V value) noexcept {
        return {value, true};
    }
    template <class V>
    static constexpr Maybe<V> as_maybe(Maybe<V> value) noexcept {
        return value;
    }
};

/// What fields() makes of a struct: waits for its key.
template <class T, bool MayBeNull>
struct Fields {
    const T* object;

    template <Literal KeyText, class Rules>
    [[gnu::always_inline]] constexpr auto below() const noexcept {
        return Members<KeyText, T, Rules, MayBeNull>{object};
    }
};

} // namespace detail

/// The members of a struct as attributes:  PLUME_SPAN("checkout", "order"_a =
/// plume::fields(order)); makes "order.id", "order.address.city" and so on, in the order of the
/// members, and costs what these attributes cost that are written by hand. A struct is an
/// aggregate: no constructors, no base classes, no private or virtual members, and for Boost.PFR no
/// C arrays, bit fields or unions. Its members are whatever an attribute may be, structs, optional
/// structs, and plume::Secret, which is left out, as is what PLUME_REDACT names. Of an empty
/// optional nothing is recorded. Borrowed: `object` lives to the end of the full expression.
template <class T>
[[nodiscard]] constexpr auto fields(const T& object) noexcept {
    constexpr detail::Role role = detail::role_of<T>();
    static_assert(role == detail::Role::structure || role == detail::Role::optional_structure,
                  "plume: fields() takes a struct without constructors, base classes, private and "
                  "virtual members, or a std::optional of one: name the members that you want, as "
                  "in \"order.id\"_a = order.id");
    if constexpr (role == detail::Role::optional_structure)
        return detail::Fields<detail::InsideOf<T>, true>{
            object.has_value() ? std::addressof(*object) : nullptr};
    else if constexpr (role == detail::Role::structure)
        return detail::Fields<T, false>{std::addressof(object)};
}

} // namespace plume
