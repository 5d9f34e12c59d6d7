#include <plume/sampling/sampler.hpp>

#include <array>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <plume/sampling/plan_builder.hpp>

#include "support/catch.hpp"
#include "support/recorded.hpp"
#include "support/scripted.hpp"

using namespace plume::literals;
using plume::AsyncSpan;
using plume::ContextScope;
using plume::current_context;
using plume::Sampler;
using plume::SamplingInput;
using plume::SpanContext;
using plume::detail::make_threshold;
using plume::test::recorded;

namespace {

std::string th(double probability, unsigned precision = 4) {
    const std::string state{make_threshold(probability, precision).trace_state()};
    return state.empty() ? "none" : state.substr(6);
}

SpanContext parent(bool sampled, bool remote, std::string_view state = {}) {
    SpanContext context;
    context.trace_id = {0x4bf92f3577b34da6, 0xa3ce929d0e0e4736};
    context.span_id = {0x00f067aa0ba902b7};
    context.flags = sampled ? plume::trace_flags::sampled : 0;
    context.is_remote = remote;
    context.trace_state = state;
    return context;
}

plume::Options with(Sampler sampler) {
    plume::Options options;
    options.sampler = std::move(sampler);
    return options;
}

/// Roots that are recorded out of `count`.
std::size_t sampled_of(const Sampler& sampler, int count) {
    return recorded(with(sampler),
                    [count] {
                        for (int i = 0; i < count; ++i) PLUME_SPAN("root");
                    })
        .spans.size();
}

/// Which of the five cases are recorded, in the order of SamplingPlan::Case.
std::string cases_of(const Sampler& sampler) {
    std::string seen;
    recorded(with(sampler), [&seen] {
        const auto begin = [&seen](const SpanContext& context) {
            const ContextScope scope{context};
            PLUME_SPAN_AS(span, "case");
            seen += span.recording() ? '1' : '0';
        };
        begin({});
        begin(parent(true, true));
        begin(parent(false, true));
        begin(parent(true, false));
        begin(parent(false, false));
    });
    return seen;
}

/// A member of tests that says what it is told to.
class Scripted : public plume::CustomSampler {
  public:
    explicit Scripted(std::function<bool(const SamplingInput&)> answer,
                      std::vector<std::string> keys = {})
        : answer_{std::move(answer)}, keys_{std::move(keys)} {}
    [[nodiscard]] bool sample(const SamplingInput& input) override { return answer_(input); }
    [[nodiscard]] std::vector<std::string> attribute_keys() const override { return keys_; }

  private:
    std::function<bool(const SamplingInput&)> answer_;
    std::vector<std::string> keys_;
};

/// Environment variables, as they were before at the end of the scope.
class Variables {
  public:
    explicit Variables(std::vector<std::pair<std::string, std::string>> set) {
        for (const auto& [name, value] : set) {
            names_.push_back(name);
            setenv(name.c_str(), value.c_str(), 1);
        }
    }
    ~Variables() {
        for (const std::string& name : names_) unsetenv(name.c_str());
    }
    Variables(const Variables&) = delete;
    Variables& operator=(const Variables&) = delete;

  private:
    std::vector<std::string> names_;
};

} // namespace

// Thresholds.

TEST_CASE("a probability becomes the threshold that OpenTelemetry writes for it") {
    CHECK(th(1.0) == "0");
    CHECK(th(0.5) == "8");
    CHECK(th(0.25) == "c");
    CHECK(th(0.125) == "e");
    CHECK(th(1.0 / 16) == "f");
    CHECK(th(0.1, 3) == "e66");
    CHECK(th(0.1, 4) == "e666");
    CHECK(th(0.1, 5) == "e6666");
    CHECK(th(0.01, 3) == "fd71");
    CHECK(th(0.01, 4) == "fd70a");
    CHECK(th(0.01, 5) == "fd70a4");
    CHECK(th(0.001, 3) == "ffbe7");
    CHECK(th(0.001, 4) == "ffbe77");
    CHECK(th(0.001, 5) == "ffbe76d");
    CHECK(th(1.0 / 3, 3) == "aab");
    CHECK(th(1.0 / 3, 4) == "aaab");
    CHECK(th(1.0 / 3, 5) == "aaaab");
}

