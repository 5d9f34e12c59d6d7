// registry.hpp - every instrumented line of the process, by the number that records call it.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>

#include <plume/core/atomic.hpp>
#include <plume/record/callsite.hpp>
#include <plume/record/ring_format.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// A copy of a Description, so that nothing points into a library that may be unloaded. Immutable
/// but for `live` and never freed; a line that comes back with its library finds its entry again.
struct Entry : Description {
    std::uint32_t index = 0;
    std::uint64_t hash = 0;
    Callsite* live = nullptr; ///< null while the module of the line is not loaded; under the lock
    Entry* next = nullptr;    ///< of the same bucket
    Entry* next_limited = nullptr; ///< of those with a rate
};

constexpr std::uint64_t hash_of(std::string_view text, std::uint64_t hash) noexcept {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    return mix(hash ^ text.size());
}

/// Append-only. Writers hold the runtime's lock; at() needs none. Cold, like all that only loading
/// and unloading call: every instrumented file compiles it, and optimising it would take longest.
class Registry {
  public:
    constexpr Registry() noexcept = default;

    /// The entry of a line, new or met before. Null when memory or numbers are used up.
    [[gnu::cold]] Entry* add(const Description& description, Callsite* live) noexcept {
        const std::uint64_t hash = hash_of_all(description);
        if (Entry* entry = find(description, hash)) {
            entry->live = live;
            return entry;
        }
        const std::uint32_t index = size_.load(memory_order_relaxed); // writers hold the lock
        Entry** place = place_of(index); // first: what finds no place costs no memory
        Entry* entry = place ? make(description) : nullptr;
        if (!entry) return nullptr;
        if (index >= bucket_count_) grow_buckets();
        *place = entry;
        entry->index = index;
        entry->hash = hash;
        entry->live = live;
        put_into_bucket(entry);
        if (entry->rate.count != 0) {
            entry->next_limited = limited_.load(memory_order_relaxed); // writers hold the lock
            limited_.store(entry, memory_order_release); // pairs with the acquire in limited()
        }
        size_.store(index + 1, memory_order_release); // pairs with the acquire in size()
        return entry;
    }

    /// The entry of a line that is not loaded, or of what is no line. Null if it was never met.
    [[gnu::cold]] [[nodiscard]] Entry* find(const Description& description) const noexcept {
        return find(description, hash_of_all(description));
    }

    /// One more than the highest index given out.
    [[nodiscard]] std::uint32_t size() const noexcept {
        return size_.load(memory_order_acquire); // pairs with the release in add()
    }
    /// `index` is below size() and not below control::first_site.
    [[nodiscard]] Entry* at(std::uint32_t index) const noexcept {
        return chunks_[index / chunk_size][index % chunk_size];
    }

    /// The newest line with a rate; others follow it.
    [[nodiscard]] Entry* limited() const noexcept {
        return limited_.load(memory_order_acquire); // pairs with the release in add()
    }

  private:
    static constexpr std::uint32_t chunk_size = 4096;
    static constexpr std::uint32_t chunk_count = (1U << index_bits) / chunk_size;
    static constexpr std::uint32_t first_buckets = 256;

    static std::string_view key(const Description& d, std::uint32_t i) noexcept {
        return {d.fields[i].key, d.fields[i].key_size};
    }

    [[gnu::cold]] static std::uint64_t hash_of_all(const Description& description) noexcept {
        std::uint64_t hash = hash_of(description.name, description.line);
        hash = hash_of(description.file, hash ^ static_cast<std::uint64_t>(description.what));
        for (std::uint32_t i = 0; i < description.field_count; ++i)
            hash = hash_of(key(description, i), hash);
        return hash;
    }
    [[gnu::cold]] [[nodiscard]] Entry* find(const Description& description,
                                            std::uint64_t hash) const noexcept {
        for (Entry* entry = buckets()[hash % bucket_count_]; entry; entry = entry->next)
            if (entry->hash == hash && !entry->live && same(*entry, description)) return entry;
        return nullptr;
    }

