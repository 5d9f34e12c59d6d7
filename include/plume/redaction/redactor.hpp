// redactor.hpp - a session's rules, ready to be applied to what the background thread composes.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <plume/core/masking.hpp>
#include <plume/core/utf8.hpp>
#include <plume/export/resource.hpp>
#include <plume/export/span_data.hpp>
#include <plume/redaction/finder.hpp>
#include <plume/redaction/key_rules.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// Memory that is given back all at once.
class Blocks {
  public:
    template <class T>
    [[nodiscard]] T* allocate(std::size_t count) {
        blocks_.push_back(std::make_unique<std::uint64_t[]>((count * sizeof(T) + 7) / 8));
        return reinterpret_cast<T*>(blocks_.back().get());
    }

  private:
    std::vector<std::unique_ptr<std::uint64_t[]>> blocks_;
};

/// Changes values before an exporter sees them; one thread at a time. What a value becomes lies in
/// the memory that is given with it, or in the redactor, which outlives whoever looks at it. Memory
/// has an allocate<T>(count). Texts are valid UTF-8, before and after.
class Redactor {
  public:
    /// Throws WrongRule if a rule is wrong.
    Redactor(const Redaction& rules, const HashKey& key, Report report)
        : replacement_{checked(rules.replacement)}, replacement_view_{replacement_}, hash_key_{key},
          keys_{rules}, finder_{rules, keys_, std::move(report)},
          of_status_{keys_.of("otel.status_description")} {}
    Redactor(const Redactor&) = delete;
    Redactor& operator=(const Redactor&) = delete;

    /// What is done with the values of a key. Slow: for what is asked once.
    [[nodiscard]] Treatment treatment(std::string_view key) const { return keys_.of(key); }

    [[nodiscard]] bool searches_texts() const noexcept { return finder_.has_rules(); }
    [[nodiscard]] bool searches_integers() const noexcept { return finder_.wants(Pattern::card); }

    /// Gives an attribute the value that may leave. False: the attribute must not leave.
    template <class Memory>
    [[nodiscard]] bool apply(Memory& memory, Attribute& to, Treatment treatment) {
        switch (treatment) {
        case Treatment::search: return search_value(memory, to);
        case Treatment::drop: ++redacted_; return false;
        default: break;
        }
        ++redacted_;
        disguise_value(memory, to, treatment);
        return true;
    }

    /// What may leave of a text without a key. Never empty: what should be dropped is replaced.
    template <class Memory>
    [[nodiscard]] std::string_view text(Memory& memory, std::string_view text) {
        return searched(memory, text) ? text : std::string_view{replacement_};
    }

    template <class Memory>
    [[nodiscard]] std::string_view status_message(Memory& memory, std::string_view message) {
        Attribute attribute{{}, message};
        if (message.empty() || !apply(memory, attribute, of_status_)) return {};
        return {attribute.text, attribute.size};
    }

    /// The names of the service and of this library leave whatever is allowed: nobody would find
    /// anything without them.
    [[nodiscard]] Resource applied(const Resource& from) {
        Blocks memory;
        Resource to;
        to.set_schema_url(from.schema_url());
        for (Attribute attribute : from.attributes()) {
            const std::string_view key = attribute.key();
            const bool exempt = key == "service.name" || key.starts_with("telemetry.sdk.");
            if (!apply(memory, attribute, exempt ? keys_.of_exempt(key) : keys_.of(key))) continue;
            if (attribute.type == ValueType::int64) to.set(key, attribute.int64);
            else to.set(key, std::string_view{attribute.text, attribute.size});
        }
        return to;
    }

    /// Values that were changed or left out so far.
    [[nodiscard]] std::uint64_t redacted() const noexcept { return redacted_; }
    /// Texts that were replaced because a rule could not be asked about them.
    [[nodiscard]] std::uint64_t failures() const noexcept { return failures_ + finder_.failures(); }

    /// What is left of a text that was cut off: without its last word, which may be the beginning
    /// of something secret, and without groups of digits before that.
    [[nodiscard]] static std::string_view without_cut_word(std::string_view text) noexcept {
        constexpr std::string_view ends = " \t\r\n\"'`,;()[]{}<>";
        constexpr int groups = 5; // that a card number has
        for (int i = 0; i < groups; ++i) {
            text = text.substr(0, text.find_last_of(ends) + 1); // npos + 1 is 0
            const std::string_view before = text.substr(0, text.find_last_not_of(ends) + 1);
            if (before.empty() || !is(before.back(), character::digit)) break;
            if (i + 1 != groups) text = before;
        }
        return text;
    }

  private:
    static const std::string& checked(const std::string& replacement) {
        constexpr std::size_t longest = 64;
        if (replacement.empty() || replacement.size() > longest || !is_utf8(replacement))
            throw WrongRule{"the replacement is not 1 to 64 bytes of UTF-8"};
        return replacement;
    }

    template <class Memory>
    bool search_value(Memory& memory, Attribute& to) {
        switch (to.type) {
        case ValueType::string: {
            std::string_view text{to.text, to.size};
            if (!searched(memory, text)) return false;
            put(to, text);
            return true;
        }
        case ValueType::string_array: return search_texts(memory, to);
        case ValueType::int64: return search_integers(memory, to, {&to.int64, 1});
        case ValueType::int64_array: return search_integers(memory, to, {to.int64s, to.size});
        default: return true;
        }
    }

