// small_batch.hpp - one span whose every part is known, as often as a test wants it.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include <plume/exporter.hpp>

namespace plume::otlp_test {

inline constexpr Source checkout{"checkout", "shop.cpp", "checkout", 7, "plume", ""};

inline SpanData small_span() {
    SpanData span;
    span.trace_id = {0x0102030405060708, 0x090a0b0c0d0e0f10};
    span.span_id = {0x1112131415161718};
    span.kind = SpanKind::server;
    span.begin_unix_ns = 1'700'000'000'000'000'000;
    span.end_unix_ns = 1'700'000'000'000'001'000;
    span.source = &checkout;
    span.flags = trace_flags::sampled;
    return span;
}

class SmallBatch {
  public:
    explicit SmallBatch(std::size_t count = 1) : SmallBatch{small_span(), count} {}
    explicit SmallBatch(const SpanData& span, std::size_t count = 1) : spans_(count, span) {
        resource_.set("service.name", "x");
    }
    explicit SmallBatch(std::vector<SpanData> spans) : spans_{std::move(spans)} {
        resource_.set("service.name", "x");
    }
    SmallBatch(const SmallBatch&) = delete;
    SmallBatch& operator=(const SmallBatch&) = delete;

    [[nodiscard]] Batch batch() const { return {resource_, {&piece_, 1}}; }

  private:
    Resource resource_;
    std::vector<SpanData> spans_;
    Batch::Piece piece_{spans_};
};

} // namespace plume::otlp_test
