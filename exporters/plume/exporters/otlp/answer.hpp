// answer.hpp - what a collector says to a request: all spans taken, or some refused, and why.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <protozero/exception.hpp>
#include <protozero/pbf_reader.hpp>

namespace plume::otlp {

/// ExportTraceServiceResponse.
struct Answer {
    std::int64_t rejected_spans = 0; ///< as sent: it may be negative, or more than there were
    std::string message;             ///< the collector's words, or empty
    bool understood = true;
};

/// At most 200 characters of `text`, fit for a log line whatever they are.
[[nodiscard]] inline std::string one_line(std::string_view text) {
    std::string line{text.substr(0, 200)};
    std::erase_if(line, [](char c) { return c >= 0 && c < 0x20; });
    std::ranges::replace_if(line, [](char c) { return c < 0x20 || c > 0x7e; }, '?');
    return line;
}

/// The message of a google.rpc.Status, which a collector sends with a refusal (OTLP 1.11,
/// Failures); nothing if it is none.
[[nodiscard]] inline std::optional<std::string> read_protobuf_status(std::string_view body) {
    std::string message;
    try {
        protozero::pbf_reader status{body.data(), body.size()};
        while (status.next()) {
            if (status.tag_and_type() ==
                protozero::tag_and_type(2, protozero::pbf_wire_type::length_delimited))
                message = status.get_string();
            else status.skip();
        }
    } catch (const protozero::exception&) {
        return std::nullopt;
    }
    return message;
}

[[nodiscard]] inline Answer read_protobuf_answer(std::string_view body) {
    Answer answer;
    try {
        protozero::pbf_reader response{body.data(), body.size()};
        while (response.next(1, protozero::pbf_wire_type::length_delimited)) {
            protozero::pbf_reader partial = response.get_message();
            while (partial.next()) {
                switch (partial.tag_and_type()) {
                case protozero::tag_and_type(1, protozero::pbf_wire_type::varint):
                    answer.rejected_spans = partial.get_int64();
                    break;
                case protozero::tag_and_type(2, protozero::pbf_wire_type::length_delimited):
                    answer.message = partial.get_string();
                    break;
                default: partial.skip();
                }
            }
        }
    } catch (const protozero::exception&) {
        answer.understood = false;
    }
    return answer;
}

/// Walks a JSON text once, builds no tree, and keeps the two members that matter.
class JsonAnswer {
  public:
    explicit JsonAnswer(std::string_view text) : rest_{text} {}

    [[nodiscard]] Answer read() { return read(Place::response); }
    /// As a google.rpc.Status: its message is that of the answer.
    [[nodiscard]] Answer read_status() { return read(Place::status); }

  private:
    enum class Place { response, partial_success, rejected_spans, status, message, elsewhere };

    [[nodiscard]] Answer read(Place place) {
        answer_.understood = object(place, 0) && (skip_blanks(), rest_.empty());
        return std::move(answer_);
    }

    /// proto3 parsers accept lowerCamelCase and the original names.
    [[nodiscard]] static Place inside(Place place, std::string_view key) noexcept {
        if (place == Place::response && (key == "partialSuccess" || key == "partial_success"))
            return Place::partial_success;
        if (place == Place::status && key == "message") return Place::message;
        if (place != Place::partial_success) return Place::elsewhere;
        if (key == "rejectedSpans" || key == "rejected_spans") return Place::rejected_spans;
        if (key == "errorMessage" || key == "error_message") return Place::message;
        return Place::elsewhere;
    }

    void skip_blanks() noexcept {
        rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size()));
    }
    [[nodiscard]] bool take(char c) noexcept {
        skip_blanks();
        if (rest_.empty() || rest_.front() != c) return false;
        rest_.remove_prefix(1);
        return true;
    }
    /// A string without its quotes, and with its escapes as they are: good enough for a log.
    [[nodiscard]] bool string(std::string_view& content) noexcept {
        if (!take('"')) return false;
        std::size_t end = 0;
        while (end < rest_.size() && rest_[end] != '"') end += rest_[end] == '\\' ? 2 : 1;
        if (end >= rest_.size()) return false;
        content = rest_.substr(0, end);
        rest_.remove_prefix(end + 1);
        return true;
    }
    [[nodiscard]] bool object(Place place, int depth) {
        if (!take('{')) return false;
        if (take('}')) return true;
        do {
            std::string_view key;
            if (!string(key) || !take(':') || !value(inside(place, key), depth + 1)) return false;
        } while (take(','));
        return take('}');
    }
    [[nodiscard]] bool array(int depth) {
        if (!take('[')) return false;
        if (take(']')) return true;
        do {
            if (!value(Place::elsewhere, depth + 1)) return false;
        } while (take(','));
        return take(']');
    }
    [[nodiscard]] bool value(Place place, int depth) {
        constexpr int deepest = 32; // an answer has three levels; this recursion must end
        skip_blanks();
        if (rest_.empty() || depth > deepest) return false;
        if (rest_.front() == '{') return object(place, depth);
        if (rest_.front() == '[') return array(depth);
        std::string_view content;
        if (rest_.front() == '"') {
            if (!string(content)) return false;
        } else {
            content = rest_.substr(0, rest_.find_first_of(" \t\r\n,]}"));
            rest_.remove_prefix(content.size());
        }
        if (place == Place::message) answer_.message = content;
        if (place != Place::rejected_spans) return true;
        return std::from_chars(content.data(), content.data() + content.size(),
                               answer_.rejected_spans)
                   .ptr != content.data();
    }

    std::string_view rest_;
    Answer answer_;
};

/// An empty body is an answer too: nothing was refused. Some servers send JSON whatever they got.
[[nodiscard]] inline Answer read_answer(std::string_view body) {
    if (body.starts_with('{')) return JsonAnswer{body}.read();
    return read_protobuf_answer(body);
}

/// What a collector says to a request that it refuses, as one line: a status in the format of its
/// content type, or else the text that there is.
[[nodiscard]] inline std::string refusal(std::string_view body, std::string_view content_type) {
    if (content_type.find("json") != content_type.npos || body.starts_with('{')) {
        const Answer answer = JsonAnswer{body}.read_status();
        if (answer.understood && !answer.message.empty()) return one_line(answer.message);
    } else if (content_type.find("protobuf") != content_type.npos) {
        const auto message = read_protobuf_status(body);
        if (message && !message->empty()) return one_line(*message);
    }
    return one_line(body);
}

} // namespace plume::otlp
