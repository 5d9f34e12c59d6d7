#include <plume/record/settle.hpp>

#include <ranges>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/recorded.hpp"

using namespace plume::literals;
using plume::test::recorded;

namespace {

const std::vector<int> three{1, 2, 3};

/// Texts that are made when they are read, each longer than the one before.
class Growing {
  public:
    [[nodiscard]] auto texts() {
        return three | std::views::transform([this](int) {
                   return std::string(static_cast<std::size_t>(++reads_ * 1'000), 'x');
               });
    }
    [[nodiscard]] int reads() const { return reads_; }

  private:
    int reads_ = 0;
};

const std::vector<std::string> expected{std::string(1'000, 'x'), std::string(2'000, 'x'),
                                        std::string(3'000, 'x')};

} // namespace

TEST_CASE("a range whose elements are made when they are read is read once, wherever it is given") {
    Growing begun, set, said, linked, async;
    const auto seen = recorded([&] {
        PLUME_SPAN_AS(span, "span", "texts"_a = begun.texts(), "n"_a = 7);
        PLUME_SET("set"_a = set.texts());
        PLUME_EVENT("event", "texts"_a = said.texts());
        span.link({{1, 2}, {3}, 1, true, {}, {}}, "texts"_a = linked.texts());
        plume::AsyncSpan other{"async"_name, "texts"_a = async.texts()};
    });
    for (const Growing* one : {&begun, &set, &said, &linked, &async}) CHECK(one->reads() == 3);
    const auto& span = seen["span"];
    const plume::RecordedAttributes texts{{"texts", expected}};
    CHECK(span.attributes == plume::RecordedAttributes{
                                 {"texts", expected}, {"n", std::int64_t{7}}, {"set", expected}});
    CHECK(span.events.at(0).attributes == texts);
    CHECK(span.links.at(0).attributes == texts);
    CHECK(seen["async"].attributes == texts);
}

TEST_CASE("what reading a range throws comes out of the span, which does not begin") {
    const auto seen = recorded([] {
        const auto failing = three | std::views::transform([](int i) {
                                 if (i == 2) throw std::runtime_error{"on purpose"};
                                 return i;
                             });
        try {
            PLUME_SPAN("failing", "n"_a = failing);
        } catch (const std::runtime_error&) {}
        PLUME_SPAN("next", "n"_a = three | std::views::transform([](int i) { return 2 * i; }));
    });
    CHECK(seen.tree_with_attributes() == "next {n=[2, 4, 6]}\n");
}

TEST_CASE("reading a range may record, with ranges of its own") {
    const auto seen = recorded([] {
        const auto recording =
            three | std::views::transform([](int i) {
                PLUME_SPAN("inner",
                           "n"_a = three | std::views::transform([i](int k) { return i * k; }));
                return i;
            });
        PLUME_SPAN("root");
        PLUME_SPAN("outer", "n"_a = recording);
    });
    CHECK(seen.tree_with_attributes() == "root\n"
                                         "  inner {n=[1, 2, 3]}\n"
                                         "  inner {n=[2, 4, 6]}\n"
                                         "  inner {n=[3, 6, 9]}\n"
                                         "  outer {n=[1, 2, 3]}\n");
}
