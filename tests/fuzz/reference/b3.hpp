// b3.hpp - Zipkin's headers, as slowly as they read.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "../fuzz.hpp"
#include "alphabet.hpp"

namespace reference {

struct B3 {
    std::string trace_id; ///< 32 lowercase digits; empty with span_id: a decision alone
    std::string span_id;
    char state = ' '; ///< '0', '1', 'd', or ' ' for none
};

inline bool is_b3_id(const std::string& text, bool may_be_long) {
    return (text.size() == 16 || (may_be_long && text.size() == 32)) && only(text, any_hex) &&
           !all_zero(text);
}

inline std::optional<B3> b3_single(const std::string& header) {
    const std::string text = trimmed(header);
    if (text == "0" || text == "1" || text == "d") return B3{"", "", text[0]};
    const std::vector<std::string> parts = fuzz::split(text, '-');
    if (parts.size() < 2 || parts.size() > 4) return std::nullopt;
    if (!is_b3_id(parts[0], true) || !is_b3_id(parts[1], false)) return std::nullopt;
    B3 found{padded(in_lower_case(parts[0]), 32), in_lower_case(parts[1])};
    if (parts.size() > 2) {
        if (parts[2] != "0" && parts[2] != "1" && parts[2] != "d") return std::nullopt;
        found.state = parts[2][0];
    }
    if (parts.size() > 3 && !is_b3_id(parts[3], false)) return std::nullopt;
    return found;
}

/// The first of the name.
inline std::string b3_header(const fuzz::Headers& headers, const std::string& name) {
    for (const auto& [key, value] : headers)
        if (key == name) return trimmed(value);
    return "";
}

inline std::optional<B3> b3_multi(const fuzz::Headers& headers) {
    const std::string trace = b3_header(headers, "x-b3-traceid");
    const std::string span = b3_header(headers, "x-b3-spanid");
    const std::string sampled = in_lower_case(b3_header(headers, "x-b3-sampled"));
    B3 found;
    if (sampled == "1" || sampled == "true") found.state = '1';
    else if (sampled == "0" || sampled == "false") found.state = '0';
    else if (!sampled.empty()) return std::nullopt;
    if (b3_header(headers, "x-b3-flags") == "1") found.state = 'd';
    if (trace.empty() && span.empty()) {
        if (found.state == ' ') return std::nullopt;
        return found;
    }
    if (!is_b3_id(trace, true) || !is_b3_id(span, false)) return std::nullopt;
    found.trace_id = padded(in_lower_case(trace), 32);
    found.span_id = in_lower_case(span);
    return found;
}

inline std::optional<B3> b3(const fuzz::Headers& headers) {
    const auto single = b3_single(b3_header(headers, "b3"));
    return single ? single : b3_multi(headers);
}

} // namespace reference