    template <class Memory>
    bool search_texts(Memory& memory, Attribute& to) {
        std::string_view* changed = nullptr;
        for (std::uint32_t i = 0; i < to.size; ++i) {
            std::string_view text = to.texts[i];
            if (!searched(memory, text)) return false;
            if (text.data() == to.texts[i].data()) continue;
            if (!changed) {
                changed = memory.template allocate<std::string_view>(to.size);
                std::copy_n(to.texts, to.size, changed);
                to.texts = changed;
            }
            changed[i] = text;
        }
        return true;
    }

    template <class Memory>
    bool search_integers(Memory& memory, Attribute& to, std::span<const std::int64_t> values) {
        if (!searches_integers() || std::ranges::none_of(values, is_card)) return true;
        ++redacted_;
        if (finder_.action(Pattern::card) == Redact::drop) return false;
        disguise_value(memory, to, KeyRules::treatment_of(finder_.action(Pattern::card), {}));
        return true;
    }

    /// Makes of a text what may leave of it. False: nothing.
    template <class Memory>
    bool searched(Memory& memory, std::string_view& text) {
        try {
            switch (finder_.find(text)) {
            case Findings::none: return true;
            case Findings::all: text = replacement_; break;
            case Findings::parts: {
                if (!rewrite(text)) {
                    ++redacted_;
                    return false;
                }
                if (result_ == text) return true; // cut or replaced before
                text = result_.size() <= most_bytes(text) ? kept(memory, result_)
                                                          : std::string_view{replacement_};
                break;
            }
            }
        } catch (const std::bad_alloc&) {
            ++failures_;
            text = replacement_;
        }
        ++redacted_;
        return true;
    }

    /// A longer result is replaced as a whole. SpanBuilder::bound() counts on this: of an integer
    /// that became text it has room for no more.
    static std::size_t most_bytes(std::string_view original) noexcept {
        const bool is_integer =
            original.size() <= 20 && end_of(original, 0, character::digit) == original.size();
        return is_integer ? 24 : 2 * original.size() + 32;
    }

    /// Leaves in result_ what the finder's parts make of a text. False: it must not leave.
    bool rewrite(std::string_view text) {
        result_.clear();
        std::size_t copied = 0;
        for (const Found& part : finder_.parts()) {
            if (part.action == Redact::drop) return false;
            result_ += text.substr(copied, part.begin - copied);
            append(text.substr(part.begin, part.end - part.begin), part.action);
            copied = part.end;
        }
        result_ += text.substr(copied);
        return true;
    }
    void append(std::string_view secret, Redact action) {
        std::array<char, longest_disguise> buffer{};
        switch (action) {
        case Redact::mask: result_.append(buffer.data(), write_mask(buffer.data(), secret)); break;
        case Redact::hash:
            write_hash(buffer.data(), secret, hash_key_);
            result_.append(buffer.data(), hash_size);
            break;
        case Redact::cut:
            result_.append(buffer.data(), write_cut_address(buffer.data(), secret));
            break;
        default: result_ += replacement_; break;
        }
    }

    // Values that go as a whole.

    template <class Memory>
    void disguise_value(Memory& memory, Attribute& to, Treatment treatment) {
        const auto disguised = [&]<class T>(const T& value) {
            if constexpr (std::is_same_v<T, std::string_view>) {
                return mask(memory, value, treatment);
            } else if constexpr (std::is_same_v<T, bool>) {
                return mask(memory, value ? "true" : "false", treatment);
            } else { // as text, so that equal values have one hash whatever their types
                std::array<char, 32> digits{};
                const auto end = std::to_chars(digits.data(), digits.data() + 32, value).ptr;
                return mask(memory, {digits.data(), end}, treatment);
            }
        };
        to.visit([&]<class T>(const T& value) {
            if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string_view>) {
                put(to, disguised(value));
            } else {
                to.type = ValueType::string_array;
                if (treatment == Treatment::replace) { // nor does it tell how many there were
                    to.texts = &replacement_view_;
                    to.size = 1;
                    return;
                }
                auto* texts = memory.template allocate<std::string_view>(value.size());
                std::ranges::transform(value, texts, disguised);
                to.texts = texts;
            }
        });
    }

    template <class Memory>
    std::string_view mask(Memory& memory, std::string_view secret, Treatment treatment) {
        if (treatment == Treatment::replace) return replacement_;
        std::array<char, longest_disguise> buffer{};
        if (treatment == Treatment::mask)
            return kept(memory, {buffer.data(), write_mask(buffer.data(), secret)});
        write_hash(buffer.data(), secret, hash_key_);
        return kept(memory, {buffer.data(), hash_size});
    }

    template <class Memory>
    static std::string_view kept(Memory& memory, std::string_view text) {
        char* at = memory.template allocate<char>(text.size());
        std::ranges::copy(text, at);
        return {at, text.size()};
    }
    static void put(Attribute& to, std::string_view text) noexcept {
        to.type = ValueType::string;
        to.text = text.data();
        to.size = static_cast<std::uint32_t>(text.size());
    }

    /// The longest address is that of IPv6 that ends in one of IPv4.
    static constexpr std::size_t longest_disguise = 48;

    std::string replacement_;
    std::string_view replacement_view_;
    HashKey hash_key_;
    KeyRules keys_;
    Finder finder_;
    Treatment of_status_;
    std::string result_;
    std::uint64_t redacted_ = 0;
    std::uint64_t failures_ = 0;
};

} // namespace detail
} // namespace plume
