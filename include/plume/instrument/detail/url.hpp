// url.hpp - what may be said of a URL: all but the secrets that are known to travel in one.
//
// The rules are those of OpenTelemetry's HTTP conventions for `url.full` and `url.query`.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// Keys of a query whose values give access to something: signed URLs of AWS, Azure and Google.
inline constexpr std::array<std::string_view, 7> secret_query_keys{
    "X-Amz-Signature", "X-Amz-Credential", "X-Amz-Security-Token",
    "AWSAccessKeyId",  "Signature",        "sig",
    "X-Goog-Signature"};

constexpr int value_of_hex(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/// Whether `text`, as it stands in a query, spells `key`: servers read `s%69g` as `sig`.
constexpr bool spells(std::string_view text, std::string_view key) noexcept {
    std::size_t at = 0;
    for (const char wanted : key) {
        if (at == text.size()) return false;
        char c = text[at++];
        if (c == '%' && text.size() - at >= 2 && value_of_hex(text[at]) >= 0 &&
            value_of_hex(text[at + 1]) >= 0) {
            c = static_cast<char>(value_of_hex(text[at]) * 16 + value_of_hex(text[at + 1]));
            at += 2;
        }
        if (c != wanted) return false;
    }
    return at == text.size();
}

/// Whether `text` may be a host with its port, as far as the port tells: "shop:8080", "[::1]".
constexpr bool has_proper_port(std::string_view text) noexcept {
    const std::size_t bracket = text.starts_with('[') ? text.find(']') : std::string_view::npos;
    const std::size_t colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
    return colon == std::string_view::npos ||
           text.find_first_not_of("0123456789", colon + 1) == std::string_view::npos;
}

/// Takes the secrets out of URLs and queries. Immutable, so any thread may ask. Where there is
/// nothing to take out, which is nearly always, it copies and allocates nothing. The result of each
/// function is its argument itself or a view of `buffer`.
class [[gnu::visibility("default")]] UrlRedaction {
  public:
    UrlRedaction() = default;
    /// `more_keys`: secret keys of a query besides those that the conventions list. Their case
    /// matters, as there.
    explicit UrlRedaction(std::vector<std::string> more_keys) : more_keys_{std::move(more_keys)} {}

    /// `url` with REDACTED:REDACTED for its credentials, and for those of URLs within it, and
    /// REDACTED for the secrets in its query.
    [[nodiscard]] std::string_view url(std::string_view url, std::string& buffer) const {
        return without_secrets(
            without_credentials(url, begin_of_authority(url), end_of_url_authority, buffer),
            buffer);
    }

    /// The same for what stands behind the question mark.
    [[nodiscard]] std::string_view query(std::string_view query, std::string& buffer) const {
        const std::string_view text =
            without_credentials(query, behind_scheme(query, 0), end_of_inner_authority, buffer);
        if (!has_secret(text)) return text;
        std::string shown;
        append(shown, text);
        buffer = std::move(shown);
        return buffer;
    }

    /// A reference to a URL (RFC 3986, 4.1): a URL, or a path with its query.
    [[nodiscard]] std::string_view reference(std::string_view text, std::string& buffer) const {
        if (!text.starts_with('/') || text.starts_with("//")) return url(text, buffer);
        return without_secrets(
            without_credentials(text, behind_scheme(text, 0), end_of_inner_authority, buffer),
            buffer);
    }

    /// Any text that may have URLs in it: their credentials are taken out.
    [[nodiscard]] static std::string_view text(std::string_view text, std::string& buffer) {
        return without_credentials(text, behind_scheme(text, 0), end_of_word, buffer);
    }

    /// A list of hosts, with parameters or without, such as the header Forwarded.
    [[nodiscard]] static std::string_view hosts(std::string_view text, std::string& buffer) {
        if (text.find('@') == std::string_view::npos) return text;
        std::string shown;
        while (!text.empty()) {
            const std::size_t host = std::min(text.find_first_not_of(" \t,;=\""), text.size());
            const std::size_t end = std::min(text.find_first_of(" \t,;=\"", host), text.size());
            const std::size_t at = text.substr(host, end - host).rfind('@');
            shown.append(text.substr(0, host));
            if (at == std::string_view::npos) shown.append(text.substr(host, end - host));
            else shown.append("REDACTED:REDACTED").append(text.substr(host + at, end - host - at));
            text.remove_prefix(end);
        }
        buffer = std::move(shown);
        return buffer;
    }

    /// Where the '@' in front of the host is in `text`, which begins with an authority and has
    /// credentials; zero if it has none.
    [[nodiscard]] static std::size_t begin_of_host(std::string_view text) noexcept {
        const std::size_t at = end_of_credentials(text, 0, end_of_url_authority);
        return at == std::string_view::npos ? 0 : at;
    }

  private:
    static constexpr std::string_view end_of_url_authority = "/\\?#";
    static constexpr std::string_view end_of_inner_authority = "/\\?#&";
    static constexpr std::string_view end_of_word = "/\\?# \t\r\n\"'<>";

    /// Behind `scheme://`, with as many slashes as there are: some clients take one or three. Zero
    /// if there is no scheme: "user:password@host" is one of the spellings that libcurl takes.
    static std::size_t begin_of_authority(std::string_view url) noexcept {
        std::size_t at = url.find_first_of(":/\\?#@");
        if (at == std::string_view::npos || url[at] == '?' || url[at] == '#' || url[at] == '@')
            return 0;
        if (url[at] == ':') ++at;
        else if (at != 0) return 0; // "host/path"
        const std::size_t slashes = at;
        while (at < url.size() && (url[at] == '/' || url[at] == '\\')) ++at;
        return at == slashes ? 0 : at;
    }
    static std::size_t behind_scheme(std::string_view text, std::size_t from) noexcept {
        const std::size_t at = text.find("://", from);
        return at == std::string_view::npos ? at : at + 3;
    }

    /// Where the '@' behind the credentials is of an authority that begins at `host`.
    static std::size_t end_of_credentials(std::string_view text, std::size_t host,
                                          std::string_view ends) noexcept {
        const std::size_t end = text.find_first_of(ends, host);
        const std::size_t at = text.substr(0, end).rfind('@');
        if (at != std::string_view::npos && at >= host) return at;
        if (end == std::string_view::npos || has_proper_port(text.substr(host, end - host)))
            return std::string_view::npos;
        // No port, so this is a password that has one of `ends` in it.
        const std::size_t last = text.rfind('@');
        return last != std::string_view::npos && last > end ? last : std::string_view::npos;
    }

    /// `host`: where the first authority begins. Each "://" behind it begins another one.
    static std::string_view without_credentials(std::string_view text, std::size_t host,
                                                std::string_view ends, std::string& buffer) {
        if (text.find('@') == std::string_view::npos) return text;
        std::string shown;
        std::size_t done = 0;
        while (host != std::string_view::npos) {
            const std::size_t at = end_of_credentials(text, host, ends);
            if (at != std::string_view::npos) {
                shown.append(text.substr(done, host - done)).append("REDACTED:REDACTED");
                done = at;
            }
            host = behind_scheme(text, at != std::string_view::npos ? at : host);
            if (ends == end_of_url_authority) ends = end_of_inner_authority;
        }
        if (shown.empty()) return text;
        buffer = std::move(shown.append(text.substr(done)));
        return buffer;
    }

    /// `url` may be a view of `buffer`.
    std::string_view without_secrets(std::string_view url, std::string& buffer) const {
        const std::size_t hash = url.find('#');
        const std::size_t end = hash < url.size() ? hash : url.size();
        const std::size_t mark = url.substr(0, end).find('?');
        const std::size_t query = mark < end ? mark + 1 : end;
        if (!has_secret(url.substr(query, end - query))) return url;
        std::string shown{url.substr(0, query)};
        append(shown, url.substr(query, end - query));
        buffer = std::move(shown.append(url.substr(end)));
        return buffer;
    }

    [[nodiscard]] bool is_secret(std::string_view key) const noexcept {
        for (const std::string_view secret : secret_query_keys)
            if (spells(key, secret)) return true;
        for (const std::string& secret : more_keys_)
            if (spells(key, secret)) return true;
        return false;
    }

    /// Where the next secret value is. A key may begin behind `;` too, for servers that take it
    /// so; a value goes on to the next `&`, which hides too much rather than too little.
    struct Value {
        std::size_t begin;
        std::size_t end;
    };
    [[nodiscard]] std::optional<Value> next_secret(std::string_view query,
                                                   std::size_t at) const noexcept {
        while (at < query.size()) {
            const std::size_t stop = query.find_first_of("&;=", at);
            if (stop == std::string_view::npos) return std::nullopt;
            if (query[stop] != '=') {
                at = stop + 1;
                continue;
            }
            if (is_secret(query.substr(at, stop - at))) {
                const std::size_t end = query.find('&', stop);
                return Value{stop + 1, end < query.size() ? end : query.size()};
            }
            const std::size_t next = query.find_first_of("&;", stop);
            if (next == std::string_view::npos) return std::nullopt;
            at = next + 1;
        }
        return std::nullopt;
    }
    [[nodiscard]] bool has_secret(std::string_view query) const noexcept {
        return next_secret(query, 0).has_value();
    }

    void append(std::string& out, std::string_view query) const {
        std::size_t at = 0;
        for (auto secret = next_secret(query, at); secret; secret = next_secret(query, at)) {
            out.append(query.substr(at, secret->begin - at)).append("REDACTED");
            at = secret->end;
            if (at == query.size()) return;
            out += query[at++]; // the ampersand
        }
        out.append(query.substr(at));
    }

    std::vector<std::string> more_keys_;
};

} // namespace detail
} // namespace plume
