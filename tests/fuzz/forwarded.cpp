// forwarded.cpp - the header Forwarded, beside a reader that is made of regular expressions and
// knows well-formed headers alone (RFC 7239, 4).
#include <cstddef>
#include <cstdint>
#include <map>
#include <regex>
#include <string>
#include <string_view>

#include <plume/instrument/detail/forwarded.hpp>

#include "fuzz.hpp"

namespace {

std::string lower_case(std::string text) {
    for (char& c : text)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return text;
}

/// Whether a text that was told is empty, or a part of the header.
bool is_part(std::string_view part, std::string_view header) {
    return part.empty() || (part.data() >= header.data() &&
                            part.data() + part.size() <= header.data() + header.size());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size > 200) return 0; // std::regex takes a stack frame for each character
    const std::string header{reinterpret_cast<const char*>(data), size};
    const plume::detail::Forwarded told = plume::detail::read_forwarded_header(header);
    fuzz::require(is_part(told.client, header) && is_part(told.host, header),
                  "it is in the header");
    fuzz::require(told.scheme.empty() || told.scheme == "http" || told.scheme == "https",
                  "a scheme is one of two");

    static const std::regex element{
        R"re(([a-zA-Z0-9_-]+=([a-zA-Z0-9._-]+|"[^"\\]*"))(;[a-zA-Z0-9_-]+=([a-zA-Z0-9._-]+|"[^"\\]*"))*(,.*)?)re"};
    static const std::regex pair{
        R"re(([a-zA-Z0-9_-]+)=(?:([a-zA-Z0-9._-]+)|"([^"\\]*)")([;,]?))re"};
    static const std::regex node{R"re(\[([^\]]*)\].*|((?!\[)[^:]*)(?::[^:]*)?|((?!\[).*:.*:.*))re"};
    for (const char c : header)
        if (static_cast<unsigned char>(c) < ' ') return 0; // a dot of std::regex is no line break
    if (!std::regex_match(header, element)) return 0;
    std::map<std::string, std::string> pairs;
    for (std::sregex_iterator it{header.begin(), header.end(), pair}, end; it != end; ++it) {
        pairs[lower_case((*it)[1])] = (*it)[2].str() + (*it)[3].str();
        if ((*it)[4] == ",") break;
    }
    std::smatch parts;
    std::string client = pairs["for"];
    if (std::regex_match(client, parts, node))
        client = parts[1].str() + parts[2].str() + parts[3].str();
    else client.clear();
    if (lower_case(client) == "unknown" && !pairs["for"].starts_with('[')) client.clear();
    static const std::regex name{"[a-zA-Z0-9._~-]+"};
    const std::string& whole = pairs["for"];
    if (std::regex_match(client, name) && !whole.starts_with('[') &&
        whole.find('@') == std::string::npos)
        fuzz::require(told.client == client, "the client is the one that is named");
    else
        fuzz::require(told.client.empty() || told.client == client,
                      "an odd one is the one that is named, or none");
    fuzz::require(told.client.find('@') == std::string_view::npos, "it has no credentials");
    fuzz::require(told.host == pairs["host"], "so is the host");
    const std::string scheme = lower_case(pairs["proto"]);
    fuzz::require(told.scheme == (scheme == "http" || scheme == "https" ? scheme : ""),
                  "so is the scheme");
    return 0;
}
