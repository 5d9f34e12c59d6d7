#include <plume/exporters/jaeger/mapping.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <plume/exporters/jaeger/packets.hpp>
#include <plume/exporters/jaeger/size_bound.hpp>
#include <plume/exporters/jaeger/wire.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"
#include "support/jaeger_model.hpp"
#include "support/random_batch.hpp"
#include "support/small_batch.hpp"

using namespace plume::jaeger;
using namespace plume::jaeger_test;
using plume::Attribute;
using plume::SpanData;
using plume::otlp_test::RandomBatch;
using plume::otlp_test::small_span;

namespace {

template <template <class> class Wire, class Shape = Whole>
std::size_t measure(const SpanData& span, Shape shape = {}) {
    plume::otlp::Bytes scratch;
    return Mapping<Shape>{scratch, shape}.span(Wire<Count>{}, span).sink.size;
}
template <template <class> class Wire, class Shape = Whole>
std::string encode(const SpanData& span, Shape shape = {}) {
    plume::otlp::Bytes scratch;
    const std::size_t size = measure<Wire>(span, shape);
    std::string bytes(size + 16, '\xee');
    const char* const end =
        Mapping<Shape>{scratch, shape}.span(Wire<Store>{{bytes.data()}}, span).sink.at;
    CHECK(end == bytes.data() + size);
    bytes.resize(size);
    return bytes;
}
plume::idl::Span decode(const SpanData& span) {
    return thrift_object<plume::idl::Span, CompactProtocol>(encode<Compact>(span));
}

std::string hex(std::string_view bytes) {
    std::string text;
    for (const char c : bytes) {
        constexpr char digits[] = "0123456789abcdef";
        text += {digits[static_cast<unsigned char>(c) / 16], digits[c & 15]};
    }
    return text;
}

} // namespace

TEST_CASE("a small span is these bytes in the compact protocol") {
    CHECK(hex(encode<Compact>(small_span())) ==
          "16a0bcf0d081c3858a12"   // traceIdLow
          "16909cb0d080c1818202"   // traceIdHigh
          "16b0dcb0d182c5899222"   // spanId
          "1600"                   // no parent
          "1808636865636b6f7574"   // "checkout"
          "2502"                   // sampled; no references before it
          "168080f28183898506"     // 1,700,000,000,000,000 us
          "1602"                   // 1 us
          "192c"                   // two tags
          "18097370616e2e6b696e64" // "span.kind"
          "15001806736572766572"
          "00"                                 // STRING "server"
          "180f6f74656c2e73636f70652e6e616d65" // "otel.scope.name"
          "15001805706c756d65"
          "00" // STRING "plume"
          "00");
}

