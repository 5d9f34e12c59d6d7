// fuzz.hpp - how a fuzzer of headers reads its input, and how it complains.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fuzz {

using Headers = std::vector<std::pair<std::string, std::string>>;

/// Ends the process, which libFuzzer reports together with the input.
inline void require(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "does not hold: %s\n", what);
    std::abort();
}

inline std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> parts(1);
    for (const char c : text)
        if (c == separator) parts.emplace_back();
        else parts.back() += c;
    return parts;
}

/// One header a line. Its first character says which of the names it has: `a` the first one.
inline Headers headers_of(const std::uint8_t* data, std::size_t size,
                          std::initializer_list<const char*> names) {
    Headers headers;
    for (const std::string& line : split({reinterpret_cast<const char*>(data), size}, '\n')) {
        if (line.empty() || line[0] < 'a') continue;
        const auto which = static_cast<std::size_t>(line[0] - 'a');
        if (which < names.size()) headers.emplace_back(names.begin()[which], line.substr(1));
    }
    return headers;
}

/// The values of the headers of a name that are not empty.
inline std::vector<std::string> values_of(const Headers& headers, std::string_view name) {
    std::vector<std::string> values;
    for (const auto& [key, value] : headers)
        if (key == name && !value.empty()) values.push_back(value);
    return values;
}

template <std::size_t Size>
std::string text_of(const std::array<char, Size>& digits) {
    return {digits.data(), digits.size()};
}

} // namespace fuzz
