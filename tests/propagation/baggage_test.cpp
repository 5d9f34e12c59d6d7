#include <plume/propagation/baggage.hpp>

#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/headers.hpp"
#include "support/recorded.hpp"

using plume::Baggage;
using plume::BaggageScope;
using plume::ContextScope;
using plume::current_baggage;
using plume::current_context;
using plume::Propagator;
using plume::SpanContext;
using plume::test::example_context;
using plume::test::extract_from;
using plume::test::injected;
using plume::test::recorded;

namespace {

std::string clean(std::string_view header) { return Baggage::parse(header).text(); }

std::string members(int count) {
    std::string text;
    for (int i = 1; i <= count; ++i) text += (i > 1 ? ",k" : "k") + std::to_string(i) + "=v";
    return text;
}

Baggage baggage_of(std::string_view key, std::string_view value) {
    Baggage baggage;
    CHECK(baggage.set(key, value));
    return baggage;
}

} // namespace

// Reading (W3C Baggage, 3.3).

TEST_CASE("blanks in a baggage header mean nothing") {
    CHECK(clean("a=1,b=2") == "a=1,b=2");
    CHECK(clean(" a = 1 , \tb\t=\t2 ; p ; q = 3 \t") == "a=1,b=2;p;q=3");
    CHECK(clean("").empty());
    CHECK(clean(" ,, ").empty());
}

TEST_CASE("a malformed member of a baggage is left out, the others stay") {
    for (const char* malformed :
         {"a",      "=1",      " =1",           "a b=1",      "a=1 2", "a=\"1\"",
          "a=\\",   "(a)=1",   "a=\xc3\xa4",    "\xc3\xa4=1", "a=1;",  "a=1;;p",
          "a=1;=2", "a=1;p q", "a=1;p=\"2\"",   "a;b=1",      "a=1\n", "a=\x7f",
          "a@b=1",  ";a=1",    "a=1;p=\xc3\xa4"}) {
        INFO(malformed);
        CHECK(clean(malformed).empty());
        CHECK(clean(std::string{"x=1,"} + malformed + ",y=2") == "x=1,y=2");
    }
}

TEST_CASE("keys of a baggage are tokens, and values have all their characters") {
    for (int c = 1; c < 256; ++c) {
        const char character = static_cast<char>(c);
        const bool token = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                           (c >= 'A' && c <= 'Z') ||
                           std::string_view{"!#$%&'*+-.^_`|~"}.find(character) != std::string::npos;
        const bool value = c > 0x20 && c < 0x7f && c != '"' && c != ',' && c != ';' && c != '\\';
        const std::string as_key = std::string{"k"} + character + "k=v";
        const std::string as_value = std::string{"k=v"} + character + "v";
        INFO(c);
        // Behind an equals sign or a semicolon these say something else, which is valid as well.
        if (c != '=') CHECK(clean(as_key) == (c == ',' ? "k=v" : token ? as_key : ""));
        if (c != ',' && c != ';') CHECK(clean(as_value) == (value ? as_value : ""));
    }
}

TEST_CASE("an empty value of a baggage is a value") {
    CHECK(clean("a=,b=;p=") == "a=,b=;p=");
    CHECK(Baggage::parse("a=").find("a") == "");
    CHECK(Baggage::parse("a=").find("b") == std::nullopt);
}

TEST_CASE("at most 64 members of a baggage are kept") {
    CHECK(clean(members(64)) == members(64));
    CHECK(clean(members(65)) == members(64));
    CHECK(clean(members(200)) == members(64));
}

TEST_CASE("at most 8192 bytes of a baggage are kept, and never a partial member") {
    const std::string full = "a=" + std::string(8190, 'x');
    CHECK(clean(full) == full);
    CHECK(clean(full + "x").empty());
    CHECK(clean("k=v," + full) == "k=v");
    CHECK(clean("k=v," + full + ",l=w") == "k=v,l=w");
    const std::string half = "b=" + std::string(4094, 'x');
    CHECK(clean(half + "," + half) == half);
    CHECK(clean(half + "," + half.substr(0, 4095)) == half + "," + half.substr(0, 4095));
}

