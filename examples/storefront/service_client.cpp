// service_client.cpp - requests by libcurl, each of them traced.
#include "service_client.hpp"

#include <cstddef>
#include <memory>

#include <curl/curl.h>

#include <plume/instrument/curl.hpp>

namespace storefront {
namespace {

struct Cleanup {
    void operator()(CURL* handle) const noexcept { curl_easy_cleanup(handle); }
};

/// A thread keeps its handle, and the handle its connection.
CURL* this_threads_handle() {
    thread_local const std::unique_ptr<CURL, Cleanup> handle{curl_easy_init()};
    curl_easy_reset(handle.get());
    return handle.get();
}

std::size_t append(const char* data, std::size_t size, std::size_t count, void* to) {
    static_cast<std::string*>(to)->append(data, size * count);
    return size * count;
}

} // namespace

ServiceClient::Response ServiceClient::get(const std::string& path) const {
    const std::string url = url_ + path;
    Response response;
    CURL* const handle = this_threads_handle();
    curl_easy_setopt(handle, CURLOPT_URL, url.c_str());
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, 2000L);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, append);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, &response.body);
    if (plume::perform(handle, nullptr) != CURLE_OK) return {};
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &response.status);
    return response;
}

} // namespace storefront
