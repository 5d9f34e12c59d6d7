#include <plume/propagation/propagation.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/headers.hpp"
#include "support/recorded.hpp"

using plume::AsyncSpan;
using plume::ContextScope;
using plume::current_context;
using plume::Extracted;
using plume::Propagator;
using plume::Propagators;
using plume::SpanContext;
using plume::Trust;
using namespace plume::literals;
using plume::test::example_context;
using plume::test::example_span;
using plume::test::example_trace;
using plume::test::extract_from;
using plume::test::Headers;
using plume::test::injected;
using plume::test::recorded;

namespace flags = plume::trace_flags;

namespace {

const std::string traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const std::string ids = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7";
const std::string other_ids = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331";
constexpr std::uint8_t debug = flags::sampled | flags::debug;

/// Every sampler of this process says no, until the end of the scope.
class NothingSampled {
  public:
    NothingSampled() {
        plume::set_sampler(plume::Sampler::parent_based(plume::Sampler::always_off()));
    }
    ~NothingSampled() { plume::detail::runtime().sampling.store(nullptr); }
    NothingSampled(const NothingSampled&) = delete;
    NothingSampled& operator=(const NothingSampled&) = delete;
};

SpanContext decision(std::uint8_t state) {
    SpanContext context;
    context.flags = state | flags::decided;
    return context;
}

} // namespace

// Without a session.

TEST_CASE("without a session what comes is sent on unchanged, and no ids are made") {
    const Headers w3c{
        {"traceparent", traceparent}, {"tracestate", "a=1,b=2"}, {"baggage", "k=v;p=1"}};
    struct Case {
        Headers headers;
        Propagators chosen;
    };
    for (const auto& [headers, chosen] :
         {Case{w3c, Propagators::defaults()}, Case{{{"b3", ids + "-1"}}, {Propagator::b3}},
          Case{{{"b3", ids}}, {Propagator::b3}}, Case{{{"b3", ids + "-d"}}, {Propagator::b3}},
          Case{{{"b3", "0"}}, {Propagator::b3}},
          Case{{{"x-b3-traceid", ids.substr(0, 32)},
                {"x-b3-spanid", ids.substr(33)},
                {"x-b3-sampled", "0"}},
               {Propagator::b3multi}},
          Case{{{"uber-trace-id", "4bf92f3577b34da6a3ce929d0e0e4736:00f067aa0ba902b7:0:b"},
                {"uberctx-k", "v"}},
               {Propagator::jaeger}},
          Case{{}, Propagators::defaults()}}) {
        std::string expected;
        for (const auto& [name, value] : headers) expected += name + ": " + value + '\n';
        const Extracted extracted = extract_from(headers, chosen);
        const ContextScope scope{extracted.context()};
        PLUME_SPAN("nobody sees this");
        const AsyncSpan async{"nor this"_name};
        CHECK(injected(current_context(), chosen) == expected);
        CHECK(injected(async.context(), chosen) == expected);
    }
}

TEST_CASE("what is injected without a context is the current one") {
    const ContextScope scope{example_context()};
    std::map<std::string, std::string> headers;
    plume::PairsCarrier carrier{headers};
    plume::inject(carrier);
    CHECK(headers == std::map<std::string, std::string>{{"traceparent", traceparent}});
}

TEST_CASE("an extracted context lives on when what it was read from is gone, or it is moved") {
    std::optional<Headers> headers{Headers{{"traceparent", traceparent},
                                           {"tracestate", "vendor=a long value"},
                                           {"baggage", "key=anotherlongvalue"}}};
    Extracted extracted = extract_from(*headers, Propagators::defaults());
    const SpanContext before = extracted.context();
    for (auto& [name, value] : *headers) value.assign(value.size(), 'x');
    headers.reset();
    const Extracted moved = std::move(extracted);
    CHECK(moved.context() == before);
    CHECK(before.trace_state == "vendor=a long value");
    CHECK(before.baggage == "key=anotherlongvalue");
    CHECK(moved.valid());
}

// Several formats.

