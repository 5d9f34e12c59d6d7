// span_assembler.hpp - replays the records of lanes into finished spans.
#pragma once

#include <algorithm>
#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <plume/collect/chunk.hpp>
#include <plume/collect/open_span.hpp>
#include <plume/collect/scope_check.hpp>
#include <plume/collect/span_builder.hpp>
#include <plume/collect/time_map.hpp>
#include <plume/collect/unmatched.hpp>
#include <plume/record/runtime.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// What the reader knows of one lane. Hangs on the lane, so that spans that are open from one
/// session to the next keep their place; it mirrors the stack that the lane's guards form.
struct Replay {
    std::vector<std::unique_ptr<OpenSpan>> stack; ///< the first `depth` are open, the rest warm
    std::size_t depth = 0;
    std::size_t deepest = 0; ///< since drain() began the last time
    std::uint32_t thread_id = 0;
    std::array<char, 16> thread_name{};       ///< ends with a zero; empty: not known
    const std::string_view* thread = nullptr; ///< the same, as spans of the session refer to it
    std::uint32_t named_in = 0;               ///< in which session `thread` is right

    // What the last control record said about the record to come.
    std::uint32_t prefix = 0; ///< control::root, child or async; 0: none
    Parent parent{};
    std::string trace_state;
    std::uint64_t target = 0;

    Late* late = nullptr; ///< taken from the lane, the earliest first; not read yet
    Late** late_end = &late;

    TraceId counted{}; ///< of the local root whose spans are counted
    std::uint32_t spans_of_root = 0;
};

/// Turns records into spans, lane by lane, for one session. Belongs to the background thread.
class SpanAssembler {
  public:
    /// `sites` outlives every chunk: what spans say about their source points into it.
    SpanAssembler(Runtime& runtime, CallsiteTable& sites, ChunkPool& pool, TimeMap& time,
                  const Allowed& limits)
        : runtime_{&runtime}, sites_{&sites}, pool_{&pool}, time_{&time}, builder_{sites, limits},
          limits_{limits},
          session_{runtime.sessions.fetch_add(1, memory_order_relaxed) + 1}, // only has to differ
          since_{time.present()}, settled_{since_}, leapt_{time.leapt()} {
        spares_.reserve(most_spares);
    }

    SpanAssembler(const SpanAssembler&) = delete;
    SpanAssembler& operator=(const SpanAssembler&) = delete;

    /// Reads what the lane has published by now, and gives the room back to its thread. Chunks
    /// that are full are in finished(). May throw std::bad_alloc; then it goes on there the next
    /// time.
    void drain(Lane& lane) {
        if (!lane.replay) lane.replay = new Replay;
        Replay& replay = *static_cast<Replay*>(lane.replay);
        const std::uint64_t end = lane.published();
        take_late(lane, replay); // what comes before `end` is there by now: see put_late()
        give_back_unused(replay);
        std::uint64_t at = lane.tail.load(memory_order_relaxed); // own store
        if (at == end && !replay.late) return;
        if (replay.named_in != session_) [[unlikely]] {
            replay.thread = sites_->thread(replay.thread_name.data());
            replay.named_in = session_;
        }
        look_at_clock();
        seed_ = runtime_->id_seed.load(memory_order_relaxed); // changes only with the process
        key_ = runtime_->id_key.load(memory_order_relaxed);
        const struct Release {
            Lane& lane;
            const std::uint64_t& at;
            ~Release() { lane.release(at); }
        } release_at_the_end{lane, at};
        const std::uint64_t part = lane.capacity / 16;
        std::uint64_t next_release = at + part;
        while (true) {
            while (replay.late && replay.late->at <= at) read_late(lane, replay);
            if (at == end) break;
            const std::uint64_t until =
                replay.late && replay.late->at < end ? replay.late->at : end;
            if (may_be_leaf(lane, at)) read_leaves(lane, replay, at, until, next_release);
            if (at != until) at = read_record(lane, replay, at);
            if (at >= next_release) { // early enough that a writer at full speed finds room
                lane.release(at);
                next_release = at + part;
            }
        }
    }

    /// Every lane was drained since the last time. Spans that had ended by then, off the stack of
    /// the thread that began them, are finished now: what other threads said about them before is
    /// known. May throw std::bad_alloc; then the rest is finished the next time.
    void settle() {
        look_at_clock();
        auto& [leapt, early, ending, ripe] = *unmatched_;
        for (; ripe != 0; --ripe) {
            end_now(ending.front());
            ending.pop_front();
        }
        ripe = ending.size();
        ends_wait_ = ripe != 0;
        since_ = std::exchange(settled_, latest_ - disagreement);
        leap_since_ = std::exchange(leap_settled_, 0);
        if (ripe == 0) ending.shrink_to_fit();
        // A map keeps the buckets that it once needed.
        if (detached_.bucket_count() > many_buckets &&
            detached_.size() < detached_.bucket_count() / 8)
            detached_.rehash(0);
    }
    /// Whether settle() has left some for the next time.
    [[nodiscard]] bool has_waiting_ends() const noexcept { return ends_wait_; }

