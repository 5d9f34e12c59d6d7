// baggage.hpp - what an application sends along with a trace: keys and values, as W3C Baggage.
#pragma once

#include <cstddef>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <plume/propagation/baggage_text.hpp>
#include <plume/trace/context.hpp>

namespace plume {

/// Keys with values, and properties of them, in their order. At most 64, and 8192 bytes in the
/// header: that much every service has to pass on (W3C Baggage, 3.3.2). Whoever receives them can
/// read them: baggage is no place for secrets. A value; it allocates.
class Baggage {
  public:
    /// One of them. Its views live as long as the baggage does and is not changed.
    struct Member {
        std::string_view key;
        std::string_view encoded;    ///< the value as it travels
        std::string_view properties; ///< "ttl=30;private", as they travel, or empty

        /// The value in UTF-8.
        [[nodiscard]] std::string value() const { return detail::percent_decoded_utf8(encoded); }
    };

    class Iterator {
      public:
        using iterator_category = std::input_iterator_tag;
        using value_type = Member;
        using difference_type = std::ptrdiff_t;
        using pointer = const Member*;
        using reference = Member;

        constexpr Iterator() noexcept = default;
        explicit constexpr Iterator(std::string_view text) noexcept : rest_{text} {}

        constexpr Member operator*() const noexcept {
            std::string_view rest = text();
            std::string_view pair = detail::take_until(rest, ';');
            const std::string_view key = detail::take_until(pair, '=');
            return {key, pair, rest};
        }
        constexpr Iterator& operator++() noexcept {
            detail::take_until(rest_, ',');
            return *this;
        }
        constexpr Iterator operator++(int) noexcept {
            const Iterator before = *this;
            ++*this;
            return before;
        }
        friend constexpr bool operator==(const Iterator& a, const Iterator& b) noexcept {
            return a.rest_.size() == b.rest_.size(); // of the same baggage
        }

        /// The member as it travels.
        [[nodiscard]] constexpr std::string_view text() const noexcept {
            return rest_.substr(0, rest_.find(','));
        }

      private:
        std::string_view rest_;
    };

    Baggage() = default;

    /// What a header says. Members that are malformed, or beyond the limits, are left out.
    [[nodiscard]] static Baggage parse(std::string_view header) {
        Baggage baggage;
        baggage.add(header);
        return baggage;
    }
    /// The same behind what is there: several headers are one list (W3C Baggage, 3.3).
    void add(std::string_view header) {
        std::size_t members = size();
        detail::append_baggage(text_, members, header);
    }

    /// The value of a header.
    [[nodiscard]] const std::string& text() const noexcept { return text_; }

    [[nodiscard]] Iterator begin() const noexcept { return Iterator{text_}; }
    [[nodiscard]] Iterator end() const noexcept { return {}; }
    [[nodiscard]] bool empty() const noexcept { return text_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept {
        std::size_t members = 0;
        for (auto it = begin(); it != end(); ++it) ++members;
        return members;
    }

    /// The value in UTF-8. Of several with the key, which a header may have, the last one: that is
    /// what other implementations keep. Keys have case.
    [[nodiscard]] std::optional<std::string> find(std::string_view key) const {
        std::optional<std::string> found;
        for (const Member& member : *this)
            if (member.key == key) found = member.value();
        return found;
    }

    /// Puts a value, any UTF-8, in the place of those with the key, or behind the others. `key`: a
    /// token, that is letters, digits and !#$%&'*+-.^_`|~ (RFC 9110, 5.6.2). `properties`: as they
    /// travel. False, and nothing changes, if one of them cannot travel or there is no room.
    bool set(std::string_view key, std::string_view value, std::string_view properties = {}) {
        if (!detail::is_token(key)) return false;
        std::string member{key};
        member += '=';
        detail::append_percent_encoded(member, value);
        if (!properties.empty()) member.append(1, ';').append(properties);
        if (member.find(',') != std::string::npos) return false;

        std::string changed = without(key);
        std::size_t members = 0;
        for (Iterator it{changed}; it != end(); ++it) ++members;
        const std::size_t before = members;
        detail::append_baggage(changed, members, member);
        if (members == before) return false;
        text_ = std::move(changed);
        return true;
    }

    /// False if there was none.
    bool remove(std::string_view key) {
        std::string changed = without(key);
        if (changed.size() == text_.size()) return false;
        text_ = std::move(changed);
        return true;
    }

    friend bool operator==(const Baggage&, const Baggage&) = default;

  private:
    [[nodiscard]] std::string without(std::string_view key) const {
        std::string rest;
        for (auto it = begin(); it != end(); ++it) {
            if ((*it).key == key) continue;
            if (!rest.empty()) rest += ',';
            rest += it.text();
        }
        return rest;
    }

    std::string text_; // clean: what append_baggage() makes
};

/// A copy of the baggage in force on this thread.
[[nodiscard]] inline Baggage current_baggage() { return Baggage::parse(current_context().baggage); }

/// Puts a baggage in force on this thread until the end of the scope: it travels with whatever
/// context is current from here on, whose span stays the parent of what begins. Works without a
/// session and without a trace. Scopes end on the thread where they began, the last one first; one
/// that ends otherwise may leave its baggage in force there.
class [[nodiscard]] BaggageScope {
  public:
    explicit BaggageScope(Baggage baggage) : baggage_{std::move(baggage)} {
        detail::Lane* lane = detail::own_lane();
        if (!lane) return;
        // Never null, so that it is told from what is in force elsewhere.
        const std::string_view state = lane->scope.trace_state;
        const std::string& text = baggage_.text();
        text_ = detail::ContextText::make(state, text);
        if (!text_) text_ = detail::ContextText::reserve(0);
        if (!text_) return;
        outside_ = lane->scope_text;
        lane->scope_text = detail::keep(text_);
        lane->scope.baggage = text_->baggage();
    }
    ~BaggageScope() {
        detail::Lane* lane = detail::peek_lane();
        // A ContextScope that began later and is still there has put it aside.
        if (lane && text_)
            detail::any_level(*lane, [this](auto& level) {
                take_back(level);
                return false;
            });
        detail::let_go(text_);
        detail::let_go(outside_);
    }
    BaggageScope(const BaggageScope&) = delete;
    BaggageScope& operator=(const BaggageScope&) = delete;

    [[nodiscard]] const Baggage& baggage() const noexcept { return baggage_; }

  private:
    template <class Level>
    void take_back(Level& level) const noexcept {
        if (level.scope_text != text_) return;
        detail::let_go(text_);
        level.scope_text = detail::keep(outside_);
        detail::view(level.scope, outside_);
    }

    Baggage baggage_;
    detail::ContextText* text_ = nullptr;    ///< in force, with the trace state that is
    detail::ContextText* outside_ = nullptr; ///< what was
};

} // namespace plume
