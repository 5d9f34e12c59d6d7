// conventions.hpp - whether a span's attributes are those of a table of OpenTelemetry's
// conventions.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <plume/exporters/memory.hpp>

namespace plume::test {

enum class Type { text, number, flag, texts };
/// How much the conventions want an attribute. Conditional ones are for the single test to check.
enum class Level { required, recommended, conditional, opt_in };

struct Convention {
    std::string_view key; ///< one that ends with a dot stands for all that begin so
    Type type;
    Level level;
};

[[nodiscard]] inline bool has_type(const RecordedValue& value, Type type) {
    switch (type) {
    case Type::text: return std::holds_alternative<std::string>(value);
    case Type::number: return std::holds_alternative<std::int64_t>(value);
    case Type::flag: return std::holds_alternative<bool>(value);
    default: return std::holds_alternative<std::vector<std::string>>(value);
    }
}

/// What is wrong with the attributes of a span, a line each: one that the table does not know, one
/// of another type, one that is missing although it is required, or recommended if `up_to` says so.
[[nodiscard]] inline std::string breaches(const RecordedSpan& span,
                                          const std::vector<Convention>& table, Level up_to) {
    std::string found;
    for (const RecordedAttribute& attribute : span.attributes) {
        const auto rule = std::ranges::find_if(table, [&](const Convention& one) {
            return one.key.ends_with('.') ? attribute.key.starts_with(one.key)
                                          : attribute.key == one.key;
        });
        if (rule == table.end()) found += attribute.key + " is unknown\n";
        else if (!has_type(attribute.value, rule->type))
            found += attribute.key + " has another type\n";
    }
    for (const Convention& one : table) {
        if (one.level != Level::required &&
            !(one.level == Level::recommended && up_to == Level::recommended))
            continue;
        if (!span.attribute(one.key)) found += std::string{one.key} + " is missing\n";
    }
    return found;
}

} // namespace plume::test
