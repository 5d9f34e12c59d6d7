// origins.hpp - where spans were recorded, as attributes that are encoded once a line and thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

#include <plume/export/span_data.hpp>
#include <plume/exporters/detail/bytes.hpp>

namespace plume::otlp {

/// Which attributes say where a span was recorded. Ready-made instrumentation has no line of the
/// program's source, so its spans have no code.* whatever this says.
struct OriginChoice {
    bool code = false;   ///< code.function.name, code.file.path, code.line.number
    bool thread = false; ///< thread.id, thread.name
};

/// Encoded attributes, and how many they are.
struct Origin {
    std::string_view bytes;
    std::uint32_t count = 0;
};

/// Batches come lane by lane and from few lines, so that most spans find their attributes encoded:
/// a comparison and a copy instead of five attributes. Belongs to one encoder, whose format it
/// remembers.
class Origins {
  public:
    explicit Origins(OriginChoice choice) noexcept : choice_{choice} {}
    [[nodiscard]] OriginChoice choice() const noexcept { return choice_; }

    /// What the spans so far point to may go.
    void reset() noexcept {
        slots_.fill({});
        bytes_.clear();
    }

    /// The attributes of the span's line and thread, but for those whose key the span has itself:
    /// keys are unique, and what the program says counts. `encode(bytes, attributes)` appends
    /// attributes. Valid until the next call. Not inline: encoders keep their registers.
    template <class Encode>
    [[nodiscard]] [[gnu::noinline]] Origin of(const SpanData& span, Encode&& encode) {
        if (!choice_.code && !choice_.thread) return {};
        if (std::ranges::any_of(span.attributes(), looks_like_ours)) [[unlikely]]
            return encoded(listed(span, span.attributes()), encode).origin(bytes_);
        Slot& slot = slots_[place_of(span)];
        if (slot.source != span.source || slot.thread_id != span.thread_id ||
            slot.thread != span.thread) {
            slot = encoded(listed(span, {}), encode);
            slot.source = span.source;
            slot.thread_id = span.thread_id;
            slot.thread = span.thread;
        }
        return slot.origin(bytes_);
    }

  private:
    struct Slot {
        const Source* source = nullptr;
        const std::string_view* thread = nullptr;
        std::uint32_t thread_id = 0;
        std::uint32_t count = 0;
        std::size_t begin = 0;
        std::size_t size = 0;

        [[nodiscard]] Origin origin(const Bytes& bytes) const noexcept {
            return {bytes.view().substr(begin, size), count};
        }
    };
    struct List {
        std::array<Attribute, 5> attributes{};
        std::uint32_t count = 0;
    };

    [[nodiscard]] static bool looks_like_ours(const Attribute& attribute) noexcept {
        if (attribute.key_size < 9) return false; // "thread.id" is the shortest
        return std::memcmp(attribute.key_data, "code", 4) == 0 ||
               std::memcmp(attribute.key_data, "thre", 4) == 0;
    }

    [[nodiscard]] List listed(const SpanData& span, std::span<const Attribute> taken) const {
        List list;
        const auto add = [&](const Attribute& one) {
            if (std::ranges::find(taken, one.key(), &Attribute::key) == taken.end())
                list.attributes[list.count++] = one;
        };
        const Source& source = *span.source;
        if (choice_.code && !source.function.empty())
            add({std::string_view{"code.function.name"}, source.function});
        if (choice_.code && !source.file.empty()) {
            add({std::string_view{"code.file.path"}, source.file});
            add({std::string_view{"code.line.number"}, std::int64_t{source.line}});
        }
        if (choice_.thread && span.thread_id != 0) {
            add({std::string_view{"thread.id"}, std::int64_t{span.thread_id}});
            if (span.thread) add({std::string_view{"thread.name"}, *span.thread});
        }
        return list;
    }

    template <class Encode>
    [[nodiscard]] Slot encoded(const List& list, Encode&& encode) {
        constexpr std::size_t much = std::size_t{1} << 20; // where lines outnumber the slots
        if (bytes_.size() > much) reset();
        Slot slot;
        slot.begin = bytes_.size();
        encode(bytes_, std::span{list.attributes}.first(list.count));
        slot.size = bytes_.size() - slot.begin;
        slot.count = list.count;
        return slot;
    }

    [[nodiscard]] static std::size_t place_of(const SpanData& span) noexcept {
        std::uint64_t key = span.thread_id;
        key = key << 32U ^ reinterpret_cast<std::uintptr_t>(span.source);
        return static_cast<std::size_t>(key * 0x9e3779b97f4a7c15U >> (64U - slot_bits));
    }

    static constexpr unsigned slot_bits = 6; // 3 KiB: cheap to clear with each batch
    OriginChoice choice_;
    std::array<Slot, 1U << slot_bits> slots_{};
    Bytes bytes_;
};

} // namespace plume::otlp
