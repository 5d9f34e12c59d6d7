#include <plume/collect/span_builder.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/recorded.hpp"

using namespace plume::literals;
using plume::Options;
using plume::test::on_a_new_ring;
using plume::test::Recorded;
using plume::test::recorded;

namespace {

/// What a session records whose options hold for the ring as well.
Recorded recorded_on_a_new_ring(const Options& options, const std::function<void()>& f) {
    return recorded(options, [&f] { on_a_new_ring(f); });
}

std::string umlauts(std::size_t count) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) text += "ä";
    return text;
}

bool all_utf8(const plume::RecordedSpan& span) {
    bool good = plume::detail::is_utf8(span.name) && plume::detail::is_utf8(span.status_message);
    for (const auto& attribute : span.attributes)
        good = good && plume::detail::is_utf8(plume::text_of(attribute.value));
    return good;
}

} // namespace

// Attributes.

TEST_CASE("of two attributes with one key on one line the later one counts") {
    const auto seen = recorded([] {
        PLUME_SPAN("span", "a"_a = 1, "b"_a = 2, "a"_a = 3);
        PLUME_EVENT("event", "x"_a = 1, "x"_a = "two");
    });
    CHECK(seen["span"].attributes ==
          plume::RecordedAttributes{{"a", std::int64_t{3}}, {"b", std::int64_t{2}}});
    CHECK(seen["span"].events.at(0).attributes ==
          plume::RecordedAttributes{{"x", std::string{"two"}}});
    CHECK(seen["span"].dropped_attributes == 0);
}

TEST_CASE("attributes beyond the limit are dropped and counted") {
    Options options;
    options.limits.attributes = 2;
    const auto seen = recorded(options, [] {
        { PLUME_SPAN("at the limit", "a"_a = 1, "b"_a = 2); }
        { PLUME_SPAN("beyond", "a"_a = 1, "b"_a = 2, "c"_a = 3, "d"_a = 4); }
        { PLUME_SPAN("of text", "a"_a = "1", "b"_a = "2", "c"_a = "3"); }
        {
            PLUME_SPAN("later", "a"_a = 1);
            plume::set("b"_a = 2, "c"_a = 3);
        }
    });
    CHECK(seen.tree_with_attributes() == "at the limit {a=1, b=2}\n"
                                         "beyond {a=1, b=2}\n"
                                         "of text {a=1, b=2}\n"
                                         "later {a=1, b=2}\n");
    CHECK(seen["at the limit"].dropped_attributes == 0);
    CHECK(seen["beyond"].dropped_attributes == 2);
    CHECK(seen["of text"].dropped_attributes == 1);
    CHECK(seen["later"].dropped_attributes == 1);
}

TEST_CASE("an attribute may be replaced at the limit") {
    Options options;
    options.limits.attributes = 2;
    const auto seen = recorded(options, [] {
        PLUME_SPAN("span", "a"_a = 1, "b"_a = 2);
        plume::set("b"_a = 3);
    });
    CHECK(seen.tree_with_attributes() == "span {a=1, b=3}\n");
    CHECK(seen["span"].dropped_attributes == 0);
}

TEST_CASE("an absent optional takes no place among the attributes") {
    Options options;
    options.limits.attributes = 1;
    const auto seen =
        recorded(options, [] { PLUME_SPAN("span", "a"_a = std::optional<int>{}, "b"_a = 2); });
    CHECK(seen.tree_with_attributes() == "span {b=2}\n");
    CHECK(seen["span"].dropped_attributes == 0);
}

TEST_CASE("no attribute is kept if none may be") {
    Options options;
    options.limits = {.attributes = 0, .events = 0, .links = 0};
    const auto seen = recorded(options, [] {
        PLUME_SPAN_AS(span, "span", "a"_a = 1);
        span.event("event"_name);
        span.link(span.context());
    });
    CHECK(seen.tree_with_attributes() == "span\n");
    CHECK(seen["span"].dropped_attributes == 1);
    CHECK(seen["span"].dropped_events == 1);
    CHECK(seen["span"].dropped_links == 1);
}

// Events and links.

