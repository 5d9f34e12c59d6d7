// trace_state.hpp - the header with what vendors add to a trace (W3C Trace Context Level 2, 3.3).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <plume/propagation/header_text.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

inline constexpr std::size_t most_trace_state_members = 32;  // 3.3.1.1
inline constexpr std::size_t longest_trace_state_part = 256; // 3.3.1.3: a key, or a value

constexpr bool is_trace_state_key(std::string_view key) noexcept {
    if (key.empty() || key.size() > longest_trace_state_part) return false;
    const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    if (!plain(key[0])) return false;
    for (const char c : key)
        if (!plain(c) && c != '_' && c != '-' && c != '*' && c != '/' && c != '@') return false;
    return true;
}

constexpr bool is_trace_state_value(std::string_view value) noexcept {
    if (value.empty() || value.size() > longest_trace_state_part || value.back() == ' ')
        return false;
    for (const char c : value)
        if (c < 0x20 || c > 0x7e || c == ',' || c == '=') return false;
    return true;
}

/// Calls f(member, key, value) for each member that is not empty. False as soon as one is invalid,
/// or one too many.
template <class F>
constexpr bool each_trace_state_member(std::string_view list, std::size_t& count, F&& f) {
    while (!list.empty()) {
        const std::string_view member = without_blanks(take_until(list, ','));
        if (member.empty()) continue;
        std::string_view value = member;
        const std::string_view key = take_until(value, '=');
        if (++count > most_trace_state_members || !is_trace_state_key(key) ||
            !is_trace_state_value(value))
            return false;
        f(member, key, value);
    }
    return true;
}

/// Whether it can be sent as it is.
constexpr bool is_trace_state(std::string_view list) noexcept {
    std::size_t count = 0;
    return each_trace_state_member(list, count, [](auto, auto, auto) {});
}

/// Adds the members of a header to those of the headers before it. If one is invalid or there are
/// too many, the whole state is, and false comes back.
inline bool append_trace_state(std::string& state, std::size_t& count, std::string_view header) {
    return each_trace_state_member(
        header, count, [&state](std::string_view member, std::string_view, std::string_view) {
            if (!state.empty()) state += ',';
            state += member;
        });
}

} // namespace detail

/// The value that a trace state has for a key, or empty.
[[nodiscard]] constexpr std::string_view trace_state_value(std::string_view state,
                                                           std::string_view key) noexcept {
    while (!state.empty()) {
        std::string_view value = detail::without_blanks(detail::take_until(state, ','));
        if (detail::take_until(value, '=') == key) return value;
    }
    return {};
}

/// The state with another value for a key, or with one more; an empty value takes the key away.
/// What changes moves to the front, the others keep their order, and what is one too many falls
/// off the end (W3C Trace Context Level 2, 3.5 and 3.3.1.1). A key or value that the header cannot
/// carry, or a state that is none, leaves the state as it was.
[[nodiscard]] inline std::string with_trace_state(std::string_view state, std::string_view key,
                                                  std::string_view value) {
    if (!detail::is_trace_state_key(key) ||
        (!value.empty() && !detail::is_trace_state_value(value)) || !detail::is_trace_state(state))
        return std::string{state};
    std::string changed;
    std::size_t room = detail::most_trace_state_members;
    if (!value.empty()) {
        changed.append(key).append(1, '=').append(value);
        --room;
    }
    std::size_t count = 0;
    detail::each_trace_state_member(
        state, count, [&](std::string_view member, std::string_view its_key, std::string_view) {
            if (its_key == key || room == 0) return;
            --room;
            if (!changed.empty()) changed += ',';
            changed += member;
        });
    return changed;
}

} // namespace plume
