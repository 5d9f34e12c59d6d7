// glob.hpp - patterns for names and keys: * for any characters, ? for one.
#pragma once

#include <cstddef>
#include <string_view>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// Whether all of `text` matches. An empty pattern matches like "*". Takes at most as many steps as
/// the product of both lengths; no recursion.
[[gnu::cold]] constexpr bool matches_glob(std::string_view pattern,
                                          std::string_view text) noexcept {
    if (pattern.empty()) return true;
    std::size_t p = 0;
    std::size_t t = 0;
    std::size_t star = std::string_view::npos; // the last *, and where in the text it was tried
    std::size_t tried = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            tried = t;
        } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++tried;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

} // namespace detail
} // namespace plume
