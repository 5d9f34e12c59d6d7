#include <plume/exporters/jaeger/packets.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "support/catch.hpp"
#include "support/jaeger_model.hpp"
#include "support/left_behind.hpp"
#include "support/random_batch.hpp"
#include "support/small_batch.hpp"

using namespace plume::jaeger;
using namespace plume::jaeger_test;
using plume::Attribute;
using plume::Batch;
using plume::DropReason;
using plume::Outcome;
using plume::SpanData;
using plume::otlp_test::RandomBatch;
using plume::otlp_test::small_span;
using plume::otlp_test::SmallBatch;

namespace {

std::string bytes_of(const Packet& packet) {
    return std::string{packet.head}.append(packet.spans).append(packet.tail);
}

/// What arrives when everything is sent.
struct Received {
    std::vector<plume::idl::Batch> batches;
    std::vector<plume::idl::Span> spans; ///< of all batches
    Outcome outcome;
};
Received receive(Packets<Compact>& packets, const Batch& batch) {
    Received received;
    received.outcome = packets.split(batch, [&](const Packet& packet) {
        CHECK(packet.size() <= packets.limit());
        received.batches.push_back(emitted(bytes_of(packet)));
        const auto& spans = received.batches.back().spans;
        CHECK(spans.size() == packet.span_count);
        received.spans.insert(received.spans.end(), spans.begin(), spans.end());
        return Sent{};
    });
    return received;
}
Received receive(std::size_t limit, const Batch& batch) {
    Packets<Compact> packets{limit, Envelope::emit_batch};
    return receive(packets, batch);
}

/// Spans with one text of a given size each, numbered by their ids.
class Texts {
  public:
    explicit Texts(const std::vector<std::size_t>& sizes) : attributes_(sizes.size()) {
        for (std::size_t i = 0; i != sizes.size(); ++i) {
            attributes_[i] = Attribute{"text", texts_.emplace_back(sizes[i], 'x')};
            SpanData& span = spans_.emplace_back(small_span());
            span.span_id = {i + 1};
            span.attribute_data = &attributes_[i];
            span.attribute_count = 1;
        }
        piece_ = spans_;
    }
    Texts(const Texts&) = delete;
    Texts& operator=(const Texts&) = delete;

    [[nodiscard]] Batch batch() const { return {resource_, {&piece_, 1}}; }

  private:
    plume::Resource resource_;
    std::list<std::string> texts_;
    std::vector<Attribute> attributes_;
    std::vector<SpanData> spans_;
    Batch::Piece piece_;
};

std::string ids(const std::vector<plume::idl::Span>& spans) {
    std::string text;
    for (const plume::idl::Span& span : spans) text += std::to_string(span.spanId) + " ";
    return text;
}

} // namespace

