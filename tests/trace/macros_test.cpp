#include <plume/trace/macros.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include <plume/context.hpp>

#include "support/catch.hpp"
#include "support/recorded.hpp"

using namespace plume::literals;
using plume::test::recorded;

// macros/levels_*.cpp: the same lines in files of another PLUME_LEVEL each.
void spans_of_level_span();
void spans_of_level_debug();
void spans_of_level_trace();
int evaluated_by_levels();

// macros/disabled.cpp: PLUME_ENABLED is 0.
int run_disabled();

// macros/foreign_*.cpp: the "_a" of another library is in force.
int foreign_fmt(int n);
int foreign_fmt_off(int n);
int foreign_pybind(int n);
int foreign_pybind_off(int n);

// macros/scope.cpp: a library with a scope of its own.
void span_of_a_library();

namespace {

void free_function() { PLUME_FUNCTION("key"_a = 1); }

template <class T> T function_template(T value) {
    PLUME_FUNCTION();
    return value;
}

} // namespace

namespace shop {

struct Cart {
    Cart() { PLUME_FUNCTION(); }
    ~Cart() { PLUME_FUNCTION(); }
    int add(int item) const {
        PLUME_FUNCTION();
        return item;
    }
    void operator()() const { PLUME_FUNCTION(); }
    bool operator<(const Cart&) const {
        PLUME_FUNCTION();
        return false;
    }
    static void empty() noexcept { PLUME_FUNCTION(); }
};

template <class T> struct Box {
    void open(const T&) { PLUME_FUNCTION(); }
};

inline std::pair<int, std::string> checkout(const std::function<int(int)>& pay) {
    PLUME_FUNCTION();
    return {pay(1), ""};
}

inline void with_lambda() {
    [] { PLUME_FUNCTION(); }();
    const auto generic = [](auto value) {
        const auto inner = [&] { PLUME_FUNCTION(); };
        inner();
        return value;
    };
    generic(1);
}

} // namespace shop

namespace {

const auto lambda_of_no_function = [] { PLUME_FUNCTION(); };

std::string names(const plume::test::Recorded& seen) {
    std::string text;
    for (const auto& span : seen.spans) text += span.name + "\n";
    return text;
}

} // namespace

// PLUME_FUNCTION.

TEST_CASE("a span of a function has its name, without types and arguments") {
    const auto seen = recorded([] {
        free_function();
        function_template(1);
        function_template(std::string{});
        shop::checkout([](int n) { return n; });
    });
    CHECK(seen.spans.at(0).name.ends_with("::free_function"));
    CHECK(seen.spans.at(0).text("key") == "1");
    CHECK(seen.spans.at(1).name.ends_with("::function_template"));
    CHECK(seen.spans.at(2).name == seen.spans.at(1).name);
    CHECK(seen.spans.at(3).name == "shop::checkout");
    CHECK(seen.spans.at(3).source.function == "shop::checkout");
}

TEST_CASE("a span of a member function has the name of its class as well") {
    const auto seen = recorded([] {
        const shop::Cart cart;
        cart.add(1);
        cart();
        static_cast<void>(cart < cart);
        shop::Cart::empty();
        shop::Box<int>{}.open(1);
    });
    CHECK(names(seen).starts_with("shop::Cart::Cart\n"
                                  "shop::Cart::add\n"
                                  "shop::Cart::operator()\n"
                                  "shop::Cart::operator<\n"
                                  "shop::Cart::empty\n"
                                  "shop::Box<"));
    CHECK(names(seen).ends_with(">::open\n"
                                "shop::Cart::~Cart\n"));
}

TEST_CASE("a span in a lambda has the name of the function around it") {
    const auto seen = recorded([] { shop::with_lambda(); });
    CHECK(names(seen) == "shop::with_lambda\n"
                         "shop::with_lambda\n");
}

TEST_CASE("a span in a lambda outside of any function has a name as well") {
    const auto seen = recorded([] { lambda_of_no_function(); });
    CHECK_FALSE(names(seen).empty());
}

// One declaration.

TEST_CASE("a span may be the only statement of a branch or a loop") {
    const auto seen = recorded([] {
        for (int i = 0; i < 4; ++i)
            if (i % 2 == 0) PLUME_SPAN("even");
            else PLUME_SPAN("odd", "i"_a = i);
        PLUME_SPAN("after");
    });
    CHECK(seen.tree_with_attributes() == "even\n"
                                         "odd {i=1}\n"
                                         "even\n"
                                         "odd {i=3}\n"
                                         "after\n");
}

TEST_CASE("several spans may stand in one scope, and on one line") {
    const auto seen = recorded([] {
        PLUME_SPAN("one");
        PLUME_SPAN("two");
        PLUME_SPAN("three"); // clang-format off
    }); // clang-format on
    CHECK(seen.tree() == "one\n"
                         "  two\n"
                         "    three\n");
}

