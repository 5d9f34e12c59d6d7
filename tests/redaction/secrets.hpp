// secrets.hpp - random secrets of every kind that the built-in rules find, and the doors through
// which a program could let them out.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <plume/context.hpp>
#include <plume/plume.hpp>

namespace plume::redaction_test {

using namespace plume::literals;
using Random = std::mt19937_64;

inline std::size_t below(Random& random, std::size_t bound) { return random() % bound; }
inline std::string pick(Random& random, std::string_view from, std::size_t count) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) text += from[below(random, from.size())];
    return text;
}

inline constexpr std::string_view digits = "0123456789";
inline constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz";
inline constexpr std::string_view letters_and_digits =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// How a program might write a secret, and the part of it that no exporter may show.
struct Secret {
    std::string written;
    std::string essence;
};

inline std::string random_card(Random& random) {
    std::string number = "4" + pick(random, digits, 11 + below(random, 7));
    for (char last = '0'; last <= '9'; ++last) {
        unsigned sum = 0;
        const std::string whole = number + last;
        for (std::size_t i = 0; i < whole.size(); ++i) {
            const auto digit = static_cast<unsigned>(whole[whole.size() - 1 - i] - '0');
            sum += i % 2 == 0 ? digit : digit * 2 % 10 + digit * 2 / 10;
        }
        if (sum % 10 == 0) return whole;
    }
    throw std::logic_error{"one of ten digits is right"};
}

inline std::string in_groups(const std::string& number, std::string_view separator) {
    std::string text;
    for (std::size_t i = 0; i < number.size(); ++i) {
        if (i != 0 && i % 4 == 0) text += separator;
        text += number[i];
    }
    return text;
}

/// Of whole groups of three bytes.
inline std::string base64(std::string_view bytes) {
    constexpr std::string_view values =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    for (std::size_t i = 0; i + 2 < bytes.size(); i += 3) {
        unsigned group = 0;
        for (const char c : bytes.substr(i, 3)) group = group << 8U | static_cast<unsigned char>(c);
        for (const unsigned shift : {18U, 12U, 6U, 0U}) text += values[group >> shift & 63U];
    }
    return text;
}

inline std::string byte_of_address(Random& random) {
    return std::to_string(100 + below(random, 156)); // three digits: none is in another by chance
}

/// None needs escaping in JSON, so that the bytes of every format show it as it is.
inline Secret random_secret(Random& random) {
    const std::string host = pick(random, letters, 8) + ".example." + pick(random, letters, 3);
    switch (below(random, 12)) {
    case 0: {
        const std::string name = pick(random, letters, 9) + "." + pick(random, letters, 4);
        return {name + "@" + host, name};
    }
    case 1: {
        const std::string name = pick(random, letters, 12);
        return {"mailto=" + name + "%40" + host, name};
    }
    case 2: {
        const std::string token = pick(random, letters_and_digits, 30) + "7";
        return {(random() % 2 == 0 ? "Bearer " : "authorization: bearer%20") + token, token};
    }
    case 3: {
        const std::string token = base64("user:" + pick(random, letters_and_digits, 10));
        return {"Basic " + token, token};
    }
    case 4: {
        const std::string claims = pick(random, letters_and_digits, 24);
        return {"eyJhbGciOiJIUzI1NiJ9.eyJ" + claims + ".x-" + pick(random, letters, 8), claims};
    }
    case 5: {
        const std::string card = random_card(random);
        return {card, card};
    }
    case 6: {
        constexpr std::array<std::string_view, 3> separators{" ", "-", "+"};
        const std::string card = in_groups(random_card(random), separators[below(random, 3)]);
        return {card, card};
    }
    case 7: {
        const std::string address =
            "198.51." + byte_of_address(random) + "." + byte_of_address(random);
        return {"from " + address + ":443", address};
    }
    case 8: {
        const std::string line = "1" + pick(random, digits, 3) + ":2" + pick(random, digits, 3);
        return {"[2001:db8:7:" + line + "::5]", line};
    }
    case 9: {
        const std::string password = pick(random, letters_and_digits, 16);
        return {"postgres://" + pick(random, letters, 5) + ":" + password + "@" + host + "/shop",
                password};
    }
    case 10: {
        const std::string token = pick(random, letters_and_digits, 20);
        return {"https://" + host + "/a?page=2&access_token=" + token + "&x=1", token};
    }
    default: {
        const std::string password = pick(random, letters, 14);
        return {random() % 2 == 0 ? "UPDATE users SET password = '" + password + "' WHERE id = 7"
                                  : R"({"user":7,"password":")" + password + R"("})",
                password};
    }
    }
}

