// site_table.hpp - the registry as the background thread reads it: what does not change is made
// once.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include <plume/registry.hpp>
#include <plume/span_data.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

struct SiteInfo {
    const Entry* entry = nullptr;
    Source source;
    std::vector<Attribute> fields; ///< keys and types, without values
    bool plain = true;             ///< one word a field, and no key twice
    bool has_unsigned = false;     ///< of which some may be too large for an int64
};

/// By index. Never forgets a site: spans that are on their way refer to it.
class SiteTable {
  public:
    explicit SiteTable(const Registry& registry) : registry_{&registry} {}

    /// `index` came out of a ring, so it is registered.
    [[nodiscard]] const SiteInfo& at(std::uint32_t index) {
        if (index >= sites_.size() || !sites_[index]) [[unlikely]]
            add(index);
        return *sites_[index];
    }

  private:
    void add(std::uint32_t index) {
        if (index >= sites_.size()) sites_.resize(std::max(registry_->size(), index + 1));
        const Entry* entry = registry_->at(index);
        auto info = std::make_unique<SiteInfo>();
        info->entry = entry;
        info->source = {entry->name, entry->file,       entry->function,
                        entry->line, entry->scope_name, entry->scope_version};
        info->plain = entry->one_word_fields;
        for (std::uint32_t i = 0; i < entry->field_count; ++i) add_field(*info, entry->fields[i]);
        sites_[index] = std::move(info);
    }

    static void add_field(SiteInfo& info, const Field& field) {
        Attribute attribute{std::string_view{field.key, field.key_size}, false};
        attribute.type = value_type(field.type);
        if (std::ranges::find(info.fields, attribute.key(), &Attribute::key) != info.fields.end())
            info.plain = false;
        info.has_unsigned = info.has_unsigned || field.type == WireType::uint64;
        info.fields.push_back(attribute);
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
    std::vector<std::unique_ptr<SiteInfo>> sites_;
};

} // namespace detail
} // namespace plume
