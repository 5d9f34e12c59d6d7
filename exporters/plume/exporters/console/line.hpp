// line.hpp - a span as one line, for grep and awk.
#pragma once

#include <cstdint>
#include <iterator>
#include <string_view>

#include <fmt/format.h>

#include <plume/export/span_data.hpp>
#include <plume/exporters/console/look.hpp>
#include <plume/exporters/console/text.hpp>
#include <plume/exporters/console/words.hpp>

namespace plume::console {

/// The form for `grep`, `awk '{print $2}'` and logs: fields separated by blanks, always in this
/// order: time (UTC), duration, status, trace id, span id, parent id or `-`, name, and then what
/// there is of `kind=`, `message=`, attributes, `events=`, `links=`, `dropped=` (the last three are
/// counts). What contains a blank is quoted. Nothing is cut. On a terminal the same, in colours.
class LineText {
  public:
    LineText(Text& out, const Look& look) noexcept : out_{out}, look_{look} {}

    void print(const SpanData& span) {
        put_time(out_, span.begin_unix_ns, 'T');
        put(out_, "Z ");
        fmt::format_to(std::back_inserter(out_), "{:>6} ",
                       duration(span.duration_ns(), look_.glyphs->micro));
        look_.paint(out_, status_colour(span.status), fmt::format("{:5}", word(span.status)));
        ids(span);

        // Column 7 is the name if it has no blank; what follows is found by its key.
        Text name;
        put_word(name, span.name());
        look_.paint(out_, colour::bold, {name.data(), name.size()});
        if (span.kind != SpanKind::internal) field("kind", word(span.kind));
        if (!span.details->status_message.empty()) field("message", span.details->status_message);
        for (const Attribute& one : span.attributes()) attribute(one);
        count("events", span.events().size());
        count("links", span.links().size());
        count("dropped", std::uint64_t{span.details->dropped_attributes} +
                             span.details->dropped_events + span.details->dropped_links);
        put(out_, "\n");
    }

  private:
    [[nodiscard]] static std::string_view status_colour(StatusCode status) noexcept {
        return status == StatusCode::error ? colour::red : colour::none;
    }

    /// In full, so that a search for an id from elsewhere finds the line.
    void ids(const SpanData& span) {
        Text shown;
        put(shown, " ");
        put_id(shown, span.trace_id);
        put(shown, " ");
        put_id(shown, span.span_id);
        put(shown, " ");
        if (span.parent_span_id.valid()) put_id(shown, span.parent_span_id);
        else put(shown, "-");
        put(shown, " ");
        look_.paint(out_, colour::dim, {shown.data(), shown.size()});
    }

    void key(std::string_view name) {
        Text shown;
        put(shown, " ");
        put_word(shown, name, '=');
        put(shown, "=");
        look_.paint(out_, colour::dim, {shown.data(), shown.size()});
    }
    void field(std::string_view name, std::string_view value) {
        key(name);
        put_word(out_, value);
    }
    void attribute(const Attribute& attribute) {
        key(attribute.key());
        put_value(out_, attribute);
    }
    /// Only what is not nothing.
    void count(std::string_view name, std::uint64_t number) {
        if (number == 0) return;
        key(name);
        fmt::format_to(std::back_inserter(out_), "{}", number);
    }

    Text& out_;
    const Look& look_;
};

} // namespace plume::console
