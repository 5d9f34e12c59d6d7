#include <plume/redaction/rules.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <plume/core/utf8.hpp>
#include <plume/redact.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/recorded.hpp"

using namespace plume::literals;
using namespace std::chrono_literals;
using plume::Pattern;
using plume::RecordedAttributes;
using plume::Redact;
using plume::Redaction;
using plume::ValueRule;
using plume::test::on_a_new_ring;
using plume::test::Recorded;
using plume::test::recorded;

// ThreadSanitizer ends a child of fork() that starts threads, unless it is told not to.
extern "C" const char* __tsan_default_options();
extern "C" const char* __tsan_default_options() { return "die_after_fork=0"; }

namespace {

Recorded under(Redaction rules, const std::function<void()>& f) {
    plume::Options options;
    options.redaction = std::move(rules);
    options.hash_key = "a key of the tests";
    return recorded(options, f);
}

/// What a text attribute becomes, whose key no rule is about.
std::string value_under(Redaction rules, std::string_view value) {
    const auto seen = under(std::move(rules), [value] { PLUME_SPAN("span", "value"_a = value); });
    return seen["span"].attribute("value") ? seen["span"].text("value") : "(dropped)";
}
std::string standard(std::string_view value) { return value_under(Redaction::standard(), value); }

/// Why a session with these rules does not start.
std::string why_not(Redaction rules) {
    std::string reported;
    const plume::Session session{
        {.service_name = "test",
         .redaction = std::move(rules),
         .report = [&reported](std::string_view what) { reported += what; }},
        plume::MemoryExporter{}};
    CHECK_FALSE(session.running());
    CHECK(reported == session.error());
    return std::string{session.error()};
}

Redaction key_rule(std::string pattern, Redact action = Redact::replace) {
    return {.keys = {{std::move(pattern), action}}};
}
Redaction value_rule(ValueRule rule) { return {.values = {std::move(rule)}}; }

/// Finds a word.
ValueRule::Matcher word(std::string wanted) {
    return [wanted = std::move(wanted)](std::string_view text) {
        const std::size_t at = text.find(wanted);
        return at != std::string_view::npos ? text.substr(at, wanted.size()) : std::string_view{};
    };
}

} // namespace

TEST_CASE("nothing is taken out unless the options say so") {
    const auto seen = recorded([] { PLUME_SPAN("span", "password"_a = "bob@example.org"); });
    CHECK(seen["span"].text("password") == "bob@example.org");
    CHECK(seen.stats.redacted_values == 0);
}

// Rules about keys.

TEST_CASE("the value of a sensitive key goes as a whole, of whatever type it is") {
    const auto seen = under(key_rule("*.pin"), [] {
        PLUME_SPAN("span", "text.pin"_a = "0815", "int.pin"_a = 815, "double.pin"_a = 0.815,
                   "bool.pin"_a = true, "optional.pin"_a = std::optional{815},
                   "texts.pin"_a = std::vector<std::string>{"08", "15"},
                   "ints.pin"_a = std::vector{8, 15}, "pins"_a = 17);
    });
    const std::string gone = "REDACTED";
    const std::vector<std::string> gone_array{gone};
    CHECK(seen["span"].attributes == RecordedAttributes{{"text.pin", gone},
                                                        {"int.pin", gone},
                                                        {"double.pin", gone},
                                                        {"bool.pin", gone},
                                                        {"optional.pin", gone},
                                                        {"texts.pin", gone_array},
                                                        {"ints.pin", gone_array},
                                                        {"pins", std::int64_t{17}}});
    CHECK(seen.stats.redacted_values == 7);
}

TEST_CASE("numbers alone are replaced too, where spans are read without being opened") {
    const auto seen = under(key_rule("pin"), [] {
        PLUME_SPAN("around");
        PLUME_SPAN("leaf", "pin"_a = 815, "n"_a = 1);
    });
    CHECK(seen["leaf"].text("pin") == "REDACTED");
    CHECK(seen["leaf"].text("n") == "1");
}

