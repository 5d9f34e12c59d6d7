// options.hpp - what the console exporter prints, where to, and how long it waits for a whole tree.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>

namespace plume {

enum class ConsoleForm : std::uint8_t {
    tree, ///< a trace as a tree, for people
    line, ///< a span a line, for grep: time, duration, status, trace, span, parent, name, rest
    json  ///< a span a line, for programs: one JSON object each
};

enum class ConsoleColour : std::uint8_t {
    automatic, ///< on a terminal, unless NO_COLOR is set (no-color.org) or TERM is `dumb`
    always,
    never
};

enum class ConsoleGlyphs : std::uint8_t {
    automatic, ///< ascii if the first of LC_ALL, LC_CTYPE, LANG that is set names no UTF-8
    unicode,
    ascii ///< for guides, bars and signs; names and values stay as they are
};

// Each member has an initialiser, or compilers warn where a designated one leaves it out.
struct ConsoleOptions {
    ConsoleForm form = ConsoleForm::tree;
    ConsoleColour colour = ConsoleColour::automatic;
    ConsoleGlyphs glyphs = ConsoleGlyphs::automatic;
    /// Where to write. It belongs to the caller, and outlives the exporter.
    std::FILE* stream = stdout;

    // What follows is for the tree form alone.

    /// A span that has waited this long for its local root is printed without it, together with
    /// what has waited for half as long in the same trace.
    std::chrono::nanoseconds incomplete_after = std::chrono::seconds{10};
    /// Spans that wait for their local root; when there are more, the oldest trace is printed as
    /// incomplete. As many ids of printed spans are remembered, to tell late spans from early ones.
    std::size_t max_held_spans = 65'536;
    /// Where attributes wrap, and to what a long value is cut, ending in `…` (the other forms cut
    /// nothing); 0: at the width of the terminal, or at 100 where there is none.
    std::size_t columns = 0;
    /// The clock that `incomplete_after` is measured with; a test puts its own here.
    std::chrono::steady_clock::time_point (*now)() = [] {
        return std::chrono::steady_clock::now();
    };
};

} // namespace plume
