// span.hpp - the guard: a span from where it stands to the end of the scope.
#pragma once

#include <cstdint>
#include <string_view>

#include <plume/core/config.hpp>
#include <plume/trace/span_api.hpp>

namespace plume {
/// A span on the calling thread's stack of spans: begun here, ended by the destructor. The
/// innermost one is the parent of whatever begins next on the thread. Never throws, blocks,
/// allocates or calls the kernel, once the thread has its lane; without a session it is one load
/// and one branch. Ends on the thread that began it; elsewhere the end is recorded all the same,
/// and the span stays the innermost of its own thread until the scope below it ends. A local root,
/// which has none below it, is let go as soon as nothing is open above it.
///
/// `Exceptions`: whether the file can throw; see plume::Span.
template <bool Exceptions>
class [[nodiscard]] BasicSpan : public detail::SpanApi<BasicSpan<Exceptions>> {
  public:
    /// Begins the span of a line. `arguments` are attributes, and at most one kind.
    template <detail::Here Line, detail::Argument... Args>
    [[gnu::always_inline]] explicit BasicSpan(Line, const Args&... arguments) noexcept(
        (detail::is_settled_argument<Args> && ...)) {
        static_assert(detail::CheckedName<Line>::ok);
        using Site = detail::CallsiteOf<detail::SiteKind::span, Line, Args...>;
        const std::uint32_t index = detail::index_of<Site>();
        if (index != 0 && detail::within_rate<Site>() && detail::take_off_rate<Site>())
            begin<Site>(detail::this_lane, index, arguments...);
    }

    /// The same for arguments that are evaluated only if the span is recorded: `lazily` hands
    /// them to the function that it is given.
    template <detail::Here Line, detail::Lazy F>
    [[gnu::always_inline]] BasicSpan(Line, F&& lazily) {
        static_assert(detail::CheckedName<Line>::ok);
        using Site =
            typename detail::SiteFor<detail::SiteKind::span, Line, detail::ArgumentsOf<F>>::type;
        const std::uint32_t index = detail::index_of<Site>();
        if (index == 0 || !detail::within_rate<Site>()) return;
        detail::Lane* lane = detail::this_lane;
        if (!detail::wanted(lane, index, opened_.token)) return;
        if (!detail::take_off_rate<Site>()) {
            opened_.token = 0;
            return;
        }
        lazily([this, lane, index](const auto&... arguments) __attribute__((always_inline)) {
            this->template begin<Site>(lane, index, arguments...);
        });
    }

    BasicSpan(const BasicSpan&) = delete;
    BasicSpan& operator=(const BasicSpan&) = delete;

    [[gnu::always_inline]] ~BasicSpan() {
        if (opened_.token != 0) finish();
    }

    /// Ends the span before its scope does. What is called on it later is ignored.
    void end() noexcept {
        if (opened_.token != 0) finish();
        opened_.token = 0;
    }

    /// Whether it is recorded: begun while a session ran, sampled, not dropped, not ended.
    [[nodiscard]] bool recording() const noexcept {
        return opened_.token != 0 && (opened_.token & detail::muted_token) == 0;
    }

    /// Its ids; invalid if it is not recorded.
    [[nodiscard]] SpanContext context() const noexcept {
        return recording() ? detail::context_of(opened_.token) : SpanContext{};
    }

  private:
    friend class detail::SpanApi<BasicSpan<Exceptions>>;
    [[nodiscard]] std::uint64_t token() const noexcept {
        return opened_.token != 0 ? opened_.token : detail::muted_token;
    }

    template <class Site, class... Args>
    [[gnu::always_inline]] void
    begin(detail::Lane* lane, std::uint32_t index,
          const Args&... arguments) noexcept((detail::is_settled_argument<Args> && ...)) {
        detail::settle(
            [this, lane, index](const auto&... settled) __attribute__((always_inline)) {
                detail::begin<Site, Exceptions>(opened_, lane, index, settled...);
            },
            arguments...);
    }

    [[gnu::always_inline]] void finish() noexcept {
        detail::Lane* lane = detail::this_lane;
        if constexpr (Exceptions)
            if (*lane->uncaught > opened_.uncaught) [[unlikely]]
                detail::mark_exception(opened_.token, opened_.uncaught);
        detail::end(opened_, lane);
    }

    detail::SpanHandle opened_;
};

/// A file that is compiled without exceptions gets a guard that does not look for them. Two
/// types, so that files of both kinds can be linked together.
using Span = BasicSpan<PLUME_EXCEPTIONS != 0>;

/// A span that is named at run time. The name was interned before: this costs one record more.
class [[nodiscard]] NamedSpan : public Span {
  public:
    template <class... Parts>
    [[gnu::always_inline]] explicit NamedSpan(const Name& name, Parts&&... parts)
        : Span{static_cast<Parts&&>(parts)...} {
        if (recording()) rename(name);
    }
};

} // namespace plume
