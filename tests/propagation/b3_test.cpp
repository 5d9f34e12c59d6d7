#include <plume/propagation/b3.hpp>

#include <cstdint>
#include <string>

#include "support/catch.hpp"
#include "support/headers.hpp"

using plume::Propagator;
using plume::Propagators;
using plume::SpanContext;
using plume::test::example_context;
using plume::test::example_span;
using plume::test::example_trace;
using plume::test::extract_from;
using plume::test::Headers;
using plume::test::injected;

namespace flags = plume::trace_flags;

namespace {

const std::string trace = "4bf92f3577b34da6a3ce929d0e0e4736";
const std::string span = "00f067aa0ba902b7";
const std::string ids = trace + "-" + span;
constexpr std::uint8_t debug = flags::sampled | flags::debug;

SpanContext from_b3(const std::string& header) {
    return extract_from({{"b3", header}}, {Propagator::b3}).context();
}
SpanContext from_multi(const Headers& headers) {
    return extract_from(headers, {Propagator::b3multi}).context();
}
SpanContext decision(std::uint8_t state) {
    SpanContext context;
    context.flags = state | flags::decided;
    return context;
}
SpanContext example(unsigned state) { return example_context(static_cast<std::uint8_t>(state)); }

} // namespace

// One header.

TEST_CASE("b3 gives trace, parent and decision") {
    CHECK(from_b3(ids + "-1") == example(flags::sampled));
    CHECK(from_b3(ids + "-0") == example(0));
    CHECK(from_b3(ids + "-1-05e3ac9a4f6e3b90") == example(flags::sampled));
    CHECK(from_b3(" " + ids + "-1\t") == example(flags::sampled));
}

TEST_CASE("d in b3 is debug, which implies sampled") {
    CHECK(from_b3(ids + "-d") == example(debug));
    CHECK(from_b3(ids + "-d-05e3ac9a4f6e3b90") == example(debug));
}

TEST_CASE("b3 without a sampling state defers the decision") {
    CHECK(from_b3(ids) == example(flags::deferred));
}

TEST_CASE("a state alone in b3 is a decision without ids") {
    CHECK(from_b3("0") == decision(0));
    CHECK(from_b3("1") == decision(flags::sampled));
    CHECK(from_b3("d") == decision(debug));
    CHECK_FALSE(extract_from({{"b3", "0"}}, {Propagator::b3}).valid());
}

TEST_CASE("a trace id of 16 digits in b3 is padded on the left") {
    auto expected = example(flags::sampled);
    expected.trace_id.high = 0;
    CHECK(from_b3("a3ce929d0e0e4736-" + span + "-1") == expected);
    CHECK(injected(from_b3("a3ce929d0e0e4736-" + span + "-1"), {Propagator::b3}) ==
          "b3: 0000000000000000a3ce929d0e0e4736-" + span + "-1\n");
}

TEST_CASE("digits in b3 may be in upper case") {
    CHECK(from_b3("4BF92F3577B34DA6A3CE929D0E0E4736-00F067AA0BA902B7-1") ==
          example(flags::sampled));
}

TEST_CASE("what is no b3 counts as absent") {
    for (const std::string& header : {std::string{},
                                      std::string{"2"},
                                      std::string{"D"},
                                      std::string{"true"},
                                      std::string{"-"},
                                      std::string{"-0"},
                                      trace,
                                      trace + "-",
                                      ids + "-",
                                      ids + "-2",
                                      ids + "-true",
                                      ids + "-1-",
                                      ids + "-1-1",
                                      ids + "-1-05e3ac9a4f6e3b90-",
                                      ids + "-1-05e3ac9a4f6e3b90-1",
                                      ids + "--05e3ac9a4f6e3b90",
                                      ids + "-05e3ac9a4f6e3b90",
                                      ids + "-1-0000000000000000",
                                      trace.substr(1) + "-" + span + "-1",
                                      "0" + ids + "-1",
                                      trace + "-" + span.substr(1) + "-1",
                                      trace + "-0" + span + "-1",
                                      std::string(32, '0') + "-" + span + "-1",
                                      std::string(16, '0') + "-" + span + "-1",
                                      trace + "-" + std::string(16, '0') + "-1",
                                      "x" + ids.substr(1) + "-1",
                                      ids.substr(0, 48) + "g-1",
                                      ids + " -1"}) {
        INFO(header);
        CHECK(from_b3(header) == SpanContext{});
    }
}

