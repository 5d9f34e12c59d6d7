// curl_client.hpp - handles of libcurl that clean up after themselves.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>

#include <curl/curl.h>

namespace plume::test {

struct CurlCleanup {
    void operator()(CURL* handle) const noexcept { curl_easy_cleanup(handle); }
    void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
};
struct MultiCleanup {
    void operator()(CURLM* handle) const noexcept { curl_multi_cleanup(handle); }
};
using Multi = std::unique_ptr<CURLM, MultiCleanup>;

/// An easy handle that keeps what it receives, and never asks a proxy.
class Easy {
  public:
    explicit Easy(const std::string& url) : handle_{curl_easy_init()} { prepare(url); }

    /// All options, those of a new handle too.
    void prepare(const std::string& url) {
        set(CURLOPT_URL, url.c_str());
        set(CURLOPT_NOSIGNAL, 1L);
        set(CURLOPT_NOPROXY, "*");
        set(CURLOPT_TIMEOUT, 30L); // a test that hangs fails
        set(CURLOPT_WRITEFUNCTION, &Easy::keep);
        set(CURLOPT_WRITEDATA, body_.get());
    }
    template <class Value>
    void set(CURLoption option, Value value) {
        curl_easy_setopt(handle_.get(), option, value);
    }

    operator CURL*() const noexcept { return handle_.get(); } // NOLINT: as the library has it
    [[nodiscard]] const std::string& body() const noexcept { return *body_; }

  private:
    static std::size_t keep(const char* data, std::size_t size, std::size_t count, void* to) {
        static_cast<std::string*>(to)->append(data, size * count);
        return size * count;
    }

    std::unique_ptr<std::string> body_ = std::make_unique<std::string>();
    std::unique_ptr<CURL, CurlCleanup> handle_;
};

/// A list for CURLOPT_HTTPHEADER.
class HeaderList {
  public:
    HeaderList(std::initializer_list<const char*> lines) {
        for (const char* line : lines) {
            curl_slist* longer = curl_slist_append(list_.get(), line);
            static_cast<void>(list_.release());
            list_.reset(longer);
        }
    }
    operator curl_slist*() const noexcept { return list_.get(); } // NOLINT: as the library has it

    [[nodiscard]] std::string text() const {
        std::string all;
        for (const curl_slist* node = list_.get(); node; node = node->next)
            (all += node->data) += '\n';
        return all;
    }

  private:
    std::unique_ptr<curl_slist, CurlCleanup> list_;
};

} // namespace plume::test
