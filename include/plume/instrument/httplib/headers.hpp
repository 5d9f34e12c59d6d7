// headers.hpp - what the spans of servers and clients both take from the headers of cpp-httplib.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include <httplib.h>

#include <plume/instrument/detail/http.hpp>
#include <plume/on_span.hpp>
#include <plume/propagation/carrier.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// What spans are called of which nothing is known but the method.
inline const Name& name_of_method(const HttpMethod& method) {
    static const std::array<Name, known_methods.size() + 1> names{
        Name{known_methods[0]}, Name{known_methods[1]},
        Name{known_methods[2]}, Name{known_methods[3]},
        Name{known_methods[4]}, Name{known_methods[5]},
        Name{known_methods[6]}, Name{known_methods[7]},
        Name{known_methods[8]}, Name{"HTTP"}};
    return names[method.index];
}

constexpr std::optional<std::string_view> unless_empty(std::string_view text) noexcept {
    return text.empty() ? std::nullopt : std::optional{text};
}

/// Says on the current span what the wanted headers are.
inline void capture(const CapturedHeaders& wanted, const httplib::Headers& headers) {
    if (wanted.empty()) return;
    wanted.set(current(), [&headers](std::string_view name, auto&& f) {
        PairsCarrier{headers}.each(name, f);
    });
}

} // namespace detail
} // namespace plume