// Several headers.

TEST_CASE("several headers of b3 give trace, parent and decision") {
    CHECK(from_multi({{"X-B3-TraceId", trace}, {"X-B3-SpanId", span}, {"X-B3-Sampled", "1"}}) ==
          example(flags::sampled));
    CHECK(from_multi({{"X-B3-TraceId", trace}, {"X-B3-SpanId", span}, {"X-B3-Sampled", "0"}}) ==
          example(0));
    CHECK(from_multi({{"X-B3-TraceId", trace},
                      {"X-B3-ParentSpanId", "05e3ac9a4f6e3b90"},
                      {"X-B3-SpanId", span},
                      {"X-B3-Sampled", "1"}}) == example(flags::sampled));
    CHECK(from_multi({{"X-B3-TraceId", " " + trace},
                      {"X-B3-SpanId", span + " "},
                      {"X-B3-Sampled", " 1 "}}) == example(flags::sampled));
}

TEST_CASE("several headers of b3 without x-b3-sampled defer the decision") {
    CHECK(from_multi({{"X-B3-TraceId", trace}, {"X-B3-SpanId", span}}) == example(flags::deferred));
    CHECK(from_multi({{"X-B3-TraceId", trace}, {"X-B3-SpanId", span}, {"X-B3-Flags", "0"}}) ==
          example(flags::deferred));
}

TEST_CASE("x-b3-flags 1 is debug, whatever x-b3-sampled says") {
    const Headers both{{"X-B3-TraceId", trace}, {"X-B3-SpanId", span}};
    for (const char* sampled : {"", "0", "1"}) {
        Headers headers = both;
        headers.emplace_back("X-B3-Sampled", sampled);
        headers.emplace_back("X-B3-Flags", "1");
        CHECK(from_multi(headers) == example(debug));
    }
    CHECK(from_multi({{"X-B3-Flags", "1"}}) == decision(debug));
}

TEST_CASE("x-b3-sampled alone is a decision without ids") {
    CHECK(from_multi({{"X-B3-Sampled", "0"}}) == decision(0));
    CHECK(from_multi({{"X-B3-Sampled", "1"}}) == decision(flags::sampled));
}

TEST_CASE("x-b3-sampled may say it in words") {
    for (const char* word : {"true", "True", "TRUE"})
        CHECK(
            from_multi({{"X-B3-TraceId", trace}, {"X-B3-SpanId", span}, {"X-B3-Sampled", word}}) ==
            example(flags::sampled));
    CHECK(from_multi({{"X-B3-Sampled", "false"}}) == decision(0));
}

TEST_CASE("several headers of b3 with one that is malformed or missing count as absent") {
    for (const Headers& headers :
         {Headers{{"X-B3-TraceId", trace}}, Headers{{"X-B3-SpanId", span}},
          Headers{{"X-B3-TraceId", trace}, {"X-B3-Sampled", "1"}},
          Headers{{"X-B3-SpanId", span}, {"X-B3-Sampled", "1"}},
          Headers{{"X-B3-TraceId", trace}, {"X-B3-SpanId", span}, {"X-B3-Sampled", "2"}},
          Headers{{"X-B3-TraceId", trace}, {"X-B3-SpanId", span}, {"X-B3-Sampled", "d"}},
          Headers{{"X-B3-TraceId", trace + "0"}, {"X-B3-SpanId", span}, {"X-B3-Sampled", "1"}},
          Headers{{"X-B3-TraceId", trace}, {"X-B3-SpanId", "1"}, {"X-B3-Sampled", "1"}},
          Headers{{"X-B3-TraceId", std::string(32, '0')}, {"X-B3-SpanId", span}},
          Headers{{"X-B3-Sampled", "yes"}}, Headers{{"X-B3-Flags", "0"}}, Headers{}})
        CHECK(from_multi(headers) == SpanContext{});
}

