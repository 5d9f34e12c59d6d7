// settle.hpp - reads the values of a record once, where reading them twice could differ.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <plume/record/callsite.hpp>
#include <plume/record/slow_path.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// All values of a record, as they lie in a ring.
struct Written {
    std::string_view written;

    static consteval std::size_t count() { return 0; } // the callsite has the fields
    static consteval bool one_word_each() { return false; }
    static consteval bool settled() { return true; }
};

template <class Arg> inline constexpr bool is_settled_argument = true;
template <Literal K, class V>
inline constexpr bool is_settled_argument<KeyValue<K, V>> = is_settled<V>;

/// Memory of a thread for the values of a record that is being made. Records that are made while
/// its values are read take what is behind. Allocated once a thread, with the first such record.
class Scratch {
  public:
    Scratch() noexcept : lane_{own_lane()}, before_{lane_ ? lane_->scratch_used : 0} {
        if (lane_ && !lane_->scratch) make();
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    ~Scratch() {
        if (lane_) lane_->scratch_used = before_;
    }

    /// What is good as long as this lives. Without memory it is larger than any ring: so it is
    /// dropped and counted like everything that finds no room.
    template <class... Args>
    [[nodiscard]] Written write(const Args&... args) {
        if (!lane_) return {{nullptr, larger_than_any_ring}};
        const std::uint64_t kept = (least(args) + ... + 0);
        const std::uint64_t end = end_of_draft();
        if (end < before_ + kept) return {{lane_->scratch, larger_than_any_ring}};
        Draft draft{lane_->scratch, lane_->scratch_used, end, kept, limits_};
        (add(draft, args), ...);
        return {{lane_->scratch + before_, lane_->scratch_used - before_}};
    }

  private:
    static constexpr std::size_t larger_than_any_ring = std::size_t{1} << 40U;
    /// Records that are larger are cut, in rings that could hold more.
    static constexpr std::uint64_t most_bytes = std::uint64_t{4} << 20U;

    [[gnu::noinline, gnu::cold]] void make() noexcept {
        const std::uint64_t largest = settings_of_rings().largest_record();
        const std::uint64_t bytes = largest < most_bytes ? largest : most_bytes;
        lane_->scratch = static_cast<char*>(std::malloc(bytes)); // pages come when they are used
        lane_->scratch_bytes = lane_->scratch ? bytes : 0;
    }

    /// A record is no larger than its ring allows.
    [[nodiscard]] [[gnu::noinline]] std::uint64_t end_of_draft() noexcept {
        std::uint64_t largest = lane_->largest_record;
        limits_ = lane_->limits;
        if (largest == 0) { // no ring yet
            const LaneSettings settings = settings_of_rings();
            largest = settings.largest_record();
            limits_ = settings.limits;
        }
        const std::uint64_t end = before_ + largest;
        return end < lane_->scratch_bytes ? end : lane_->scratch_bytes;
    }

    template <class Arg>
    static std::uint64_t least(const Arg& arg) noexcept {
        if constexpr (!is_attribute<Arg>) return 0;
        else if constexpr (requires { arg.value.written; }) return arg.value.written.size();
        else return Draft::least * value_count<typename Arg::value_type>;
    }
    template <class Arg>
    static void add(Draft& draft, const Arg& arg) {
        if constexpr (is_attribute<Arg>) draft.add(arg.value);
    }

    Lane* lane_;
    std::uint64_t before_;
    Limits limits_{};
};

/// Calls `f` with arguments that are the same when they are read twice: with these, or with what
/// was written of them. Throws what reading a range throws, before anything is recorded.
template <class F, class... Args>
[[gnu::always_inline]] inline void
settle(const F& f, const Args&... args) noexcept((is_settled_argument<Args> && ...)) {
    if constexpr ((is_settled_argument<Args> && ...)) {
        f(args...);
    } else {
        Scratch scratch;
        f(KeyValue<"_", Written>{scratch.write(args...)});
    }
}

} // namespace detail
} // namespace plume
