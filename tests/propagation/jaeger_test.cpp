#include <plume/propagation/jaeger.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "support/catch.hpp"
#include "support/headers.hpp"

using plume::Propagator;
using plume::SpanContext;
using plume::test::example_context;
using plume::test::extract_from;
using plume::test::Headers;
using plume::test::injected;

namespace flags = plume::trace_flags;

namespace {

const std::string trace = "4bf92f3577b34da6a3ce929d0e0e4736";
const std::string span = "00f067aa0ba902b7";
const std::string ids = trace + ":" + span;

SpanContext from(const std::string& header) {
    return extract_from({{"uber-trace-id", header}}, {Propagator::jaeger}).context();
}
SpanContext example(unsigned state) { return example_context(static_cast<std::uint8_t>(state)); }

std::string baggage_from(const Headers& headers) {
    return std::string{extract_from(headers, {Propagator::jaeger}).context().baggage};
}

} // namespace

// uber-trace-id.

TEST_CASE("uber-trace-id gives trace, parent and decision") {
    CHECK(from(ids + ":0:1") == example(flags::sampled));
    CHECK(from(ids + ":0:0") == example(0));
    CHECK(from(ids + ":05e3ac9a4f6e3b90:1") == example(flags::sampled));
    CHECK(from(" " + ids + ":0:1 ") == example(flags::sampled));
}

TEST_CASE("shorter ids in uber-trace-id are padded on the left") {
    CHECK(from("1:2:0:1").trace_id == plume::TraceId{0, 1});
    CHECK(from("1:2:0:1").span_id == plume::SpanId{2});
    CHECK(from("1" + trace.substr(16) + ":" + span.substr(2) + ":0:1").trace_id ==
          plume::TraceId{1, 0xa3ce929d0e0e4736});
    CHECK(from(trace + ":" + span.substr(2) + ":0:1") == example(flags::sampled));
}

TEST_CASE("colons in uber-trace-id may be escaped") {
    CHECK(from(trace + "%3A" + span + "%3A0%3A1") == example(flags::sampled));
    CHECK(from(trace + "%3a" + span + "%3a0%3a1") == example(flags::sampled));
    CHECK(from(trace + "%3A" + span + ":0%3a1") == example(flags::sampled));
}

TEST_CASE("flags of uber-trace-id are one or two digits: sampled, debug, firehose") {
    CHECK(from(ids + ":0:01") == example(flags::sampled));
    CHECK(from(ids + ":0:00") == example(0));
    for (const char* text : {"2", "3", "02", "03"})
        CHECK(from(ids + ":0:" + text) == example(flags::sampled | flags::debug));
    CHECK(from(ids + ":0:8") == example(flags::firehose));
    CHECK(from(ids + ":0:9") == example(flags::sampled | flags::firehose));
    CHECK(from(ids + ":0:b") == example(flags::sampled | flags::debug | flags::firehose));
    CHECK(from(ids + ":0:f4") == example(0));
}

TEST_CASE("what is no uber-trace-id counts as absent") {
    for (const auto& header : std::vector<std::string>{"",
                                                       ":::",
                                                       "1:2:0",
                                                       ids,
                                                       ids + ":0",
                                                       ids + ":0:",
                                                       ids + "::1",
                                                       ids + ":0:001",
                                                       ids + ":0:1:",
                                                       ids + ":0:1:0",
                                                       ids + ":0:g",
                                                       ids + ":x:1",
                                                       "0" + ids + ":0:1",
                                                       trace + ":0" + span + ":0:1",
                                                       "0:" + span + ":0:1",
                                                       trace + ":0:0:1",
                                                       "x:1:0:1",
                                                       "1:x:0:1",
                                                       ids + ":0:-1",
                                                       ids + ":0: 1",
                                                       trace + "%3" + span + ":0:1",
                                                       ids + ":00000000000000000:1"}) {
        INFO(header);
        CHECK(from(header) == SpanContext{});
    }
}

