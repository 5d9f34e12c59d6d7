// details.hpp - what stands below a span's line in the tree: attributes, events, links, errors.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include <plume/export/span_data.hpp>
#include <plume/exporters/console/flow.hpp>
#include <plume/exporters/console/look.hpp>
#include <plume/exporters/console/words.hpp>

namespace plume::console {

/// What an event says about an exception (OpenTelemetry semantic conventions, exceptions).
struct ExceptionEvent {
    std::string_view type;
    std::string_view message;

    explicit ExceptionEvent(const Event& event) noexcept {
        if (event.name != "exception") return;
        for (const Attribute& attribute : event.attributes) {
            if (attribute.type != ValueType::string) continue;
            const std::string_view text{attribute.text, attribute.size};
            if (attribute.key() == "exception.type") type = text;
            if (attribute.key() == "exception.message") message = text;
        }
    }
    [[nodiscard]] explicit operator bool() const noexcept {
        return !type.empty() || !message.empty();
    }
    /// An attribute that is shown as a part of the sentence, and not again.
    [[nodiscard]] static bool tells(const Attribute& attribute) noexcept {
        return attribute.type == ValueType::string &&
               (attribute.key() == "exception.type" || attribute.key() == "exception.message");
    }
};

/// Each in a paragraph of its own, in the order in which a reader asks: what it was about, what
/// happened, what it has to do with other spans, why it failed, and what is not shown.
class Details {
  public:
    Details(Text& out, const Look& look, std::size_t columns) noexcept
        : look_{look}, flow_{out, look, columns} {}

    /// `margin` is the guides that go on beside the paragraphs.
    void print(const SpanData& span, std::string_view margin) {
        if (!span.attributes().empty()) {
            flow_.open(margin);
            for (const Attribute& attribute : span.attributes()) flow_.attribute(attribute);
            flow_.close();
        }
        bool explained = span.status != StatusCode::error;
        for (const Event& event : span.events()) {
            flow_.open(margin, indent);
            explained |= this->event(event, span);
            flow_.close();
        }
        for (const Link& link : span.links()) {
            flow_.open(margin, indent);
            this->link(link);
            flow_.close();
        }
        if (!explained) {
            flow_.open(margin, indent);
            flow_.message(colour::red, sign(), status_message(span));
            location(span);
            flow_.close();
        }
        dropped(*span.details, margin);
    }

  private:
    /// Of the second line on, so that each event is seen to begin.
    static constexpr std::size_t indent = 2;

    [[nodiscard]] std::string sign() const { return fmt::format("{} ", look_.glyphs->cross); }
    [[nodiscard]] static std::string_view status_message(const SpanData& span) noexcept {
        return span.details->status_message.empty() ? "error" : span.details->status_message;
    }

    /// True if it is the exception that made the span fail, so that nobody reads that twice.
    bool event(const Event& event, const SpanData& span) {
        // An event may carry a time of its own, from before the span.
        const std::uint64_t offset =
            event.time_unix_ns - std::min(event.time_unix_ns, span.begin_unix_ns);
        flow_.item(colour::cyan, fmt::format("+{}", duration(offset, look_.glyphs->micro)));
        const ExceptionEvent exception{event};
        const std::string_view status = span.details->status_message;
        // Another exception's message is another failure, maybe one that was dealt with.
        const bool explains = exception && span.status == StatusCode::error &&
                              (status.empty() || status == exception.message);
        if (exception) {
            const std::string_view colon =
                exception.type.empty() || exception.message.empty() ? "" : ": ";
            flow_.message(colour::red, sign(),
                          fmt::format("{}{}{}", exception.type, colon, exception.message));
        } else {
            flow_.message(colour::none, "", event.name);
        }
        if (explains) location(span);
        for (const Attribute& attribute : event.attributes)
            if (!exception || !ExceptionEvent::tells(attribute)) flow_.attribute(attribute);
        dropped(event.dropped_attributes);
        return explains;
    }

    /// Ids in full: to be pasted into a search.
    void link(const Link& link) {
        Text shown;
        put(shown, look_.glyphs->arrow);
        put(shown, " linked to ");
        put_id(shown, link.context.trace_id);
        put(shown, " ");
        put_id(shown, link.context.span_id);
        flow_.item(colour::blue, {shown.data(), shown.size()});
        for (const Attribute& attribute : link.attributes) flow_.attribute(attribute);
        dropped(link.dropped_attributes);
    }

    /// Where a span that failed began, which need not be where it failed. The directory says little
    /// and takes much room.
    void location(const SpanData& span) {
        std::string_view file = span.source->file;
        if (file.empty()) return;
        file.remove_prefix(file.find_last_of('/') + 1); // npos + 1 is 0
        flow_.message(colour::dim, "span begun at ", fmt::format("{}:{}", file, span.source->line));
    }

    // Nothing is lost in silence, not even from a picture.

    void dropped(std::uint32_t attributes) {
        if (attributes != 0) flow_.item(colour::yellow, fmt::format("({} dropped)", attributes));
    }
    void dropped(const SpanDetails& rest, std::string_view margin) {
        if ((rest.dropped_attributes | rest.dropped_events | rest.dropped_links) == 0) return;
        flow_.open(margin, indent);
        flow_.item(colour::yellow, "dropped at a limit:");
        const auto count = [this](std::uint32_t number, std::string_view what) {
            if (number != 0)
                flow_.item(colour::yellow,
                           fmt::format("{} {}{}", number, what, number == 1 ? "" : "s"));
        };
        count(rest.dropped_attributes, "attribute");
        count(rest.dropped_events, "event");
        count(rest.dropped_links, "link");
        flow_.close();
    }

    const Look& look_;
    Flow flow_;
};

} // namespace plume::console
