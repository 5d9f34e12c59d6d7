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

/// OpenTelemetry, "Semantic conventions for HTTP spans" (stable), HTTP server.
inline const std::vector<Convention> http_server_conventions{
    {"http.request.method", Type::text, Level::required},
    {"url.path", Type::text, Level::required},
    {"url.scheme", Type::text, Level::required},
    {"error.type", Type::text, Level::conditional},
    {"http.request.method_original", Type::text, Level::conditional},
    {"http.response.status_code", Type::number, Level::conditional},
    {"http.route", Type::text, Level::conditional},
    {"server.port", Type::number, Level::conditional},
    {"url.query", Type::text, Level::conditional},
    {"client.address", Type::text, Level::recommended},
    {"network.peer.address", Type::text, Level::recommended},
    {"network.peer.port", Type::number, Level::recommended},
    {"network.protocol.version", Type::text, Level::recommended},
    {"server.address", Type::text, Level::recommended},
    {"user_agent.original", Type::text, Level::recommended},
    {"http.request.header.", Type::texts, Level::opt_in},
    {"http.response.header.", Type::texts, Level::opt_in}};

/// The same, HTTP client; network.peer.*, which is recommended, cannot be had from every library.
inline const std::vector<Convention> http_client_conventions{
    {"http.request.method", Type::text, Level::required},
    {"server.address", Type::text, Level::required},
    {"server.port", Type::number, Level::required},
    {"url.full", Type::text, Level::required},
    {"error.type", Type::text, Level::conditional},
    {"http.request.method_original", Type::text, Level::conditional},
    {"http.response.status_code", Type::number, Level::conditional},
    {"http.request.resend_count", Type::number, Level::conditional},
    {"network.peer.address", Type::text, Level::conditional},
    {"network.peer.port", Type::number, Level::conditional},
    {"network.protocol.version", Type::text, Level::recommended},
    {"http.request.header.", Type::texts, Level::opt_in},
    {"http.response.header.", Type::texts, Level::opt_in}};

/// OpenTelemetry, "Semantic conventions for database client spans" (stable).
inline const std::vector<Convention> database_conventions{
    {"db.system.name", Type::text, Level::required},
    {"db.collection.name", Type::text, Level::conditional},
    {"db.namespace", Type::text, Level::conditional},
    {"db.operation.name", Type::text, Level::conditional},
    {"db.response.status_code", Type::text, Level::conditional},
    {"error.type", Type::text, Level::conditional},
    {"server.port", Type::number, Level::conditional},
    {"db.operation.batch.size", Type::number, Level::conditional},
    {"server.address", Type::text, Level::conditional}, // recommended, where there is a server
    {"db.query.summary", Type::text, Level::recommended},
    {"db.query.text", Type::text, Level::recommended},
    {"db.response.returned_rows", Type::number, Level::opt_in},
    {"db.query.parameter.", Type::text, Level::opt_in}};

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
