#undef NDEBUG // the default of the switch is what is tested
#include <plume/collect/scope_check.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "support/catch.hpp"
#include "support/recorded.hpp"

using namespace plume::literals;
using plume::AsyncSpan;
using plume::ContextScope;
using plume::Span;
using plume::SpanContext;
using plume::test::on_a_thread;
using plume::test::recorded;

namespace {

/// The reports with the numbers of threads taken out, and the path of this file.
std::string reports_of(const std::function<void()>& f) {
    std::string text = recorded(f).scope_reports;
    for (std::size_t at = 0; (at = text.find("thread ", at)) != std::string::npos;) {
        at += 7;
        const std::size_t digits = text.find_first_not_of("0123456789", at) - at;
        if (digits != 0) text.replace(at, digits, "N");
    }
    for (std::size_t at = 0; (at = text.find(" (", at)) != std::string::npos; ++at)
        if (const std::size_t name = text.find("scope_check_test.cpp:", at);
            name < text.find(')', at))
            text.replace(at + 2, text.find(')', at) - at - 2, "here");
    return text;
}

constexpr SpanContext elsewhere{{1, 2}, {3}, plume::trace_flags::sampled, true, {}, {}};

} // namespace

TEST_CASE("a span that ends on another thread than it began on is reported with its line") {
    CHECK(reports_of([] {
              on_a_thread([] { // not of the thread that goes on: it stays the innermost there
                  std::optional<Span> span{std::in_place, PLUME_CALLSITE("moved")};
                  on_a_thread([&] { span.reset(); });
              });
          }) ==
          "scope check: the span \"moved\" (here) of thread N ended on thread N: a span that "
          "changes threads is a plume::AsyncSpan, or in a coroutine a plume::CoroutineSpan\n");
}

TEST_CASE("a report says which line it is, and which threads they were") {
    std::uint32_t began = 0;
    std::uint32_t ended = 0;
    const unsigned line = __LINE__ + 3;
    const auto seen = recorded([&] {
        on_a_thread([&] {
            std::optional<Span> span{std::in_place, PLUME_CALLSITE("moved")};
            began = plume::detail::own_lane()->thread_id;
            on_a_thread([&] {
                ended = plume::detail::own_lane()->thread_id;
                span.reset();
            });
        });
    });
    CHECK(seen.scope_reports.find("scope_check_test.cpp:" + std::to_string(line) + ") of thread " +
                                  std::to_string(began) + " ended on thread " +
                                  std::to_string(ended)) != std::string::npos);
    CHECK(seen.tree() == "moved\n");
}

TEST_CASE("a span that ends after its thread is gone is reported") {
    CHECK(reports_of([] {
              std::optional<Span> span;
              on_a_thread([&] { span.emplace(PLUME_CALLSITE("left")); });
              on_a_thread([&] { span.reset(); });
          }).starts_with("scope check: the span \"left\" (here) of thread N ended on thread N"));
}

TEST_CASE("a span that ends before what began in it is reported") {
    CHECK(reports_of([] {
              std::optional<Span> outer{std::in_place, PLUME_CALLSITE("outer")};
              const Span inner{PLUME_CALLSITE("inner")};
              outer.reset();
          }) == "scope check: the span \"outer\" (here) of thread N ended before \"inner\", which "
                "began in it: spans of a thread end in reverse order\n");
}

TEST_CASE("a span that outlives the context scope in which it began is reported") {
    CHECK(reports_of([] {
              std::optional<Span> span;
              {
                  const ContextScope scope{elsewhere};
                  span.emplace(PLUME_CALLSITE("inside"));
              }
          }) ==
          "scope check: the span \"inside\" (here) of thread N outlived the context scope in which "
          "it began: a span that is open across co_await is a plume::CoroutineSpan\n");
}

TEST_CASE("a context scope that ends on another thread, or after the one around it, is reported") {
    CHECK(reports_of([] {
              // Not of the thread that goes on: what it has put aside stays on its list.
              on_a_thread([] {
                  static std::optional<ContextScope> scope;
                  scope.emplace(elsewhere);
                  on_a_thread([] { scope.reset(); });
              });
          }) == "scope check: a plume::ContextScope ended on thread N, which did not begin it: its "
                "own thread goes on in that context\n");
    CHECK(reports_of([] {
              std::optional<ContextScope> outer{std::in_place, elsewhere};
              std::optional<ContextScope> inner{std::in_place, elsewhere};
              outer.reset();
              inner.reset();
          }) == "scope check: a plume::ContextScope ended on thread N after the one around it: "
                "scopes of a thread end in reverse order\n");
}

TEST_CASE("each line is reported once in a session, however often it errs") {
    const auto err = [] {
        for (int i = 0; i < 100; ++i) {
            std::optional<Span> outer{std::in_place, PLUME_CALLSITE("outer")};
            const Span inner{PLUME_CALLSITE("inner")};
            outer.reset();
        }
        for (int i = 0; i < 100; ++i) {
            std::optional<ContextScope> outer{std::in_place, elsewhere};
            std::optional<ContextScope> inner{std::in_place, elsewhere};
            outer.reset();
        }
    };
    for (int session = 0; session < 2; ++session) {
        const std::string text = reports_of(err);
        CHECK(std::count(text.begin(), text.end(), '\n') == 2);
    }
}

TEST_CASE("spans and scopes that are used as they are meant to be are not reported") {
    CHECK(reports_of([] {
              PLUME_SPAN("outer");
              {
                  const ContextScope scope{elsewhere};
                  PLUME_SPAN("inner");
                  const plume::SuppressScope quiet;
                  PLUME_SPAN("unseen");
              }
              PLUME_SPAN_AS(early, "early");
              early.end();
              AsyncSpan async{PLUME_CALLSITE("async")};
              on_a_thread([&] {
                  PLUME_SPAN("elsewhere");
                  const ContextScope scope{async.context()};
                  async.end();
              });
          }).empty());
}

TEST_CASE("a span whose name came without a macro knows no switch, and is not reported") {
    CHECK(reports_of([] {
              on_a_thread([] {
                  std::optional<Span> span{std::in_place, "moved"_name};
                  on_a_thread([&] { span.reset(); });
              });
          }).empty());
}
