#include <plume/exporters/otlp/json.hpp>
#include <plume/exporters/otlp/protobuf.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "support/catch.hpp"
#include "support/otlp_read.hpp"
#include "support/otlp_text.hpp"
#include "support/random_batch.hpp"
#include "support/small_batch.hpp"

using namespace plume::otlp_test;
using plume::otlp::JsonEncoder;
using plume::otlp::ProtobufEncoder;

namespace {

template <class Encoder>
std::string_view encode_with(Encoder& encoder, const plume::Batch& batch) {
    encoder.begin(batch.resource());
    for (const plume::SpanData& span : batch) encoder.add(span);
    return encoder.finish();
}
template <class Encoder>
std::string encode(const plume::Batch& batch) {
    Encoder encoder;
    return std::string{encode_with(encoder, batch)};
}

/// The small span with an attribute, an event and a status.
const SmallBatch& golden() {
    static constexpr std::array attributes{plume::Attribute{"order.id", std::int64_t{-1}}};
    static constexpr std::array events{plume::Event{"paid", 1'700'000'000'000'000'500, {}, 0}};
    static constexpr plume::SpanDetails details{
        .events = events, .links = {}, .status_message = "declined", .trace_state = {}};
    static const SmallBatch batch = [] {
        plume::SpanData span = small_span();
        span.attribute_data = attributes.data();
        span.attribute_count = 1;
        span.details = &details;
        span.status = plume::StatusCode::error;
        return SmallBatch{span};
    }();
    return batch;
}

/// What one attribute looks like in JSON.
std::string json_of(const plume::Attribute& attribute) {
    plume::otlp::Bytes bytes;
    plume::otlp::json::attributes(bytes, {&attribute, 1});
    return std::string{bytes.view()};
}
std::string json_of(std::string_view text) {
    plume::otlp::Bytes bytes;
    plume::otlp::json::text(bytes, text);
    return std::string{bytes.view()};
}

} // namespace

TEST_CASE("a span becomes the bytes that protobuf's own library writes") {
    // Made with the Python package opentelemetry-proto 1.45.2.
    CHECK(hex(encode<ProtobufEncoder>(golden().batch())) ==
          "0a9d01"                                                       // resource_spans
          "0a150a130a0c736572766963652e6e616d6512030a0178"               // resource
          "1283010a070a05706c756d65"                                     // scope_spans, scope
          "1278"                                                         // span
          "0a100102030405060708090a0b0c0d0e0f10"                         // trace_id
          "12081112131415161718"                                         // span_id
          "2a08636865636b6f7574"                                         // name
          "3002"                                                         // kind
          "3900002a36fe9c971741e8032a36fe9c9717"                         // times
          "4a170a086f726465722e6964120b18ffffffffffffffffff01"           // attribute
          "5a0f09f4012a36fe9c97171204706169647a0c12086465636c696e656418" // event, status
          "02850101010000");                                             // flags
}

TEST_CASE("a span becomes the JSON that the specification asks for") {
    CHECK(encode<JsonEncoder>(golden().batch()) ==
          R"({"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":)"
          R"({"stringValue":"x"}}]},"scopeSpans":[{"scope":{"name":"plume"},"spans":[)"
          R"({"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"1112131415161718",)"
          R"("name":"checkout","kind":2,"startTimeUnixNano":"1700000000000000000",)"
          R"("endTimeUnixNano":"1700000000000001000","flags":257,"attributes":[)"
          R"({"key":"order.id","value":{"intValue":"-1"}}],"events":[)"
          R"({"timeUnixNano":"1700000000000000500","name":"paid"}],)"
          R"("status":{"message":"declined","code":2}}]}]}]})");
}