TEST_CASE("an emitBatch begins as agents expect it") {
    Packets<Compact> packets{65'000, Envelope::emit_batch};
    const SmallBatch small;
    (void)packets.split(small.batch(), [](const Packet& packet) {
        constexpr std::string_view start{"\x82\x81\0\x09"
                                         "emitBatch\x1c\x1c\x18",
                                         16};
        CHECK(packet.head.starts_with(start));
        return Sent{};
    });
}

TEST_CASE("a batch without an envelope is a bare Batch in the binary protocol") {
    const RandomBatch random{3, {.spans = 50}};
    Packets<Binary> packets{1'000'000, Envelope::none};
    std::string body;
    const Outcome outcome = packets.split(random.batch(), [&](const Packet& packet) {
        body += bytes_of(packet);
        return Sent{};
    });
    CHECK(outcome.dropped.total() == 0);
    const auto batch = thrift_object<plume::idl::Batch, BinaryProtocol>(body);
    CHECK(batch.process.serviceName == "random");
    CHECK(batch.spans.size() == 50);
}

TEST_CASE("spans that say where they are from are counted whole, byte for byte") {
    static constexpr std::string_view worker = "worker 1";
    for (std::uint64_t seed = 0; seed != 40; ++seed) {
        const RandomBatch random{seed, {.spans = 100, .longest_text = 40}};
        std::vector<SpanData> spans(random.batch().begin(), random.batch().end());
        for (SpanData& span : spans) {
            span.thread_id = 7;
            span.thread = &worker;
        }
        const SmallBatch batch{spans};
        INFO("seed " << seed);
        Packets<Compact> packets{9'000, Envelope::emit_batch, {.code = true, .thread = true}};
        const Received received = receive(packets, batch.batch());
        REQUIRE(received.spans.size() == spans.size());
        for (std::size_t i = 0; i != spans.size(); ++i)
            REQUIRE((thrift_bytes<CompactProtocol>(received.spans[i]) ==
                     thrift_bytes<CompactProtocol>(exported_model_of(spans[i]))));
    }
}

TEST_CASE("a tag of the program stands in the place of one that says where a span is from") {
    static constexpr std::array attributes{Attribute{"code.file.path", "mine.cpp"}};
    SpanData span = small_span();
    span.attribute_data = attributes.data();
    span.attribute_count = 1;
    Packets<Compact> packets{65'000, Envelope::emit_batch, {.code = true, .thread = true}};
    const SmallBatch batch{span};
    const auto tags = receive(packets, batch.batch()).spans.at(0).tags;
    CHECK(text_of(tags, "code.file.path") == "code.file.path=mine.cpp");
    CHECK(text_of(tags, "code.line.number") == "code.line.number=7");
}

TEST_CASE("a span that is cut does not say where it is from") {
    const std::string text(70'000, 'x');
    const Attribute attribute{"text", text};
    SpanData span = small_span();
    span.attribute_data = &attribute;
    span.attribute_count = 1;
    Packets<Compact> packets{65'000, Envelope::emit_batch, {.code = true, .thread = true}};
    const SmallBatch batch{span};
    const auto tags = receive(packets, batch.batch()).spans.at(0).tags;
    CHECK(text_of(tags, "plume.truncated") == "plume.truncated=true");
    CHECK(text_of(tags, "code.file.path") == "no code.file.path");
}

TEST_CASE("every span leaves exactly once, in order, in packets within the limit") {
    for (std::uint64_t seed = 0; seed != 60; ++seed) {
        const RandomBatch random{seed, {.spans = 100, .longest_text = 40}};
        for (const std::size_t limit : {3'000u, 9'216u, 65'000u}) {
            const Received received = receive(limit, random.batch());
            std::vector<std::int64_t> wanted;
            std::vector<std::int64_t> arrived;
            for (const SpanData& span : random.batch())
                wanted.push_back(static_cast<std::int64_t>(span.span_id.value));
            for (const plume::idl::Span& span : received.spans) arrived.push_back(span.spanId);
            const std::size_t dropped = received.outcome.dropped[DropReason::too_large];
            REQUIRE(received.spans.size() + dropped == 100);
            REQUIRE(received.outcome.dropped.total() == dropped);
            if (dropped == 0) REQUIRE(arrived == wanted);
        }
    }
}

TEST_CASE("a packet is filled to its last byte") {
    // Two equal spans, and a limit one byte below what both take, and then exactly that.
    const Texts two{{300, 300}};
    std::size_t both = 0;
    Packets<Compact> wide{65'000, Envelope::emit_batch};
    (void)wide.split(two.batch(), [&](const Packet& packet) {
        both = packet.size();
        return Sent{};
    });
    CHECK(receive(both, two.batch()).batches.size() == 1);
    CHECK(receive(both - 1, two.batch()).batches.size() == 2);
}

TEST_CASE("lists with longer headers still fit") {
    for (const std::size_t count : {14u, 15u, 16u, 127u, 128u, 129u, 400u}) {
        const Texts texts{std::vector<std::size_t>(count, 3)};
        CHECK(receive(65'000, texts.batch()).spans.size() == count);
    }
}

TEST_CASE("a span that is too large alone goes without its logs, marked") {
    const std::string long_text(4'000, 'l');
    const std::array fields{Attribute{"text", long_text}};
    const std::array events{plume::Event{"one", 1, fields, 0}, plume::Event{"two", 2, {}, 0}};
    plume::SpanDetails details;
    details.events = events;
    details.dropped_events = 40;
    SpanData span = small_span();
    span.details = &details;
    const SmallBatch batch{span};

    const Received whole = receive(9'216, batch.batch());
    CHECK(text_of(whole.spans.at(0).tags, "plume.truncated") == "no plume.truncated");
    CHECK(whole.spans.at(0).logs.size() == 2);
    const Received cut = receive(3'000, batch.batch());
    CHECK(cut.outcome.dropped.total() == 0);
    CHECK_FALSE(cut.spans.at(0).__isset.logs);
    CHECK(text_of(cut.spans[0].tags, "plume.truncated") == "plume.truncated=true");
    CHECK(text_of(cut.spans[0].tags, "otel.dropped_events_count") ==
          "otel.dropped_events_count=42");
}

TEST_CASE("of a span that is too large even so, the longest texts are cut") {
    const std::string euros = [] {
        std::string text;
        for (int i = 0; i != 1000; ++i) text += "\xe2\x82\xac";
        return text;
    }();
    const std::string longer(5'000, 'a');
    std::array<std::int64_t, 500> numbers{};
    const std::array attributes{Attribute{"short", "kept"}, Attribute{"euros", euros},
                                Attribute{"longer", longer},
                                Attribute{"numbers", std::span<const std::int64_t>{numbers}}};
    SpanData span = small_span();
    span.attribute_data = attributes.data();
    span.attribute_count = attributes.size();
    const Received received = receive(2'000, SmallBatch{span}.batch());
    CHECK(received.outcome.dropped.total() == 0);
    const auto& tags = received.spans.at(0).tags;
    CHECK(text_of(tags, "short") == "short=kept");
    CHECK(text_of(tags, "plume.truncated") == "plume.truncated=true");
    const std::string euro_text = text_of(tags, "euros");
    const std::string long_text = text_of(tags, "longer");
    const std::string numbers_text = text_of(tags, "numbers");
    CHECK((euro_text.size() - 6) % 3 == 0);
    CHECK(euro_text.size() > 400); // fair: all long ones are cut to about the same length
    CHECK(long_text.size() > 400);
    CHECK(numbers_text.size() > 400);
    CHECK(numbers_text.ends_with(",0]"));
}

TEST_CASE("what no packet takes is counted, and its neighbours leave") {
    const std::string key(3'000, 'k'); // keys are never cut
    const std::array attributes{Attribute{key, true}};
    SpanData huge = small_span();
    huge.attribute_data = attributes.data();
    huge.attribute_count = 1;
    std::vector<SpanData> spans(7, small_span());
    for (std::size_t i = 0; i != spans.size(); ++i) {
        if (i % 3 == 0) spans[i] = huge; // first, in the middle and last
        spans[i].span_id = {i};
    }
    Packets<Compact> packets{2'000, Envelope::emit_batch};
    const Received received = receive(packets, SmallBatch{spans}.batch());
    CHECK(ids(received.spans) == "1 2 4 5 ");
    CHECK(received.outcome.dropped[DropReason::too_large] == 3);
    CHECK(received.outcome.dropped.total() == 3);
    CHECK(received.outcome.error ==
          "a span exceeds the limit of a packet, even with its texts cut");
    const Received next = receive(packets, SmallBatch{2}.batch());
    CHECK(next.spans.size() == 2);
    CHECK(next.batches.at(0).stats.tooLargeDroppedSpans == 3);
}

TEST_CASE("a resource that fills a packet alone leaves no room for spans") {
    plume::Resource resource;
    resource.set("text", std::string(5'000, 'x'));
    const SpanData span = small_span();
    const Batch::Piece piece{&span, 1};
    const Received received = receive(2'000, Batch{resource, {&piece, 1}});
    CHECK(received.batches.empty());
    CHECK(received.outcome.dropped[DropReason::too_large] == 1);
}

TEST_CASE("texts from nothing to 200 kB leave, cut where they must be") {
    std::vector<std::size_t> sizes;
    for (std::size_t size = 0; size <= 200'000; size += 1 + size / 9) sizes.push_back(size);
    const Texts texts{sizes};
    const Received received = receive(65'000, texts.batch());
    REQUIRE(received.spans.size() == sizes.size());
    CHECK(received.outcome.dropped.total() == 0);
    for (std::size_t i = 0; i != sizes.size(); ++i) {
        const auto& tags = received.spans[i].tags;
        const std::size_t size = text_of(tags, "text").size() - std::string_view{"text="}.size();
        const bool cut = text_of(tags, "plume.truncated") == "plume.truncated=true";
        CHECK(cut == (size < sizes[i]));
        CHECK(size <= sizes[i]);
        if (cut) CHECK(size > 64'500); // not more than it must
    }
}

TEST_CASE("a packet that fails takes only its own spans with it") {
    const Texts texts{std::vector<std::size_t>(30, 100)};
    Packets<Compact> packets{1'000, Envelope::emit_batch};
    std::size_t tried = 0;
    std::size_t sent = 0;
    std::size_t failed = 0;
    const Outcome outcome = packets.split(texts.batch(), [&](const Packet& packet) {
        if (++tried % 2 == 0) {
            sent += packet.span_count;
            return Sent{};
        }
        failed += packet.span_count;
        return Sent{Outcome::failed(DropReason::transport, packet.span_count, "no")};
    });
    CHECK(sent + failed == 30);
    CHECK(failed > 0);
    CHECK(outcome.dropped[DropReason::transport] == failed);
    CHECK(receive(packets, SmallBatch{}.batch()).batches.at(0).stats.failedToEmitSpans ==
          static_cast<std::int64_t>(failed));
}

TEST_CASE("a packet that the system refuses is split again, and every span leaves once") {
    const Texts texts{{50, 3'000, 50, 50, 3'000, 50}};
    Packets<Compact> packets{65'000, Envelope::emit_batch};
    std::vector<plume::idl::Span> arrived;
    const Outcome outcome = packets.split(texts.batch(), [&](const Packet& packet) {
        if (packet.size() > 1'200) return Sent{{}, packet.size() > 5'000 ? 5'000u : 1'200u};
        const auto batch = emitted(bytes_of(packet));
        arrived.insert(arrived.end(), batch.spans.begin(), batch.spans.end());
        return Sent{};
    });
    CHECK(outcome.dropped.total() == 0);
    CHECK(ids(arrived) == "1 2 3 4 5 6 ");
    CHECK(packets.limit() == 1'200);
}

TEST_CASE("sequence numbers count packets, for one client") {
    const plume::test::LeftBehind left_behind;
    Packets<Compact> packets{65'000, Envelope::emit_batch};
    const auto next = [&] { return receive(packets, SmallBatch{}.batch()).batches.at(0); };
    const auto first = next();
    const auto second = next();
    const auto client = [](const plume::idl::Batch& batch) {
        return text_of(batch.process.tags, "client-uuid");
    };
    CHECK(first.seqNo == 0);
    CHECK(second.seqNo == 1);
    CHECK(client(first) == client(second));
    packets.forked();
    const auto of_child = next();
    CHECK(of_child.seqNo == 0);
    CHECK(client(of_child) != client(first));
}
