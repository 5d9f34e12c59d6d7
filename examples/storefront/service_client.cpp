// service_client.cpp - one client span for each request, by libcurl.
#include "service_client.hpp"

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include <curl/curl.h>
#include <fmt/format.h>

#include <plume/plume.hpp>
#include <plume/propagation/propagation.hpp>

namespace storefront {
namespace {

struct Cleanup {
    void operator()(CURL* handle) const noexcept { curl_easy_cleanup(handle); }
    void operator()(CURLU* url) const noexcept { curl_url_cleanup(url); }
    void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
    void operator()(char* text) const noexcept { curl_free(text); }
};

std::string part_of(CURLU* url, CURLUPart part) {
    char* text = nullptr;
    if (curl_url_get(url, part, &text, CURLU_DEFAULT_PORT) != CURLUE_OK)
        throw std::invalid_argument{"--inventory or --reviews: not a URL"};
    return std::unique_ptr<char, Cleanup>{text}.get();
}

/// A thread keeps its handle, and the handle its connection.
CURL* this_threads_handle() {
    thread_local const std::unique_ptr<CURL, Cleanup> handle{curl_easy_init()};
    curl_easy_reset(handle.get());
    return handle.get();
}

/// The headers of a request, as libcurl takes them.
class Headers {
  public:
    void set(std::string_view name, std::string_view value) {
        const std::string line = fmt::format("{}: {}", name, value);
        curl_slist* const longer = curl_slist_append(list_.get(), line.c_str());
        if (!longer) return;
        static_cast<void>(list_.release());
        list_.reset(longer);
    }
    [[nodiscard]] curl_slist* list() const noexcept { return list_.get(); }

  private:
    std::unique_ptr<curl_slist, Cleanup> list_;
};

std::size_t append(const char* data, std::size_t size, std::size_t count, void* to) {
    static_cast<std::string*>(to)->append(data, size * count);
    return size * count;
}

/// A name for each kind of failure, and not one name for each failure.
std::string_view error_type(CURLcode code) {
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT: return "timeout";
    case CURLE_COULDNT_RESOLVE_HOST: return "unknown_host";
    case CURLE_COULDNT_CONNECT: return "connection_refused";
    default: return "_OTHER";
    }
}

} // namespace

ServiceClient::ServiceClient(const std::string& url) : url_{url} {
    const std::unique_ptr<CURLU, Cleanup> parts{curl_url()};
    curl_url_set(parts.get(), CURLUPART_URL, url.c_str(), 0);
    host_ = part_of(parts.get(), CURLUPART_HOST);
    port_ = std::stoi(part_of(parts.get(), CURLUPART_PORT));
}

ServiceClient::Response ServiceClient::get(const std::string& path) const {
    const std::string url = url_ + path;
    PLUME_SPAN("GET", plume::client, "http.request.method"_a = "GET", "url.full"_a = url,
               "server.address"_a = host_, "server.port"_a = port_);

    // The span is current now, so this makes it the parent of what the other service does.
    Headers headers;
    plume::inject(headers);

    Response response;
    CURL* const handle = this_threads_handle();
    curl_easy_setopt(handle, CURLOPT_URL, url.c_str());
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers.list());
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, 2000L);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, append);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, &response.body);
    const CURLcode code = curl_easy_perform(handle);
    if (code != CURLE_OK) {
        PLUME_SET("error.type"_a = error_type(code));
        PLUME_ERROR(curl_easy_strerror(code));
        return {};
    }

    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &response.status);
    PLUME_SET("http.response.status_code"_a = response.status);
    // Who asks is answerable for 4xx as well.
    if (response.status >= 400) {
        PLUME_SET("error.type"_a = std::to_string(response.status));
        plume::set_status(plume::StatusCode::error);
    }
    return response;
}

} // namespace storefront
