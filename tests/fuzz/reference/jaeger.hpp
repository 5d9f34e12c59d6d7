// jaeger.hpp - the headers of Jaeger's clients, as slowly as they read.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "../fuzz.hpp"
#include "alphabet.hpp"

namespace reference {

struct UberTraceId {
    std::string trace_id;
    std::string span_id;
    unsigned flags = 0;
};

inline std::optional<UberTraceId> uber_trace_id(const std::string& header) {
    std::string text = trimmed(header);
    for (const char* escape : {"%3A", "%3a"})
        for (std::size_t at = text.find(escape); at != std::string::npos; at = text.find(escape))
            text.replace(at, 3, ":");
    const std::vector<std::string> parts = fuzz::split(text, ':');
    if (parts.size() != 4) return std::nullopt;
    const std::size_t longest[] = {32, 16, 16, 2};
    for (std::size_t i = 0; i < 4; ++i)
        if (parts[i].empty() || parts[i].size() > longest[i] || !only(parts[i], any_hex))
            return std::nullopt;
    if (all_zero(parts[0]) || all_zero(parts[1])) return std::nullopt;
    return UberTraceId{padded(in_lower_case(parts[0]), 32), padded(in_lower_case(parts[1]), 16),
                       static_cast<unsigned>(std::stoul(parts[3], nullptr, 16))};
}

} // namespace reference
