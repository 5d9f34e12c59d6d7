// span_builder.hpp - from what was logged about a span to SpanData, in the memory of a chunk.
#pragma once

#include <algorithm>
#include <bit>
#include <bitset>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include <plume/collect/chunk.hpp>
#include <plume/collect/open_span.hpp>
#include <plume/core/span_limits.hpp>
#include <plume/core/utf8.hpp>
#include <plume/record/ring_format.hpp>

namespace plume {

namespace [[gnu::visibility("hidden")]] detail {

/// Attributes of a span some of whose children were not recorded, so that a reader knows.
inline constexpr std::string_view suppressed_children = "plume.suppressed_children";
inline constexpr std::string_view dropped_children = "plume.dropped_children";

/// Turns payloads into attributes. Its lists are used again, so that it does not allocate once
/// warm.
class SpanBuilder {
  public:
    SpanBuilder(CallsiteTable& sites, const Allowed& limits)
        : sites_{&sites}, redactor_{sites.redactor()}, limits_{limits} {}

    /// Bytes that compose() takes of a chunk, at the most.
    [[nodiscard]] std::size_t bound(const OpenSpan& span) const noexcept {
        const std::size_t begin = sizeof(SpanData) + span.site.fields * sizeof(Attribute);
        if (is_plain(span)) [[likely]]
            return begin;
        // An estimate of a longer log would leave most of a chunk unused.
        constexpr std::size_t few_words = 256;
        if (span.log.size() > few_words) [[unlikely]]
            return begin + measured(span);
        // A word of payload becomes at most an attribute, or 8 bytes of text that are repaired to
        // 24 each; an annotation adds an event or a link. What the redactor makes of a value fits
        // too, but for that of a trace state.
        return begin + sizeof(SpanDetails) + 2 * sizeof(Attribute) +
               span.log.size() * (sizeof(Attribute) + sizeof(Event)) +
               sizeof(Link) * (span.log.size() / 2 + 1) + (span.trace_state ? 5120 : 2048);
    }

    /// The chunk has room for bound(span). Without memory it is as if nothing had been composed.
    void compose(Chunk& chunk, const OpenSpan& span, std::uint64_t end_unix_ns) {
        SpanData& data = chunk.add_span();
        data.trace_id = span.trace_id;
        data.span_id = span.id;
        data.parent_span_id = span.parent_id;
        data.begin_unix_ns = span.begin_unix_ns;
        data.end_unix_ns = end_unix_ns;
        data.source = span.site.source;
        data.renamed = span.renamed;
        data.thread = span.thread;
        data.thread_id = span.thread_id;
        data.kind = span.site.kind;
        data.flags = span.flags;
        data.parent_is_remote = span.parent_is_remote;
        if (is_plain(span)) [[likely]]
            return compose_plain(chunk, span, data);
        try {
            if (is_simple(span)) compose_simple(chunk, span, data);
            else compose_all(chunk, span, data);
        } catch (...) {
            chunk.take_back_span();
            throw;
        }
    }

    /// For a plain site: whether its values are not what is exported, word for word.
    [[nodiscard]] static bool needs_a_look(const SiteInfo& site, const char* values) noexcept {
        return site.may_become_text && becomes_text(site, values);
    }

    /// For a plain site, and a chunk with room for its fields.
    static void add_plain_attributes(Chunk& chunk, const SiteInfo& site, const char* values,
                                     SpanData& to) noexcept {
        auto* attributes = chunk.allocate<Attribute>(site.fields);
        for (std::size_t i = 0; i < site.fields; ++i) {
            attributes[i] = site.keys[i];
            std::memcpy(&attributes[i].int64, values + 8 * i, 8);
        }
        to.attribute_data = attributes;
        to.attribute_count = site.fields;
    }

    /// Which of the fields have a value: all but the optional ones that are absent.
    [[nodiscard]] static std::bitset<128> present(const SiteInfo& site, const char* payload) {
        std::bitset<128> fields;
        RecordReader reader{payload};
        for (std::size_t i = 0; i < site.fields; ++i)
            fields[i] = skip_value(reader, site.entry->fields[i].type);
        return fields;
    }

    /// Values that did not fit and were cut, since the start.
    [[nodiscard]] std::uint64_t truncated_values() const noexcept { return truncated_values_; }