TEST_CASE("any span is, byte for byte, what Apache Thrift writes for its model") {
    for (std::uint64_t seed = 0; seed != 300; ++seed) {
        const RandomBatch random{seed, {.spans = 4, .longest_text = seed % 10 ? 40u : 200'000u}};
        for (const SpanData& span : random.batch()) {
            const plume::idl::Span model = model_of(span);
            INFO("seed " << seed);
            REQUIRE((encode<Compact>(span) == thrift_bytes<CompactProtocol>(model)));
            REQUIRE((encode<Binary>(span) == thrift_bytes<BinaryProtocol>(model)));
        }
    }
}

TEST_CASE("texts that are no UTF-8 travel as they are") {
    SpanData span = small_span();
    const Attribute bad{"bad", std::string_view{"\xff\x80\0 \xc3", 5}};
    span.attribute_data = &bad;
    span.attribute_count = 1;
    CHECK(decode(span) == model_of(span));
}

TEST_CASE("integers of every length are Apache Thrift's") {
    SpanData span = small_span();
    for (int bit = 0; bit != 64; ++bit) {
        for (const int step : {-1, 0, 1}) {
            const std::uint64_t value =
                (std::uint64_t{1} << bit) + static_cast<std::uint64_t>(step);
            span.trace_id = {value, ~value};
            const Attribute number{"n", std::bit_cast<std::int64_t>(value)};
            span.attribute_data = &number;
            span.attribute_count = 1;
            REQUIRE((encode<Compact>(span) == thrift_bytes<CompactProtocol>(model_of(span))));
        }
    }
}

TEST_CASE("an id with its high bit set is a negative number") {
    SpanData span = small_span();
    span.span_id = {0xff00000000000000};
    CHECK(decode(span).spanId == -72057594037927936);
}

TEST_CASE("the random flag of W3C does not become Jaeger's debug flag") {
    SpanData span = small_span();
    span.flags = plume::trace_flags::sampled | plume::trace_flags::random;
    CHECK(decode(span).flags == 1);
}

TEST_CASE("a span takes at least a microsecond in Jaeger, and whole ones are cut off") {
    SpanData span = small_span();
    const auto duration_of = [&](std::uint64_t nanoseconds) {
        span.end_unix_ns = span.begin_unix_ns + nanoseconds;
        return decode(span).duration;
    };
    CHECK(duration_of(0) == 1);
    CHECK(duration_of(1) == 1);
    CHECK(duration_of(999) == 1);
    CHECK(duration_of(1'000) == 1);
    CHECK(duration_of(1'999) == 1);
    CHECK(duration_of(2'000) == 2);
}

TEST_CASE("a number that JSON does not have is text in Jaeger, in spans and in their events") {
    using limits = std::numeric_limits<double>;
    const std::array attributes{
        Attribute{"nan", limits::quiet_NaN()}, Attribute{"negative nan", -limits::quiet_NaN()},
        Attribute{"most", limits::infinity()}, Attribute{"least", -limits::infinity()},
        Attribute{"largest", limits::max()}};
    const std::array events{plume::Event{"measured", 1, attributes, 0}};
    plume::SpanDetails details;
    details.events = events;
    SpanData span = small_span();
    span.attribute_data = attributes.data();
    span.attribute_count = attributes.size();
    span.details = &details;
    const plume::idl::Span decoded = decode(span);
    for (const auto& tags : {decoded.tags, decoded.logs.at(0).fields}) {
        CHECK(text_of(tags, "nan") == "nan=NaN");
        CHECK(text_of(tags, "negative nan") == "negative nan=NaN");
        CHECK(text_of(tags, "most") == "most=Infinity");
        CHECK(text_of(tags, "least") == "least=-Infinity");
        CHECK(text_of(tags, "largest") == "largest=1.7976931348623157e+308");
    }
}

TEST_CASE("kinds have Jaeger's names, and internal has none") {
    using plume::SpanKind;
    SpanData span = small_span();
    const auto tag_of = [&](SpanKind kind) {
        span.kind = kind;
        return text_of(decode(span).tags, "span.kind");
    };
    CHECK(tag_of(SpanKind::internal) == "no span.kind");
    CHECK(tag_of(SpanKind::server) == "span.kind=server");
    CHECK(tag_of(SpanKind::client) == "span.kind=client");
    CHECK(tag_of(SpanKind::producer) == "span.kind=producer");
    CHECK(tag_of(SpanKind::consumer) == "span.kind=consumer");
}

TEST_CASE("a status of error is a true tag, whatever an attribute of that name says") {
    const std::array attributes{Attribute{"error", false}, Attribute{"otel.status_code", "odd"}};
    const plume::SpanDetails details{{}, {}, "declined", {}, 0, 0, 0};
    SpanData span = small_span();
    span.attribute_data = attributes.data();
    span.attribute_count = 2;
    span.details = &details;

    CHECK(text_of(decode(span).tags, "error") == "error=false"); // unset: the user's word counts
    CHECK(text_of(decode(span).tags, "otel.status_code") == "otel.status_code=odd");
    span.status = plume::StatusCode::ok;
    CHECK(text_of(decode(span).tags, "otel.status_code") == "otel.status_code=OK");
    span.status = plume::StatusCode::error;
    const auto tags = decode(span).tags;
    CHECK(text_of(tags, "error") == "error=true");
    CHECK(text_of(tags, "otel.status_code") == "otel.status_code=ERROR");
    CHECK(text_of(tags, "otel.status_description") == "otel.status_description=declined");
}

TEST_CASE("an attribute called event takes the place of an event's name") {
    const std::array attributes{Attribute{"event", "mine"}};
    const std::array events{plume::Event{"plain", 2'000, {}, 0},
                            plume::Event{"hidden", 3'999, attributes, 5}};
    plume::SpanDetails details;
    details.events = events;
    SpanData span = small_span();
    span.details = &details;
    const auto logs = decode(span).logs;
    REQUIRE(logs.size() == 2);
    CHECK(logs[0].timestamp == 2);
    CHECK(text_of(logs[0].fields, "event") == "event=plain");
    CHECK(logs[1].timestamp == 3);
    CHECK(text_of(logs[1].fields, "event") == "event=mine");
    CHECK(text_of(logs[1].fields, "otel.dropped_attributes_count") ==
          "otel.dropped_attributes_count=5");
}

TEST_CASE("the parent comes first among the references, and links follow") {
    const std::array attributes{Attribute{"why", "retry"}};
    std::array<plume::Link, 2> links;
    links[0].context = {{1, 2}, {3}, 0, false, {}};
    links[1].context = {{4, 5}, {6}, 0, false, {}};
    links[1].attributes = attributes;
    plume::SpanDetails details;
    details.links = links;
    details.trace_state = "ot=th:8";
    SpanData span = small_span();
    span.parent_span_id = {9};

    CHECK(decode(span).parentSpanId == 9);
    CHECK_FALSE(decode(span).__isset.references); // parentSpanId says it all
    span.details = &details;
    const plume::idl::Span decoded = decode(span);
    REQUIRE(decoded.references.size() == 3);
    CHECK(decoded.references[0].refType == plume::idl::SpanRefType::CHILD_OF);
    CHECK(decoded.references[0].spanId == 9);
    CHECK(decoded.references[1].refType == plume::idl::SpanRefType::FOLLOWS_FROM);
    CHECK(decoded.references[1].traceIdHigh == 1);
    CHECK(decoded.references[2].spanId == 6);
    REQUIRE(decoded.logs.size() == 1); // the attributes of the second link have no other place
    CHECK(text_of(decoded.logs[0].fields, "event") == "event=link");
    CHECK(text_of(decoded.logs[0].fields, "span_id") == "span_id=0000000000000006");
    CHECK(text_of(decoded.logs[0].fields, "why") == "why=retry");
    CHECK(text_of(decoded.tags, "w3c.tracestate") == "w3c.tracestate=ot=th:8");
}

TEST_CASE("the resource becomes the process") {
    plume::Resource resource;
    resource.set("host.name", "h");
    resource.set("service.name", "shop");
    resource.set("process.pid", std::int64_t{7});
    plume::otlp::Bytes scratch;
    const auto decoded = [&] {
        std::string bytes(1024, '\0');
        const char* const end =
            process(Compact<Store>{{bytes.data()}}, resource, "me", scratch).sink.at;
        bytes.resize(static_cast<std::size_t>(end - bytes.data()));
        return thrift_object<plume::idl::Process, CompactProtocol>(bytes);
    };
    CHECK(decoded().serviceName == "shop");
    CHECK(decoded().tags.size() == 3);
    CHECK(text_of(decoded().tags, "host.name") == "host.name=h");
    CHECK(text_of(decoded().tags, "process.pid") == "process.pid=7");
    CHECK(text_of(decoded().tags, "client-uuid") == "client-uuid=me");
    resource.set("service.name", "");
    CHECK(decoded().serviceName == "unknown_service");
}

TEST_CASE("a text is never cut inside a character, nor an array inside an element") {
    const std::string_view text = "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"; // 1, 2, 3 and 4 bytes
    const std::array<std::size_t, 12> kept{0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};
    for (std::size_t longest = 0; longest != kept.size(); ++longest)
        CHECK(Cut{longest}.clip(text).size() == kept[longest]);

    plume::otlp::Bytes scratch;
    const std::array<std::int64_t, 3> numbers{1, 22, 333};
    const auto cut = [&](std::size_t longest) {
        return std::string{json_array(scratch, std::span<const std::int64_t>{numbers}, longest)};
    };
    CHECK(cut(100) == "[1,22,333]");
    CHECK(cut(10) == "[1,22,333]");
    CHECK(cut(9) == "[1,22]");
    CHECK(cut(5) == "[1]");
    CHECK(cut(0) == "[]");
}

TEST_CASE("the quick bound is never below the exact size") {
    const auto check = [](const SpanData& span) {
        REQUIRE(measure<Compact>(span) <= size_bound(span));
        REQUIRE(measure<Binary>(span) <= size_bound(span));
    };
    for (std::uint64_t seed = 0; seed != 500; ++seed) {
        const RandomBatch random{seed, {.spans = 4, .longest_text = 20}};
        for (const SpanData& span : random.batch()) check(span);
    }
    // The worst of everything: long numbers, control characters, and no bytes that make room.
    constexpr auto most = std::numeric_limits<std::int64_t>::min();
    const std::array<std::int64_t, 9> integers{most, most, most, most, most,
                                               most, most, most, most};
    std::array<double, 9> reals;
    reals.fill(-std::numeric_limits<double>::denorm_min() * 1e7);
    const std::array<bool, 9> booleans{};
    std::array<std::string_view, 9> texts;
    texts.fill("\x01\x02\x03");
    const std::array attributes{Attribute{"", most},
                                Attribute{"", std::span<const std::int64_t>{integers}},
                                Attribute{"", std::span<const double>{reals}},
                                Attribute{"", std::span<const bool>{booleans}},
                                Attribute{"", std::span<const std::string_view>{texts}}};
    std::array<plume::Event, 20> events;
    events.fill({"", ~0ull, attributes, ~0u});
    std::array<plume::Link, 20> links;
    links.fill({{{~0ull / 2, ~0ull / 2}, {~0ull / 2}, 0, false, {}}, attributes, ~0u});
    const plume::SpanDetails details{events, links, "m", "s", ~0u, ~0u, ~0u};
    const plume::Source source{"", "", "", 0, "n", "v"};
    SpanData span = small_span();
    span.trace_id = {~0ull / 2, ~0ull / 2};
    span.span_id = span.parent_span_id = {~0ull / 2};
    span.begin_unix_ns = 0;
    span.end_unix_ns = ~0ull;
    span.source = &source;
    span.status = plume::StatusCode::error;
    for (std::uint32_t count = 0; count <= attributes.size(); ++count) {
        span.attribute_data = attributes.data();
        span.attribute_count = count;
        span.details = &SpanData::no_details;
        check(span);
        span.details = &details;
        check(span);
    }
}

TEST_CASE("a warm encoder allocates nothing, whatever the span has") {
    const RandomBatch random{1, {.spans = 400, .longest_text = 40}};
    const plume::Batch batch = random.batch();
    Packets<Compact> packets{65'000, Envelope::emit_batch};
    const auto split = [&] {
        const plume::Outcome outcome = packets.split(batch, [](const Packet&) { return Sent{}; });
        return outcome.dropped.total();
    };
    CHECK(split() == 0);
    const std::size_t before = plume::test::allocations();
    const std::uint64_t dropped = split();
    const std::size_t after = plume::test::allocations();
    CHECK(dropped == 0);
    CHECK(after - before == 0);
}
