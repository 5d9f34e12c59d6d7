#include <plume/span.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <pthread.h>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "support/catch.hpp"
#include "support/recorded.hpp"

using namespace plume::literals;
using plume::test::recorded;

namespace {

void visit(int depth) {
    PLUME_SPAN("visit", "depth"_a = depth);
    if (depth > 0) visit(depth - 1);
}

std::vector<std::string> event_names(const plume::RecordedSpan& span) {
    std::vector<std::string> names;
    for (const plume::RecordedEvent& event : span.events) names.push_back(event.name);
    return names;
}

} // namespace

// Trees.

TEST_CASE("a span opened inside another becomes its child") {
    CHECK(recorded([] { visit(2); }).tree_with_attributes() == "visit {depth=2}\n"
                                                               "  visit {depth=1}\n"
                                                               "    visit {depth=0}\n");
}

TEST_CASE("spans one after the other in the same scope of time are siblings") {
    const auto seen = recorded([] {
        PLUME_SPAN("parent");
        { PLUME_SPAN("first"); }
        {
            PLUME_SPAN("second");
            PLUME_SPAN("below");
        }
        { PLUME_SPAN("third"); }
    });
    CHECK(seen.tree() == "parent\n"
                         "  first\n"
                         "  second\n"
                         "    below\n"
                         "  third\n");
}