TEST_CASE("uber-trace-id is written with 0 for the parent's parent") {
    CHECK(injected(example(flags::sampled | flags::random), {Propagator::jaeger}) ==
          "uber-trace-id: " + ids + ":0:1\n");
    CHECK(injected(example(0), {Propagator::jaeger}) == "uber-trace-id: " + ids + ":0:0\n");
    CHECK(injected(SpanContext{}, {Propagator::jaeger}).empty());
}

TEST_CASE("debug and firehose of uber-trace-id are passed on") {
    for (const char* text : {"0", "1", "3", "8", "9", "b"})
        CHECK(injected(from(ids + ":0:" + text), {Propagator::jaeger}) ==
              "uber-trace-id: " + ids + ":0:" + text + "\n");
    CHECK(injected(from(ids + ":0:b"), {Propagator::tracecontext}) ==
          "traceparent: 00-" + trace + "-" + span + "-01\n");
}

TEST_CASE("debug means the same to b3 and jaeger") {
    CHECK(injected(from(ids + ":0:3"), {Propagator::b3}) == "b3: " + trace + "-" + span + "-d\n");
    const auto extracted = extract_from({{"b3", trace + "-" + span + "-d"}}, {Propagator::b3});
    CHECK(injected(extracted.context(), {Propagator::jaeger}) ==
          "uber-trace-id: " + ids + ":0:3\n");
}

// uberctx-.

TEST_CASE("each uberctx header is an entry of the baggage") {
    CHECK(baggage_from({{"uberctx-user", "ann"}, {"Uberctx-Tier", "gold"}, {"other", "x"}}) ==
          "user=ann,tier=gold");
    CHECK(baggage_from({{"uberctx-", "x"}, {"uberctx", "x"}, {"uberctx-a", ""}}) == "a=");
}

TEST_CASE("values of uberctx headers are escaped as in forms") {
    CHECK(plume::Baggage::parse(baggage_from({{"uberctx-k", "a%20b+c%2Bd%C3%A4"}})).find("k") ==
          "a b c+d\xc3\xa4");
    CHECK(baggage_from({{"uberctx-k", " raw, \"unescaped\" "}}) == "k=raw%2C%20%22unescaped%22");
}

TEST_CASE("an uberctx header replaces the entry of another format") {
    const Headers headers{{"baggage", "user=bob;p=1,other=1"}, {"uberctx-user", "ann"}};
    CHECK(extract_from(headers, {Propagator::baggage, Propagator::jaeger}).context().baggage ==
          "other=1,user=ann");
}

TEST_CASE("baggage is written as uberctx headers, with or without a trace") {
    SpanContext context;
    context.baggage = "user=ann%20lee;p=1,plus=a+b,user=bob";
    const std::string headers = "uberctx-plus: a%2Bb\nuberctx-user: bob\n";
    CHECK(injected(context, {Propagator::jaeger}) == headers);
    context = example(1);
    context.baggage = "user=ann%20lee;p=1";
    CHECK(injected(context, {Propagator::jaeger}) ==
          "uber-trace-id: " + ids + ":0:1\nuberctx-user: ann%20lee\n");
}

TEST_CASE("no more uberctx headers are read than a baggage may have members") {
    Headers headers;
    for (int i = 0; i < 100; ++i) headers.emplace_back("uberctx-k" + std::to_string(i), "v");
    CHECK(plume::Baggage::parse(baggage_from(headers)).size() == 64);
}

TEST_CASE("a carrier that cannot list its names gives no uberctx entries, and the rest") {
    struct Plain {
        std::string header = ids + ":0:1";
        std::string_view get(std::string_view name) const {
            return name == "uber-trace-id" ? std::string_view{header} : std::string_view{};
        }
    };
    CHECK(plume::extract(Plain{}, {Propagator::jaeger}).context() == example(flags::sampled));
}