    /// Full chunks, and on request the one in work. The caller takes them away.
    [[nodiscard]] std::vector<ChunkRef>& finished() noexcept { return finished_; }
    void finish_chunk() {
        if (!chunk_ || chunk_->empty()) return;
        finish_chunk_for(2 * chunk_->used_bytes()); // the next one is likely to be about as full
    }
    [[nodiscard]] std::size_t spans_in_work() const noexcept { return chunk_ ? chunk_->size() : 0; }

    /// Spans and scopes that were used as they must not be, in words.
    [[nodiscard]] std::vector<std::string> scope_reports() noexcept { return check_.take(); }

    [[nodiscard]] std::uint64_t begun() const noexcept { return begun_; }
    [[nodiscard]] std::uint64_t ended() const noexcept { return ended_; }
    [[nodiscard]] std::uint64_t discarded() const noexcept { return discarded_; }
    [[nodiscard]] std::uint64_t over_limit() const noexcept { return over_limit_; }
    [[nodiscard]] std::uint64_t truncated_values() const noexcept {
        return builder_.truncated_values();
    }

  private:
    using PendingAnnotations = Unmatched::PendingAnnotations;
    using DeferredEnd = Unmatched::DeferredEnd;

    /// What the counters of two cores may differ by, in ticks: a quarter of a millisecond or so.
    static constexpr std::uint64_t disagreement = std::uint64_t{1} << 20U;

    /// How long a thread may be kept from publishing what it has timed, in ticks, while a process
    /// is stopped: some seconds.
    static constexpr std::uint64_t delay = std::uint64_t{1} << 34U;

    /// No record that is published by now can be later than `latest_`.
    void look_at_clock() {
        if (!unmatched_) [[unlikely]]
            unmatched_ = &Unmatched::of(*runtime_, leapt_);
        latest_ = time_->present() + disagreement;
        if (const std::uint64_t leap = time_->leapt() - leapt_; leap != 0) [[unlikely]]
            renumber(leap);
        ambiguous_ = leap_since_ != 0 || latest_ - since_ > tick_mask - delay;
    }

    /// The counter has leapt: what comes is counted in another way.
    void renumber(std::uint64_t leap) noexcept {
        leapt_ += leap;
        unmatched_->leapt = leapt_;
        since_ += leap;
        settled_ += leap;
        leap_since_ += leap;
        leap_settled_ += leap;
    }

    /// 44 bits of ticks are the whole ticks, counted back from now.
    [[nodiscard]] std::uint64_t unwrap(std::uint64_t word) const noexcept {
        const std::uint64_t stamp = word >> index_bits;
        const std::uint64_t age = (latest_ - stamp) & tick_mask;
        if (!ambiguous_) [[likely]]
            return latest_ - age;
        return unwrap_after_a_stop(stamp, age);
    }

    /// 44 bits have gone round since the last pass, or the counter has leapt: the process or its
    /// machine was stopped. So the record was made soon after that pass, or a moment ago.
    [[nodiscard]] [[gnu::cold]] std::uint64_t unwrap_after_a_stop(std::uint64_t stamp,
                                                                  std::uint64_t age) const {
        const std::uint64_t first = since_ - delay;
        const std::uint64_t after = (stamp + leap_since_ - first) & tick_mask;
        const std::uint64_t passed = latest_ - first;
        const std::uint64_t from_since = after < delay ? delay - after : after - delay;
        if (from_since < age) return first + std::min(after, passed);
        return latest_ - std::min(age, passed);
    }

