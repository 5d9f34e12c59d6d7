// chunk.hpp - memory for finished spans: filled once, shared by all exporters, then used again.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <new>
#include <span>
#include <utility>
#include <vector>

#include <plume/export/span_data.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

class ChunkPool;

/// One block: spans grow from its front, what they point to from its back. Its spans are immutable
/// once it is shared.
class Chunk {
  public:
    /// Large enough that handing one over costs nothing per span, small enough that a few of them
    /// stay in a core's cache: with 1.4 k spans of three attributes each.
    static constexpr std::size_t usual_bytes = 256 * 1024;
    /// Where spans are rare, a chunk is handed over with few of them, and waits as long as they do.
    static constexpr std::size_t least_bytes = 4 * 1024;

    [[nodiscard]] bool has_room(std::size_t bytes) const noexcept {
        return back_ - reinterpret_cast<const char*>(spans_ + count_) >=
               static_cast<std::ptrdiff_t>(bytes);
    }
    [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
    [[nodiscard]] std::size_t size() const noexcept { return count_; }
    /// What it takes of the process' memory, and how much of that is in use.
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
    [[nodiscard]] std::size_t used_bytes() const noexcept {
        return bytes_ -
               static_cast<std::size_t>(back_ - reinterpret_cast<const char*>(spans_ + count_));
    }
    [[nodiscard]] std::span<const SpanData> spans() const noexcept { return {spans_, count_}; }

    /// The next two take room that has_room() has seen.
    [[nodiscard]] SpanData& add_span() noexcept { return *new (spans_ + count_++) SpanData; }
    /// The one that was added last was not completed. What was allocated for it stays in use.
    void take_back_span() noexcept { --count_; }
    template <class T>
    [[nodiscard]] T* allocate(std::size_t count) noexcept {
        back_ -= (count * sizeof(T) + 7) & ~std::size_t{7};
        return reinterpret_cast<T*>(back_);
    }

  private:
    friend class ChunkPool;
    friend class ChunkRef;

    explicit Chunk(std::size_t bytes) noexcept : bytes_{bytes} { clear(); }
    void clear() noexcept {
        spans_ = reinterpret_cast<SpanData*>(this + 1);
        count_ = 0;
        back_ = reinterpret_cast<char*>(this) + bytes_;
    }

    std::atomic<std::uint32_t> owners_{0};
    ChunkPool* pool_ = nullptr;
    std::size_t bytes_;
    SpanData* spans_ = nullptr;
    std::size_t count_ = 0;
    char* back_ = nullptr;
};

/// Keeps chunks that nobody needs for the next that somebody does, so that a steady stream of
/// spans finds its memory warm. Lives until the last chunk is back and the owner has let go.
class ChunkPool {
  public:
    /// Unused ones beyond this are given back to the heap.
    static constexpr std::size_t most_unused = 32;

    static ChunkPool* make() { return new ChunkPool; }
    void let_go() noexcept { release(); }

    /// `wanted_bytes` is a guess of what will be needed, `least_bytes` what is needed for sure. May
    /// throw std::bad_alloc.
    [[nodiscard]] Chunk* take(std::size_t least_bytes, std::size_t wanted_bytes) {
        std::size_t bytes = wanted_bytes > Chunk::usual_bytes / 4 ? Chunk::usual_bytes
                            : wanted_bytes < Chunk::least_bytes   ? Chunk::least_bytes
                                                                  : wanted_bytes;
        if (least_bytes + sizeof(Chunk) > bytes) bytes = least_bytes + sizeof(Chunk);
        bytes = (bytes + 7) & ~std::size_t{7};
        Chunk* chunk = bytes == Chunk::usual_bytes ? unused() : nullptr;
        if (!chunk) {
            void* memory = std::malloc(bytes);
            if (!memory) throw std::bad_alloc{};
            chunk = new (memory) Chunk{bytes};
        }
        chunk->pool_ = this;
        users_.fetch_add(1, std::memory_order_relaxed); // the caller holds one already
        return chunk;
    }

    void give_back(Chunk* chunk) noexcept {
        if (chunk->bytes_ == Chunk::usual_bytes) {
            const std::lock_guard lock{mutex_};
            if (unused_.size() < most_unused) {
                chunk->clear();
                unused_.push_back(chunk); // within the capacity reserved at the start
                chunk = nullptr;
            }
        }
        std::free(chunk);
        release();
    }

  private:
    ChunkPool() { unused_.reserve(most_unused); }
    ~ChunkPool() {
        for (Chunk* chunk : unused_) std::free(chunk);
    }
    void release() noexcept {
        // Pairs with itself in other threads: the last one sees all that they did to the pool.
        if (users_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
    }
    Chunk* unused() noexcept {
        const std::lock_guard lock{mutex_};
        if (unused_.empty()) return nullptr;
        Chunk* chunk = unused_.back(); // the one used last is the warmest
        unused_.pop_back();
        return chunk;
    }

    std::mutex mutex_;
    std::vector<Chunk*> unused_;
    std::atomic<std::size_t> users_{1};
};

/// A share in a chunk. The last one gives it back to its pool.
class ChunkRef {
  public:
    ChunkRef() noexcept = default;
    explicit ChunkRef(Chunk* chunk) noexcept : chunk_{chunk} { share(); }
    ChunkRef(const ChunkRef& other) noexcept : chunk_{other.chunk_} { share(); }
    ChunkRef(ChunkRef&& other) noexcept : chunk_{std::exchange(other.chunk_, nullptr)} {}
    ChunkRef& operator=(ChunkRef other) noexcept {
        std::swap(chunk_, other.chunk_);
        return *this;
    }
    ~ChunkRef() {
        // Pairs with itself in other threads: the last owner comes after all readers.
        if (chunk_ && chunk_->owners_.fetch_sub(1, std::memory_order_acq_rel) == 1)
            chunk_->pool_->give_back(chunk_);
    }
    [[nodiscard]] Chunk* get() const noexcept { return chunk_; }
    Chunk* operator->() const noexcept { return chunk_; }
    explicit operator bool() const noexcept { return chunk_ != nullptr; }

  private:
    void share() noexcept {
        if (chunk_) chunk_->owners_.fetch_add(1, std::memory_order_relaxed); // one is held already
    }
    Chunk* chunk_ = nullptr;
};

} // namespace detail
} // namespace plume