TEST_CASE("a key is the same in upper and lower case") {
    const auto seen = under(key_rule("*.PassWord"), [] {
        PLUME_SPAN("span", "user.password"_a = 1, "db.PASSWORD"_a = 2, "password"_a = 3);
    });
    CHECK(seen.tree_with_attributes() ==
          "span {db.PASSWORD=REDACTED, password=3, user.password=REDACTED}\n");
}

TEST_CASE("the first key rule that matches decides, and values are not searched then") {
    Redaction rules = Redaction::standard();
    rules.keys = {{"user.mail", Redact::mask}, {"user.*", Redact::drop}};
    const auto seen = under(rules, [] {
        PLUME_SPAN("span", "user.mail"_a = "bob@example.org", "user.name"_a = "Bob");
    });
    CHECK(seen.tree_with_attributes() == "span {user.mail=****.org}\n");
}

TEST_CASE("events and links have keys too") {
    const auto seen = under(key_rule("pin"), [] {
        PLUME_SPAN_AS(span, "span");
        PLUME_EVENT("event", "pin"_a = 815, "n"_a = 1);
        span.link(plume::SpanContext{{1, 2}, {3}, 1, false, {}, {}}, "pin"_a = 815);
    });
    CHECK(seen["span"].events.at(0).attributes ==
          RecordedAttributes{{"pin", std::string{"REDACTED"}}, {"n", std::int64_t{1}}});
    CHECK(seen["span"].links.at(0).attributes ==
          RecordedAttributes{{"pin", std::string{"REDACTED"}}});
}

// What values become.

TEST_CASE("a hash is the same for equal values, of whatever type, and for plume::hashed") {
    const auto seen = under(key_rule("id*", Redact::hash), [] {
        PLUME_SPAN("span", "id"_a = "4711", "id.int"_a = 4711, "id.large"_a = UINT64_MAX,
                   "id.large.text"_a = "18446744073709551615", "ids"_a = std::vector{4711, 4712},
                   "other"_a = plume::hashed("4711"));
    });
    const auto& span = seen["span"];
    CHECK(span.text("id").size() == 16);
    CHECK(span.text("id") == span.text("id.int"));
    CHECK(span.text("id") == span.text("other"));
    CHECK(span.text("id.large") == span.text("id.large.text"));
    const auto ids = std::get<std::vector<std::string>>(*span.attribute("ids"));
    REQUIRE(ids.size() == 2);
    CHECK(ids[0] == span.text("id"));
    CHECK(ids[1] != ids[0]);
}

TEST_CASE("a mask keeps the last four characters") {
    const auto seen = under(key_rule("*", Redact::mask), [] {
        PLUME_SPAN("span", "a"_a = "4111111111111111", "b"_a = 12345678, "c"_a = true,
                   "d"_a = std::vector<std::string>{"grüße aus Köln", "x"}, "e"_a = "");
    });
    CHECK(seen.tree_with_attributes() ==
          "span {a=****1111, b=****5678, c=****, d=[****Köln, ****], e=****}\n");
}

TEST_CASE("what is dropped is counted where it is missing") {
    const auto seen = under(key_rule("pin", Redact::drop), [] {
        { PLUME_SPAN("begin", "pin"_a = 815, "text"_a = "x"); }
        PLUME_SPAN_AS(span, "all");
        span.set("pin"_a = 815, "n"_a = 1);
        PLUME_EVENT("event", "pin"_a = 815);
        span.link(plume::SpanContext{{1, 2}, {3}, 1, false, {}, {}}, "pin"_a = 815);
    });
    CHECK(seen["begin"].attributes == RecordedAttributes{{"text", std::string{"x"}}});
    CHECK(seen["begin"].dropped_attributes == 1);
    CHECK(seen["all"].attributes == RecordedAttributes{{"n", std::int64_t{1}}});
    CHECK(seen["all"].dropped_attributes == 1);
    CHECK(seen["all"].events.at(0).dropped_attributes == 1);
    CHECK(seen["all"].links.at(0).dropped_attributes == 1);
    CHECK(seen.stats.redacted_values == 4);
}