    /// Reads as many spans as follow each other without anything else: begun, and ended by the next
    /// record. Most spans are of this kind, and need not be remembered as open. `from` is then
    /// where something else is, or `until` is reached, or `end`.
    void read_leaves(Lane& lane, Replay& replay, std::uint64_t& from, std::uint64_t end,
                     std::uint64_t until) {
        if (replay.depth == 0 || replay.prefix != 0 || replay.target != 0 ||
            !unmatched_->early.empty() || limits_.spans_per_root != 0 || ambiguous_)
            return;
        const OpenSpan& parent = *replay.stack[replay.depth - 1];
        if (parent.session != session_ || parent.trace_state || parent.epoch != time_->epoch())
            return;
        const TimeMap::Line line = time_->newest_line();
        const char* memory = lane.memory;
        const std::uint64_t mask = lane.capacity - 1;
        std::uint64_t at = from;
        std::uint64_t count = 0;
        const struct Keep { // what was read is in the chunk, also if there is no memory to go on
            std::uint64_t &to_at, &at, &begun, &ended, &count;
            ~Keep() {
                to_at = at;
                begun += count;
                ended += count;
            }
        } keep_at_the_end{from, at, begun_, ended_, count};
        if (!chunk_) next_chunk(0);
        Chunk* chunk = chunk_.get();
        while (at < until && end - at >= 16) {
            const std::uint64_t begin_word = word_at(memory + (at & mask));
            const auto index = static_cast<std::uint32_t>(begin_word & index_mask);
            if (index < control::first_site) break;
            const SiteInfo& site = sites_->at(index);
            const std::uint64_t after = at + 8 + std::uint64_t{site.fields} * 8;
            if (site.what != SiteKind::span || !site.plain || after >= end) break;
            const std::uint64_t end_word = word_at(memory + (after & mask));
            if ((end_word & index_mask) != control::end) break;
            const std::uint64_t begun = unwrap(begin_word);
            const std::uint64_t ended = unwrap(end_word);
            // Cores that disagree, or times of an earlier line: the general way knows what to do.
            if (ended < begun || TimeMap::is_before(begun, line.ticks)) break;
            const char* values = memory + (at & mask) + 8;
            if (SpanBuilder::needs_a_look(site, values)) break;
            if (!chunk->has_room(sizeof(SpanData) + site.fields * sizeof(Attribute))) {
                next_chunk(0);
                chunk = chunk_.get();
            }
            SpanData& span = chunk->add_span();
            span.trace_id = parent.trace_id;
            span.span_id = Runtime::make_span_id(at, seed_, key_);
            span.parent_span_id = parent.id;
            span.begin_unix_ns = line.at(begun);
            span.end_unix_ns = line.at(ended);
            span.source = site.source;
            span.thread = replay.thread;
            span.thread_id = replay.thread_id;
            span.kind = site.kind;
            span.flags = parent.flags;
            if (site.fields != 0) SpanBuilder::add_plain_attributes(*chunk, site, values, span);
            ++sites_->begun(site);
            at = after + 8;
            ++count;
        }
    }

    /// Whether a record begins a span of nothing but words. Asked first, for the sake of what is
    /// said about a span, and of those that are not plain.
    [[nodiscard]] bool may_be_leaf(const Lane& lane, std::uint64_t position) {
        const auto index = static_cast<std::uint32_t>(word_at(lane.at(position)) & index_mask);
        if (index < control::first_site) return false;
        const SiteInfo& site = sites_->at(index);
        return site.what == SiteKind::span && site.plain;
    }

    std::uint64_t read_record(Lane& lane, Replay& replay, std::uint64_t position) {
        const char* at = lane.at(position);
        const std::uint64_t word = word_at(at);
        const auto index = static_cast<std::uint32_t>(word & index_mask);
        if (index == control::end) {
            end_innermost(replay, unwrap(word));
            return position + 8;
        }
        if (index < control::first_site) [[unlikely]]
            return read_control(lane, replay, position, index, word, at);
        const SiteInfo& site = sites_->at(index);
        std::size_t bytes = std::size_t{site.fields} * 8;
        std::size_t head = 8;
        if (!site.one_word_fields) {
            bytes = word_at(at + 8);
            head = 16;
        }
        if (site.what == SiteKind::span) [[likely]]
            begin(replay, position, site, unwrap(word), at + head, bytes);
        else annotation(lane, replay, index, unwrap(word), at + head, bytes);
        return position + head + bytes;
    }

