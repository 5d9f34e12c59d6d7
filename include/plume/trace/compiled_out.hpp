// compiled_out.hpp - what instrumented code refers to when its macros are compiled out: names, no
// code.
#pragma once

#include <plume/core/config.hpp>
#include <plume/core/span_kind.hpp>

namespace plume {
namespace literals {}

namespace off {

template <class... Arguments>
constexpr void ignore(const Arguments&...) noexcept {}

} // namespace off

#if !PLUME_ENABLED

namespace off {

struct RealAttributes;  ///< attribute.hpp completes it
struct RealAnnotations; ///< span_api.hpp completes it
template <class T>
concept Complete = requires { sizeof(T); };

template <decltype(sizeof 0) Size>
struct Text {
    char text[Size]{};
    consteval Text(const char (&literal)[Size]) noexcept {
        for (decltype(sizeof 0) i = 0; i < Size; ++i) text[i] = literal[i];
    }
};

struct Attribute {};
struct Key {
    template <class T>
    constexpr Attribute operator=(const T&) const noexcept {
        return {};
    }
};
struct Name {};

/// Takes every annotation that plume::Span takes. It has no ids: code that asks for a context
/// includes context.hpp, which is real whatever is compiled out, as are plume::Name and
/// plume::AsyncSpan there.
struct Span {
    template <class... T> constexpr void set(const T&...) const noexcept {}
    template <class... T> constexpr void event(const T&...) const noexcept {}
    template <class... T> constexpr void link(const T&...) const noexcept {}
    template <class... T> constexpr void set_status(const T&...) const noexcept {}
    template <class... T> constexpr void set_error(const T&...) const noexcept {}
    template <class... T> constexpr void record_exception(const T&...) const noexcept {}
    template <class... T> constexpr void rename(const T&...) const noexcept {}
    constexpr void set_ok() const noexcept {}
    constexpr void discard() const noexcept {}
    constexpr void end() const noexcept {}
    constexpr bool recording() const noexcept { return false; }
};

} // namespace off

namespace literals {
// These step back where attribute.hpp is included as well: then both sets of functions live side by
// side, and what is made by hand is real. C++20 has a template preferred to a function by itself
// ([lex.ext]/5), as clang does; g++ 12 prefers the function, and wants a constraint.
#    if defined(__clang__)
constexpr off::Key operator""_a(const char*, decltype(sizeof 0)) noexcept { return {}; }
constexpr off::Name operator""_name(const char*, decltype(sizeof 0)) noexcept { return {}; }
#    else
template <off::Text Key>
    requires(!off::Complete<off::RealAttributes>)
constexpr off::Key operator""_a() noexcept {
    return {};
}
template <off::Text Name>
    requires(!off::Complete<off::RealAttributes>)
constexpr off::Name operator""_name() noexcept {
    return {};
}
#    endif
} // namespace literals

template <class = void> // a template, so that the real one is preferred where both are known
constexpr off::Span current() noexcept {
    return {};
}
// Attributes are real where fields.hpp or masked.hpp is included, and these ignore them all the
// same.
template <class... T>
    requires(!off::Complete<off::RealAnnotations>)
constexpr void set(const T&...) noexcept {}
template <class... T>
    requires(!off::Complete<off::RealAnnotations>)
constexpr void event(const T&...) noexcept {}
template <class... T>
    requires(!off::Complete<off::RealAnnotations>)
constexpr void link(const T&...) noexcept {}
template <class Text> // templates, as above
constexpr void set_error(const Text&) noexcept {}
template <class = void>
constexpr void set_ok() noexcept {}
template <class = void>
constexpr void discard() noexcept {}
template <class Code, class... T>
constexpr void set_status(const Code&, const T&...) noexcept {}

#endif

} // namespace plume
