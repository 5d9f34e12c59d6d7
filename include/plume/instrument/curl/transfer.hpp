// transfer.hpp - a transfer of the multi interface, from when it is added until it is done.
#pragma once

#include <utility>

#include <curl/curl.h>

#include <plume/core/config.hpp>
#include <plume/instrument/curl/describe.hpp>
#include <plume/instrument/curl/headers_in_force.hpp>
#include <plume/instrument/curl/options.hpp>
#include <plume/trace/context.hpp>

namespace plume {

/// A client span for one transfer on a handle that somebody else drives: curl_multi_perform(),
/// curl_multi_socket_action(), or a library on top of them. libcurl tells nobody but the reader of
/// curl_multi_info_read() that a transfer is done, so the reader tells this:
///
///     plume::CurlTransfer transfer{easy, headers};  // before curl_multi_add_handle()
///     …
///     transfer.done(message->data.result);          // where curl_multi_info_read() says DONE
///
/// `headers` is the list for CURLOPT_HTTPHEADER, or null: what is set on the handle cannot be read
/// back, so it is handed over. It is sent after the headers of the propagators, is not changed, may
/// serve many transfers at once, and has to live as long as libcurl demands.
///
/// Begins as a child of the current context. Movable, and may be done on another thread than it
/// began; like the handle it is used by one thread at a time, and not while libcurl works on it.
/// Ends before curl_easy_cleanup(). One that is destroyed without done() counts as cancelled, which
/// is no error; take the handle out of its multi handle first. Never blocks; allocates as libcurl
/// itself does for a transfer. Without a session it only sets CURLOPT_HTTPHEADER, and passes on a
/// context in force.
///
/// `Enabled`: PLUME_ENABLED of the file; see plume::CurlTransfer.
template <bool Enabled>
class [[nodiscard]] BasicCurlTransfer {
  public:
    /// No transfer: done() is ignored.
    BasicCurlTransfer() noexcept = default;

    BasicCurlTransfer(CURL* easy, curl_slist* headers, const CurlOptions& options = {})
        : easy_{easy}, options_{options}, span_{detail::Anywhere<"HTTP">{}, client},
          headers_{easy, headers, span_.context()} {
        if (!span_.recording()) return;
        description_.look(easy, options);
        description_.tell([this](const auto&... attributes) { span_.set(attributes...); });
        description_.begin(headers, options, span_);
    }
    BasicCurlTransfer(BasicCurlTransfer&&) noexcept = default;
    BasicCurlTransfer& operator=(BasicCurlTransfer&& other) noexcept {
        if (this == &other) return *this;
        finish();
        easy_ = other.easy_;
        options_ = other.options_;
        span_ = std::move(other.span_);
        headers_ = std::move(other.headers_);
        description_ = std::move(other.description_);
        return *this;
    }
    ~BasicCurlTransfer() { finish(); }

    /// The transfer is over, with that result: CURLMsg::data.result. The first call counts.
    void done(CURLcode code) noexcept {
        if (span_.recording()) description_.end(easy_, code, options_, span_);
        finish();
    }

    /// What belongs to the transfer has this as its parent: in its callbacks, which libcurl calls
    /// from whatever is current there, open a plume::ContextScope with it. Valid as long as this.
    [[nodiscard]] SpanContext context() const noexcept { return span_.context(); }

  private:
    void finish() noexcept {
        span_.end();
        headers_ = {};
    }

    CURL* easy_ = nullptr;
    CurlOptions options_;
    AsyncSpan span_;
    detail::CurlHeadersInForce headers_;
    detail::CurlDescription description_;
};

/// Compiled out: the handle gets its headers.
template <>
class [[nodiscard]] BasicCurlTransfer<false> {
  public:
    BasicCurlTransfer() noexcept = default;
    BasicCurlTransfer(CURL* easy, curl_slist* headers, const CurlOptions& = {}) noexcept {
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    }
    BasicCurlTransfer(BasicCurlTransfer&&) noexcept = default;
    BasicCurlTransfer& operator=(BasicCurlTransfer&&) noexcept = default;

    void done(CURLcode) noexcept {}
    [[nodiscard]] SpanContext context() const noexcept { return {}; }
};

using CurlTransfer = BasicCurlTransfer<PLUME_ENABLED != 0>;

} // namespace plume
