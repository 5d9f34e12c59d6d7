// propagators.cpp - the value of OTEL_PROPAGATORS, compared with a list of names.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <plume/propagation/propagators.hpp>

#include "fuzz.hpp"
#include "reference/alphabet.hpp"

using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::vector<std::string> names = {"tracecontext", "baggage", "b3", "b3multi", "jaeger"};
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    std::vector<std::string> expected;
    std::size_t unknown = 0;
    bool none = false;
    for (std::string name : fuzz::split(text, ',')) {
        const std::size_t first = name.find_first_not_of(" \t\r\n");
        if (first == std::string::npos) continue;
        name = name.substr(first, name.find_last_not_of(" \t\r\n") - first + 1);
        name = reference::in_lower_case(name);
        if (name == "none") none = true;
        else if (std::ranges::find(names, name) == names.end()) ++unknown;
        else if (std::ranges::find(expected, name) == expected.end()) expected.push_back(name);
    }
    if (none && !expected.empty()) ++unknown; // which is reported as well
    if (expected.empty() && !none) expected = {"tracecontext", "baggage"};

    std::size_t reports = 0;
    const auto chosen =
        plume::Propagators::parse(text, [&reports](std::string_view) { ++reports; });
    std::vector<std::string> found;
    chosen.each([&](plume::Propagator format) {
        found.push_back(names.at(static_cast<std::size_t>(format) - 1));
    });
    require(found == expected, "the formats, in order");
    require(reports == unknown, "each name that nobody knows is reported");
    require(plume::Propagators::from_word(chosen.word()) == chosen, "the choice fits a word");
    return 0;
}
