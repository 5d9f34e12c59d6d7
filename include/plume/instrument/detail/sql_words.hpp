// sql_words.hpp - the words of SQL that say what a statement does, and to what.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// What a word means to whoever looks for operations, targets and secrets.
enum class SqlWord : std::uint8_t {
    other,
    select,
    change,     ///< INSERT, REPLACE, UPDATE: the target follows
    remove,     ///< DELETE: the target follows FROM
    merge,      ///< MERGE: the targets follow INTO and USING
    define,     ///< CREATE, ALTER, DROP: the kind of a thing follows, then its name
    with,       ///< WITH: names of results, then a statement
    explain,    ///< EXPLAIN: a statement follows
    aimed,      ///< CALL, COPY, PRAGMA: the target follows
    aimed_list, ///< ANALYZE, LOCK, TRUNCATE, VACUUM: so do others, behind commas
    plain,      ///< COMMIT, GRANT, …: an operation without a target
    prepares,   ///< PREPARE, DEALLOCATE, DISCARD: likewise
    begin,      ///< likewise; in the body of a routine it opens a block
    end,        ///< likewise; it closes one
    case_,      ///< END closes it, too
    from,       ///< targets follow
    join,       ///< a target follows
    into,       ///< a target follows
    use,        ///< USING: of MERGE and DELETE, a target follows
    end_list,   ///< WHERE, GROUP, …: no more targets here
    set,        ///< likewise; assignments follow
    skipped,    ///< TEMP, …: stands before the kind of a thing; may be a name
    only,       ///< ONLY, LATERAL, …: stands before a target, where it cannot be a name
    if_,        ///< IF EXISTS, IF NOT EXISTS: likewise, with these words behind it
    exists,
    not_,
    or_,        ///< OR REPLACE, OR IGNORE: so does the next word
    as,         ///< a statement may follow, or a name
    to,         ///< a name may follow, or what SET sets
    named,      ///< COLUMN, REFERENCES, …: a name follows
    default_,   ///< a value follows
    distinct,   ///< IS DISTINCT FROM has no target
    system,     ///< ALTER SYSTEM: has no name
    routine,    ///< TRIGGER, FUNCTION, …: what follows the name is a program
    relation,   ///< TABLE, VIEW: what a target is; a word PASSWORD in its definition is a column
    structure,  ///< INDEX, SEQUENCE, TYPE: likewise, but no table
    on,         ///< CREATE INDEX ON: there is no name
    in,         ///< a list may follow
    boolean,    ///< TRUE, FALSE
    password,   ///< outside of queries a secret follows
    identified, ///< IDENTIFIED BY: likewise
    by,
    key ///< of PRAGMA and ATTACH, in builds of SQLite that encrypt: likewise
};

struct SqlWordEntry {
    std::string_view text;
    SqlWord word;
};