    std::uint64_t read_control(Lane& lane, Replay& replay, std::uint64_t position,
                               std::uint32_t index, std::uint64_t word, const char* at) {
        switch (index) {
        case control::pad: return lane.next_lap(position);
        case control::root:
            replay.prefix = control::root;
            replay.parent = {word_at(at + 8), word_at(at + 16), 0,
                             trace_flags::random | trace_flags::sampled};
            return position + 24;
        case control::child:
        case control::async: {
            replay.prefix = index;
            std::memcpy(&replay.parent, at + 8, sizeof(Parent));
            const auto stored = static_cast<std::uint32_t>(word_at(at + 8 + sizeof(Parent)));
            replay.trace_state.assign(at + 16 + sizeof(Parent), stored);
            return position + 16 + sizeof(Parent) + padded(stored);
        }
        case control::end_at:
            end_at(lane, replay, word_at(at + 8), unwrap(word));
            return position + 16;
        case control::target: replay.target = word_at(at + 8); return position + 16;
        case control::status: {
            const std::size_t bytes = 16 + padded(static_cast<std::uint32_t>(word_at(at + 16)));
            annotation(lane, replay, index, unwrap(word), at + 8, bytes);
            return position + 8 + bytes;
        }
        case control::rename:
            rename(replay, static_cast<std::uint32_t>(word_at(at + 8)));
            replay.target = 0;
            return position + 16;
        case control::discard:
            if (OpenSpan* span = subject(replay)) span->discarded = true;
            else if (PendingAnnotations* early = early_subject()) early->discarded = true;
            replay.target = 0;
            return position + 8;
        case control::retract:
            if (replay.depth != 0 && replay.stack[--replay.depth]->session == session_) --begun_;
            return position + 8;
        case control::thread:
            replay.thread_id = static_cast<std::uint32_t>(word_at(at + 8));
            replay.thread_name = {};
            replay.thread = nullptr;
            while (replay.depth != 0) take_off_stack(replay);
            return position + 16;
        case control::thread_name:
            std::memcpy(replay.thread_name.data(), at + 8, replay.thread_name.size() - 1);
            replay.thread = sites_->thread(replay.thread_name.data());
            return position + 24;
        case control::abandon: abandon(replay, word_at(at + 8)); return position + 16;
        case control::let_go: let_go(replay, word_at(at + 8)); return position + 16;
        case control::missing:
            if (OpenSpan* span = find_open(replay, word_at(at + 8))) {
                const std::uint64_t counts = word_at(at + 16);
                span->suppressed += static_cast<std::uint32_t>(counts);
                span->lost += static_cast<std::uint32_t>(counts >> 32U);
            }
            return position + 24;
        case control::lost_scope:
            if (scopes_are_checked())
                check_.lost(static_cast<ScopeFault>(word_at(at + 8)), replay.thread_id);
            return position + 16;
        default: return lane.published(); // a writer of another version: nothing else is safe
        }
    }

    // What had no room in the ring.

    void take_late(Lane& lane, Replay& replay) noexcept {
        if (!lane.late.load(memory_order_relaxed)) [[likely]] // a hint: the next time is as good
            return;
        Late* latest = lane.late.exchange(nullptr, memory_order_acquire); // pairs with push()
        Late* first = nullptr;
        Late** end = latest ? &latest->next : nullptr;
        while (latest) { // turned round
            Late* before = latest->next;
            latest->next = first;
            first = latest;
            latest = before;
        }
        *replay.late_end = first;
        replay.late_end = end;
    }

    void read_late(Lane& lane, Replay& replay) {
        const Late& late = *replay.late;
        switch (late.control) {
        case control::abandon: abandon(replay, late.position); break;
        case control::let_go: let_go(replay, late.position); break;
        default:
            const std::uint64_t ticks =
                unwrap(make_word(0, late.ticks)); // as if it were in the ring
            if (late.thread == 0) end_at(lane, replay, late.position, ticks);
            else unmatched_->ending.push_back({late.position, ticks - leapt_, late.thread});
        }
        Late* next = late.next;
        std::free(replay.late);
        replay.late = next;
        if (!next) replay.late_end = &replay.late;
    }

    /// A context scope has ended before spans that began in it.
    void abandon(Replay& replay, std::uint64_t from) {
        while (replay.depth != 0 && replay.stack[replay.depth - 1]->position >= from) {
            if (const OpenSpan& span = *replay.stack[replay.depth - 1]; !span.ended)
                check_.left_open(span);
            take_off_stack(replay);
        }
    }

    /// A local root that has ended on another thread, with nothing open above it.
    void let_go(Replay& replay, std::uint64_t position) {
        for (std::size_t i = replay.depth; i-- > 0;) {
            if (replay.stack[i]->position != position) continue;
            detach(replay.stack[i]);
            take_out(replay, i, i + 1);
            return;
        }
    }

    // Begin.

