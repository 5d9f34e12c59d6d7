// span_api.hpp - what can be said about a span while it is open: attributes, events, links, status.
#pragma once

#include <cstdint>
#include <string_view>

#include <plume/record/annotate.hpp>
#include <plume/record/runtime_key.hpp>

namespace plume {

/// A span name that is known only at run time, such as the route that a request matched. Interned
/// for ever when it is made: make one per route when routes are set up, not one per request.
class Name {
  public:
    /// At most 128 bytes of it are kept; an empty text is "unnamed". Takes a lock, may allocate.
    explicit Name(std::string_view text) noexcept : index_{detail::intern(text)} {}

    [[nodiscard]] std::uint32_t index() const noexcept { return index_; }

  private:
    std::uint32_t index_;
};

namespace detail {

/// The annotations that every kind of span takes. None blocks or allocates, and none throws but for
/// what reading a range throws that is no plain memory: then nothing is recorded. On a span that is
/// not recorded each is ignored, and so is what comes after the span's end. When the thread's ring
/// is full the annotation is dropped and counted (Stats::dropped_records).
template <class Derived>
class [[gnu::visibility("default")]] SpanApi {
  public:
    /// Adds attributes. One with a key that the span has already replaces it.
    template <class... Args>
    [[gnu::always_inline]] void set(const Args&... attributes) const
        noexcept((is_settled_argument<Args> && ...)) {
        annotation<SiteKind::attributes, Anywhere<"">>(token(), attributes...);
    }

    /// The same for a text, or a list of texts, under a key that is known at run time only.
    void set_text(const RunTimeKey& key, std::string_view text) const noexcept {
        key.record_on(token(), text);
    }
    template <class Texts>
    void set_texts(const RunTimeListKey& key, const Texts& texts) const
        noexcept(noexcept(key.record_on(0, texts))) {
        key.record_on(token(), texts);
    }

    /// Something happened now:  span.event("retry"_name, "attempt"_a = 2);
    template <Here Line, class... Args>
    [[gnu::always_inline]] void event(Line, const Args&... attributes) const
        noexcept((is_settled_argument<Args> && ...)) {
        static_assert(CheckedName<Line>::ok);
        annotation<SiteKind::event, Line>(token(), attributes...);
    }

    /// A reference to a span that is not the parent, as of a batch to the requests in it.
    template <class... Args>
    void link(const SpanContext& to, const Args&... attributes) const
        noexcept((is_settled_argument<Args> && ...)) {
        if (!to.valid()) return;
        const auto part = link_target(to);
        annotation<SiteKind::link, Anywhere<"">>(
            token(), Key<"trace.high">{} = part.high, Key<"trace.low">{} = part.low,
            Key<"span">{} = part.span, Key<"flags">{} = part.flags, Key<"state">{} = part.state,
            attributes...);
    }

    /// Ok is final and outranks error; unset is ignored; only an error has a description
    /// (OpenTelemetry, trace API, "Set Status").
    void set_status(StatusCode code, std::string_view description = {}) const noexcept {
        if (code == StatusCode::unset) return;
        put_status(token(), code, code == StatusCode::error ? description : std::string_view{});
    }
    void set_error(std::string_view description) const noexcept {
        set_status(StatusCode::error, description);
    }
    void set_ok() const noexcept { set_status(StatusCode::ok); }

    /// An exception that was caught: an event with its type and message, `error.type`, and the
    /// status error. `type`: a name that stays the same for the same kind of error.
    void record_exception(std::string_view type, std::string_view message) const noexcept {
        annotation<SiteKind::event, Anywhere<"exception">>(token(), Key<"exception.type">{} = type,
                                                           Key<"exception.message">{} = message);
        annotation<SiteKind::attributes, Anywhere<"">>(token(), Key<"error.type">{} = type);
        set_error(message);
    }
    /// The same for anything with what(), named by the type that the handler catches.
    template <class E>
        requires requires(const E& e) { std::string_view{e.what()}; }
    void record_exception(const E& exception) const noexcept {
        record_exception(type_name<E>(), exception.what());
    }

