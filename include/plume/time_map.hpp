// time_map.hpp - from the ticks of the processor's counter to nanoseconds since 1970.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include <plume/clock.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// Two clocks read at one moment.
struct ClockSample {
    std::uint64_t ticks;
    std::uint64_t monotonic_ns;
    std::uint64_t unix_ns;
};

/// The best of a few tries: the one in which the least time passed between the readings.
inline ClockSample sample_clocks(Clock clock) noexcept {
    ClockSample best{};
    std::uint64_t least = ~std::uint64_t{0};
    for (int i = 0; i < 5; ++i) {
        const std::uint64_t before = now(clock);
        const std::uint64_t monotonic = nanoseconds_of(CLOCK_MONOTONIC);
        const std::uint64_t real = nanoseconds_of(CLOCK_REALTIME);
        const std::uint64_t after = now(clock);
        if (after - before >= least) continue;
        least = after - before;
        best = {before + least / 2, monotonic, real};
    }
    return best;
}

/// A chain of straight lines that joins without a gap and always rises: what is later in ticks is
/// never earlier in nanoseconds, whatever the calibration learns in between. The rate comes from
/// CLOCK_MONOTONIC; the wall clock only bends it, by 200 millionths at most. A step of the wall
/// clock begins another chain: a trace stays on the chain on which its local root began, so that
/// its durations do not feel the step. Used by the background thread alone, and not before it has
/// learned a first time, a millisecond or so after it was made.
class TimeMap {
  public:
    /// Which chain a trace is on.
    using Epoch = std::uint32_t;

    static constexpr unsigned fraction_bits = 32;

    /// One straight piece, from `ticks` on.
    struct Line {
        std::uint64_t ticks = 0;
        std::uint64_t unix_ns = 0;
        std::uint64_t slope = std::uint64_t{1} << fraction_bits; ///< ns a tick, fixed point

        [[nodiscard]] std::uint64_t at(std::uint64_t when) const noexcept {
            __extension__ using Wide = unsigned __int128;
            if (when >= ticks) [[likely]]
                return unix_ns +
                       static_cast<std::uint64_t>((Wide{when - ticks} * slope) >> fraction_bits);
            // Rounded the other way, so that the line rises through its beginning too.
            const Wide back =
                Wide{ticks - when} * slope + ((std::uint64_t{1} << fraction_bits) - 1);
            return unix_ns - static_cast<std::uint64_t>(back >> fraction_bits);
        }
    };

    explicit TimeMap(Clock clock) noexcept : clock_{clock}, first_{sample_clocks(clock)} {
        start_chain(first_);
    }
    TimeMap(Clock clock, const ClockSample& start) noexcept : clock_{clock}, first_{start} {
        start_chain(start);
    }
    TimeMap(const TimeMap&) = delete; // it points into itself
    TimeMap& operator=(const TimeMap&) = delete;

    [[nodiscard]] Epoch epoch() const noexcept { return epoch_; }
    [[nodiscard]] Clock clock() const noexcept { return clock_; }

    [[nodiscard]] const Line& newest_line() const noexcept { return *newest_; }

    /// `ticks` may lie in the past, by as much as the lines of the chain go back. The oldest
    /// line serves everything older, the newest everything to come.
    [[nodiscard]] std::uint64_t unix_ns(std::uint64_t ticks, Epoch epoch) const noexcept {
        if (epoch == epoch_) [[likely]] {
            const Line* line = newest_;
            while (ticks < line->ticks && line != lines_.data()) --line;
            return line->at(ticks);
        }
        return previous_epoch_line(epoch).at(ticks);
    }

    /// Learns from another sample. The new line begins at the sample: what was before keeps its
    /// time.
    void learn(const ClockSample& sample) noexcept {
        if (sample.ticks <= newest_->ticks) return;
        if (clock_ == Clock::counter) measure_rate(sample);
        if (!calibrated_) { // nothing has been mapped yet: the first line gets its slope
            lines_[0].slope = scaled(rate_);
            calibrated_ = true;
            return;
        }
        const std::uint64_t mapped = newest_->at(sample.ticks);
        const auto error = static_cast<std::int64_t>(sample.unix_ns - mapped);
        if (error > step_ns || error < -step_ns) return start_chain(sample);
        // Catch up over the next second or so, without ever running backwards or jumping.
        const double bend = std::clamp(static_cast<double>(error) * 1e-9, -200e-6, 200e-6);
        add_line({sample.ticks, mapped, scaled(rate_ * (1.0 + bend))});
    }

    void learn() noexcept { learn(sample_clocks(clock_)); }

  private:
    /// More than the wall clock drifts between two samples: somebody has set it.
    static constexpr std::int64_t step_ns = 100'000'000;

    static std::uint64_t scaled(double rate) noexcept {
        return static_cast<std::uint64_t>(
            rate * static_cast<double>(std::uint64_t{1} << fraction_bits) + 0.5);
    }

    void measure_rate(const ClockSample& sample) noexcept {
        const auto ticks = static_cast<double>(sample.ticks - first_.ticks);
        const auto ns = static_cast<double>(sample.monotonic_ns - first_.monotonic_ns);
        if (ns > 0) rate_ = ns / ticks;
    }

    void start_chain(const ClockSample& sample) noexcept {
        if (count_ != 0) { // keep the chain that is left, for the traces that are on it
            older_[epoch_ % older_.size()] = *newest_;
        }
        ++epoch_;
        count_ = 0;
        add_line({sample.ticks, sample.unix_ns, scaled(rate_)});
    }

    void add_line(const Line& line) noexcept {
        if (count_ == lines_.size()) {
            std::copy(lines_.begin() + 1, lines_.end(), lines_.begin());
            --count_;
        }
        lines_[count_++] = line;
        newest_ = &lines_[count_ - 1];
    }

    [[nodiscard]] const Line& previous_epoch_line(Epoch epoch) const noexcept {
        return older_[epoch % older_.size()];
    }

    Clock clock_;
    double rate_ = 1.0; ///< nanoseconds a tick
    bool calibrated_ = false;
    ClockSample first_;
    Epoch epoch_ = 0;
    std::array<Line, 16> lines_{}; ///< of the current chain, oldest first
    std::size_t count_ = 0;
    const Line* newest_ = lines_.data();
    std::array<Line, 8> older_{}; ///< the last line of each earlier chain
};

} // namespace detail
} // namespace plume
