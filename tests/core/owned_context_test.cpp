#include <plume/owned_context.hpp>

#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/catch.hpp"

using plume::OwnedContext;
using plume::SpanContext;

namespace {

SpanContext context_with(std::string_view trace_state, std::string_view baggage) {
    return {{1, 2}, {3}, plume::trace_flags::sampled, true, trace_state, baggage};
}

} // namespace

TEST_CASE("an owned context says what the context said that it was made of") {
    for (const auto& [state, baggage] :
         {std::pair{"", ""}, {"v=1", ""}, {"", "tenant=acme"}, {"v=1", "tenant=acme"}}) {
        const SpanContext context = context_with(state, baggage);
        CHECK(OwnedContext{context}.view() == context);
    }
    CHECK(OwnedContext{SpanContext{}}.view() == SpanContext{});
    CHECK(OwnedContext{}.view() == SpanContext{});
    CHECK_FALSE(OwnedContext{}.valid());
    CHECK(OwnedContext{context_with("", "")}.valid());
}

TEST_CASE("an owned context outlives the text that it was made of") {
    std::optional<std::string> state{"vendor=value"};
    std::optional<std::string> baggage{std::string(3000, 'b')};
    const OwnedContext owned{context_with(*state, *baggage)};
    state->assign(state->size(), 'x');
    baggage.reset();
    CHECK(owned.view().trace_state == "vendor=value");
    CHECK(owned.view().baggage == std::string(3000, 'b'));
}

TEST_CASE("an owned context may be copied, moved and assigned, and its views stay good") {
    OwnedContext first{context_with("v=1", "k=1")};
    const SpanContext view = first.view();
    OwnedContext second = first;
    CHECK(second == first);
    const OwnedContext third = std::move(first);
    CHECK(third.view() == view);
    CHECK(first == OwnedContext{}); // NOLINT: what a move leaves is part of the contract
    second = OwnedContext{context_with("v=2", "")};
    CHECK(second.view().trace_state == "v=2");
    CHECK(third.view() == view);
    CHECK(third.view().trace_state.data() == view.trace_state.data());
    OwnedContext& same = second;
    second = same;
    CHECK(second.view().trace_state == "v=2");
}

TEST_CASE("copies of an owned context may be made and destroyed on many threads") {
    std::vector<std::thread> threads;
    {
        const OwnedContext shared{context_with("v=1", "k=1")};
        for (int i = 0; i < 4; ++i)
            threads.emplace_back([shared] {
                for (int k = 0; k < 1000; ++k) {
                    const OwnedContext copy = shared;
                    if (copy.view().baggage != "k=1") std::abort();
                }
            });
    }
    for (auto& thread : threads) thread.join();
    SUCCEED("what went wrong has aborted, or is found by a sanitizer");
}

TEST_CASE("text that no header could have is not passed on, and the ids are") {
    // Never read: nothing is copied of it.
    static char byte = 'x';
    const OwnedContext owned{context_with({&byte, (std::size_t{1} << 30U) + 1}, "k=1")};
    CHECK(owned.view() == context_with("", "k=1"));
}