    /// Gives the span another name.
    void rename(const Name& name) const noexcept { put_rename(token(), name.index()); }

    /// Lets the span vanish when it ends: it counts as dropped, for the reason `discarded`. What
    /// is below it stays, and names it as its parent.
    void discard() const noexcept { put_discard(token()); }

  private:
    [[nodiscard]] [[gnu::always_inline]] std::uint64_t token() const noexcept {
        return static_cast<const Derived*>(this)->token();
    }
};

/// The innermost span of whatever thread asks.
class [[gnu::visibility("default")]] CurrentSpan : public SpanApi<CurrentSpan> {
    friend class SpanApi<CurrentSpan>;
    static std::uint64_t token() noexcept { return 0; }
};

/// What PLUME_EVENT and PLUME_SET call: the arguments are evaluated if a span is there to take
/// them.
template <SiteKind What, class Line, Lazy F>
[[gnu::always_inline]] inline void annotate_lazily(F&& lazily) {
    using Site = typename SiteFor<What, Line, ArgumentsOf<F>>::type;
    const std::uint32_t index = index_of<Site>();
    if (index == 0 || !recording_on(0)) return;
    lazily([index](const auto&... arguments)
               __attribute__((always_inline)) { settled_record<Site>(0, index, arguments...); });
}
template <Here Line, Lazy F>
[[gnu::always_inline]] inline void lazy_event(Line, F&& lazily) {
    static_assert(CheckedName<Line>::ok);
    annotate_lazily<SiteKind::event, Line>(lazily);
}
template <Here Line>
[[gnu::always_inline]] inline void lazy_event(Line line) noexcept {
    CurrentSpan{}.event(line);
}
template <Lazy F>
[[gnu::always_inline]] inline void lazy_set(F&& lazily) {
    annotate_lazily<SiteKind::attributes, Anywhere<"">>(lazily);
}
template <class F>
[[gnu::always_inline]] inline void lazy_error(F&& lazily) {
    if (recording_on(0))
        lazily([](std::string_view description) { CurrentSpan{}.set_error(description); });
}
template <class F>
[[gnu::always_inline]] inline void lazy_link(F&& lazily) {
    if (recording_on(0))
        lazily([](const SpanContext& to, const auto&... attributes) {
            CurrentSpan{}.link(to, attributes...);
        });
}

} // namespace detail

namespace off {
struct RealAnnotations {}; // see compiled_out.hpp
} // namespace off

/// The innermost open span of the calling thread, for everything that can be said about a span:
/// plume::current().set("order.total"_a = total). With none open, what is said is ignored.
[[nodiscard]] inline detail::CurrentSpan current() noexcept { return {}; }

/// Adds attributes to the current span.
template <class... Args>
[[gnu::always_inline]] inline void
set(const Args&... attributes) noexcept((detail::is_settled_argument<Args> && ...)) {
    current().set(attributes...);
}
/// Something happened in the current span:  plume::event("cache miss"_name, "key"_a = key);
template <detail::Here Line, class... Args>
[[gnu::always_inline]] inline void
event(Line line, const Args&... attributes) noexcept((detail::is_settled_argument<Args> && ...)) {
    current().event(line, attributes...);
}
/// Marks the current span as failed.
inline void set_error(std::string_view description) noexcept { current().set_error(description); }
/// Marks the current span as done well, which outranks an error.
inline void set_ok() noexcept { current().set_ok(); }
/// Names another span that the current one has to do with, in this trace or another.
template <class... Args>
inline void link(const SpanContext& to,
                 const Args&... attributes) noexcept((detail::is_settled_argument<Args> && ...)) {
    current().link(to, attributes...);
}
/// Lets the current span vanish when it ends: it counts as dropped, for the reason `discarded`.
inline void discard() noexcept { current().discard(); }
/// Sets the status of the current span.
inline void set_status(StatusCode code, std::string_view description = {}) noexcept {
    current().set_status(code, description);
}

} // namespace plume
