// environment.hpp - the OTEL_* variables: empty means unset, junk is reported and ignored.
#pragma once

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

using Report = std::function<void(std::string_view)>;

/// The value of a variable that is set and not empty.
inline std::optional<std::string> variable(const char* name) {
    const char* value = std::getenv(name);
    if (!value || *value == '\0') return std::nullopt;
    return std::string{value};
}

constexpr std::string_view trimmed(std::string_view text) noexcept {
    constexpr std::string_view blanks = " \t\r\n";
    const std::size_t first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

inline std::string lower_case(std::string_view text) {
    std::string lower{text};
    for (char& c : lower)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
    return lower;
}

/// Only "true" in any case is true (OpenTelemetry, "Environment Variable Specification").
inline bool variable_is_true(const char* name, const Report& report) {
    const auto value = variable(name);
    if (!value) return false;
    const std::string word = lower_case(*value);
    if (word != "true" && word != "false")
        report(std::string{name} + "=\"" + *value +
               "\" is neither \"true\" nor \"false\": using \"false\"");
    return word == "true";
}

/// A whole number within limits, else `otherwise`.
inline std::uint64_t variable_number(const char* name, std::uint64_t otherwise, std::uint64_t least,
                                     std::uint64_t most, const Report& report) {
    const auto text = variable(name);
    if (!text) return otherwise;
    const std::string_view digits = trimmed(*text);
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error == std::errc{} && end == digits.data() + digits.size() && value >= least &&
        value <= most)
        return value;
    report(std::string{name} + "=\"" + *text + "\" is not a whole number from " +
           std::to_string(least) + " to " + std::to_string(most) + ": using " +
           std::to_string(otherwise));
    return otherwise;
}

/// "a%20b" as "a b"; nothing if a % is not followed by two hexadecimal digits.
inline std::optional<std::string> percent_decoded(std::string_view text) {
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            decoded += text[i];
            continue;
        }
        unsigned value = 0;
        if (i + 2 >= text.size() || text[i + 1] == '-') return std::nullopt;
        const auto [end, error] = std::from_chars(&text[i + 1], &text[i + 1] + 2, value, 16);
        if (error != std::errc{} || end != &text[i + 1] + 2) return std::nullopt;
        decoded += static_cast<char>(value);
        i += 2;
    }
    return decoded;
}

/// The parts between commas, trimmed; empty parts are left out.
inline std::vector<std::string_view> split_list(std::string_view text) {
    std::vector<std::string_view> parts;
    while (!text.empty()) {
        const std::size_t comma = text.find(',');
        const std::string_view part = trimmed(text.substr(0, comma));
        if (!part.empty()) parts.push_back(part);
        text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
    }
    return parts;
}

using Pairs = std::vector<std::pair<std::string, std::string>>;

/// "k=v,k=v", percent-decoded. One bad pair discards them all (OpenTelemetry, resource SDK).
inline Pairs variable_pairs(const char* name, const Report& report) {
    const auto text = variable(name);
    Pairs pairs;
    if (!text) return pairs;
    for (const std::string_view part : split_list(*text)) {
        const std::size_t equals = part.find('=');
        const auto key = percent_decoded(trimmed(part.substr(0, equals)));
        const auto value = equals == std::string_view::npos
                               ? std::nullopt
                               : percent_decoded(trimmed(part.substr(equals + 1)));
        if (!key || key->empty() || !value) {
            report(std::string{name} + ": \"" + std::string{part} +
                   "\" is not key=value: ignoring all of it");
            return {};
        }
        pairs.emplace_back(*key, *value);
    }
    return pairs;
}

} // namespace detail
} // namespace plume
