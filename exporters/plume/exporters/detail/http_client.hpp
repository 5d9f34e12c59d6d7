// http_client.hpp - asks one URL with libcurl, over a connection that it keeps.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <curl/curl.h>
#include <fcntl.h>
#include <unistd.h>

#include <plume/exporters/detail/cancel.hpp>
#include <plume/exporters/detail/header_line.hpp>
#include <plume/exporters/detail/own_descriptor.hpp>
#include <plume/exporters/detail/sigpipe.hpp>

namespace plume::detail {

// Each member has an initialiser, or compilers warn where a designated one leaves it out.
struct HttpOptions {
    std::string url = {};                  ///< http or https
    std::vector<std::string> headers = {}; ///< each one "Name: value"
    std::string user_agent = "plume";
    std::string user = {}; ///< basic authentication, unless empty
    std::string password = {};
    std::chrono::milliseconds timeout{10'000}; ///< of a request, connecting included
    std::string ca_file = {};                  ///< PEM; empty: the system's authorities
    std::string certificate_file = {};         ///< PEM, the client's own; empty: none
    std::string key_file = {};                 ///< PEM, of that certificate
    bool insecure_skip_verify = false;         ///< takes any certificate: for tests only
    /// Of a response, so much of the body is kept, decompressed. Reading stops soon after it.
    std::size_t longest_body = std::size_t{64} * 1024;
};

struct HttpResponse {
    long status = 0;          ///< 0: no status line came, and `error` says why
    std::string error;        ///< libcurl's name for it: no figures, the same for the same trouble
    std::string body;         ///< the beginning of it: see HttpOptions::longest_body
    bool cut = false;         ///< the response is longer, or broke off behind its status
    std::string content_type; ///< as sent, or empty
    std::chrono::seconds retry_after{0}; ///< from a number or a date (RFC 9110, 10.2.3), at most a
                                         ///< year; 0: none
    bool cancelled = false;
    bool refused = false; ///< HttpClient::fault(): nothing was sent

    [[nodiscard]] bool ok() const noexcept { return status >= 200 && status < 300; }
};

struct CurlCleanup {
    void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
    void operator()(CURLU* url) const noexcept { curl_url_cleanup(url); }
    void operator()(char* text) const noexcept { curl_free(text); }
};

/// `url` without user, password, query and fragment: fit for a log.
[[nodiscard]] inline std::string presentable(const std::string& url) {
    const std::unique_ptr<CURLU, CurlCleanup> parts{curl_url()};
    char* text = nullptr;
    if (!parts || curl_url_set(parts.get(), CURLUPART_URL, url.c_str(), 0)) return "invalid URL";
    for (const CURLUPart part :
         {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY, CURLUPART_FRAGMENT}) {
        curl_url_set(parts.get(), part, nullptr, 0);
    }
    if (curl_url_get(parts.get(), CURLUPART_URL, &text, 0)) return "invalid URL";
    return std::unique_ptr<char, CurlCleanup>{text}.get();
}

/// The handles of libcurl, at an address that stays: its callbacks point here.
class HttpConnection {
  public:
    explicit HttpConnection(const HttpOptions& options) : longest_body_{options.longest_body} {
        static const CURLcode once = curl_global_init(CURL_GLOBAL_DEFAULT);
        if (once == CURLE_OK) {
            easy_ = curl_easy_init();
            multi_ = curl_multi_init();
        }
        if (!easy_ || !multi_) {
            free_handles();
            throw std::bad_alloc{};
        }
        configure(options);
    }
    ~HttpConnection() {
        free_handles();
        socket_.forget();
    }
    HttpConnection(const HttpConnection&) = delete;
    HttpConnection& operator=(const HttpConnection&) = delete;

    [[nodiscard]] HttpResponse post(std::string_view body, const CancelFlag& cancel) {
        set(CURLOPT_POST, 1L);
        set(CURLOPT_POSTFIELDS, body.data());
        set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
        return ask(cancel);
    }
    [[nodiscard]] HttpResponse get(const CancelFlag& cancel) {
        set(CURLOPT_HTTPGET, 1L);
        return ask(cancel);
    }

    /// Closes this process' copy of the connection, and leaves the other end in peace.
    void abandon_socket() noexcept { socket_.close(); }

    /// Whether the program has closed the kept connection behind libcurl's back. Its number may be
    /// another file's by now, which libcurl would write to: these handles must not be used again.
    [[nodiscard]] bool was_robbed() const noexcept {
        return socket_.is_open() && !socket_.is_own();
    }

  private:
    [[nodiscard]] HttpResponse ask(const CancelFlag& cancel) {
        HttpResponse response;
        Reading reading{&response, longest_body_};
        set(CURLOPT_WRITEDATA, &reading);
        set(CURLOPT_HEADERDATA, &reading);
        const CURLcode code = setup_ ? setup_ : perform(cancel);
        // The server has acted on a request when it sends a status. What follows may break off or
        // never end: sending the request again would make it act twice.
        if (reading.header_bytes != 0) response.status = final_status();
        if (response.status != 0) {
            response.cut = response.cut || code != CURLE_OK;
            read_headers(response);
        } else {
            response.cancelled = code == CURLE_ABORTED_BY_CALLBACK;
            response.error = response.cancelled ? "cancelled" : curl_easy_strerror(code);
        }
        return response;
    }

