// macros.hpp - PLUME_*: shorthand for lines of the API, and the one place where they vanish.
#pragma once

#include <plume/core/config.hpp>

#define PLUME_JOIN_(a, b) a##b
#define PLUME_JOIN(a, b) PLUME_JOIN_(a, b)
#define PLUME_UNIQUE(stem) PLUME_JOIN(stem, __COUNTER__)

/// A declaration that declares nothing. The compiler looks at the arguments, so that a variable
/// that only they use is not unused; they are neither evaluated nor in the object code.
#define PLUME_NOTHING_(...)                                                                        \
    static_assert(sizeof([&] {                                                                     \
                      using ::plume::literals::operator""_a;                                       \
                      ::plume::off::ignore(__VA_ARGS__);                                           \
                  }) != 0)

#if PLUME_ENABLED

/// Describes this line of source, for the functions that take a description.
#    define PLUME_CALLSITE(name_) PLUME_CALLSITE_(name_, PLUME_LEVEL_SPAN)

#    define PLUME_CALLSITE_(name_, level_)                                                         \
        [] {                                                                                       \
            static_assert(::plume::detail::is_name_text<decltype(name_)>,                          \
                          "plume: the name of a span is a string literal; for one that is known "  \
                          "at run time only, make a plume::Name and use PLUME_SPAN_DYNAMIC");      \
            struct Here {                                                                          \
                static constexpr ::std::string_view name() { return name_; }                       \
                static constexpr ::std::string_view file() { return __FILE__; }                    \
                static constexpr ::std::string_view function() {                                   \
                    return ::plume::detail::enclosing_function(__PRETTY_FUNCTION__);               \
                }                                                                                  \
                static constexpr ::std::string_view scope_name() { return PLUME_SCOPE_NAME; }      \
                static constexpr ::std::string_view scope_version() {                              \
                    return PLUME_SCOPE_VERSION;                                                    \
                }                                                                                  \
                static constexpr unsigned line() { return __LINE__; }                              \
                static constexpr unsigned char level() { return level_; }                          \
                static constexpr int clock() { return PLUME_CLOCK; }                               \
                static constexpr bool checks_scopes() { return PLUME_CHECK_SCOPES != 0; }          \
            };                                                                                     \
            return Here{};                                                                         \
        }()

/// The arguments, to be evaluated when and if something is recorded. Attribute literals need no
/// using-directive inside, and hide the _a of other libraries.
#    define PLUME_LAZILY(sink, ...)                                                                \
        [&](auto sink) __attribute__((always_inline)) {                                            \
            using ::plume::literals::operator""_a;                                                 \
            return sink(__VA_ARGS__);                                                              \
        }

// Not const: g++ 12 keeps constant objects in memory, which doubles what a guard costs that is off.
#    define PLUME_SPAN_(guard, level, name, ...)                                                   \
        [[maybe_unused]] ::plume::Span guard {                                                     \
            PLUME_CALLSITE_(name, level)                                                           \
            __VA_OPT__(, PLUME_LAZILY(PLUME_UNIQUE(plume_sink_), __VA_ARGS__))                     \
        }

/// Something happened now:  plume::event(PLUME_CALLSITE("retry"), "attempt"_a = 2);
/// The arguments are evaluated only if a span is there to take it.
#    define PLUME_EVENT(name, ...)                                                                 \
        ::plume::detail::lazy_event(PLUME_CALLSITE(name) __VA_OPT__(                               \
            , PLUME_LAZILY(PLUME_UNIQUE(plume_sink_), __VA_ARGS__)))
/// plume::set("order.total"_a = total); with arguments that are evaluated only if they are taken.
#    define PLUME_SET(...)                                                                         \
        ::plume::detail::lazy_set(PLUME_LAZILY(PLUME_UNIQUE(plume_sink_), __VA_ARGS__))
/// plume::set_error("card declined"); with a description that is evaluated only if it is taken.
#    define PLUME_ERROR(description)                                                               \
        ::plume::detail::lazy_error(PLUME_LAZILY(PLUME_UNIQUE(plume_sink_), description))
/// plume::set_ok();
#    define PLUME_OK() ::plume::set_ok()
/// plume::link(context, "order.id"_a = id); with arguments that are evaluated only if they are
/// taken.
#    define PLUME_LINK(...)                                                                        \
        ::plume::detail::lazy_link(PLUME_LAZILY(PLUME_UNIQUE(plume_sink_), __VA_ARGS__))
/// plume::discard();
#    define PLUME_DISCARD() ::plume::discard()

#else

