// packets.hpp - splits a batch into packets, each with as many whole spans as a limit allows.
#pragma once

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <random>
#include <span>
#include <string_view>
#include <utility>

#include <unistd.h>

#include <plume/export/exporter.hpp>
#include <plume/exporters/detail/bytes.hpp>
#include <plume/exporters/detail/origins.hpp>
#include <plume/exporters/jaeger/frame.hpp>
#include <plume/exporters/jaeger/mapping.hpp>
#include <plume/exporters/jaeger/size_bound.hpp>
#include <plume/exporters/jaeger/wire.hpp>

namespace plume::jaeger {

/// One after the other, these are the bytes of a packet.
struct Packet {
    std::string_view head;
    std::string_view spans;
    std::string_view tail;
    std::size_t span_count = 0;

    [[nodiscard]] std::size_t size() const noexcept {
        return head.size() + spans.size() + tail.size();
    }
};

/// What became of a packet. With `smaller` it was not sent, because nothing above that size can be.
/// With `most_spans` it was not taken, and goes again in packets of so many spans.
struct Sent {
    Outcome outcome = {};
    std::size_t smaller = 0;
    std::size_t most_spans = 0;
};

/// Reuses its memory, about twice the limit: nothing is allocated per span, and for ordinary spans
/// nothing per packet either.
template <template <class> class Wire>
class Packets {
  public:
    Packets(std::size_t limit, Envelope envelope, otlp::OriginChoice origins = {})
        : limit_{limit}, origins_{origins}, frame_{std::make_unique<Frame<Wire>>(envelope)},
          buffer_{std::make_unique_for_overwrite<char[]>(2 * limit + overrun)} {
        std::random_device random;
        name_client(std::uint64_t{random()} << 32 | random());
    }

    /// Calls `send(packet)`, which returns a Sent, until every span is sent or dropped. One that
    /// fails has no influence on the next.
    template <class Send>
    [[nodiscard]] Outcome split(const Batch& batch, Send&& send) {
        Outcome outcome;
        encode_process(batch.resource());
        origins_.reset();
        std::size_t most_spans = batch.size();
        for (auto first = batch.begin(); first != batch.end();) {
            const Filled filled = fill(first, batch.end(), most_spans);
            if (count_ != 0) {
                Sent sent = send(packet());
                if (sent.most_spans != 0) {
                    most_spans = sent.most_spans; // holds for the rest of the batch
                    continue;
                }
                give_up(sent.outcome.dropped.total());
                add(outcome, std::move(sent.outcome));
                if (sent.smaller != 0 && sent.smaller < limit_) {
                    limit_ = sent.smaller;
                    continue; // encodes the same spans again: it happens once in a process
                }
                ++sequence_;
            }
            if (filled.too_large != 0) add(outcome, too_large(filled.too_large));
            first = filled.next;
        }
        return outcome;
    }

    /// Counts spans that can't even be tried.
    void give_up(std::size_t spans) noexcept {
        stats_.failed_to_emit += static_cast<std::int64_t>(spans);
    }

    /// Bytes of a packet at most; less than at first, where the system sends less.
    [[nodiscard]] std::size_t limit() const noexcept { return limit_; }

    /// In the child after fork(): another client, which begins to count anew.
    void forked() noexcept {
        // A fork amidst split() copied buffers that were being changed: they are left behind.
        ::new (static_cast<void*>(&origins_)) otlp::Origins{origins_.choice()};
        ::new (static_cast<void*>(&process_)) otlp::Bytes;
        ::new (static_cast<void*>(&scratch_)) otlp::Bytes;
        used_ = count_ = 0;
        name_client(plume::detail::mix(client_number_ ^ static_cast<std::uint64_t>(::getpid())));
        sequence_ = 0;
        stats_ = {};
    }

  private:
    static constexpr std::size_t overrun = 16; // Store::varint() writes up to 10 bytes for one

    struct Filled {
        Batch::iterator next;
        std::size_t too_large = 0;
    };

    /// Encodes spans until the next one doesn't fit any more; that one opens the next packet.
    [[nodiscard]] Filled fill(Batch::iterator first, Batch::iterator last, std::size_t most_spans) {
        Filled filled{first};
        used_ = 0;
        count_ = 0;
        frame_->write({.process = process_.view(), .sequence = sequence_, .stats = stats_});
        frame_size_ = frame_->head().size() + frame_->tail().size() - Out::list_header(0);
        for (; filled.next != last && count_ < most_spans; ++filled.next) {
            const std::size_t size = encode(*filled.next);
            if (size == 0) {
                ++filled.too_large;
            } else if (frame_size_ + Out::list_header(count_ + 1) + used_ + size <= limit_) {
                used_ += size;
                ++count_;
            } else {
                break;
            }
        }
        return filled;
    }

