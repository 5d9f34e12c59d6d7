#include <plume/record/ring.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "support/catch.hpp"

using plume::detail::make_word;
using plume::detail::Ring;
namespace control = plume::detail::control;

namespace {

constexpr std::uint64_t lane = std::uint64_t{5} << 44U; // what positions of this ring begin with

/// A ring with its memory, and guards on both sides of it.
class TestRing : public Ring {
  public:
    explicit TestRing(std::uint64_t size) : words_(size / 8 + 2 * margin, untouched) {
        make(reinterpret_cast<char*>(words_.data() + margin), size, lane);
        open();
    }
    [[nodiscard]] bool guards_are_untouched() const {
        for (std::size_t i = 0; i < margin; ++i)
            if (words_[i] != untouched || words_[words_.size() - 1 - i] != untouched) return false;
        return true;
    }
    /// What is promised to the ends of open spans.
    [[nodiscard]] std::uint64_t promised() const { return grant_end - head.load() - free_room(); }

    /// As the slow path does it.
    bool take(std::uint64_t need, bool reserve_too = false) {
        std::uint64_t& left = closed ? closed_room : room;
        bool half_full = false;
        if (left < need && !refill(need, reserve_too, half_full)) return false;
        left -= need;
        return true;
    }
    /// A record of so many words that its content tells which one it is.
    void write(std::uint64_t number, std::uint64_t words) {
        std::uint64_t at = head.load();
        put(at, make_word(control::first_site, number));
        for (std::uint64_t i = 1; i < words; ++i) put(at + 8 * i, i == 1 ? words : number * i);
        publish(at + 8 * words);
    }
    void write_end(std::uint64_t number) {
        const std::uint64_t at = head.load();
        put(at, make_word(control::end, number));
        publish(at + 8);
    }

  private:
    static constexpr std::uint64_t untouched = 0x5CA1'AB1E'5CA1'AB1E;
    static constexpr std::size_t margin = 32;
    std::vector<std::uint64_t> words_;
};

/// Reads what write() and write_end() have written, and says what is wrong with it.
class Reader {
  public:
    explicit Reader(TestRing& ring) : ring_{&ring}, at_{ring.tail.load()} {}

    /// Reads at most so many records. `expected`: the number of the next one.
    std::string read(std::uint64_t most, std::uint64_t& expected) {
        const std::uint64_t end = ring_->published();
        for (; most > 0 && at_ != end; --most) {
            std::uint64_t word = word_at(at_);
            if ((word & plume::detail::index_mask) == control::pad) {
                at_ = ring_->next_lap(at_);
                continue;
            }
            if (word >> plume::detail::index_bits != expected) return "another record";
            if ((word & plume::detail::index_mask) == control::end) at_ += 8;
            else if (const std::string wrong = read_content(expected); !wrong.empty()) return wrong;
            ++expected;
        }
        return at_ > end ? "beyond the end" : "";
    }
    void release() { ring_->release(at_); }
    [[nodiscard]] std::uint64_t at() const { return at_; }

  private:
    [[nodiscard]] std::uint64_t word_at(std::uint64_t position) const {
        std::uint64_t word = 0;
        std::memcpy(&word, ring_->at(position), 8);
        return word;
    }
    std::string read_content(std::uint64_t number) {
        const std::uint64_t words = word_at(at_ + 8);
        if (words < 2 || words * 8 > ring_->capacity) return "a size that is none";
        for (std::uint64_t i = 2; i < words; ++i)
            if (word_at(at_ + 8 * i) != number * i) return "other content";
        at_ += words * 8;
        return {};
    }

    TestRing* ring_;
    std::uint64_t at_;
};

/// Whether there is a place for so many bytes, in this lap or at the start of the next.
bool has_place(const TestRing& ring, std::uint64_t bytes, bool reserve_too) {
    const std::uint64_t end = ring.tail.load() + ring.capacity - (reserve_too ? 0 : ring.reserve());
    const std::uint64_t at = ring.head.load();
    if (ring.lap_end - at >= bytes) return end >= at + bytes;
    return end >= ring.lap_end + bytes;
}

std::string fuzz(std::uint64_t capacity, std::uint32_t seed, int steps) {
    std::mt19937 random{seed};
    TestRing ring{capacity};
    Reader reader{ring};
    std::uint64_t written = 0;
    std::uint64_t read = 0;
    std::uint64_t open = 0; // spans whose end has its 8 bytes
    const auto size = [&] { // mostly small; sometimes a large part of the ring
        const std::uint64_t most = random() % 50 == 0 ? capacity / 8 / 3 : 20;
        return 2 + random() % (most < 20 ? 20 : most);
    };
    for (int i = 0; i < steps; ++i) {
        const std::uint64_t words = size();
        const bool fits_before = has_place(ring, ring.promised() + words * 8, false);
        switch (random() % 8) {
        case 0:
        case 1: // a span begins
            if (ring.take(words * 8 + 8)) {
                ring.write(written++, words);
                ++open;
            }
            break;
        case 2: // an annotation
            if (ring.take(words * 8)) ring.write(written++, words);
            else if (fits_before) return "no room where there is some";
            break;
        case 3:
        case 4: // a span ends: that needs no question
            if (open != 0) {
                ring.write_end(written++);
                --open;
            }
            break;
        case 5: // a span ends in another order: twice the size, of which half was promised
            if (open != 0 && ring.take(8, true)) {
                ring.write(written++, 2);
                --open;
            }
            break;
        case 6:
            if (const std::string wrong = reader.read(random() % 100, read); !wrong.empty())
                return wrong;
            if (random() % 2 == 0) reader.release();
            break;
        case 7: random() % 2 == 0 ? ring.close() : ring.open(); break;
        }
        if (ring.promised() != 8 * open) return "the ends were promised something else";
        if (ring.grant_end > ring.tail.load() + capacity) return "a grant over unread records";
        if (ring.grant_end > ring.lap_end) return "a grant beyond the lap";
        if (ring.closed && ring.room != 0) return "room in a closed ring";
        if (open > capacity / 100) // so that other things happen as well
            for (; open != 0; --open) ring.write_end(written++);
    }
    for (; open != 0; --open) ring.write_end(written++);
    if (const std::string wrong = reader.read(UINT64_MAX, read); !wrong.empty()) return wrong;
    if (read != written) return "records are missing";
    if (written < static_cast<std::uint64_t>(steps) / 20) return "hardly anything was written";
    return ring.guards_are_untouched() ? "" : "bytes outside of the ring were written";
}

} // namespace

