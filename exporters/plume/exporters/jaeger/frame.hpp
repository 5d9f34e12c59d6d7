// frame.hpp - what stands around the spans of a packet, written by Apache Thrift.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <type_traits>

#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/protocol/TCompactProtocol.h>
#include <thrift/transport/TBufferTransports.h>

#include <plume/exporters/jaeger/wire.hpp>

namespace plume::jaeger {

/// Cumulative, as jaeger.thrift has it; what a full queue dropped is known to the session only.
struct ClientStats {
    std::int64_t full_queue_dropped = 0;
    std::int64_t too_large_dropped = 0;
    std::int64_t failed_to_emit = 0;
};

/// Whether a Batch travels as the call Agent.emitBatch(Batch), or alone.
enum class Envelope : bool { none, emit_batch };

/// struct Batch: 1 process, 2 spans, 3 seqNo, 4 stats. A Thrift struct has the same bytes wherever
/// it stands, so process and spans are encoded apart, and the frame is written around them.
template <template <class> class Wire>
class Frame {
  public:
    explicit Frame(Envelope envelope) : envelope_{envelope} {}

    struct Contents {
        std::string_view process; ///< an encoded Process
        std::size_t spans = 0;
        std::int64_t sequence = 0;
        ClientStats stats = {};
    };

    void write(const Contents& contents) {
        using namespace apache::thrift::protocol;
        buffer_->resetBuffer();
        if (envelope_ == Envelope::emit_batch) {
            protocol_.writeMessageBegin("emitBatch", T_ONEWAY, 0); // nobody answers: any number
            protocol_.writeStructBegin("emitBatch_args");
            protocol_.writeFieldBegin("batch", T_STRUCT, 1);
        }
        protocol_.writeStructBegin("Batch");
        protocol_.writeFieldBegin("process", T_STRUCT, 1);
        buffer_->write(reinterpret_cast<const std::uint8_t*>(contents.process.data()),
                       static_cast<std::uint32_t>(contents.process.size()));
        protocol_.writeFieldBegin("spans", T_LIST, 2);
        protocol_.writeListBegin(T_STRUCT, static_cast<std::uint32_t>(contents.spans));
        head_ = buffer_->available_read();
        i64("seqNo", 3, contents.sequence);
        stats(contents.stats);
        protocol_.writeFieldStop();
        protocol_.writeStructEnd();
        if (envelope_ == Envelope::emit_batch) {
            protocol_.writeFieldStop();
            protocol_.writeStructEnd();
            protocol_.writeMessageEnd();
        }
    }

    /// What precedes the spans and what follows them; valid until the next write().
    [[nodiscard]] std::string_view head() const { return bytes().substr(0, head_); }
    [[nodiscard]] std::string_view tail() const { return bytes().substr(head_); }

  private:
    using Buffer = apache::thrift::transport::TMemoryBuffer;
    using Protocol = std::conditional_t<std::is_same_v<Wire<Store>, Compact<Store>>,
                                        apache::thrift::protocol::TCompactProtocolT<Buffer>,
                                        apache::thrift::protocol::TBinaryProtocolT<Buffer>>;

    void i64(const char* name, std::int16_t id, std::int64_t value) {
        protocol_.writeFieldBegin(name, apache::thrift::protocol::T_I64, id);
        protocol_.writeI64(value);
    }
    void stats(const ClientStats& stats) {
        protocol_.writeFieldBegin("stats", apache::thrift::protocol::T_STRUCT, 4);
        protocol_.writeStructBegin("ClientStats");
        i64("fullQueueDroppedSpans", 1, stats.full_queue_dropped);
        i64("tooLargeDroppedSpans", 2, stats.too_large_dropped);
        i64("failedToEmitSpans", 3, stats.failed_to_emit);
        protocol_.writeFieldStop();
        protocol_.writeStructEnd();
    }
    [[nodiscard]] std::string_view bytes() const {
        std::uint8_t* data = nullptr;
        std::uint32_t size = 0;
        buffer_->getBuffer(&data, &size);
        return {reinterpret_cast<const char*>(data), size};
    }

    Envelope envelope_;
    std::shared_ptr<Buffer> buffer_ = std::make_shared<Buffer>();
    Protocol protocol_{buffer_};
    std::size_t head_ = 0;
};

} // namespace plume::jaeger