TEST_CASE("the first events are kept, and what is beyond the limit is counted") {
    Options options;
    options.limits.events = 3;
    const auto seen = recorded(options, [] {
        PLUME_SPAN("span");
        for (int i = 0; i < 10; ++i) PLUME_EVENT("event", "i"_a = i);
    });
    const auto& events = seen["span"].events;
    REQUIRE(events.size() == 3);
    for (std::size_t i = 0; i < 3; ++i)
        CHECK(plume::text_of(events[i].attributes.at(0).value) == std::to_string(i));
    CHECK(seen["span"].dropped_events == 7);
}

TEST_CASE("the first links are kept, and what is beyond the limit is counted") {
    Options options;
    options.limits.links = 2;
    const auto seen = recorded(options, [] {
        PLUME_SPAN_AS(span, "span");
        for (int i = 0; i < 5; ++i) span.link(span.context(), "i"_a = i);
    });
    const auto& links = seen["span"].links;
    REQUIRE(links.size() == 2);
    CHECK(plume::text_of(links[1].attributes.at(0).value) == "1");
    CHECK(seen["span"].dropped_links == 3);
}

TEST_CASE("the usual limits are those of OpenTelemetry") {
    const auto seen = recorded([] {
        PLUME_SPAN_AS(span, "span");
        for (int i = 0; i < 128; ++i) {
            span.event("event"_name);
            span.link(span.context());
        }
        for (int i = 0; i < 3; ++i) span.event("event"_name);
        span.link(span.context());
    });
    CHECK(seen["span"].events.size() == 128);
    CHECK(seen["span"].links.size() == 128);
    CHECK(seen["span"].dropped_events == 3);
    CHECK(seen["span"].dropped_links == 1);
}

TEST_CASE("events and links have limits of their own for their attributes") {
    Options options;
    options.limits.attributes_per_event = 1;
    options.limits.attributes_per_link = 2;
    const auto seen = recorded(options, [] {
        PLUME_SPAN_AS(span, "span", "a"_a = 1, "b"_a = 2, "c"_a = 3);
        span.event("event"_name, "a"_a = 1, "b"_a = 2, "c"_a = 3);
        span.link(span.context(), "a"_a = 1, "b"_a = 2, "c"_a = 3);
    });
    const auto& span = seen["span"];
    CHECK(span.attributes.size() == 3);
    CHECK(span.events.at(0).attributes == plume::RecordedAttributes{{"a", std::int64_t{1}}});
    CHECK(span.events.at(0).dropped_attributes == 2);
    CHECK(span.links.at(0).attributes.size() == 2);
    CHECK(span.links.at(0).dropped_attributes == 1);
}

// Text.

TEST_CASE("text that is not UTF-8 is repaired, and the rest of it is kept") {
    const auto seen = recorded([] {
        PLUME_SPAN_AS(span, "span", "a"_a = "caf\xe9!", "ok"_a = "café",
                      "list"_a = std::vector<std::string>{"\xff", "fine"},
                      "maybe"_a = std::optional<std::string>{"\xc3"});
        span.set("b"_a = "\xed\xa0\x80"); // a surrogate
        span.set_error("\x80");
    });
    const auto& span = seen["span"];
    CHECK(span.text("a") == "caf\uFFFD!");
    CHECK(span.text("ok") == "café");
    CHECK(span.text("list") == "[\uFFFD, fine]");
    CHECK(span.text("maybe") == "\uFFFD");
    CHECK(span.text("b") == "\uFFFD\uFFFD\uFFFD");
    CHECK(span.status_message == "\uFFFD");
}

TEST_CASE("a long text of nothing but broken characters is repaired to three times its size") {
    const auto seen = recorded([] {
        PLUME_SPAN("span", "a"_a = std::string(16 * 1024, '\xff'),
                   "b"_a = std::vector<std::string>(100, std::string(100, '\x80')));
    });
    CHECK(seen["span"].text("a").size() == 3 * 16 * 1024);
    CHECK(all_utf8(seen["span"]));
    CHECK(seen.stats.truncated_values == 0);
}

TEST_CASE("the trace state of a context is repaired as well") {
    plume::SpanContext context;
    context.trace_id = {1, 2};
    context.span_id = {3};
    context.flags = plume::trace_flags::sampled;
    const std::string state(512, '\xff');
    context.trace_state = state;
    const auto seen = recorded([&] {
        const plume::ContextScope scope{context};
        PLUME_SPAN_AS(span, "span");
        span.link(context);
    });
    CHECK(seen["span"].trace_state.size() == 3 * 512);
    CHECK(plume::detail::is_utf8(seen["span"].trace_state));
    CHECK(plume::detail::is_utf8(seen["span"].links.at(0).trace_state));
}

