// scene.hpp - spans made by hand, all in one trace and on one time line, and batches of them.
#pragma once

#include <cstdint>
#include <deque>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include <plume/exporter.hpp>

namespace plume::scene {

inline constexpr TraceId trace{0x4bf92f3577b34da6, 0xa3ce929d0e0e4736};
inline constexpr std::uint64_t dawn = 1'785'576'600'000'000'000; ///< 2026-08-01 09:30:00 UTC

/// A part of a span, in microseconds after `dawn`.
struct Time {
    std::uint64_t begin_us = 0;
    std::uint64_t end_us = 0;
};

/// A span that owns what it points to. Functions return it again, to be chained.
class Actor {
  public:
    Actor(std::string_view name, std::uint64_t id, std::uint64_t parent, Time time) {
        source_.name = name;
        source_.file = "shop/checkout.cpp";
        source_.line = 42;
        span_.trace_id = trace;
        span_.span_id = {id};
        span_.parent_span_id = {parent};
        span_.begin_unix_ns = dawn + time.begin_us * 1000;
        span_.end_unix_ns = dawn + time.end_us * 1000;
        span_.thread_id = 7;
    }
    Actor(const Actor&) = delete;
    Actor& operator=(const Actor&) = delete;

    Actor& with(std::string_view key, auto value) {
        attributes_.push_back({key, value});
        return *this;
    }
    /// The attributes that follow are the event's.
    Actor& event(std::string_view name, std::uint64_t at_us,
                 std::initializer_list<Attribute> attributes = {}) {
        kept_.emplace_back(attributes);
        events_.push_back({name, dawn + at_us * 1000, kept_.back(), 0});
        return *this;
    }
    Actor& link(std::uint64_t span_id, std::initializer_list<Attribute> attributes = {}) {
        kept_.emplace_back(attributes);
        Link& link = links_.emplace_back();
        link.context.trace_id = {1, 2};
        link.context.span_id = {span_id};
        link.attributes = kept_.back();
        return *this;
    }
    Actor& failed(std::string_view message = {}) {
        span_.status = StatusCode::error;
        details_.status_message = message;
        return *this;
    }
    Actor& kind(SpanKind kind) {
        span_.kind = kind;
        return *this;
    }
    Actor& of(TraceId id) {
        span_.trace_id = id;
        return *this;
    }
    /// Its parent ran in another process.
    Actor& remote() {
        span_.parent_is_remote = true;
        return *this;
    }
    [[nodiscard]] SpanDetails& details() { return details_; }
    [[nodiscard]] Source& source() { return source_; }
    [[nodiscard]] SpanData& span() { return span_; }

    [[nodiscard]] SpanData data() {
        details_.events = events_;
        details_.links = links_;
        span_.details = &details_;
        span_.source = &source_;
        span_.attribute_data = attributes_.data();
        span_.attribute_count = static_cast<std::uint32_t>(attributes_.size());
        return span_;
    }

  private:
    SpanData span_;
    Source source_;
    SpanDetails details_;
    std::vector<Attribute> attributes_;
    std::vector<Event> events_;
    std::vector<Link> links_;
    std::deque<std::vector<Attribute>> kept_;
};

/// Everything it delivers is gone when deliver() returns, so that what an exporter keeps is a copy.
class Stage {
  public:
    Actor& add(std::string_view name, std::uint64_t id, std::uint64_t parent, Time time) {
        return actors_.emplace_back(name, id, parent, time);
    }
    Outcome deliver(Exporter& exporter, std::string_view service = "shop") {
        Resource resource;
        resource.set("service.name", service);
        std::vector<SpanData> spans;
        for (Actor& actor : actors_) spans.push_back(actor.data());
        const Batch::Piece piece{spans};
        Outcome outcome = exporter.deliver({resource, {&piece, 1}});
        actors_.clear();
        return outcome;
    }

  private:
    std::deque<Actor> actors_;
};

} // namespace plume::scene
