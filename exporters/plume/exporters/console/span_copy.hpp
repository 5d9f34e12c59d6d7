// span_copy.hpp - a span that outlives its batch: everything it points to, in one block of memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>

#include <plume/export/span_data.hpp>

namespace plume::console {

/// Reads like the SpanData that it was made from. One allocation a span: tens of thousands of them
/// may wait at a time. A moved-from copy is empty, and may not be read.
class SpanCopy {
  public:
    explicit SpanCopy(const SpanData& span) {
        // The same walk twice: once to see how much room it takes, once to fill it.
        Block measure;
        copy(span, measure);
        memory_ = std::make_unique_for_overwrite<std::byte[]>(measure.used);
        Block fill{memory_.get(), 0};
        copy(span, fill);
    }

    [[nodiscard]] explicit operator bool() const noexcept { return memory_ != nullptr; }
    [[nodiscard]] const SpanData& operator*() const noexcept {
        return *std::launder(reinterpret_cast<const SpanData*>(memory_.get()));
    }
    [[nodiscard]] const SpanData* operator->() const noexcept { return &**this; }

  private:
    /// Memory that is handed out from front to back. Without a base it hands out null and counts.
    struct Block {
        std::byte* base = nullptr; // null: only measures
        std::size_t used = 0;

        template <class T> T* take(std::size_t count) {
            // What is skipped here needs no destructor, and operator new aligns for all of it.
            static_assert(std::is_trivially_copyable_v<T> &&
                          alignof(T) <= alignof(std::max_align_t));
            used = (used + alignof(T) - 1) / alignof(T) * alignof(T);
            T* const place = base ? reinterpret_cast<T*>(base + used) : nullptr;
            used += count * sizeof(T);
            return place;
        }
        template <class T> void store(T* place, const T& value, std::size_t index = 0) {
            if (base) new (place + index) T(value);
        }
    };

    // Each of these copies one part and what it points to. While measuring, what they return is
    // empty, and nobody looks at it.

    template <class T> static std::span<const T> raw(std::span<const T> from, Block& block) {
        T* const to = block.take<T>(from.size());
        if (to && !from.empty()) std::memcpy(to, from.data(), from.size_bytes());
        return {to, to ? from.size() : 0};
    }
    static std::string_view text(std::string_view from, Block& block) {
        const std::span<const char> to = raw(std::span<const char>{from}, block);
        return {to.data(), to.size()};
    }
    /// A list whose elements point elsewhere: `one` copies an element and what it points to.
    template <class T, class One>
    static std::span<const T> list(std::span<const T> from, Block& block, One one) {
        T* const to = block.take<T>(from.size());
        for (std::size_t i = 0; i < from.size(); ++i) block.store(to, one(from[i], block), i);
        return {to, to ? from.size() : 0};
    }

    static Attribute attribute(const Attribute& from, Block& block) {
        const std::string_view key = text(from.key(), block);
        return from.visit([&](auto value) -> Attribute {
            if constexpr (std::is_same_v<decltype(value), std::string_view>)
                return {key, text(value, block)};
            else if constexpr (std::is_same_v<decltype(value), std::span<const std::string_view>>)
                return {key, list(value, block, text)};
            else if constexpr (requires { value.size(); }) return {key, raw(value, block)};
            else return {key, value};
        });
    }
    static Event event(const Event& from, Block& block) {
        return {text(from.name, block), from.time_unix_ns, list(from.attributes, block, attribute),
                from.dropped_attributes};
    }
    static Link link(const Link& from, Block& block) {
        Link to = from;
        to.context.trace_state = text(from.context.trace_state, block);
        to.attributes = list(from.attributes, block, attribute);
        return to;
    }
    static Source source(const Source& from, Block& block) {
        return {text(from.name, block),       text(from.file, block),
                text(from.function, block),   from.line,
                text(from.scope_name, block), text(from.scope_version, block)};
    }
    static SpanDetails details(const SpanDetails& from, Block& block) {
        SpanDetails to = from;
        to.events = list(from.events, block, event);
        to.links = list(from.links, block, link);
        to.status_message = text(from.status_message, block);
        to.trace_state = text(from.trace_state, block);
        return to;
    }

    static void copy(const SpanData& from, Block& block) {
        SpanData to = from;
        SpanData* const place = block.take<SpanData>(1); // first, so that it is found again
        // The source, too: it belongs to the registry of callsites, which an exporter may outlive.
        auto* const origin = block.take<Source>(1);
        block.store(origin, source(*from.source, block));
        to.source = origin;
        to.thread = nullptr; // the console does not show it
        if (from.renamed) {
            auto* const name = block.take<std::string_view>(1);
            block.store(name, text(*from.renamed, block));
            to.renamed = name;
        }
        if (from.details != &SpanData::no_details) { // few spans have any
            auto* const rest = block.take<SpanDetails>(1);
            block.store(rest, details(*from.details, block));
            to.details = rest;
        }
        to.attribute_data = list(from.attributes(), block, attribute).data();
        block.store(place, to);
    }

    std::unique_ptr<std::byte[]> memory_;
};

} // namespace plume::console
