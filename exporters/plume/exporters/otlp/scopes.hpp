// scopes.hpp - the encoded spans of one request, kept apart by the library that recorded them.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include <plume/export/span_data.hpp>
#include <plume/exporters/detail/bytes.hpp>

namespace plume::otlp {

/// OTLP nests spans in their instrumentation scope, but a batch mixes scopes: each gets a buffer.
/// Names are views into the batch, so reset() comes before the batch goes.
class Scopes {
  public:
    struct Scope {
        std::string_view name;
        std::string_view version;
        Bytes spans;
    };

    /// The buffer for spans of `source`. Repeated calls with one scope cost a comparison; a search
    /// is linear, since programs have few scopes.
    [[nodiscard]] Scope& of(const Source& source) {
        if (used_ != 0 && is(scopes_[last_], source)) return scopes_[last_];
        for (last_ = 0; last_ != used_; ++last_)
            if (is(scopes_[last_], source)) return scopes_[last_];
        if (used_ == scopes_.size()) scopes_.emplace_back();
        Scope& scope = scopes_[used_++];
        scope.name = source.scope_name;
        scope.version = source.scope_version;
        return scope;
    }

    [[nodiscard]] std::span<Scope> all() noexcept { return {scopes_.data(), used_}; }
    [[nodiscard]] bool empty() const noexcept { return used_ == 0; }

    /// Forgets the spans and keeps the memory, unless a rare huge request left much of it.
    void reset() noexcept {
        constexpr std::size_t keep = std::size_t{16} << 20; // four requests of the default size
        for (Scope& scope : all()) {
            if (scope.spans.capacity() > keep) scope.spans = Bytes{};
            scope.spans.clear();
            scope.name = scope.version = {};
        }
        used_ = last_ = 0;
    }

  private:
    static bool is(const Scope& scope, const Source& source) noexcept {
        return same(scope.name, source.scope_name) && same(scope.version, source.scope_version);
    }
    static bool same(std::string_view a, std::string_view b) noexcept {
        return a.size() == b.size() && (a.data() == b.data() || a == b); // mostly the same literal
    }

    std::vector<Scope> scopes_;
    std::size_t used_ = 0;
    std::size_t last_ = 0;
};

} // namespace plume::otlp