TEST_CASE("a value that is dropped takes the key's earlier value with it") {
    const auto seen = under(value_rule({Pattern::email, Redact::drop}), [] {
        PLUME_SPAN("span", "user"_a = "nobody");
        plume::set("user"_a = "bob@example.org");
    });
    CHECK(seen["span"].attributes.empty());
    CHECK(seen["span"].dropped_attributes == 1);
}

TEST_CASE("one text of an array that must be dropped takes the others with it") {
    const auto seen = under(value_rule({Pattern::email, Redact::drop}), [] {
        PLUME_SPAN("span", "users"_a = std::vector<std::string>{"a", "bob@example.org"});
    });
    CHECK(seen["span"].attributes.empty());
}

TEST_CASE("the replacement may be another text") {
    Redaction rules = value_rule(Pattern::email);
    rules.replacement = "⟨gone⟩";
    CHECK(value_under(rules, "to bob@example.org") == "to ⟨gone⟩");
}

// Rules about values.

TEST_CASE("a value rule takes out what it finds, and leaves the rest") {
    CHECK(standard("to bob@example.org, eve@example.org") == "to REDACTED, REDACTED");
    CHECK(standard("Authorization: Bearer abc.def-123") == "Authorization: Bearer REDACTED");
    CHECK(standard("paid with 4111 1111 1111 1111.") == "paid with REDACTED.");
    CHECK(standard("203.0.113.7 and [2001:db8:7:1::5]:443") ==
          "203.0.113.0 and [2001:db8:7::]:443");
    CHECK(standard("https://bob:geheim@example.org/?token=abc&x=1") ==
          "https://REDACTED:REDACTED@example.org/?token=REDACTED&x=1");
    CHECK(standard("UPDATE users SET password = 'geheim', mail = 'bob@example.org'") ==
          "UPDATE users SET password = 'REDACTED', mail = 'REDACTED'");
    CHECK(standard(R"({"password": "geheim", "n": 1})") == R"({"password": "REDACTED", "n": 1})");
    CHECK(standard("::ffff:203.0.113.7") == "::ffff:203.0.113.0");
}

TEST_CASE("what only looks alike stays as it is") {
    for (const char* text : {"order 1234567890123456",
                             "4111111111111112",
                             "v1.2.3.4",
                             "1.2.3.4.5",
                             "1.2.3",
                             "at 12:30:45.123456",
                             "2024-01-01T10:00:00Z",
                             "00:1b:44:11:3a:b7",
                             "std::vector<a::b>",
                             "root@localhost",
                             "package@1.2.3",
                             "bearer token expired",
                             "Basic authentication",
                             "127.0.0.1:8080",
                             "[::1]:80",
                             "https://example.org/a@b?page=2",
                             "password = ?",
                             "SELECT a FROM b WHERE c = $1",
                             "0.4111111111111111",
                             "page=2&sort=asc",
                             "f4111111111111111e",
                             "1700000000000000001",
                             "tokens=17",
                             "grüße aus Köln",
                             "",
                             "@",
                             "%40",
                             "://",
                             "=",
                             "::",
                             "eyJ",
                             "Bearer",
                             "bearer ",
                             "a=\"",
                             "https://@",
                             "1:2:3:4:5:6:7:8:9"})
        CHECK(standard(text) == text);
}

TEST_CASE("a version of four numbers is taken for an address") {
    CHECK(standard("1.2.3.4") == "1.2.3.0");
}

TEST_CASE("what was redacted before is not counted again") {
    const auto seen = under(Redaction::standard(), [] {
        PLUME_SPAN("span", "a"_a = "203.0.113.0", "b"_a = "https://REDACTED:REDACTED@example.org/");
    });
    CHECK(seen.stats.redacted_values == 0);
}