TEST_CASE("text beyond the limit is cut and counted") {
    Options options;
    options.longest_text = 100;
    const auto seen = recorded_on_a_new_ring(options, [] {
        PLUME_SPAN_AS(span, "span", "long"_a = std::string(101, 'x'));
        span.set("exact"_a = std::string(100, 'y'));
    });
    CHECK(seen["span"].text("long") == std::string(100, 'x'));
    CHECK(seen["span"].text("exact") == std::string(100, 'y'));
    CHECK(seen.stats.truncated_values == 1);
}

TEST_CASE("text is never cut through a character") {
    Options options;
    options.longest_text = 101;
    const auto seen = recorded_on_a_new_ring(options, [] {
        PLUME_SPAN("span", "two"_a = umlauts(60), "three"_a = "x" + umlauts(60),
                   "feather"_a = std::string(98, 'x') + "🪶");
    });
    CHECK(seen["span"].text("two") == umlauts(50));
    CHECK(seen["span"].text("three") == "x" + umlauts(50));
    CHECK(seen["span"].text("feather") == std::string(98, 'x'));
    CHECK(seen.stats.truncated_values == 3);
}

TEST_CASE("a text of 10 MB costs no more than what is kept of it") {
    const std::string huge(10'000'000, 'x');
    const auto seen = recorded([&] {
        PLUME_SPAN_AS(span, "span", "huge"_a = huge);
        span.event("event"_name, "huge"_a = huge);
        span.set_error(huge);
    });
    CHECK(seen["span"].text("huge") == std::string(16 * 1024, 'x'));
    CHECK(plume::text_of(seen["span"].events.at(0).attributes.at(0).value).size() == 16 * 1024);
    CHECK(seen["span"].status_message == std::string(1024, 'x'));
    CHECK(seen.stats.truncated_values == 3);
    CHECK(seen.stats.dropped_records == 0);
}

TEST_CASE("an array beyond the limit is cut and counted once") {
    Options options;
    options.longest_array = 3;
    options.longest_text = 4;
    const auto seen = recorded_on_a_new_ring(options, [] {
        PLUME_SPAN("span", "ints"_a = std::vector{1, 2, 3, 4},
                   "fits"_a = std::vector{1.5, 2.5, 3.5}, "bools"_a = std::vector<bool>(100, true),
                   "texts"_a = std::vector<std::string>{"a", "bbbbb", "c", "ddddd"});
    });
    CHECK(seen.tree_with_attributes() == "span {bools=[true, true, true], fits=[1.5, 2.5, 3.5], "
                                         "ints=[1, 2, 3], texts=[a, bbbb, c]}\n");
    CHECK(seen.stats.truncated_values == 4); // three arrays, one of the texts
}

// Records that are large for their ring.

TEST_CASE("a record that is large for its ring keeps a part of every value") {
    Options options;
    options.ring_bytes = 4096;
    const auto seen = recorded_on_a_new_ring(options, [] {
        const std::string text(500, 'x');
        PLUME_SPAN_AS(span, "span", "a"_a = text, "b"_a = text, "c"_a = text,
                      "ints"_a = std::vector<int>(60, 7), "n"_a = 17);
        span.event("event"_name, "a"_a = text, "b"_a = text, "c"_a = text);
    });
    const auto& span = seen["span"];
    CHECK(span.text("a") == std::string(128, 'x'));
    CHECK(span.text("c") == std::string(128, 'x'));
    CHECK(std::get<std::vector<std::int64_t>>(*span.attribute("ints")) ==
          std::vector<std::int64_t>(16, 7));
    CHECK(span.text("n") == "17");
    CHECK(plume::text_of(span.events.at(0).attributes.at(2).value) == std::string(128, 'x'));
    CHECK(seen.stats.truncated_values == 7);
    CHECK(seen.stats.dropped_records == 0);
}

