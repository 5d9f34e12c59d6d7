// inherited.hpp - what the child of a fork has of the spans that were open on the forking thread.
//
// They are the parent process's, and their guards are in the child's memory as well. So the child
// goes on below them: what it begins has the innermost one as its remote parent, and as the guards
// and scopes end in the child, that is the next one out.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <new>

#include <plume/record/lane.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// Calls f(level) for what is in force on a lane and for what its scopes have put aside, innermost
/// first, until it says true.
template <class F>
bool any_level(Lane& lane, F f) {
    if (f(lane)) return true;
    for (SavedScope* level = lane.outside; level; level = level->next)
        if (f(*level)) return true;
    return false;
}

/// `seed`, `key`: of the process that has the spans, for `id` of the innermost. `Level`: a lane, or
/// what a scope has put aside.
template <class Level>
void inherit(Level& level, std::uint64_t seed, std::uint64_t key, SpanId id) noexcept {
    if (level.current == 0) return;
    // The lane's own texts: a scope that has ended elsewhere may have taken the program's along.
    ContextText* text =
        ContextText::make(level.trace_text ? level.trace_text->trace_state() : std::string_view{},
                          level.scope_text ? level.scope_text->baggage() : std::string_view{});
    void* memory = std::malloc(sizeof(Inherited));
    if (memory)
        level.inherited =
            new (memory) Inherited{level.floor, level.current & ~low_bits, seed,           key,
                                   level.scope, level.scope_text,          level.inherited};
    else let_go(level.scope_text);
    level.scope = {level.trace_id, id, level.trace_flags, true, {}, {}};
    level.scope_text = text;
    view(level.scope, text);
    level.current = 0;
}

/// In the child, for the thread that has forked. What it was not to record is not recorded in the
/// child either, and scopes stay; of what its ring holds nothing is the child's.
/// `span_id(position, seed, key)`: makes ids.
template <class MakeId>
void inherit_all(Lane& lane, std::uint64_t seed, std::uint64_t key, MakeId span_id) noexcept {
    const std::uint64_t here = lane.head.load(memory_order_relaxed); // own store
    any_level(lane, [&](auto& level) {
        inherit(level, seed, key, span_id(level.current & ~low_bits, seed, key));
        level.floor = here;
        return false;
    });
    lane.forget_records();
}

/// The guard of an inherited span ends in the child. `parent`: what was open around it, or 0.
template <class MakeId>
void end_inherited(Lane& lane, std::uint64_t position, std::uint64_t parent,
                   MakeId span_id) noexcept {
    any_level(lane, [&](auto& level) {
        SpanContext* scope = &level.scope;
        ContextText** text = &level.scope_text;
        for (Inherited** link = &level.inherited; *link; link = &(*link)->outer) {
            Inherited& spans = **link;
            if (position >= spans.floor && position <= spans.position) {
                if (parent != 0) {
                    spans.position = parent & ~low_bits;
                    scope->span_id = span_id(spans.position, spans.id_seed, spans.id_key);
                } else {
                    let_go(*text);
                    *scope = spans.below;
                    *text = spans.below_text;
                    *link = spans.outer;
                    std::free(&spans);
                }
                return true;
            }
            scope = &spans.below;
            text = &spans.below_text;
        }
        return false;
    });
    lane.keep_draw_only_for_roots();
}

/// The context that the guard of an inherited span has in the child, or an invalid one.
inline SpanContext context_of_inherited(Lane& lane, std::uint64_t position) noexcept {
    SpanContext found;
    any_level(lane, [&](auto& level) {
        if (!level.inherited || level.inherited->position != position) return false;
        found = level.scope;
        found.is_remote = false;
        return true;
    });
    return found;
}

} // namespace detail
} // namespace plume
