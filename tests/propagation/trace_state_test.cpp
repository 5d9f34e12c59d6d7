#include <plume/propagation/trace_state.hpp>

#include <string>
#include <string_view>

#include "support/catch.hpp"
#include "support/headers.hpp"

using plume::Propagator;
using plume::trace_state_value;
using plume::with_trace_state;
using plume::test::example_context;
using plume::test::Headers;
using plume::test::injected;

namespace {

const std::string traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// The trace state that comes out of these headers; the traceparent has to survive.
std::string state_of(std::initializer_list<std::string> headers) {
    Headers all{{"traceparent", traceparent}};
    for (const std::string& header : headers) all.emplace_back("tracestate", header);
    const auto extracted = plume::test::extract_from(all, {Propagator::tracecontext});
    auto context = extracted.context();
    const std::string state{context.trace_state};
    context.trace_state = {};
    CHECK(context == example_context());
    return state;
}

std::string members(int count) {
    std::string state;
    for (int i = 1; i <= count; ++i)
        state += (i > 1 ? "," : "") + ("k" + std::to_string(i)) + "=" + std::to_string(i);
    return state;
}

} // namespace

// Reading (W3C Trace Context Level 2, 3.3).

TEST_CASE("several tracestate headers combine in order") {
    CHECK(state_of({}).empty());
    CHECK(state_of({"foo=1,bar=2"}) == "foo=1,bar=2");
    CHECK(state_of({"foo=1", "bar=2"}) == "foo=1,bar=2");
    CHECK(state_of({"foo=1,", "bar=2,rojo=1", "congo=2"}) == "foo=1,bar=2,rojo=1,congo=2");
}

TEST_CASE("empty members of a tracestate are allowed, and blanks around members") {
    CHECK(state_of({""}).empty());
    CHECK(state_of({"foo=1", ""}) == "foo=1");
    CHECK(state_of({"", "foo=1"}) == "foo=1");
    CHECK(state_of({",,foo=1,, ,\t,bar=2,"}) == "foo=1,bar=2");
    CHECK(state_of({" foo=1 , \t bar=2 \t"}) == "foo=1,bar=2");
    CHECK(state_of({"foo=1", " \t", "bar=2"}) == "foo=1,bar=2");
}

TEST_CASE("a tracestate has at most 32 members, in however many headers") {
    CHECK(state_of({members(32)}) == members(32));
    CHECK(state_of({members(33)}).empty());
    CHECK(state_of({members(31), "k32=32"}) == members(32));
    CHECK(state_of({members(32), "k33=33"}).empty());
    CHECK(state_of({",,,," + members(32) + ",,,,,"}) == members(32));
}

TEST_CASE("an invalid member makes the tracestate invalid, and the traceparent stays") {
    for (const char* invalid :
         {"foo",     "=1",       "foo=",      "foo =1",       "FOO=1",     "foo@=1,bar", "fo\to=1",
          "foo=1=2", "foo=a\tb", "foo=\x7f",  "foo=\xc3\xa4", "-foo=1",    "_foo=1",     "*foo=1",
          "/foo=1",  "@foo=1",   "foo.bar=1", "foo;bar=1",    "foo\x01=1", "foo=a\x1f"}) {
        INFO(invalid);
        CHECK(state_of({invalid}).empty());
        CHECK(state_of({std::string{"ok=1,"} + invalid}).empty());
        CHECK(state_of({"ok=1", invalid}).empty());
        CHECK(state_of({invalid, "ok=1"}).empty());
    }
}

TEST_CASE("a key of a tracestate has all the characters that it may have") {
    const std::string key = "0abcdefghijklmnopqrstuvwxyz123456789_-*/@";
    CHECK(state_of({key + "=1"}) == key + "=1");
    for (int c = 0; c < 256; ++c) {
        const char character = static_cast<char>(c);
        const bool lead = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        const bool later = lead || std::string_view{"_-*/@"}.find(character) != std::string::npos;
        INFO(c);
        CHECK(plume::detail::is_trace_state_key({&character, 1}) == lead);
        CHECK(plume::detail::is_trace_state_key(std::string{"k"} + character) == later);
    }
}