  private:
    /// Nothing but one word for each attribute.
    [[nodiscard]] static bool is_plain(const OpenSpan& span) noexcept {
        return span.site.plain && !has_more(span) && !needs_a_look(span.site, span.log.data());
    }

    /// Whether one of the values is no int64, or a card number.
    [[nodiscard]] static bool becomes_text(const SiteInfo& site, const char* values) noexcept {
        for (std::size_t i = 0; i < site.fields; ++i) {
            std::int64_t value = 0;
            std::memcpy(&value, values + 8 * i, 8);
            if (value < 0 && site.entry->fields[i].type == WireType::uint64) return true;
            if (site.may_have_cards && site.keys[i].type == ValueType::int64 && is_card(value))
                return true;
        }
        return false;
    }

    /// More than the arguments of its begin.
    [[nodiscard]] static bool has_more(const OpenSpan& span) noexcept {
        return span.log.size() * 8 != span.arguments ||
               (span.events | span.links | span.suppressed | span.lost) != 0 || span.trace_state;
    }

    /// Nothing but attributes that began with the span.
    [[nodiscard]] static bool is_simple(const OpenSpan& span) noexcept {
        return span.site.simple && !has_more(span);
    }

    void compose_simple(Chunk& chunk, const OpenSpan& span, SpanData& data) {
        if (redactor_) return compose_searched(chunk, span, data);
        auto* attributes = chunk.allocate<Attribute>(span.site.fields);
        RecordReader reader{span.log.data()};
        std::uint32_t count = 0;
        for (std::size_t i = 0; i < span.site.fields; ++i) {
            attributes[count] = span.site.keys[i];
            if (read_value(chunk, reader, span.site.entry->fields[i].type, attributes[count]))
                ++count;
        }
        data.attribute_data = attributes;
        data.attribute_count = count;
    }

    /// The same, of which some values may have to change.
    [[gnu::noinline]] void compose_searched(Chunk& chunk, const OpenSpan& span, SpanData& data) {
        auto* attributes = chunk.allocate<Attribute>(span.site.fields);
        RecordReader reader{span.log.data()};
        std::uint32_t count = 0;
        std::uint32_t withheld = 0;
        for (std::size_t i = 0; i < span.site.fields; ++i) {
            attributes[count] = span.site.keys[i];
            if (!read_value(chunk, reader, span.site.entry->fields[i].type, attributes[count]))
                continue;
            if (may_leave(chunk, span.site, i, attributes[count])) ++count;
            else ++withheld;
        }
        data.attribute_data = attributes;
        data.attribute_count = count;
        if (withheld == 0) [[likely]]
            return;
        SpanDetails details;
        details.dropped_attributes = withheld;
        data.details = copy(chunk, details);
    }

    /// Changes the value of a field if it has to. False: it must not leave.
    bool may_leave(Chunk& chunk, const SiteInfo& site, std::size_t field, Attribute& value) {
        return !redactor_ || redactor_->apply(chunk, value, site.treatments[field]);
    }

    static void compose_plain(Chunk& chunk, const OpenSpan& span, SpanData& data) {
        if (span.site.fields != 0) add_plain_attributes(chunk, span.site, span.log.data(), data);
    }

    /// Reads payload words.
    struct RecordReader {
        const char* at;
        std::uint64_t word() noexcept {
            std::uint64_t value = 0;
            std::memcpy(&value, at, 8);
            at += 8;
            return value;
        }
    };

    /// False for an optional that is absent.
    static bool skip_value(RecordReader& reader, WireType type) noexcept {
        const auto bits = static_cast<unsigned>(type);
        if ((bits & static_cast<unsigned>(WireType::optional_bit)) != 0 && reader.word() == 0)
            return false;
        type = static_cast<WireType>(bits & ~static_cast<unsigned>(WireType::optional_bit));
        const auto first = static_cast<std::uint32_t>(reader.word());
        if (type == WireType::string) reader.at += padded(first);
        else if (type == WireType::string_array)
            for (std::uint32_t i = 0; i < first; ++i) skip_value(reader, WireType::string);
        else if (type > WireType::string) reader.at += 8 * std::size_t{first};
        return true;
    }

    // What a log takes of a chunk at the most, besides the attributes of its begin. These follow
    // what compose_all() and the redactor allocate.

