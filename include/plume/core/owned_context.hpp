// owned_context.hpp - a SpanContext that may be kept: it owns the text that a SpanContext views.
#pragma once

#include <cstdint>
#include <utility>

#include <plume/core/context_text.hpp>
#include <plume/core/ids.hpp>

namespace plume {
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
        : OwnedContext{context, detail::ContextText::make(context.trace_state, context.baggage)} {}
    /// With a text that is kept already, and becomes this object's: for Plume itself.
    OwnedContext(const SpanContext& context, detail::ContextText* text) noexcept
        : trace_id_{context.trace_id}, span_id_{context.span_id}, flags_{context.flags},
          is_remote_{context.is_remote}, text_{text} {}

    OwnedContext(const OwnedContext& other) noexcept
        : trace_id_{other.trace_id_}, span_id_{other.span_id_}, flags_{other.flags_},
          is_remote_{other.is_remote_}, text_{detail::keep(other.text_)} {}
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
    ~OwnedContext() { detail::let_go(text_); }

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
    /// Has another span of the same trace as its own: for Plume itself.
    void name(SpanId span) noexcept { span_id_ = span; }
    /// The text that it views, without one owner more, or null: for Plume itself.
    [[nodiscard]] detail::ContextText* text() const noexcept { return text_; }

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
