// resource.hpp - what made the spans: attributes of the process, the same for every span it sends.
#pragma once

#include <algorithm>
#include <cstdint>
#include <list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <plume/export/span_data.hpp>

namespace plume {

/// Owns its keys and values. Not synchronised: it is complete before the first exporter sees it.
class Resource {
  public:
    Resource() = default;
    Resource(Resource&&) noexcept = default;
    Resource& operator=(Resource&&) noexcept = default;

    /// A later value replaces an earlier one of the same key. Earlier views of it become invalid.
    void set(std::string_view key, std::string_view value) { put({keep(key), keep(value)}); }
    void set(std::string_view key, const char* value) { set(key, std::string_view{value}); }
    void set(std::string_view key, std::int64_t value) { put({keep(key), value}); }

    [[nodiscard]] std::span<const Attribute> attributes() const noexcept { return attributes_; }

    /// The value of a string attribute, or empty.
    [[nodiscard]] std::string_view text(std::string_view key) const noexcept {
        const auto found = std::ranges::find(attributes_, key, &Attribute::key);
        if (found == attributes_.end() || found->type != ValueType::string) return {};
        return {found->text, found->size};
    }
    /// Which version of the semantic conventions the attributes follow, as a URL; empty: none.
    [[nodiscard]] std::string_view schema_url() const noexcept { return schema_url_; }
    void set_schema_url(std::string_view url) { schema_url_ = url; }

    [[nodiscard]] std::string_view service_name() const noexcept { return text("service.name"); }

  private:
    std::string_view keep(std::string_view text) { return strings_.emplace_back(text); }

    void put(const Attribute& attribute) {
        const auto found = std::ranges::find(attributes_, attribute.key(), &Attribute::key);
        if (found == attributes_.end()) attributes_.push_back(attribute);
        else *found = attribute;
    }

    std::list<std::string> strings_; // a list: views stay valid when it grows and when it moves
    std::vector<Attribute> attributes_;
    std::string schema_url_;
};

} // namespace plume
