// callsite.hpp - what is known at compile time about a line of source that records something.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <plume/core/atomic.hpp>
#include <plume/core/attribute.hpp>
#include <plume/core/config.hpp>
#include <plume/core/ids.hpp>
#include <plume/core/span_kind.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// What a callsite's record means.
enum class SiteKind : std::uint8_t { span, event, attributes, link };

struct Field {
    const char* key;
    std::uint32_t key_size;
    WireType type;
};

/// How often one line may record: `count` spans in any `window_ms`. 0: as often as it likes.
struct SiteRate {
    std::uint32_t count = 0;
    std::uint32_t window_ms = 0;
    friend constexpr bool operator==(const SiteRate&, const SiteRate&) = default;
};

/// Everything about a callsite that the ring does not have to carry. Lives in the module of the
/// callsite; the registry makes copies.
struct Description {
    std::string_view name;
    std::string_view file;
    std::string_view function;
    std::string_view scope_name;
    std::string_view scope_version;
    const Field* fields;
    std::uint32_t field_count;
    std::uint32_t line;
    SiteKind what;
    SpanKind kind;
    std::uint8_t level;
    bool wants_monotonic;
    bool one_word_fields;       ///< each field is one word: the record has no size of its own
    bool checks_scopes = false; ///< see PLUME_CHECK_SCOPES
    SiteRate rate{};
};

/// The writable part, one a line. Only slow paths touch anything but `index`.
struct Callsite {
    Atomic<std::uint32_t> index{0}; ///< what records call it; 0 while it is off
    std::uint32_t id = 0;           ///< what `index` is when it is on
    const Description* description;
    Callsite* next = nullptr;     ///< of the same module
    Atomic<std::int32_t> left{0}; ///< of a limited line: how many spans it may still begin

    constexpr explicit Callsite(const Description* d) noexcept : description{d} {}
};