TEST_CASE("each value rule has its own action") {
    Redaction rules{
        .values = {{Pattern::card, Redact::mask}, {Pattern::ip_address, Redact::replace}}};
    CHECK(value_under(rules, "4111-1111-1111-1111 from 203.0.113.7 for bob@example.org") ==
          "****1111 from REDACTED for bob@example.org");
    CHECK(value_under(value_rule({Pattern::card, Redact::drop}), "4111111111111111") ==
          "(dropped)");
}

TEST_CASE("a named value becomes what the rule about its name says") {
    Redaction rules{.keys = {{"id", Redact::mask}, {"pin", Redact::drop}},
                    .values = {Pattern::named_value}};
    CHECK(value_under(rules, "?id=123456789&pin=0815&x=1") == "?id=****6789&pin=REDACTED&x=1");
    CHECK(value_under(rules, R"({"ID":"123456789"})") == R"({"ID":"****6789"})");
}

TEST_CASE("integers are card numbers too, alone and in arrays") {
    const auto seen = under(value_rule({Pattern::card, Redact::mask}), [] {
        PLUME_SPAN("around");
        { PLUME_SPAN("leaf", "card"_a = 4111111111111111, "n"_a = 4111111111111112); }
        PLUME_SPAN("array", "cards"_a = std::vector<std::int64_t>{17, 4111111111111111},
                   "numbers"_a = std::vector<std::int64_t>{17, 18});
    });
    CHECK(seen.tree_with_attributes() == "around\n"
                                         "  leaf {card=****1111, n=4111111111111112}\n"
                                         "  array {cards=[****, ****1111], numbers=[17, 18]}\n");
}

TEST_CASE("an integer that is too large to be one is searched as the text that it becomes") {
    CHECK(value_under(value_rule({"sevens", word("7"), Redact::replace}), "17") == "1REDACTED");
    const auto seen = under(value_rule({"fours", word("4"), Redact::hash}), [] {
        PLUME_SPAN("span", "n"_a = UINT64_MAX); // 18446744073709551615
    });
    CHECK(seen["span"].text("n") == "REDACTED"); // four hashes are longer than it is worth
}

// Rules of one's own.

TEST_CASE("a function of the program's finds what it likes") {
    CHECK(value_under(value_rule({"staff", word("EMP-17")}), "by EMP-17 and EMP-17") ==
          "by REDACTED and REDACTED");
}

TEST_CASE("a regular expression is one of POSIX") {
    const auto staff = ValueRule::regex("\\bEMP-[0-9]{2,4}\\b", Redact::mask);
    CHECK(value_under(value_rule(staff), "by EMP-1234, not EMP-12345") ==
          "by ****1234, not EMP-12345");
    CHECK(value_under(value_rule(ValueRule::regex("^a")), "aaa") == "REDACTEDaa");
    CHECK(value_under(value_rule(ValueRule::regex("b.d")), std::string_view{"a\0bcd", 5}) ==
          std::string("a\0REDACTED", 10));
}

TEST_CASE("parts that overlap are taken out together") {
    Redaction rules{.values = {{"first", word("abcd"), Redact::mask},
                               {"second", word("cdef"), Redact::hash},
                               {"third", word("xyz"), Redact::mask},
                               {"fourth", word("xyz"), Redact::mask}}};
    CHECK(value_under(rules, "-abcdef-xyz-") == "-REDACTED-****-");
    Redaction mixed = Redaction::standard();
    mixed.values.push_back({"network", word("203.0"), Redact::replace});
    CHECK(value_under(mixed, "at 203.0.113.7") == "at REDACTED");
}

TEST_CASE("a rule that finds very much takes all") {
    const std::string many(200, 'x');
    CHECK(value_under(value_rule({"x", word("x")}), many) == "REDACTED");
}

TEST_CASE("a part that cuts through a character takes all of it") {
    const auto first_byte = [](std::string_view text) {
        const std::size_t at = text.find('\xC3');
        return at != std::string_view::npos ? text.substr(at, 1) : std::string_view{};
    };
    CHECK(value_under(value_rule({"half", first_byte}), "für") == "fREDACTEDr");
}

