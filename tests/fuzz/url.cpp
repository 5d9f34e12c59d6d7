// url.cpp - the redaction of URLs, beside one that takes its time: no secret stays, nothing else
// goes.
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

std::string slow_url(const std::string& url) {
    std::string front = url;
    std::string fragment;
    if (const auto hash = front.find('#'); hash != std::string::npos) {
        fragment = front.substr(hash);
        front.resize(hash);
    }
    std::string query;
    if (const auto mark = front.find('?'); mark != std::string::npos) {
        query = "?" + slow_query(front.substr(mark + 1));
        front.resize(mark);
    }
    // scheme, slashes, authority, path
    const auto slash = [](char c) { return c == '/' || c == '\\'; };
    std::size_t authority = 0;
    const auto colon = front.find(':');
    if (colon != std::string::npos && front.find_first_of("/\\@") > colon &&
        colon + 1 < front.size() && slash(front[colon + 1]))
        authority = colon + 1;
    while (authority < front.size() && slash(front[authority])) ++authority;
    std::size_t end = authority;
    while (end < front.size() && !slash(front[end])) ++end;
    const std::string who = front.substr(authority, end - authority);
    if (const auto at = who.rfind('@'); at != std::string::npos)
        front =
            front.substr(0, authority) + "REDACTED:REDACTED" + who.substr(at) + front.substr(end);
    return front + query + fragment;
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
    must(redaction.query(text, buffer) == slow_query(text));
    const std::string once{redaction.url(text, buffer)};
    must(redaction.url(once, buffer) == once);
    return 0;
}