// Sorted, for the search below.
inline constexpr auto sql_words = std::to_array<SqlWordEntry>({
    {"ABORT", SqlWord::plain},
    {"ADD", SqlWord::named},
    {"ALTER", SqlWord::define},
    {"ANALYSE", SqlWord::aimed_list},
    {"ANALYZE", SqlWord::aimed_list},
    {"AS", SqlWord::as},
    {"ATTACH", SqlWord::plain},
    {"BEGIN", SqlWord::begin},
    {"BY", SqlWord::by},
    {"CALL", SqlWord::aimed},
    {"CASE", SqlWord::case_},
    {"CHECKPOINT", SqlWord::plain},
    {"CLOSE", SqlWord::plain},
    {"CLUSTER", SqlWord::plain},
    {"COLLATE", SqlWord::named},
    {"COLUMN", SqlWord::named},
    {"COMMENT", SqlWord::plain},
    {"COMMIT", SqlWord::plain},
    {"CONCURRENTLY", SqlWord::only},
    {"CONSTRAINT", SqlWord::named},
    {"COPY", SqlWord::aimed},
    {"CREATE", SqlWord::define},
    {"DEALLOCATE", SqlWord::prepares},
    {"DECLARE", SqlWord::plain},
    {"DEFAULT", SqlWord::default_},
    {"DELETE", SqlWord::remove},
    {"DETACH", SqlWord::plain},
    {"DISCARD", SqlWord::prepares},
    {"DISTINCT", SqlWord::distinct},
    {"DO", SqlWord::plain},
    {"DROP", SqlWord::define},
    {"END", SqlWord::end},
    {"EXCEPT", SqlWord::end_list},
    {"EXECUTE", SqlWord::plain},
    {"EXISTS", SqlWord::exists},
    {"EXPLAIN", SqlWord::explain},
    {"FALSE", SqlWord::boolean},
    {"FETCH", SqlWord::plain},
    {"FOR", SqlWord::end_list},
    {"FOREIGN", SqlWord::skipped},
    {"FREEZE", SqlWord::only},
    {"FROM", SqlWord::from},
    {"FULL", SqlWord::only},
    {"FUNCTION", SqlWord::routine},
    {"GLOBAL", SqlWord::skipped},
    {"GRANT", SqlWord::plain},
    {"GROUP", SqlWord::end_list},
    {"HAVING", SqlWord::end_list},
    {"HEXKEY", SqlWord::key},
    {"HEXREKEY", SqlWord::key},
    {"IDENTIFIED", SqlWord::identified},
    {"IF", SqlWord::if_},
    {"IN", SqlWord::in},
    {"INDEX", SqlWord::structure},
    {"INSERT", SqlWord::change},
    {"INTERSECT", SqlWord::end_list},
    {"INTO", SqlWord::into},
    {"JOIN", SqlWord::join},
    {"KEY", SqlWord::key},
    {"LATERAL", SqlWord::only},
    {"LIMIT", SqlWord::end_list},
    {"LISTEN", SqlWord::plain},
    {"LOAD", SqlWord::plain},
    {"LOCAL", SqlWord::skipped},
    {"LOCK", SqlWord::aimed_list},
    {"MATERIALIZED", SqlWord::skipped},
    {"MERGE", SqlWord::merge},
    {"MOVE", SqlWord::plain},
    {"NOT", SqlWord::not_},
    {"NOTIFY", SqlWord::plain},
    {"OFFSET", SqlWord::end_list},
    {"ON", SqlWord::on},
    {"ONLY", SqlWord::only},
    {"OR", SqlWord::or_},
    {"ORDER", SqlWord::end_list},
    {"PASSWORD", SqlWord::password},
    {"PRAGMA", SqlWord::aimed},
    {"PREPARE", SqlWord::prepares},
    {"PROCEDURE", SqlWord::routine},
    {"RECURSIVE", SqlWord::skipped},
    {"REFERENCES", SqlWord::named},
    {"REFRESH", SqlWord::plain},
    {"REINDEX", SqlWord::plain},
    {"REKEY", SqlWord::key},
    {"RELEASE", SqlWord::plain},
    {"RENAME", SqlWord::named},
    {"REPLACE", SqlWord::change},
    {"RESET", SqlWord::plain},
    {"RETURNING", SqlWord::end_list},
    {"REVOKE", SqlWord::plain},
    {"ROLLBACK", SqlWord::plain},
    {"RULE", SqlWord::routine},
    {"SAVEPOINT", SqlWord::plain},
    {"SELECT", SqlWord::select},
    {"SEQUENCE", SqlWord::structure},
    {"SET", SqlWord::set},
    {"SHOW", SqlWord::plain},
    {"START", SqlWord::plain},
    {"SYSTEM", SqlWord::system},
    {"TABLE", SqlWord::relation},
    {"TEMP", SqlWord::skipped},
    {"TEMPORARY", SqlWord::skipped},
    {"TEXTKEY", SqlWord::key},
    {"TEXTREKEY", SqlWord::key},
    {"TO", SqlWord::to},
    {"TRIGGER", SqlWord::routine},
    {"TRUE", SqlWord::boolean},
    {"TRUNCATE", SqlWord::aimed_list},
    {"TYPE", SqlWord::structure},
    {"UNION", SqlWord::end_list},
    {"UNIQUE", SqlWord::skipped},
    {"UNLISTEN", SqlWord::plain},
    {"UNLOGGED", SqlWord::skipped},
    {"UPDATE", SqlWord::change},
    {"USING", SqlWord::use},
    {"VACUUM", SqlWord::aimed_list},
    {"VALUES", SqlWord::end_list},
    {"VERBOSE", SqlWord::only},
    {"VIEW", SqlWord::relation},
    {"VIRTUAL", SqlWord::skipped},
    {"WHERE", SqlWord::end_list},
    {"WINDOW", SqlWord::end_list},
    {"WITH", SqlWord::with},
});
static_assert(std::ranges::is_sorted(sql_words, {}, &SqlWordEntry::text));

/// Upper and lower case are one.
inline SqlWord sql_word(std::string_view text) noexcept {
    char upper[12]; // the longest is CONCURRENTLY
    if (text.size() > sizeof upper) return SqlWord::other;
    std::ranges::transform(
        text, upper, [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 0x20) : c; });
    const std::string_view wanted{upper, text.size()};
    const auto* found = std::ranges::lower_bound(sql_words, wanted, {}, &SqlWordEntry::text);
    return found != sql_words.end() && found->text == wanted ? found->word : SqlWord::other;
}

} // namespace detail
} // namespace plume