    [[nodiscard]] std::size_t measured(const OpenSpan& span) const noexcept {
        std::size_t bytes = sizeof(SpanDetails) + 2 * sizeof(Attribute);
        if (span.trace_state) bytes += 5120;
        RecordReader reader{span.log.data()};
        bytes += fields_bytes(reader, span.site, 0);
        const char* end = span.log.data() + span.log.size() * 8;
        reader.at = span.log.data() + span.arguments;
        while (reader.at != end) {
            Annotation annotation{};
            std::memcpy(&annotation, reader.at, sizeof annotation);
            RecordReader payload{reader.at + sizeof annotation};
            reader.at = payload.at + annotation.bytes;
            bytes += annotation_bytes(annotation, payload);
        }
        return bytes;
    }
    [[nodiscard]] std::size_t annotation_bytes(const Annotation& annotation,
                                               RecordReader payload) const noexcept {
        if (annotation.index == control::status)
            return static_cast<StatusCode>(payload.word()) == StatusCode::error
                       ? text_bytes(payload)
                       : 0;
        const SiteInfo& site = sites_->at(annotation.index);
        const std::size_t attributes = site.fields * sizeof(Attribute);
        if (site.what == SiteKind::attributes) return attributes + fields_bytes(payload, site, 0);
        if (site.what == SiteKind::event)
            return attributes + sizeof(Event) + fields_bytes(payload, site, 0);
        payload.at += 4 * sizeof(std::uint64_t); // see take_link()
        const std::size_t trace_state = text_bytes(payload);
        return attributes + sizeof(Link) + trace_state + fields_bytes(payload, site, 5);
    }
    [[nodiscard]] std::size_t fields_bytes(RecordReader& reader, const SiteInfo& site,
                                           std::size_t first) const noexcept {
        std::size_t bytes = 0;
        for (std::size_t i = first; i < site.fields; ++i)
            bytes += value_bytes(reader, site.entry->fields[i].type);
        return bytes;
    }
    [[nodiscard]] std::size_t value_bytes(RecordReader& reader, WireType type) const noexcept {
        const auto bits = static_cast<unsigned>(type);
        if ((bits & static_cast<unsigned>(WireType::optional_bit)) != 0 && reader.word() == 0)
            return 0;
        type = static_cast<WireType>(bits & ~static_cast<unsigned>(WireType::optional_bit));
        if (type == WireType::string) return text_bytes(reader);
        const auto count =
            static_cast<std::uint32_t>(reader.word()); // of a scalar, it is the value
        if (type < WireType::string) return number_bytes + (redactor_ ? disguise_bytes : 0);
        constexpr std::size_t view = sizeof(std::string_view);
        if (type == WireType::string_array) {
            std::size_t bytes = count * view * (redactor_ ? 2 : 1);
            for (std::uint32_t i = 0; i < count; ++i) bytes += text_bytes(reader);
            return bytes;
        }
        reader.at += 8 * std::size_t{count};
        const std::size_t each = (type == WireType::uint64_array ? number_bytes + view : 8) +
                                 (redactor_ ? disguise_bytes + view : 0);
        return count * each;
    }
    /// A text that is no UTF-8 may be copied before that is seen. The redactor copies what it
    /// changes, and its copy is at most twice as long.
    [[nodiscard]] std::size_t text_bytes(RecordReader& reader) const noexcept {
        const auto stored = static_cast<std::uint32_t>(reader.word());
        const std::string_view raw{reader.at, stored};
        reader.at += padded(stored);
        const std::size_t repaired = is_utf8(raw) ? 0 : repaired_size(raw) + 8;
        const std::size_t copied = padded(stored) + repaired;
        return redactor_ ? copied + 2 * std::max<std::size_t>(stored, repaired) + disguise_bytes
                         : copied;
    }
    static constexpr std::size_t number_bytes = 24;   ///< of the digits of an integer
    static constexpr std::size_t disguise_bytes = 56; ///< in the place of a value, or beyond it