    [[nodiscard]] Packet packet() {
        frame_->write({process_.view(), count_, sequence_, stats_});
        const Packet packet{frame_->head(), {buffer_.get(), used_}, frame_->tail(), count_};
        assert(packet.size() <= limit_);
        return packet;
    }

    /// Writes the span behind those that are there, and returns its size; 0 if no packet takes it.
    [[nodiscard]] std::size_t encode(const SpanData& span) {
        const std::size_t room = limit_ - std::min(limit_, frame_size_ + Out::list_header(1));
        const otlp::Origin origin = origin_of(span);
        if (size_bound(span) + origin.bytes.size() <= room) return write(span, Whole{}, origin);
        if (measure(span, Whole{}, origin) <= room) return write(span, Whole{}, origin);
        if (measure(span, Cut{}) <= room) return write(span, Cut{});
        return encode_cut(span, room);
    }

    /// Looks for the greatest length of texts that makes it fit. Each step measures exactly, so
    /// that keys, numbers and characters of several bytes need no estimate.
    [[nodiscard]] std::size_t encode_cut(const SpanData& span, std::size_t room) {
        std::size_t fits = 0;
        std::size_t above = room;
        if (measure(span, Cut{fits}) > room) return 0;
        while (above - fits > 1) {
            const std::size_t middle = fits + (above - fits) / 2;
            (measure(span, Cut{middle}) <= room ? fits : above) = middle;
        }
        return write(span, Cut{fits});
    }

    template <class Shape>
    [[nodiscard]] std::size_t write(const SpanData& span, Shape shape, otlp::Origin origin = {}) {
        char* const start = buffer_.get() + used_;
        const auto end = Mapping<Shape>{scratch_, shape, origin}.span(Out{{start}}, span).sink.at;
        return static_cast<std::size_t>(end - start);
    }
    template <class Shape>
    [[nodiscard]] std::size_t measure(const SpanData& span, Shape shape, otlp::Origin origin = {}) {
        return Mapping<Shape>{scratch_, shape, origin}.span(Wire<Count>{}, span).sink.size;
    }

    [[nodiscard]] otlp::Origin origin_of(const SpanData& span) {
        return origins_.of(span, [this](otlp::Bytes& to, std::span<const Attribute> attributes) {
            const Tags<Whole> tags{{}, scratch_};
            Wire<Count> size;
            for (const Attribute& one : attributes) size = tags.one(size, one);
            Out out{{to.room(size.sink.size + overrun)}};
            for (const Attribute& one : attributes) out = tags.one(out, one);
            to.finish(out.sink.at);
        });
    }

    void encode_process(const Resource& resource) {
        const std::string_view client{client_.data(), client_.size()};
        process_.clear();
        const std::size_t size = process(Wire<Count>{}, resource, client, scratch_).sink.size;
        process_.finish(
            process(Out{{process_.room(size + overrun)}}, resource, client, scratch_).sink.at);
    }

    [[nodiscard]] Outcome too_large(std::size_t spans) {
        stats_.too_large_dropped += static_cast<std::int64_t>(spans);
        return Outcome::failed(DropReason::too_large, spans,
                               "a span exceeds the limit of a packet, even with its texts cut");
    }
    static void add(Outcome& sum, Outcome&& part) {
        sum.dropped += part.dropped;
        if (sum.error.empty()) sum.error = std::move(part.error);
    }
    void name_client(std::uint64_t number) noexcept {
        client_number_ = number;
        plume::detail::write_hex(client_.data(), number);
    }

    using Out = Wire<Store>;

    std::size_t limit_;
    otlp::Origins origins_;
    std::unique_ptr<Frame<Wire>> frame_; // not movable by itself
    std::unique_ptr<char[]> buffer_;     // encoded spans of the packet, and the one that overflows
    std::size_t used_ = 0;
    std::size_t count_ = 0;
    std::size_t frame_size_ = 0; // without the header of the list of spans
    otlp::Bytes process_;
    otlp::Bytes scratch_;
    std::int64_t sequence_ = 0;
    ClientStats stats_;
    std::uint64_t client_number_ = 0;
    std::array<char, 16> client_{};
};

} // namespace plume::jaeger
