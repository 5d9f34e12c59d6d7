// config.hpp - every switch of Plume, with its default and its consequence.
//
// A switch never changes the layout of a type or the body of a function that two files could
// share: files of one program may be compiled with different switches and linked together.
#pragma once

/// 0 compiles every PLUME_* macro down to nothing, its arguments unevaluated; spans created by
/// hand still work.
#ifndef PLUME_ENABLED
#    define PLUME_ENABLED 1
#endif

/// What has another body where PLUME_ENABLED is 0 is in a namespace that says so: as
/// `inline namespace PLUME_MODE`, which users need not write.
#if PLUME_ENABLED
#    define PLUME_MODE enabled
#else
#    define PLUME_MODE disabled
#endif

#define PLUME_LEVEL_SPAN 1  ///< PLUME_SPAN, PLUME_FUNCTION: always worth having
#define PLUME_LEVEL_DEBUG 2 ///< PLUME_SPAN_DEBUG: worth having while looking for something
#define PLUME_LEVEL_TRACE 3 ///< PLUME_SPAN_TRACE: every small step

/// A header of the team, such as '"team_policy.hpp"', with rules for what its code may record:
/// policy.hpp says how. It may set PLUME_LEVEL too.
#ifdef PLUME_POLICY
#    include PLUME_POLICY
#endif

/// Spans of a level above this one are compiled out of the file. PLUME_LEVEL_SPAN is the least
/// there is: PLUME_ENABLED 0 compiles out all.
#ifndef PLUME_LEVEL
#    define PLUME_LEVEL PLUME_LEVEL_SPAN
#endif
#ifdef PLUME_POLICY
static_assert(plume::TeamPolicy::least_level <= PLUME_LEVEL &&
                  PLUME_LEVEL <= plume::TeamPolicy::most_level,
              "plume: the team's policy wants another PLUME_LEVEL: see least_level and most_level "
              "in the header that PLUME_POLICY names");
#endif

#define PLUME_CLOCK_AUTOMATIC 0 ///< the processor's counter if it is invariant, else the kernel's
#define PLUME_CLOCK_MONOTONIC 1 ///< clock_gettime(CLOCK_MONOTONIC), even where a counter would do

/// Which clock the file asks for. A process has one clock: if any registered line asks for the
/// kernel's when the first session starts, all lines use that one.
#ifndef PLUME_CLOCK
#    define PLUME_CLOCK PLUME_CLOCK_AUTOMATIC
#endif

/// 1 has spans of the file checked: one that ends on another thread than it began on, or before
/// what began in it, is reported to Options::report, once for each line of source. With any such
/// file in the process, so is a ContextScope. What is recorded is the same, and so is its cost: the
/// collector notices.
#ifndef PLUME_CHECK_SCOPES
#    if defined(NDEBUG)
#        define PLUME_CHECK_SCOPES 0
#    else
#        define PLUME_CHECK_SCOPES 1
#    endif
#endif

/// How a library finds its 8 bytes of thread-local storage. "initial-exec" reads them with one
/// load, from room that glibc keeps for libraries that come by dlopen(): it suffices for 200
/// instrumented ones. A plugin of which more may be open at a time is compiled with
/// "global-dynamic", whose function call makes a span a third dearer. One library, one model.
#ifndef PLUME_TLS_MODEL
#    define PLUME_TLS_MODEL "initial-exec"
#endif

/// The instrumentation scope of the file's spans (otel.scope.name, otel.scope.version): string
/// literals that name the library which the file belongs to.
#ifndef PLUME_SCOPE_NAME
#    define PLUME_SCOPE_NAME "plume"
#endif
#ifndef PLUME_SCOPE_VERSION
#    define PLUME_SCOPE_VERSION ""
#endif

/// 1 if the file can throw: then spans notice an exception that leaves their scope.
#if defined(__cpp_exceptions)
#    define PLUME_EXCEPTIONS 1
#else
#    define PLUME_EXCEPTIONS 0
#endif

#if defined(__ELF__)
#    define PLUME_ELF 1
#else
#    define PLUME_ELF 0
#endif
