// switches.hpp - every instrumented line of the program, and switches for them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include <plume/record/module.hpp>

namespace plume {

/// A line of source that records something.
struct CallsiteInfo {
    std::string name; ///< of the span or the event; empty where attributes are set
    std::string file;
    std::string function; ///< empty if no macro stands there
    unsigned line = 0;
    std::string what; ///< "span", "event", "attributes" or "link"
    SpanKind kind = SpanKind::internal;
    unsigned level = PLUME_LEVEL_SPAN;
    std::vector<std::string> keys; ///< of its attributes
    bool enabled = true;           ///< it records while a session runs
};

namespace [[gnu::visibility("hidden")]] detail {

constexpr std::string_view name_of(SiteKind what) noexcept {
    switch (what) {
    case SiteKind::span: return "span";
    case SiteKind::event: return "event";
    case SiteKind::attributes: return "attributes";
    default: return "link";
    }
}

/// Under the lock. `f(entry)` for each line whose module is loaded.
template <class F>
void each_line(Runtime& process, F&& f) {
    for (std::uint32_t i = control::first_site; i < process.registry.size(); ++i)
        if (Entry* entry = process.registry.at(i); entry->live) f(*entry);
}

/// All lines, as they have to be after a switch was set. Under the lock.
inline void turn_all(Runtime& process) noexcept {
    each_line(process, [&process](const Entry& entry) { process.turn(*entry.live, entry); });
}

inline std::vector<CallsiteInfo> list_lines() {
    std::vector<CallsiteInfo> list;
    Runtime& process = runtime();
    const Locked lock{process.mutex};
    each_line(process, [&](const Entry& entry) {
        CallsiteInfo& info = list.emplace_back();
        info.name = entry.name;
        info.file = entry.file;
        info.function = entry.function;
        info.line = entry.line;
        info.what = name_of(entry.what);
        info.kind = entry.kind;
        info.level = entry.level;
        for (std::uint32_t i = 0; i < entry.field_count; ++i)
            info.keys.emplace_back(entry.fields[i].key, entry.fields[i].key_size);
        info.enabled = process.is_on(entry);
    });
    return list;
}

inline std::size_t set_switch(std::string_view pattern, bool on) {
    void* memory = std::malloc(sizeof(SwitchRule) + pattern.size());
    if (!memory) throw std::bad_alloc{};
    auto* text = static_cast<char*>(memory) + sizeof(SwitchRule);
    if (!pattern.empty()) std::memcpy(text, pattern.data(), pattern.size());
    Runtime& process = runtime();
    const Locked lock{process.mutex};
    process.switches = new (memory) SwitchRule{text, pattern.size(), on, process.switches};
    turn_all(process);
    std::size_t count = 0;
    each_line(process, [&](const Entry& entry) {
        if (matches_glob(pattern, entry.name)) ++count;
    });
    return count;
}

} // namespace detail

/// All of them, those that were never executed too, in the order in which they were loaded. Lines
/// of libraries that are not loaded any more are not among them. Takes a lock; any thread.
[[nodiscard]] inline std::vector<CallsiteInfo> callsites() { return detail::list_lines(); }

/// Switches off all lines whose name matches a pattern, such as "cache.*": * stands for any
/// characters, ? for one. They record nothing, and cost what they cost without a session; spans
/// that have begun go on to their end. Holds for sessions and libraries to come, until enable()
/// says otherwise: of several patterns that match, the latest counts. Returns how many lines match
/// now. Any thread; keeps the pattern for good.
inline std::size_t disable(std::string_view pattern) { return detail::set_switch(pattern, false); }
/// Switches them on.
inline std::size_t enable(std::string_view pattern) { return detail::set_switch(pattern, true); }

/// Switches off all lines that are finer than `level`: PLUME_LEVEL_SPAN, PLUME_LEVEL_DEBUG or
/// PLUME_LEVEL_TRACE (the default: all that was compiled in).
inline void set_level(unsigned level) noexcept {
    detail::Runtime& process = detail::runtime();
    const detail::Locked lock{process.mutex};
    process.level = static_cast<std::uint8_t>(level < 255 ? level : 255);
    detail::turn_all(process);
}

} // namespace plume
