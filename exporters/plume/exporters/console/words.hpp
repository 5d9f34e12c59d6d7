// words.hpp - the small words of every form: durations, times, numbers, kinds, statuses.
#pragma once

#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include <plume/core/ids.hpp>

namespace plume::console {

/// What a deliver() writes, before it writes it at once.
using Text = fmt::memory_buffer;

inline void put(Text& out, std::string_view text) {
    out.append(text.data(), text.data() + text.size());
}

/// Three significant digits and a unit: `999ns`, `1.23ms`, `12.3ms`, `123ms`; from 1000 seconds on,
/// whole seconds. `micro` is the prefix for 10^-6: `µ`, or `u` in ASCII.
[[nodiscard]] inline std::string duration(std::uint64_t ns, std::string_view micro) {
    if (ns < 1000) return fmt::format("{}ns", ns);
    struct Unit {
        std::uint64_t ns;
        std::string_view prefix;
    };
    const std::array<Unit, 3> units{{{1'000, micro}, {1'000'000, "m"}, {1'000'000'000, ""}}};
    for (const Unit& unit : units) {
        // Rounding first decides which form it takes: 9.996 is 10.0, 999.6 µs is 1.00 ms.
        const auto rounded = [&](std::uint64_t parts) {
            const std::uint64_t part = unit.ns / parts;
            return ns / part + (ns % part >= part / 2 ? 1 : 0);
        };
        if (const auto v = rounded(100); v < 1000)
            return fmt::format("{}.{:02}{}s", v / 100, v % 100, unit.prefix);
        if (const auto v = rounded(10); v < 1000)
            return fmt::format("{}.{}{}s", v / 10, v % 10, unit.prefix);
        if (const auto v = rounded(1); v < 1000) return fmt::format("{}{}s", v, unit.prefix);
    }
    return fmt::format("{}s", ns / 1'000'000'000 + (ns % 1'000'000'000 >= 500'000'000 ? 1 : 0));
}

/// UTC to the microsecond, `separator` between day and hour: `2026-08-01 09:30:00.000123`.
inline void put_time(Text& out, std::uint64_t unix_ns, char separator) {
    // Not from <ctime>: gmtime has a state of its own, and fmt's wrappers differ between versions.
    const auto seconds = static_cast<std::int64_t>(unix_ns / 1'000'000'000);
    const std::chrono::sys_days day{std::chrono::days{seconds / 86'400}};
    const std::chrono::year_month_day date{day};
    const std::int64_t second = seconds % 86'400;
    fmt::format_to(std::back_inserter(out), "{:04}-{:02}-{:02}{}{:02}:{:02}:{:02}.{:06}",
                   static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                   static_cast<unsigned>(date.day()), separator, second / 3600, second / 60 % 60,
                   second % 60, unix_ns / 1000 % 1'000'000);
}

[[nodiscard]] inline std::string number(std::int64_t value) { return fmt::format("{}", value); }

/// The shortest digits that read back as `value`, with a mark that tells it from an integer.
[[nodiscard]] inline std::string number(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
    std::string digits = fmt::format("{}", value);
    if (digits.find_first_of(".e") == std::string::npos) digits += ".0";
    return digits;
}

// As the OpenTelemetry specification spells them, in lower case.

[[nodiscard]] constexpr std::string_view word(SpanKind kind) noexcept {
    switch (kind) {
    case SpanKind::internal: break;
    case SpanKind::server: return "server";
    case SpanKind::client: return "client";
    case SpanKind::producer: return "producer";
    case SpanKind::consumer: return "consumer";
    }
    return "internal";
}

[[nodiscard]] constexpr std::string_view word(StatusCode status) noexcept {
    switch (status) {
    case StatusCode::unset: break;
    case StatusCode::ok: return "ok";
    case StatusCode::error: return "error";
    }
    return "unset";
}

// Ids are written as they are in headers, to be searched for.

inline void put_id(Text& out, TraceId id) {
    const auto digits = id.hex();
    put(out, {digits.data(), digits.size()});
}
inline void put_id(Text& out, SpanId id) {
    const auto digits = id.hex();
    put(out, {digits.data(), digits.size()});
}

} // namespace plume::console
