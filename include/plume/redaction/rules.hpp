// rules.hpp - rules for what never leaves the process: which values, and what they become.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace plume {

/// What becomes of a value that must not leave.
enum class Redact : std::uint8_t {
    replace, ///< Redaction::replacement instead of it
    mask,    ///< "****" and its last four characters; "****" alone if it has less than eight
    hash,    ///< 16 hexadecimal digits; equal values have equal ones: see Options::hash_key
    cut,     ///< of IP addresses only: 203.0.113.0 (/24), 2001:db8:7:: (/48)
    drop     ///< the whole attribute is left out, and counted on its span, event or link
};

/// What the built-in value rules find in texts.
enum class Pattern : std::uint8_t {
    email,           ///< bob@example.org, bob%40example.org
    token,           ///< what follows "Bearer" or "Basic", and JSON web tokens
    card,            ///< 13 to 19 digits that pass Luhn's check, also with blanks or dashes
    ip_address,      ///< 203.0.113.7, 2001:db8:7::1; not this host's own
    url_credentials, ///< the user and the password in https://user:password@host
    named_value      ///< x in password=x and in "password":"x", if a key rule is about password:
                     ///< it becomes what that rule says, or is replaced where that one drops
};

/// A rule about keys: of attributes of spans, events, links and the resource. `*` in the pattern
/// stands for any characters, also none, `?` for one; upper and lower case are the same. The whole
/// value goes, of whatever type it is. The text of a status has the key otel.status_description.
struct KeyRule {
    std::string pattern;
    Redact action = Redact::replace;
};

/// A rule about what is in a text, whatever its key: it takes out what it finds, and leaves the
/// rest.
struct ValueRule {
    /// Finds the first part of a text that must not leave, and returns it as a view into the text;
    /// an empty view if there is none. It is called again with what follows. The text is valid
    /// UTF-8. Called from the background thread, and once when the session starts.
    using Matcher = std::function<std::string_view(std::string_view text)>;

    /// Addresses are cut, all else is replaced.
    ValueRule(Pattern what)
        : pattern{what}, action{what == Pattern::ip_address ? Redact::cut : Redact::replace} {}
    ValueRule(Pattern what, Redact becomes) : pattern{what}, action{becomes} {}

    /// A rule of your own. `name` is for reports.
    ValueRule(std::string rule_name, Matcher finds, Redact becomes = Redact::replace)
        : name{std::move(rule_name)}, matcher{std::move(finds)}, action{becomes} {}

    /// A regular expression as in `grep -E`: POSIX extended, so [0-9] and not \d. Compiled once.
    /// Many times slower than the built-in patterns: for what a few lines of code cannot find.
    static ValueRule regex(std::string expression, Redact becomes = Redact::replace) {
        ValueRule rule{std::move(expression), nullptr, becomes};
        rule.is_regex = true;
        return rule;
    }

    std::string name; ///< empty for a built-in pattern
    Matcher matcher;
    Pattern pattern = Pattern::email;
    Redact action = Redact::replace;
    bool is_regex = false;
};

/// What a session takes out of everything that it hands to exporters, on the background thread:
/// attributes, events, links, names, texts of errors, trace state, resource. Without any rule it
/// costs nothing. Keys themselves are never changed.
///
/// The first key rule that matches decides; a value that no key rule is about is searched by all
/// value rules. Of two value rules with one pattern the later one counts. What is changed or
/// dropped is counted (Stats::redacted_values). A session whose rules are wrong does not start:
/// Session::error() says why.
struct Redaction {
    std::vector<KeyRule> keys{};
    std::vector<ValueRule> values{};

    /// Not empty: only attributes leave whose key matches one of these patterns; of the others
    /// becomes what `others` says. The rules above hold for those that leave. The name of the
    /// service and of this library leave in any case.
    std::vector<std::string> allow_only{};
    Redact others = Redact::replace;

    std::string replacement = "REDACTED"; ///< at most 64 bytes of UTF-8

    /// Keys and patterns for what is secret in any program: passwords, tokens, keys, cookies,
    /// e-mail addresses and card numbers are replaced, IP addresses cut. Not on by default: only
    /// who knows the data knows what may be taken out of it, and a number that looks like a card
    /// is missed when it was an order.
    [[nodiscard]] static Redaction standard() {
        Redaction rules;
        for (const char* key : {"*password*",    "*passwd*",     "*passphrase*",   "pwd",
                                "*.pwd",         "*secret*",     "*credential*",   "token",
                                "*.token",       "*_token",      "*-token",        "*accesstoken",
                                "*refreshtoken", "*idtoken",     "*api_key",       "*api-key",
                                "*apikey",       "*private_key", "*private-key",   "*access_key",
                                "*access-key",   "*accesskeyid", "*authorization", "*cookie",
                                "*session_id",   "*session-id",  "*sessionid",     "sig",
                                "signature",     "*-signature",  "*.cvv",          "*.cvc",
                                "*card_number",  "*card.number", "*.ssn"})
            rules.keys.push_back({key});
        for (const Pattern pattern :
             {Pattern::email, Pattern::token, Pattern::card, Pattern::ip_address,
              Pattern::url_credentials, Pattern::named_value})
            rules.values.push_back(pattern);
        return rules;
    }

    [[nodiscard]] bool empty() const noexcept {
        return keys.empty() && values.empty() && allow_only.empty();
    }
};

} // namespace plume
