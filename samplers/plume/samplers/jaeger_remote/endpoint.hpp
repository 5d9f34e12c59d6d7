// endpoint.hpp - the URL that is asked, from what users write.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <curl/curl.h>

#include <plume/exporters/detail/http_client.hpp>

namespace plume::jaeger_sampling {

/// `endpoint` with the service in its query; nothing if it is no URL of http or https.
[[nodiscard]] inline std::optional<std::string> url_for(std::string_view endpoint,
                                                        std::string_view service) {
    const std::unique_ptr<CURLU, plume::detail::CurlCleanup> url{curl_url()};
    std::string text{endpoint};
    if (text.find("://") == text.npos) text.insert(0, "http://");
    if (!url || curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0)) return std::nullopt;
    const auto part = [&url](CURLUPart which) -> std::string {
        char* value = nullptr;
        if (curl_url_get(url.get(), which, &value, 0)) return {};
        return std::unique_ptr<char, plume::detail::CurlCleanup>{value}.get();
    };
    const std::string scheme = part(CURLUPART_SCHEME);
    if ((scheme != "http" && scheme != "https") || part(CURLUPART_HOST).empty())
        return std::nullopt;
    if (part(CURLUPART_PATH) == "/") curl_url_set(url.get(), CURLUPART_PATH, "/sampling", 0);
    curl_url_set(url.get(), CURLUPART_FRAGMENT, nullptr, 0);
    const std::string query = "service=" + std::string{service};
    if (curl_url_set(url.get(), CURLUPART_QUERY, query.c_str(),
                     CURLU_APPENDQUERY | CURLU_URLENCODE))
        return std::nullopt;
    return part(CURLUPART_URL);
}

} // namespace plume::jaeger_sampling