TEST_CASE("every chosen format is written, in order, and no other") {
    const auto context = example_context();
    CHECK(injected(context, {Propagator::b3, Propagator::tracecontext}) ==
          "b3: " + ids + "-1\ntraceparent: " + traceparent + "\n");
    CHECK(injected(context, {Propagator::baggage}).empty());
    CHECK(injected(context, Propagators{}).empty());
}

TEST_CASE("no format that was not chosen is read") {
    const Headers headers{{"traceparent", traceparent}, {"b3", ids + "-1"}, {"baggage", "k=v"}};
    CHECK(extract_from(headers, Propagators{}).context() == SpanContext{});
    CHECK(extract_from(headers, {Propagator::jaeger}).context() == SpanContext{});
    CHECK(extract_from(headers, {Propagator::b3}).context() == example_context());
    CHECK(extract_from(headers, {Propagator::baggage}).context().baggage == "k=v");
}

TEST_CASE("a later format that finds a valid context outranks the earlier ones") {
    const Headers headers{
        {"traceparent", traceparent}, {"tracestate", "a=1"}, {"b3", other_ids + "-0"}};
    const Extracted b3_last = extract_from(headers, {Propagator::tracecontext, Propagator::b3});
    CHECK(b3_last.context().trace_id == plume::TraceId{0x0af7651916cd43dd, 0x8448eb211c80319c});
    CHECK_FALSE(b3_last.context().sampled());
    CHECK(b3_last.context().trace_state.empty());
    const Extracted b3_first = extract_from(headers, {Propagator::b3, Propagator::tracecontext});
    CHECK(b3_first.context().trace_id == example_trace);
    CHECK(b3_first.context().trace_state == "a=1");
}

TEST_CASE("a later format that finds nothing valid leaves what there is") {
    for (const char* b3 : {"malformed", "0", "d", ""}) {
        const Headers headers{{"traceparent", traceparent}, {"b3", b3}};
        CHECK(extract_from(headers, {Propagator::tracecontext, Propagator::b3}).context() ==
              example_context());
        CHECK(extract_from(headers, {Propagator::b3, Propagator::tracecontext}).context() ==
              example_context());
    }
}

TEST_CASE("two formats that name the same span add up") {
    auto expected = example_context(flags::sampled | flags::random);
    expected.trace_state = "a=1";
    const std::string random = traceparent.substr(0, 53) + "03";
    const Headers deferring{{"traceparent", random}, {"tracestate", "a=1"}, {"b3", ids}};
    const Headers debugging{{"traceparent", random}, {"tracestate", "a=1"}, {"b3", ids + "-d"}};
    for (const Propagators chosen : {Propagators{Propagator::tracecontext, Propagator::b3},
                                     Propagators{Propagator::b3, Propagator::tracecontext}}) {
        expected.flags = flags::sampled | flags::random;
        CHECK(extract_from(deferring, chosen).context() == expected);
        expected.flags |= flags::debug;
        CHECK(extract_from(debugging, chosen).context() == expected);
    }
}

TEST_CASE("each header of the chosen formats is named once") {
    std::string names;
    plume::each_header({Propagator::jaeger, Propagator::tracecontext, Propagator::baggage},
                       [&names](std::string_view name) { names.append(name).append(" "); });
    CHECK(names == "uber-trace-id traceparent tracestate baggage ");
}

// Sampling decisions that only some formats can say.

TEST_CASE("b3 0 alone denies: what follows is a trace of its own, and not sampled") {
    SpanContext inside, of_async;
    const auto seen = recorded([&] {
        const Extracted extracted = extract_from({{"b3", "0"}}, {Propagator::b3});
        {
            const ContextScope scope{extracted.context()};
            PLUME_SPAN_AS(span, "handler");
            CHECK_FALSE(span.recording());
            inside = current_context();
            const AsyncSpan async{"async"_name};
            CHECK_FALSE(async.recording());
        }
        {
            const AsyncSpan async{"async"_name, extracted.context()};
            CHECK_FALSE(async.recording());
            of_async = async.context();
        }
        PLUME_SPAN("after");
    });
    CHECK(seen.tree() == "after\n");
    for (const SpanContext& context : {inside, of_async}) {
        CHECK(context.valid());
        CHECK(context.flags == flags::random);
    }
    CHECK(injected(inside, {Propagator::b3}).ends_with("-0\n"));
}