TEST_CASE("a macro is an expression where something happens") {
    const auto seen = recorded([] {
        PLUME_SPAN("span");
        bool taken = true;
        taken ? PLUME_EVENT("yes") : PLUME_EVENT("no");
        if (taken) PLUME_SET("a"_a = 1);
        else PLUME_ERROR("no");
    });
    CHECK(seen["span"].events.at(0).name == "yes");
    CHECK(seen["span"].text("a") == "1");
    CHECK(seen["span"].status == plume::StatusCode::unset);
}

TEST_CASE("attributes in a macro need no using-directive") {
    struct Elsewhere {
        static void run() {
            PLUME_SPAN("span", "a"_a = 1);
            PLUME_EVENT("event", "b"_a = 2);
            PLUME_SET("c"_a = 3);
        }
    };
    CHECK(recorded(&Elsewhere::run).tree_with_attributes() == "span {a=1, c=3}\n");
}

TEST_CASE("attributes in a macro are Plume's where the _a of another library is in force") {
    for (const auto run : {&foreign_fmt, &foreign_pybind}) {
        const auto seen = recorded([run] { CHECK(run(7) == 0); });
        CHECK(seen.tree_with_attributes() == "foreign {n=7, set=7}\n");
        CHECK(seen["foreign"].events.at(0).attributes.at(0).key == "n");
    }
    for (const auto run : {&foreign_fmt_off, &foreign_pybind_off})
        CHECK(recorded([run] { CHECK(run(7) == 0); }).spans.empty());
}

TEST_CASE("the current span is linked, marked as done well, and discarded by macros") {
    const auto seen = recorded([] {
        PLUME_SPAN("outer");
        const plume::SpanContext outer = plume::current_context();
        {
            PLUME_SPAN("linked");
            PLUME_LINK(outer, "why"_a = "because");
            PLUME_ERROR("at first");
            PLUME_OK();
        }
        PLUME_SPAN("gone");
        PLUME_DISCARD();
    });
    CHECK(seen.tree() == "outer\n"
                         "  linked\n");
    REQUIRE(seen["linked"].links.size() == 1);
    CHECK(seen["linked"].links[0].span_id == seen["outer"].span_id);
    CHECK(seen["linked"].links[0].attributes.at(0).key == "why");
    CHECK(seen["linked"].status == plume::StatusCode::ok);
}

// Evaluation.

TEST_CASE("a description and a link are evaluated only where a span takes them") {
    int n = 0;
    const auto description = [&n] { return "description " + std::to_string(++n); };
    const auto context = [&n] {
        ++n;
        return plume::current_context();
    };
    PLUME_ERROR(description());
    PLUME_LINK(context());
    CHECK(n == 0);
    const auto seen = recorded([&] {
        PLUME_ERROR(description());
        PLUME_LINK(context());
        CHECK(n == 0);
        PLUME_SPAN("span");
        PLUME_ERROR(description());
        PLUME_LINK(context());
    });
    CHECK(n == 2);
    CHECK(seen["span"].status_message == "description 1");
    CHECK(seen["span"].links.size() == 1);
}

TEST_CASE("arguments are evaluated once, in their order") {
    int n = 0;
    const auto next = [&n] { return ++n; };
    const auto seen = recorded([&] {
        PLUME_SPAN("span", "a"_a = next(), plume::client, "b"_a = next());
        PLUME_EVENT("event", "c"_a = next());
        PLUME_SET("d"_a = next());
    });
    CHECK(n == 4);
    CHECK(seen["span"].text("d") == "4");
    CHECK(plume::text_of(seen["span"].events.at(0).attributes.at(0).value) == "3");
}

TEST_CASE("without a session no argument is evaluated") {
    int evaluated = 0;
    PLUME_SPAN("span", "a"_a = ++evaluated);
    PLUME_EVENT("event", "a"_a = ++evaluated);
    PLUME_SET("a"_a = ++evaluated);
    const plume::Name name{"name"};
    PLUME_SPAN_DYNAMIC(name, "a"_a = ++evaluated);
    CHECK(evaluated == 0);
}

TEST_CASE("in a trace that is not sampled no argument is evaluated") {
    plume::SpanContext unsampled;
    unsampled.trace_id = {1, 2};
    unsampled.span_id = {3};
    int evaluated = 0;
    const auto seen = recorded([&] {
        const plume::ContextScope scope{unsampled};
        PLUME_SPAN("root", "a"_a = ++evaluated);
        PLUME_SPAN("child", "a"_a = ++evaluated);
        PLUME_EVENT("event", "a"_a = ++evaluated);
        PLUME_SET("a"_a = ++evaluated);
    });
    CHECK(evaluated == 0);
    CHECK(seen.spans.empty());
}

TEST_CASE("where nothing is traced no argument is evaluated") {
    int evaluated = 0;
    const auto seen = recorded([&] {
        PLUME_SPAN("outer");
        const plume::SuppressScope quiet;
        PLUME_SPAN("inner", "a"_a = ++evaluated);
        PLUME_EVENT("event", "a"_a = ++evaluated);
    });
    CHECK(evaluated == 0);
    CHECK(seen.spans.size() == 1);
}

