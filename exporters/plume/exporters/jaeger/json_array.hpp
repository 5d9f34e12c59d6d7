// json_array.hpp - an array attribute as the JSON text that Jaeger has for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <plume/exporters/detail/bytes.hpp>
#include <plume/exporters/detail/text.hpp>

namespace plume::jaeger {

inline void json_element(otlp::Bytes& out, bool value) { out.append(value ? "true" : "false"); }
inline void json_element(otlp::Bytes& out, std::int64_t value) {
    out.finish(otlp::json::integer(out.room(otlp::json::max_number), value));
}
inline void json_element(otlp::Bytes& out, double value) {
    out.finish(otlp::json::real(out.room(otlp::json::max_number), value));
}
inline void json_element(otlp::Bytes& out, std::string_view value) { otlp::json::text(out, value); }

/// As many elements as fit into `longest` bytes (at least the brackets): cut between elements, so
/// that it stays JSON. The text lies in `out` and is valid until its next use.
template <class Element>
[[nodiscard]] std::string_view json_array(otlp::Bytes& out, std::span<const Element> values,
                                          std::size_t longest) {
    out.clear();
    out.append("[");
    for (const Element& value : values) {
        const std::size_t before = out.size();
        if (before > 1) out.append(",");
        json_element(out, value);
        if (out.size() >= longest) { // no room for the bracket
            out.resize(before);
            break;
        }
    }
    out.append("]");
    return out.view();
}

} // namespace plume::jaeger