    /// Whatever needs memory comes first: without it, nothing has happened yet.
    void begin(Replay& replay, std::uint64_t position, const SiteInfo& site, std::uint64_t ticks,
               const char* arguments, std::size_t bytes) {
        const bool async = replay.prefix == control::async;
        std::unique_ptr<OpenSpan> off_the_stack;
        if (async) [[unlikely]]
            off_the_stack = spare();
        else if (replay.depth == replay.stack.size()) [[unlikely]] replay.stack.push_back(spare());
        OpenSpan* span = async ? off_the_stack.get() : replay.stack[replay.depth].get();
        span->position = position;
        span->id = Runtime::make_span_id(position, seed_, key_);
        span->site = site;
        span->renamed = nullptr;
        span->session = session_;
        span->thread = replay.thread;
        span->thread_id = replay.thread_id;
        span->discarded = span->over_limit = span->ended = span->mixed = false;
        span->local_root = replay.prefix != 0;
        span->async = async;
        span->events = span->links = span->suppressed = span->lost = 0;
        span->arguments = bytes;
        span->log.clear();
        if (bytes != 0) std::memcpy(span->log.grow(bytes), arguments, bytes);
        if (replay.prefix == 0 && replay.depth > 0) [[likely]] {
            inherit(*span, *replay.stack[replay.depth - 1]);
        } else {
            adopt(*span, replay);
        }
        span->begin_unix_ns = time_->unix_ns(ticks, span->epoch);
        if (!unmatched_->early.empty()) [[unlikely]]
            catch_up(*span);
        if (async) [[unlikely]]
            detached_[position] = std::move(off_the_stack);
        // From here on it has begun.
        if (!unmatched_->early.empty()) [[unlikely]]
            unmatched_->early.erase(position);
        if (replay.prefix != 0) [[unlikely]] {
            replay.prefix = 0;
            replay.trace_state.clear();
        }
        ++begun_;
        ++sites_->begun(span->site);
        if (async) [[unlikely]]
            return;
        if (++replay.depth > replay.deepest) replay.deepest = replay.depth;
        if (limits_.spans_per_root != 0) [[unlikely]]
            keep_to_limit(replay, *span);
    }

    /// Beyond the limit of its local root a span is dropped, and counted on its parent. Spans off
    /// the stack are not counted.
    void keep_to_limit(Replay& replay, OpenSpan& span) {
        if (span.local_root && span.trace_id != replay.counted) {
            replay.counted = span.trace_id;
            replay.spans_of_root = 0;
        }
        if (replay.spans_of_root++ < limits_.spans_per_root) return;
        span.over_limit = true;
        for (std::size_t i = replay.depth - 1; i-- > 0;)
            if (!replay.stack[i]->over_limit) {
                ++replay.stack[i]->lost;
                break;
            }
    }

    static void inherit(OpenSpan& span, const OpenSpan& parent) {
        span.parent_id = parent.id;
        span.trace_id = parent.trace_id;
        span.flags = parent.flags;
        span.parent_is_remote = false;
        span.epoch = parent.epoch;
        if (span.trace_state != parent.trace_state) span.trace_state = parent.trace_state;
    }

    /// A local root, or a span off the stack: its own record came before it.
    void adopt(OpenSpan& span, const Replay& replay) {
        span.parent_id = {replay.parent.span_id};
        span.trace_id = {replay.parent.trace_high, replay.parent.trace_low};
        span.flags = static_cast<std::uint8_t>(replay.parent.flags);
        span.parent_is_remote = (replay.parent.flags & parent_is_remote_bit) != 0;
        span.epoch = time_->epoch();
        span.trace_state =
            replay.trace_state.empty() ? SharedText{} : SharedText{replay.trace_state};
    }

    // End.

    void end_innermost(Replay& replay, std::uint64_t ticks) {
        if (replay.depth == 0) return; // begun before a fork
        OpenSpan& span = *replay.stack[replay.depth - 1];
        if (!span.ended) finish(span, ticks);
        --replay.depth;
    }

    void end_at(const Lane& lane, Replay& replay, std::uint64_t position, std::uint64_t ticks) {
        if (lane_of(position) == lane.index && position >= lane.fork_floor) {
            for (std::size_t i = replay.depth; i-- > 0;)
                if (replay.stack[i]->position == position) return step_over(replay, i, ticks);
        }
        unmatched_->ending.push_back({position, ticks - leapt_, replay.thread_id});
    }

    /// A span has ended before those above it on its part of the stack, which are off the stack
    /// from now on: what Lane::step_over() says. A local root begins the next part.
    void step_over(Replay& replay, std::size_t first, std::uint64_t ticks) {
        for (std::size_t i = replay.depth; --i > first;)
            if (!replay.stack[i]->ended)
                check_.ended_before(*replay.stack[first], *replay.stack[i]);
        if (!replay.stack[first]->ended) finish(*replay.stack[first], ticks);
        replay.stack[first]->ended = true; // if there is no memory for the rest, it comes once more
        std::size_t last = first + 1;
        for (; last != replay.depth && !replay.stack[last]->local_root; ++last)
            detach(replay.stack[last]);
        take_out(replay, first, last);
    }