// Checks of names. They are here and not in the macros, so that hand-made names obey them too.

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr bool is_hex(char c) noexcept {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/// "/orders/17", "user/17": an id where a route should say {id}.
consteval bool has_number_segment(std::string_view name) {
    std::size_t begin = 0;
    bool in_path = false;
    for (std::size_t i = 0; i <= name.size(); ++i) {
        const bool slash = i < name.size() && name[i] == '/';
        if (i < name.size() && !slash && name[i] != ' ' && name[i] != '?') continue;
        bool digits = i > begin;
        for (std::size_t k = begin; k < i; ++k) digits = digits && is_digit(name[k]);
        if (digits && (in_path || slash)) return true;
        in_path = slash;
        begin = i + 1;
    }
    return false;
}

consteval bool has_uuid(std::string_view name) {
    constexpr std::string_view shape = "hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh";
    for (std::size_t at = 0; at + shape.size() <= name.size(); ++at) {
        bool same = true;
        for (std::size_t i = 0; i < shape.size() && same; ++i)
            same = shape[i] == 'h' ? is_hex(name[at + i]) : name[at + i] == '-';
        if (same) return true;
    }
    return false;
}

consteval bool has_control_character(std::string_view name) {
    for (const char c : name)
        if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') return true;
    return false;
}

/// Instantiated for its assertions: each says what to do instead.
template <class Line, class Rules = TeamPolicy>
struct CheckedName {
    static_assert(!Line::name().empty(), "plume: a span name must not be empty");
    static_assert(Line::name().size() <= 128,
                  "plume: a span name has at most 128 characters: put the detail into attributes");
    static_assert(!has_control_character(Line::name()),
                  "plume: a span name has no control characters");
    static_assert(!has_number_segment(Line::name()),
                  "plume: a span name with a number in its path makes one name per id: write "
                  "{id} and put the id into an attribute");
    static_assert(!has_uuid(Line::name()),
                  "plume: a span name with a UUID makes one name per id: write {id} and put the "
                  "id into an attribute");
    static_assert(Line::name().size() <= Rules::longest_name || Line::name().size() > 128,
                  "plume: the team's policy wants shorter names: see longest_name in the header "
                  "that PLUME_POLICY names");
    // "dynamic" is what PLUME_SPAN_DYNAMIC calls a span until it gets its name at run time.
    static_assert(Rules::allows_name(Line::name()) || Line::name() == "dynamic",
                  "plume: the team's policy does not allow this name: see allows_name() in the "
                  "header that PLUME_POLICY names");
    static constexpr bool ok = true;
};

/// What a name can be made of: a literal, or what PLUME_FUNCTION makes of one.
template <class T>
inline constexpr bool is_name_text = std::is_same_v<std::remove_cvref_t<T>, std::string_view>;
template <std::size_t N>
inline constexpr bool is_name_text<const char (&)[N]> = true;
template <std::size_t N>
inline constexpr bool is_name_text<const char[N]> = true;

/// Describes a line of source: what PLUME_CALLSITE and ""_name make.
template <class T>
concept Here = requires {
    { T::name() } -> std::same_as<std::string_view>;
    T::line();
};

// Which arguments of a macro are attributes, and which choose the kind of the span.

template <class T> inline constexpr bool is_attribute = false;
template <Literal K, class V> inline constexpr bool is_attribute<KeyValue<K, V>> = true;
template <class T> inline constexpr bool is_kind = false;
template <SpanKind K> inline constexpr bool is_kind<KindTag<K>> = true;

/// What is named without a macro knows no switch of its file.
template <class Line>
consteval bool checks_scopes() {
    if constexpr (requires { Line::checks_scopes(); }) return Line::checks_scopes();
    else return false;
}
template <class T>
consteval SpanKind kind_of(SpanKind otherwise) {
    if constexpr (is_kind<T>) return T::kind;
    else return otherwise;
}
template <class T>
consteval bool is_one_word() {
    if constexpr (is_attribute<T>) return one_word<typename T::value_type>;
    else return true;
}
template <class T>
consteval Field field_of() {
    return {T::key.data(), static_cast<std::uint32_t>(T::key.size()),
            wire_type<typename T::value_type>};
}
template <class T>
consteval std::size_t fields_of() {
    if constexpr (is_attribute<T>) return value_count<typename T::value_type>;
    else return 0;
}
/// Writes the fields of an argument, and returns where the next one's begin.
template <class T>
consteval Field* describe(Field* to) {
    if constexpr (!is_attribute<T>) return to;
    else if constexpr (Compound<typename T::value_type>) return T::value_type::describe(to);
    else return *to = field_of<T>(), to + 1;
}

template <class Line>
consteval SiteRate rate_of() {
    if constexpr (requires { Line::rate(); }) return Line::rate();
    else return {};
}

/// The callsite of the line that `Here` describes, recording arguments of the types `Args`.
/// Hidden, so that every module has its own, and so that g++ does not make it unique in the
/// process, which would keep a library from ever being unloaded.
template <SiteKind What, class Line, class... Args>
struct [[gnu::visibility("hidden")]] CallsiteOf {
    static_assert(((is_attribute<Args> || is_kind<Args>) && ...),
                  "plume: after the name come attributes, written \"key\"_a = value, and at most "
                  "one kind such as plume::server");
    static constexpr std::size_t kind_count = (std::size_t{is_kind<Args>} + ... + 0);
    static_assert(What != SiteKind::span || kind_count <= 1, "plume: a span has one kind");
    static_assert(What == SiteKind::span || kind_count == 0,
                  "plume: only attributes can be given here, written \"key\"_a = value");
    static constexpr std::size_t attribute_count = (fields_of<Args>() + ... + 0);
    static_assert(attribute_count <= 128, "plume: a span has at most 128 attributes");

    static consteval auto make_fields() {
        std::array<Field, attribute_count> list{};
        [[maybe_unused]] Field* to = list.data();
        ((to = describe<Args>(to)), ...);
        return list;
    }
    static consteval SpanKind make_kind() {
        SpanKind kind = SpanKind::internal;
        ((kind = kind_of<Args>(kind)), ...);
        return kind;
    }

    static constexpr bool one_word_fields = (is_one_word<Args>() && ...);
    static constexpr std::array<Field, attribute_count> fields = make_fields();
    static constexpr Description description{Line::name(),
                                             Line::file(),
                                             Line::function(),
                                             Line::scope_name(),
                                             Line::scope_version(),
                                             fields.data(),
                                             static_cast<std::uint32_t>(attribute_count),
                                             Line::line(),
                                             What,
                                             make_kind(),
                                             Line::level(),
                                             Line::clock() == PLUME_CLOCK_MONOTONIC,
                                             one_word_fields,
                                             checks_scopes<Line>(),
                                             rate_of<Line>()};
    static constinit inline Callsite callsite{&description};
};

/// A line that may record so often and no more.
template <class Line, SiteRate Most>
struct Limited : Line {
    static_assert(Most.count != 0, "plume: a limit of 0: take the span out, or switch it off with "
                                   "plume::disable()");
    static_assert(Most.count <= 1'000'000, "plume: a limit of more than a million is none");
    static constexpr SiteRate rate() { return Most; }
};
template <SiteRate Most, class Line>
consteval Limited<Line, Most> limited(Line) {
    return {};
}

/// What a function without a macro knows of its caller: a name.
template <Literal Name>
struct Anywhere {
    static constexpr std::string_view name() { return Name.view(); }
    static constexpr std::string_view file() { return {}; }
    static constexpr std::string_view function() { return {}; }
    static constexpr std::string_view scope_name() { return "plume"; }
    static constexpr std::string_view scope_version() { return {}; }
    static constexpr std::uint32_t line() { return 0; }
    static constexpr std::uint8_t level() { return PLUME_LEVEL_SPAN; }
    static constexpr int clock() { return PLUME_CLOCK_AUTOMATIC; }
};

/// Where the name of an operator ends that begins at `at`: before its template or other arguments.
constexpr std::size_t end_of_operator(std::string_view pretty, std::size_t at) {
    at += std::string_view{"operator"}.size();
    if (pretty.substr(at).starts_with("()")) return at + 2;
    const std::size_t end = pretty.find('(', at);
    return end != std::string_view::npos ? end : pretty.size();
}

/// "shop::checkout" from "void shop::checkout<int>(int)::<lambda()>::Here::function()": the
/// function around a lambda, as __PRETTY_FUNCTION__ spells it, without types, arguments and
/// templates.
constexpr std::string_view enclosing_function(std::string_view pretty) {
    for (const std::string_view lambda : {"::<lambda", "::(anonymous class)", "::(lambda"})
        if (const auto at = pretty.find(lambda); at != std::string_view::npos)
            pretty = pretty.substr(0, at);
    const auto is_next = [&pretty](std::size_t at, std::string_view what) {
        return pretty.substr(at).starts_with(what);
    };
    std::size_t begin = 0;           // behind the return type
    std::size_t end = pretty.size(); // before the arguments
    std::size_t templates = end;     // before the template arguments at the end
    int depth = 0;
    for (std::size_t i = 0; i < end; ++i) {
        const char c = pretty[i];
        if (depth == 0 && is_next(i, "operator") && (i == begin || pretty[i - 1] == ':')) {
            end = templates = end_of_operator(pretty, i);
            break;
        }
        if (depth == 0 && is_next(i, "(anonymous namespace)")) i = pretty.find(')', i);
        else if (depth == 0 && c == '(') end = i;
        else if (depth == 0 && c == ' ') begin = i + 1;
        else if (c == '<' || c == '(') templates = depth++ == 0 ? i : templates;
        else if (c == '>' || c == ')') --depth;
        else if (depth == 0) templates = pretty.size();
    }
    if (templates > begin && templates < end) end = templates;
    return end > begin ? pretty.substr(begin, end - begin) : pretty;
}

/// The name of a type, as the compiler spells it.
template <class T>
constexpr std::string_view type_name() {
    std::string_view pretty = __PRETTY_FUNCTION__;
    const std::size_t begin = pretty.find("T = ") + 4;
    return pretty.substr(begin, pretty.find_first_of(";]", begin) - begin);
}

} // namespace detail
} // namespace plume

namespace plume {

namespace literals {
/// A name where no macro is wanted:  plume::Span span{"checkout"_name, "id"_a = id};
template <detail::Literal Name>
consteval auto operator""_name() noexcept {
    return detail::Anywhere<Name>{};
}

/// How often a line may record, for PLUME_SPAN_LIMITED.
consteval detail::SiteRate operator""_per_second(unsigned long long count) {
    return {static_cast<std::uint32_t>(count), 1000};
}
consteval detail::SiteRate operator""_per_minute(unsigned long long count) {
    return {static_cast<std::uint32_t>(count), 60'000};
}
} // namespace literals

} // namespace plume