TEST_CASE("the smallest probability is 2 to the power of -56") {
    CHECK(th(std::pow(2.0, -56)) == "ffffffffffffff");
    CHECK(th(std::pow(2.0, -57)) == "none");
    CHECK(th(0) == "none");
    CHECK(th(-1) == "none");
    CHECK(th(std::nan("")) == "none");
    CHECK(make_threshold(0).value == std::uint64_t{1} << 56U);
    CHECK(make_threshold(2).value == 0);
}

TEST_CASE("a probability close to one keeps four digits of what is missing") {
    CHECK(th(0.9999) == "00068dc");
}

TEST_CASE("randomness comes from rv where the trace state has a well-formed one") {
    using plume::detail::randomness;
    const plume::TraceId id{1, 0xff00000000000005};
    CHECK(randomness(id, "") == 5);
    CHECK(randomness(id, "ot=rv:6e6d1a75832a2f") == 0x6e6d1a75832a2f);
    CHECK(randomness(id, "a=b, ot=th:c;rv:0000000000000a,c=d") == 10);
    CHECK(randomness(id, "ot=rv:6e6d1a75832a2") == 5);
    CHECK(randomness(id, "ot=rv:6E6d1a75832a2f") == 5);
    CHECK(randomness(id, "other=rv:6e6d1a75832a2f") == 5);
}

TEST_CASE("a changed threshold moves to the left and leaves the rest as it was") {
    using plume::detail::Threshold;
    const auto with_th = [](std::string_view state, const Threshold* threshold) {
        char text[256];
        return std::string{text,
                           plume::detail::with_threshold(state, threshold, text, sizeof text)};
    };
    const Threshold quarter = make_threshold(0.25);
    CHECK(with_th("", &quarter) == "ot=th:c");
    CHECK(with_th("a=b,c=d", &quarter) == "ot=th:c,a=b,c=d");
    CHECK(with_th("a=b, ot=th:8;rv:6e6d1a75832a2f ,c=d", &quarter) ==
          "ot=th:c;rv:6e6d1a75832a2f ,a=b,c=d");
    CHECK(with_th("ot=th:8,a=b", nullptr) == "a=b");
    CHECK(with_th("ot=th:8;rv:6e6d1a75832a2f", nullptr) == "ot=rv:6e6d1a75832a2f");
    CHECK(with_th("ot=th:8", nullptr).empty());
    char small[8];
    CHECK(plume::detail::with_threshold("a=b", &quarter, small, sizeof small) == 0);
}

// Samplers.

TEST_CASE("by default new traces are recorded, and others as they were elsewhere") {
    CHECK(cases_of(Sampler::parent_based(Sampler::always_on())) == "11010");
    std::string seen;
    recorded([&seen] {
        const ContextScope scope{parent(false, true)};
        PLUME_SPAN_AS(span, "child");
        seen += span.recording() ? '1' : '0';
    });
    CHECK(seen == "0");
}

TEST_CASE("each case of a parent can have a sampler of its own") {
    CHECK(cases_of(Sampler::always_on()) == "11111");
    CHECK(cases_of(Sampler::always_off()) == "00000");
    CHECK(cases_of(Sampler::parent_based(Sampler::always_off())) == "01010");
    CHECK(cases_of(Sampler::parent_based(Sampler::always_on(),
                                         {.remote_sampled = Sampler::always_off()})) == "10010");
    CHECK(cases_of(Sampler::parent_based(Sampler::always_on(),
                                         {.remote_unsampled = Sampler::always_on()})) == "11110");
    CHECK(cases_of(Sampler::parent_based(Sampler::always_on(),
                                         {.local_sampled = Sampler::always_off()})) == "11000");
    CHECK(cases_of(Sampler::parent_based(Sampler::always_on(),
                                         {.local_unsampled = Sampler::always_on()})) == "11011");
}

