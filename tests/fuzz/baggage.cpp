// baggage.cpp - baggage, read and changed, compared with a parser that is slow and simple.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <plume/propagation/propagation.hpp>

#include "fuzz.hpp"
#include "reference/baggage.hpp"

using fuzz::require;
using reference::Member;

namespace {

void compare(const plume::Baggage& baggage, const std::vector<Member>& expected) {
    require(baggage.text() == reference::joined(expected), "the text");
    require(baggage.size() == expected.size(), "the size");
    require(baggage.empty() == expected.empty(), "whether it is empty");
    auto at = expected.begin();
    for (const plume::Baggage::Member& member : baggage) {
        require(member.key == at->key && member.encoded == at->value, "key and value");
        require(member.value() == reference::decoded(at->value), "the decoded value");
        require(at->text() == at->key + "=" + at->value + (member.properties.empty() ? "" : ";") +
                                  std::string{member.properties},
                "the properties");
        ++at;
    }
    if (expected.empty()) return;
    const std::string& key = expected.front().key;
    std::optional<std::string> last;
    for (const Member& member : expected)
        if (member.key == key) last = reference::decoded(member.value);
    require(baggage.find(key) == last, "what is found by a key");
}

void remove(plume::Baggage& baggage, std::vector<Member>& expected, const std::string& key) {
    const auto has_key = [&key](const Member& member) { return member.key == key; };
    const bool there = std::ranges::any_of(expected, has_key);
    require(baggage.remove(key) == there, "removing says whether it was there");
    std::erase_if(expected, has_key);
    compare(baggage, expected);
}

/// `change`: key, value and properties with tabs between them.
void set(plume::Baggage& baggage, std::vector<Member>& expected, const std::string& change) {
    std::vector<std::string> parts = fuzz::split(change, '\t');
    parts.resize(3);
    const std::string before = baggage.text();
    if (!baggage.set(parts[0], parts[1], parts[2])) {
        require(baggage.text() == before, "a refusal changes nothing");
        std::vector<Member> others = expected;
        std::erase_if(others, [&parts](const Member& member) { return member.key == parts[0]; });
        const bool possible = others.size() < 64 && reference::joined(others).size() +
                                                            parts[0].size() + 3 * parts[1].size() +
                                                            parts[2].size() + 3 <=
                                                        8192;
        const auto member =
            reference::baggage_member(parts[0] + "=" + (parts[2].empty() ? "" : ";") + parts[2]);
        const bool valid = member && member->key == parts[0] && member->value.empty() &&
                           parts[2].find(',') == std::string::npos;
        require(!possible || !valid, "what has room and is valid is taken");
        return;
    }
    require(reference::only(parts[0], reference::token) && !parts[0].empty(), "a key is a token");
    require(baggage.find(parts[0]) == reference::utf8(parts[1]), "what was set is found");
    std::erase_if(expected, [&parts](const Member& member) { return member.key == parts[0]; });
    reference::add_baggage(expected, baggage.text().substr(baggage.text().rfind(',') + 1));
    compare(baggage, expected);
}

} // namespace

// A line is a header if it begins with `a`, a change if it begins with `b` or `c`.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const plume::Propagators chosen{plume::Propagator::baggage};
    const auto lines = fuzz::headers_of(data, size, {"baggage", "set", "remove"});
    std::vector<Member> expected;
    for (const std::string& header : fuzz::values_of(lines, "baggage"))
        reference::add_baggage(expected, header);
    const plume::Extracted extracted = plume::extract(plume::PairsCarrier{lines}, chosen);
    require(!extracted.valid(), "a baggage is no trace");
    require(extracted.context().baggage == reference::joined(expected), "what is extracted");

    plume::Baggage baggage = plume::Baggage::parse(extracted.context().baggage);
    compare(baggage, expected);
    int changes = 0;
    for (const auto& [what, change] : lines) {
        if (what != "baggage" && ++changes > 8) break; // more are more of the same, and slow
        if (what == "set") set(baggage, expected, change);
        if (what == "remove") remove(baggage, expected, change);
    }

    plume::SpanContext context;
    context.baggage = baggage.text();
    fuzz::Headers sent;
    plume::PairsCarrier carrier{sent};
    plume::inject(context, carrier, chosen);
    require(sent.size() == (baggage.empty() ? 0U : 1U), "one header, or none");
    require(baggage.empty() || sent[0].second == baggage.text(), "what is sent on");

    // Whatever text is in force, what is sent is clean.
    for (const std::string& header : fuzz::values_of(lines, "baggage")) {
        sent.clear();
        context.baggage = header;
        plume::inject(context, carrier, chosen);
        std::vector<Member> members;
        reference::add_baggage(members, header);
        require(sent.empty() ? members.empty() : sent[0].second == reference::joined(members),
                "a text by hand is cleaned");
    }
    return 0;
}