TEST_CASE("text that is not UTF-8 is searched when it is repaired") {
    CHECK(standard("\xFF bob@example.org \xC3") == "\uFFFD REDACTED \uFFFD");
    CHECK(standard("bob\xFF@example.org") == "REDACTED");
}

TEST_CASE("a text that would become much longer is replaced as a whole") {
    std::string many;
    for (int i = 0; i < 2000; ++i) many += "a@b.co,";
    CHECK(value_under(value_rule({Pattern::email, Redact::hash}), many) == "REDACTED");
}

// What fails.

TEST_CASE("a session whose rules are wrong does not start, and says why") {
    const auto no_function = value_rule({"mine", ValueRule::Matcher{}});
    const auto throws = value_rule(
        {"mine", [](std::string_view) -> std::string_view { throw std::runtime_error{"oh"}; }});
    const auto elsewhere =
        value_rule({"mine", [](std::string_view) -> std::string_view { return "elsewhere"; }});
    Redaction empty_replacement = value_rule(Pattern::email);
    empty_replacement.replacement = "";
    const std::vector<std::pair<Redaction, std::string>> wrong{
        {key_rule(""), "a key rule has no pattern: \"*\" is every key"},
        {key_rule("ip", Redact::cut),
         "the key rule \"ip\" wants to cut: that is for Pattern::ip_address only"},
        {value_rule({Pattern::email, Redact::cut}),
         "a value rule wants to cut: that is for Pattern::ip_address only"},
        {{.allow_only = {""}}, "allow_only has an empty pattern: \"*\" is every key"},
        {{.allow_only = {"a"}, .others = Redact::cut},
         "others wants to cut: that is for Pattern::ip_address only"},
        {no_function, "the value rule \"mine\": it has no function"},
        {throws, "the value rule \"mine\": oh"},
        {elsewhere, "the value rule \"mine\": what it returns is no part of the text"},
        {value_rule(ValueRule::regex("\\d+")),
         "the value rule \"\\d+\": \\d is not POSIX: write [0-9], and groups without ?"},
        {value_rule(ValueRule::regex("x*")),
         "the value rule \"x*\": it matches where there is nothing"},
        {empty_replacement, "the replacement is not 1 to 64 bytes of UTF-8"}};
    for (const auto& [rules, why] : wrong)
        CHECK(why_not(rules) == "Options::redaction: " + why + ": recording nothing");
    CHECK(why_not(value_rule(ValueRule::regex("(a")))
              .starts_with("Options::redaction: the value rule \"(a\": "));
}

TEST_CASE("a rule that fails later takes the whole text, is counted, and is reported once") {
    std::string reports;
    plume::MemoryExporter memory;
    plume::Session session{
        {.service_name = "test",
         .redaction = value_rule({"mine",
                                  [](std::string_view text) -> std::string_view {
                                      if (text.find("bad") != text.npos)
                                          throw std::runtime_error{"oh"};
                                      return {};
                                  }}),
         .report = [&reports](std::string_view what) { (reports += what) += '\n'; }},
        memory};
    { PLUME_SPAN("span", "a"_a = "bad", "b"_a = "good", "c"_a = "so bad"); }
    const auto stats = session.shutdown(60s).stats;
    CHECK(plume::tree_of(memory, {.attributes = true}) ==
          "span {a=REDACTED, b=good, c=REDACTED}\n");
    CHECK(stats.redacted_values == 2);
    CHECK(stats.failed_redactions == 2);
    CHECK(reports == "Options::redaction: the value rule \"mine\" fails: oh; what it cannot be "
                     "asked about is replaced\n");
}

// Where there is no key.

TEST_CASE("names that are known at run time are searched once") {
    const auto seen = under(Redaction::standard(), [] {
        const plume::Name name{"mail to bob@example.org"};
        for (int i = 0; i < 3; ++i) PLUME_SPAN_DYNAMIC(name);
        PLUME_SPAN("around");
        PLUME_EVENT("bob@example.org is here");
    });
    CHECK(seen.tree() == "mail to REDACTED\n"
                         "mail to REDACTED\n"
                         "mail to REDACTED\n"
                         "around\n");
    CHECK(seen["around"].events.at(0).name == "REDACTED is here");
    CHECK(seen.stats.redacted_values == 2);
}

