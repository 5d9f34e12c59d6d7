// url.cpp - the redaction of URLs, beside one that takes its time: no secret stays, nothing else
// goes.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <plume/instrument/detail/url.hpp>

namespace {

std::string decoded(const std::string& text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto is_hex = [&](std::size_t at) {
            return at < text.size() &&
                   std::string{"0123456789abcdefABCDEF"}.find(text[at]) != std::string::npos;
        };
        if (text[i] == '%' && is_hex(i + 1) && is_hex(i + 2)) {
            result += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
            i += 2;
        } else {
            result += text[i];
        }
    }
    return result;
}

bool is_secret(const std::string& key) {
    for (const char* const secret :
         {"X-Amz-Signature", "X-Amz-Credential", "X-Amz-Security-Token", "AWSAccessKeyId",
          "Signature", "sig", "X-Goog-Signature", "mine"})
        if (decoded(key) == secret) return true;
    return false;
}

/// The parts of the query at its ampersands; of each, the first secret key hides all behind it.
std::string slow_query(const std::string& query) {
    std::string result;
    std::string part;
    for (std::size_t i = 0; i <= query.size(); ++i) {
        if (i < query.size() && query[i] != '&') {
            part += query[i];
            continue;
        }
        std::size_t key = 0;
        for (std::size_t k = 0; k < part.size(); ++k) {
            if (part[k] == ';') key = k + 1;
            // Only the first '=' behind a key's beginning ends the key.
            if (part[k] == '=' && part.substr(key, k - key).find('=') == std::string::npos &&
                is_secret(part.substr(key, k - key))) {
                part = part.substr(0, k + 1) + "REDACTED";
                break;
            }
        }
        result += part;
        if (i < query.size()) result += '&';
        part.clear();
    }
    return result;
}

/// Whether what stands before the end of a host may be one, as far as its port tells.
bool has_port(const std::string& host) {
    std::size_t from = 0;
    if (!host.empty() && host[0] == '[' && host.find(']') != std::string::npos)
        from = host.find(']');
    const auto colon = host.find(':', from);
    if (colon == std::string::npos) return true;
    for (const char c : host.substr(colon + 1))
        if (c < '0' || c > '9') return false;
    return true;
}

/// Hides the credentials of the host that begins there, and of all behind a "://" behind it.
std::string slow_hosts(const std::string& text, std::size_t host, const std::string& ends) {
    if (host == std::string::npos) return text;
    const std::string rest = text.substr(host);
    const auto end = rest.find_first_of(ends);
    auto at = rest.substr(0, end).rfind('@');
    if (at == std::string::npos && end != std::string::npos && !has_port(rest.substr(0, end)))
        at = rest.rfind('@');
    const bool hidden = at != std::string::npos;
    const std::string tail = hidden ? rest.substr(at) : rest;
    const auto next = tail.find("://");
    return text.substr(0, host) + (hidden ? "REDACTED:REDACTED" : "") +
           slow_hosts(tail, next == std::string::npos ? next : next + 3, "/\\?#&");
}

std::string slow_whole_query(const std::string& query) {
    const auto scheme = query.find("://");
    return slow_query(
        slow_hosts(query, scheme == std::string::npos ? scheme : scheme + 3, "/\\?#&"));
}

std::string slow_secrets(const std::string& url) {
    const auto hash = std::min(url.find('#'), url.size());
    const auto mark = url.substr(0, hash).find('?');
    if (mark == std::string::npos) return url;
    return url.substr(0, mark + 1) + slow_query(url.substr(mark + 1, hash - mark - 1)) +
           url.substr(hash);
}

std::string slow_url(const std::string& url) {
    // scheme, slashes, authority
    const std::string front = url.substr(0, url.find_first_of("?#"));
    const auto slash = [](char c) { return c == '/' || c == '\\'; };
    std::size_t authority = 0;
    const auto colon = front.find(':');
    if (colon != std::string::npos && front.find_first_of("/\\@") > colon &&
        colon + 1 < front.size() && slash(front[colon + 1]))
        authority = colon + 1;
    while (authority < front.size() && slash(front[authority])) ++authority;
    return slow_secrets(slow_hosts(url, authority, "/\\?#"));
}

void must(bool right) {
    if (!right) std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const plume::detail::UrlRedaction redaction{std::vector<std::string>{"mine"}};
    const std::string text{reinterpret_cast<const char*>(data), size};
    std::string buffer = "left over";
    must(redaction.url(text, buffer) == slow_url(text));
    must(redaction.query(text, buffer) == slow_whole_query(text));
    const std::string once{redaction.url(text, buffer)};
    must(redaction.url(once, buffer) == once);
    return 0;
}
