// redaction.cpp - what the rules of Redaction::standard() cost the background thread: a span with
// ten texts, as a server records them, that passes all of them.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include <plume/collect/chunk.hpp>
#include <plume/redaction/redactor.hpp>
#include <plume/redaction/rules.hpp>

#include "measure.hpp"

namespace {

using plume::Attribute;
using plume::detail::Redactor;
using plume::detail::Treatment;

/// Two of them hold something that must not leave.
constexpr std::array<std::pair<std::string_view, std::string_view>, 10> texts{{
    {"http.request.method", "POST"},
    {"http.route", "/orders/{id}"},
    {"url.path", "/orders/4711/payment"},
    {"url.query", "currency=EUR&express=true&page=2"},
    {"url.scheme", "https"},
    {"client.address", "203.0.113.195"},
    {"server.address", "shop.example.org"},
    {"user_agent.original", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101"},
    {"db.query.text", "SELECT total, state FROM orders WHERE id = ? AND open = ?"},
    {"message", "receipt sent to bob@example.org"},
}};
constexpr std::uint64_t secrets = 2;

/// Applies the rules to a chunk full of spans, as the composer does. Nanoseconds a span.
double round_ns(Redactor& redactor, plume::detail::ChunkPool& pool) {
    constexpr int spans = 1000;
    std::array<Treatment, texts.size()> treatments{}; // known by line of source
    for (std::size_t i = 0; i < texts.size(); ++i)
        treatments[i] = redactor.treatment(texts[i].first);
    const plume::detail::ChunkRef chunk{pool.take(0, plume::detail::Chunk::usual_bytes)};
    std::uint64_t left = 0;
    const double begin = measure::now_ns();
    for (int span = 0; span < spans; ++span) {
        for (std::size_t i = 0; i < texts.size(); ++i) {
            Attribute attribute{texts[i].first, texts[i].second};
            left += redactor.apply(*chunk.get(), attribute, treatments[i]) ? 1 : 0;
            asm volatile("" ::"r"(&attribute) : "memory");
        }
    }
    const double ns = (measure::now_ns() - begin) / spans;
    return left == spans * texts.size() ? ns : 0;
}

} // namespace

int main() {
    constexpr int rounds = 500;
    Redactor redactor{plume::Redaction::standard(), {1, 2}, [](std::string_view) {}};
    struct LetGo {
        void operator()(plume::detail::ChunkPool* pool) const { pool->let_go(); }
    };
    const std::unique_ptr<plume::detail::ChunkPool, LetGo> pool{plume::detail::ChunkPool::make()};
    std::vector<double> times;
    for (int round = 0; round < rounds; ++round) times.push_back(round_ns(redactor, *pool));
    const double ns = measure::median(std::move(times));
    if (ns == 0 || redactor.redacted() != rounds * 1000 * secrets) {
        std::fputs("redaction: not everything was redacted: no figure\n", stderr);
        return 1;
    }
    std::fprintf(stderr, "redaction: %.0f ns a span of ten texts\n", ns);
    std::printf("{\"redaction\": {\"ns_per_span\": %.1f}}\n", ns);
}
