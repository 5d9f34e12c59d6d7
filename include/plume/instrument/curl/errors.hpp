// errors.hpp - error.type for each way in which a transfer of libcurl can fail.
#pragma once

#include <cerrno>
#include <string_view>

#include <curl/curl.h>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// Whether a callback of the user's has ended the transfer: CURLOPT_XFERINFOFUNCTION and the like
/// by their results, a callback that takes data by taking less than there is.
[[nodiscard]] constexpr bool is_cancelled(CURLcode code) noexcept {
    return code == CURLE_ABORTED_BY_CALLBACK || code == CURLE_WRITE_ERROR;
}

/// A name that is the same for the same trouble, and has no figures in it. `os_errno`: what
/// CURLINFO_OS_ERRNO says of the last connection that failed.
[[nodiscard]] inline std::string_view curl_error_type(CURLcode code, long os_errno) noexcept {
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT: return "timeout";
    case CURLE_COULDNT_RESOLVE_HOST: return "unknown_host";
    case CURLE_COULDNT_RESOLVE_PROXY: return "unknown_proxy";
    case CURLE_COULDNT_CONNECT:
        return os_errno == ECONNREFUSED ? "connection_refused" : "connection_failed";
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR: return os_errno == ECONNRESET ? "connection_reset" : "connection_lost";
    case CURLE_GOT_NOTHING: return "empty_response";
    case CURLE_PARTIAL_FILE: return "incomplete_response";
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
    case CURLE_HTTP3: return "invalid_response";
    case CURLE_TOO_MANY_REDIRECTS: return "too_many_redirects";
    case CURLE_FILESIZE_EXCEEDED: return "response_too_large";
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH: return "server_certificate_invalid";
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CLIENTCERT: return "client_certificate_invalid";
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CIPHER:
    case CURLE_USE_SSL_FAILED: return "tls_handshake_failed";
    case CURLE_URL_MALFORMAT: return "invalid_url";
    case CURLE_UNSUPPORTED_PROTOCOL: return "unsupported_protocol";
    case CURLE_LOGIN_DENIED:
    case CURLE_REMOTE_ACCESS_DENIED: return "access_denied";
    case CURLE_REMOTE_FILE_NOT_FOUND:
    case CURLE_FILE_COULDNT_READ_FILE: return "not_found";
    case CURLE_ABORTED_BY_CALLBACK: return "cancelled";
    case CURLE_WRITE_ERROR: return "write_callback_failed"; // neither is told: is_cancelled()
    case CURLE_READ_ERROR: return "read_callback_failed";
    case CURLE_OUT_OF_MEMORY: return "out_of_memory";
    default: return "_OTHER";
    }
}

} // namespace detail
} // namespace plume
