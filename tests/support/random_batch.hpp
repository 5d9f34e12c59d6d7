// random_batch.hpp - spans with everything that a span may have, the same for the same seed.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <plume/exporter.hpp>

namespace plume::otlp_test {

/// Keeps all that the spans of batch() point to.
class RandomBatch {
  public:
    struct Size {
        std::size_t spans = 8;
        std::size_t longest_text = 40; ///< in code points
    };

    RandomBatch(std::uint64_t seed, Size size) : random_{seed}, longest_text_{size.longest_text} {
        resource_.set("service.name", "random");
        resource_.set("telemetry.sdk.name", "plume");
        resource_.set("process.pid", integer());
        for (std::size_t i = 0; i != size.spans; ++i) spans_.push_back(span());
        const std::size_t middle = size.spans / 2; // pieces as a collector makes them, one empty
        pieces_ = {Batch::Piece{spans_}.first(middle), Batch::Piece{},
                   Batch::Piece{spans_}.subspan(middle)};
    }
    RandomBatch(const RandomBatch&) = delete;
    RandomBatch& operator=(const RandomBatch&) = delete;

    [[nodiscard]] Batch batch() const { return {resource_, pieces_}; }

  private:
    std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
    bool sometimes() { return below(4) == 0; }
    std::uint32_t small_count() { return sometimes() ? static_cast<std::uint32_t>(random_()) : 0; }

    std::int64_t integer() {
        const auto any = static_cast<std::int64_t>(random_());
        return any >> below(64); // all lengths, both signs
    }
    double real() {
        static constexpr std::array special{0.0,
                                            -0.0,
                                            1.0,
                                            0.1,
                                            5e-324,
                                            std::numeric_limits<double>::max(),
                                            std::numeric_limits<double>::infinity(),
                                            -std::numeric_limits<double>::infinity(),
                                            std::numeric_limits<double>::quiet_NaN()};
        if (sometimes()) return special[below(special.size())];
        return std::bit_cast<double>(random_());
    }

    std::string_view text() {
        const std::size_t limit =
            sometimes() ? longest_text_ : std::min<std::size_t>(longest_text_, 20);
        std::string& result = strings_.emplace_back();
        for (std::size_t left = below(limit + 1); left != 0; --left) append_code_point(result);
        return result;
    }
    void append_code_point(std::string& out) {
        static constexpr std::array<std::uint32_t, 4> limits{0x80, 0x800, 0xd800, 0x110000};
        auto code = static_cast<std::uint32_t>(below(limits[sometimes() ? below(4) : 0]));
        if (code >= 0xd800 && code < 0xe000) code = 0xfffd; // surrogates have no UTF-8
        const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
        if (code < 0x80) return put(code);
        if (code < 0x800) put(0xc0 | code >> 6);
        else if (code < 0x10000) put(0xe0 | code >> 12);
        else put(0xf0 | code >> 18);
        if (code >= 0x10000) put(0x80 | (code >> 12 & 63));
        if (code >= 0x800) put(0x80 | (code >> 6 & 63));
        put(0x80 | (code & 63));
    }

    template <class Element, class Make>
    std::span<const Element> array(std::deque<std::vector<Element>>& store, Make make) {
        std::vector<Element>& values = store.emplace_back();
        for (std::size_t left = below(5); left != 0; --left) values.push_back(make());
        return values;
    }
    Attribute attribute(std::size_t index) {
        const std::string_view key =
            strings_.emplace_back(std::to_string(index) + std::string{text()});
        switch (below(8)) {
        case 0: return {key, sometimes()};
        case 1: return {key, integer()};
        case 2: return {key, real()};
        case 3: return {key, text()};
        case 4: {
            auto& values = booleans_.emplace_back();
            for (bool& value : values) value = sometimes();
            return {key, std::span<const bool>{values}.first(below(values.size() + 1))};
        }
        case 5: return {key, array(integers_, [this] { return integer(); })};
        case 6: return {key, array(reals_, [this] { return real(); })};
        default: return {key, array(texts_, [this] { return text(); })};
        }
    }
    std::span<const Attribute> attributes() {
        std::vector<Attribute>& all = attributes_.emplace_back();
        for (std::size_t left = below(6); left != 0; --left) all.push_back(attribute(left));
        return all;
    }

    Event event() { return {text(), random_(), attributes(), small_count()}; }
    Link link() {
        Link link;
        link.context.trace_id = {random_(), random_()};
        link.context.span_id = {random_()};
        link.context.flags = static_cast<std::uint8_t>(below(4));
        link.context.is_remote = sometimes();
        if (sometimes()) link.context.trace_state = "vendor=a,other=b";
        link.attributes = attributes();
        link.dropped_attributes = small_count();
        return link;
    }
    const SpanDetails* details() {
        SpanDetails& details = details_.emplace_back();
        details.events = array(events_, [this] { return event(); });
        details.links = array(links_, [this] { return link(); });
        if (sometimes()) details.trace_state = "ot=th:8";
        details.dropped_attributes = small_count();
        details.dropped_events = small_count();
        details.dropped_links = small_count();
        return &details;
    }
    SpanData span() {
        static constexpr std::array sources{
            Source{"GET /orders/{id}", "orders.cpp", "handle", 42, "plume", "0.1.0"},
            Source{"SELECT orders", "sql.cpp", "query", 7, "plume", ""},
            Source{"a \"name\" with \\ and \n", "", "", 1, "other \"scope\"", "9"}};
        SpanData span;
        span.trace_id = {random_(), random_()};
        span.span_id = {random_()};
        if (!sometimes()) span.parent_span_id = {random_()};
        span.begin_unix_ns = random_();
        span.end_unix_ns = random_();
        span.source = &sources[sometimes() ? below(sources.size()) : 0];
        if (sometimes()) span.renamed = &views_.emplace_back(text());
        const std::span<const Attribute> all = attributes();
        span.attribute_data = all.data();
        span.attribute_count = static_cast<std::uint32_t>(all.size());
        span.kind = static_cast<SpanKind>(1 + below(5));
        span.status = static_cast<StatusCode>(below(3));
        span.flags = static_cast<std::uint8_t>(below(4));
        span.parent_is_remote = sometimes();
        if (sometimes()) span.details = details();
        if (span.status == StatusCode::error && sometimes()) {
            SpanDetails& with_message = details_.emplace_back(*span.details);
            with_message.status_message = text();
            span.details = &with_message;
        }
        return span;
    }

    std::mt19937_64 random_;
    std::size_t longest_text_;
    Resource resource_;
    std::deque<std::string> strings_;
    std::deque<std::string_view> views_;
    std::deque<std::array<bool, 4>> booleans_;
    std::deque<std::vector<std::int64_t>> integers_;
    std::deque<std::vector<double>> reals_;
    std::deque<std::vector<std::string_view>> texts_;
    std::deque<std::vector<Attribute>> attributes_;
    std::deque<std::vector<Event>> events_;
    std::deque<std::vector<Link>> links_;
    std::deque<SpanDetails> details_;
    std::vector<SpanData> spans_;
    std::array<Batch::Piece, 3> pieces_;
};

} // namespace plume::otlp_test
