// off.hpp - what instrumented code refers to when its macros are compiled out: names, no code.
#pragma once

#include <plume/config.hpp>
#include <plume/kinds.hpp>

namespace plume {
namespace literals {}

namespace off {

template <class... Arguments>
constexpr void ignore(const Arguments&...) noexcept {}

} // namespace off

#if !PLUME_ENABLED

namespace off {

struct Attribute {};
struct Key {
    template <class T>
    constexpr Attribute operator=(const T&) const noexcept {
        return {};
    }
};
struct Name {};

/// Takes every call that plume::Span takes.
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
// No templates: where span.hpp is included as well, its literal operators are preferred (C++20,
// [lex.ext]/5), and both sets of functions live side by side.
constexpr off::Key operator""_a(const char*, decltype(sizeof 0)) noexcept { return {}; }
constexpr off::Name operator""_name(const char*, decltype(sizeof 0)) noexcept { return {}; }
} // namespace literals

template <class = void> // a template, so that the real one is preferred where both are known
constexpr off::Span current() noexcept {
    return {};
}
template <class... T>
constexpr void set(const off::Attribute&, const T&...) noexcept {}
template <class... T>
constexpr void event(const off::Name&, const T&...) noexcept {}
template <unsigned long N>
constexpr void set_error(const char (&)[N]) noexcept {}

#endif

} // namespace plume