TEST_CASE("either b3 reads one header first, then several") {
    const Headers multi{{"x-b3-traceid", trace}, {"x-b3-spanid", span}, {"x-b3-sampled", "1"}};
    Headers both = multi;
    both.emplace_back("b3", trace + "-1111111111111111-0");
    Headers malformed = multi;
    malformed.emplace_back("b3", "malformed");
    for (const Propagators chosen :
         {Propagators{Propagator::b3}, Propagators{Propagator::b3multi}}) {
        CHECK(extract_from(multi, chosen).context() == example(flags::sampled));
        CHECK(extract_from(both, chosen).context().span_id == plume::SpanId{0x1111111111111111});
        CHECK_FALSE(extract_from(both, chosen).context().sampled());
        CHECK(extract_from(malformed, chosen).context() == example(flags::sampled));
    }
}

// Writing.

TEST_CASE("b3 is written without the parent's parent") {
    CHECK(injected(example(flags::sampled | flags::random), {Propagator::b3}) ==
          "b3: " + ids + "-1\n");
    CHECK(injected(example(0), {Propagator::b3}) == "b3: " + ids + "-0\n");
    CHECK(injected(example(debug), {Propagator::b3}) == "b3: " + ids + "-d\n");
    CHECK(injected(example(flags::deferred), {Propagator::b3}) == "b3: " + ids + "\n");
    CHECK(injected(decision(0), {Propagator::b3}) == "b3: 0\n");
    CHECK(injected(decision(flags::sampled), {Propagator::b3}) == "b3: 1\n");
    CHECK(injected(decision(debug), {Propagator::b3}) == "b3: d\n");
    CHECK(injected(SpanContext{}, {Propagator::b3}).empty());
}

TEST_CASE("several headers of b3 are written without x-b3-parentspanid") {
    const std::string both = "x-b3-traceid: " + trace + "\nx-b3-spanid: " + span + "\n";
    CHECK(injected(example(flags::sampled), {Propagator::b3multi}) == both + "x-b3-sampled: 1\n");
    CHECK(injected(example(0), {Propagator::b3multi}) == both + "x-b3-sampled: 0\n");
    CHECK(injected(example(debug), {Propagator::b3multi}) == both + "x-b3-flags: 1\n");
    CHECK(injected(example(flags::deferred), {Propagator::b3multi}) == both);
    CHECK(injected(decision(0), {Propagator::b3multi}) == "x-b3-sampled: 0\n");
    CHECK(injected(decision(debug), {Propagator::b3multi}) == "x-b3-flags: 1\n");
    CHECK(injected(SpanContext{}, {Propagator::b3multi}).empty());
}

TEST_CASE("a trace that lost its debug request to a full ring is not debug any more") {
    CHECK(injected(example(flags::debug), {Propagator::b3}) == "b3: " + ids + "-0\n");
    CHECK(injected(example(flags::debug), {Propagator::jaeger}) ==
          "uber-trace-id: " + trace + ":" + span + ":0:0\n");
}

TEST_CASE("what only b3 can say never leaks into a traceparent") {
    for (const unsigned state :
         {unsigned{debug}, unsigned{flags::deferred}, unsigned{flags::debug}})
        CHECK(injected(example(state), {Propagator::tracecontext}) ==
              "traceparent: 00-" + ids + (state == debug ? "-01\n" : "-00\n"));
    CHECK(injected(decision(flags::sampled), {Propagator::tracecontext}).empty());
}
