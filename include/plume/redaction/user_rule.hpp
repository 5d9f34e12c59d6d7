// user_rule.hpp - a value rule of the program's own: a function of its, or a regular expression.
#pragma once

#include <array>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <regex.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <plume/redaction/characters.hpp>
#include <plume/redaction/key_rules.hpp>
#include <plume/redaction/rules.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// A POSIX extended regular expression. Not std::regex: libstdc++'s calls itself once for each
/// character of the text, and a long value overflows the stack.
class Regex {
  public:
    /// Throws std::invalid_argument with what regcomp(3) says.
    explicit Regex(const std::string& expression) {
        // glibc takes \d for a d, without a word.
        for (const char* foreign : {"\\d", "\\D", "(?"})
            if (expression.find(foreign) != std::string::npos)
                throw std::invalid_argument{std::string{foreign} +
                                            " is not POSIX: write [0-9], and groups without ?"};
        const int error = regcomp(&compiled_, expression.c_str(), REG_EXTENDED);
        if (error == 0) return;
        std::array<char, 128> why{};
        regerror(error, &compiled_, why.data(), why.size());
        throw std::invalid_argument{why.data()};
    }
    ~Regex() { regfree(&compiled_); }
    Regex(const Regex&) = delete;
    Regex& operator=(const Regex&) = delete;

    /// The first match in `text` from `from` on. Throws if there is no memory.
    [[nodiscard]] Part find(std::string_view text, std::size_t from) {
        copy_.assign(text.substr(from)); // regexec(3) wants a zero at the end, and none before
        for (char& c : copy_)
            if (c == '\0') c = '\x01';
        regmatch_t match{};
        const int error = regexec(&compiled_, copy_.c_str(), 1, &match, from != 0 ? REG_NOTBOL : 0);
        if (error == REG_NOMATCH) return {};
        if (error != 0) throw std::runtime_error{"regexec(3) has no memory"};
        return {from + static_cast<std::size_t>(match.rm_so),
                from + static_cast<std::size_t>(match.rm_eo)};
    }

    /// Such an expression never gets beyond the first place where there is nothing: x* and yx.
    [[nodiscard]] bool matches_nothing() const noexcept {
        return regexec(&compiled_, "", 0, nullptr, 0) == 0;
    }

  private:
    regex_t compiled_{};
    std::string copy_;
};

class UserRule {
  public:
    /// Throws WrongRule if the rule is wrong.
    explicit UserRule(const ValueRule& rule)
        : name_{"the value rule \"" + rule.name + '"'}, matcher_{rule.matcher},
          action_{rule.action} {
        if (action_ == Redact::cut)
            throw WrongRule{name_ + " wants to cut: that is for Pattern::ip_address"};
        try {
            if (rule.is_regex) regex_ = std::make_unique<Regex>(rule.name);
            else if (!matcher_) throw std::invalid_argument{"it has no function"};
            probe();
        } catch (const std::exception& exception) {
            throw WrongRule{name_ + ": " + exception.what()};
        } catch (...) {
            throw WrongRule{name_ + " throws an unknown exception"};
        }
    }

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] Redact action() const noexcept { return action_; }

    /// The first part of `text`, from `from` on, that must not leave. It cuts through no character.
    /// Throws what the function throws, and if the part is none of the text.
    [[nodiscard]] Part find(std::string_view text, std::size_t from) {
        Part part = regex_ ? regex_->find(text, from) : ask(text, from);
        if (part.empty()) return {};
        const auto continues = [text](std::size_t i) {
            return i < text.size() && (static_cast<unsigned char>(text[i]) & 0xC0U) == 0x80U;
        };
        while (continues(part.begin)) --part.begin;
        while (continues(part.end)) ++part.end;
        return part;
    }

  private:
    Part ask(std::string_view text, std::size_t from) {
        const std::string_view rest = text.substr(from);
        const std::string_view found = matcher_(rest);
        if (found.empty()) return {};
        const std::less_equal<> is_before; // of pointers, wherever they point to
        if (!is_before(rest.data(), found.data()) ||
            !is_before(found.data() + found.size(), rest.data() + rest.size()))
            throw std::runtime_error{"what it returns is no part of the text"};
        const auto begin = from + static_cast<std::size_t>(found.data() - rest.data());
        return {begin, begin + found.size()};
    }

    /// What is wrong with any text is told when the session starts.
    void probe() {
        if (regex_ && regex_->matches_nothing())
            throw std::invalid_argument{"it matches where there is nothing"};
        static_cast<void>(find("a text", 0));
    }

    std::string name_;
    ValueRule::Matcher matcher_;
    std::unique_ptr<Regex> regex_;
    Redact action_;
};

} // namespace detail
} // namespace plume