    void compose_all(Chunk& chunk, const OpenSpan& span, SpanData& data) {
        attributes_.clear();
        events_.clear();
        links_.clear();
        SpanDetails details;
        details.dropped_events = span.events - std::min(span.events, limits_.events);
        details.dropped_links = span.links - std::min(span.links, limits_.links);
        RecordReader reader{span.log.data()};
        read_fields(chunk, reader, span.site, 0, attributes_, limits_.attributes,
                    details.dropped_attributes);
        const char* end = span.log.data() + span.log.size() * 8;
        reader.at = span.log.data() + span.arguments;
        while (reader.at != end) {
            Annotation annotation{};
            std::memcpy(&annotation, reader.at, sizeof annotation);
            RecordReader payload{reader.at + sizeof annotation};
            reader.at = payload.at + annotation.bytes;
            take_annotation(chunk, annotation, payload, data, details);
        }
        // No limit holds for what says that something is missing.
        if (span.suppressed != 0)
            attributes_.emplace_back(suppressed_children, std::int64_t{span.suppressed});
        if (span.lost != 0) attributes_.emplace_back(dropped_children, std::int64_t{span.lost});
        data.attribute_data = copy(chunk, attributes_);
        data.attribute_count = static_cast<std::uint32_t>(attributes_.size());
        details.events = {copy(chunk, events_), events_.size()};
        details.links = {copy(chunk, links_), links_.size()};
        if (span.trace_state) details.trace_state = searched(chunk, text(chunk, *span.trace_state));
        data.details = copy(chunk, details);
    }

    void take_annotation(Chunk& chunk, const Annotation& annotation, RecordReader payload,
                         SpanData& data, SpanDetails& details) {
        if (annotation.index == control::status) return take_status(chunk, payload, data, details);
        const SiteInfo& site = sites_->at(annotation.index);
        if (site.what == SiteKind::attributes) {
            read_fields(chunk, payload, site, 0, attributes_, limits_.attributes,
                        details.dropped_attributes);
        } else if (site.what == SiteKind::event) {
            Event event{site.source->name, annotation.unix_ns, {}, 0};
            scratch_.clear();
            read_fields(chunk, payload, site, 0, scratch_, limits_.attributes_per_event,
                        event.dropped_attributes);
            event.attributes = {copy(chunk, scratch_), scratch_.size()};
            events_.push_back(event);
        } else {
            take_link(chunk, site, payload);
        }
    }

    /// The first five fields are the context that the link points to.
    void take_link(Chunk& chunk, const SiteInfo& site, RecordReader payload) {
        Link link;
        link.context.trace_id.high = payload.word();
        link.context.trace_id.low = payload.word();
        link.context.span_id.value = payload.word();
        const std::uint64_t flags = payload.word();
        link.context.flags = static_cast<std::uint8_t>(flags);
        link.context.is_remote = (flags & parent_is_remote_bit) != 0;
        link.context.trace_state = searched(chunk, read_text(chunk, payload));
        scratch_.clear();
        read_fields(chunk, payload, site, 5, scratch_, limits_.attributes_per_link,
                    link.dropped_attributes);
        link.attributes = {copy(chunk, scratch_), scratch_.size()};
        links_.push_back(link);
    }

    /// Ok is final, and outranks error (OpenTelemetry, trace API, "Set Status").
    void take_status(Chunk& chunk, RecordReader payload, SpanData& data, SpanDetails& details) {
        const auto code = static_cast<StatusCode>(payload.word());
        if (data.status == StatusCode::ok || code == StatusCode::unset) return;
        data.status = code;
        details.status_message =
            code == StatusCode::error ? read_text(chunk, payload) : std::string_view{};
        if (redactor_)
            details.status_message = redactor_->status_message(chunk, details.status_message);
    }

    void read_fields(Chunk& chunk, RecordReader& reader, const SiteInfo& site, std::size_t first,
                     std::vector<Attribute>& to, std::uint32_t limit, std::uint32_t& dropped) {
        if (to.empty() && site.simple && site.fields <= limit && !redactor_)
            return read_distinct_fields(chunk, reader, site, first, to);
        for (std::size_t i = first; i < site.fields; ++i) {
            Attribute attribute = site.keys[i];
            if (!read_value(chunk, reader, site.entry->fields[i].type, attribute)) continue;
            if (may_leave(chunk, site, i, attribute)) add(to, attribute, limit, dropped);
            else withhold(to, attribute.key_data, dropped);
        }
    }

    /// Nothing is there that they could replace, and there is room for all.
    void read_distinct_fields(Chunk& chunk, RecordReader& reader, const SiteInfo& site,
                              std::size_t first, std::vector<Attribute>& to) {
        to.assign(site.keys + first, site.keys + site.fields);
        Attribute* next = to.data();
        for (std::size_t i = first; i < site.fields; ++i) {
            *next = site.keys[i];
            if (read_value(chunk, reader, site.entry->fields[i].type, *next)) ++next;
        }
        to.resize(static_cast<std::size_t>(next - to.data()));
    }

