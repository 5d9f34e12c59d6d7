// attribute.hpp - "key"_a = value: what an attribute is called, and what it may hold.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

#include <plume/core/config.hpp>
#include <plume/core/policy.hpp>

namespace plume {

/// How one value lies in a ring. `optional_bit` marks a value that a presence word precedes.
enum class WireType : std::uint8_t {
    boolean,
    int64,
    uint64,
    float64,
    string,
    boolean_array,
    int64_array,
    uint64_array,
    float64_array,
    string_array,
    optional_bit = 0x80
};

namespace [[gnu::visibility("hidden")]] detail {

/// A string literal as a template argument.
template <std::size_t N>
struct Literal {
    char text[N]{};
    consteval Literal(const char (&literal)[N]) noexcept {
        for (std::size_t i = 0; i < N; ++i) text[i] = literal[i];
    }
    [[nodiscard]] constexpr std::string_view view() const noexcept { return {text, N - 1}; }
};

template <class T>
concept Text =
    std::is_convertible_v<const T&, std::string_view> && !std::is_same_v<T, std::nullptr_t>;

template <class T> inline constexpr bool is_character = false;
template <> inline constexpr bool is_character<wchar_t> = true;
template <> inline constexpr bool is_character<char8_t> = true;
template <> inline constexpr bool is_character<char16_t> = true;
template <> inline constexpr bool is_character<char32_t> = true;

template <class T>
concept Number =
    std::is_floating_point_v<T> || (std::is_integral_v<T> && sizeof(T) <= 8 && !is_character<T>);

/// std::chrono::duration, recognised by its shape so that <chrono> stays out of this header.
template <class T>
concept Duration = requires(const T& d) {
    typename T::rep;
    { T::period::num + T::period::den };
    { d.count() };
};

/// std::optional, or anything that looks like it.
template <class T>
concept Optional = requires(const T& o) {
    { o.has_value() } -> std::convertible_to<bool>;
    *o;
};

template <class T>
concept Scalar = Text<T> || Number<T> || Duration<T> || std::is_enum_v<T>;

template <class T>
concept Range = !Text<T> && requires(const T& r) {
    r.begin() != r.end();
    r.size();
    requires Scalar<std::remove_cvref_t<decltype(*r.begin())>>;
};
template <class T>
concept CArray =
    std::is_array_v<T> && !Text<T> && Scalar<std::remove_cvref_t<std::remove_extent_t<T>>>;

/// What one word holds; a char is text.
template <class T>
concept PlainNumber = !std::is_same_v<T, char> && (std::is_arithmetic_v<T> || std::is_enum_v<T>);

/// Numbers that lie in memory one behind the other, where no code of the program is needed to read
/// them. <string_view> has std::contiguous_iterator, which its constructor asks for; <iterator>
/// would take streams in too.
template <class T>
concept NumbersInMemory =
    (Range<T> && requires(const T& r) {
        requires std::contiguous_iterator<decltype(r.begin())>;
        { *r.data() } -> std::convertible_to<const std::remove_cvref_t<decltype(*r.begin())>&>;
        requires PlainNumber<std::remove_cvref_t<decltype(*r.data())>>;
    }) || (CArray<T> && PlainNumber<std::remove_cv_t<std::remove_extent_t<T>>>);

/// Where such numbers are, and how many, as it was when the attribute was made. Borrowed.
template <class E>
struct Numbers {
    const E* data;
    std::size_t count;
};
template <class T>
constexpr auto numbers_of(const T& range) noexcept {
    if constexpr (std::is_array_v<T>)
        return Numbers<std::remove_cv_t<std::remove_extent_t<T>>>{range, std::extent_v<T>};
    else
        return Numbers<std::remove_cvref_t<decltype(*range.data())>>{
            range.data(), static_cast<std::size_t>(range.size())};
}

/// Any other range. Borrowed, and read once: its elements may be made when they are read, and be
/// others the next time.
template <class T>
struct Elements {
    const T* range;
    [[nodiscard]] constexpr std::size_t size() const {
        if constexpr (std::is_array_v<T>) return std::extent_v<T>;
        else return static_cast<std::size_t>(range->size());
    }
    [[nodiscard]] constexpr auto begin() const {
        if constexpr (std::is_array_v<T>) return &(*range)[0];
        else return range->begin();
    }
    [[nodiscard]] constexpr auto end() const {
        if constexpr (std::is_array_v<T>) return &(*range)[0] + std::extent_v<T>;
        else return range->end();
    }
};

template <class V>
struct Maybe {
    V value;
    bool present;
};

/// Whether nothing that the program has written for the type throws when its value is read here.
template <class T>
inline constexpr bool reads_quietly = std::is_pointer_v<T> || std::is_array_v<T> || !Text<T> ||
                                      std::is_nothrow_convertible_v<const T&, std::string_view>;
template <Optional T>
    requires(!Text<T>)
inline constexpr bool reads_quietly<T> =
    reads_quietly<std::remove_cvref_t<decltype(*std::declval<const T&>())>>;

/// Integers above INT64_MAX keep their own type up to the assembler, which makes text of them:
/// OTLP and Jaeger know no unsigned integers.
template <class T>
constexpr auto canonical(const T& value) noexcept(reads_quietly<T>) {
    if constexpr (std::is_same_v<T, bool>) return value;
    else if constexpr (std::is_same_v<T, char>) return std::string_view{&value, 1};
    else if constexpr (std::is_pointer_v<T> && Text<T>)
        return value ? std::string_view{value} : std::string_view{};
    else if constexpr (Text<T>) return static_cast<std::string_view>(value);
    else if constexpr (std::is_enum_v<T>) {
        using Number = std::underlying_type_t<T>; // an enum of chars is no text
        return canonical(
            static_cast<std::conditional_t<std::is_same_v<Number, char>, int, Number>>(value));
    } else if constexpr (std::is_floating_point_v<T>) return static_cast<double>(value);
    else if constexpr (Number<T> && std::is_unsigned_v<T> && sizeof(T) == 8)
        return static_cast<std::uint64_t>(value);
    else if constexpr (Number<T>) return static_cast<std::int64_t>(value);
    else if constexpr (Duration<T>)
        return static_cast<double>(value.count()) * static_cast<double>(T::period::num) /
               static_cast<double>(T::period::den);
    else if constexpr (NumbersInMemory<T>) return numbers_of(value);
    else if constexpr (Range<T> || CArray<T>) return Elements<T>{&value};
    else if constexpr (Optional<T>) {
        using Inner = decltype(canonical(*value));
        return value.has_value() ? Maybe<Inner>{canonical(*value), true}
                                 : Maybe<Inner>{Inner{}, false};
    } else {
        static_assert(sizeof(T) == 0,
                      "plume: an attribute holds a bool, a number, an enum, text, a std::chrono "
                      "duration, a range of those, or a std::optional of one: convert the value, "
                      "or name one of its members");
    }
}

template <class V> inline constexpr WireType wire_type = WireType::int64;
template <> inline constexpr WireType wire_type<bool> = WireType::boolean;
template <> inline constexpr WireType wire_type<std::uint64_t> = WireType::uint64;
template <> inline constexpr WireType wire_type<double> = WireType::float64;
template <> inline constexpr WireType wire_type<std::string_view> = WireType::string;

template <class T>
using element_of = decltype(canonical(
    static_cast<std::remove_cvref_t<decltype(*std::declval<const T&>().begin())>>(
        *std::declval<const T&>().begin())));
template <class T> struct ElementOf {
    using type = element_of<T>;
};
template <class T, std::size_t N>
struct ElementOf<T[N]> {
    using type = decltype(canonical(std::declval<const T&>()));
};

template <class T>
inline constexpr WireType wire_type<Elements<T>> = static_cast<WireType>(
    static_cast<int>(wire_type<typename ElementOf<T>::type>) +
    static_cast<int>(WireType::boolean_array) - static_cast<int>(WireType::boolean));
template <class E>
inline constexpr WireType wire_type<Numbers<E>> = static_cast<WireType>(
    static_cast<int>(wire_type<decltype(canonical(std::declval<const E&>()))>) +
    static_cast<int>(WireType::boolean_array) - static_cast<int>(WireType::boolean));
template <class V>
inline constexpr WireType wire_type<Maybe<V>> = static_cast<WireType>(
    static_cast<int>(wire_type<V>) | static_cast<int>(WireType::optional_bit));

/// Several values behind each other, as of the members of a struct. It hands them over one by one
/// with each(), or has `written` as they lie in a ring.
template <class V>
concept Compound = requires { V::count(); };

/// How many values a value is.
template <class V> inline constexpr std::size_t value_count = 1;
template <Compound V> inline constexpr std::size_t value_count<V> = V::count();

/// Whether a value always takes one word.
template <class V>
inline constexpr bool one_word = std::is_same_v<V, bool> || std::is_same_v<V, std::int64_t> ||
                                 std::is_same_v<V, std::uint64_t> || std::is_same_v<V, double>;
template <Compound V> inline constexpr bool one_word<V> = V::one_word_each();

/// Whether a value is the same when it is read twice: first to measure it, then to write it. What
/// is not is read once, into a draft of its record.
template <class V> inline constexpr bool is_settled = true;
template <class T> inline constexpr bool is_settled<Elements<T>> = false;
template <class V> inline constexpr bool is_settled<Maybe<V>> = is_settled<V>;
template <Compound V> inline constexpr bool is_settled<V> = V::settled();

/// Whether a member of a struct, which is read again each time, is settled as well.
template <class T> inline constexpr bool stays_as_it_is =
    is_settled<decltype(canonical(std::declval<const T&>()))>;
template <Text T>
inline constexpr bool stays_as_it_is<T> =
    std::is_nothrow_convertible_v<const T&, std::string_view> && requires(const T& text) {
        text.data();
        text.size();
    };
template <Optional T>
    requires(!Text<T>)
inline constexpr bool stays_as_it_is<T> =
    stays_as_it_is<std::remove_cvref_t<decltype(*std::declval<const T&>())>>;

consteval bool printable(std::string_view text) {
    for (const char c : text)
        if (static_cast<unsigned char>(c) <= ' ' || c == '\x7f') return false;
    return true;
}

/// One key with one value, alive for the full expression that it is written in.
template <Literal KeyText, class V>
struct KeyValue {
    using value_type = V;
    static constexpr std::string_view key = KeyText.view();
    V value;
};

/// What is recorded of a value that must not leave.
inline constexpr std::string_view redacted = "REDACTED";

/// Instantiated for its assertions: each says what to do instead.
template <Literal KeyText, class Rules = Policy>
struct CheckedKey {
    static constexpr std::string_view key = KeyText.view();
    static_assert(!key.empty(), "plume: an attribute key must not be empty");
    static_assert(
        key.size() <= 128,
        "plume: an attribute key has at most 128 characters: put the detail into the value");
    static_assert(printable(key),
                  "plume: an attribute key has no blanks and no control characters: separate its "
                  "parts with dots");
    static_assert(key.size() <= Rules::longest_key || key.size() > 128,
                  "plume: the team's policy wants shorter attribute keys: see longest_key in the "
                  "header that PLUME_POLICY names");
    static_assert(!matches_any(Rules::forbidden_keys, key),
                  "plume: the team's policy forbids this attribute key: see forbidden_keys in the "
                  "header that PLUME_POLICY names");
    static_assert(has_required_prefix<Rules>(key),
                  "plume: the team's policy wants another beginning of this attribute key: see "
                  "required_prefixes in the header that PLUME_POLICY names");
    static_assert(Rules::allows_key(key),
                  "plume: the team's policy does not allow this attribute key: see allows_key() in "
                  "the header that PLUME_POLICY names");
    static constexpr bool ok = true;
};

/// A struct, each member of which has a key of its own: what fields.hpp makes.
template <class T, Literal KeyText, class Rules>
concept Structure = requires(const T& value) { value.template below<KeyText, Rules>(); };

/// The rules are part of the type, so that files with different ones can be linked together.
template <Literal KeyText, class Rules = Policy>
struct Key {
    template <class T>
    constexpr auto operator=(const T& value) const noexcept(reads_quietly<T>) {
        if constexpr (matches_any(Rules::sensitive_keys, KeyText.view())) {
            static_assert(CheckedKey<KeyText, Rules>::ok);
            return KeyValue<KeyText, std::string_view>{redacted};
        } else if constexpr (Structure<T, KeyText, Rules>) {
            static_assert(CheckedKey<KeyText>::ok); // the rules are for what it is the beginning of
            return KeyValue<KeyText, decltype(value.template below<KeyText, Rules>())>{
                value.template below<KeyText, Rules>()};
        } else {
            static_assert(CheckedKey<KeyText, Rules>::ok);
            return KeyValue<KeyText, decltype(canonical(value))>{canonical(value)};
        }
    }
};

} // namespace detail

namespace off {
struct RealAttributes {}; // see compiled_out.hpp
} // namespace off

namespace literals {
/// `"key"_a = value` is one attribute. The macros see this operator by themselves; calls of
/// functions want `using namespace plume::literals`.
template <detail::Literal KeyText>
[[gnu::always_inline]] consteval auto operator""_a() noexcept {
    return detail::Key<KeyText, TeamPolicy>{};
}
} // namespace literals

} // namespace plume
