// bar.hpp - where in the time of its tree a span worked itself, and where its children did.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include <plume/exporters/console/look.hpp>

namespace plume::console {

/// Enough to see a twentieth of the time; names and attributes need the rest of the line.
inline constexpr std::size_t bar_cells = 24;

/// A stretch of time, in nanoseconds since 1970.
struct Window {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
};

/// Heavy where the span itself ran, thin where one of its children did, blank before and after. A
/// cell has two halves, each with one state; what is shorter than a half still gets one.
class Bar {
  public:
    explicit Bar(Window whole) noexcept : whole_{whole} {}

    /// The span whose bar it is; first.
    void span(Window own) noexcept {
        own_ = halves(own);
        own_.begin = std::min(own_.begin, count - 1);
        own_.end = std::max(own_.end, own_.begin + 1);
        std::fill(states_.begin() + own_.begin, states_.begin() + own_.end, self);
    }
    /// One of its children, any number of them. One that is too short to be seen leaves the bar as
    /// it is; what reaches beyond the span (it was asynchronous) is cut.
    void child(Window child) noexcept {
        const Halves part = halves(child);
        for (int half = std::max(part.begin, own_.begin); half < std::min(part.end, own_.end);
             ++half)
            states_[static_cast<std::size_t>(half)] = children;
    }

    /// Without blanks at the end.
    void put_to(Text& out, const Look& look, std::string_view sgr) const {
        Text shown;
        for (std::size_t half = 0; half < static_cast<std::size_t>(own_.end); half += 2)
            put(shown, look.glyphs->bar[states_[half]][states_[half + 1]]);
        look.paint(out, sgr, {shown.data(), shown.size()});
    }

  private:
    enum State : std::uint8_t { nothing, children, self };
    struct Halves {
        int begin = 0;
        int end = 0;
    };
    static constexpr int count = 2 * static_cast<int>(bar_cells);

    /// Rounded, so that spans that follow one another meet and don't overlap.
    [[nodiscard]] Halves halves(Window part) const noexcept {
        const auto position = [this](std::uint64_t ns) {
            if (ns <= whole_.begin) return 0;
            if (ns >= whole_.end) return count;
            // As doubles: nanoseconds times cells would overflow 64 bits after 12 years.
            const auto length = static_cast<double>(whole_.end - whole_.begin);
            return static_cast<int>(
                std::lround(static_cast<double>(ns - whole_.begin) / length * count));
        };
        return {position(part.begin), position(part.end)};
    }

    Window whole_;
    Halves own_;
    std::array<State, static_cast<std::size_t>(count)> states_{};
};

} // namespace plume::console