    /// These places of the stack are free, those above move down.
    static void take_out(Replay& replay, std::size_t first, std::size_t last) noexcept {
        const auto at = [&replay](std::size_t i) {
            return replay.stack.begin() + static_cast<std::ptrdiff_t>(i);
        };
        std::rotate(at(first), at(last), at(replay.depth));
        replay.depth -= last - first;
    }

    void end_now(const DeferredEnd& ending) {
        const auto [position, without_leaps, thread] = ending;
        const std::uint64_t ticks = without_leaps + leapt_;
        if (const auto found = detached_.find(position); found != detached_.end()) {
            if (!found->second->async) check_.ended_on(*found->second, thread);
            finish(*found->second, ticks);
            keep(std::move(found->second));
            detached_.erase(found);
            return;
        }
        const Lane* home = lane_of_position(position);
        if (!home || position < home->fork_floor || !home->replay) return;
        OpenSpan* span = find(*static_cast<Replay*>(home->replay), position);
        if (!span || span->ended) return;
        check_.ended_on(*span, thread);
        finish(*span, ticks);
        span->ended = true; // and stays the parent of what its thread begins
    }

    void finish(OpenSpan& span, std::uint64_t ticks) {
        if (span.session != session_) return;
        if (span.discarded || span.over_limit) [[unlikely]] {
            ++ended_;
            ++(span.discarded ? discarded_ : over_limit_);
            return;
        }
        std::uint64_t end_unix_ns = time_->unix_ns(ticks, span.epoch);
        if (end_unix_ns < span.begin_unix_ns) end_unix_ns = span.begin_unix_ns; // cores disagree
        if (span.mixed) [[unlikely]]
            put_in_order(span);
        const std::size_t bytes = builder_.bound(span);
        if (!chunk_ || !chunk_->has_room(bytes)) [[unlikely]]
            compose_in_next_chunk(bytes, span, end_unix_ns);
        else builder_.compose(*chunk_.get(), span, end_unix_ns);
        ++ended_; // after what may find no memory: then it is finished the next time
        span.log.clear();
        span.arguments = 0;
    }
    /// A span that no usual chunk holds shares its chunk with none: a queue that has no room for it
    /// drops it alone.
    void compose_in_next_chunk(std::size_t bytes, const OpenSpan& span, std::uint64_t end_unix_ns) {
        next_chunk(bytes);
        finished_.reserve(finished_.size() + 1); // after composing, nothing may find no memory
        builder_.compose(*chunk_.get(), span, end_unix_ns);
        if (chunk_->bytes() > Chunk::usual_bytes) finish_chunk_for(Chunk::usual_bytes);
    }

    /// The chunk in work has no room for so many bytes: another one. What a span needs at the most
    /// may be most of a chunk, however little it takes of it, so that they grow by their whole
    /// size.
    void next_chunk(std::size_t bytes) {
        if (chunk_ && !chunk_->empty()) finish_chunk_for(2 * chunk_->bytes());
        chunk_ = ChunkRef{pool_->take(bytes, wanted_bytes_)};
    }
    void finish_chunk_for(std::size_t next_bytes) {
        wanted_bytes_ = next_bytes;
        finished_.push_back(std::move(chunk_));
        chunk_ = {};
    }

    // Annotations.

    /// The span that the record is about. The caller is done with the target. Null if it ended
    /// before, or is not known yet.
    OpenSpan* subject(const Replay& replay) {
        missed_ = 0;
        if (replay.target == 0) [[likely]]
            return replay.depth != 0 ? replay.stack[replay.depth - 1].get() : nullptr;
        const std::uint64_t position = replay.target;
        if (const auto found = detached_.find(position); found != detached_.end())
            return found->second.get();
        const Lane* home = lane_of_position(position);
        if (!home || position < home->fork_floor) return nullptr;
        OpenSpan* span =
            home->replay ? find(*static_cast<Replay*>(home->replay), position) : nullptr;
        if (!span) missed_ = position; // it may only be late
        return span && !span->ended ? span : nullptr;
    }

    void annotation(const Lane& lane, Replay& replay, std::uint32_t index, std::uint64_t ticks,
                    const char* payload, std::size_t bytes) {
        OpenSpan* span = subject(replay);
        const Annotation head{index, static_cast<std::uint32_t>(bytes),
                              span ? time_->unix_ns(ticks, span->epoch) : ticks - leapt_};
        if (!span) {
            if (PendingAnnotations* early = early_subject()) append(early->log, head, payload);
        } else if (span->session == session_) {
            span->mixed = span->mixed || lane_of(span->position) != lane.index;
            keep_annotation(*span, head, payload);
        }
        replay.target = 0;
    }