TEST_CASE("random spans come back from protobuf and from JSON as they were") {
    ProtobufEncoder protobuf; // reused, as exporters do
    JsonEncoder json;
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        const bool large = seed % 50 == 0; // about 200 kB a span
        const RandomBatch random{seed, {.spans = seed % 7, .longest_text = large ? 60'000u : 60u}};
        const plume::Batch batch = random.batch();
        INFO("seed " << seed);
        if (batch.empty()) {
            CHECK(encode_with(protobuf, batch).empty());
            continue;
        }
        const std::string expected = otlp_text(batch).text();
        const bool same_protobuf = read_protobuf(encode_with(protobuf, batch)).text() == expected;
        const bool same_json = read_json(encode_with(json, batch)).text() == expected;
        CHECK(same_protobuf); // the texts would be too long to print
        CHECK(same_json);
    }
}

TEST_CASE("lengths of nested messages are right on both sides of every varint") {
    for (const std::size_t size :
         {0u, 40u, 41u, 42u, 60u, 127u, 128u, 16'250u, 16'300u, 16'384u, 100'000u, 2'100'000u}) {
        const std::string text(size, 'x');
        const std::array attributes{plume::Attribute{"k", text}};
        const std::array events{plume::Event{text, 1, attributes, 0}};
        plume::SpanDetails details;
        details.events = events;
        details.status_message = text;
        plume::SpanData span = small_span();
        span.status = plume::StatusCode::error;
        span.details = &details;
        const SmallBatch with_details{span};
        span.details = &plume::SpanData::no_details;
        span.attribute_data = attributes.data();
        span.attribute_count = 1;
        const SmallBatch with_attribute{span};
        INFO("a string of " << size);
        for (const SmallBatch* const small : {&with_details, &with_attribute}) {
            const bool same = read_protobuf(encode<ProtobufEncoder>(small->batch())).text() ==
                              otlp_text(small->batch()).text();
            CHECK(same);
        }
    }
}

TEST_CASE("spans are grouped by the library that recorded them") {
    static constexpr plume::Source mine{"mine", "", "", 1, "shop", "1.0"};
    static constexpr plume::Source newer{"newer", "", "", 1, "shop", "2.0"};
    std::vector<plume::SpanData> spans;
    for (const plume::Source* const source : {&mine, &checkout, &mine, &newer, &checkout}) {
        spans.push_back(small_span());
        spans.back().source = source;
    }
    const SmallBatch small{spans};
    for (const OtlpText& seen : {read_protobuf(encode<ProtobufEncoder>(small.batch())),
                                 read_json(encode<JsonEncoder>(small.batch()))}) {
        std::string names;
        for (const OtlpText::Scope& scope : seen.scopes) {
            names += scope.name + ' ' + scope.version + ':';
            for (const OtlpText::Span& span : scope.spans) names += ' ' + span.name;
            names += '\n';
        }
        CHECK(names == "shop 1.0: mine mine\n"
                       "plume : checkout checkout\n"
                       "shop 2.0: newer\n");
    }
}

TEST_CASE("a span says which line and which thread it is from, behind its own attributes") {
    static constexpr std::string_view worker = "worker 1";
    static constexpr std::array attributes{plume::Attribute{"order.id", std::int64_t{7}}};
    plume::SpanData span = small_span();
    span.thread_id = 42;
    span.thread = &worker;
    const auto seen_by = [&](plume::otlp::OriginChoice choice) {
        const SmallBatch small{span};
        ProtobufEncoder protobuf{choice};
        JsonEncoder json{choice};
        const OtlpText one = read_protobuf(encode_with(protobuf, small.batch()));
        CHECK(read_json(encode_with(json, small.batch())).text() == one.text());
        return one.scopes.at(0).spans.at(0).attributes;
    };
    const std::vector<std::string> code{R"("code.function.name" = "checkout")",
                                        R"("code.file.path" = "shop.cpp")",
                                        R"("code.line.number" = 7)"};
    const std::vector<std::string> thread{R"("thread.id" = 42)", R"("thread.name" = "worker 1")"};
    CHECK(seen_by({}).empty());
    CHECK(seen_by({.code = true}) == code);
    CHECK(seen_by({.thread = true}) == thread);
    span.attribute_data = attributes.data();
    span.attribute_count = 1;
    std::vector<std::string> all{R"("order.id" = 7)"};
    all.insert(all.end(), code.begin(), code.end());
    all.insert(all.end(), thread.begin(), thread.end());
    CHECK(seen_by({.code = true, .thread = true}) == all);
}

TEST_CASE("what a program says about the line and the thread itself stands in the span, once") {
    static constexpr std::array attributes{plume::Attribute{"code.line.number", std::int64_t{1}},
                                           plume::Attribute{"thread.name", "mine"}};
    static constexpr std::string_view worker = "worker 1";
    plume::SpanData span = small_span();
    span.thread_id = 42;
    span.thread = &worker;
    const plume::SpanData without = span;
    span.attribute_data = attributes.data();
    span.attribute_count = attributes.size();
    const SmallBatch small{{without, span, without}};
    ProtobufEncoder encoder{{.code = true, .thread = true}};
    const auto spans = read_protobuf(encode_with(encoder, small.batch())).scopes.at(0).spans;
    CHECK(spans.at(1).attributes ==
          std::vector<std::string>{R"("code.line.number" = 1)", R"("thread.name" = "mine")",
                                   R"("code.function.name" = "checkout")",
                                   R"("code.file.path" = "shop.cpp")", R"("thread.id" = 42)"});
    CHECK(spans.at(0).attributes.size() == 5);
    CHECK(spans.at(2).attributes == spans.at(0).attributes);
}

TEST_CASE("a span that is of no line of source says none") {
    static constexpr plume::Source ready_made{"HTTP", "", "", 0, "plume", ""};
    plume::SpanData span = small_span();
    span.source = &ready_made;
    const SmallBatch small{span};
    ProtobufEncoder encoder{{.code = true, .thread = true}};
    CHECK(read_protobuf(encode_with(encoder, small.batch()))
              .scopes.at(0)
              .spans.at(0)
              .attributes.empty());
}

TEST_CASE("every span says its own line, however many lines and threads a batch has") {
    std::vector<plume::Source> sources(1'000, checkout);
    std::vector<plume::SpanData> spans;
    for (std::size_t i = 0; i != 3'000; ++i) {
        sources[i % sources.size()].line = static_cast<std::uint32_t>(i % sources.size());
        spans.push_back(small_span());
        spans.back().source = &sources[i % sources.size()];
        spans.back().thread_id = 1 + static_cast<std::uint32_t>(i % 7);
    }
    const SmallBatch small{spans};
    JsonEncoder encoder{{.code = true, .thread = true}};
    const auto seen = read_json(encode_with(encoder, small.batch())).scopes.at(0).spans;
    REQUIRE(seen.size() == spans.size());
    for (std::size_t i = 0; i != spans.size(); ++i) {
        REQUIRE(seen[i].attributes.at(2) ==
                "\"code.line.number\" = " + std::to_string(spans[i].source->line));
        REQUIRE(seen[i].attributes.at(3) ==
                "\"thread.id\" = " + std::to_string(spans[i].thread_id));
    }
}

TEST_CASE("a line of one batch is not taken for one of the next that lies at its place") {
    plume::Source source = checkout;
    plume::SpanData span = small_span();
    span.source = &source;
    const SmallBatch small{span};
    ProtobufEncoder encoder{{.code = true}};
    for (const std::string_view function : {"first", "second"}) {
        source.function = function;
        const OtlpText seen = read_protobuf(encode_with(encoder, small.batch()));
        CHECK(seen.scopes.at(0).spans.at(0).attributes.at(0) ==
              "\"code.function.name\" = " + quote(function));
    }
}

TEST_CASE("a resource that names its conventions names them for all of its spans") {
    plume::Resource resource;
    resource.set_schema_url("https://example.com/1.2.3");
    static constexpr plume::Source other{"other", "", "", 1, "shop", "1.0"};
    std::array spans{small_span(), small_span()};
    spans[1].source = &other;
    const plume::Batch::Piece piece{spans};
    const plume::Batch batch{resource, {&piece, 1}};
    CHECK(encode<JsonEncoder>(batch).ends_with(R"(}],"schemaUrl":"https://example.com/1.2.3"}],)"
                                               R"("schemaUrl":"https://example.com/1.2.3"}]})"));
    CHECK(read_json(encode<JsonEncoder>(batch)).spans() == 2);
    const std::string protobuf = encode<ProtobufEncoder>(batch);
    const std::vector<Field> resource_spans =
        read_message(read_message(protobuf).at(0).bytes); // resource, two scopes, schema_url
    REQUIRE(resource_spans.size() == 4);
    CHECK(resource_spans[3].number == 3);
    CHECK(resource_spans[3].bytes == "https://example.com/1.2.3");
    for (const std::size_t scope : {1u, 2u}) {
        const Field last = read_message(resource_spans[scope].bytes).back();
        CHECK(last.number == 3);
        CHECK(last.bytes == "https://example.com/1.2.3");
    }
}

TEST_CASE("encoders that are warm use the memory that they have") {
    const RandomBatch random{3, {.spans = 300, .longest_text = 60}};
    ProtobufEncoder protobuf;
    JsonEncoder json;
    const auto again = [&](auto& encoder) {
        const char* const warm = encode_with(encoder, random.batch()).data();
        CHECK(encode_with(encoder, random.batch()).data() == warm);
    };
    again(protobuf);
    again(json);
}

TEST_CASE("an encoder that was moved goes on") {
    ProtobufEncoder first;
    const std::string expected{encode_with(first, golden().batch())};
    ProtobufEncoder second = std::move(first);
    CHECK(encode_with(second, golden().batch()) == expected);
}

TEST_CASE("JSON has a number or a string for every double") {
    using limits = std::numeric_limits<double>;
    const auto json = [](double value) { return json_of(plume::Attribute{"k", value}); };
    const auto expected = [](std::string_view value) {
        return R"([{"key":"k","value":{"doubleValue":)" + std::string{value} + "}}]";
    };
    CHECK(json(0.1) == expected("0.1"));
    CHECK(json(3.0) == expected("3"));
    CHECK(json(-0.0) == expected("-0.0"));
    CHECK(json(-limits::max()) == expected("-1.7976931348623157e+308"));
    CHECK(json(limits::denorm_min()) == expected("5e-324"));
    CHECK(json(limits::quiet_NaN()) == expected(R"("NaN")"));
    CHECK(json(limits::infinity()) == expected(R"("Infinity")"));
    CHECK(json(-limits::infinity()) == expected(R"("-Infinity")"));
}

TEST_CASE("a span that takes no time ends a nanosecond later, any other where it ended") {
    for (const std::uint64_t duration : {0u, 1u, 500u}) {
        plume::SpanData span = small_span();
        span.end_unix_ns = span.begin_unix_ns + duration;
        const SmallBatch small{span};
        for (const OtlpText& seen : {read_protobuf(encode<ProtobufEncoder>(small.batch())),
                                     read_json(encode<JsonEncoder>(small.batch()))})
            CHECK(seen.scopes.at(0).spans.at(0).end ==
                  span.begin_unix_ns + std::max<std::uint64_t>(duration, 1));
    }
}

TEST_CASE("JSON integers of 64 bits are strings, since JavaScript would round them") {
    using limits = std::numeric_limits<std::int64_t>;
    CHECK(json_of(plume::Attribute{"k", limits::min()}) ==
          R"([{"key":"k","value":{"intValue":"-9223372036854775808"}}])");
}

TEST_CASE("JSON arrays carry their type in every element") {
    static constexpr std::array<std::int64_t, 2> numbers{1, -2};
    CHECK(
        json_of(plume::Attribute{"k", std::span<const std::int64_t>{numbers}}) ==
        R"([{"key":"k","value":{"arrayValue":{"values":[{"intValue":"1"},{"intValue":"-2"}]}}}])");
    CHECK(json_of(plume::Attribute{"k", std::span<const bool>{}}) ==
          R"([{"key":"k","value":{"arrayValue":{"values":[]}}}])");
}

TEST_CASE("JSON strings escape what they must, wherever it stands") {
    CHECK(json_of("plain") == R"("plain")");
    CHECK(json_of(std::string_view{"\0\x1f\x7f", 3}) == "\"\\u0000\\u001f\x7f\"");
    CHECK(json_of("\n\r\t\b") == R"("\n\r\t\u0008")");
    for (std::size_t at = 0; at != 600; ++at) { // every place in a word, and in a piece
        std::string text(600, '\xc3');
        for (std::size_t i = 1; i < text.size(); i += 2) text[i] = '\xa9'; // U+00E9
        const std::string around = text.substr(0, at & ~std::size_t{1});
        CHECK(json_of(around + "\"" + text + "\\") == '"' + around + "\\\"" + text + "\\\\\"");
    }
}

TEST_CASE("a string of nothing but control characters grows sixfold and still fits") {
    const std::string text(200'000, '\x01');
    const std::string json = json_of(text);
    CHECK(json.size() == 6 * text.size() + 2);
    CHECK(JsonReader::read(json).text == text);
}