TEST_CASE("a ratio samples that part of all traces") {
    // The mean of 20,000 draws at 1/4 is 5000 with a deviation of 61; chi-square with one degree of
    // freedom beyond 15 has a chance of 1 in 9,000. Trace ids are seeded by the kernel, so the
    // bound is that of chance: 1 in 10^9 at 37.
    constexpr int roots = 20'000;
    constexpr double expected = roots / 4.0;
    const auto seen = static_cast<double>(sampled_of(Sampler::ratio(0.25), roots));
    const double chi_square = (seen - expected) * (seen - expected) / expected +
                              (expected - seen) * (expected - seen) / (roots - expected);
    CHECK(chi_square < 37);
}

TEST_CASE("randomness that is uniform passes every threshold at its probability") {
    std::mt19937_64 random{20261122}; // a fixed seed: the result is the same each time
    for (const double probability : {0.5, 0.1, 1.0 / 3, 0.01, 0.9}) {
        const std::uint64_t threshold = make_threshold(probability).value;
        constexpr int draws = 200'000;
        int sampled = 0;
        for (int i = 0; i < draws; ++i)
            if (plume::detail::randomness({random(), random()}, {}) >= threshold) ++sampled;
        const double expected = draws * probability;
        const double difference = sampled - expected;
        const double chi_square =
            difference * difference / expected + difference * difference / (draws - expected);
        INFO(probability);
        CHECK(chi_square < 10.83); // a chance of 1 in 1000 for each
    }
}

TEST_CASE("a trace that a small ratio samples is sampled by every larger one") {
    std::mt19937_64 random{7};
    const std::uint64_t small = make_threshold(0.01).value;
    const std::uint64_t large = make_threshold(0.2).value;
    for (int i = 0; i < 100'000; ++i) {
        const std::uint64_t r = plume::detail::randomness({random(), random()}, {});
        if (r >= small) REQUIRE(r >= large);
    }
}

TEST_CASE("every trace id is on the side of the threshold that its decision is on") {
    const std::uint64_t threshold = make_threshold(0.25).value;
    const auto seen = recorded(with(Sampler::ratio(0.25)), [threshold] {
        for (int i = 0; i < 4000; ++i) {
            plume::Span span{"root"_name};
            const SpanContext context = current_context();
            REQUIRE(context.valid());
            REQUIRE(context.sampled() == span.recording());
            REQUIRE((plume::detail::randomness(context.trace_id, {}) >= threshold) ==
                    span.recording());
            REQUIRE(current_context().trace_id == context.trace_id);
            PLUME_SPAN("child");
            REQUIRE(current_context().trace_id == context.trace_id);
        }
    });
    for (const plume::RecordedSpan& span : seen.spans)
        REQUIRE(plume::detail::randomness(span.trace_id, {}) >= threshold);
    CHECK(seen.spans.size() > 2 * 800);
    CHECK(seen.spans.size() < 2 * 1200);
}