    // Keys are compared by address: see CallsiteTable::interned().

    /// The value that a key had before does not stand in for the one that must not leave.
    static void withhold(std::vector<Attribute>& from, const char* key, std::uint32_t& dropped) {
        std::erase_if(from, [key](const Attribute& before) { return before.key_data == key; });
        ++dropped;
    }

    /// A later value of a key replaces the earlier one, which is allowed at the limit too.
    static void add(std::vector<Attribute>& to, const Attribute& attribute, std::uint32_t limit,
                    std::uint32_t& dropped) {
        const auto same = std::ranges::find(to, attribute.key_data, &Attribute::key_data);
        if (same != to.end()) *same = attribute;
        else if (to.size() < limit) to.push_back(attribute);
        else ++dropped;
    }

    /// False for an optional that is absent.
    [[gnu::always_inline]] bool read_value(Chunk& chunk, RecordReader& reader, WireType type,
                                           Attribute& to) {
        const auto bits = static_cast<unsigned>(type);
        if ((bits & static_cast<unsigned>(WireType::optional_bit)) != 0) {
            if (reader.word() == 0) return false;
            type = static_cast<WireType>(bits & ~static_cast<unsigned>(WireType::optional_bit));
        }
        if (type == WireType::string) {
            const std::string_view value = read_text(chunk, reader);
            to.text = value.data();
            to.size = static_cast<std::uint32_t>(value.size());
        } else if (type == WireType::int64 || type == WireType::float64) {
            to.int64 =
                static_cast<std::int64_t>(reader.word()); // the bits of a double lie the same
        } else {
            read_rarer_value(chunk, reader, type, to);
        }
        return true;
    }
    [[gnu::noinline]] void read_rarer_value(Chunk& chunk, RecordReader& reader, WireType type,
                                            Attribute& to) {
        if (type == WireType::boolean) to.boolean = reader.word() != 0;
        else if (type == WireType::uint64) read_unsigned(chunk, reader, to);
        else read_array(chunk, reader, type, to);
    }

    /// Neither OTLP nor Jaeger has unsigned integers: one that is too large becomes text.
    static void read_unsigned(Chunk& chunk, RecordReader& reader, Attribute& to) {
        const std::uint64_t value = reader.word();
        if (value <= static_cast<std::uint64_t>(INT64_MAX)) {
            to.int64 = static_cast<std::int64_t>(value);
            return;
        }
        const std::string_view digits = write_digits(chunk, value);
        to.type = ValueType::string;
        to.text = digits.data();
        to.size = static_cast<std::uint32_t>(digits.size());
    }
    static std::string_view write_digits(Chunk& chunk, std::uint64_t value) {
        char* at = chunk.allocate<char>(20);
        return {at, static_cast<std::size_t>(std::to_chars(at, at + 20, value).ptr - at)};
    }

    std::size_t read_count(RecordReader& reader) noexcept {
        const std::uint64_t sizes = reader.word();
        const auto stored = static_cast<std::uint32_t>(sizes);
        if (stored != sizes >> 32U) ++truncated_values_;
        return stored;
    }

    void read_array(Chunk& chunk, RecordReader& reader, WireType type, Attribute& to) {
        const std::size_t count = read_count(reader);
        to.size = static_cast<std::uint32_t>(count);
        if (type == WireType::boolean_array) {
            auto* values = chunk.allocate<bool>(count);
            for (std::size_t i = 0; i < count; ++i) values[i] = reader.word() != 0;
            to.booleans = values;
        } else if (type == WireType::string_array) {
            auto* values = chunk.allocate<std::string_view>(count);
            for (std::size_t i = 0; i < count; ++i) values[i] = read_text(chunk, reader);
            to.texts = values;
        } else if (type == WireType::uint64_array) {
            read_unsigned_array(chunk, reader, count, to);
        } else {
            auto* values = chunk.allocate<std::int64_t>(count);
            if (count != 0) std::memcpy(values, reader.at, count * 8);
            reader.at += count * 8;
            to.int64s = values; // the bits of doubles lie the same way
            if (type == WireType::float64_array)
                to.float64s = reinterpret_cast<const double*>(values);
        }
    }

