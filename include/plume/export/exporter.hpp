// exporter.hpp - a batch in, an outcome out: all that an exporter has to be.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <plume/export/resource.hpp>
#include <plume/export/span_data.hpp>

namespace plume {

/// Why a span that began was not delivered.
enum class DropReason : std::uint8_t {
    ring_full,   ///< the thread's ring had no room, so it was never recorded
    thread_exit, ///< begun after the thread had given up its lane
    discarded,   ///< Span::discard() said so
    over_limit,  ///< beyond SpanLimits::spans_per_root
    queue_full,  ///< the exporter was slower than the program for too long
    too_large,   ///< it fits neither the protocol, with its longest parts cut, nor the queue
    rejected,    ///< the backend refused it, or the exporter threw
    transport,   ///< the backend could not be reached, after all retries
    shutdown     ///< still waiting when the shutdown's deadline passed
};
inline constexpr std::size_t drop_reasons = 9;

[[nodiscard]] constexpr std::string_view to_string(DropReason reason) noexcept {
    constexpr std::array<std::string_view, drop_reasons> names{
        "ring_full", "thread_exit", "discarded", "over_limit", "queue_full",
        "too_large", "rejected",    "transport", "shutdown"};
    return names[static_cast<std::size_t>(reason)];
}

/// Spans that were not delivered, counted by reason.
struct Drops {
    std::array<std::uint64_t, drop_reasons> by_reason{};

    constexpr std::uint64_t& operator[](DropReason reason) noexcept {
        return by_reason[static_cast<std::size_t>(reason)];
    }
    constexpr std::uint64_t operator[](DropReason reason) const noexcept {
        return by_reason[static_cast<std::size_t>(reason)];
    }
    [[nodiscard]] constexpr std::uint64_t total() const noexcept {
        return std::accumulate(by_reason.begin(), by_reason.end(), std::uint64_t{0});
    }
    constexpr Drops& operator+=(const Drops& other) noexcept {
        for (std::size_t i = 0; i < drop_reasons; ++i) by_reason[i] += other.by_reason[i];
        return *this;
    }
    friend constexpr bool operator==(const Drops&, const Drops&) = default;
};

/// What became of a batch. Spans that are in no drop count were delivered.
struct Outcome {
    Drops dropped;
    std::string error; ///< a sentence for people, empty when all went well

    [[nodiscard]] static Outcome delivered() { return {}; }
    [[nodiscard]] static Outcome failed(DropReason reason, std::uint64_t spans, std::string why) {
        Outcome outcome{{}, std::move(why)};
        outcome.dropped[reason] = spans;
        return outcome;
    }
};

/// Spans of one process in the order in which they ended, lane by lane. Only borrowed: what an
/// exporter keeps after deliver() it copies.
class Batch {
  public:
    using Piece = std::span<const SpanData>;

    class iterator {
      public:
        using iterator_category = std::forward_iterator_tag;
        using value_type = SpanData;
        using difference_type = std::ptrdiff_t;
        using pointer = const SpanData*;
        using reference = const SpanData&;

        iterator() = default;
        iterator(const Piece* piece, const Piece* last) : piece_{piece}, last_{last} { settle(); }

        reference operator*() const { return *span_; }
        pointer operator->() const { return span_; }
        iterator& operator++() {
            if (++span_ == piece_->data() + piece_->size()) {
                ++piece_;
                settle();
            }
            return *this;
        }
        iterator operator++(int) {
            iterator before = *this;
            ++*this;
            return before;
        }
        friend bool operator==(const iterator& a, const iterator& b) { return a.span_ == b.span_; }

      private:
        void settle() {
            while (piece_ != last_ && piece_->empty()) ++piece_;
            span_ = piece_ != last_ ? piece_->data() : nullptr;
        }
        const Piece* piece_ = nullptr;
        const Piece* last_ = nullptr;
        const SpanData* span_ = nullptr;
    };

    /// `pieces` and what they point to outlive the batch; so does `resource`.
    Batch(const Resource& resource, std::span<const Piece> pieces) noexcept
        : resource_{&resource}, pieces_{pieces} {
        for (const Piece& piece : pieces) size_ += piece.size();
    }

    [[nodiscard]] const Resource& resource() const noexcept { return *resource_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] iterator begin() const {
        return {pieces_.data(), pieces_.data() + pieces_.size()};
    }
    [[nodiscard]] iterator end() const { return {}; }

  private:
    const Resource* resource_;
    std::span<const Piece> pieces_;
    std::size_t size_ = 0;
};

/// Where batches go. A session gives each exporter a thread of its own and calls every function
/// but fault() and cancel() from there, one at a time, with tracing suppressed: what it does is
/// never traced. An exception that leaves deliver() counts the batch as rejected.
class Exporter {
  public:
    virtual ~Exporter() = default;

    /// Called once when a session starts, and again in a child of a fork that records, by the
    /// thread that starts it: open what needs rights that the process may give up later. Failing is
    /// no trouble yet, deliver() tells.
    virtual void prepare() {}

    /// Delivers a batch before returning. May block: no recording thread waits for it.
    [[nodiscard]] virtual Outcome deliver(const Batch& batch) = 0;

    /// Names the exporter in statistics and reports; constant.
    [[nodiscard]] virtual std::string_view name() const noexcept { return "exporter"; }

    /// Whether it wants spans as soon as they are collected, some 50 ms after they ended, and not
    /// in batches after Options::batch_delay. Asked once.
    [[nodiscard]] virtual bool wants_spans_at_once() const noexcept { return false; }

    /// Says what is wrong with its settings if it can't deliver anything with them, a sentence
    /// without secrets. A session asks when it starts, on the caller's thread, and reports it.
    [[nodiscard]] virtual std::string fault() const { return {}; }

    /// Called a few times a second while there is nothing to deliver.
    virtual void idle() {}

    /// Called once, after the last batch: print or send whatever is still held back.
    virtual void close() {}

    /// Called from another thread when a deadline has passed: a deliver() that waits (for a
    /// network, for a retry) should return soon. It may be called more than once.
    virtual void cancel() noexcept {}

    /// Called in the child within fork(), before fork() returns there: connections and buffers
    /// belong to the parent. Close the descriptors, which the child may be about to give to files
    /// of its own, and forget the rest; open nothing yet. The parent's thread may have been in the
    /// middle of deliver(), so what that changes may be half changed, and its locks held for ever:
    /// leave such things behind rather than free them. Must not wait.
    virtual void forked() noexcept {}

  protected:
    Exporter() = default;
    Exporter(const Exporter&) = default;
    Exporter(Exporter&&) = default;
    Exporter& operator=(const Exporter&) = default;
    Exporter& operator=(Exporter&&) = default;
};

} // namespace plume
