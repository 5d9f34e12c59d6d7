// open_span.hpp - a span that has begun, as the assembler keeps it until it ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <plume/collect/callsite_table.hpp>
#include <plume/collect/time_map.hpp>
#include <plume/export/span_data.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// A text that the open spans of a trace share; one thread's at a time. Not a shared_ptr: that
/// calls code of the module that made it, and the session's module may be gone before the span is.
class SharedText {
  public:
    SharedText() noexcept = default;
    explicit SharedText(std::string_view text) : shared_{new Shared{std::string{text}}} {}
    SharedText(const SharedText& other) noexcept : shared_{other.shared_} {
        if (shared_) ++shared_->owners;
    }
    SharedText& operator=(SharedText other) noexcept {
        std::swap(shared_, other.shared_);
        return *this;
    }
    ~SharedText() {
        if (shared_ && --shared_->owners == 0) delete shared_;
    }
    explicit operator bool() const noexcept { return shared_ != nullptr; }
    std::string_view operator*() const noexcept { return shared_->text; }
    /// Whether they are one; equal texts are not.
    friend bool operator==(const SharedText&, const SharedText&) noexcept = default;

  private:
    struct Shared {
        std::string text;
        std::size_t owners = 1;
    };
    Shared* shared_ = nullptr;
};

/// Words that grow and are used again: warm after the first spans. Many are given back.
class WordBuffer {
  public:
    void clear() noexcept {
        size_ = 0;
        if (capacity_ <= most_kept) [[likely]]
            return;
        heap_.reset();
        data_ = inside_;
        capacity_ = inside_words;
    }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] const char* data() const noexcept { return reinterpret_cast<const char*>(data_); }
    [[nodiscard]] char* data() noexcept { return reinterpret_cast<char*>(data_); }

    /// Room for `bytes`, a multiple of 8, at the end.
    [[nodiscard]] char* grow(std::size_t bytes) {
        const std::size_t words = bytes / 8;
        if (size_ + words > capacity_) [[unlikely]]
            enlarge(size_ + words);
        char* at = reinterpret_cast<char*>(data_ + size_);
        size_ += words;
        return at;
    }

    /// Takes out `bytes` at offset `at`, both multiples of 8.
    void erase(std::size_t at, std::size_t bytes) noexcept {
        char* hole = reinterpret_cast<char*>(data_) + at;
        std::memmove(hole, hole + bytes, size_ * 8 - at - bytes);
        size_ -= bytes / 8;
    }

    WordBuffer() noexcept = default;
    WordBuffer(const WordBuffer&) = delete;
    WordBuffer& operator=(const WordBuffer&) = delete;

  private:
    void enlarge(std::size_t words) {
        const std::size_t more = words > 2 * capacity_ ? words : 2 * capacity_;
        auto larger = std::make_unique<std::uint64_t[]>(more);
        std::memcpy(larger.get(), data_, size_ * 8);
        heap_ = std::move(larger);
        data_ = heap_.get();
        capacity_ = more;
    }
    static constexpr std::size_t inside_words = 16;
    static constexpr std::size_t most_kept = 4096 / 8;

    std::uint64_t inside_[inside_words];
    std::uint64_t* data_ = inside_;
    std::size_t size_ = 0;
    std::size_t capacity_ = inside_words;
    std::unique_ptr<std::uint64_t[]> heap_;
};

/// A record about an open span, kept until the span ends: this, then its payload.
struct Annotation {
    std::uint32_t index; ///< of the callsite, or a control
    std::uint32_t bytes; ///< of the payload
    std::uint64_t unix_ns;
};

struct OpenSpan {
    std::uint64_t position = 0;
    SpanId id;
    SpanId parent_id;
    TraceId trace_id;
    std::uint64_t begin_unix_ns = 0;
    SiteInfo site;
    const std::string_view* renamed = nullptr;
    std::uint32_t session = 0; ///< of which session; spans of an earlier one are not exported
    const std::string_view* thread = nullptr; ///< its name, if it is known
    std::uint32_t thread_id = 0;
    TimeMap::Epoch epoch = 0;
    std::uint8_t flags = 0;
    bool parent_is_remote = false;
    bool local_root = false; ///< the first of its part of the stack
    bool async = false;      ///< an AsyncSpan: on no stack
    bool mixed = false;      ///< several threads have said something about it
    bool discarded = false;
    bool over_limit = false;  ///< its local root has too many spans
    bool ended = false;       ///< from another thread, and still the parent of what begins here
    std::uint32_t events = 0; ///< said about it, those over the limit included
    std::uint32_t links = 0;
    std::uint32_t suppressed = 0; ///< children that are not there: their line was over its rate
    std::uint32_t lost = 0;       ///< or there was no room, or the root had too many
    std::size_t arguments = 0;    ///< bytes at the front of `log`: the arguments of its begin
    WordBuffer log;               ///< then annotations
    SharedText trace_state;
};

} // namespace detail
} // namespace plume