    /// What is said about a span that stays open for long may not grow for long: events and links
    /// stop at their limits, and what is set again and again is kept once.
    void keep_annotation(OpenSpan& span, const Annotation& head, const char* payload) {
        if (head.index != control::status) {
            const SiteKind what = sites_->at(head.index).what;
            if (what != SiteKind::attributes) {
                const bool event = what == SiteKind::event;
                std::uint32_t& count = event ? span.events : span.links;
                if (count < (event ? limits_.events : limits_.links))
                    append(span.log, head, payload);
                ++count;
                return;
            }
        }
        constexpr std::size_t much = 4096 / 8;
        if (span.log.size() > much && !forget_earlier(span, head.index, payload)) return;
        append(span.log, head, payload);
    }

    /// Takes out the last annotation of the same line that says nothing which the new one leaves
    /// out. False if that one is final: the status ok.
    bool forget_earlier(OpenSpan& span, std::uint32_t index, const char* payload) {
        const auto fields = [this, index](const char* of) {
            return index == control::status ? std::bitset<128>{}
                                            : SpanBuilder::present(sites_->at(index), of);
        };
        const std::bitset<128> said = fields(payload);
        std::size_t found = 0;
        std::size_t size = 0;
        for (std::size_t at = span.arguments; at < span.log.size() * 8;) {
            Annotation head{};
            std::memcpy(&head, span.log.data() + at, sizeof head);
            if (head.index == index &&
                (fields(span.log.data() + at + sizeof head) & ~said).none()) {
                found = at;
                size = sizeof head + head.bytes;
            }
            at += sizeof head + head.bytes;
        }
        if (size == 0) return true;
        if (index == control::status && word_at(span.log.data() + found + sizeof(Annotation)) ==
                                            static_cast<std::uint64_t>(StatusCode::ok))
            return false;
        span.log.erase(found, size);
        return true;
    }

    static void append(WordBuffer& log, const Annotation& head, const char* payload) {
        char* at = log.grow(sizeof head + head.bytes);
        std::memcpy(at, &head, sizeof head);
        if (head.bytes != 0) std::memcpy(at + sizeof head, payload, head.bytes);
    }

    void rename(Replay& replay, std::uint32_t name) {
        if (OpenSpan* span = subject(replay)) span->renamed = &sites_->at(name).source->name;
        else if (PendingAnnotations* early = early_subject()) early->renamed = name;
    }

    /// Annotations of several threads came lane by lane: back into the order in which they were
    /// made.
    static void put_in_order(OpenSpan& span) {
        struct Piece {
            std::uint64_t unix_ns;
            std::size_t at;
            std::size_t bytes;
        };
        std::vector<Piece> pieces;
        for (std::size_t at = span.arguments; at < span.log.size() * 8;) {
            Annotation head{};
            std::memcpy(&head, span.log.data() + at, sizeof head);
            pieces.push_back({head.unix_ns, at, sizeof head + head.bytes});
            at += sizeof head + head.bytes;
        }
        // By place where the time is the same: std::stable_sort() warns with clang and libstdc++.
        std::ranges::sort(pieces, {},
                          [](const Piece& piece) { return std::pair{piece.unix_ns, piece.at}; });
        const std::vector<char> before(span.log.data(), span.log.data() + span.log.size() * 8);
        span.log.erase(span.arguments, before.size() - span.arguments);
        for (const Piece& piece : pieces)
            std::memcpy(span.log.grow(piece.bytes), before.data() + piece.at, piece.bytes);
    }

    // What arrives before the begin that it is about: lanes are drained one after the other.

    /// What waits for the span that subject() has not found; null if there is no such span.
    PendingAnnotations* early_subject() {
        Lane* home = missed_ != 0 ? lane_of_position(missed_) : nullptr;
        return home ? wait_for(*home, missed_) : nullptr;
    }

    PendingAnnotations* wait_for(Lane& home, std::uint64_t position) {
        // What its lane was drained beyond will not come any more: the span has ended before.
        if (position < home.tail.load(memory_order_relaxed)) return nullptr; // own store
        return &unmatched_->early[position];
    }

    void catch_up(OpenSpan& span) {
        const auto found = unmatched_->early.find(span.position);
        if (found == unmatched_->early.end()) return;
        const PendingAnnotations& early = found->second;
        const char* end = early.log.data() + early.log.size() * 8;
        for (const char* at = early.log.data(); at != end;) {
            Annotation head{};
            std::memcpy(&head, at, sizeof head);
            head.unix_ns = time_->unix_ns(head.unix_ns + leapt_, span.epoch);
            keep_annotation(span, head, at + sizeof head);
            at += sizeof head + head.bytes;
        }
        span.mixed = true;
        if (early.renamed != 0) span.renamed = &sites_->at(early.renamed).source->name;
        span.discarded = early.discarded;
    }

