// alphabet.hpp - characters of headers, spelt out, for parsers that only have to be right.
#pragma once

#include <cstddef>
#include <string>

namespace reference {

inline const std::string lowercase = "abcdefghijklmnopqrstuvwxyz";
inline const std::string uppercase = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
inline const std::string digits = "0123456789";
inline const std::string lowercase_hex = "0123456789abcdef";
inline const std::string any_hex = "0123456789abcdefABCDEF";
/// RFC 9110, 5.6.2.
inline const std::string token = lowercase + uppercase + digits + "!#$%&'*+-.^_`|~";

/// Whether there is nothing in a text but what is in an alphabet.
inline bool only(const std::string& text, const std::string& alphabet) {
    return text.find_first_not_of(alphabet) == std::string::npos;
}

inline std::string trimmed(const std::string& text) {
    const std::size_t first = text.find_first_not_of(" \t");
    if (first == std::string::npos) return "";
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

inline std::string in_lower_case(std::string text) {
    for (char& c : text)
        if (const std::size_t at = uppercase.find(c); at != std::string::npos) c = lowercase[at];
    return text;
}

/// Zeros in front of it.
inline std::string padded(const std::string& text, std::size_t size) {
    return std::string(size - text.size(), '0') + text;
}

inline bool all_zero(const std::string& text) { return only(text, "0"); }

} // namespace reference