TEST_CASE("a span that no ring of this size can hold is dropped and counted") {
    Options options;
    options.ring_bytes = 4096; // 30 texts, of which 128 bytes are kept at least, take 4,080 of it
    const auto seen = recorded_on_a_new_ring(options, [] {
        const std::string t(128, 'x');
        {
            PLUME_SPAN("too large", "a0"_a = t, "a1"_a = t, "a2"_a = t, "a3"_a = t, "a4"_a = t,
                       "a5"_a = t, "a6"_a = t, "a7"_a = t, "a8"_a = t, "a9"_a = t, "a10"_a = t,
                       "a11"_a = t, "a12"_a = t, "a13"_a = t, "a14"_a = t, "a15"_a = t, "a16"_a = t,
                       "a17"_a = t, "a18"_a = t, "a19"_a = t, "a20"_a = t, "a21"_a = t, "a22"_a = t,
                       "a23"_a = t, "a24"_a = t, "a25"_a = t, "a26"_a = t, "a27"_a = t, "a28"_a = t,
                       "a29"_a = t);
            PLUME_SPAN("below");
        }
        PLUME_SPAN("fits");
        PLUME_EVENT("too large", "a0"_a = t, "a1"_a = t, "a2"_a = t, "a3"_a = t, "a4"_a = t,
                    "a5"_a = t, "a6"_a = t, "a7"_a = t, "a8"_a = t, "a9"_a = t, "a10"_a = t,
                    "a11"_a = t, "a12"_a = t, "a13"_a = t, "a14"_a = t, "a15"_a = t, "a16"_a = t,
                    "a17"_a = t, "a18"_a = t, "a19"_a = t, "a20"_a = t, "a21"_a = t, "a22"_a = t,
                    "a23"_a = t, "a24"_a = t, "a25"_a = t, "a26"_a = t, "a27"_a = t, "a28"_a = t,
                    "a29"_a = t);
    });
    CHECK(seen.tree() == "fits\n");
    CHECK(seen.dropped()[plume::DropReason::ring_full] == 2);
    CHECK(seen.stats.dropped_records == 1);
    CHECK(seen["fits"].events.empty());
}

TEST_CASE("ranges of texts are cut where no ring of this size can hold them whole") {
    Options options;
    options.ring_bytes = 4096;
    const auto seen = recorded_on_a_new_ring(options, [] {
        const std::vector<std::string> words(16, std::string(128, 'x'));
        PLUME_SPAN("cut", "a"_a = words, "b"_a = words, "c"_a = words);
    });
    CHECK(seen.tree() == "cut\n");
    CHECK(seen.dropped().total() == 0);
    CHECK(seen.stats.truncated_values != 0);
}

TEST_CASE("values may be many and long at once") {
    // Larger than a usual chunk of finished spans.
    const auto seen = recorded([] {
        PLUME_SPAN_AS(span, "span");
        for (int i = 0; i < 40; ++i)
            span.event("event"_name, "text"_a = std::string(16 * 1024, 'x'), "i"_a = i);
    });
    REQUIRE(seen["span"].events.size() == 40);
    CHECK(plume::text_of(seen["span"].events[39].attributes.at(0).value).size() == 16 * 1024);
}

TEST_CASE("an annotation that is read beside others is the one that was made") {
    // Every form of annotation behind each other, so that one that is read wrong spoils the next.
    const auto seen = recorded([] {
        PLUME_SPAN_AS(span, "span", "first"_a = "text", "n"_a = 1);
        for (int i = 0; i < 20; ++i) {
            const std::string text(static_cast<std::size_t>(i), 'x');
            span.set("text"_a = text, "i"_a = i, "maybe"_a = std::optional<int>{});
            span.event("event"_name, "list"_a = std::vector<std::string>(3, text));
            span.set_error(text);
            span.link(span.context(), "text"_a = text, "some"_a = std::optional{text});
            span.set("list"_a = std::vector<bool>(static_cast<std::size_t>(i), true));
        }
        span.set("last"_a = true);
    });
    const auto& span = seen["span"];
    const std::string last(19, 'x');
    CHECK(span.text("first") == "text");
    CHECK(span.text("text") == last);
    CHECK(span.text("i") == "19");
    CHECK(span.text("last") == "true");
    CHECK(span.status_message == last);
    REQUIRE(span.events.size() == 20);
    CHECK(plume::text_of(span.events[19].attributes.at(0).value) ==
          "[" + last + ", " + last + ", " + last + "]");
    REQUIRE(span.links.size() == 20);
    CHECK(plume::text_of(span.links[19].attributes.at(1).value) == last);
    CHECK(std::get<std::vector<bool>>(*span.attribute("list")).size() == 19);
}
