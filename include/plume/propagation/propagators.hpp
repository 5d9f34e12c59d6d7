// propagators.hpp - which headers carry a context: an ordered choice of formats, in one word.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace plume {

/// A format that a context travels in; the names are those of OTEL_PROPAGATORS.
enum class Propagator : std::uint8_t {
    tracecontext = 1, ///< W3C: `traceparent`, `tracestate`
    baggage,          ///< W3C: `baggage`
    b3,               ///< Zipkin, one header: `b3`
    b3multi,          ///< Zipkin: `x-b3-traceid`, `x-b3-spanid`, `x-b3-sampled`, `x-b3-flags`
    jaeger            ///< Jaeger's own clients: `uber-trace-id`, `uberctx-…`
};

/// The formats that are read and written, in that order, each once. A plain value.
class Propagators {
  public:
    /// None: nothing is read, nothing is written.
    constexpr Propagators() noexcept = default;

    template <std::same_as<Propagator>... Formats>
        requires(sizeof...(Formats) != 0)
    constexpr Propagators(Formats... formats) noexcept { // NOLINT: a format is a choice of one
        (add(formats), ...);
    }

    /// What holds unless somebody chooses (OpenTelemetry, OTEL_PROPAGATORS).
    [[nodiscard]] static constexpr Propagators defaults() noexcept {
        return {Propagator::tracecontext, Propagator::baggage};
    }

    /// The value of OTEL_PROPAGATORS: names between commas, in any case; "none" for none. A name
    /// that nobody knows is told to `report(std::string_view)` and left out; if that leaves no
    /// name, the default holds.
    template <class Report>
    [[nodiscard]] static Propagators parse(std::string_view text, const Report& report) {
        Propagators chosen;
        bool none = false;
        while (!text.empty()) {
            const std::size_t comma = text.find(',');
            const std::string_view name = trimmed(text.substr(0, comma));
            text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
            if (name.empty()) continue;
            if (is(name, "none")) none = true;
            else if (!chosen.add(name))
                report("OTEL_PROPAGATORS names \"" + std::string{name} +
                       "\": Plume knows tracecontext, baggage, b3, b3multi, jaeger and none");
        }
        if (none && chosen.word_ != 0) report("OTEL_PROPAGATORS names more than \"none\"");
        return none || chosen.word_ != 0 ? chosen : defaults();
    }

    [[nodiscard]] constexpr bool contains(Propagator format) const noexcept {
        for (std::uint64_t rest = word_; rest != 0; rest >>= bits)
            if ((rest & mask) == static_cast<std::uint64_t>(format)) return true;
        return false;
    }

    /// Calls f(Propagator) for each, in order.
    template <class F>
    constexpr void each(F&& f) const {
        for (std::uint64_t rest = word_; rest != 0; rest >>= bits)
            f(static_cast<Propagator>(rest & mask));
    }

    friend constexpr bool operator==(const Propagators&, const Propagators&) = default;

    /// As the runtime keeps it; 0 stands for no choice, which is not the same as none.
    [[nodiscard]] constexpr std::uint64_t word() const noexcept { return word_ | chosen_bit; }
    [[nodiscard]] static constexpr Propagators from_word(std::uint64_t word) noexcept {
        if (word == 0) return defaults();
        Propagators chosen;
        chosen.word_ = word & ~chosen_bit;
        return chosen;
    }

  private:
    // Four bits a format, the first one lowest.
    static constexpr unsigned bits = 4;
    static constexpr std::uint64_t mask = 15;
    static constexpr std::uint64_t chosen_bit = std::uint64_t{1} << 63U;

    constexpr void add(Propagator format) noexcept {
        if (contains(format)) return;
        unsigned shift = 0;
        while (((word_ >> shift) & mask) != 0) shift += bits;
        word_ |= static_cast<std::uint64_t>(format) << shift;
    }
    constexpr bool add(std::string_view name) noexcept {
        if (is(name, "tracecontext")) add(Propagator::tracecontext);
        else if (is(name, "baggage")) add(Propagator::baggage);
        else if (is(name, "b3")) add(Propagator::b3);
        else if (is(name, "b3multi")) add(Propagator::b3multi);
        else if (is(name, "jaeger")) add(Propagator::jaeger);
        else return false;
        return true;
    }
    static constexpr bool is(std::string_view name, std::string_view lowercase) noexcept {
        if (name.size() != lowercase.size()) return false;
        for (std::size_t i = 0; i < name.size(); ++i) {
            const char c = name[i];
            if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c) != lowercase[i])
                return false;
        }
        return true;
    }
    static constexpr std::string_view trimmed(std::string_view text) noexcept {
        constexpr std::string_view blanks = " \t\r\n";
        const std::size_t first = text.find_first_not_of(blanks);
        if (first == std::string_view::npos) return {};
        return text.substr(first, text.find_last_not_of(blanks) - first + 1);
    }

    std::uint64_t word_ = 0;
};

} // namespace plume