TEST_CASE("sampled trace ids are spread over all that the threshold lets through") {
    std::array<int, 8> octants{};
    const auto seen = recorded(with(Sampler::ratio(0.5)), [] {
        for (int i = 0; i < 16'000; ++i) PLUME_SPAN("root");
    });
    for (const plume::RecordedSpan& span : seen.spans)
        ++octants.at(plume::detail::randomness(span.trace_id, {}) >> 53U);
    double chi_square = 0;
    const double expected = static_cast<double>(seen.spans.size()) / 4;
    for (std::size_t i = 0; i < 4; ++i) CHECK(octants.at(i) == 0);
    for (std::size_t i = 4; i < 8; ++i)
        chi_square += (octants.at(i) - expected) * (octants.at(i) - expected) / expected;
    CHECK(chi_square < 44); // three degrees of freedom: 1 in 10^9
}

TEST_CASE("what begins in a scope inside an unsampled root is decided by the scope") {
    const auto seen = recorded(with(Sampler::parent_based(Sampler::ratio(0))), [] {
        for (int i = 0; i < 3; ++i) {
            PLUME_SPAN("unsampled");
            {
                const ContextScope scope{parent(true, true)};
                PLUME_SPAN("sampled elsewhere");
                {
                    const ContextScope none{SpanContext{}};
                    PLUME_SPAN("unsampled again");
                }
                PLUME_SPAN("child");
            }
            PLUME_SPAN("unsampled child");
        }
        const plume::SuppressScope quiet;
        PLUME_SPAN("suppressed");
        CHECK_FALSE(current_context().valid());
    });
    CHECK(seen.spans.size() == 6);
    CHECK(seen.stats.begun == 6);
}

TEST_CASE("a plan that is replaced is forgotten at the next root") {
    const auto seen = recorded(with(Sampler::ratio(0)), [] {
        { PLUME_SPAN("no"); }
        { PLUME_SPAN("no"); }
        plume::set_sampler(Sampler::ratio(1));
        { PLUME_SPAN("yes"); }
        plume::set_sampler(Sampler::ratio(0));
        { PLUME_SPAN("no"); }
    });
    CHECK(seen.tree() == "yes\n");
}

TEST_CASE("a ratio says in the trace state with what probability it has sampled") {
    std::string inside;
    const auto seen = recorded(with(Sampler::ratio(1)), [&inside] {
        PLUME_SPAN("root");
        inside = current_context().trace_state;
    });
    CHECK(inside == "ot=th:0");
    CHECK(seen["root"].trace_state == "ot=th:0");
    CHECK_FALSE(seen["root"].parent_span_id.valid());
    CHECK(seen["root"].flags == (plume::trace_flags::sampled | plume::trace_flags::random));
}

TEST_CASE("a session may hide with what probability its samplers have sampled") {
    std::string inside;
    const auto record = [&inside](plume::Options options) {
        return recorded(std::move(options), [&inside] {
            { PLUME_SPAN("root"); }
            inside = "unset";
            const ContextScope scope{parent(true, true, "a=b,ot=th:8;rv:6e6d1a75832a2f")};
            PLUME_SPAN("child");
            inside = current_context().trace_state;
        });
    };
    plume::Options options = with(Sampler::ratio(1));
    options.hide_threshold = true;
    const auto seen = record(options);
    CHECK(seen["root"].trace_state.empty());
    CHECK(inside == "ot=rv:6e6d1a75832a2f,a=b"); // what another has said of it is not true any more

    const plume::scene::EnvironmentVariable hide{"PLUME_HIDE_THRESHOLD", "true"};
    CHECK(record(with(Sampler::ratio(1)))["root"].trace_state.empty());
}

TEST_CASE("a sampler that is set while its session hides thresholds hides its own") {
    plume::Options options = with(Sampler::always_on());
    options.hide_threshold = true;
    const auto seen = recorded(options, [] {
        plume::set_sampler(Sampler::ratio(1));
        PLUME_SPAN("root");
    });
    CHECK(seen["root"].trace_state.empty());
}

TEST_CASE("a session that hides no thresholds writes them again after one that does") {
    plume::Options options = with(Sampler::ratio(1));
    options.hide_threshold = true;
    recorded(options, [] { PLUME_SPAN("hidden"); });
    CHECK(recorded(with(Sampler::ratio(1)), [] { PLUME_SPAN("root"); })["root"].trace_state ==
          "ot=th:0");
}

TEST_CASE("a sampler that decides anew replaces the threshold of the trace state") {
    // R of this trace id is 0xce929d0e0e4736: above 3/4 (c), below 15/16 (f).
    const auto state_after = [](double ratio) {
        std::string inside;
        recorded(with(Sampler::ratio(ratio)), [&inside] {
            const ContextScope scope{parent(true, true, "a=b,ot=th:8")};
            PLUME_SPAN_AS(span, "child");
            inside = span.recording() ? std::string{current_context().trace_state} : "unsampled";
        });
        return inside;
    };
    CHECK(state_after(0.25) == "ot=th:c,a=b");
    CHECK(state_after(1.0 / 16) == "unsampled");
}

TEST_CASE("a sampler that follows the parent leaves the trace state alone") {
    std::string inside;
    const auto seen = recorded(with(Sampler::parent_based(Sampler::ratio(0.25))), [&inside] {
        const ContextScope scope{parent(true, true, "a=b,ot=th:8")};
        PLUME_SPAN("child");
        inside = current_context().trace_state;
    });
    CHECK(inside == "a=b,ot=th:8");
    CHECK(seen["child"].trace_state == "a=b,ot=th:8");
}

TEST_CASE("the decision on a trace comes before its attributes are evaluated") {
    int evaluated = 0;
    recorded(with(Sampler::always_off()), [&evaluated] {
        PLUME_SPAN("root", "n"_a = ++evaluated);
        PLUME_SPAN("child", "n"_a = ++evaluated);
        PLUME_EVENT("event", "n"_a = ++evaluated);
    });
    CHECK(evaluated == 0);
}

TEST_CASE("an asynchronous span asks the same sampler") {
    const auto seen = recorded(with(Sampler::parent_based(Sampler::always_off())), [] {
        const AsyncSpan root{"root"_name, SpanContext{}};
        CHECK_FALSE(root.recording());
        CHECK_FALSE(root.context().sampled());
        const AsyncSpan child{"child"_name, parent(true, true)};
        CHECK(child.recording());
    });
    CHECK(seen.spans.size() == 1);
}

// Rates.

TEST_CASE("a rate is never exceeded in any second, and exact over a minute") {
    for (const double rate : {1.0, 10.0, 7.0, 2.5}) {
        const auto made = plume::detail::Rate::make(rate);
        std::vector<std::uint64_t> admitted;
        constexpr std::uint64_t step_ns = 300'000; // an arrival every 0.3 ms
        for (std::uint64_t now = step_ns; now <= 60'000'000'000; now += step_ns)
            if (made->limiter.admit(now)) admitted.push_back(now);
        INFO(rate);
        CHECK(static_cast<double>(admitted.size()) == rate * 60);
        const auto most = static_cast<std::size_t>(std::ceil(rate));
        for (std::size_t i = 0; i + most < admitted.size(); ++i)
            REQUIRE(admitted[i + most] - admitted[i] >= 800'000'000);
        if (std::floor(rate) == rate)
            for (std::size_t i = 0; i + most < admitted.size(); ++i)
                REQUIRE(admitted[i + most] - admitted[i] >= 1'000'000'000);
    }
}

TEST_CASE("a rate below one lets one trace through in as many seconds as it takes") {
    const auto made = plume::detail::Rate::make(0.1);
    CHECK(made->limiter.admit(1'000'000'000));
    CHECK_FALSE(made->limiter.admit(10'999'999'999));
    CHECK(made->limiter.admit(11'000'000'000));
}

TEST_CASE("a thread that read the clock before another and asks after it is not admitted too") {
    const auto made = plume::detail::Rate::make(1);
    CHECK(made->limiter.admit(2'000'000'000));
    CHECK_FALSE(made->limiter.admit(1'999'999'999));
}

TEST_CASE("threads that ask at once are not admitted more often") {
    const auto made = plume::detail::Rate::make(1000);
    std::atomic<int> admitted{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 5000; ++i)
                if (made->limiter.admit(5'000'000'000)) ++admitted;
        });
    for (std::thread& thread : threads) thread.join();
    CHECK(admitted == 1000);
}

TEST_CASE("a rate-limited session records so many traces and no more") {
    CHECK(sampled_of(Sampler::rate_limited(3), 1000) == 3);
    CHECK(sampled_of(Sampler::rate_limited(0), 100) == 0);
    CHECK(sampled_of(Sampler::at_least(5, 0), 1000) == 5);
    CHECK(sampled_of(Sampler::at_least(5, 1), 1000) == 1000);
}

TEST_CASE("what a rate admits has no threshold, since its probability is not known") {
    std::string inside = "unset";
    recorded(with(Sampler::rate_limited(5)), [&inside] {
        const ContextScope scope{parent(true, true, "ot=th:8,a=b")};
        PLUME_SPAN("child");
        inside = current_context().trace_state;
    });
    CHECK(inside == "a=b");
}

// Rules.

TEST_CASE("rules look at names and kinds, the first that matches decides") {
    const Sampler sampler =
        Sampler::by_rule({{.name = "GET /healthz", .then = Sampler::always_off()},
                          {.name = "GET *"},
                          {.kind = plume::SpanKind::consumer}},
                         Sampler::always_off());
    const auto seen = recorded(with(sampler), [] {
        { PLUME_SPAN("GET /healthz"); }
        { PLUME_SPAN("GET /orders/{id}"); }
        { PLUME_SPAN("receive", plume::consumer); }
        { PLUME_SPAN("tick"); }
    });
    CHECK(seen.tree() == "GET /orders/{id}\nreceive\n");
}

TEST_CASE("a rule may ask for exactly one name, whatever is in it") {
    const Sampler sampler =
        Sampler::by_rule({{.name = "GET *", .exact_name = true}}, Sampler::always_off());
    const auto seen = recorded(with(sampler), [] {
        { PLUME_SPAN("GET *"); }
        { PLUME_SPAN("GET /orders"); }
    });
    CHECK(seen.tree() == "GET *\n");
}

TEST_CASE(
    "a rule on an attribute decides when the root has it, and the rest is as if it never began") {
    const Sampler sampler = Sampler::by_rule(
        {{.attribute = "http.route", .value = "/orders/*"}, {.attribute = "tenant", .value = "7"}},
        Sampler::always_off());
    int evaluated = 0;
    const auto work = [&evaluated](const std::string& route, int tenant) {
        PLUME_SPAN("request", "http.route"_a = route, "tenant"_a = tenant);
        PLUME_SPAN("inside", "n"_a = ++evaluated);
    };
    const auto seen = recorded(with(sampler), [&] {
        work("/orders/{id}", 1);
        work("/healthz", 1);
        work("/healthz", 7);
        { PLUME_SPAN("other", "n"_a = ++evaluated); }
        work("/orders/", 2);
    });
    CHECK(seen.tree() == "request\n  inside\nrequest\n  inside\nrequest\n  inside\n");
    CHECK(evaluated == 3);
    CHECK(seen.stats.begun == 6);
}

TEST_CASE("a rule on an attribute works for guards made by hand, and inside a scope") {
    const Sampler sampler =
        Sampler::by_rule({{.attribute = "keep", .value = "true"}}, Sampler::always_off());
    const auto seen = recorded(with(sampler), [] {
        const ContextScope scope{parent(true, true)};
        {
            plume::Span span{"no"_name, "keep"_a = false, "text"_a = "long enough for some words"};
            PLUME_SPAN("child of none");
            CHECK_FALSE(current_context().sampled());
        }
        {
            plume::Span span{"yes"_name, "keep"_a = true};
            PLUME_SPAN("child");
        }
    });
    CHECK(seen.tree() == "yes\n  child\n");
    CHECK(seen.stats.open == 0);
}

TEST_CASE("a root that is taken back gives the room of its end back, for ever") {
    const Sampler sampler =
        Sampler::by_rule({{.attribute = "keep", .value = "true"}}, Sampler::always_off());
    plume::Options options = with(sampler);
    options.ring_bytes = 4096;
    const auto seen = recorded(options, [] {
        plume::test::on_a_new_ring([] {
            for (int i = 0; i < 100'000; ++i) {
                PLUME_SPAN("root", "keep"_a = i % 1000 == 0);
                if (i % 50 == 0) std::this_thread::yield();
            }
        });
    });
    CHECK(seen.stats.begun >= 100);
    CHECK(seen.stats.open == 0);
}

// Custom samplers.

TEST_CASE("a custom sampler sees what is known of a root, and decides") {
    std::vector<std::string> asked;
    const auto sampler = std::make_shared<Scripted>([&asked](const SamplingInput& input) {
        asked.push_back(std::string{input.name} + (input.parent.valid() ? " with a parent" : ""));
        CHECK(input.trace_id.valid());
        CHECK(input.attribute_count == 0);
        return input.name == "wanted";
    });
    const auto seen = recorded(with(Sampler::custom(sampler)), [] {
        { PLUME_SPAN("wanted", "n"_a = 1); }
        { PLUME_SPAN("unwanted", "n"_a = 1); }
        const ContextScope scope{parent(true, true)};
        PLUME_SPAN("wanted");
    });
    CHECK(asked == std::vector<std::string>{"wanted", "unwanted", "wanted with a parent"});
    CHECK(seen.spans.size() == 2);
}

TEST_CASE("a custom sampler is shown the attributes that it asks for") {
    std::string shown;
    const auto sampler = std::make_shared<Scripted>(
        [&shown](const SamplingInput& input) {
            for (std::size_t i = 0; i < input.attribute_count; ++i)
                shown += std::string{input.attributes[i].key} + "=" +
                         std::string{input.attributes[i].text} + ";";
            return true;
        },
        std::vector<std::string>{"tenant"});
    recorded(with(Sampler::custom(sampler)), [] {
        PLUME_SPAN("root", "tenant"_a = "acme", "list"_a = std::vector<int>{1, 2},
                   "words"_a = std::vector<std::string>{"a", "b"}, "size"_a = -3,
                   "none"_a = std::optional<int>{}, "ok"_a = true);
    });
    CHECK(shown == "tenant=acme;size=-3;ok=true;");
}

TEST_CASE("a custom sampler that throws has said no, and what it begins is not recorded") {
    const auto sampler = std::make_shared<Scripted>([](const SamplingInput& input) -> bool {
        PLUME_SPAN("in the sampler");
        if (input.name == "bad") throw std::runtime_error{"no"};
        return true;
    });
    const auto seen = recorded(with(Sampler::custom(sampler)), [] {
        { PLUME_SPAN("bad"); }
        { PLUME_SPAN("good"); }
    });
    CHECK(seen.tree() == "good\n");
}

// While it runs.

TEST_CASE("the sampler can be replaced while threads record") {
    std::atomic<bool> stop{false};
    const auto seen = recorded(with(Sampler::always_off()), [&stop] {
        std::thread worker{[&stop] {
            for (int i = 0; i < 20'000 && !stop; ++i) // a queue holds them all
                PLUME_SPAN("work");
        }};
        for (int i = 0; i < 50; ++i)
            plume::set_sampler(i % 2 == 0 ? Sampler::ratio(0.5) : Sampler::rate_limited(10));
        plume::set_sampler(Sampler::always_on());
        { PLUME_SPAN("after"); }
        stop = true;
        worker.join();
    });
    CHECK(seen["after"].name == "after");
}

TEST_CASE("a session leaves no sampler behind") {
    recorded(with(Sampler::always_off()), [] { PLUME_SPAN("none"); });
    CHECK(recorded([] { PLUME_SPAN("some"); }).spans.size() == 1);
}

namespace {

class Source : public plume::SamplerSource {
  public:
    void start(Session session) override {
        session_ = std::move(session);
        ++starts_;
    }
    void stop() noexcept override { session_ = {}; }
    void say(Sampler sampler) { session_.update(std::move(sampler)); }
    [[nodiscard]] const std::string& service() const { return session_.service_name; }
    [[nodiscard]] int starts() const { return starts_; }

  private:
    Session session_;
    int starts_ = 0;
};

} // namespace

TEST_CASE("a source changes the sampler of the session, also below a parent-based one") {
    const auto source = std::make_shared<Source>();
    const auto seen = recorded(
        with(Sampler::parent_based(Sampler::from(source, Sampler::always_off()))), [&source] {
            CHECK(source->service() == "test");
            { PLUME_SPAN("before"); }
            source->say(Sampler::always_on());
            { PLUME_SPAN("after"); }
            source->say(Sampler::always_off());
            { PLUME_SPAN("at last"); }
        });
    CHECK(seen.tree() == "after\n");
}

TEST_CASE("a source that stands in two places is started once") {
    const auto source = std::make_shared<Source>();
    const Sampler twice = Sampler::from(source, Sampler::always_off());
    const auto seen = recorded(
        with(Sampler::parent_based(Sampler::by_rule({{.name = "root", .then = twice}}, twice),
                                   {.remote_sampled = twice})),
        [&source] {
            CHECK(source->starts() == 1);
            source->say(Sampler::always_on());
            { PLUME_SPAN("root"); }
            { PLUME_SPAN("other"); }
        });
    CHECK(seen.tree() == "root\nother\n");
}

// The environment.

TEST_CASE("OTEL_TRACES_SAMPLER chooses among the standard samplers") {
    struct Case {
        const char* sampler;
        const char* argument;
        const char* cases;
    };
    for (const Case& each :
         {Case{"always_on", "", "11111"}, Case{"always_off", "", "00000"},
          Case{"ALWAYS_OFF", "", "00000"}, Case{"traceidratio", "0", "00000"},
          Case{"traceidratio", "1", "11111"}, Case{"traceidratio", "", "11111"},
          Case{"parentbased_always_on", "", "11010"}, Case{"parentbased_always_off", "", "01010"},
          Case{"parentbased_traceidratio", "0", "01010"}}) {
        INFO(each.sampler << " " << each.argument);
        const Variables variables{
            {{"OTEL_TRACES_SAMPLER", each.sampler}, {"OTEL_TRACES_SAMPLER_ARG", each.argument}}};
        std::string seen;
        recorded([&seen] {
            for (const SpanContext& context :
                 {SpanContext{}, parent(true, true), parent(false, true), parent(true, false),
                  parent(false, false)}) {
                const ContextScope scope{context};
                PLUME_SPAN_AS(span, "case");
                seen += span.recording() ? '1' : '0';
            }
        });
        CHECK(seen == each.cases);
    }
}

TEST_CASE("junk in OTEL_TRACES_SAMPLER is reported, and everything is sampled") {
    for (const auto& [sampler, argument] :
         {std::pair{"traceidratio", "half"}, std::pair{"traceidratio", "2"},
          std::pair{"sometimes", ""}, std::pair{"jaeger_remote_x", ""}}) {
        const Variables variables{
            {{"OTEL_TRACES_SAMPLER", sampler}, {"OTEL_TRACES_SAMPLER_ARG", argument}}};
        std::string reports;
        plume::Options options;
        options.report = [&reports](std::string_view what) { reports += what; };
        CHECK(recorded(options, [] { PLUME_SPAN("root"); }).spans.size() == 1);
        CHECK(reports.find("OTEL_TRACES_SAMPLER") != std::string::npos);
    }
}

TEST_CASE("a sampler of the options outranks the environment") {
    const Variables variables{{{"OTEL_TRACES_SAMPLER", "always_off"}}};
    CHECK(sampled_of(Sampler::always_on(), 1) == 1);
}
