// late_sampling.hpp - the decision on a root whose sampler wants to see its attributes first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

#include <plume/record/slow_path.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// The arguments of a begin record, read back for a sampler. Arrays are left out.
class SamplingAttributes {
  public:
    SamplingAttributes(const Entry& entry, const char* payload) noexcept {
        for (std::uint32_t i = 0; i < entry.field_count; ++i) {
            const Field& field = entry.fields[i];
            list_[count_].key = {field.key, field.key_size};
            payload = read(field.type, payload);
        }
    }
    [[nodiscard]] const SamplingAttribute* data() const noexcept { return list_; }
    [[nodiscard]] std::size_t size() const noexcept { return count_; }

  private:
    /// Keeps the value if it can be kept; returns where the next one is.
    const char* read(WireType type, const char* at) noexcept {
        const auto bits = static_cast<unsigned>(type);
        constexpr auto optional = static_cast<unsigned>(WireType::optional_bit);
        if ((bits & optional) != 0) {
            if (word_at(at) == 0) return at + 8;
            at += 8;
        }
        type = static_cast<WireType>(bits & ~optional);
        SamplingAttribute& to = list_[count_];
        to.type = type;
        const std::uint64_t first = word_at(at);
        const auto stored = static_cast<std::uint32_t>(first);
        switch (type) {
        case WireType::boolean:
            to.int64 = first != 0;
            to.text = first != 0 ? "true" : "false";
            break;
        case WireType::int64:
        case WireType::uint64:
            std::memcpy(&to.int64, at, 8);
            to.text = digits(first, type == WireType::int64 && to.int64 < 0);
            break;
        case WireType::float64: std::memcpy(&to.float64, at, 8); break;
        case WireType::string:
            to.text = {at + 8, stored};
            ++count_;
            return at + 8 + padded(stored);
        case WireType::string_array:
            at += 8;
            for (std::uint32_t i = 0; i < stored; ++i)
                at += 8 + padded(static_cast<std::uint32_t>(word_at(at)));
            return at;
        default: return at + 8 + std::size_t{8} * stored;
        }
        ++count_;
        return at + 8;
    }

    std::string_view digits(std::uint64_t value, bool negative) noexcept {
        char* const end = text_[count_] + sizeof text_[0];
        char* at = end;
        if (negative) value = ~value + 1;
        do *--at = static_cast<char>('0' + value % 10);
        while ((value /= 10) != 0);
        if (negative) *--at = '-';
        return {at, static_cast<std::size_t>(end - at)};
    }

    static constexpr std::size_t most = 128; ///< of a callsite: see CallsiteOf
    SamplingAttribute list_[most + 1];
    char text_[most][20];
    std::size_t count_ = 0;
};

/// The root that is written, and innermost, has all that its sampler asks for. If it is not
/// sampled, takes it back: the end that it was promised says so, and the lane is mute. Returns what
/// its guard has to remember then, else 0.
[[gnu::noinline, gnu::cold]] inline std::uint64_t
sample_with_attributes(Lane& lane, std::uint32_t index) noexcept {
    lane.undecided = false;
    Runtime& process = runtime();
    const SamplingPlan* plan =
        process.sampling.load(memory_order_acquire); // pairs with the release in set_plan()
    const SamplerNode* sampler = plan ? plan->for_parent(lane.scope) : nullptr;
    if (!sampler) return 0; // replaced meanwhile
    const Entry& entry = *process.registry.at(index);
    const char* payload = lane.address(lane.current & ~low_bits) + (entry.one_word_fields ? 8 : 16);
    const SamplingAttributes attributes{entry, payload};
    TraceStart start{lane.trace_id, lane.trace_state, nullptr, lane.trace_flags};
    SamplingInput input = input_for(start, lane.scope, entry);
    input.attributes = attributes.data();
    input.attribute_count = attributes.size();
    apply(start, lane.scope.baggage, ask(*sampler, input, monotonic_ns));
    if (start.text) let_go(std::exchange(lane.trace_text, start.text));
    lane.trace_state = start.trace_state;
    lane.trace_flags = start.flags;
    if ((start.flags & trace_flags::sampled) != 0) return 0;
    put_words(lane, control::retract);
    lane.step_down(0);
    lane.mute = Mute::unsampled;
    lane.unsampled_id = unsampled_span_id(lane.trace_id);
    return lane.new_muted_token();
}

} // namespace detail
} // namespace plume
