// header_line.hpp - which texts may be a header of HTTP, and what is wrong with the others.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace plume::detail {

/// A field name of HTTP (RFC 9110, 5.6.2): a token.
[[nodiscard]] inline bool is_header_name(std::string_view text) noexcept {
    static constexpr std::string_view others = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               others.find(c) != others.npos;
    });
}

/// A field value (RFC 9110, 5.5). No control character but the tab: a line break would end the
/// header and start another one, and libcurl ends a text at its first NUL.
[[nodiscard]] inline bool is_header_value(std::string_view text) noexcept {
    return std::ranges::none_of(text, [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return (byte < 0x20 && c != '\t') || byte == 0x7f;
    });
}

/// Says why a header can't be sent; empty if it can. Never shows the value, which may be a secret,
/// nor a name that is none.
[[nodiscard]] inline std::string header_fault(std::string_view name, std::string_view value) {
    if (!is_header_name(name)) return "the name of a header is no token of HTTP";
    if (is_header_value(value)) return {};
    return "the value of the header \"" + std::string{name} + "\" has a control character";
}

/// The same for a line "Name: value".
[[nodiscard]] inline std::string header_fault(std::string_view line) {
    const std::size_t colon = std::min(line.find(':'), line.size());
    return header_fault(line.substr(0, colon), line.substr(std::min(colon + 1, line.size())));
}

} // namespace plume::detail
