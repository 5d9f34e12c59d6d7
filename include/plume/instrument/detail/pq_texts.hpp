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
        return QueryText::make<PqSite>(sql, dialect(backslashes), literals);
    }
    [[nodiscard]] static SqlDialect dialect(bool backslashes) noexcept {
        SqlDialect dialect = postgresql_sql;
        dialect.backslashes = backslashes;
        return dialect;
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
