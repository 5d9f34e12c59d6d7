// flow.hpp - words that fill lines of a given width, below a span of the tree.
#pragma once

#include <cstddef>
#include <string_view>

#include <plume/export/span_data.hpp>
#include <plume/exporters/console/look.hpp>
#include <plume/exporters/console/text.hpp>

namespace plume::console {

/// One paragraph at a time: open(), items, close(). An item is never broken, so that it can be
/// found and copied whole; one that is wider than the line has a line of its own.
class Flow {
  public:
    Flow(Text& out, const Look& look, std::size_t columns) noexcept
        : out_{out}, look_{look}, columns_{columns} {}

    /// `margin` stands before each line, `indent` blanks after it from the second line on.
    void open(std::string_view margin, std::size_t indent = 0) {
        margin_ = margin;
        indent_ = indent;
        used_ = width(margin);
        is_empty_ = true;
        look_.paint(out_, colour::dim, margin);
    }
    void close() { put(out_, "\n"); }

    /// `text` has been made safe to be shown.
    void item(std::string_view sgr, std::string_view text) {
        make_room(width(text));
        look_.paint(out_, sgr, text);
    }
    /// A string of unknown origin. Unlike a value it may go on to the terminal's next line, since
    /// a failure is told by the end of its message as often as by the beginning.
    void message(std::string_view sgr, std::string_view sign, std::string_view text) {
        Text shown;
        put(shown, sign);
        constexpr std::size_t three_lines = 240;
        Clip{shown, three_lines, look_.glyphs->ellipsis}.escaped(text);
        item(sgr, {shown.data(), shown.size()});
    }
    /// `key=value`, the key dim: whoever scans a tree looks for values.
    void attribute(const Attribute& attribute) {
        Text key;
        put_word(key, attribute.key(), '=');
        put(key, "=");
        Text value;
        put_value(value, attribute, room_beside(width({key.data(), key.size()})),
                  look_.glyphs->ellipsis);
        const std::string_view shown_key{key.data(), key.size()};
        const std::string_view shown_value{value.data(), value.size()};
        make_room(width(shown_key) + width(shown_value));
        look_.paint(out_, colour::dim, shown_key);
        put(out_, shown_value);
    }

  private:
    /// Code points of a value that still fit one line, but never so few that it says nothing.
    [[nodiscard]] std::size_t room_beside(std::size_t key) const noexcept {
        constexpr std::size_t least = 32; // a trace id
        constexpr std::size_t quotes = 2;
        const std::size_t taken =
            width(margin_) + indent_ + key + quotes + width(look_.glyphs->ellipsis);
        return columns_ > taken + least ? columns_ - taken : least;
    }

    /// A gap or a new line, whichever lets an item of `cells` stand in the line.
    void make_room(std::size_t cells) {
        constexpr std::size_t gap = 2; // one blank is too little: values may have blanks
        if (is_empty_) {
            used_ += cells;
        } else if (used_ + gap + cells <= columns_) {
            put(out_, "  ");
            used_ += gap + cells;
        } else {
            close();
            open(margin_, indent_);
            for (std::size_t i = 0; i < indent_; ++i) put(out_, " ");
            used_ += indent_ + cells;
        }
        is_empty_ = false;
    }

    Text& out_;
    const Look& look_;
    std::size_t columns_;
    std::string_view margin_; ///< belongs to the caller until close()
    std::size_t indent_ = 0;
    std::size_t used_ = 0;
    bool is_empty_ = true;
};

} // namespace plume::console
