// span_data.hpp - a finished span as it leaves Plume: immutable views into the batch that holds it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <plume/core/ids.hpp>

namespace plume {

enum class ValueType : std::uint8_t {
    boolean,
    int64,
    float64,
    string,
    boolean_array,
    int64_array,
    float64_array,
    string_array
};

/// One key and its value: a view into the batch that it came with, 24 bytes, trivially copyable.
/// Reading it as another type than `type` says is undefined.
struct Attribute {
    const char* key_data = "";
    union {
        bool boolean;
        std::int64_t int64;
        double float64;
        const char* text;
        const bool* booleans;
        const std::int64_t* int64s;
        const double* float64s;
        const std::string_view* texts;
    };
    std::uint32_t size = 0; ///< bytes of a string, elements of an array
    std::uint16_t key_size = 0;
    ValueType type = ValueType::boolean;

    constexpr Attribute() noexcept : boolean{false} {}
    constexpr Attribute(std::string_view key, bool value) noexcept
        : Attribute{key, ValueType::boolean, 0} {
        boolean = value;
    }
    constexpr Attribute(std::string_view key, std::int64_t value) noexcept
        : Attribute{key, ValueType::int64, 0} {
        int64 = value;
    }
    constexpr Attribute(std::string_view key, double value) noexcept
        : Attribute{key, ValueType::float64, 0} {
        float64 = value;
    }
    constexpr Attribute(std::string_view key, std::string_view value) noexcept
        : Attribute{key, ValueType::string, value.size()} {
        text = value.data();
    }
    constexpr Attribute(std::string_view key, const char* value) noexcept
        : Attribute{key, std::string_view{value}} {}
    constexpr Attribute(std::string_view key, std::span<const bool> values) noexcept
        : Attribute{key, ValueType::boolean_array, values.size()} {
        booleans = values.data();
    }
    constexpr Attribute(std::string_view key, std::span<const std::int64_t> values) noexcept
        : Attribute{key, ValueType::int64_array, values.size()} {
        int64s = values.data();
    }
    constexpr Attribute(std::string_view key, std::span<const double> values) noexcept
        : Attribute{key, ValueType::float64_array, values.size()} {
        float64s = values.data();
    }
    constexpr Attribute(std::string_view key, std::span<const std::string_view> values) noexcept
        : Attribute{key, ValueType::string_array, values.size()} {
        texts = values.data();
    }

    [[nodiscard]] constexpr std::string_view key() const noexcept { return {key_data, key_size}; }

    /// Calls `visitor` with a bool, std::int64_t, double, std::string_view, or a std::span of
    /// const ones of these.
    template <class Visitor>
    constexpr decltype(auto) visit(Visitor&& visitor) const {
        switch (type) {
        case ValueType::boolean: return visitor(boolean);
        case ValueType::int64: return visitor(int64);
        case ValueType::float64: return visitor(float64);
        case ValueType::string: return visitor(std::string_view{text, size});
        case ValueType::boolean_array: return visitor(std::span<const bool>{booleans, size});
        case ValueType::int64_array: return visitor(std::span<const std::int64_t>{int64s, size});
        case ValueType::float64_array: return visitor(std::span<const double>{float64s, size});
        case ValueType::string_array: break;
        }
        return visitor(std::span<const std::string_view>{texts, size});
    }

  private:
    constexpr Attribute(std::string_view key, ValueType kind, std::size_t count) noexcept
        : key_data{key.data()}, boolean{false}, size{static_cast<std::uint32_t>(count)},
          key_size{static_cast<std::uint16_t>(key.size())}, type{kind} {}
};

/// Something that happened at one moment inside a span.
struct Event {
    std::string_view name;
    std::uint64_t time_unix_ns = 0;
    std::span<const Attribute> attributes;
    std::uint32_t dropped_attributes = 0;
};

/// A reference to a span that is not the parent.
struct Link {
    SpanContext context;
    std::span<const Attribute> attributes;
    std::uint32_t dropped_attributes = 0;
};

/// The line of source that began a span, and the library that the line belongs to.
struct Source {
    std::string_view name; ///< of the span, unless it was renamed
    std::string_view file;
    std::string_view function;
    std::uint32_t line = 0;
    std::string_view scope_name = "plume"; ///< instrumentation scope: otel.scope.name
    std::string_view scope_version;
};

/// The rarer parts of a span. Most spans have none of them.
struct SpanDetails {
    std::span<const Event> events;
    std::span<const Link> links;
    std::string_view status_message; ///< only with StatusCode::error
    std::string_view trace_state;
    std::uint32_t dropped_attributes = 0;
    std::uint32_t dropped_events = 0;
    std::uint32_t dropped_links = 0;
};

/// A finished span, as exporters see it: immutable, valid as long as its batch. Strings are valid
/// UTF-8, attribute keys are unique, times are nanoseconds since 1970 and never run backwards.
struct SpanData {
    TraceId trace_id;
    SpanId span_id;
    SpanId parent_span_id; ///< invalid for the root of a trace
    std::uint64_t begin_unix_ns = 0;
    std::uint64_t end_unix_ns = 0;
    const Source* source = &no_source;
    const std::string_view* renamed = nullptr;
    const SpanDetails* details = &no_details;
    const Attribute* attribute_data = nullptr;
    const std::string_view* thread = nullptr; ///< the thread's name, if it is known
    std::uint32_t attribute_count = 0;
    std::uint32_t thread_id = 0; ///< as the operating system numbers threads
    SpanKind kind = SpanKind::internal;
    StatusCode status = StatusCode::unset;
    std::uint8_t flags = 0;        ///< plume::trace_flags
    bool parent_is_remote = false; ///< the parent ran in another process

    [[nodiscard]] constexpr std::string_view name() const noexcept {
        return renamed ? *renamed : source->name;
    }
    [[nodiscard]] constexpr std::uint64_t duration_ns() const noexcept {
        return end_unix_ns - begin_unix_ns;
    }
    [[nodiscard]] constexpr std::span<const Attribute> attributes() const noexcept {
        return {attribute_data, attribute_count};
    }
    [[nodiscard]] constexpr std::span<const Event> events() const noexcept {
        return details->events;
    }
    [[nodiscard]] constexpr std::span<const Link> links() const noexcept { return details->links; }
    /// No span of this process is above it: when it has ended, this process' part is complete.
    [[nodiscard]] constexpr bool is_local_root() const noexcept {
        return parent_is_remote || !parent_span_id.valid();
    }

    static constexpr Source no_source{};
    static constexpr SpanDetails no_details{};
};

} // namespace plume
