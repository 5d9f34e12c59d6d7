// baggage.hpp - W3C Baggage, as slowly as it reads.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "../fuzz.hpp"
#include "alphabet.hpp"

namespace reference {

struct Member {
    std::string key;
    std::string value;
    std::vector<std::string> properties; ///< "key" or "key=value"

    [[nodiscard]] std::string text() const {
        std::string text = key + "=" + value;
        for (const std::string& property : properties) text += ";" + property;
        return text;
    }
};

inline bool is_baggage_value(const std::string& text) {
    static const std::string octets = [] {
        std::string all;
        for (char c = '!'; c <= '~'; ++c)
            if (c != '"' && c != ',' && c != ';' && c != '\\') all += c;
        return all;
    }();
    return only(text, octets);
}

inline std::optional<Member> baggage_member(const std::string& text) {
    const std::vector<std::string> parts = fuzz::split(text, ';');
    Member member;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const std::size_t equals = parts[i].find('=');
        const std::string key = trimmed(parts[i].substr(0, equals));
        if (key.empty() || !only(key, token)) return std::nullopt;
        std::string value;
        if (equals != std::string::npos) value = trimmed(parts[i].substr(equals + 1));
        if (!is_baggage_value(value)) return std::nullopt;
        if (i > 0) {
            member.properties.push_back(equals == std::string::npos ? key : key + "=" + value);
        } else if (equals == std::string::npos) {
            return std::nullopt;
        } else {
            member.key = key;
            member.value = value;
        }
    }
    return member;
}

inline std::string joined(const std::vector<Member>& members) {
    std::string text;
    for (const Member& member : members) {
        if (!text.empty()) text += ',';
        text += member.text();
    }
    return text;
}

/// Adds what is valid and has room.
inline void add_baggage(std::vector<Member>& members, const std::string& header) {
    std::string text = joined(members);
    for (const std::string& part : fuzz::split(header, ',')) {
        const auto member = baggage_member(part);
        if (!member || members.size() == 64) continue;
        const std::string longer = text + (text.empty() ? "" : ",") + member->text();
        if (longer.size() > 8192) continue;
        text = longer;
        members.push_back(*member);
    }
}

/// Code points, one after the other; what is none becomes U+FFFD, byte by byte.
inline std::string utf8(const std::string& bytes) {
    std::string text;
    std::size_t at = 0;
    while (at < bytes.size()) {
        const auto lead = static_cast<unsigned char>(bytes[at]);
        const std::size_t size = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
        unsigned long point = size == 1 ? lead : lead & (0xffU >> (size + 1));
        bool valid = lead < 0x80 || (lead >= 0xc0 && lead < 0xf8);
        for (std::size_t i = 1; valid && i < size; ++i) {
            valid = at + i < bytes.size() &&
                    (static_cast<unsigned char>(bytes[at + i]) & 0xc0U) == 0x80;
            if (valid) point = point << 6U | (static_cast<unsigned char>(bytes[at + i]) & 0x3fU);
        }
        const unsigned long least[] = {0, 0, 0x80, 0x800, 0x10000};
        valid = valid && point >= least[size] && point <= 0x10ffff &&
                (point < 0xd800 || point > 0xdfff);
        text += valid ? bytes.substr(at, size) : "\xef\xbf\xbd";
        at += valid ? size : 1;
    }
    return text;
}

inline std::string decoded(const std::string& text) {
    std::string bytes;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const std::string escape = text.substr(at, 3);
        if (escape.size() == 3 && escape[0] == '%' && only(escape.substr(1), any_hex)) {
            bytes += static_cast<char>(std::stoul(escape.substr(1), nullptr, 16));
            at += 2;
        } else {
            bytes += text[at];
        }
    }
    return utf8(bytes);
}

} // namespace reference
