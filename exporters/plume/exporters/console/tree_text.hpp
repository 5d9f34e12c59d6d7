// tree_text.hpp - a trace as people read it: who called whom, when, for how long, and what failed.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include <plume/export/span_data.hpp>
#include <plume/exporters/console/bar.hpp>
#include <plume/exporters/console/details.hpp>
#include <plume/exporters/console/held_spans.hpp>
#include <plume/exporters/console/look.hpp>
#include <plume/exporters/console/text.hpp>
#include <plume/exporters/console/words.hpp>

namespace plume::console {

/// Prints trees one by one: a header (service, trace, spans, duration, begin), for each span a line
/// (name, kind, duration, bar) with its details below, and an empty line at the end.
///
/// Names, durations and bars stand in columns; details don't, so that the eye can follow either.
class TreeText {
  public:
    TreeText(Text& out, const Look& look, std::size_t columns) noexcept
        : out_{out}, look_{look}, details_{out, look, columns}, columns_{columns} {}

    void print(const Tree& tree, std::string_view service) {
        whole_ = extent(tree);
        header(tree, service);
        const std::size_t names = name_column(tree);
        for (std::uint32_t i = 0; i < tree.branches.size(); ++i) {
            const Branch& branch = tree.branches[i];
            continues_.resize(branch.place.depth + 1);
            continues_.back() = !branch.place.last;
            line(tree, i, names);
            details_.print(*branch.span, margin(branch.place.depth, branch.place.end > i + 1));
        }
        put(out_, "\n");
    }

  private:
    /// Deeper than this, spans stay in their column and say their depth: guides for a recursion of
    /// a thousand calls would be a megabyte of blanks.
    static constexpr std::uint32_t max_depth = 24;
    static constexpr std::size_t duration_width = 6; // of `12.3ms`, the longest below 1000 s
    static constexpr std::size_t gap = 2;            // one blank occurs inside names

    /// From the first begin to the last end, which need not be the root's: an asynchronous span may
    /// end later.
    [[nodiscard]] static Window extent(const Tree& tree) noexcept {
        Window whole{tree.branches.front().span->begin_unix_ns, 0};
        for (const Branch& branch : tree.branches) {
            whole.begin = std::min(whole.begin, branch.span->begin_unix_ns);
            whole.end = std::max(whole.end, branch.span->end_unix_ns);
        }
        return whole;
    }

    void header(const Tree& tree, std::string_view service) {
        const SpanData& first = *tree.branches.front().span;
        const std::size_t spans = tree.branches.size();
        const std::string_view dot = look_.glyphs->dot;
        Text name;
        Clip{name, unlimited, ""}.escaped(service.empty() ? "unknown_service" : service);
        look_.paint(out_, colour::bold, {name.data(), name.size()});

        Text rest;
        put(rest, dot);
        put_id(rest, first.trace_id);
        put(rest, dot);
        look_.paint(out_, colour::dim, {rest.data(), rest.size()});
        if (const std::string_view annotation = this->annotation(tree); !annotation.empty()) {
            look_.paint(out_, colour::yellow, annotation);
            look_.paint(out_, colour::dim, dot);
        }

        rest.clear();
        // The root's duration is the answer to "how long did it take"; fragments have no such span.
        const bool is_complete = tree.part == Tree::Part::complete;
        const std::uint64_t ns = is_complete ? first.duration_ns() : whole_.end - whole_.begin;
        fmt::format_to(std::back_inserter(rest), "{} span{}{}{}{}", spans, spans == 1 ? "" : "s",
                       dot, duration(ns, look_.glyphs->micro), dot);
        put_time(rest, whole_.begin, ' ');
        put(rest, " UTC");
        look_.paint(out_, colour::dim, {rest.data(), rest.size()});
        put(out_, "\n");
    }

    /// Why this is not simply a trace, or empty.
    [[nodiscard]] static std::string_view annotation(const Tree& tree) noexcept {
        switch (tree.part) {
        case Tree::Part::late: return "late, its parent was printed before";
        case Tree::Part::incomplete: return "incomplete, its root has not ended";
        case Tree::Part::complete: break;
        }
        return tree.continued ? "continued, the beginning was printed as incomplete" : "";
    }