    [[gnu::cold]] static bool same(const Description& a, const Description& b) noexcept {
        if (a.name != b.name || a.file != b.file || a.line != b.line || a.what != b.what ||
            a.kind != b.kind || a.level != b.level || a.function != b.function ||
            a.scope_name != b.scope_name || a.rate != b.rate ||
            a.scope_version != b.scope_version || a.field_count != b.field_count)
            return false;
        for (std::uint32_t i = 0; i < a.field_count; ++i)
            if (a.fields[i].type != b.fields[i].type || key(a, i) != key(b, i)) return false;
        return true;
    }

    /// One block of memory: the entry, its fields, its texts.
    [[gnu::cold]] static Entry* make(const Description& from) noexcept {
        std::size_t size = sizeof(Entry) + from.field_count * sizeof(Field);
        for (const std::string_view text :
             {from.name, from.file, from.function, from.scope_name, from.scope_version})
            size += text.size();
        for (std::uint32_t i = 0; i < from.field_count; ++i) size += from.fields[i].key_size;
        void* memory = std::malloc(size);
        if (!memory) return nullptr;
        Entry* entry = new (memory) Entry{from};
        Field* fields = reinterpret_cast<Field*>(entry + 1);
        char* text = reinterpret_cast<char*>(fields + from.field_count);
        const auto keep = [&text](std::string_view original) {
            if (!original.empty()) std::memcpy(text, original.data(), original.size());
            const std::string_view copy{text, original.size()};
            text += original.size();
            return copy;
        };
        for (std::uint32_t i = 0; i < from.field_count; ++i)
            new (fields + i)
                Field{keep(key(from, i)).data(), from.fields[i].key_size, from.fields[i].type};
        entry->fields = fields;
        entry->name = keep(from.name);
        entry->file = keep(from.file);
        entry->function = keep(from.function);
        entry->scope_name = keep(from.scope_name);
        entry->scope_version = keep(from.scope_version);
        return entry;
    }

    /// Null when memory or numbers are used up.
    [[gnu::cold]] Entry** place_of(std::uint32_t index) noexcept {
        if (index > index_mask) return nullptr;
        if (!chunks_) {
            chunks_ = static_cast<Entry***>(std::calloc(chunk_count, sizeof(Entry**)));
            if (!chunks_) return nullptr;
        }
        Entry**& chunk = chunks_[index / chunk_size];
        if (!chunk) chunk = static_cast<Entry**>(std::calloc(chunk_size, sizeof(Entry*)));
        return chunk ? &chunk[index % chunk_size] : nullptr;
    }

    [[nodiscard]] Entry* const* buckets() const noexcept {
        return more_buckets_ ? more_buckets_ : buckets_;
    }
    void put_into_bucket(Entry* entry) noexcept {
        Entry*& bucket = (more_buckets_ ? more_buckets_ : buckets_)[entry->hash % bucket_count_];
        entry->next = bucket;
        bucket = entry;
    }
    /// Four times as many, so that a bucket holds an entry or so. Without memory they stay as they
    /// are, and are only slower to search.
    [[gnu::cold]] void grow_buckets() noexcept {
        const std::uint32_t count = bucket_count_ * 4;
        auto* table = static_cast<Entry**>(std::calloc(count, sizeof(Entry*)));
        if (!table) return;
        std::free(more_buckets_);
        more_buckets_ = table;
        bucket_count_ = count;
        for (std::uint32_t i = size_.load(memory_order_relaxed); i-- > control::first_site;)
            put_into_bucket(at(i)); // under the writers' lock, like the load above
    }

    Atomic<std::uint32_t> size_{control::first_site};
    Atomic<Entry*> limited_{nullptr};
    Entry*** chunks_ = nullptr; ///< written before the first index is published, then constant
    // Under the writers' lock: the second table, once there are more entries than the first has.
    std::uint32_t bucket_count_ = first_buckets;
    Entry** more_buckets_ = nullptr;
    Entry* buckets_[first_buckets] = {};
};

} // namespace detail
} // namespace plume
