// scope_check.hpp - says who has ended a span or a scope where the stack of its thread does not
// expect it.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <new>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include <plume/collect/open_span.hpp>
#include <plume/record/ring_format.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// Belongs to the assembler, which sees all of this in the records: checking costs the application
/// nothing. Speaks of each line of source once in a session, so that a loop does not fill the log.
class ScopeCheck {
  public:
    /// `span`, which is on a stack, was ended by `thread`; reports that if it is not its own.
    void ended_on(const OpenSpan& span, std::uint32_t thread) noexcept {
        if (thread == span.thread_id) return;
        report(span, [&] {
            return " ended on thread " + std::to_string(thread) +
                   ": a span that changes threads is a plume::AsyncSpan, or in a coroutine a "
                   "plume::CoroutineSpan";
        });
    }
    /// `span` has ended before `above`, which began in it.
    void ended_before(const OpenSpan& span, const OpenSpan& above) noexcept {
        report(span, [&] {
            return " ended before \"" + name_of(above) +
                   "\", which began in it: spans of a thread end in reverse order";
        });
    }
    /// The scope in which `span` began has ended, and `span` has not.
    void left_open(const OpenSpan& span) noexcept {
        report(span, [] {
            return std::string{" outlived the context scope in which it began: a span that is open "
                               "across co_await is a plume::CoroutineSpan"};
        });
    }
    /// A ContextScope has ended on `thread` and could undo nothing.
    void lost(ScopeFault fault, std::uint32_t thread) noexcept {
        const auto which = static_cast<std::size_t>(fault);
        if (which >= told_.size() || told_[which]) return;
        told_.set(which);
        say([&] {
            return "a plume::ContextScope ended on thread " + std::to_string(thread) +
                   (fault == ScopeFault::wrong_thread
                        ? ", which did not begin it: its own thread goes on in that context"
                        : " after the one around it: scopes of a thread end in reverse order");
        });
    }

    /// What is new, for the caller to report.
    [[nodiscard]] std::vector<std::string> take() noexcept { return std::exchange(said_, {}); }

  private:
    static std::string name_of(const OpenSpan& span) {
        return std::string{span.renamed ? *span.renamed : span.site.source->name};
    }

    template <class Text>
    void report(const OpenSpan& span, Text text) noexcept {
        if (!span.site.entry->checks_scopes) return;
        say([&] {
            if (!lines_.insert(span.site.entry->index).second) return std::string{};
            const Source& source = *span.site.source;
            return "the span \"" + name_of(span) + "\" (" + std::string{source.file} + ":" +
                   std::to_string(source.line) + ") of thread " + std::to_string(span.thread_id) +
                   text();
        });
    }
    /// What memory is missing for is not said.
    template <class Text>
    void say(Text text) noexcept {
        try {
            if (const std::string said = text(); !said.empty())
                said_.push_back("scope check: " + said);
        } catch (const std::bad_alloc&) {}
    }

    std::unordered_set<std::uint32_t> lines_;
    std::bitset<2> told_;
    std::vector<std::string> said_;
};

} // namespace detail
} // namespace plume
