// run_time_key.hpp - an attribute key that is known at run time only, such as a header's name.
#pragma once

#include <cstdint>
#include <string_view>

#include <plume/recording.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// A key of a list of texts. Interned for ever when it is made: make one per key that a program is
/// configured with, never one from what a request brings.
class [[gnu::visibility("default")]] RunTimeKey {
  public:
    /// An empty key, or one that there is no memory for, records nothing. Takes a lock, may
    /// allocate.
    explicit RunTimeKey(std::string_view key) noexcept {
        if (key.empty()) return;
        const Field field{key.data(), static_cast<std::uint32_t>(key.size()),
                          WireType::string_array};
        Description description{};
        description.fields = &field;
        description.field_count = 1;
        description.what = SiteKind::attributes;
        Runtime& process = runtime();
        Locked lock{process.mutex};
        if (const Entry* entry = process.registry.add(description, nullptr)) index_ = entry->index;
    }

    /// Records the texts on a span, as in OnSpan::set().
    template <class Texts>
    void record_on(std::uint64_t token, const Texts& texts) const noexcept {
        static_assert(wire_type<decltype(canonical(texts))> == WireType::string_array);
        if (index_ != 0 && recording_on(token)) record<Site>(token, index_, Key<"_">{} = texts);
    }

  private:
    struct Site { ///< what record() asks of a callsite
        static constexpr bool one_word_fields = false;
        static constexpr std::size_t attribute_count = 1;
    };
    std::uint32_t index_ = 0;
};

} // namespace detail
} // namespace plume