    /// Arrays are of one type: one number that is too large makes texts of all.
    static void read_unsigned_array(Chunk& chunk, RecordReader& reader, std::size_t count,
                                    Attribute& to) {
        RecordReader ahead = reader;
        bool fits = true;
        for (std::size_t i = 0; i < count; ++i)
            fits = fits && static_cast<std::int64_t>(ahead.word()) >= 0;
        if (fits) {
            auto* values = chunk.allocate<std::int64_t>(count);
            for (std::size_t i = 0; i < count; ++i)
                values[i] = static_cast<std::int64_t>(reader.word());
            to.int64s = values;
            return;
        }
        auto* values = chunk.allocate<std::string_view>(count);
        for (std::size_t i = 0; i < count; ++i) values[i] = write_digits(chunk, reader.word());
        to.type = ValueType::string_array;
        to.texts = values;
    }

    [[gnu::always_inline]] std::string_view read_text(Chunk& chunk, RecordReader& reader) {
        const std::uint64_t sizes = reader.word();
        const auto stored = static_cast<std::uint32_t>(sizes);
        const std::string_view raw{reader.at, stored};
        reader.at += padded(stored);
        if (stored == sizes >> 32U && stored - 1 < 64) // 0 is not
            if (const char* copy = copy_short(chunk, raw)) [[likely]]
                return {copy, stored};
        return read_rarer_text(chunk, raw, stored != sizes >> 32U);
    }
    [[gnu::noinline]] std::string_view read_rarer_text(Chunk& chunk, std::string_view raw,
                                                       bool truncated) {
        if (truncated) {
            ++truncated_values_;
            raw = without_partial_character(raw);
            if (redactor_ && redactor_->searches_texts()) raw = Redactor::without_cut_word(raw);
        }
        return text(chunk, raw);
    }

    /// Copies a text of 1 to 64 bytes out of a log, where it fills whole words, as it does in a
    /// chunk. Null if it has to be repaired. Most texts of spans are so short that calling the C
    /// library, to look at one and to copy it, would cost more than all else.
    [[gnu::always_inline]] static const char* copy_short(Chunk& chunk, std::string_view raw) {
        char* const to = chunk.allocate<char>(raw.size());
        std::uint64_t word = 0;
        std::uint64_t all = 0;
        const std::size_t last = (raw.size() - 1) & ~std::size_t{7};
        for (std::size_t i = 0; i != last; i += 8) {
            word = word_at(raw.data() + i);
            std::memcpy(to + i, &word, 8);
            all |= word;
        }
        word = word_at(raw.data() + last); // what is behind the text in it may be anything
        std::memcpy(to + last, &word, 8);
        const std::size_t unused = 8 * (8 - (raw.size() - last));
        all |= std::endian::native == std::endian::little ? word << unused : word >> unused;
        if ((all & 0x8080808080808080U) == 0) [[likely]]
            return to;
        return is_utf8(raw) ? to : nullptr;
    }

    static std::string_view text(Chunk& chunk, std::string_view raw) {
        if (raw.empty()) return {"", 0};
        if (is_utf8(raw)) [[likely]] {
            char* at = chunk.allocate<char>(raw.size());
            std::memcpy(at, raw.data(), raw.size());
            return {at, raw.size()};
        }
        char* at = chunk.allocate<char>(repaired_size(raw));
        return {at, repair_utf8(raw, at)};
    }

    /// What may leave of a text without a key.
    std::string_view searched(Chunk& chunk, std::string_view text) {
        return redactor_ ? redactor_->text(chunk, text) : text;
    }

    static const SpanDetails* copy(Chunk& chunk, const SpanDetails& details) {
        auto* kept = chunk.allocate<SpanDetails>(1);
        *kept = details;
        return kept;
    }
    template <class T>
    static const T* copy(Chunk& chunk, const std::vector<T>& from) {
        if (from.empty()) return nullptr;
        T* to = chunk.allocate<T>(from.size());
        std::copy(from.begin(), from.end(), to);
        return to;
    }

    CallsiteTable* sites_;
    Redactor* redactor_; ///< null: everything may leave
    Allowed limits_;
    std::vector<Attribute> attributes_;
    std::vector<Attribute> scratch_;
    std::vector<Event> events_;
    std::vector<Link> links_;
    std::uint64_t truncated_values_ = 0;
};

} // namespace detail
} // namespace plume