TEST_CASE("b3 1 and d alone accept, whatever the sampler here says") {
    SpanContext accepted, debugged;
    const auto seen = recorded([&] {
        const NothingSampled nothing;
        {
            const ContextScope scope{decision(flags::sampled)};
            PLUME_SPAN("accepted");
            accepted = current_context();
        }
        {
            const AsyncSpan span{"debugged"_name, decision(debug)};
            debugged = span.context();
        }
        PLUME_SPAN("neither");
    });
    CHECK(seen.tree() == "accepted\ndebugged\n");
    CHECK_FALSE(seen["accepted"].parent_span_id.valid());
    CHECK(injected(accepted, {Propagator::b3}).ends_with("-1\n"));
    CHECK(injected(debugged, {Propagator::b3}).ends_with("-d\n"));
    CHECK(debugged.flags == (debug | flags::random));
}

TEST_CASE("a deferred decision is made here, and the trace goes on") {
    SpanContext sampled, not_sampled, async;
    const auto seen = recorded([&] {
        const Extracted extracted = extract_from({{"b3", ids}}, {Propagator::b3});
        const ContextScope scope{extracted.context()};
        {
            PLUME_SPAN("handler");
            PLUME_SPAN("below");
            sampled = current_context();
        }
        {
            const AsyncSpan span{"async"_name, extracted.context()};
            async = span.context();
        }
        const NothingSampled nothing;
        PLUME_SPAN("unseen");
        not_sampled = current_context();
        CHECK_FALSE(AsyncSpan("unseen"_name, extracted.context()).recording());
    });
    CHECK(seen.tree() == "handler\n  below\nasync\n");
    for (const char* name : {"handler", "async"}) {
        CHECK(seen[name].trace_id == example_trace);
        CHECK(seen[name].parent_span_id == example_span);
        CHECK(seen[name].parent_is_remote);
        CHECK(seen[name].flags == flags::sampled);
    }
    CHECK(sampled.trace_id == example_trace);
    CHECK(sampled.flags == flags::sampled);
    CHECK(async.flags == flags::sampled);
    CHECK(not_sampled.trace_id == example_trace);
    CHECK(not_sampled.flags == 0);
    CHECK(injected(sampled, {Propagator::b3}).ends_with("-1\n"));
    CHECK(injected(not_sampled, {Propagator::b3}).ends_with("-0\n"));
}

TEST_CASE("a debug request goes along with its trace, and never into what is exported") {
    SpanContext below;
    const auto seen = recorded([&] {
        const NothingSampled nothing;
        const Extracted extracted = extract_from({{"b3", ids + "-d"}}, {Propagator::b3});
        const ContextScope scope{extracted.context()};
        PLUME_SPAN_AS(span, "handler");
        span.link(extracted.context());
        PLUME_SPAN("below");
        below = current_context();
        const AsyncSpan async{"async"_name};
    });
    CHECK(injected(below, {Propagator::b3}).ends_with("-d\n"));
    CHECK(injected(below, {Propagator::jaeger}).ends_with(":0:3\n"));
    CHECK(injected(below, {Propagator::tracecontext}).ends_with("-01\n"));
    for (const char* name : {"handler", "below", "async"})
        CHECK(seen[name].flags == flags::sampled);
    CHECK(seen["handler"].links.at(0).flags == flags::sampled);
}

// Trust.

TEST_CASE("a server may adopt what a request brings, link to it, or ignore it") {
    const Extracted extracted =
        extract_from({{"traceparent", traceparent}, {"baggage", "k=v"}}, Propagators::defaults());
    CHECK(extracted.parent(Trust::adopt) == extracted.context());
    CHECK(extracted.link(Trust::adopt) == SpanContext{});
    CHECK(extracted.parent(Trust::link) == SpanContext{});
    CHECK(extracted.link(Trust::link) == extracted.context());
    CHECK(extracted.parent(Trust::ignore) == SpanContext{});
    CHECK(extracted.link(Trust::ignore) == SpanContext{});
}

