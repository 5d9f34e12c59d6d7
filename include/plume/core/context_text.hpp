// context_text.hpp - the texts of a context, kept for as long as an object refers to them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <string_view>

#include <plume/core/atomic.hpp>
#include <plume/core/ids.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// Trace state and baggage behind each other. Never changes, and lives as long as its last owner.
struct [[gnu::visibility("default")]] ContextText {
    static constexpr std::uint32_t for_ever = 0; ///< of what nobody owns: part of a Threshold

    Atomic<std::uint32_t> owners{1};
    std::uint32_t trace_state_size = 0;
    std::uint32_t baggage_size = 0;

    [[nodiscard]] char* text() noexcept { return reinterpret_cast<char*>(this + 1); }
    [[nodiscard]] std::string_view trace_state() noexcept { return {text(), trace_state_size}; }
    [[nodiscard]] std::string_view baggage() noexcept {
        return {text() + trace_state_size, baggage_size};
    }
    [[nodiscard]] bool says(const SpanContext& context) noexcept {
        return context.trace_state == trace_state() && context.baggage == baggage();
    }

    /// For texts of so many bytes together, which are not written yet. Null without memory.
    static ContextText* reserve(std::size_t size) noexcept {
        void* memory = ::operator new(sizeof(ContextText) + size, std::nothrow);
        return memory ? new (memory) ContextText : nullptr;
    }
    /// Null for two empty texts, and where there is no memory.
    [[gnu::noinline]] static ContextText* make(std::string_view trace_state,
                                               std::string_view baggage) noexcept {
        // Headers end long before; what claims to be longer is not passed on.
        if (trace_state.size() > longest) trace_state = {};
        if (baggage.size() > longest) baggage = {};
        const std::size_t size = trace_state.size() + baggage.size();
        ContextText* made = size != 0 ? reserve(size) : nullptr;
        if (!made) return nullptr;
        made->trace_state_size = static_cast<std::uint32_t>(trace_state.size());
        if (!trace_state.empty()) std::memcpy(made->text(), trace_state.data(), trace_state.size());
        made->append_baggage(baggage);
        return made;
    }
    /// Behind the trace state, once, while nobody else knows of it.
    void append_baggage(std::string_view baggage) noexcept {
        baggage_size = static_cast<std::uint32_t>(baggage.size());
        if (!baggage.empty())
            std::memcpy(text() + trace_state_size, baggage.data(), baggage.size());
    }

    static constexpr std::size_t longest = std::size_t{1} << 30U; ///< of each text
};

/// One owner more. Returns `text`, which may be null.
inline ContextText* keep(ContextText* text) noexcept {
    if (!text || text->owners.load(memory_order_relaxed) == ContextText::for_ever) return text;
    text->owners.fetch_add(1, memory_order_relaxed); // the caller owns it: nothing is to be ordered
    return text;
}
/// One owner less.
inline void let_go(ContextText* text) noexcept {
    if (!text || text->owners.load(memory_order_relaxed) == ContextText::for_ever) return;
    // Pairs with itself: acquires what the other owners have read, releases what this one has.
    if (text->owners.fetch_add(~std::uint32_t{0}, memory_order_acq_rel) == 1)
        ::operator delete(text);
}

/// Has a context view `text`, or two empty texts if that is null.
inline void view(SpanContext& context, ContextText* text) noexcept {
    context.trace_state = text ? text->trace_state() : std::string_view{};
    context.baggage = text ? text->baggage() : std::string_view{};
}

} // namespace detail
} // namespace plume
