// look.hpp - what the console can show: colours, guides and signs, and how wide a line may be.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include <sys/ioctl.h>
#include <unistd.h>

#include <plume/exporters/console/options.hpp>
#include <plume/exporters/console/words.hpp>

namespace plume::console {

/// The signs that have an ASCII form. Guides are as wide as one another in each of the two sets.
struct Glyphs {
    std::string_view branch, last_branch, pipe, half_pipe, blank, half_blank;
    std::string_view dot, cross, arrow, ellipsis, micro;
    /// By what is left and right of its middle: nothing, children, own work.
    std::string_view bar[3][3];
};

inline constexpr Glyphs unicode_glyphs{
    .branch = "├─ ",
    .last_branch = "└─ ",
    .pipe = "│  ",
    .half_pipe = "│ ",
    .blank = "   ",
    .half_blank = "  ",
    .dot = " · ",
    .cross = "✗",
    .arrow = "→",
    .ellipsis = "…",
    .micro = "µ",
    .bar = {{" ", "╶", "╺"}, {"╴", "─", "╼"}, {"╸", "╾", "━"}},
};

/// Without halves: what is heavy in either half is heavy.
inline constexpr Glyphs ascii_glyphs{
    .branch = "|- ",
    .last_branch = "`- ",
    .pipe = "|  ",
    .half_pipe = "| ",
    .blank = "   ",
    .half_blank = "  ",
    .dot = " - ",
    .cross = "x",
    .arrow = "->",
    .ellipsis = "...",
    .micro = "u",
    .bar = {{" ", "-", "="}, {"-", "-", "="}, {"=", "=", "="}},
};

/// Escape sequences that set one colour (ECMA-48, 8.3.117); the sixteen colours of the terminal's
/// own theme, so that text stays readable on light and dark ones.
namespace colour {
inline constexpr std::string_view bold = "\x1b[1m";
inline constexpr std::string_view dim = "\x1b[2m";
inline constexpr std::string_view red = "\x1b[31m";
inline constexpr std::string_view bold_red = "\x1b[1;31m";
inline constexpr std::string_view yellow = "\x1b[33m";
inline constexpr std::string_view blue = "\x1b[34m";
inline constexpr std::string_view cyan = "\x1b[36m";
inline constexpr std::string_view none = "";
inline constexpr std::string_view reset = "\x1b[0m";
} // namespace colour

/// What was decided once for a stream.
struct Look {
    const Glyphs* glyphs = &unicode_glyphs;
    bool coloured = false;

    /// `text` in that colour, where there are colours. Always reset behind: a line that is cut by
    /// `head` or a crash must not colour what follows.
    void paint(Text& out, std::string_view sgr, std::string_view text) const {
        if (!coloured || sgr.empty() || text.empty()) return put(out, text);
        put(out, sgr);
        put(out, text);
        put(out, colour::reset);
    }
};

/// False for streams without a file descriptor, such as fmemopen()'s.
[[nodiscard]] inline bool is_terminal(std::FILE* stream) { return isatty(fileno(stream)) == 1; }

/// An environment variable that is not set and one that is empty are the same (POSIX, XBD 8.2).
[[nodiscard]] inline std::string_view environment(const char* name) {
    const char* const value = std::getenv(name);
    return value ? value : "";
}

[[nodiscard]] inline bool wants_colour(const ConsoleOptions& options) {
    switch (options.colour) {
    case ConsoleColour::always: return true;
    case ConsoleColour::never: return false;
    case ConsoleColour::automatic: break;
    }
    return environment("NO_COLOR").empty() && environment("TERM") != "dumb" &&
           is_terminal(options.stream);
}

[[nodiscard]] inline bool wants_unicode(const ConsoleOptions& options) {
    switch (options.glyphs) {
    case ConsoleGlyphs::unicode: return true;
    case ConsoleGlyphs::ascii: return false;
    case ConsoleGlyphs::automatic: break;
    }
    // Not nl_langinfo(): it tells the truth only after setlocale(), which most services never call.
    for (const char* const name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
        const std::string_view locale = environment(name);
        if (locale.empty()) continue;
        for (const std::string_view utf8 : {"UTF-8", "utf-8", "UTF8", "utf8"})
            if (locale.find(utf8) != std::string_view::npos) return true;
        return false;
    }
    return true; // containers set none of them, and what shows their output is UTF-8
}

[[nodiscard]] inline Look look_for(const ConsoleOptions& options) {
    return {wants_unicode(options) ? &unicode_glyphs : &ascii_glyphs, wants_colour(options)};
}

/// Asked for again with every print: people resize their windows.
[[nodiscard]] inline std::size_t columns_for(const ConsoleOptions& options) {
    if (options.columns != 0) return options.columns;
    winsize window{};
    if (ioctl(fileno(options.stream), TIOCGWINSZ, &window) != 0 || window.ws_col == 0) return 100;
    // Narrower, names leave no room for bars; wider, a line of attributes is hard to follow.
    return std::clamp<std::size_t>(window.ws_col, 72, 160);
}

} // namespace plume::console
