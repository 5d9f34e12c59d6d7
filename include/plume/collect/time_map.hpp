// time_map.hpp - from the ticks of the processor's counter to nanoseconds since 1970.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <new>
#include <vector>

#include <plume/core/clock.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// Three clocks read at one moment.
struct ClockSample {
    std::uint64_t ticks;
    std::uint64_t monotonic_ns; ///< CLOCK_BOOTTIME, which goes on while the machine is suspended
    std::uint64_t unix_ns;
};

/// The best of a few tries: the one in which the least time passed between the readings.
inline ClockSample sample_clocks(Clock clock) noexcept {
    ClockSample best{};
    std::uint64_t least = ~std::uint64_t{0};
    for (int i = 0; i < 5; ++i) {
        const std::uint64_t before = now(clock);
        const std::uint64_t monotonic = nanoseconds_of(CLOCK_BOOTTIME);
        const std::uint64_t real = nanoseconds_of(CLOCK_REALTIME);
        const std::uint64_t after = now(clock);
        if (i != 0 && after - before >= least) continue;
        least = after - before;
        best = {before + least / 2, monotonic, real};
    }
    return best;
}

/// A chain of straight lines that joins without a gap and always rises: what is later in ticks is
/// never earlier in nanoseconds, whatever the calibration learns in between. The rate comes from
/// CLOCK_BOOTTIME; the wall clock only bends it, by 200 millionths at most. A step of the wall
/// clock begins another chain: a trace stays on the chain on which its local root began, so that
/// its durations do not feel the step.
///
/// The counter itself may leap: it begins again after a suspend to RAM, stands still, or goes on in
/// a virtual machine that was stopped. Where it contradicts CLOCK_BOOTTIME, the kernel is believed:
/// all lines are renumbered, as if the counter had always counted as it does now. So ticks of one
/// numbering are on one straight line of time, and a span that is open meanwhile feels nothing.
///
/// Used by the background thread alone, and not before it has learned a first time, a millisecond
/// or so after it was made.
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
            if (!is_before(when, ticks)) [[likely]]
                return unix_ns +
                       static_cast<std::uint64_t>((Wide{when - ticks} * slope) >> fraction_bits);
            // Rounded the other way, so that the line rises through its beginning too.
            const Wide back =
                Wide{ticks - when} * slope + ((std::uint64_t{1} << fraction_bits) - 1);
            return unix_ns - static_cast<std::uint64_t>(back >> fraction_bits);
        }
    };

    /// Where a renumbered line begins may lie before the counter's zero.
    [[nodiscard]] static bool is_before(std::uint64_t a, std::uint64_t b) noexcept {
        return static_cast<std::int64_t>(a - b) < 0;
    }

    using Read = ClockSample (*)(Clock) noexcept;

    explicit TimeMap(Clock clock, Read read = &sample_clocks) noexcept
        : TimeMap{clock, read(clock), read} {}
    TimeMap(Clock clock, const ClockSample& start, Read read = &sample_clocks) noexcept
        : clock_{clock}, read_{read}, first_{start}, middle_{start}, learned_{start}, seen_{start} {
        start_chain(start);
    }
    TimeMap(const TimeMap&) = delete; // it points into itself
    TimeMap& operator=(const TimeMap&) = delete;

    [[nodiscard]] Epoch epoch() const noexcept { return epoch_; }
    [[nodiscard]] Clock clock() const noexcept { return clock_; }

    [[nodiscard]] const Line& newest_line() const noexcept { return *newest_; }

    /// `ticks` may lie in the past: each chain knows when it ended. The oldest line of the newest
    /// chain serves everything older, the newest everything to come.
    [[nodiscard]] std::uint64_t unix_ns(std::uint64_t ticks, Epoch epoch) const noexcept {
        if (epoch == epoch_) [[likely]] {
            const Line* line = newest_;
            while (is_before(ticks, line->ticks) && line != lines_.data()) --line;
            return line->at(ticks);
        }
        // A chain that was left goes on as the later ones do, without their steps.
        const std::uint64_t steps = older_[epoch - 1].steps;
        for (std::size_t i = epoch - 1; i < older_.size(); ++i)
            if (is_before(ticks, older_[i].end))
                return older_[i].last.at(ticks) - (older_[i].steps - steps);
        return unix_ns(ticks, epoch_) - (steps_ - steps);
    }

    /// The counter as it stands, after a look at whether it has leapt.
    [[nodiscard]] std::uint64_t present() noexcept {
        const ClockSample sample = read_(clock_);
        look(sample);
        return sample.ticks;
    }
    /// Ticks that the counter has leapt by, all in all: add what came to it meanwhile to ticks of
    /// an earlier time, and they are ticks as they are counted now.
    [[nodiscard]] std::uint64_t leapt() const noexcept { return leapt_; }

    /// Compares the counter with CLOCK_BOOTTIME. What is no later than the last sample is ignored.
    void look(const ClockSample& sample) noexcept {
        if (sample.monotonic_ns <= seen_.monotonic_ns) return;
        if (calibrated_) {
            const auto passed_ns = static_cast<double>(sample.monotonic_ns - seen_.monotonic_ns);
            const auto passed = static_cast<std::int64_t>(sample.ticks - seen_.ticks);
            const double error_ns = static_cast<double>(passed) * rate_ - passed_ns;
            const double tolerance_ns = static_cast<double>(step_ns) + passed_ns * other_rate;
            if (std::fabs(error_ns) > tolerance_ns) {
                // Twice in a row, and by a little: not a leap, but the rate.
                const double rate = passed > 0 ? passed_ns / static_cast<double>(passed) : 0;
                if (clock_ == Clock::counter && suspect_ && rate > rate_ / 2 && rate < rate_ * 2)
                    rate_ = rate;
                else leap(static_cast<std::uint64_t>(passed - std::llround(passed_ns / rate_)));
                first_ = middle_ = learned_ = sample;
                suspect_ = true;
            } else {
                suspect_ = false;
            }
        }
        seen_ = sample;
    }

    /// Learns from another sample. The new line begins at the sample: what was before keeps its
    /// time.
    void learn(const ClockSample& sample) noexcept {
        if (sample.monotonic_ns <= learned_.monotonic_ns) return;
        look(sample);
        if (clock_ == Clock::counter) measure_rate(sample);
        learned_ = sample;
        if (!calibrated_) { // nothing has been mapped yet: the first line gets its slope
            lines_[0].slope = scaled(rate_);
            calibrated_ = true;
            return;
        }
        if (!is_before(newest_->ticks, sample.ticks)) return; // a leap too small to be noticed
        const std::uint64_t mapped = newest_->at(sample.ticks);
        const auto error = static_cast<std::int64_t>(sample.unix_ns - mapped);
        if (error > step_ns || error < -step_ns) return start_chain(sample);
        // Catch up over the next second or so, without ever running backwards or jumping.
        const double bend = std::clamp(static_cast<double>(error) * 1e-9, -200e-6, 200e-6);
        add_line({sample.ticks, mapped, scaled(rate_ * (1.0 + bend))});
    }

    void learn() noexcept { learn(read_(clock_)); }

    /// When learn() wants to be called again: after as much time as the rate is known from, a
    /// second at most. What a sample is off by (some 50 ns) then is all that a time is off by.
    [[nodiscard]] std::chrono::nanoseconds learning_interval() const noexcept {
        constexpr std::uint64_t shortest_ns = 1'000'000;
        constexpr std::uint64_t longest_ns = 1'000'000'000;
        return std::chrono::nanoseconds{clock_ == Clock::counter
                                            ? std::clamp(measured_ns_, shortest_ns, longest_ns)
                                            : longest_ns};
    }

  private:
    /// More than the wall clock drifts between two samples: somebody has set it.
    static constexpr std::int64_t step_ns = 100'000'000;
    /// No kernel bends its clocks by as much: 500 millionths at most. So it is another counter.
    static constexpr double other_rate = 1e-3;
    /// The rate is the mean over one or two of these: a hundred times more exact than the clocks
    /// bend, and soon right after a change that is too small for other_rate.
    static constexpr std::uint64_t window_ns = 60'000'000'000;
    /// A mean over less may be off by other_rate, if the reading thread was interrupted: it does
    /// not replace a mean over more.
    static constexpr std::uint64_t shortest_window_ns = 500'000'000;

    static std::uint64_t scaled(double rate) noexcept {
        return static_cast<std::uint64_t>(
            rate * static_cast<double>(std::uint64_t{1} << fraction_bits) + 0.5);
    }

    /// Since the two samples; 0 if the counter went back.
    static double rate_between(const ClockSample& from, const ClockSample& to) noexcept {
        const auto ticks = static_cast<std::int64_t>(to.ticks - from.ticks);
        if (ticks <= 0) return 0;
        return static_cast<double>(to.monotonic_ns - from.monotonic_ns) /
               static_cast<double>(ticks);
    }

    void measure_rate(const ClockSample& sample) noexcept {
        if (calibrated_) {
            const std::uint64_t recent_ns = sample.monotonic_ns - learned_.monotonic_ns;
            const double recent = rate_between(learned_, sample);
            if (recent_ns >= shortest_window_ns && std::fabs(recent - rate_) > rate_ * other_rate)
                first_ = middle_ = learned_; // the rate has changed: what was before misleads
        }
        const std::uint64_t window = sample.monotonic_ns - first_.monotonic_ns;
        if (window < std::min(measured_ns_, shortest_window_ns)) return;
        if (const double rate = rate_between(first_, sample); rate > 0) rate_ = rate;
        measured_ns_ = window;
        if (sample.monotonic_ns - middle_.monotonic_ns < window_ns) return;
        first_ = middle_;
        middle_ = sample;
    }

    void leap(std::uint64_t ticks) noexcept {
        leapt_ += ticks;
        for (std::size_t i = 0; i < count_; ++i) lines_[i].ticks += ticks;
        for (Chain& chain : older_) {
            chain.last.ticks += ticks;
            chain.end += ticks;
        }
    }

    void start_chain(const ClockSample& sample) noexcept {
        if (count_ != 0) { // keep the chain that is left, for the traces that are on it
            try {
                older_.push_back({*newest_, sample.ticks, steps_});
            } catch (const std::bad_alloc&) {
                return; // the next sample shows the step again
            }
            steps_ += sample.unix_ns - newest_->at(sample.ticks);
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

    /// A chain that was left because the wall clock was set.
    struct Chain {
        Line last;
        std::uint64_t end;   ///< in ticks
        std::uint64_t steps; ///< of the wall clock before, summed up
    };

    Clock clock_;
    Read read_;
    double rate_ = 1.0;             ///< nanoseconds a tick
    std::uint64_t measured_ns_ = 0; ///< the time that it is the mean over
    bool calibrated_ = false;
    bool suspect_ = false; ///< the last look found a leap
    // The rate is measured from `first_` on; `middle_` takes its place when it is old.
    ClockSample first_;
    ClockSample middle_;
    ClockSample learned_; ///< the last one that was learned from
    ClockSample seen_;    ///< the last one that was looked at
    std::uint64_t leapt_ = 0;
    std::uint64_t steps_ = 0;
    Epoch epoch_ = 0;
    std::array<Line, 16> lines_{}; ///< of the current chain, oldest first
    std::size_t count_ = 0;
    const Line* newest_ = lines_.data();
    std::vector<Chain> older_; ///< by epoch
};

} // namespace detail
} // namespace plume