#    define PLUME_CALLSITE(name_) (::plume::off::Name{})
#    define PLUME_SPAN_(guard, level, ...) PLUME_NOTHING_(__VA_ARGS__)
#    define PLUME_EVENT(...)                                                                       \
        static_cast<void>(sizeof([&] {                                                             \
            using ::plume::literals::operator""_a;                                                 \
            ::plume::off::ignore(__VA_ARGS__);                                                     \
        }))
#    define PLUME_SET(...) PLUME_EVENT(__VA_ARGS__)
#    define PLUME_ERROR(...) PLUME_EVENT(__VA_ARGS__)
#    define PLUME_OK() static_cast<void>(0)
#    define PLUME_LINK(...) PLUME_EVENT(__VA_ARGS__)
#    define PLUME_DISCARD() static_cast<void>(0)

#endif

/// A span from here to the end of the scope:
///     plume::Span span{PLUME_CALLSITE("checkout"), "order.id"_a = id};
/// The arguments are evaluated only if the span is recorded: attributes, and at most one kind such
/// as plume::server.
#define PLUME_SPAN(...) PLUME_SPAN_(PLUME_UNIQUE(plume_span_), PLUME_LEVEL_SPAN, __VA_ARGS__)

/// The same under a name of yours, to say more about it later:
///     PLUME_SPAN_AS(span, "checkout"); … span.set("order.total"_a = total);
#if PLUME_ENABLED
#    define PLUME_SPAN_AS(guard, ...) PLUME_SPAN_(guard, PLUME_LEVEL_SPAN, __VA_ARGS__)
#else
#    define PLUME_SPAN_AS(guard, ...)                                                              \
        [[maybe_unused]] const ::plume::off::Span guard {}
#endif

/// A span that is named after the function around it, as in "shop::checkout".
#if PLUME_ENABLED
#    define PLUME_FUNCTION(...)                                                                    \
        PLUME_SPAN_(PLUME_UNIQUE(plume_span_), PLUME_LEVEL_SPAN,                                   \
                    ::plume::detail::enclosing_function(__PRETTY_FUNCTION__) __VA_OPT__(, )        \
                        __VA_ARGS__)
#else
#    define PLUME_FUNCTION(...) PLUME_NOTHING_(__VA_ARGS__)
#endif

/// A span whose name is known at run time only, as a plume::Name that was made beforehand:
///     plume::Span span{PLUME_CALLSITE("dynamic")}; span.rename(route.name);
#if PLUME_ENABLED
#    define PLUME_SPAN_DYNAMIC(name, ...)                                                          \
        [[maybe_unused]] ::plume::NamedSpan PLUME_UNIQUE(plume_span_) {                            \
            name, PLUME_CALLSITE("dynamic")                                                        \
                      __VA_OPT__(, PLUME_LAZILY(PLUME_UNIQUE(plume_sink_), __VA_ARGS__))           \
        }
#else
#    define PLUME_SPAN_DYNAMIC(...) PLUME_NOTHING_(__VA_ARGS__)
#endif

/// A span that is recorded at most so often; those beyond are counted on their parent, and in
/// Stats::suppressed:  PLUME_SPAN_LIMITED("poll", 10_per_second, "queue"_a = name);
#if PLUME_ENABLED
#    define PLUME_SPAN_LIMITED(name, rate, ...)                                                    \
        [[maybe_unused]] ::plume::Span PLUME_UNIQUE(plume_span_) {                                 \
            [] {                                                                                   \
                using namespace ::plume::literals;                                                 \
                return ::plume::detail::limited<(rate)>(PLUME_CALLSITE(name));                     \
            }() __VA_OPT__(, PLUME_LAZILY(PLUME_UNIQUE(plume_sink_), __VA_ARGS__))                 \
        }
#else
#    define PLUME_SPAN_LIMITED(name, rate, ...) PLUME_NOTHING_(__VA_ARGS__)
#endif

/// Spans of finer levels; compiled out unless PLUME_LEVEL of the file says otherwise.
#if PLUME_LEVEL >= PLUME_LEVEL_DEBUG
#    define PLUME_SPAN_DEBUG(...)                                                                  \
        PLUME_SPAN_(PLUME_UNIQUE(plume_span_), PLUME_LEVEL_DEBUG, __VA_ARGS__)
#else
#    define PLUME_SPAN_DEBUG(...) PLUME_NOTHING_(__VA_ARGS__)
#endif
#if PLUME_LEVEL >= PLUME_LEVEL_TRACE
#    define PLUME_SPAN_TRACE(...)                                                                  \
        PLUME_SPAN_(PLUME_UNIQUE(plume_span_), PLUME_LEVEL_TRACE, __VA_ARGS__)
#else
#    define PLUME_SPAN_TRACE(...) PLUME_NOTHING_(__VA_ARGS__)
#endif
