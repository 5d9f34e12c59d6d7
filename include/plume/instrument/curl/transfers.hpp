// transfers.hpp - the spans of all transfers on a multi handle, for callers that keep no object
// for each of theirs.
#pragma once

#include <unordered_map>
#include <utility>

#include <curl/curl.h>

#include <plume/core/config.hpp>
#include <plume/instrument/curl/options.hpp>
#include <plume/instrument/curl/transfer.hpp>

namespace plume {

/// Stands beside a multi handle, and takes the place of three calls on it:
///
///     plume::CurlTransfers transfers{multi};
///     transfers.add(easy, headers);                          // curl_multi_add_handle()
///     while (CURLMsg* message = transfers.info_read(&left))  // curl_multi_info_read()
///         …
///     transfers.remove(easy);                                // curl_multi_remove_handle()
///
/// Each transfer is a plume::CurlTransfer, and what that says holds. Used by one thread at a time,
/// as the multi handle is. Is destroyed before the handles are; what has not been read as done then
/// counts as cancelled.
///
/// `Enabled`: PLUME_ENABLED of the file; see plume::CurlTransfers.
template <bool Enabled>
class BasicCurlTransfers {
  public:
    explicit BasicCurlTransfers(CURLM* multi) noexcept : multi_{multi} {}
    BasicCurlTransfers(const BasicCurlTransfers&) = delete;
    BasicCurlTransfers& operator=(const BasicCurlTransfers&) = delete;

    CURLMcode add(CURL* easy, curl_slist* headers, const CurlOptions& options = {}) {
        // One that is running already goes on: libcurl refuses to add it twice.
        if (under_way_.contains(easy)) return curl_multi_add_handle(multi_, easy);
        BasicCurlTransfer<Enabled> transfer{easy, headers, options};
        const CURLMcode code = curl_multi_add_handle(multi_, easy);
        if (code != CURLM_OK) transfer.done(CURLE_FAILED_INIT);
        else if constexpr (Enabled) under_way_.emplace(easy, std::move(transfer));
        return code;
    }

    /// As curl_multi_info_read(), whose message it returns. A span ends when its message is read.
    [[nodiscard]] CURLMsg* info_read(int* messages_left) {
        CURLMsg* message = curl_multi_info_read(multi_, messages_left);
        if (!message || message->msg != CURLMSG_DONE) return message;
        const auto found = under_way_.find(message->easy_handle);
        if (found != under_way_.end()) {
            found->second.done(message->data.result);
            under_way_.erase(found);
        }
        return message;
    }

    /// A transfer that is not done is cancelled.
    CURLMcode remove(CURL* easy) {
        const CURLMcode code = curl_multi_remove_handle(multi_, easy);
        under_way_.erase(easy);
        return code;
    }

    /// The parent of what belongs to that transfer; invalid if there is none under way.
    [[nodiscard]] SpanContext context(CURL* easy) const noexcept {
        const auto found = under_way_.find(easy);
        return found != under_way_.end() ? found->second.context() : SpanContext{};
    }

  private:
    CURLM* multi_;
    std::unordered_map<CURL*, BasicCurlTransfer<Enabled>> under_way_;
};

using CurlTransfers = BasicCurlTransfers<PLUME_ENABLED != 0>;

} // namespace plume
