// owned_context.hpp - a SpanContext that may be kept: it owns the text that a SpanContext views.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>

#include <plume/atomic.hpp>
#include <plume/ids.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// Trace state and baggage behind each other. Never changes, and lives as long as its last owner.
struct [[gnu::visibility("default")]] ContextText {
    Atomic<std::uint32_t> owners{1};
    std::uint32_t trace_state_size;
    std::uint32_t baggage_size;

    [[nodiscard]] char* text() noexcept { return reinterpret_cast<char*>(this + 1); }
    [[nodiscard]] std::string_view trace_state() noexcept { return {text(), trace_state_size}; }
    [[nodiscard]] std::string_view baggage() noexcept {
        return {text() + trace_state_size, baggage_size};
    }

    /// Null for two empty texts, and where there is no memory.
    [[gnu::noinline]] static ContextText* make(std::string_view trace_state,
                                               std::string_view baggage) noexcept {
        // Headers end long before; what claims to be longer is not passed on.
        constexpr std::size_t longest = std::size_t{1} << 30U;
        if (trace_state.size() > longest) trace_state = {};
        if (baggage.size() > longest) baggage = {};
        const std::size_t size = trace_state.size() + baggage.size();
        if (size == 0) return nullptr;
        void* memory = ::operator new(sizeof(ContextText) + size, std::nothrow);
        if (!memory) return nullptr;
        auto* made = new (memory) ContextText;
        made->trace_state_size = static_cast<std::uint32_t>(trace_state.size());
        made->baggage_size = static_cast<std::uint32_t>(baggage.size());
        char* end = made->text();
        for (const std::string_view part : {trace_state, baggage}) {
            if (!part.empty()) std::memcpy(end, part.data(), part.size());
            end += part.size();
        }
        return made;
    }
};

} // namespace detail

/// What a SpanContext says, with copies of its trace state and baggage, so that it may be stored,
/// and read on another thread, after what it was taken from is gone. Two empty texts cost no
/// allocation, others one; copies share it. Never throws: without memory the texts are left out,
/// and the ids go on (W3C Trace Context, 3.3.1: a tracestate may be dropped).
///
/// As with any value, different objects may be used on different threads at once.
class OwnedContext {
  public:
    /// Invalid: no parent.
    OwnedContext() noexcept = default;
    explicit OwnedContext(const SpanContext& context) noexcept
        : trace_id_{context.trace_id}, span_id_{context.span_id}, flags_{context.flags},
          is_remote_{context.is_remote},
          text_{detail::ContextText::make(context.trace_state, context.baggage)} {}

    OwnedContext(const OwnedContext& other) noexcept
        : trace_id_{other.trace_id_}, span_id_{other.span_id_}, flags_{other.flags_},
          is_remote_{other.is_remote_}, text_{other.text_} {
        // Whoever copies has an owner: nothing is to be ordered.
        if (text_) text_->owners.fetch_add(1, detail::memory_order_relaxed);
    }
    OwnedContext(OwnedContext&& other) noexcept
        : trace_id_{std::exchange(other.trace_id_, {})},
          span_id_{std::exchange(other.span_id_, {})}, flags_{std::exchange(other.flags_, {})},
          is_remote_{std::exchange(other.is_remote_, false)},
          text_{std::exchange(other.text_, nullptr)} {}
    OwnedContext& operator=(OwnedContext other) noexcept {
        trace_id_ = other.trace_id_;
        span_id_ = other.span_id_;
        flags_ = other.flags_;
        is_remote_ = other.is_remote_;
        std::swap(text_, other.text_);
        return *this;
    }
    ~OwnedContext() {
        // Acquires what the other owners have read, and releases what this one has.
        if (text_ && text_->owners.fetch_add(~std::uint32_t{0}, detail::memory_order_acq_rel) == 1)
            ::operator delete(text_);
    }

    /// Views this object's text, which stays where it is: good as long as this object, what it is
    /// moved to, or any copy lives.
    [[nodiscard]] SpanContext view() const noexcept {
        return {trace_id_,
                span_id_,
                flags_,
                is_remote_,
                text_ ? text_->trace_state() : std::string_view{},
                text_ ? text_->baggage() : std::string_view{}};
    }
    [[nodiscard]] bool valid() const noexcept { return trace_id_.valid() && span_id_.valid(); }

    /// Whether both say the same.
    friend bool operator==(const OwnedContext& a, const OwnedContext& b) noexcept {
        return a.view() == b.view();
    }

  private:
    TraceId trace_id_;
    SpanId span_id_;
    std::uint8_t flags_ = 0;
    bool is_remote_ = false;
    detail::ContextText* text_ = nullptr;
};

} // namespace plume
