// callsite_table.hpp - the registry as the background thread reads it: what does not change is made
// once.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <plume/core/utf8.hpp>
#include <plume/export/span_data.hpp>
#include <plume/record/registry.hpp>
#include <plume/redaction/redactor.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// A registered line, as every record of it is read: one cache line, no pointer to follow first.
struct alignas(64) SiteInfo {
    const Source* source = nullptr;
    const Attribute* keys = nullptr; ///< keys and types, without values
    const Entry* entry = nullptr;
    const Treatment* treatments = nullptr; ///< of the redactor about each key; null without one
    std::uint32_t fields = 0;
    SiteKind what = SiteKind::span;
    SpanKind kind = SpanKind::internal;
    bool one_word_fields = true;
    bool simple = false;          ///< no key twice, and no more than a span may have
    bool plain = false;           ///< simple, and one word a field
    bool may_become_text = false; ///< a value that is too large for an int64, or a card number
    bool may_have_cards = false;
};

/// By index. Never forgets a site: spans that are on their way refer to it.
class CallsiteTable {
  public:
    /// Null: nothing is taken out. The redactor outlives the table.
    CallsiteTable(const Registry& registry, std::uint32_t most_attributes,
                  Redactor* redactor = nullptr)
        : registry_{&registry}, most_attributes_{most_attributes}, redactor_{redactor} {}

    [[nodiscard]] Redactor* redactor() const noexcept { return redactor_; }

    /// `index` came out of a ring, so it is registered. The reference is good until the next call.
    [[nodiscard]] const SiteInfo& at(std::uint32_t index) {
        if (index >= sites_.size() || !sites_[index].entry) [[unlikely]]
            add(index);
        return sites_[index];
    }

    /// How many spans it has begun, for whoever reads the rings to count.
    [[nodiscard]] std::uint64_t& begun(const SiteInfo& site) noexcept {
        return begun_[site.entry->index];
    }
    [[nodiscard]] const std::vector<std::uint64_t>& begun() const noexcept { return begun_; }
    /// The name of a thread, as spans refer to it: null if it has none, or if there have been too
    /// many, as where each has a number in its name.
    [[nodiscard]] const std::string_view* thread(std::string_view raw) {
        constexpr std::size_t most = 16'384;
        const auto found = threads_.find(raw);
        if (found != threads_.end()) return &found->second;
        if (raw.empty() || threads_.size() == most) return nullptr;
        char* const kept = texts_.allocate<char>(raw.size());
        std::memcpy(kept, raw.data(), raw.size());
        return &threads_.emplace(std::string_view{kept, raw.size()}, name({kept, raw.size()}))
                    .first->second;
    }
    [[nodiscard]] const Entry& entry(std::uint32_t index) const noexcept {
        return *registry_->at(index);
    }

  private:
    void add(std::uint32_t index) {
        if (index >= sites_.size()) {
            const std::uint32_t size = std::max(registry_->size(), index + 1);
            begun_.resize(size); // first: without memory for both, there are counts without sites
            sites_.resize(size);
        }
        const Entry* entry = registry_->at(index);
        sources_.push_back({name(entry->name), utf8(entry->file), utf8(entry->function),
                            entry->line, utf8(entry->scope_name), utf8(entry->scope_version)});
        std::vector<Attribute>& keys = keys_.emplace_back();
        SiteInfo info;
        info.one_word_fields = entry->one_word_fields;
        info.simple = entry->field_count <= most_attributes_;
        for (std::uint32_t i = 0; i < entry->field_count; ++i) {
            const Field& field = entry->fields[i];
            Attribute attribute{interned({field.key, field.key_size}), false};
            attribute.type = value_type(field.type);
            if (std::ranges::find(keys, attribute.key_data, &Attribute::key_data) != keys.end())
                info.simple = false;
            info.may_become_text = info.may_become_text || field.type == WireType::uint64;
            keys.push_back(attribute);
        }
        info.plain = info.simple && info.one_word_fields;
        if (redactor_) judge(keys, info);
        info.source = &sources_.back();
        info.keys = keys.data();
        info.fields = entry->field_count;
        info.what = entry->what;
        info.kind = entry->kind;
        info.entry = entry;
        sites_[index] = info;
    }

    /// Keys are judged here, once, and not with each record.
    void judge(const std::vector<Attribute>& keys, SiteInfo& info) {
        std::vector<Treatment>& treatments = treatments_.emplace_back();
        for (const Attribute& key : keys) {
            const Treatment treatment = redactor_->treatment(key.key());
            info.plain = info.plain && treatment == Treatment::search;
            info.may_have_cards = info.may_have_cards || key.type == ValueType::int64;
            treatments.push_back(treatment);
        }
        info.may_have_cards = info.may_have_cards && redactor_->searches_integers();
        info.may_become_text = info.may_become_text || info.may_have_cards;
        info.treatments = treatments.data();
    }

    /// Of a span or an event; some are known at run time only.
    std::string_view name(std::string_view text) {
        text = utf8(text);
        return redactor_ ? redactor_->text(texts_, text) : text;
    }

    /// Equal keys are one text, whichever line they are from: so they are compared by address.
    std::string_view interned(std::string_view key) { return *all_keys_.insert(utf8(key)).first; }

    /// What a line of source says may be in any encoding, and a run-time name as well.
    std::string_view utf8(std::string_view text) {
        if (is_utf8(text)) return text;
        char* repaired = texts_.allocate<char>(repaired_size(text));
        return {repaired, repair_utf8(text, repaired)};
    }

    static ValueType value_type(WireType type) noexcept {
        const auto bits =
            static_cast<unsigned>(type) & ~static_cast<unsigned>(WireType::optional_bit);
        switch (static_cast<WireType>(bits)) {
        case WireType::boolean: return ValueType::boolean;
        case WireType::int64:
        case WireType::uint64: return ValueType::int64;
        case WireType::float64: return ValueType::float64;
        case WireType::string: return ValueType::string;
        case WireType::boolean_array: return ValueType::boolean_array;
        case WireType::int64_array:
        case WireType::uint64_array: return ValueType::int64_array;
        case WireType::float64_array: return ValueType::float64_array;
        default: return ValueType::string_array;
        }
    }

    const Registry* registry_;
    std::uint32_t most_attributes_;
    Redactor* redactor_;
    std::vector<SiteInfo> sites_;
    std::vector<std::uint64_t> begun_; ///< by index
    std::deque<Source> sources_;       // deques: what spans point to stays where it is
    std::deque<std::vector<Attribute>> keys_;
    std::deque<std::vector<Treatment>> treatments_;
    std::unordered_set<std::string_view> all_keys_;
    std::unordered_map<std::string_view, std::string_view>
        threads_; ///< names: as they were, repaired
    Blocks texts_;
};

} // namespace detail
} // namespace plume
