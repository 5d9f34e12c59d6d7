// unmatched.hpp - records that the reader came to before the begin of the span that they are about.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <unordered_map>

#include <plume/collect/open_span.hpp>
#include <plume/record/runtime.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// What waits for the other lanes, since lanes are drained one after the other. One a process: the
/// next session may be the one that reads the begin. Touched by the reader alone.
struct Unmatched {
    struct PendingAnnotations {
        WordBuffer log;            ///< annotations whose times are ticks, less `leapt`
        std::uint32_t renamed = 0; ///< the line of the name; 0: none
        bool discarded = false;
    };
    struct DeferredEnd {
        std::uint64_t position;
        std::uint64_t without_leaps; ///< ticks, less `leapt`
        std::uint32_t thread;
    };

    std::uint64_t leapt = 0; ///< what the session's counter had leapt by at its last look
    std::unordered_map<std::uint64_t, PendingAnnotations> early;
    std::deque<DeferredEnd> ending; ///< have ended, but are not finished; the first `ripe` can be
    std::size_t ripe = 0;

    /// The process's, for a session that counts leaps anew.
    static Unmatched& of(Runtime& runtime, std::uint64_t leapt) {
        if (!runtime.unmatched) runtime.unmatched = new Unmatched;
        auto& unmatched = *static_cast<Unmatched*>(runtime.unmatched);
        unmatched.rebase(leapt);
        return unmatched;
    }

  private:
    void rebase(std::uint64_t now_leapt) noexcept {
        const std::uint64_t more = now_leapt - leapt;
        leapt = now_leapt;
        if (more == 0) return;
        for (DeferredEnd& each : ending) each.without_leaps -= more;
        for (auto& [position, each] : early) rebase(each.log, more);
    }
    static void rebase(WordBuffer& log, std::uint64_t more) noexcept {
        for (std::size_t at = 0; at < log.size() * 8;) {
            Annotation head{};
            std::memcpy(&head, log.data() + at, sizeof head);
            head.unix_ns -= more;
            std::memcpy(log.data() + at, &head, sizeof head);
            at += sizeof head + head.bytes;
        }
    }
};

} // namespace detail
} // namespace plume