/// Text around a secret, as it happens to be.
inline std::string surrounded(Random& random, const std::string& secret) {
    constexpr std::array<std::string_view, 6> before{"", "(", "it was ", "müde, ", "a=b; ", "1 "};
    constexpr std::array<std::string_view, 6> behind{"",       ")",     " it was",
                                                     ", müde", "; a=b", ". End"};
    std::string text{before[below(random, before.size())]};
    text += secret;
    return text += behind[below(random, behind.size())];
}

/// Lets a text out by one of the ways that a program has while a session is on. The resource has
/// a door of its own.
inline constexpr std::size_t doors = 16;
inline void let_out(std::size_t door, const std::string& text) {
    const std::vector<std::string> list{"first", text, "last"};
    switch (door) {
    case 0: {
        PLUME_SPAN("attribute", "value"_a = text, "n"_a = 1);
        break;
    }
    case 1: {
        PLUME_SPAN("array", "values"_a = list);
        break;
    }
    case 2: {
        PLUME_SPAN("set later");
        plume::set("value"_a = text);
        break;
    }
    case 3: {
        PLUME_SPAN("optional", "value"_a = std::optional{text}, "none"_a = std::optional<int>{});
        break;
    }
    case 4: {
        PLUME_SPAN("event");
        PLUME_EVENT("happened", "value"_a = text, "values"_a = list);
        break;
    }
    case 5: {
        PLUME_SPAN_AS(span, "link");
        span.link(SpanContext{{1, 2}, {3}, 1, false, {}, {}}, "value"_a = text);
        break;
    }
    case 6: {
        PLUME_SPAN_AS(span, "trace state of a link");
        span.link(SpanContext{{1, 2}, {3}, 1, false, text, {}});
        break;
    }
    case 7: {
        PLUME_SPAN_DYNAMIC(plume::Name{text});
        break;
    }
    case 8: {
        PLUME_SPAN_AS(span, "renamed");
        span.rename(plume::Name{text});
        break;
    }
    case 9: {
        PLUME_SPAN("failed");
        PLUME_ERROR(text);
        break;
    }
    case 10: {
        PLUME_SPAN_AS(span, "exception");
        span.record_exception(std::runtime_error{text});
        break;
    }
    case 11: {
        const ContextScope scope{SpanContext{{1, 2}, {3}, 1, true, text, {}}};
        PLUME_SPAN("trace state");
        break;
    }
    case 12: {
        PLUME_SPAN("query", "db.query.text"_a = "SELECT * FROM t -- " + text);
        break;
    }
    case 13: {
        PLUME_SPAN("request", plume::client, "url.full"_a = "https://example.org/x?q=" + text,
                   "http.request.header.referer"_a = list);
        break;
    }
    case 14: {
        const ContextScope scope{SpanContext{{1, 2}, {3}, 1, true, {}, text}};
        PLUME_SPAN("baggage", "baggage"_a = current_context().baggage);
        break;
    }
    default: {
        AsyncSpan span{"asynchronous"_name, "value"_a = text};
        span.set("value"_a = "another", "again"_a = text);
        break;
    }
    }
}

} // namespace plume::redaction_test
