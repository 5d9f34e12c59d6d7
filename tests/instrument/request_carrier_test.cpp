#include <plume/instrument/httplib/request_carrier.hpp>

#include <string>

#include <plume/propagation/propagation.hpp>

#include "support/catch.hpp"

using plume::Baggage;
using plume::extract;
using plume::Propagator;
using plume::Propagators;
using plume::detail::escaped_again;
using plume::detail::RequestCarrier;
using plume::detail::unescapes_headers;

namespace {

/// The value that a baggage header has for a key after a server has replaced its escapes.
std::string found_in(std::string_view header, std::string_view key = "k") {
    return Baggage::parse(escaped_again(header)).find(key).value_or("(none)");
}

} // namespace

TEST_CASE("releases of cpp-httplib before 0.44 replace escapes in headers") {
    STATIC_REQUIRE(unescapes_headers("0.11.4"));
    STATIC_REQUIRE(unescapes_headers("0.43.3"));
    STATIC_REQUIRE(!unescapes_headers("0.44.0"));
    STATIC_REQUIRE(!unescapes_headers("0.100"));
    STATIC_REQUIRE(!unescapes_headers("1.0.0"));
}

TEST_CASE("values of baggage survive a server that has replaced their escapes") {
    CHECK(found_in("k=plain") == "plain");
    CHECK(found_in("k=a b") == "a b");
    CHECK(found_in("k=50%") == "50%");
    CHECK(found_in("k=%41") == "%41"); // was %2541
    CHECK(found_in("k=Größe") == "Größe");
    CHECK(found_in("k=\"a\\b\"") == "\"a\\b\"");
    CHECK(found_in("k=a=b") == "a=b");
    CHECK(found_in("k=a+b") == "a+b");
    CHECK(found_in("k=a\r\nX: b") == "a\r\nX: b"); // and makes no header of it
    CHECK(found_in("j=1,k=two words;p=3,l=4") == "two words");
}

TEST_CASE("what separates the members of a baggage stays what it is") {
    CHECK(escaped_again("a=1 ,\tb = 2 ; p = x y ;q") == "a=1 ,\tb = 2 ; p = x%20y ;q");
    CHECK(escaped_again(" a=1 ") == " a=1 ");
    CHECK(escaped_again(",, ;=") == ",, ;=");
    CHECK(escaped_again("") == "");
    CHECK(escaped_again("  ") == "  ");
}

TEST_CASE("a request of cpp-httplib brings its context and the whole of its baggage") {
    // As Debian's 0.11.4 has them of `k=a%20%25b` and `50%25`; a release that keeps escapes, as
    // sent.
    const bool replaced = unescapes_headers(CPPHTTPLIB_VERSION);
    const httplib::Headers headers{
        {"Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
        {"Baggage", replaced ? "k=a %b" : "k=a%20%25b"},
        {"Baggage", "l=2"},
        {"Uberctx-M", replaced ? "50%" : "50%25"},
    };
    const Propagators all{Propagator::tracecontext, Propagator::baggage, Propagator::jaeger};
    const auto caller = extract(RequestCarrier{headers}, all);
    REQUIRE(caller.valid());
    CHECK(caller.context().span_id.value == 0x00f067aa0ba902b7);
    const Baggage baggage = Baggage::parse(caller.context().baggage);
    CHECK(baggage.find("k") == "a %b");
    CHECK(baggage.find("l") == "2");
    CHECK(baggage.find("m") == "50%");
}

TEST_CASE("each header of a request is found, whatever others it has and whatever their case") {
    // Names of equal length, names that share a place, the same name twice, and one without a name.
    const httplib::Headers headers{
        {"TraceParent", "1"},     {"REMOTE_ADDR", "2"},  {"REMOTE_PORT", "3"},
        {"LOCAL_ADDR", "4"},      {"tracestate", "a=1"}, {"Host", "5"},
        {"Referer", "6"},         {"Connection", "7"},   {"Accept-Encoding", "8"},
        {"accept-language", "9"}, {"TRACESTATE", "b=2"}, {"", "10"},
    };
    const RequestCarrier carrier{headers};
    CHECK(carrier.get("traceparent") == "1");
    CHECK(carrier.get("remote_addr") == "2");
    CHECK(carrier.get("remote_port") == "3");
    CHECK(carrier.get("host") == "5");
    CHECK(carrier.get("referer") == "6");
    CHECK(carrier.get("connection") == "7");
    CHECK(carrier.get("accept-encoding") == "8");
    CHECK(carrier.get("accept-language") == "9");
    CHECK(carrier.get("user-agent").empty());
    CHECK(carrier.get("hosts").empty());
    std::string states;
    carrier.each("tracestate", [&](std::string_view value) { states += value; });
    CHECK((states == "a=1b=2" || states == "b=2a=1"));
    std::string nothing;
    carrier.each("baggage", [&](std::string_view value) { nothing += value; });
    CHECK(nothing.empty());
}