TEST_CASE("several baggage headers are one list") {
    const auto extracted = extract_from(
        {{"baggage", "a=1,b=2"}, {"Baggage", ""}, {"BAGGAGE", "c=3;p"}}, {Propagator::baggage});
    CHECK(extracted.context().baggage == "a=1,b=2,c=3;p");
    CHECK_FALSE(extracted.valid());
}

TEST_CASE("properties of a baggage are kept") {
    const Baggage baggage = Baggage::parse("a=1;ttl=30; private ,b=2");
    std::vector<std::string> seen;
    for (const Baggage::Member& member : baggage)
        seen.push_back(std::string{member.key} + "|" + std::string{member.encoded} + "|" +
                       std::string{member.properties});
    CHECK(seen == std::vector<std::string>{"a|1|ttl=30;private", "b|2|"});
    CHECK(baggage.size() == 2);
}

// Values.

TEST_CASE("a value of a baggage is percent-encoded UTF-8") {
    const std::string value = "a b,c;d\"e\\f%g+h=i\xc3\xa4\xe2\x82\xac\x01";
    Baggage baggage;
    CHECK(baggage.set("k", value));
    CHECK(baggage.text() == "k=a%20b%2Cc%3Bd%22e%5Cf%25g%2Bh=i%C3%A4%E2%82%AC%01");
    CHECK(baggage.find("k") == value);
    CHECK(Baggage::parse(baggage.text()) == baggage);
}

TEST_CASE("a percent sign without two digits in a baggage stands for itself") {
    CHECK(Baggage::parse("k=%,l=%4,m=%4g,n=%%41,o=a%4a").text() == "k=%,l=%4,m=%4g,n=%%41,o=a%4a");
    const Baggage baggage = Baggage::parse("k=%,l=%4,m=%4g,n=%%41,o=%4a%4A");
    CHECK(baggage.find("k") == "%");
    CHECK(baggage.find("l") == "%4");
    CHECK(baggage.find("m") == "%4g");
    CHECK(baggage.find("n") == "%A");
    CHECK(baggage.find("o") == "JJ");
}

TEST_CASE("what is no UTF-8 in a baggage becomes the replacement character") {
    CHECK(Baggage::parse("k=a%FFb").find("k") == "a\xef\xbf\xbd"
                                                 "b");
    CHECK(Baggage::parse("k=%C3%A4%C3").find("k") == "\xc3\xa4\xef\xbf\xbd");
}

TEST_CASE("a plus sign in a baggage is a plus sign") {
    CHECK(Baggage::parse("k=a+b").find("k") == "a+b");
}

// Finding and changing.

TEST_CASE("of several members with one key the last one counts") {
    const Baggage baggage = Baggage::parse("k=1,l=2,k=3");
    CHECK(baggage.text() == "k=1,l=2,k=3");
    CHECK(baggage.find("k") == "3");
    CHECK(baggage.find("K") == std::nullopt);
}

TEST_CASE("setting a key replaces all members that have it") {
    Baggage baggage = Baggage::parse("k=1;p,l=2,k=3");
    CHECK(baggage.set("k", "4", "ttl=5"));
    CHECK(baggage.text() == "l=2,k=4;ttl=5");
    CHECK(baggage.set("k", "6"));
    CHECK(baggage.text() == "l=2,k=6");
}

TEST_CASE("what cannot travel in a baggage is refused, and changes nothing") {
    Baggage baggage = Baggage::parse("k=1");
    CHECK_FALSE(baggage.set("", "1"));
    CHECK_FALSE(baggage.set("no token", "1"));
    CHECK_FALSE(baggage.set(" k", "1"));
    CHECK_FALSE(baggage.set("a,b", "1"));
    CHECK_FALSE(baggage.set("a=b", "1"));
    CHECK_FALSE(baggage.set("a;b", "1"));
    CHECK_FALSE(baggage.set("k", "2", "p,q=1"));
    CHECK_FALSE(baggage.set("k", "2", "p q"));
    CHECK_FALSE(baggage.set("k", "2", "p;"));
    CHECK_FALSE(baggage.set("k", std::string(8192, 'x')));
    CHECK(baggage.text() == "k=1");
    Baggage full = Baggage::parse(members(64));
    CHECK_FALSE(full.set("new", "1"));
    CHECK(full.text() == members(64));
    CHECK(full.set("k64", "1"));
    CHECK(full.size() == 64);
}