// Carriers.

namespace {

struct Optional {
    std::optional<std::string> get(std::string_view name) const {
        return name == "traceparent" ? std::optional{traceparent} : std::nullopt;
    }
};
struct ByValue {
    std::string get(std::string_view name) const {
        return name == "traceparent" ? traceparent : std::string{};
    }
};
struct Pointer {
    const char* get(std::string_view name) const {
        return name == "traceparent" ? traceparent.c_str() : nullptr;
    }
};
struct PointerToString {
    const std::string* get(std::string_view name) const {
        return name == "traceparent" ? &traceparent : nullptr;
    }
};
struct Nothing {};
struct Number {
    int get(std::string_view) const { return 0; }
};
struct Sink {
    std::string all;
    void set(std::string_view name, std::string_view value) {
        all.append(name).append("=").append(value);
    }
};

static_assert(plume::ReadableCarrier<Optional> && plume::ReadableCarrier<ByValue> &&
              plume::ReadableCarrier<Pointer> && plume::ReadableCarrier<PointerToString>);
static_assert(!plume::ReadableCarrier<Nothing> && !plume::ReadableCarrier<Number>);
static_assert(plume::WritableCarrier<Sink> && !plume::WritableCarrier<Nothing>);
static_assert(!plume::WritableCarrier<plume::PairsCarrier<const Headers>>);

} // namespace

TEST_CASE("a carrier is anything with get or set") {
    CHECK(plume::extract(Optional{}).context() == example_context());
    CHECK(plume::extract(ByValue{}).context() == example_context());
    CHECK(plume::extract(Pointer{}).context() == example_context());
    CHECK(plume::extract(PointerToString{}).context() == example_context());
    Sink sink;
    plume::inject(example_context(), sink);
    CHECK(sink.all == "traceparent=" + traceparent);
}

TEMPLATE_TEST_CASE("containers of pairs are carriers, without regard to the case of names", "",
                   Headers, (std::map<std::string, std::string>),
                   (std::multimap<std::string, std::string>),
                   (std::unordered_map<std::string, std::string>),
                   (std::unordered_multimap<std::string, std::string>)) {
    TestType headers;
    headers.insert(headers.end(), {"TraceParent", "old"});
    headers.insert(headers.end(), {"Host", "localhost"});
    plume::PairsCarrier carrier{headers};
    CHECK(carrier.get("traceparent") == "old");
    CHECK(carrier.get("trace").empty());
    plume::inject(example_context(), carrier);
    CHECK(headers.size() == 2);
    CHECK(carrier.get("traceparent") == traceparent);
    CHECK(carrier.get("host") == "localhost");
    CHECK(plume::extract(carrier).context() == example_context());
    std::string names;
    carrier.each_name([&names](std::string_view name) { names += name; });
    CHECK(names.size() == std::string_view{"traceparentHost"}.size());
}

TEST_CASE("headers that cannot be changed, or belong to somebody else, can be read") {
    const Headers headers{{"TRACEPARENT", traceparent}};
    CHECK(plume::extract(plume::PairsCarrier{headers}).context() == example_context());
    const std::span<const std::pair<std::string, std::string>> some{headers};
    CHECK(plume::extract(plume::PairsCarrier{some}).context() == example_context());
    const std::pair<const char*, const char*> literals[] = {{"Traceparent", traceparent.c_str()}};
    CHECK(plume::extract(plume::PairsCarrier{literals}).context() == example_context());
}

TEST_CASE("setting a header replaces all of its name") {
    Headers headers{{"B3", "1"}, {"b3", "2"}, {"c", "3"}};
    plume::PairsCarrier carrier{headers};
    carrier.set("b3", "4");
    CHECK(headers == Headers{{"c", "3"}, {"b3", "4"}});
}
