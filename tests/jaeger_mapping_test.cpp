#include <plume/exporters/jaeger/mapping.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <plume/exporters/jaeger/packets.hpp>
#include <plume/exporters/jaeger/size_bound.hpp>
#include <plume/exporters/jaeger/wire.hpp>

#include "support/catch.hpp"
#include "support/jaeger_model.hpp"
#include "support/random_batch.hpp"
#include "support/small_batch.hpp"

using namespace plume::jaeger;
using namespace plume::jaeger_test;
using plume::Attribute;
using plume::SpanData;
using plume::otlp_test::RandomBatch;
using plume::otlp_test::small_span;

namespace {

std::size_t allocations = 0; // of this thread: no other one allocates while a test counts

template <template <class> class Wire, class Shape = Whole>
std::size_t measure(const SpanData& span, Shape shape = {}) {
    plume::otlp::Bytes scratch;
    return Mapping<Shape>{scratch, shape}.span(Wire<Count>{}, span).sink.size;
}
template <template <class> class Wire, class Shape = Whole>
std::string encode(const SpanData& span, Shape shape = {}) {
    plume::otlp::Bytes scratch;
    const std::size_t size = measure<Wire>(span, shape);
    std::string bytes(size + 16, '\xee');
    const char* const end =
        Mapping<Shape>{scratch, shape}.span(Wire<Store>{{bytes.data()}}, span).sink.at;
    CHECK(end == bytes.data() + size);
    bytes.resize(size);
    return bytes;
}
plume::idl::Span decode(const SpanData& span) {
    return thrift_object<plume::idl::Span, CompactProtocol>(encode<Compact>(span));
}

std::string hex(std::string_view bytes) {
    std::string text;
    for (const char c : bytes) {
        constexpr char digits[] = "0123456789abcdef";
        text += {digits[static_cast<unsigned char>(c) / 16], digits[c & 15]};
    }
    return text;
}

} // namespace

void* operator new(std::size_t size) {
    ++allocations;
    if (void* memory = std::malloc(size)) return memory;
    throw std::bad_alloc{};
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

TEST_CASE("a small span is these bytes in the compact protocol") {
    CHECK(hex(encode<Compact>(small_span())) ==
          "16a0b8b0e0c0818385 12"
          "");
}
