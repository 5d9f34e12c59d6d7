// tracecontext.hpp - W3C Trace Context Level 2, as slowly as it reads.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "../fuzz.hpp"
#include "alphabet.hpp"

namespace reference {

struct TraceContext {
    std::string trace_id;
    std::string span_id;
    unsigned flags = 0; ///< the two that are known
    std::vector<std::pair<std::string, std::string>> state;
};

inline std::optional<TraceContext> traceparent(const std::string& header) {
    const std::vector<std::string> parts = fuzz::split(trimmed(header), '-');
    if (parts.size() < 4) return std::nullopt;
    const std::size_t sizes[] = {2, 32, 16, 2};
    for (std::size_t i = 0; i < 4; ++i)
        if (parts[i].size() != sizes[i] || !only(parts[i], lowercase_hex)) return std::nullopt;
    if (parts[0] == "ff" || (parts[0] == "00" && parts.size() != 4)) return std::nullopt;
    if (all_zero(parts[1]) || all_zero(parts[2])) return std::nullopt;
    return TraceContext{
        parts[1], parts[2], static_cast<unsigned>(std::stoul(parts[3], nullptr, 16) & 3U), {}};
}

/// All members of all headers, or none.
inline std::vector<std::pair<std::string, std::string>>
tracestate(const std::vector<std::string>& headers) {
    std::string printable;
    for (char c = ' '; c <= '~'; ++c)
        if (c != ',' && c != '=') printable += c;

    std::vector<std::pair<std::string, std::string>> members;
    for (const std::string& header : headers)
        for (const std::string& part : fuzz::split(header, ',')) {
            const std::string member = trimmed(part);
            if (member.empty()) continue;
            const std::size_t equals = member.find('=');
            if (equals == std::string::npos) return {};
            const std::string key = member.substr(0, equals);
            const std::string value = member.substr(equals + 1);
            if (key.empty() || key.size() > 256 || !only(key, lowercase + digits + "_-*/@") ||
                !only(key.substr(0, 1), lowercase + digits))
                return {};
            if (value.empty() || value.size() > 256 || !only(value, printable)) return {};
            members.emplace_back(key, value);
        }
    if (members.size() > 32) return {};
    return members;
}

inline std::optional<TraceContext> tracecontext(const fuzz::Headers& headers) {
    const auto parents = fuzz::values_of(headers, "traceparent");
    if (parents.size() != 1) return std::nullopt;
    auto context = traceparent(parents[0]);
    if (context) context->state = tracestate(fuzz::values_of(headers, "tracestate"));
    return context;
}

} // namespace reference