TEST_CASE("a name is never empty, even where all of it should be dropped") {
    const auto seen = under(value_rule({Pattern::email, Redact::drop}),
                            [] { PLUME_SPAN_DYNAMIC(plume::Name{"bob@example.org"}); });
    CHECK(seen.tree() == "REDACTED\n");
}

TEST_CASE("the text of a status is searched, and has a key for rules") {
    const auto fail = [] {
        PLUME_SPAN("span");
        PLUME_ERROR("no bob@example.org");
    };
    CHECK(under(Redaction::standard(), fail)["span"].status_message == "no REDACTED");
    CHECK(under(key_rule("otel.status_*"), fail)["span"].status_message == "REDACTED");
    CHECK(under(key_rule("otel.status_*", Redact::drop), fail)["span"].status_message.empty());
}

TEST_CASE("trace state is searched") {
    const auto seen = under(Redaction::standard(), [] {
        const plume::ContextScope scope{
            plume::SpanContext{{1, 2}, {3}, 1, true, "a=bob@example.org,b=1", {}}};
        PLUME_SPAN_AS(span, "span");
        span.link(plume::SpanContext{{1, 2}, {3}, 1, false, "c=203.0.113.7", {}});
    });
    CHECK(seen["span"].trace_state == "a=REDACTED,b=1");
    CHECK(seen["span"].links.at(0).trace_state == "c=203.0.113.0");
}

TEST_CASE("the longest trace state that there is finds room when it is redacted") {
    std::string state;
    while (state.size() < 500) state += "\xFF,1.1.1.1,";
    const auto seen = under(value_rule({Pattern::ip_address, Redact::hash}), [&state] {
        const plume::ContextScope scope{plume::SpanContext{{1, 2}, {3}, 1, true, state, {}}};
        for (int i = 0; i < 500; ++i) PLUME_SPAN("span");
    });
    CHECK(seen.spans.size() == 500);
    CHECK(seen.spans.back().trace_state.find("1.1.1.1") == std::string::npos);
}

namespace {

/// Keeps what is said about the process.
class ResourceKeeper : public plume::Exporter {
  public:
    explicit ResourceKeeper(RecordedAttributes& to) : to_{&to} {}
    plume::Outcome deliver(const plume::Batch& batch) override {
        *to_ = plume::detail::record(batch.resource().attributes());
        return plume::Outcome::delivered();
    }

  private:
    RecordedAttributes* to_;
};

RecordedAttributes resource_under(Redaction rules) {
    RecordedAttributes resource;
    plume::Session session{{.service_name = "of bob@example.org",
                            .resource = {{"admin", "eve@example.org"}, {"pin", std::int64_t{815}}},
                            .redaction = std::move(rules)},
                           ResourceKeeper{resource}};
    { PLUME_SPAN("span"); }
    CHECK(session.shutdown(60s).complete);
    return resource;
}
std::string value_of(const RecordedAttributes& attributes, std::string_view key) {
    for (const auto& attribute : attributes)
        if (attribute.key == key) return plume::text_of(attribute.value);
    return "(none)";
}

} // namespace

TEST_CASE("the resource obeys all rules") {
    Redaction rules = Redaction::standard();
    rules.keys.push_back({"pin"});
    rules.keys.push_back({"host.*", Redact::drop});
    const auto resource = resource_under(rules);
    CHECK(value_of(resource, "service.name") == "of REDACTED");
    CHECK(value_of(resource, "admin") == "REDACTED");
    CHECK(value_of(resource, "pin") == "REDACTED");
    CHECK(value_of(resource, "host.name") == "(none)");
    CHECK(value_of(resource, "telemetry.sdk.name") == "plume");
    CHECK(std::stol(value_of(resource, "process.pid")) == ::getpid());
}

// The list of what may leave.

