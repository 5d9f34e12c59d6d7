// headers.hpp - what the spans of servers and clients both take from the headers of cpp-httplib.
#pragma once

#include <optional>
#include <string_view>

#include <httplib.h>

#include <plume/instrument/detail/http.hpp>
#include <plume/propagation/carrier.hpp>
#include <plume/trace/span_api.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

constexpr std::optional<std::string_view> unless_empty(std::string_view text) noexcept {
    return text.empty() ? std::nullopt : std::optional{text};
}

/// Takes headers of a context, and none that could end a header and begin another.
class HeadersCarrier : public PairsCarrier<httplib::Headers> {
  public:
    using PairsCarrier::PairsCarrier;
    void set(std::string_view name, std::string_view value) {
        if (fits_in_header(name) && fits_in_header(value)) PairsCarrier::set(name, value);
    }
};

/// Says on the current span what the wanted headers are.
inline void capture(const CapturedHeaders& wanted, const UrlRedaction& redaction,
                    const httplib::Headers& headers) {
    if (wanted.empty()) return;
    wanted.set(current(), redaction, [&headers](std::string_view name, auto&& f) {
        PairsCarrier{headers}.each(name, f);
    });
}

} // namespace detail
} // namespace plume