TEST_CASE("keys and values of a tracestate have at most 256 characters") {
    const std::string part(256, 'x');
    CHECK(state_of({part + "=1"}) == part + "=1");
    CHECK(state_of({"k=" + part}) == "k=" + part);
    CHECK(state_of({part + "x=1"}).empty());
    CHECK(state_of({"k=" + part + "x"}).empty());
}

TEST_CASE("a value of a tracestate is printable, without comma and equals sign") {
    std::string value;
    for (char c = 0x20; c <= 0x7e; ++c)
        if (c != ',' && c != '=') value += c;
    CHECK(state_of({"k=" + value}) == "k=" + value);
    CHECK(state_of({"k= blanks first"}) == "k= blanks first");
    CHECK_FALSE(plume::detail::is_trace_state_value("blank last "));
}

TEST_CASE("a tracestate of more than 512 characters is passed on") {
    std::string state;
    for (int i = 0; i < 32; ++i)
        state += (i ? ",k" : "k") + std::to_string(i) + "=" + std::string(256, 'v');
    CHECK(state_of({state}) == state);
}

// Writing.

TEST_CASE("a trace state is written as it came") {
    auto context = example_context();
    context.trace_state = "foo=1,bar=2";
    CHECK(injected(context, {Propagator::tracecontext}) ==
          "traceparent: " + traceparent + "\ntracestate: foo=1,bar=2\n");
}

TEST_CASE("a trace state that nobody could read is not written") {
    auto context = example_context();
    for (const std::string& invalid :
         {std::string{"foo"}, std::string{"foo=1\r\nevil: 1"}, members(33)}) {
        context.trace_state = invalid;
        CHECK(injected(context, {Propagator::tracecontext}) ==
              "traceparent: " + traceparent + "\n");
    }
}

// Changing (3.5).

TEST_CASE(
    "a key of a trace state that changes or is new moves to the front, others keep their order") {
    CHECK(with_trace_state("", "new", "1") == "new=1");
    CHECK(with_trace_state("a=1,b=2,c=3", "new", "4") == "new=4,a=1,b=2,c=3");
    CHECK(with_trace_state("a=1,b=2,c=3", "c", "4") == "c=4,a=1,b=2");
    CHECK(with_trace_state("a=1,b=2,a=3", "a", "4") == "a=4,b=2");
}

TEST_CASE("a key of a trace state can be taken away") {
    CHECK(with_trace_state("a=1,b=2,c=3", "b", "") == "a=1,c=3");
    CHECK(with_trace_state("a=1", "a", "").empty());
    CHECK(with_trace_state("a=1", "b", "") == "a=1");
}

TEST_CASE("the last member of a full trace state makes room for a new one") {
    CHECK(with_trace_state(members(32), "new", "1") == "new=1," + members(31));
    CHECK(with_trace_state(members(32), "k32", "new") == "k32=new," + members(31));
}

TEST_CASE("what a trace state cannot carry leaves it as it was") {
    CHECK(with_trace_state("a=1", "Upper", "1") == "a=1");
    CHECK(with_trace_state("a=1", "b", "1,c=2") == "a=1");
    CHECK(with_trace_state("a=1", "b", "blank ") == "a=1");
    CHECK(with_trace_state("no state", "b", "1") == "no state");
}

TEST_CASE("a value of a trace state is found by its key") {
    CHECK(trace_state_value("a=1,ot=th:c;rv:1, b=2 ", "ot") == "th:c;rv:1");
    CHECK(trace_state_value("a=1,ot=2, b=3 ", "b") == "3");
    CHECK(trace_state_value("a=1,a=2", "a") == "1");
    CHECK(trace_state_value("a=1", "b").empty());
    CHECK(trace_state_value("", "b").empty());
    CHECK(trace_state_value("b", "b").empty());
    CHECK(trace_state_value("ab=1", "b").empty());
}
