// foreign_literals.hpp - another library's "_a", as fmt and pybind11 have it, in force in a file
// that records. Included with tracing on and off.
#pragma once

#include <cstddef>

#include <plume/plume.hpp>

namespace foreign {
struct Argument {
    template <class T>
    constexpr int operator=(const T&) const {
        return 0;
    }
};
namespace literals {
#ifdef LIKE_FMT
template <std::size_t Size>
struct Text {
    char text[Size]{};
    consteval Text(const char (&literal)[Size]) {
        for (std::size_t i = 0; i < Size; ++i) text[i] = literal[i];
    }
};
template <Text Name>
constexpr Argument operator""_a() {
    return {};
}
#else
constexpr Argument operator""_a(const char*, std::size_t) { return {}; }
#endif
} // namespace literals
} // namespace foreign

using namespace foreign::literals;

int FOREIGN_FUNCTION(int n);

int FOREIGN_FUNCTION(int n) {
    PLUME_SPAN("foreign", "n"_a = n);
    PLUME_SET("set"_a = n);
    PLUME_EVENT("event", "n"_a = n);
    return "n"_a = n;
}
