#include <plume/propagation/propagators.hpp>

#include <string>
#include <vector>

#include "support/catch.hpp"

using plume::Propagator;
using plume::Propagators;

namespace {

struct Parsed {
    Propagators chosen;
    std::vector<std::string> reports;
};
Parsed parsed(std::string_view text) {
    Parsed result;
    result.chosen = Propagators::parse(
        text, [&result](std::string_view what) { result.reports.emplace_back(what); });
    return result;
}

Propagators chosen(std::string_view text) {
    const Parsed result = parsed(text);
    CHECK(result.reports.empty());
    return result.chosen;
}

} // namespace

TEST_CASE("OTEL_PROPAGATORS lists formats in order, in any case, each once") {
    CHECK(chosen("tracecontext,baggage") == Propagators::defaults());
    CHECK(chosen("baggage,tracecontext") ==
          Propagators{Propagator::baggage, Propagator::tracecontext});
    CHECK(chosen(" B3 ,\tJaeger,,b3multi,b3 ") ==
          Propagators{Propagator::b3, Propagator::jaeger, Propagator::b3multi});
    CHECK(chosen("tracecontext,baggage,b3,b3multi,jaeger") ==
          Propagators{Propagator::tracecontext, Propagator::baggage, Propagator::b3,
                      Propagator::b3multi, Propagator::jaeger});
}

TEST_CASE("the order of formats makes a difference") {
    CHECK(Propagators{Propagator::b3, Propagator::baggage} !=
          Propagators{Propagator::baggage, Propagator::b3});
}

TEST_CASE("an OTEL_PROPAGATORS that is empty means tracecontext and baggage") {
    CHECK(chosen("") == Propagators::defaults());
    CHECK(chosen(" , ") == Propagators::defaults());
}

TEST_CASE("none in OTEL_PROPAGATORS means none") {
    CHECK(chosen("none") == Propagators{});
    CHECK(chosen("NONE,none") == Propagators{});
}

TEST_CASE("none beside another format is reported, and the format holds") {
    const Parsed result = parsed("none,b3");
    CHECK(result.chosen == Propagators{Propagator::b3});
    CHECK(result.reports.size() == 1);
}

TEST_CASE("a format that nobody knows is reported and left out") {
    const Parsed result = parsed("xray,b3,ottrace");
    CHECK(result.chosen == Propagators{Propagator::b3});
    CHECK(result.reports ==
          std::vector<std::string>{"OTEL_PROPAGATORS names \"xray\": Plume knows tracecontext, "
                                   "baggage, b3, b3multi, jaeger and none",
                                   "OTEL_PROPAGATORS names \"ottrace\": Plume knows tracecontext, "
                                   "baggage, b3, b3multi, jaeger and none"});
    CHECK(parsed("xray").chosen == Propagators::defaults());
    CHECK(parsed("xray").reports.size() == 1);
}

TEST_CASE("a choice of formats fits a word") {
    for (const Propagators some :
         {Propagators{}, Propagators::defaults(), Propagators{Propagator::jaeger},
          Propagators{Propagator::jaeger, Propagator::b3multi, Propagator::b3, Propagator::baggage,
                      Propagator::tracecontext}}) {
        CHECK(some.word() != 0);
        CHECK(Propagators::from_word(some.word()) == some);
    }
    CHECK(Propagators::from_word(0) == Propagators::defaults());
    static_assert(sizeof(Propagators) == 8);
}

TEST_CASE("a choice contains what it was made of") {
    constexpr Propagators some{Propagator::b3, Propagator::baggage};
    static_assert(some.contains(Propagator::b3) && some.contains(Propagator::baggage));
    static_assert(!some.contains(Propagator::tracecontext) && !some.contains(Propagator::b3multi));
    std::vector<Propagator> order;
    some.each([&order](Propagator format) { order.push_back(format); });
    CHECK(order == std::vector<Propagator>{Propagator::b3, Propagator::baggage});
}