TEST_CASE("without an open span the arguments of an event are not evaluated") {
    int evaluated = 0;
    const auto seen = recorded([&] {
        PLUME_EVENT("event", "a"_a = ++evaluated);
        PLUME_SET("a"_a = ++evaluated);
    });
    CHECK(evaluated == 0);
    CHECK(seen.spans.empty());
}

TEST_CASE("an argument may begin spans of its own, which come before") {
    const auto compute = [](int n) {
        PLUME_SPAN("compute");
        return n;
    };
    const auto seen = recorded([&] {
        PLUME_SPAN("root", "n"_a = compute(1));
        PLUME_SPAN("child", "n"_a = compute(2));
        PLUME_EVENT("event", "n"_a = compute(3));
        PLUME_SET("m"_a = compute(4));
    });
    CHECK(seen.tree_with_attributes() == "compute\n"
                                         "root {n=1}\n"
                                         "  compute\n"
                                         "  child {m=4, n=2}\n"
                                         "    compute\n"
                                         "    compute\n");
    CHECK(seen["root"].trace_id != seen.spans.at(0).trace_id);
    CHECK(seen["child"].events.size() == 1);
}

TEST_CASE("an argument that throws leaves no span behind, and no trace of a decision") {
    const auto fail = []() -> int { throw std::runtime_error{"no"}; };
    const auto seen = recorded([&] {
        const auto attempt = [&] {
            PLUME_SPAN("never", "n"_a = fail());
            FAIL("not reached");
        };
        CHECK_THROWS_AS(attempt(), std::runtime_error);
        {
            PLUME_SPAN("parent");
            CHECK_THROWS_AS(attempt(), std::runtime_error);
            CHECK_THROWS_AS(PLUME_EVENT("never", "n"_a = fail()), std::runtime_error);
            CHECK_THROWS_AS(PLUME_SET("n"_a = fail()), std::runtime_error);
            PLUME_SPAN("child");
        }
        PLUME_SPAN("after");
    });
    CHECK(seen.tree_with_attributes() == "parent\n"
                                         "  child\n"
                                         "after\n");
    CHECK(seen["parent"].events.empty());
    CHECK(seen.stats.begun == 3);
}

TEST_CASE("an argument may end the span that was to be its parent") {
    const auto seen = recorded([] {
        std::optional<plume::Span> parent{std::in_place, "parent"_name};
        const auto end_parent = [&] {
            parent.reset();
            return 1;
        };
        PLUME_SPAN("root", "n"_a = end_parent());
    });
    CHECK(seen.tree_with_attributes() == "parent\n"
                                         "root {n=1}\n");
}

TEST_CASE("what an argument moves or allocates is given back") {
    auto value = std::make_shared<int>(7);
    const auto copy = [&] { return value; };
    const auto seen = recorded([&] { PLUME_SPAN("span", "n"_a = *copy()); });
    CHECK(value.use_count() == 1);
    CHECK(seen["span"].text("n") == "7");
}

// Names at run time.

TEST_CASE("a span may have a name that is known at run time only") {
    const plume::Name route{std::string{"GET /orders/"} + "{id}"};
    const auto seen = recorded([&] {
        PLUME_SPAN_DYNAMIC(route, plume::server, "id"_a = 17);
        PLUME_SPAN_DYNAMIC(plume::Name{"another"});
    });
    CHECK(seen.tree_with_attributes() == "GET /orders/{id} {id=17}\n"
                                         "  another\n");
    CHECK(seen["GET /orders/{id}"].kind == plume::SpanKind::server);
}

// Other files with other switches.

TEST_CASE("spans of a finer level are there only in files that ask for them") {
    CHECK(recorded(&spans_of_level_span).tree() == "span\n");
    CHECK(recorded(&spans_of_level_debug).tree() == "span\n"
                                                    "  debug\n");
    CHECK(recorded(&spans_of_level_trace).tree() == "span\n"
                                                    "  debug\n"
                                                    "    trace\n");
}

TEST_CASE("arguments of a level that is left out are not evaluated") {
    const int before = evaluated_by_levels();
    recorded(&spans_of_level_span);
    CHECK(evaluated_by_levels() == before + 1);
    recorded(&spans_of_level_debug);
    CHECK(evaluated_by_levels() == before + 3);
    recorded(&spans_of_level_trace);
    CHECK(evaluated_by_levels() == before + 6);
}

TEST_CASE("a file that is compiled without tracing lives beside others, and records nothing") {
    int evaluated = -1;
    const auto seen = recorded([&] {
        PLUME_SPAN("here");
        evaluated = run_disabled();
    });
    CHECK(evaluated == 0);
    CHECK(seen.tree_with_attributes() == "here\n");
    CHECK(seen["here"].events.empty());
}

TEST_CASE("a library's spans name its scope") {
    const auto seen = recorded(&span_of_a_library);
    CHECK(seen["of a library"].source.scope_name == "my.library");
    CHECK(seen["of a library"].source.scope_version == "1.2.3");
}
