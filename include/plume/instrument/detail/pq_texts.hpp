// pq_texts.hpp - what was read of the texts that a connection to PostgreSQL sends or has prepared.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <optional>
#include <string_view>

#include <plume/instrument/detail/query_span.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

struct PqAttributes {
    std::string_view name_space;
    std::string_view address;
    std::optional<std::int64_t> port;
    std::string_view operation;
    std::string_view collection;
    std::string_view summary;
    std::string_view text;
    std::optional<std::int64_t> statements; ///< if there are several

    template <class Sink>
    auto operator()(Sink&& sink) const noexcept {
        return sink(
            client, Key<"db.system.name">{} = "postgresql",
            Key<"db.namespace">{} = if_any(name_space), Key<"server.address">{} = if_any(address),
            Key<"server.port">{} = port, Key<"db.operation.name">{} = if_any(operation),
            Key<"db.operation.batch.size">{} = statements,
            Key<"db.collection.name">{} = if_any(collection),
            Key<"db.query.summary">{} = if_any(summary), Key<"db.query.text">{} = if_any(text));
    }
};
using PqSite =
    typename SiteFor<SiteKind::span, Anywhere<"postgresql">, ArgumentsOf<const PqAttributes>>::type;

inline std::string_view view_of(const char* text) noexcept { return text ? text : ""; }

/// A name, and what it stands for. Owns both.
struct PqNamed {
    PqNamed* next;
    std::uint64_t hash;
    QueryText* query;
    std::size_t name_size;

    [[nodiscard]] std::string_view name() const noexcept {
        return {reinterpret_cast<const char*>(this + 1), name_size};
    }
};

/// What prepared statements are called, on one connection.
class PqPrepared {
  public:
    PqPrepared() noexcept = default;
    ~PqPrepared() { clear(); }
    PqPrepared(const PqPrepared&) = delete;
    PqPrepared& operator=(const PqPrepared&) = delete;

    [[nodiscard]] const QueryText* find(std::string_view name) const noexcept {
        const std::uint64_t hash = hash_of(name, 0);
        for (const PqNamed* each = buckets_[hash % buckets]; each; each = each->next)
            if (each->hash == hash && each->name() == name) return each->query;
        return nullptr;
    }
    /// Takes the text over. Those of an application that never deallocates are forgotten beyond
    /// `most`: their spans say EXECUTE, and no text.
    void add(std::string_view name, QueryText* query) noexcept {
        constexpr std::size_t most = 4096;
        if (!query) return;
        const std::uint64_t hash = hash_of(name, 0);
        for (PqNamed* each = buckets_[hash % buckets]; each; each = each->next) {
            if (each->hash != hash || each->name() != name) continue;
            std::free(each->query);
            each->query = query;
            return;
        }
        void* memory = size_ < most ? std::malloc(sizeof(PqNamed) + name.size()) : nullptr;
        if (!memory) return std::free(query);
        auto* made = new (memory) PqNamed{buckets_[hash % buckets], hash, query, name.size()};
        if (!name.empty()) std::memcpy(made + 1, name.data(), name.size());
        buckets_[hash % buckets] = made;
        ++size_;
    }
    void clear() noexcept {
        for (PqNamed*& bucket : buckets_) {
            while (bucket) {
                PqNamed* next = bucket->next;
                std::free(bucket->query);
                std::free(bucket);
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

/// What was read of the texts that a connection sends again and again, found by their hash.
class PqTexts {
  public:
    PqTexts() noexcept = default;
    ~PqTexts() {
        for (const Slot& slot : slots_) std::free(slot.query);
    }
    PqTexts(const PqTexts&) = delete;
    PqTexts& operator=(const PqTexts&) = delete;

    /// Null without memory; good until the next call.
    const QueryText* find(std::string_view sql, bool backslashes,
                          QueryText::Literals literals) noexcept {
        Slot& slot = slots_[hash_of(sql, 0) % slots];
        if (slot.query && slot.query->sql == sql && slot.backslashes == backslashes &&
            slot.literals == literals)
            return slot.query;
        std::free(slot.query);
        slot = {make(sql, backslashes, literals), backslashes, literals};
        return slot.query;
    }

    [[nodiscard]] static QueryText* make(std::string_view sql, bool backslashes,
                                         QueryText::Literals literals) noexcept {
        SqlDialect dialect = postgresql_sql;
        dialect.backslashes = backslashes;
        return QueryText::make<PqSite>(sql, dialect, literals);
    }

  private:
    struct Slot {
        QueryText* query = nullptr;
        bool backslashes = false;
        QueryText::Literals literals = QueryText::Literals::replaced;
    };
    static constexpr std::size_t slots = 64;
    Slot slots_[slots]; // of 32 KiB at most: 2 MiB a connection in the worst case
};

} // namespace detail
} // namespace plume