    /// Most spans are internal, which goes without saying.
    [[nodiscard]] static std::string_view kind_of(const SpanData& span) noexcept {
        return span.kind == SpanKind::internal ? std::string_view{} : word(span.kind);
    }
    [[nodiscard]] static std::string label(const SpanData& span) {
        Text shown;
        Clip{shown, unlimited, ""}.escaped(span.name());
        return fmt::to_string(shown);
    }

    /// The guides before a span's name: `│  ` where an ancestor's sibling follows below.
    [[nodiscard]] std::string indentation(std::uint32_t depth) const {
        std::string guides;
        if (depth == 0) return guides;
        const Glyphs& glyphs = *look_.glyphs;
        for (std::uint32_t level = 1; level < std::min(depth, max_depth); ++level)
            guides += continues_[level] ? glyphs.pipe : glyphs.blank;
        if (depth > max_depth) return guides + fmt::format("{} {} ", glyphs.ellipsis, depth);
        return guides.append(continues_[depth] ? glyphs.branch : glyphs.last_branch);
    }

    /// The guides beside its details, with one down to its first child.
    [[nodiscard]] std::string margin(std::uint32_t depth, bool has_children) const {
        const Glyphs& glyphs = *look_.glyphs;
        std::string guides;
        for (std::uint32_t level = 1; level <= std::min(depth, max_depth); ++level)
            guides += continues_[level] ? glyphs.pipe : glyphs.blank;
        return guides.append(has_children ? glyphs.half_pipe : glyphs.half_blank);
    }

    /// Wide enough for every name, unless a bar would not fit in the line any more.
    [[nodiscard]] std::size_t name_column(const Tree& tree) const {
        std::size_t widest = 32; // so that the bars of small trees stand below one another
        for (const Branch& branch : tree.branches) {
            const std::size_t guides = 3 * std::min(branch.place.depth, max_depth);
            const std::string_view kind = kind_of(*branch.span);
            const std::size_t rest = kind.empty() ? 0 : width(look_.glyphs->dot) + kind.size();
            widest = std::max(widest, guides + width(label(*branch.span)) + rest);
        }
        const std::size_t others = gap + duration_width + gap + bar_cells;
        return columns_ > others ? std::min(widest, columns_ - others) : widest;
    }

    void line(const Tree& tree, std::uint32_t index, std::size_t names) {
        const Branch& branch = tree.branches[index];
        const SpanData& span = *branch.span;
        const bool failed = span.status == StatusCode::error;
        const std::string guides = indentation(branch.place.depth);
        const std::string name = label(span);
        const std::string_view kind = kind_of(span);
        look_.paint(out_, colour::dim, guides);
        look_.paint(out_, failed ? colour::bold_red : colour::bold, name);
        std::size_t used = width(guides) + width(name);
        if (!kind.empty()) {
            look_.paint(out_, colour::dim, look_.glyphs->dot);
            look_.paint(out_, colour::blue, kind);
            used += width(look_.glyphs->dot) + kind.size();
        }

        const std::string time = duration(span.duration_ns(), look_.glyphs->micro);
        // A name that is too long for its column pushes the rest aside rather than being cut.
        const std::size_t until =
            names + gap + duration_width - std::min(duration_width, width(time));
        out_.append(std::string(std::max(until, used + gap) - used, ' '));
        put(out_, time);
        put(out_, "  ");
        bar(tree, index).put_to(out_, look_, failed ? colour::red : colour::cyan);
        put(out_, "\n");
    }

    /// Its own stretch, less those of its children, each of which is found behind the descendants
    /// of the one before.
    [[nodiscard]] Bar bar(const Tree& tree, std::uint32_t index) const {
        const auto window = [&](std::uint32_t i) {
            const SpanData& span = *tree.branches[i].span;
            return Window{span.begin_unix_ns, span.end_unix_ns};
        };
        Bar bar{whole_};
        bar.span(window(index));
        const std::uint32_t end = tree.branches[index].place.end;
        for (std::uint32_t child = index + 1; child < end; child = tree.branches[child].place.end)
            bar.child(window(child));
        return bar;
    }

    Text& out_;
    const Look& look_;
    Details details_;
    std::size_t columns_;
    Window whole_;
    std::vector<bool> continues_; ///< by depth: a sibling of the line's ancestor there follows
};

} // namespace plume::console