TEST_CASE("only keys that are allowed leave with their values") {
    Redaction rules{
        .keys = {{"http.secret"}}, .values = {Pattern::email}, .allow_only = {"http.*", "n"}};
    const auto seen = under(rules, [] {
        PLUME_SPAN("span", "http.a"_a = 1, "N"_a = 2, "user"_a = "Bob", "http.secret"_a = 3,
                   "http.b"_a = "bob@example.org");
        PLUME_EVENT("event", "user"_a = "Bob", "n"_a = 4);
        PLUME_ERROR("Bob did it");
    });
    CHECK(seen.tree_with_attributes() ==
          "span ! {N=2, http.a=1, http.b=REDACTED, http.secret=REDACTED, user=REDACTED}\n");
    CHECK(seen["span"].events.at(0).attributes ==
          RecordedAttributes{{"user", std::string{"REDACTED"}}, {"n", std::int64_t{4}}});
    CHECK(seen["span"].status_message == "REDACTED");
}

TEST_CASE("what is not allowed may be dropped as well") {
    const auto seen = under({.allow_only = {"n"}, .others = Redact::drop}, [] {
        PLUME_SPAN("span", "n"_a = 2, "user"_a = "Bob");
        PLUME_ERROR("Bob did it");
    });
    CHECK(seen.tree_with_attributes() == "span ! {n=2}\n");
    CHECK(seen["span"].dropped_attributes == 1);
    CHECK(seen["span"].status_message.empty());
}

TEST_CASE("the names of the service and of the library leave whatever is allowed") {
    const auto resource = resource_under({.allow_only = {"pin"}, .others = Redact::drop});
    CHECK(value_of(resource, "service.name") == "of bob@example.org");
    CHECK(value_of(resource, "telemetry.sdk.name") == "plume");
    CHECK(value_of(resource, "pin") == "815");
    CHECK(value_of(resource, "admin") == "(none)");
    CHECK(resource.size() == 5);
}

// Values that were cut where they were recorded.

TEST_CASE("a text that was cut off loses its last word, which may begin a secret") {
    plume::Options options;
    options.redaction = Redaction::standard();
    options.longest_text = 32;
    const auto seen = recorded(options, [] {
        on_a_new_ring([] {
            PLUME_SPAN("span", "mail"_a = "a text of some size, to bob@example.org",
                       "card"_a = "number 17: 4111 1111 1111 1111 1",
                       "cut.card"_a = "the number is: 4111 1111 1111 1111",
                       "bearer"_a = "Bearer abcdefghijklmnopqrstuvwxyz0123456789",
                       "short"_a = "bob@example.org", "word"_a = std::string(40, 'x'));
        });
    });
    const auto& span = seen["span"];
    CHECK(span.text("mail") == "a text of some size, to ");
    CHECK(span.text("card") == "number 17: REDACTED 1");
    CHECK(span.text("cut.card") == "the number is: ");
    CHECK(span.text("bearer") == "Bearer ");
    CHECK(span.text("short") == "REDACTED");
    CHECK(span.text("word").empty());
    CHECK(seen.stats.truncated_values == 4);
}

TEST_CASE("without value rules a text that was cut off keeps its last word") {
    plume::Options options;
    options.redaction = key_rule("pin");
    options.longest_text = 8;
    const auto seen = recorded(
        options, [] { on_a_new_ring([] { PLUME_SPAN("span", "text"_a = "two words"); }); });
    CHECK(seen["span"].text("text") == "two word");
}

// After a fork.

TEST_CASE("the rules hold in the child of a fork") {
    plume::MemoryExporter memory;
    plume::Session session{
        {.service_name = "test", .redaction = Redaction::standard(), .report = [](auto) {}},
        memory};
    const auto child = plume::scene::in_child([&] {
        { PLUME_SPAN("child", "mail"_a = "bob@example.org"); }
        session.flush(10s);
        plume::scene::print(plume::tree_of(memory, {.attributes = true}));
        ::_exit(0);
    });
    CHECK(child.output == "child {mail=REDACTED}\n");
}