    /// 0 if there are interim ones (1xx) only.
    [[nodiscard]] long final_status() noexcept {
        long status = 0;
        curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
        return status >= 200 ? status : 0;
    }
    void read_headers(HttpResponse& response) {
        constexpr curl_off_t year = 365 * 24 * 3600;
        curl_off_t seconds = 0;
        curl_easy_getinfo(easy_, CURLINFO_RETRY_AFTER, &seconds);
        response.retry_after = std::chrono::seconds{std::clamp<curl_off_t>(seconds, 0, year)};
        char* type = nullptr; // libcurl keeps it
        curl_easy_getinfo(easy_, CURLINFO_CONTENT_TYPE, &type);
        if (type) response.content_type = type;
    }

    template <class Value>
    void set(CURLoption option, Value value) {
        const CURLcode code = curl_easy_setopt(easy_, option, value);
        if (code && !setup_) setup_ = code;
    }
    void set_text(CURLoption option, const std::string& text) {
        if (!text.empty()) set(option, text.c_str());
    }

    void configure(const HttpOptions& options) {
        set(CURLOPT_URL, options.url.c_str());
        set(CURLOPT_NOSIGNAL, 1L); // signals would hit a thread of the application
        set(CURLOPT_TIMEOUT_MS, static_cast<long>(options.timeout.count()));
        set(CURLOPT_USERAGENT, options.user_agent.c_str());
        add_header("Expect:"); // or curl waits a second for "100 Continue" before a large body
        for (const std::string& header : options.headers) add_header(header.c_str());
        set(CURLOPT_HTTPHEADER, headers_.get());
        if (!options.user.empty()) {
            set(CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
            set(CURLOPT_USERNAME, options.user.c_str());
            set(CURLOPT_PASSWORD, options.password.c_str());
        }
        set_text(CURLOPT_CAINFO, options.ca_file);
        set_text(CURLOPT_SSLCERT, options.certificate_file);
        set_text(CURLOPT_SSLKEY, options.key_file);
        set(CURLOPT_SSL_VERIFYPEER, options.insecure_skip_verify ? 0L : 1L);
        set(CURLOPT_SSL_VERIFYHOST, options.insecure_skip_verify ? 0L : 2L);
#if LIBCURL_VERSION_NUM >= 0x075500
        set(CURLOPT_PROTOCOLS_STR, "http,https");
#else
        set(CURLOPT_PROTOCOLS, static_cast<long>(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
        set(CURLOPT_QUICK_EXIT, 1L); // cancelling doesn't wait for a name server
#endif
        set(CURLOPT_ACCEPT_ENCODING, "gzip");      // some servers compress without being asked
        set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L); // a proxy's answer is not the server's
        set(CURLOPT_HEADERFUNCTION, &HttpConnection::on_header);
        set(CURLOPT_WRITEFUNCTION, &HttpConnection::on_body);
        set(CURLOPT_SOCKOPTFUNCTION, &HttpConnection::on_open);
        set(CURLOPT_SOCKOPTDATA, this);
        set(CURLOPT_CLOSESOCKETFUNCTION, &HttpConnection::on_close);
        set(CURLOPT_CLOSESOCKETDATA, this);
    }

    void add_header(const char* header) {
        curl_slist* longer = curl_slist_append(headers_.get(), header);
        if (!longer) throw std::bad_alloc{};
        (void)headers_.release();
        headers_.reset(longer);
    }

    // The multi interface, because curl_easy_perform() looks up once a second only.
    CURLcode perform(const CancelFlag& cancel) {
        CURLcode result = CURLE_ABORTED_BY_CALLBACK;
        int running = 1;
        CURLMcode code = curl_multi_add_handle(multi_, easy_);
        while (code == CURLM_OK && !cancel.requested()) {
            code = curl_multi_perform(multi_, &running);
            if (code != CURLM_OK || running == 0) break;
            code = curl_multi_poll(multi_, nullptr, 0, int{CancelFlag::glance.count()}, nullptr);
        }
        if (code != CURLM_OK) result = CURLE_FAILED_INIT;
        int left = 0;
        bool done = false;
        while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
            if (message->msg != CURLMSG_DONE) continue;
            result = message->data.result;
            done = true;
        }
        curl_multi_remove_handle(multi_, easy_);
        // Its connection is closed then. While it is being made, libcurl (7.88) does not say so.
        if (!done) socket_.forget();
        return result;
    }

    void free_handles() noexcept {
        if (easy_) curl_easy_cleanup(easy_);
        if (multi_) curl_multi_cleanup(multi_); // closes the connection, and calls on_close()
    }

    /// Where a response goes to.
    struct Reading {
        HttpResponse* response;
        std::size_t longest_body;
        std::size_t header_bytes = 0;
        std::size_t skipped_bytes = 0; ///< of the body
    };
    /// Reading so much more is cheaper than another connection.
    static constexpr std::size_t longest_rest = std::size_t{64} * 1024;
    /// More than servers and proxies send together. Interim responses (1xx) count too: they may
    /// come without end.
    static constexpr std::size_t longest_headers = std::size_t{64} * 1024;

    // Libcurl ends a request, and closes its connection, when a callback takes less than it got.
    static std::size_t on_header(const char*, std::size_t size, std::size_t count, void* to) {
        Reading& reading = *static_cast<Reading*>(to);
        reading.header_bytes += size * count;
        return reading.header_bytes <= longest_headers ? size * count : 0;
    }
    static std::size_t on_body(const char* data, std::size_t size, std::size_t count, void* to) {
        Reading& reading = *static_cast<Reading*>(to);
        HttpResponse& response = *reading.response;
        const std::size_t kept =
            std::min(size * count, reading.longest_body - response.body.size());
        response.body.append(data, kept);
        response.cut = response.cut || kept < size * count;
        reading.skipped_bytes += size * count - kept;
        return reading.skipped_bytes <= longest_rest ? size * count : 0;
    }
    static int on_open(void* self, curl_socket_t descriptor, curlsocktype) {
        ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
        OwnDescriptor& newest = static_cast<HttpConnection*>(self)->socket_;
        newest.forget(); // libcurl closes it
        newest = OwnDescriptor{descriptor};
        return CURL_SOCKOPT_OK;
    }
    static int on_close(void* self, curl_socket_t descriptor) {
        OwnDescriptor& newest = static_cast<HttpConnection*>(self)->socket_;
        if (newest.number() != descriptor) return ::close(descriptor);
        newest.close();
        return 0;
    }

    std::size_t longest_body_;
    CURL* easy_ = nullptr;
    CURLM* multi_ = nullptr;
    std::unique_ptr<curl_slist, CurlCleanup> headers_;
    CURLcode setup_ = CURLE_OK; // the first option that libcurl refused
    OwnDescriptor socket_;      // the newest; libcurl closes it, or abandon_socket()
};

/// Used by one thread at a time; may be moved. Follows no redirect, raises no SIGPIPE, and its
/// sockets are closed on exec. Proxies are taken from the environment, as libcurl does.
class HttpClient {
  public:
    explicit HttpClient(HttpOptions options)
        : options_{std::move(options)}, where_{presentable(options_.url)},
          fault_{fault_of(options_)} {}

