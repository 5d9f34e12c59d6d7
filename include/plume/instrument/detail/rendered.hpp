// rendered.hpp - attributes that are the same for span after span, written once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <plume/record/fast_path.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// Attributes as they lie in a ring, so that recording them again is one copy. Owns its memory. Any
/// thread, one at a time.
class Rendered {
  public:
    constexpr Rendered() noexcept = default;
    ~Rendered() { std::free(bytes_); }
    Rendered(const Rendered&) = delete;
    Rendered& operator=(const Rendered&) = delete;

    /// Empty before the first render(), and without memory.
    [[nodiscard]] std::string_view bytes() const noexcept { return {bytes_, size_}; }

    /// Whether it is what the calling thread's ring wants: rings of other sessions have other
    /// limits.
    [[nodiscard]] bool fits() const noexcept {
        const Lane& lane = *this_lane;
        return bytes_ && lane.largest_record == largest_record_ && largest_record_ != 0 &&
               lane.limits.text_bytes == limits_.text_bytes &&
               lane.limits.elements == limits_.elements;
    }
    void forget() noexcept {
        std::free(bytes_);
        bytes_ = nullptr;
        size_ = 0;
    }
    /// `attributes` hands its attributes to the function that it is given. False without memory.
    template <class Attributes>
    bool render(const Attributes& attributes) noexcept {
        forget();
        attributes([&](const auto&... arguments) {
            const Measured size = measure(*this_lane, arguments...);
            bytes_ = static_cast<char*>(std::malloc(size.bytes));
            if (!bytes_) return;
            size_ = size.bytes;
            RecordWriter writer{bytes_};
            (write(writer, arguments, size.limits), ...);
        });
        limits_ = this_lane->limits;
        largest_record_ = this_lane->largest_record;
        return bytes_ != nullptr;
    }

  private:
    char* bytes_ = nullptr;
    std::size_t size_ = 0;
    Limits limits_{};
    std::uint64_t largest_record_ = 0;
};

/// The attributes that `Attributes` hands over, as one of the arguments of a span: what was
/// rendered of them. They come with keys of their own, so the key of this one is for nobody.
template <class Attributes>
struct RenderedFields {
    std::string_view written; ///< not empty: all fields are in it

    static consteval std::size_t count() { return Each<ArgumentsOf<const Attributes>>::count; }
    static consteval bool one_word_each() { return false; }
    static consteval bool settled() { return true; }
    static consteval Field* describe(Field* to) {
        return Each<ArgumentsOf<const Attributes>>::describe(to);
    }

  private:
    template <class Arguments>
    struct Each;
    template <class... Args>
    struct Each<List<Args...>> {
        static constexpr std::size_t count = (fields_of<Args>() + ... + 0);
        static consteval Field* describe(Field* to) {
            ((to = detail::describe<Args>(to)), ...);
            return to;
        }
    };
};

} // namespace detail
} // namespace plume