TEST_CASE("a key can be taken out of a baggage") {
    Baggage baggage = Baggage::parse("k=1,l=2,k=3");
    CHECK(baggage.remove("k"));
    CHECK_FALSE(baggage.remove("k"));
    CHECK(baggage.text() == "l=2");
    CHECK(baggage.remove("l"));
    CHECK(baggage.empty());
    CHECK(baggage.size() == 0);
    CHECK(baggage.begin() == baggage.end());
}

// Writing.

TEST_CASE("a baggage is written as it is in force, with or without a trace") {
    SpanContext context;
    context.baggage = "k=1;p";
    CHECK(injected(context, {Propagator::baggage}) == "baggage: k=1;p\n");
    CHECK(injected(example_context(), {Propagator::baggage}).empty());
}

TEST_CASE("a text that is no clean baggage is cleaned before it is written") {
    SpanContext context;
    const std::string too_many = members(65);
    const std::string full = "a=" + std::string(8190, 'x');
    const std::string too_long = full + ",b=1";
    context.baggage = too_many;
    CHECK(injected(context, {Propagator::baggage}) == "baggage: " + members(64) + "\n");
    context.baggage = too_long;
    CHECK(injected(context, {Propagator::baggage}) == "baggage: " + full + "\n");
    for (const char* unclean : {" k = 1 ", "k=1,", ",k=1", "k=1,,x", "k=1,l=2\r\nevil: 1"}) {
        context.baggage = unclean;
        CHECK(injected(context, {Propagator::baggage}) == "baggage: k=1\n");
    }
    context.baggage = "evil\r\n";
    CHECK(injected(context, {Propagator::baggage}).empty());
}

// In force.

TEST_CASE("a baggage is in force until its scope ends, without a session or a trace") {
    CHECK(current_baggage().empty());
    {
        const BaggageScope outer{baggage_of("k", "1")};
        CHECK(current_baggage().text() == "k=1");
        CHECK_FALSE(current_context().valid());
        {
            const BaggageScope inner{baggage_of("l", "2")};
            CHECK(current_baggage().text() == "l=2");
            const BaggageScope none{Baggage{}};
            CHECK(current_baggage().empty());
        }
        CHECK(current_baggage().text() == "k=1");
    }
    CHECK(current_baggage().empty());
}

TEST_CASE("a baggage scope leaves the parent as it is") {
    const auto seen = recorded([] {
        PLUME_SPAN("outer");
        const SpanContext before = current_context();
        const BaggageScope scope{baggage_of("k", "1")};
        PLUME_SPAN("inner");
        CHECK(current_context().baggage == "k=1");
        CHECK(current_context().trace_id == before.trace_id);
    });
    CHECK(seen.tree() == "outer\n  inner\n");
}

TEST_CASE("a baggage that is in force when a trace begins travels with it") {
    const auto seen = recorded([] {
        const BaggageScope scope{baggage_of("k", "1")};
        PLUME_SPAN("root");
        CHECK(current_context().baggage == "k=1");
        CHECK(current_context().valid());
    });
    CHECK_FALSE(seen["root"].parent_span_id.valid());
}

TEST_CASE("a context brings its own baggage, and what it puts aside comes back") {
    const BaggageScope scope{baggage_of("k", "1")};
    {
        SpanContext context = example_context();
        context.baggage = "theirs=2";
        const ContextScope in_context{context};
        CHECK(current_baggage().text() == "theirs=2");
        const BaggageScope inner{baggage_of("ours", "3")};
        CHECK(current_baggage().text() == "ours=3");
        CHECK(current_context().span_id == context.span_id);
    }
    CHECK(current_baggage().text() == "k=1");
}

TEST_CASE("a baggage scope that ends below a context leaves nothing behind") {
    std::optional<BaggageScope> scope{std::in_place, baggage_of("k", "1")};
    std::optional<ContextScope> context{std::in_place, example_context()};
    scope.reset();
    context.reset();
    CHECK(current_baggage().empty());
}

TEST_CASE("a baggage scope that ends on another thread touches nothing there") {
    const ContextScope takes_back_what_stays_here{SpanContext{}};
    std::optional<BaggageScope> scope{std::in_place, baggage_of("k", "1")};
    plume::test::on_a_thread([&] {
        const BaggageScope theirs{baggage_of("l", "2")};
        scope.reset();
        CHECK(current_baggage().text() == "l=2");
    });
}
