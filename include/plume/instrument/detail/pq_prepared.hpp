// pq_prepared.hpp - what the prepared statements of a connection to PostgreSQL are called.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>

#include <plume/instrument/detail/pq_texts.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// A name, and the text that it stands for. Owns both. In a list of changes: that it stands for
/// that from now on, or, without a text, for nothing.
struct PqNamed {
    PqNamed* next;
    std::uint64_t hash;
    QueryText* query;
    std::uint32_t statement; ///< which statement of its text changes it, from 0
    bool all;                ///< all names stand for nothing
    std::size_t name_size;

    [[nodiscard]] std::string_view name() const noexcept {
        return {reinterpret_cast<const char*>(this + 1), name_size};
    }

    /// Takes `query` over. Null without memory.
    [[nodiscard]] static PqNamed* make(std::string_view name, QueryText* query,
                                       std::uint32_t statement = 0, bool all = false) noexcept {
        void* memory = std::malloc(sizeof(PqNamed) + name.size());
        if (!memory) {
            std::free(query);
            return nullptr;
        }
        auto* made =
            new (memory) PqNamed{nullptr, hash_of(name, 0), query, statement, all, name.size()};
        if (!name.empty()) std::memcpy(made + 1, name.data(), name.size());
        return made;
    }
    static void drop(PqNamed* named) noexcept {
        std::free(named->query);
        std::free(named);
    }
};

/// What prepared statements are called, on one connection.
class PqPrepared {
  public:
    PqPrepared() noexcept = default;
    ~PqPrepared() { clear(); }
    PqPrepared(const PqPrepared&) = delete;
    PqPrepared& operator=(const PqPrepared&) = delete;

    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] const QueryText* find(std::string_view name) const noexcept {
        if (empty()) return nullptr;
        const std::uint64_t hash = hash_of(name, 0);
        for (const PqNamed* each = buckets_[hash % buckets]; each; each = each->next)
            if (each->hash == hash && each->name() == name) return each->query;
        return nullptr;
    }
    /// Takes the change over. Texts of an application that never deallocates are forgotten beyond
    /// `most`: their spans say EXECUTE, and no text.
    void apply(PqNamed* change) noexcept {
        constexpr std::size_t most = 4096;
        if (change->all) clear();
        else remove(change->name());
        if (change->all || !change->query || size_ == most) return PqNamed::drop(change);
        PqNamed*& bucket = buckets_[change->hash % buckets];
        change->next = bucket;
        bucket = change;
        ++size_;
    }
    void remove(std::string_view name) noexcept {
        if (empty()) return;
        const std::uint64_t hash = hash_of(name, 0);
        for (PqNamed** at = &buckets_[hash % buckets]; *at; at = &(*at)->next) {
            if ((*at)->hash != hash || (*at)->name() != name) continue;
            PqNamed* const found = *at;
            *at = found->next;
            PqNamed::drop(found);
            --size_;
            return;
        }
    }
    void clear() noexcept {
        for (PqNamed*& bucket : buckets_) {
            while (bucket) {
                PqNamed* next = bucket->next;
                PqNamed::drop(bucket);
                bucket = next;
            }
        }
        size_ = 0;
    }

  private:
    static constexpr std::size_t buckets = 256;
    PqNamed* buckets_[buckets] = {};
    std::size_t size_ = 0;
};

/// Reads what a text changes: PREPARE name (…) AS statement, DEALLOCATE name, DEALLOCATE ALL,
/// DISCARD ALL.
class PqChangeReader {
  public:
    PqChangeReader(std::string_view sql, bool backslashes, QueryText::Literals literals) noexcept
        : sql_{sql}, dialect_{PqTexts::dialect(backslashes)}, backslashes_{backslashes},
          literals_{literals} {}

