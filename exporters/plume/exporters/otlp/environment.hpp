// environment.hpp - reads OTEL_EXPORTER_OTLP_*, and warns about what makes no sense.
#pragma once

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <plume/exporters/detail/header_line.hpp>
#include <plume/exporters/otlp/options.hpp>

namespace plume {

namespace otlp {

[[nodiscard]] inline std::string lower(std::string_view text) {
    std::string result{text};
    for (char& c : result)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a'); // whatever the locale
    return result;
}
[[nodiscard]] inline std::string_view trim(std::string_view text) noexcept {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

/// `%41` becomes `A`; nothing if a `%` is not followed by two hexadecimal digits.
[[nodiscard]] inline std::optional<std::string> percent_decoded(std::string_view text) {
    std::string result;
    for (std::size_t i = 0; i != text.size(); ++i) {
        if (text[i] != '%') {
            result += text[i];
            continue;
        }
        const std::string_view digits = text.substr(i + 1, 2);
        unsigned code = 0;
        const auto end =
            std::from_chars(digits.data(), digits.data() + digits.size(), code, 16).ptr;
        if (digits.size() != 2 || end != digits.data() + 2) return std::nullopt;
        result += static_cast<char>(code);
        i += 2;
    }
    return result;
}

using plume::detail::is_header_name;
using plume::detail::is_header_value;

[[nodiscard]] inline bool is_url(std::string_view text) {
    const std::string_view rest = text.substr(std::min(text.find("://"), text.size()));
    const std::string scheme = lower(text.substr(0, text.size() - rest.size()));
    return (scheme == "http" || scheme == "https") && rest.size() > 3 && rest[3] != '/' &&
           std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) <= 0x20; });
}

/// `url` with `path` behind its own path, and before its query.
[[nodiscard]] inline std::string with_path(std::string_view url, std::string_view path) {
    const std::size_t end = std::min(url.find_first_of("?#"), url.size());
    std::string result{url.substr(0, end)};
    if (result.empty() || result.back() != '/') result += '/';
    return result.append(path).append(url.substr(end));
}
[[nodiscard]] inline bool has_path(std::string_view url) noexcept {
    const std::size_t host = url.find("://");
    const std::size_t end = url.find_first_of("/?#", host == url.npos ? 0 : host + 3);
    return end != url.npos && url[end] == '/';
}

/// The variables of one signal before those of all signals, empty ones as if unset.
class Environment {
  public:
    explicit Environment(std::vector<std::string>* warnings) : warnings_{warnings} {}

    struct Variable {
        std::string name;
        std::string value; ///< empty: unset
        bool of_traces = false;
        explicit operator bool() const noexcept { return !value.empty(); }
    };

    [[nodiscard]] Variable operator[](std::string_view suffix) const {
        for (const bool of_traces : {true, false}) {
            std::string name = of_traces ? "OTEL_EXPORTER_OTLP_TRACES_" : "OTEL_EXPORTER_OTLP_";
            name += suffix;
            const char* const value = std::getenv(name.c_str());
            const std::string_view trimmed = trim(value ? value : "");
            if (!trimmed.empty()) return {std::move(name), std::string{trimmed}, of_traces};
        }
        return {};
    }

    void warn(const Variable& variable, std::string_view what) const {
        if (warnings_) warnings_->push_back(variable.name + " " + std::string{what});
    }

  private:
    std::vector<std::string>* warnings_;
};

inline void read_endpoint(const Environment& environment, OtlpOptions& options) {
    bool plain = false;
    if (const auto insecure = environment["INSECURE"]) {
        plain = lower(insecure.value) == "true";
        if (!plain && lower(insecure.value) != "false")
            environment.warn(insecure, "is neither true nor false; taken as false");
    }
    const auto endpoint = environment["ENDPOINT"];
    if (!endpoint) return;
    std::string url = endpoint.value;
    if (url.find("://") == url.npos) url.insert(0, plain ? "http://" : "https://");
    if (!is_url(url)) return environment.warn(endpoint, "is no http or https URL; ignored");
    if (!endpoint.of_traces) options.endpoint = with_path(url, "v1/traces");
    else options.endpoint = has_path(url) ? url : with_path(url, ""); // as it is: the root
}

inline void read_headers(const Environment& environment, OtlpOptions& options) {
    const auto headers = environment["HEADERS"];
    for (std::string_view rest = headers.value; !rest.empty();) {
        const std::string_view member = trim(rest.substr(0, rest.find(',')));
        rest.remove_prefix(std::min(rest.find(','), rest.size() - 1) + 1);
        if (member.empty()) continue;
        const std::size_t equals = std::min(member.find('='), member.size());
        const std::string_view name = trim(member.substr(0, equals));
        const auto value =
            percent_decoded(trim(member.substr(std::min(equals + 1, member.size()))));
        if (equals != member.size() && is_header_name(name) && value && is_header_value(*value))
            options.headers.emplace_back(name, *value);
        else environment.warn(headers, "has a member that is no name=value of a header; ignored");
    }
}

} // namespace otlp

inline OtlpOptions OtlpOptions::from_environment(std::vector<std::string>* warnings) {
    const otlp::Environment environment{warnings};
    OtlpOptions options;
    otlp::read_endpoint(environment, options);
    otlp::read_headers(environment, options);
    if (const auto compression = environment["COMPRESSION"]) {
        const std::string value = otlp::lower(compression.value);
        if (value == "gzip") options.compression = OtlpCompression::gzip;
        else if (value != "none") environment.warn(compression, "is neither gzip nor none; none");
    }
    if (const auto protocol = environment["PROTOCOL"]) {
        const std::string value = otlp::lower(protocol.value);
        if (value == "http/json") options.encoding = OtlpEncoding::json;
        else if (value != "http/protobuf")
            environment.warn(protocol, "is neither http/protobuf nor http/json; http/protobuf");
    }
    if (const auto timeout = environment["TIMEOUT"]) {
        constexpr std::int64_t day = 86'400'000; // a longer time, or 0 for none, is as good as this
        const std::string& value = timeout.value;
        std::int64_t milliseconds = 0;
        const auto [end, error] =
            std::from_chars(value.data(), value.data() + value.size(), milliseconds);
        if (error == std::errc{} && end == value.data() + value.size() && milliseconds >= 0) {
            if (milliseconds == 0 || milliseconds > day) milliseconds = day;
            options.timeout = std::chrono::milliseconds{milliseconds};
        } else environment.warn(timeout, "is no number of milliseconds; 10000");
    }
    options.ca_file = environment["CERTIFICATE"].value;
    options.certificate_file = environment["CLIENT_CERTIFICATE"].value;
    options.key_file = environment["CLIENT_KEY"].value;
    return options;
}

} // namespace plume