    // Bookkeeping.

    /// Whether any line in the process asks for it.
    [[nodiscard]] bool scopes_are_checked() const noexcept {
        for (std::uint32_t i = control::first_site; i < runtime_->registry.size(); ++i)
            if (runtime_->registry.at(i)->checks_scopes) return true;
        return false;
    }

    /// On the stack of a lane, or off it; null if it has ended.
    OpenSpan* find_open(Replay& replay, std::uint64_t position) {
        if (OpenSpan* span = find(replay, position)) return span;
        const auto found = detached_.find(position);
        return found != detached_.end() ? found->second.get() : nullptr;
    }

    static OpenSpan* find(Replay& replay, std::uint64_t position) noexcept {
        for (std::size_t i = replay.depth; i-- > 0;)
            if (replay.stack[i]->position == position) return replay.stack[i].get();
        return nullptr;
    }

    /// It may still end, but nothing begins below it any more.
    void take_off_stack(Replay& replay) {
        detach(replay.stack[replay.depth - 1]);
        --replay.depth;
    }
    /// Leaves a place on the stack as if its span had ended.
    void detach(std::unique_ptr<OpenSpan>& place) {
        if (place->ended) return;
        std::unique_ptr<OpenSpan> other = spare();
        other->position = 0;
        other->local_root = false;
        other->ended = true;
        auto& slot = detached_[place->position]; // the last that may need memory
        slot = std::exchange(place, std::move(other));
    }

    std::unique_ptr<OpenSpan> spare() {
        if (spares_.empty()) return std::make_unique<OpenSpan>();
        auto span = std::move(spares_.back());
        spares_.pop_back();
        return span;
    }
    void keep(std::unique_ptr<OpenSpan> span) noexcept {
        if (spares_.size() < most_spares) spares_.push_back(std::move(span)); // room is reserved
    }

    /// A stack that was once deep stays so only as long as it is used.
    void give_back_unused(Replay& replay) noexcept {
        const std::size_t used = std::max(replay.deepest, usual_depth);
        replay.deepest = replay.depth;
        if (replay.stack.size() < 2 * used) return;
        replay.stack.resize(used);
        try {
            replay.stack.shrink_to_fit();
        } catch (const std::bad_alloc&) {} // then it stays
    }

    Lane* lane_of_position(std::uint64_t position) {
        const std::uint32_t index = lane_of(position);
        if (index >= lanes_.size() || !lanes_[index]) {
            for (Lane* lane = runtime_->lanes.load(memory_order_acquire); // pairs with claim_lane()
                 lane; lane = lane->next) {
                if (lane->index >= lanes_.size()) lanes_.resize(lane->index + 1);
                lanes_[lane->index] = lane;
            }
        }
        return index < lanes_.size() ? lanes_[index] : nullptr;
    }

    static constexpr std::size_t most_spares = 1024;
    static constexpr std::size_t usual_depth = 64; ///< 20 KiB a thread
    static constexpr std::size_t many_buckets = 8192;

    Runtime* runtime_;
    CallsiteTable* sites_;
    ChunkPool* pool_;
    TimeMap* time_;
    SpanBuilder builder_;
    Allowed limits_;
    std::uint32_t session_;
    // All that was published before `since_` has been read. In ticks, as they are counted now.
    std::uint64_t since_;   ///< the last settle() but one
    std::uint64_t settled_; ///< the last settle()
    std::uint64_t latest_ = 0;
    std::uint64_t leapt_;          ///< what the counter had leapt by at the last look
    std::uint64_t leap_since_ = 0; ///< and that since `since_`, since `settled_`
    std::uint64_t leap_settled_ = 0;
    bool ambiguous_ = false;
    std::uint64_t seed_ = 0;
    std::uint64_t key_ = 0;
    ChunkRef chunk_;
    std::size_t wanted_bytes_ = 0;
    std::vector<ChunkRef> finished_;
    std::unordered_map<std::uint64_t, std::unique_ptr<OpenSpan>> detached_;
    std::vector<std::unique_ptr<OpenSpan>> spares_;
    /// The process's, from the first pass on: another session may be in its last pass before.
    Unmatched* unmatched_ = nullptr;
    bool ends_wait_ = false;
    std::uint64_t missed_ = 0;
    std::vector<Lane*> lanes_;
    ScopeCheck check_;
    std::uint64_t begun_ = 0;
    std::uint64_t ended_ = 0;
    std::uint64_t discarded_ = 0;
    std::uint64_t over_limit_ = 0;
};

} // namespace detail
} // namespace plume
