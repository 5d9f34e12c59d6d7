#include <plume/propagation/traceparent.hpp>

#include <cstdint>
#include <string>
#include <string_view>

#include "support/catch.hpp"
#include "support/headers.hpp"

using plume::Propagator;
using plume::SpanContext;
using plume::detail::read_traceparent;
using plume::test::example_context;
using plume::test::example_span;
using plume::test::example_trace;
using plume::test::extract_from;
using plume::test::injected;

namespace {

const std::string example = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

std::string with(std::size_t at, std::string_view text) {
    std::string changed = example;
    return changed.replace(at, text.size(), text);
}

std::string written(const SpanContext& context) {
    const auto text = plume::detail::write_traceparent(context);
    return {text.data(), text.size()};
}

} // namespace

// Reading (W3C Trace Context Level 2, 3.2).

TEST_CASE("a traceparent gives trace, parent and flags") {
    const SpanContext context = read_traceparent(example);
    CHECK(context == example_context());
}

TEST_CASE("version 00 of a traceparent has exactly 55 characters") {
    CHECK(example.size() == 55);
    for (std::size_t size = 0; size < example.size(); ++size)
        CHECK_FALSE(read_traceparent(std::string_view{example}.substr(0, size)).valid());
    for (const char* more : {"-", ".", "-what-the-future-will-be-like", "0"})
        CHECK_FALSE(read_traceparent(example + more).valid());
}

TEST_CASE("a traceparent of a later version may say more behind a hyphen") {
    for (const char* version : {"01", "cc", "fe"}) {
        const std::string later = with(0, version);
        CHECK(read_traceparent(later) == example_context());
        CHECK(read_traceparent(later + "-") == example_context());
        CHECK(read_traceparent(later + "-what-the-future-will-be-like") == example_context());
        CHECK_FALSE(read_traceparent(later + ".what-the-future-will-be-like").valid());
        CHECK_FALSE(read_traceparent(later + "0").valid());
        CHECK_FALSE(read_traceparent(std::string_view{later}.substr(0, 54)).valid());
    }
}

TEST_CASE("a traceparent of version ff is invalid") {
    CHECK_FALSE(read_traceparent(with(0, "ff")).valid());
    CHECK_FALSE(read_traceparent(with(0, "ff") + "-more").valid());
}

TEST_CASE("ids of a traceparent that are all zero are invalid") {
    CHECK_FALSE(read_traceparent(with(3, std::string(32, '0'))).valid());
    CHECK_FALSE(read_traceparent(with(36, std::string(16, '0'))).valid());
    CHECK(read_traceparent(with(3, std::string(31, '0') + "1")).trace_id == plume::TraceId{0, 1});
    CHECK(read_traceparent(with(3, "1" + std::string(31, '0'))).trace_id ==
          plume::TraceId{1ULL << 60U, 0});
    CHECK(read_traceparent(with(36, std::string(15, '0') + "1")).span_id == plume::SpanId{1});
}

TEST_CASE("uppercase digits in a traceparent are invalid") {
    for (std::size_t at = 0; at < example.size(); ++at)
        if (at != 2 && at != 35 && at != 52) CHECK_FALSE(read_traceparent(with(at, "A")).valid());
}

TEST_CASE("a traceparent has lowercase digits and hyphens, each at its place, and nothing else") {
    for (std::size_t at = 0; at < example.size(); ++at)
        for (int c = 0; c < 256; ++c) {
            const char character = static_cast<char>(c);
            const std::string header = with(at, {&character, 1});
            const bool hyphen = at == 2 || at == 35 || at == 52;
            const bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
            bool expected = hyphen ? c == '-' : digit;
            if (read_traceparent(header).valid() != expected) {
                INFO("at " << at << " character " << c);
                CHECK(read_traceparent(header).valid() == expected);
            }
        }
}

TEST_CASE("blanks around a traceparent are tolerated, and none within") {
    CHECK(read_traceparent(" " + example + "\t ") == example_context());
    CHECK_FALSE(read_traceparent(example.substr(0, 2) + " " + example.substr(2)).valid());
    CHECK_FALSE(read_traceparent("\n" + example).valid());
}

TEST_CASE("of the flags in a traceparent only sampled and random are known") {
    for (unsigned flags = 0; flags < 256; ++flags) {
        const char digits[] = {"0123456789abcdef"[flags / 16], "0123456789abcdef"[flags % 16]};
        const SpanContext context = read_traceparent(with(53, {digits, 2}));
        CHECK(context.valid());
        CHECK(context.flags == (flags & 3U));
    }
}

// Writing.

TEST_CASE("a traceparent is written in version 00 with the two flags that there are") {
    CHECK(written(example_context()) == example);
    for (unsigned flags = 0; flags < 256; ++flags)
        CHECK(written(example_context(static_cast<std::uint8_t>(flags))) ==
              with(53, "0" + std::to_string(flags & 3U)));
}

TEST_CASE("a traceparent that is written is read as it was, whatever the ids") {
    std::uint64_t seed = 1;
    const auto next = [&seed] { return plume::detail::mix(++seed); };
    for (int i = 0; i < 10'000; ++i) {
        SpanContext context;
        context.trace_id = {next(), next()};
        context.span_id = {next()};
        context.flags = static_cast<std::uint8_t>(next() & 3U);
        context.is_remote = true;
        const std::string header = written(context);
        CHECK(read_traceparent(header) == context);
        const auto trace = context.trace_id.hex();
        const auto span = context.span_id.hex();
        CHECK(header.substr(3, 32) == std::string_view{trace.data(), trace.size()});
        CHECK(header.substr(36, 16) == std::string_view{span.data(), span.size()});
    }
}

// The header among others.

TEST_CASE("more than one traceparent starts a new trace") {
    const auto extracted =
        extract_from({{"traceparent", example}, {"tracestate", "a=1"}, {"traceparent", example}},
                     {Propagator::tracecontext});
    CHECK_FALSE(extracted.valid());
    CHECK(extracted.context() == SpanContext{});
    CHECK_FALSE(extract_from({{"traceparent", example + "," + example}}, {Propagator::tracecontext})
                    .valid());
}

TEST_CASE("an invalid traceparent takes the tracestate with it") {
    const auto extracted = extract_from({{"traceparent", with(0, "ff")}, {"tracestate", "a=1"}},
                                        {Propagator::tracecontext});
    CHECK(extracted.context() == SpanContext{});
    CHECK(extract_from({{"tracestate", "a=1"}}, {Propagator::tracecontext}).context() ==
          SpanContext{});
}

TEST_CASE("the name of a header has no case") {
    for (const char* name : {"traceparent", "TraceParent", "TRACEPARENT", "tRaCePaReNt"})
        CHECK(extract_from({{"trace-parent", "x"}, {name, example}}, {Propagator::tracecontext})
                  .context() == example_context());
}

TEST_CASE("an invalid context writes no traceparent and no tracestate") {
    SpanContext context;
    context.trace_state = "a=1";
    CHECK(injected(context, {Propagator::tracecontext}).empty());
    context.trace_id = example_trace;
    CHECK(injected(context, {Propagator::tracecontext}).empty());
    context.trace_id = {};
    context.span_id = example_span;
    CHECK(injected(context, {Propagator::tracecontext}).empty());
}
