// query_span.hpp - the span of a statement, and what is kept of its text for the next time.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <optional>
#include <string_view>

#include <plume/instrument/detail/rendered.hpp>
#include <plume/instrument/detail/sql_text.hpp>
#include <plume/trace/context.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// Text that may be absent, as an attribute.
inline std::optional<std::string_view> if_any(std::string_view text) noexcept {
    return text.empty() ? std::nullopt : std::optional{text};
}

/// A site called `name` that otherwise is like `Site`, so that a span of that name needs no record
/// to rename it. Interned for ever, once a name, as long as a module has made fewer than `most`.
/// 0: there is none left.
template <class Site>
[[nodiscard]] std::uint32_t named_site(std::string_view name, std::uint32_t most) noexcept {
    constexpr std::size_t longest = 128;     // as of plume::Name
    static constinit std::uint32_t made = 0; // under the lock
    if (name.empty()) return 0;
    Description description = Site::description;
    description.name =
        name.size() <= longest ? name : without_partial_character(name.substr(0, longest));
    return register_within(description, made, most);
}

/// The key of a parameter, `db.query.parameter.<name>`: what the text calls it, or its number from
/// 0 if it has no name (OpenTelemetry, "Semantic conventions for database client calls"). Of a long
/// name 109 bytes count. Records nothing once a module has made 2,000 of them.
[[nodiscard]] inline RunTimeKey parameter_key(std::string_view name) noexcept {
    constexpr std::string_view prefix = "db.query.parameter.";
    constexpr std::uint32_t most = 2000;
    static constinit std::uint32_t made = 0; // under the lock
    char key[128];
    name = without_partial_character(name.substr(0, sizeof key - prefix.size()));
    std::memcpy(key, prefix.data(), prefix.size());
    if (!name.empty()) std::memcpy(key + prefix.size(), name.data(), name.size());
    return RunTimeKey::within({key, prefix.size() + name.size()}, made, most);
}
[[nodiscard]] inline RunTimeKey parameter_key(std::size_t number) noexcept {
    char text[20];
    return parameter_key({text, static_cast<std::size_t>(
                                    std::to_chars(text, text + sizeof text, number).ptr - text)});
}

/// A text of SQL as it came, and what is recorded of it. One block of memory.
struct QueryText {
    std::uint32_t site; ///< that is called like its summary, or like its operation; 0: neither
    std::uint32_t statements;
    bool changes_prepared; ///< see SqlReading
    std::string_view sql;  ///< and a NUL behind it
    std::string_view text;
    std::string_view summary;
    std::string_view operation;
    std::string_view collection;

    /// Of longer texts so many bytes are read: they are data, mostly.
    static constexpr std::size_t longest = 16 * 1024;

    enum class Literals : std::uint8_t { replaced, kept_beside_parameters, kept };

    /// Null without memory. What it returns is for std::free().
    template <class Site>
    [[nodiscard]] static QueryText* make(std::string_view sql, const SqlDialect& dialect,
                                         Literals literals) noexcept {
        const bool cut = sql.size() > longest;
        sql = without_partial_character(sql.substr(0, longest));
        SqlReading reading;
        auto* memory = static_cast<char*>(
            std::malloc(sizeof(QueryText) + 2 * sql.size() + 1 + SqlSummaryText::longest));
        if (!memory) return nullptr;
        char* copy = memory + sizeof(QueryText);
        char* text = copy + sql.size() + 1;
        char* summary = text + sql.size();
        if (!sql.empty()) std::memcpy(copy, sql.data(), sql.size());
        copy[sql.size()] = '\0';
        read_sql(sql, dialect, text, reading, {.cut = cut});
        if (literals == Literals::kept ||
            (literals == Literals::kept_beside_parameters && reading.has_parameters)) {
            reading = {};
            read_sql(sql, dialect, text, reading, {.cut = cut, .keeps_literals = true});
        }
        const std::string_view summed = reading.summary.text();
        if (!summed.empty()) std::memcpy(summary, summed.data(), summed.size());
        const auto moved = [&](std::string_view part) {
            return part.empty()
                       ? part
                       : std::string_view{summary + (part.data() - summed.data()), part.size()};
        };
        auto* made = new (memory) QueryText{0,
                                            reading.statements,
                                            reading.changes_prepared,
                                            {copy, sql.size()},
                                            {text, reading.text_size},
                                            moved(summed),
                                            moved(reading.summary.operation()),
                                            moved(reading.summary.collection())};
        constexpr std::uint32_t most_names = 2000, most_operations = 100;
        made->site = named_site<Site>(made->summary, most_names);
        if (made->site == 0)
            made->site = named_site<Site>(made->operation, most_names + most_operations);
        return made;
    }
};

/// The span of one statement: of kind client, off the stack, ended by end(). Trivial to copy; who
/// holds it takes care that it ends once. Any thread, one at a time.
class QuerySpan : public SpanApi<QuerySpan> {
  public:
    constexpr QuerySpan() noexcept = default;

    /// Begins a child of the current context. `attributes` hands the attributes of `Site` to the
    /// function that it is given, if and when there is a span to have them.
    template <class Site, class Attributes>
    static QuerySpan begin(std::uint32_t named, const Attributes& attributes) noexcept {
        const std::uint32_t own = index_of<Site>();
        QuerySpan span;
        if (own == 0) return span;
        const std::uint32_t index = named != 0 ? named : own;
        attributes([&](const auto&... arguments) {
            static_assert((is_settled_argument<std::remove_cvref_t<decltype(arguments)>> && ...));
            const Measured size = size_of<Site>(*this_lane, arguments...);
            const WriteSlot room =
                make_room_async(record_size<Site>(size), index, context_now(), nullptr);
            if (!room.lane) return;
            span.token_ =
                async_bit | put<Site>(*room.lane, make_word(index, room.ticks), size, arguments...);
        });
        return span;
    }

    /// The same with attributes that stay the same each time: they are rendered once.
    template <class Site, class Attributes>
    static QuerySpan begin(std::uint32_t named, Rendered& rendered,
                           const Attributes& attributes) noexcept {
        static_assert(!Site::one_word_fields);
        const std::uint32_t own = index_of<Site>();
        if (own == 0 || (!rendered.fits() && !rendered.render(attributes))) return {};
        const std::uint32_t index = named != 0 ? named : own;
        const WriteSlot room =
            make_room_async(16 + rendered.bytes().size(), index, context_now(), nullptr);
        if (!room.lane) return {};
        const std::uint64_t at = room.lane->head.load(memory_order_relaxed); // own store
        RecordWriter writer{room.lane->address(at)};
        writer.word(make_word(index, room.ticks));
        writer.word(rendered.bytes().size());
        writer.copy(rendered.bytes());
        room.lane->publish(at + 16 + rendered.bytes().size());
        QuerySpan span;
        span.token_ = at | async_bit;
        return span;
    }

    /// What a server or a library says of a failure: a code, the same for the same kind of
    /// failure, and what people should read.
    void fail(std::string_view code, std::string_view message) const noexcept {
        set(Key<"db.response.status_code">{} = code, Key<"error.type">{} = code);
        set_error(message);
    }

    void end() noexcept {
        if (recording()) end_slowly(token_, 0);
        token_ = muted_token;
    }

    [[nodiscard]] bool recording() const noexcept { return token_ != muted_token; }

  private:
    friend class SpanApi<QuerySpan>;
    [[nodiscard]] std::uint64_t token() const noexcept { return token_; }

    std::uint64_t token_ = muted_token;
};

} // namespace detail
} // namespace plume