TEST_CASE("a chain of calls may be deep") {
    const auto seen = recorded([] { visit(2'000); });
    REQUIRE(seen.spans.size() == 2'001);
    // The innermost ended first.
    for (std::size_t i = 0; i + 1 < seen.spans.size(); ++i)
        CHECK((seen.spans[i].parent_span_id == seen.spans[i + 1].span_id));
}

TEST_CASE("a span with nothing around it begins a trace of its own") {
    const auto seen = recorded([] {
        { PLUME_SPAN("first"); }
        { PLUME_SPAN("second"); }
    });
    CHECK_FALSE(seen["first"].parent_span_id.valid());
    CHECK_FALSE(seen["second"].parent_span_id.valid());
    CHECK(seen["first"].trace_id != seen["second"].trace_id);
}

TEST_CASE("all spans below a root are of its trace") {
    const auto seen = recorded([] { visit(5); });
    for (const auto& span : seen.spans) CHECK(span.trace_id == seen["visit"].trace_id);
    CHECK(seen["visit"].trace_id.valid());
}

TEST_CASE("threads have a stack of spans each") {
    const auto seen = recorded([] {
        PLUME_SPAN("here");
        plume::test::on_a_thread([] { PLUME_SPAN("there"); });
        PLUME_SPAN("here too");
    });
    CHECK(seen["here too"].parent_span_id == seen["here"].span_id);
    CHECK_FALSE(seen["there"].parent_span_id.valid());
    CHECK(seen["there"].thread_id != seen["here"].thread_id);
    CHECK(seen["here too"].thread_id == seen["here"].thread_id);
}

TEST_CASE("a span knows what its thread was called when that first recorded") {
    const auto seen = recorded([] {
        for (const char* name : {"first", "second"}) {
            plume::test::on_a_thread([name] {
                pthread_setname_np(pthread_self(), name);
                PLUME_SPAN_AS(span, "outer");
                pthread_setname_np(pthread_self(), "renamed");
                if (std::string_view{name} == "first") PLUME_SPAN("on first");
                else PLUME_SPAN("on second");
            });
        }
        plume::test::on_a_thread([] {
            pthread_setname_np(pthread_self(), "gr\xfc\xdf"); // Latin-1
            PLUME_SPAN("repaired");
        });
        plume::test::on_a_thread([] {
            pthread_setname_np(pthread_self(), "");
            PLUME_SPAN("nameless");
        });
    });
    CHECK(seen["on first"].thread_name == "first");
    CHECK(seen["on second"].thread_name == "second");
    CHECK(seen["repaired"].thread_name == "gr\xef\xbf\xbd\xef\xbf\xbd");
    CHECK(seen["nameless"].thread_name.empty());
}

TEST_CASE("a thread that records in two sessions has its name in both") {
    plume::test::on_a_thread([] {
        pthread_setname_np(pthread_self(), "worker");
        CHECK(recorded([] { PLUME_SPAN("span"); })["span"].thread_name == "worker");
        CHECK(recorded([] { PLUME_SPAN("span"); })["span"].thread_name == "worker");
    });
}

TEST_CASE("a span is named after its line of source") {
    const auto seen = recorded([] { PLUME_SPAN("checkout"); });
    const plume::RecordedSource& source = seen["checkout"].source;
    CHECK(source.name == "checkout");
    CHECK(source.file.ends_with("span_test.cpp"));
    CHECK(source.line == __LINE__ - 4);
    CHECK(source.scope_name == "plume");
}

TEST_CASE("a span begun without a macro is recorded like any other") {
    const auto seen = recorded([] {
        const plume::Span outer{"outer"_name, plume::client, "id"_a = 17};
        const plume::Span inner{"inner"_name};
    });
    CHECK(seen.tree_with_attributes() == "outer {id=17}\n"
                                         "  inner\n");
    CHECK(seen["outer"].kind == plume::SpanKind::client);
}

// Ids and flags.

TEST_CASE("no two spans share an id") {
    const auto seen = recorded([] {
        std::vector<std::thread> threads;
        for (int t = 0; t < 3; ++t)
            threads.emplace_back([] {
                for (int i = 0; i < 3'000; ++i) visit(2);
            });
        for (auto& thread : threads) thread.join();
    });
    REQUIRE(seen.spans.size() == 27'000);
    std::set<std::uint64_t> ids;
    for (const auto& span : seen.spans) ids.insert(span.span_id.value);
    CHECK(ids.size() == seen.spans.size());
    CHECK_FALSE(ids.contains(0));
}

TEST_CASE("every trace of a thread has an id of its own, with the low 56 bits at random") {
    constexpr int traces = 4'000;
    const auto seen = recorded([] {
        for (int i = 0; i < traces; ++i) PLUME_SPAN("root");
    });
    REQUIRE(seen.spans.size() == traces);
    std::set<std::pair<std::uint64_t, std::uint64_t>> ids;
    for (const auto& span : seen.spans) ids.emplace(span.trace_id.high, span.trace_id.low);
    CHECK(ids.size() == traces);
    // Chi-square over the bits, each a fair coin: 56 degrees of freedom, significance 1e-9.
    double chi_square = 0;
    for (int bit = 0; bit < 56; ++bit) {
        const auto ones = std::ranges::count_if(
            seen.spans, [bit](const auto& span) { return (span.trace_id.low >> bit & 1) != 0; });
        const double off = static_cast<double>(ones) - traces / 2.0;
        chi_square += off * off / (traces / 4.0);
    }
    CHECK(chi_square < 145.0);
}

TEST_CASE("a trace begun here says that it is sampled and that its id is random") {
    const auto seen = recorded([] { visit(1); });
    for (const auto& span : seen.spans)
        CHECK(span.flags == (plume::trace_flags::sampled | plume::trace_flags::random));
}

TEST_CASE("a guard knows the ids that are exported") {
    plume::SpanContext outer;
    plume::SpanContext inner;
    const auto seen = recorded([&] {
        PLUME_SPAN_AS(first, "outer");
        PLUME_SPAN_AS(second, "inner");
        outer = first.context();
        inner = second.context();
    });
    CHECK(outer.trace_id == seen["outer"].trace_id);
    CHECK(outer.span_id == seen["outer"].span_id);
    CHECK(outer.flags == seen["outer"].flags);
    CHECK_FALSE(outer.is_remote);
    CHECK(inner.trace_id == seen["inner"].trace_id);
    CHECK(inner.span_id == seen["inner"].span_id);
}

// Time.

TEST_CASE("a span ends no earlier than it began, and no later than the one around it") {
    const auto seen = recorded([] {
        for (int i = 0; i < 2'000; ++i) visit(3);
    });
    REQUIRE(seen.spans.size() == 8'000);
    for (std::size_t i = 0; i < seen.spans.size(); ++i) {
        const auto& span = seen.spans[i];
        REQUIRE(span.begin_unix_ns <= span.end_unix_ns);
        if (!span.parent_span_id.valid()) continue;
        const auto& parent = seen.spans[i + 1]; // ends next
        REQUIRE(parent.begin_unix_ns <= span.begin_unix_ns);
        REQUIRE(span.end_unix_ns <= parent.end_unix_ns);
    }
}

TEST_CASE("spans are timed by the wall clock") {
    using Clock = std::chrono::system_clock;
    const auto unix_ns = [] {
        return static_cast<std::uint64_t>(
            std::chrono::nanoseconds{Clock::now().time_since_epoch()}.count());
    };
    const std::uint64_t before = unix_ns();
    const auto seen = recorded([] { PLUME_SPAN("now"); });
    const std::uint64_t after = unix_ns();
    constexpr std::uint64_t drift = 1'000'000; // of a calibration that is some ms old
    CHECK(seen["now"].begin_unix_ns + drift >= before);
    CHECK(seen["now"].end_unix_ns <= after + drift);
}

// Events.

TEST_CASE("events keep their order, and lie within their span") {
    const auto seen = recorded([] {
        PLUME_SPAN_AS(span, "work");
        PLUME_EVENT("one");
        plume::event("two"_name);
        span.event("three"_name, "n"_a = 3);
        plume::current().event("four"_name);
    });
    const auto& span = seen["work"];
    CHECK(event_names(span) == std::vector<std::string>{"one", "two", "three", "four"});
    CHECK(span.events[2].attributes == plume::RecordedAttributes{{"n", std::int64_t{3}}});
    std::uint64_t time = span.begin_unix_ns;
    for (const auto& event : span.events) {
        CHECK(event.time_unix_ns >= time);
        time = event.time_unix_ns;
    }
    CHECK(time <= span.end_unix_ns);
}

TEST_CASE("what is said without a guard is said about the innermost span") {
    const auto seen = recorded([] {
        PLUME_SPAN("outer");
        {
            PLUME_SPAN("inner");
            PLUME_EVENT("of inner");
            plume::set("key"_a = "of inner");
        }
        PLUME_EVENT("of outer");
        plume::set_error("of outer");
    });
    CHECK(seen.tree_with_attributes() == "outer !\n"
                                         "  inner {key=of inner}\n");
    CHECK(event_names(seen["inner"]) == std::vector<std::string>{"of inner"});
    CHECK(event_names(seen["outer"]) == std::vector<std::string>{"of outer"});
}

TEST_CASE("a guard speaks about its own span while others are open above it") {
    const auto seen = recorded([] {
        PLUME_SPAN_AS(outer, "outer");
        PLUME_SPAN("inner");
        outer.set("key"_a = 1);
        outer.event("of outer"_name);
        outer.set_error("failed");
    });
    CHECK(seen.tree_with_attributes() == "outer ! {key=1}\n"
                                         "  inner\n");
    CHECK(event_names(seen["outer"]) == std::vector<std::string>{"of outer"});
    CHECK(seen["inner"].events.empty());
}

TEST_CASE("without an open span annotations are ignored") {
    const auto seen = recorded([] {
        PLUME_EVENT("lost");
        plume::set("lost"_a = 1);
        plume::set_error("lost");
        { PLUME_SPAN("only"); }
        plume::current().discard();
    });
    CHECK(seen.tree_with_attributes() == "only\n");
}

// Attributes said later.

TEST_CASE("an attribute that is set again has the later value") {
    const auto seen = recorded([] {
        PLUME_SPAN_AS(span, "order", "state"_a = "new", "id"_a = 17);
        span.set("state"_a = "paid", "total"_a = 2.5);
        plume::set("total"_a = 3.5);
    });
    CHECK(seen.tree_with_attributes() == "order {id=17, state=paid, total=3.5}\n");
}

TEST_CASE("an attribute may change its type when it is set again") {
    const auto seen = recorded([] {
        PLUME_SPAN("order", "id"_a = 17);
        plume::set("id"_a = "seventeen");
    });
    CHECK(seen["order"].attributes == plume::RecordedAttributes{{"id", std::string{"seventeen"}}});
}

TEST_CASE("what is said about a span after its end is ignored") {
    const auto seen = recorded([] {
        PLUME_SPAN("parent");
        plume::Span span{"child"_name};
        span.end();
        span.set("late"_a = true);
        span.event("late"_name);
        span.set_error("late");
        span.rename(plume::Name{"late"});
        span.discard();
        span.end();
    });
    CHECK(seen.tree_with_attributes() == "parent\n"
                                         "  child\n");
    CHECK(seen["child"].events.empty());
    CHECK(seen["parent"].events.empty());
}

TEST_CASE("a span that was ended by hand is the parent of nothing that follows") {
    const auto seen = recorded([] {
        PLUME_SPAN("parent");
        plume::Span first{"first"_name};
        CHECK(first.recording());
        first.end();
        CHECK_FALSE(first.recording());
        CHECK_FALSE(first.context().valid());
        PLUME_SPAN("second");
    });
    CHECK(seen.tree() == "parent\n"
                         "  first\n"
                         "  second\n");
}

// Status.

TEST_CASE("a span has no status unless somebody sets one") {
    CHECK(recorded([] { PLUME_SPAN("span"); })["span"].status == plume::StatusCode::unset);
}

TEST_CASE("an error has a description") {
    const auto seen = recorded([] {
        PLUME_SPAN("span");
        PLUME_ERROR("card declined");
    });
    CHECK(seen["span"].status == plume::StatusCode::error);
    CHECK(seen["span"].status_message == "card declined");
}

TEST_CASE("of two errors the later one is told") {
    const auto seen = recorded([] {
        PLUME_SPAN_AS(span, "span");
        span.set_error("first");
        span.set_error("second");
    });
    CHECK(seen["span"].status_message == "second");
}

TEST_CASE("ok outranks an error, and takes its description away") {
    const auto seen = recorded([] {
        PLUME_SPAN_AS(span, "span");
        span.set_error("first");
        span.set_ok();
    });
    CHECK(seen["span"].status == plume::StatusCode::ok);
    CHECK(seen["span"].status_message.empty());
}

TEST_CASE("ok is final") {
    const auto seen = recorded([] {
        PLUME_SPAN_AS(span, "span");
        span.set_ok();
        span.set_error("too late");
        plume::set_status(plume::StatusCode::error, "too late");
    });
    CHECK(seen["span"].status == plume::StatusCode::ok);
    CHECK(seen["span"].status_message.empty());
}

TEST_CASE("a status cannot be unset") {
    const auto seen = recorded([] {
        PLUME_SPAN_AS(span, "span");
        span.set_error("failed");
        span.set_status(plume::StatusCode::unset, "ignored");
    });
    CHECK(seen["span"].status == plume::StatusCode::error);
    CHECK(seen["span"].status_message == "failed");
}

TEST_CASE("only an error has a description") {
    const auto seen = recorded([] {
        PLUME_SPAN("span");
        plume::set_status(plume::StatusCode::ok, "all is well");
    });
    CHECK(seen["span"].status == plume::StatusCode::ok);
    CHECK(seen["span"].status_message.empty());
}

TEST_CASE("a failed child does not fail its parent") {
    const auto seen = recorded([] {
        PLUME_SPAN("parent");
        PLUME_SPAN("child");
        plume::set_error("failed");
    });
    CHECK(seen.tree() == "parent\n"
                         "  child !\n");
}

// Kinds.

TEST_CASE("a span is internal unless its line says what it is for") {
    const auto seen = recorded([] {
        { PLUME_SPAN("plain"); }
        { PLUME_SPAN("internal", plume::internal); }
        { PLUME_SPAN("server", plume::server, "a"_a = 1); }
        { PLUME_SPAN("client", "a"_a = 1, plume::client, "b"_a = 2); }
        { PLUME_SPAN("producer", plume::producer); }
        { PLUME_SPAN("consumer", plume::consumer); }
    });
    CHECK(seen["plain"].kind == plume::SpanKind::internal);
    CHECK(seen["internal"].kind == plume::SpanKind::internal);
    CHECK(seen["server"].kind == plume::SpanKind::server);
    CHECK(seen["client"].kind == plume::SpanKind::client);
    CHECK(seen["producer"].kind == plume::SpanKind::producer);
    CHECK(seen["consumer"].kind == plume::SpanKind::consumer);
    CHECK(seen["client"].attributes ==
          plume::RecordedAttributes{{"a", std::int64_t{1}}, {"b", std::int64_t{2}}});
}

// Links.

TEST_CASE("a link names another span, with its flags, its state and attributes") {
    plume::SpanContext there;
    there.trace_id = {1, 2};
    there.span_id = {3};
    there.flags = plume::trace_flags::sampled;
    there.is_remote = true;
    const std::string state = "vendor=value";
    there.trace_state = state;
    const auto seen = recorded([&] {
        PLUME_SPAN_AS(span, "batch");
        span.link(there, "why"_a = "retry", "attempt"_a = 2);
        there.is_remote = false;
        there.trace_state = {};
        plume::current().link(there);
    });
    const auto& links = seen["batch"].links;
    REQUIRE(links.size() == 2);
    CHECK(links[0].trace_id == plume::TraceId{1, 2});
    CHECK(links[0].span_id == plume::SpanId{3});
    CHECK(links[0].flags == plume::trace_flags::sampled);
    CHECK(links[0].is_remote);
    CHECK(links[0].trace_state == "vendor=value");
    CHECK(links[0].attributes ==
          plume::RecordedAttributes{{"why", std::string{"retry"}}, {"attempt", std::int64_t{2}}});
    CHECK_FALSE(links[1].is_remote);
    CHECK(links[1].trace_state.empty());
    CHECK(links[1].attributes.empty());
    CHECK(seen["batch"].attributes.empty());
}

TEST_CASE("a link to nowhere is ignored") {
    const auto seen = recorded([] {
        PLUME_SPAN_AS(span, "batch");
        span.link(plume::SpanContext{});
    });
    CHECK(seen["batch"].links.empty());
}

// Discard and rename.

TEST_CASE("a discarded span vanishes and is counted; its child keeps it as parent") {
    plume::SpanContext gone;
    const auto seen = recorded([&] {
        PLUME_SPAN("root");
        PLUME_SPAN_AS(span, "gone");
        gone = span.context();
        { PLUME_SPAN("child"); }
        span.discard();
    });
    CHECK(seen.spans.size() == 2);
    CHECK(seen["child"].parent_span_id == gone.span_id);
    CHECK(seen["child"].trace_id == seen["root"].trace_id);
    CHECK(seen.dropped()[plume::DropReason::discarded] == 1);
    CHECK(seen.stats.begun == 3);
}

TEST_CASE("a discarded root leaves a trace without it") {
    const auto seen = recorded([] {
        PLUME_SPAN("root");
        { PLUME_SPAN("child"); }
        plume::current().discard();
    });
    CHECK(seen.tree() == "child\n");
    CHECK(seen["child"].parent_span_id.valid());
}

TEST_CASE("a renamed span has the new name, and its line keeps the old one") {
    const plume::Name route{"GET /orders/{id}"};
    const auto seen = recorded([&] {
        PLUME_SPAN_AS(span, "request");
        span.rename(plume::Name{"not this one"});
        span.rename(route);
    });
    CHECK(seen.tree() == "GET /orders/{id}\n");
    CHECK(seen["GET /orders/{id}"].source.name == "request");
}

TEST_CASE("the new name of a span is not that of the next one from the same line") {
    const plume::Name other{"other"};
    const auto seen = recorded([&] {
        for (int i = 0; i < 3; ++i) {
            PLUME_SPAN_AS(span, "request");
            if (i == 1) span.rename(other);
        }
    });
    CHECK(seen.tree() == "request\nother\nrequest\n");
}

TEST_CASE("equal names have one number") {
    CHECK(plume::Name{"GET /"}.index() == plume::Name{std::string{"GET /"}}.index());
    CHECK(plume::Name{"GET /"}.index() != plume::Name{"PUT /"}.index());
}

TEST_CASE("a name without text is called unnamed") {
    const plume::Name name{""};
    const auto seen = recorded([&] { PLUME_SPAN_DYNAMIC(name); });
    CHECK(seen.tree() == "unnamed\n");
}

TEST_CASE("a long name is cut at 128 bytes, never through a character") {
    const plume::Name ascii{std::string(200, 'x')};
    const plume::Name umlauts{"x" + [] {
        std::string text;
        for (int i = 0; i < 100; ++i) text += "ä";
        return text;
    }()};
    const auto seen = recorded([&] {
        { PLUME_SPAN_DYNAMIC(ascii); }
        { PLUME_SPAN_DYNAMIC(umlauts); }
    });
    CHECK(seen.spans.at(0).name == std::string(128, 'x'));
    CHECK(seen.spans.at(1).name.size() == 127);
    CHECK(plume::detail::is_utf8(seen.spans.at(1).name));
}

TEST_CASE("a name that is not UTF-8 is repaired") {
    const plume::Name name{"caf\xe9"};
    const auto seen = recorded([&] { PLUME_SPAN_DYNAMIC(name); });
    CHECK(seen.spans.at(0).name == "caf\xEF\xBF\xBD");
}

// Exceptions.

TEST_CASE("an exception that leaves the scope marks the span, and every span on its way") {
    const auto seen = recorded([] {
        try {
            PLUME_SPAN("outer");
            PLUME_SPAN("inner");
            throw std::runtime_error{"no"};
        } catch (const std::runtime_error&) {}
    });
    CHECK(seen.tree_with_attributes() == "outer ! {error.type=_OTHER}\n"
                                         "  inner ! {error.type=_OTHER}\n");
    REQUIRE(event_names(seen["inner"]) == std::vector<std::string>{"exception"});
    const auto& event = seen["inner"].events[0];
    CHECK(event.attributes.size() == 2); // exception.type and exception.message
    CHECK(event.time_unix_ns >= seen["inner"].begin_unix_ns);
    CHECK(event.time_unix_ns <= seen["inner"].end_unix_ns);
    CHECK_FALSE(seen["inner"].status_message.empty());
}

TEST_CASE("an exception that is caught inside the scope leaves the span alone") {
    const auto seen = recorded([] {
        PLUME_SPAN("outer");
        try {
            PLUME_SPAN("inner");
            throw 1;
        } catch (int) {
            PLUME_SPAN("handler");
        }
    });
    CHECK(seen.tree() == "outer\n"
                         "  inner !\n"
                         "  handler\n");
    CHECK(seen["outer"].events.empty());
}

TEST_CASE("a span in a destructor that runs while the stack unwinds is not marked") {
    struct Cleaner {
        ~Cleaner() {
            PLUME_SPAN("clean up");
            PLUME_SPAN("more");
        }
    };
    const auto seen = recorded([] {
        try {
            PLUME_SPAN("work");
            const Cleaner cleaner;
            throw std::runtime_error{"no"};
        } catch (const std::runtime_error&) {}
    });
    CHECK(seen.tree() == "work !\n"
                         "  clean up\n"
                         "    more\n");
}

TEST_CASE("an exception inside a destructor that runs while the stack unwinds marks its own span") {
    struct Cleaner {
        ~Cleaner() {
            PLUME_SPAN("clean up");
            try {
                PLUME_SPAN("fails");
                throw 2;
            } catch (int) {}
        }
    };
    const auto seen = recorded([] {
        try {
            PLUME_SPAN("work");
            const Cleaner cleaner;
            throw 1;
        } catch (int) {}
    });
    CHECK(seen.tree() == "work !\n"
                         "  clean up\n"
                         "    fails !\n");
}

TEST_CASE("a span that was ended before the exception is not marked") {
    const auto seen = recorded([] {
        try {
            plume::Span span{"done"_name};
            span.end();
            throw 1;
        } catch (int) {}
    });
    CHECK(seen.tree() == "done\n");
}

TEST_CASE("an exception does not undo that a span is ok") {
    const auto seen = recorded([] {
        try {
            PLUME_SPAN_AS(span, "span");
            span.set_ok();
            throw 1;
        } catch (int) {}
    });
    CHECK(seen["span"].status == plume::StatusCode::ok);
    CHECK(seen["span"].events.size() == 1);
}

TEST_CASE("a caught exception is recorded with its type and message") {
    const auto seen = recorded([] {
        PLUME_SPAN_AS(span, "span");
        try {
            throw std::out_of_range{"index 9"};
        } catch (const std::exception& error) {
            span.record_exception(error);
        }
    });
    const auto& span = seen["span"];
    CHECK(span.status == plume::StatusCode::error);
    CHECK(span.status_message == "index 9");
    CHECK(span.text("error.type") == "std::exception");
    REQUIRE(event_names(span) == std::vector<std::string>{"exception"});
    CHECK(span.events[0].attributes ==
          plume::RecordedAttributes{{"exception.type", std::string{"std::exception"}},
                                    {"exception.message", std::string{"index 9"}}});
}

TEST_CASE("an error without an exception can be recorded as one") {
    const auto seen = recorded([] {
        PLUME_SPAN("span");
        plume::current().record_exception("ECONNREFUSED", "connection refused");
    });
    CHECK(seen["span"].text("error.type") == "ECONNREFUSED");
    CHECK(seen["span"].status_message == "connection refused");
}

// Sessions.

TEST_CASE("without a session nothing is recorded, and a guard says so") {
    PLUME_SPAN_AS(span, "nobody sees this");
    span.set("a"_a = 1);
    span.event("b"_name);
    CHECK_FALSE(span.recording());
    CHECK_FALSE(span.context().valid());
}

TEST_CASE("a span begun before the session is not in it, and its children are roots") {
    plume::test::Recorded seen;
    {
        PLUME_SPAN("before");
        seen = recorded([] { PLUME_SPAN("during"); });
    }
    CHECK(seen.tree() == "during\n");
    CHECK_FALSE(seen["during"].parent_span_id.valid());
}

TEST_CASE("a span that outlives its session is open at its end, and does not disturb the next") {
    std::optional<plume::Span> late;
    const auto first = recorded([&] {
        late.emplace("late"_name);
        PLUME_SPAN("during");
    });
    CHECK(first.tree() == "during\n");
    CHECK(first.stats.open == 1);
    const auto second = recorded([&] {
        late.reset();
        PLUME_SPAN("again");
    });
    CHECK(second.tree() == "again\n");
    CHECK(second.stats.begun == 1);
    CHECK_FALSE(second["again"].parent_span_id.valid());
}

// Ends on another thread.

TEST_CASE("a guard that is ended on another thread ends its span") {
    const auto seen = recorded([] {
        PLUME_SPAN("parent");
        std::optional<plume::Span> span{std::in_place, "moved"_name};
        plume::test::on_a_thread([&] {
            PLUME_SPAN("elsewhere");
            span->set("where"_a = "elsewhere");
            span.reset();
        });
    });
    CHECK(seen["moved"].parent_span_id == seen["parent"].span_id);
    CHECK(seen["moved"].text("where") == "elsewhere");
    CHECK_FALSE(seen["elsewhere"].parent_span_id.valid());
    CHECK(seen.stats.open == 0);
}

TEST_CASE(
    "a span that was ended on another thread stays the parent until the scope below it ends") {
    const auto seen = recorded([] {
        {
            PLUME_SPAN("parent");
            std::optional<plume::Span> span{std::in_place, "moved"_name};
            plume::test::on_a_thread([&] { span.reset(); });
            PLUME_SPAN("child");
        }
        PLUME_SPAN("after");
    });
    CHECK(seen["child"].parent_span_id == seen["moved"].span_id);
    CHECK_FALSE(seen["after"].parent_span_id.valid());
}

TEST_CASE("a guard may outlive the thread that began it") {
    std::optional<plume::Span> span;
    const auto seen = recorded([&] {
        plume::test::on_a_thread([&] { span.emplace("orphan"_name); });
        plume::test::on_a_thread([&] {
            PLUME_SPAN("heir"); // the lane is the same
            span.reset();
            PLUME_SPAN("child");
        });
    });
    CHECK(seen["child"].parent_span_id == seen["heir"].span_id);
    CHECK_FALSE(seen["orphan"].parent_span_id.valid());
    CHECK(seen.stats.open == 0);
}