    /// Says why no request can be sent with these options; empty if one can. Shows no value.
    [[nodiscard]] const std::string& fault() const noexcept { return fault_; }

    /// Sends `body` and waits for the response: at most for the time-out, or until `cancel` is
    /// requested. Never retries, except at once when the server had closed the kept connection.
    [[nodiscard]] HttpResponse post(std::string_view body, const CancelFlag& cancel) {
        if (!fault_.empty()) return refusal();
        const NoSigpipe guard;
        return connection().post(body, cancel);
    }
    /// Asks for what is there: likewise.
    [[nodiscard]] HttpResponse get(const CancelFlag& cancel) {
        if (!fault_.empty()) return refusal();
        const NoSigpipe guard;
        return connection().get(cancel);
    }

    /// The URL without credentials and query: fit for a log.
    [[nodiscard]] const std::string& where() const noexcept { return where_; }

    /// For the child after fork(). Leaks libcurl's handles: freeing them would end the parent's
    /// TLS session on the wire.
    void forked() noexcept {
        if (HttpConnection* parents = connection_.release()) parents->abandon_socket();
    }

  private:
    [[nodiscard]] static std::string fault_of(const HttpOptions& options) {
        if (!is_header_value(options.url)) return "the URL has a control character";
        if (!is_header_value(options.user) || !is_header_value(options.password))
            return "the user or the password has a control character"; // RFC 7617, 2
        if (!is_header_value(options.user_agent)) return "the user agent has a control character";
        for (const std::string& header : options.headers)
            if (std::string fault = header_fault(header); !fault.empty()) return fault;
        return {};
    }
    [[nodiscard]] HttpResponse refusal() const {
        HttpResponse response;
        response.error = fault_;
        response.refused = true;
        return response;
    }
    [[nodiscard]] HttpConnection& connection() {
        if (connection_ && connection_->was_robbed()) forked(); // the same remedy
        if (!connection_) connection_.reset(new HttpConnection{options_});
        return *connection_;
    }

    HttpOptions options_;
    std::string where_;
    struct Free {
        void operator()(HttpConnection* connection) const noexcept {
            if (!connection->was_robbed()) delete connection; // else closing would hit another file
        }
    };
    std::unique_ptr<HttpConnection, Free> connection_;
    std::string fault_;
};

} // namespace plume::detail