    /// In the order of the text. What there is no memory for is left out.
    [[nodiscard]] PqNamed* read() noexcept {
        SqlLexer lexer{sql_, dialect_};
        SqlEnds ends;
        SqlToken token;
        std::uint32_t place = 0; // of the token in its statement
        while (lexer.next(token)) {
            if (token.kind == SqlKind::space || token.kind == SqlKind::comment) continue;
            if (ends.take(token,
                          token.kind == SqlKind::word ? sql_word(token.text) : SqlWord::other)) {
                end_statement(static_cast<std::size_t>(token.text.data() - sql_.data()));
                if (place != 0) ++statement_; // an empty one has no result
                place = 0;
            } else {
                take(token, place++, lexer.following());
            }
        }
        end_statement(sql_.size());
        return first_;
    }

  private:
    enum class Verb : std::uint8_t { none, prepare, deallocate, discard };

    void take(const SqlToken& token, std::uint32_t place, const SqlToken& next) noexcept {
        const bool is_word = token.kind == SqlKind::word;
        if (place == 0) {
            verb_ = !is_word                         ? Verb::none
                    : same(token.text, "PREPARE")    ? Verb::prepare
                    : same(token.text, "DEALLOCATE") ? Verb::deallocate
                    : same(token.text, "DISCARD")    ? Verb::discard
                                                     : Verb::none;
            return;
        }
        if (verb_ == Verb::none) return;
        if (verb_ == Verb::prepare && place > 1) {
            if (depth_ == 0 && is_word && same(token.text, "AS")) {
                body_ = static_cast<std::size_t>(token.text.data() - sql_.data()) + 2;
                verb_ = Verb::none;
            }
            if (token.is('(')) ++depth_;
            if (token.is(')') && depth_ != 0) --depth_;
            return;
        }
        if (verb_ == Verb::prepare) {
            if (next.kind == SqlKind::literal) verb_ = Verb::none; // PREPARE TRANSACTION
            else read_name(token);
            return;
        }
        const bool is_name = next.kind == SqlKind::word || next.kind == SqlKind::identifier;
        if (verb_ == Verb::deallocate && place == 1 && is_word && is_name &&
            same(token.text, "PREPARE"))
            return;
        const bool all = is_word && same(token.text, "ALL");
        read_name(token);
        // Names such as U&"\0061" are not read: then nothing is known any more.
        if (verb_ == Verb::deallocate || all)
            add(PqNamed::make({name_, name_size_}, nullptr, statement_, all || next.is('&')));
        verb_ = Verb::none;
    }
    void end_statement(std::size_t end) noexcept {
        if (body_ != 0)
            add(PqNamed::make(
                {name_, name_size_},
                PqTexts::make(sql_.substr(body_, end - body_), backslashes_, literals_),
                statement_));
        verb_ = Verb::none;
        body_ = depth_ = 0;
    }
    void add(PqNamed* change) noexcept {
        if (!change) return;
        *(last_ ? &last_->next : &first_) = change;
        last_ = change;
    }

    /// As the server knows it: in lower case unless it is quoted, and not longer than 63 bytes.
    void read_name(const SqlToken& token) noexcept {
        std::string_view text = token.text;
        const bool quoted = token.kind == SqlKind::identifier;
        if (quoted) text = text.substr(1, text.size() - 2);
        name_size_ = 0;
        for (std::size_t i = 0; i != text.size() && name_size_ != sizeof name_; ++i) {
            if (quoted && text[i] == '"') ++i; // the first of two
            const bool upper = !quoted && text[i] >= 'A' && text[i] <= 'Z';
            name_[name_size_++] = static_cast<char>(upper ? text[i] | 0x20 : text[i]);
        }
        name_size_ = without_partial_character({name_, name_size_}).size();
    }
    static bool same(std::string_view text, std::string_view upper) noexcept {
        return std::ranges::equal(
            text, upper, [](char c, char u) { return (c >= 'a' && c <= 'z' ? c - 0x20 : c) == u; });
    }

    std::string_view sql_;
    SqlDialect dialect_;
    bool backslashes_;
    QueryText::Literals literals_;
    PqNamed* first_ = nullptr;
    PqNamed* last_ = nullptr;
    std::uint32_t statement_ = 0;
    Verb verb_ = Verb::none;
    std::size_t depth_ = 0;
    std::size_t body_ = 0; ///< where that of PREPARE begins
    char name_[63];
    std::size_t name_size_ = 0;
};

} // namespace detail
} // namespace plume
