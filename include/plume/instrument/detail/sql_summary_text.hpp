// sql_summary_text.hpp - the few words that say what a text does: the name of its span.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// `{operation} {target} {operation} {target}…`, at most 255 characters, cut at a token. Holds
/// operations and names alone: no value of the text gets into it.
///
/// Several statements stand behind each other, with `; ` between them, and equal ones in a row
/// once. If all are equal, the text is `BATCH ` and what one of them does (OpenTelemetry,
/// "Generating a summary of the query", on batches).
class SqlSummaryText {
  public:
    static constexpr std::size_t longest = 255;

    [[nodiscard]] std::string_view text() const noexcept { return {text_.data(), size_}; }
    /// The operation, if there is one alone, and likewise the table, as it is written: the
    /// conventions want neither of a text with several.
    [[nodiscard]] std::string_view operation() const noexcept {
        return operations_ == 1 ? text().substr(0, operation_size_) : std::string_view{};
    }
    [[nodiscard]] std::string_view collection() const noexcept {
        return targets_ == 1 && target_is_table_ ? text().substr(target_, target_size_)
                                                 : std::string_view{};
    }

    /// `kind` is what CREATE creates; empty elsewhere.
    void operate(std::string_view text, std::string_view kind) noexcept {
        const std::string_view before = size_ == 0 ? "" : size_ == part_ ? between : " ";
        if (append(before, text, kind.empty() ? "" : " ", kind) && ++operations_ == 1)
            operation_size_ = size_;
    }
    /// False if it does not fit.
    bool aim_at(std::string_view text, bool is_table) noexcept {
        const std::size_t begin = size_ + 1;
        if (!append(" ", text)) return false;
        last_target_ = begin;
        if (++targets_ != 1) return true;
        target_ = begin;
        target_size_ = text.size();
        target_is_table_ = is_table;
        return true;
    }
    /// schema.table is one name; where it does not fit, there is none.
    bool extend_target(std::string_view text) noexcept {
        if (append(".", text)) {
            if (targets_ == 1) target_size_ += 1 + text.size();
            return true;
        }
        size_ = last_target_ - 1;
        targets_ = 2;
        return false;
    }

    /// A statement has ended: what it does is forgotten if the one before did the same.
    void end_part() noexcept {
        if (size_ == part_) return;
        std::string_view part = text().substr(part_);
        if (parts_++ != 0) part.remove_prefix(between.size());
        if (parts_ > 1 && !full_ && part == text().substr(last_, part_ - last_)) {
            size_ = part_;
            operations_ = operations_before_;
            targets_ = targets_before_;
            return;
        }
        same_ = parts_ == 1;
        last_ = size_ - part.size();
        part_ = size_;
        operations_before_ = operations_;
        targets_before_ = targets_;
    }
    /// The last statement has ended, and there are so many.
    void end(std::uint32_t statements) noexcept {
        end_part();
        constexpr std::string_view batch = "BATCH ";
        if (statements < 2 || parts_ != statements || !same_ || full_ ||
            size_ + batch.size() > longest)
            return;
        std::memmove(text_.data() + batch.size(), text_.data(), size_);
        std::memcpy(text_.data(), batch.data(), batch.size());
        size_ += batch.size();
        operation_size_ += batch.size();
        target_ += batch.size();
    }

    void remember_quote() noexcept { before_quotes_ = std::min(before_quotes_, size_); }
    /// A quote without an end: one before it may have been misread, and what looked like a name
    /// was inside a string.
    void forget_what_follows_quotes() noexcept {
        if (size_ > before_quotes_) {
            size_ = before_quotes_;
            part_ = std::min(part_, size_);
            operations_ = targets_ = 2;
        }
        full_ = true;
    }

  private:
    static constexpr std::string_view between = "; ";

    template <class... Parts>
    bool append(Parts... parts) noexcept {
        full_ = full_ || (size_ + ... + std::string_view{parts}.size()) > longest;
        if (full_) {
            operations_ = targets_ = 2; // not all there is, at least
            return false;
        }
        const auto put = [this](std::string_view part) {
            if (!part.empty()) std::memcpy(text_.data() + size_, part.data(), part.size());
            size_ += part.size();
        };
        (put(parts), ...);
        return true;
    }

    std::array<char, longest> text_;
    std::size_t size_ = 0;
    std::size_t before_quotes_ = longest;
    std::size_t operation_size_ = 0;
    std::size_t target_ = 0;
    std::size_t target_size_ = 0;
    std::size_t last_target_ = 0;
    std::uint32_t operations_ = 0;
    std::uint32_t targets_ = 0;
    bool target_is_table_ = false;
    bool full_ = false;

    bool same_ = false;       ///< all statements do the same
    std::size_t part_ = 0;    ///< where what this statement does begins
    std::size_t last_ = 0;    ///< where that of the statement before does
    std::uint32_t parts_ = 0; ///< statements that do something known
    std::uint32_t operations_before_ = 0;
    std::uint32_t targets_before_ = 0;
};

} // namespace detail
} // namespace plume