TEST_CASE("whatever is written to a ring is read, and ends find their place") {
    for (std::uint64_t capacity = 4096; capacity <= 1U << 20U; capacity *= 2)
        for (std::uint32_t seed = 1; seed <= 20; ++seed) {
            INFO("capacity " << capacity << ", seed " << seed);
            REQUIRE(fuzz(capacity, seed, 10'000) == "");
        }
}

TEST_CASE("what one thread writes to a ring another thread reads") {
    for (std::uint64_t capacity = 4096; capacity <= 1U << 16U; capacity *= 4) {
        TestRing ring{capacity};
        constexpr std::uint64_t records = 100'000;
        std::thread writer{[&ring] {
            std::mt19937 random{7};
            for (std::uint64_t n = 0; n < records; ++n) {
                const std::uint64_t words = 2 + random() % (random() % 20 == 0 ? 100 : 10);
                while (!ring.take(words * 8)) std::this_thread::yield();
                ring.write(n, words);
            }
        }};
        Reader reader{ring};
        std::uint64_t read = 0;
        std::string wrong;
        std::mt19937 random{8};
        while (read < records && wrong.empty()) {
            wrong = reader.read(1 + random() % 500, read);
            reader.release();
            if (ring.published() == reader.at()) std::this_thread::yield();
        }
        if (!wrong.empty()) ring.release(ring.published() + capacity * records); // lets it go on
        writer.join();
        CHECK(wrong == "");
        CHECK(read == records);
        CHECK(ring.guards_are_untouched());
    }
}

TEST_CASE("a ring that nobody reads is full before it overwrites anything") {
    TestRing ring{4096};
    std::uint64_t written = 0;
    while (ring.take(24)) ring.write(written++, 3);
    // All but the reserve for ends, and what is too small at the end.
    CHECK(written * 24 > 4096 - ring.reserve() - 2 * 24);
    CHECK(written * 24 <= 4096 - ring.reserve());
    Reader reader{ring};
    std::uint64_t read = 0;
    CHECK(reader.read(UINT64_MAX, read) == "");
    CHECK(read == written);
    CHECK_FALSE(ring.take(24)); // read, but not given back
    reader.release();
    CHECK(ring.take(24));
}

TEST_CASE("the reserve of a full ring is for ends alone") {
    TestRing ring{4096};
    while (ring.take(16)) ring.write(0, 2);
    int ends = 0;
    while (ring.take(16, true)) {
        ring.write(0, 2);
        ++ends;
    }
    CHECK(ends == static_cast<int>(ring.reserve() / 16));
    CHECK(ring.head.load() == ring.tail.load() + 4096);
}

TEST_CASE("what an end takes of the reserve leaves the rest of it to other ends") {
    TestRing ring{4096};
    while (ring.take(16)) ring.write(0, 2);
    for (std::uint64_t ends = 1; ends <= ring.reserve() / 16; ++ends) {
        REQUIRE(ring.take(16, true));
        ring.write(0, 2);
        REQUIRE_FALSE(ring.take(8));
    }
    CHECK_FALSE(ring.take(8, true));
}

TEST_CASE("a refill says when the ring is half full") {
    TestRing ring{4096};
    bool half_full = true;
    CHECK(ring.refill(8, false, half_full));
    CHECK_FALSE(half_full);
    while (ring.head.load() - ring.tail.load() < 2048) {
        REQUIRE(ring.take(16));
        ring.write(0, 2);
    }
    CHECK(ring.refill(8, false, half_full));
    CHECK(half_full);
}

TEST_CASE("a record that no ring of this size can hold finds no room, and does no harm") {
    TestRing ring{4096};
    CHECK_FALSE(ring.take(4097));
    CHECK_FALSE(ring.take(std::uint64_t{1} << 40U));
    CHECK(ring.promised() == 0);
    CHECK(ring.take(3840)); // all but the reserve
    ring.write(0, 480);
}

TEST_CASE("a closed ring has no room to be seen, and the same when it is open again") {
    TestRing ring{4096};
    REQUIRE(ring.take(16));
    const std::uint64_t room = ring.room;
    CHECK(room > 0);
    ring.close();
    ring.close();
    CHECK(ring.room == 0);
    CHECK(ring.free_room() == room);
    REQUIRE(ring.take(8));
    ring.open();
    ring.open();
    CHECK(ring.room == room - 8);
}

TEST_CASE("a position is where the record lies, for writer and reader alike") {
    TestRing ring{4096};
    std::uint64_t laps = 0;
    for (std::uint64_t last = 0; laps < 5;) {
        REQUIRE(ring.take(40));
        const std::uint64_t at = ring.head.load();
        REQUIRE(ring.address(at) == ring.at(at));
        REQUIRE(ring.at(at) == ring.at(at + 4096));
        REQUIRE(at >> 44U == 5);
        ring.write(0, 5);
        ring.release(ring.head.load());
        laps += at / 4096 != last / 4096 ? 1 : 0;
        last = at;
    }
}
