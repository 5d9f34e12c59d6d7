// runtime_key.hpp - an attribute key that is known at run time only, such as a header's name.
#pragma once

#include <cstdint>
#include <string_view>

#include <plume/record/fast_path.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// The number of what is met at run time only, unless `made` of its kind are `most` already, so
/// that a program that makes up names cannot grow without bound. 0: there is none left, or no
/// memory. Takes a lock, may allocate. `made` is written under that lock.
[[nodiscard]] inline std::uint32_t
register_within(const Description& description, std::uint32_t& made, std::uint32_t most) noexcept {
    Runtime& process = runtime();
    Locked lock{process.mutex};
    const Entry* entry = process.registry.find(description);
    if (!entry && made < most) {
        entry = process.registry.add(description, nullptr);
        if (entry) ++made;
    }
    return entry ? entry->index : 0;
}

/// A key of values of one type. Interned for ever when it is made: make one per key that a program
/// is configured with, or bound their number; never one from whatever a request brings.
template <WireType Type>
class [[gnu::visibility("default")]] RunTimeKeyOf {
  public:
    /// Records nothing.
    constexpr RunTimeKeyOf() noexcept = default;
    /// An empty key, or one that there is no memory for, records nothing. Takes a lock, may
    /// allocate.
    explicit RunTimeKeyOf(std::string_view key) noexcept {
        constexpr std::uint32_t all = ~std::uint32_t{0};
        std::uint32_t uncounted = 0;
        *this = within(key, uncounted, all);
    }
    /// The same for one of a bounded number: see register_within().
    [[nodiscard]] static RunTimeKeyOf within(std::string_view key, std::uint32_t& made,
                                             std::uint32_t most) noexcept {
        RunTimeKeyOf bounded;
        if (key.empty()) return bounded;
        const Field field{key.data(), static_cast<std::uint32_t>(key.size()), Type};
        Description description{};
        description.fields = &field;
        description.field_count = 1;
        description.what = SiteKind::attributes;
        bounded.index_ = register_within(description, made, most);
        return bounded;
    }

    /// Records a value on a span, as in SpanApi::set().
    template <class T>
    void record_on(std::uint64_t token, const T& value) const
        noexcept(is_settled<decltype(canonical(value))> && reads_quietly<T>) {
        static_assert(wire_type<decltype(canonical(value))> == Type);
        if (index_ != 0 && recording_on(token))
            settled_record<Site>(token, index_, Key<"_">{} = value);
    }

  private:
    struct Site { ///< what record() asks of a callsite
        static constexpr bool one_word_fields = false;
        static constexpr std::size_t attribute_count = 1;
    };
    std::uint32_t index_ = 0;
};

using RunTimeKey = RunTimeKeyOf<WireType::string>;
using RunTimeListKey = RunTimeKeyOf<WireType::string_array>;

} // namespace detail
} // namespace plume
