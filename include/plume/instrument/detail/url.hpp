// url.hpp - what may be said of a URL: all but the secrets that are known to travel in one.
//
// The rules are those of OpenTelemetry's HTTP conventions for `url.full` and `url.query`.
#pragma once

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

/// Whether `text`, as it stands in a query, spells `key`: whoever reads `s%69g` sees `sig`.
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

/// Takes the secrets out of URLs and queries. Immutable, so any thread may ask. Where there is
/// nothing to take out, which is nearly always, it copies and allocates nothing.
class [[gnu::visibility("default")]] UrlRedaction {
  public:
    UrlRedaction() = default;
    /// `more_keys`: secret keys of a query besides those that the conventions list. Their case
    /// matters, as there.
    explicit UrlRedaction(std::vector<std::string> more_keys) : more_keys_{std::move(more_keys)} {}

    /// `url` with REDACTED:REDACTED for its credentials and REDACTED for the secrets in its query.
    /// The result is `url` itself or a view of `buffer`.
    [[nodiscard]] std::string_view url(std::string_view url, std::string& buffer) const {
        const std::size_t hash = url.find('#');
        const std::size_t end = hash < url.size() ? hash : url.size();
        const std::size_t mark = url.substr(0, end).find('?');
        const std::size_t query = mark < end ? mark + 1 : end;
        const std::size_t host = begin_of_authority(url);
        const std::size_t slash = url.find_first_of("/\\?#", host);
        const std::size_t at = url.substr(0, slash).rfind('@');
        const bool credentials = at != std::string_view::npos && at >= host;
        if (!credentials && !has_secret(url.substr(query, end - query))) return url;
        buffer.clear();
        if (credentials) {
            buffer.append(url.substr(0, host)).append("REDACTED:REDACTED");
            buffer.append(url.substr(at, query - at));
        } else {
            buffer.append(url.substr(0, query));
        }
        append(buffer, url.substr(query, end - query));
        buffer.append(url.substr(end));
        return buffer;
    }

    /// The same for what stands behind the question mark.
    [[nodiscard]] std::string_view query(std::string_view query, std::string& buffer) const {
        if (!has_secret(query)) return query;
        buffer.clear();
        append(buffer, query);
        return buffer;
    }

  private:
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
