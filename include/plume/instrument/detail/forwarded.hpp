// forwarded.hpp - what a proxy says about the request that it passes on (RFC 7239).
#pragma once

#include <cstddef>
#include <string_view>

#include <plume/instrument/detail/http.hpp>
#include <plume/propagation/header_text.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// Views into the headers; empty where the proxy says nothing, or nothing that can be read.
struct Forwarded {
    std::string_view client; ///< the address, without brackets and port
    std::string_view host;   ///< as in the header `Host`
    std::string_view scheme; ///< a literal: "http" or "https"
};

/// An address as `for` has it: 192.0.2.43, 192.0.2.43:47011, [2001:db8::17]:4711, _hidden, unknown.
/// Empty for what is no address, such as one with credentials in front.
inline std::string_view address_of_node(std::string_view node) noexcept {
    if (node.find('@') != std::string_view::npos || same_name(node, "unknown")) return {};
    const std::size_t colon = node.find(':');
    const bool several = colon != std::string_view::npos && node.find(':', colon + 1) != node.npos;
    if (several && !node.starts_with('[') && !is_ipv6(node)) return {};
    const std::string_view address = HostAndPort{node}.host; // a port may be hidden: "_4711"
    return same_name(address, "unknown") ? std::string_view{} : address;
}

inline std::string_view known_scheme(std::string_view scheme) noexcept {
    if (same_name(scheme, "https")) return "https";
    return same_name(scheme, "http") ? "http" : "";
}

/// Takes a value off the front of a list of pairs: a token, or a string in quotes, which is told
/// without them. Empty if it has no end, or has escapes, which no address or host needs.
inline std::string_view take_forwarded_value(std::string_view& rest) noexcept {
    if (!rest.starts_with('"')) {
        const std::size_t end = rest.find_first_of(";,");
        const std::string_view value = rest.substr(0, end);
        rest.remove_prefix(value.size());
        return without_blanks(value);
    }
    const std::size_t end = rest.find('"', 1);
    if (end == std::string_view::npos || rest.substr(0, end).find('\\') != std::string_view::npos) {
        rest = {};
        return {};
    }
    const std::string_view value = rest.substr(1, end - 1);
    rest.remove_prefix(end + 1);
    return value;
}

/// The first element of the header `Forwarded`: what the first proxy has seen.
inline Forwarded read_forwarded_header(std::string_view header) noexcept {
    Forwarded told;
    while (!header.empty() && header.front() != ',') {
        if (header.front() == ';' || header.front() == ' ' || header.front() == '\t') {
            header.remove_prefix(1);
            continue;
        }
        const std::size_t end = header.find_first_of("=;,");
        if (end == std::string_view::npos || header[end] != '=') break; // it is no list of pairs
        const std::string_view name = header.substr(0, end);
        header.remove_prefix(end + 1);
        const std::string_view value = take_forwarded_value(header);
        if (same_name(name, "for")) told.client = address_of_node(value);
        else if (same_name(name, "host")) told.host = value;
        else if (same_name(name, "proto")) told.scheme = known_scheme(value);
    }
    return told;
}

/// The header of the standard, or those that were there before it: X-Forwarded-For, -Host and
/// -Proto, of each of which the first value counts.
template <class Carrier>
Forwarded read_forwarded(const Carrier& headers) {
    if (const std::string_view standard = headers.get("forwarded"); !standard.empty())
        return read_forwarded_header(standard);
    const auto first = [&headers](std::string_view name) {
        std::string_view list = headers.get(name);
        return without_blanks(take_until(list, ','));
    };
    return {address_of_node(first("x-forwarded-for")), first("x-forwarded-host"),
            known_scheme(first("x-forwarded-proto"))};
}

} // namespace detail
} // namespace plume
