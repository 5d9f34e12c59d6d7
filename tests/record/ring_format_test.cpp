#include <plume/record/ring_format.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "support/catch.hpp"

using plume::detail::canonical;
using plume::detail::Draft;
using plume::detail::Limits;
using plume::detail::make_word;
using plume::detail::padded;
using plume::detail::RecordWriter;
using plume::detail::stored_and_original;
using plume::detail::stored_size;

namespace {

constexpr Limits wide{1 << 20, 1 << 20};

/// The words of a draft of a value that is read once, in room for so many bytes.
template <class T>
std::vector<std::uint64_t> drafted(const T& value, const Limits& limits = wide,
                                   std::size_t room = 1 << 20) {
    constexpr std::uint64_t untouched = 0xEEEE'EEEE'EEEE'EEEE;
    std::vector<std::uint64_t> words(room / 8 + 2, untouched);
    std::uint64_t used = 8;
    Draft draft{reinterpret_cast<char*>(words.data()), used, 8 + room, Draft::least, limits};
    draft.add(canonical(value));
    CHECK(used <= 8 + room);
    CHECK(words.front() == untouched);
    CHECK(words.back() == untouched);
    return {words.begin() + 1, words.begin() + static_cast<std::ptrdiff_t>(used / 8)};
}

/// A range that makes its elements when they are read, and counts how often.
struct Made {
    struct Iterator {
        const Made* made;
        std::size_t at;
        std::string operator*() const {
            ++made->reads;
            return std::string(made->reads, 'x');
        }
        Iterator& operator++() {
            ++at;
            return *this;
        }
        bool operator!=(const Iterator& other) const { return at != other.at; }
    };
    std::size_t says;
    std::size_t has;
    mutable std::size_t reads = 0;

    [[nodiscard]] Iterator begin() const { return {this, 0}; }
    [[nodiscard]] Iterator end() const { return {this, has}; }
    [[nodiscard]] std::size_t size() const { return says; }
};

/// The words that a writer writes for a value, which are as many as were measured, and no byte
/// more.
template <class T>
std::vector<std::uint64_t> written(const T& value, const Limits& limits = wide) {
    const auto stored = canonical(value);
    constexpr std::uint64_t untouched = 0xEEEE'EEEE'EEEE'EEEE;
    if constexpr (!plume::detail::is_settled<decltype(canonical(value))>) {
        return drafted(value, limits);
    } else {
        const std::size_t size = stored_size(stored, limits);
        CHECK(size % 8 == 0);
        std::vector<std::uint64_t> words(size / 8 + 2, untouched);
        RecordWriter writer{reinterpret_cast<char*>(words.data() + 1)};
        writer.value(stored, limits);
        CHECK(writer.at() == reinterpret_cast<char*>(words.data() + 1) + size);
        CHECK(words.front() == untouched);
        CHECK(words.back() == untouched);
        return {words.begin() + 1, words.end() - 1};
    }
}

std::uint64_t bits_of(double value) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, 8);
    return bits;
}

using Words = std::vector<std::uint64_t>;

std::uint64_t word_of(std::string_view text) {
    std::uint64_t word = 0xEEEE'EEEE'EEEE'EEEE; // behind the text is what was there before
    std::memcpy(&word, text.data(), text.size());
    return word;
}

} // namespace

TEST_CASE("a word holds a callsite and the low 44 bits of the ticks") {
    const std::uint64_t word = make_word(0xABCDE, 0xFFF1'2345'6789'ABCD);
    CHECK((word & plume::detail::index_mask) == 0xABCDE);
    CHECK(word >> plume::detail::index_bits == 0x123'4567'89AB'CDULL % (1ULL << 44));
    CHECK((word >> plume::detail::index_bits) ==
          (0xFFF1'2345'6789'ABCD & plume::detail::tick_mask));
}

TEST_CASE("sizes are rounded up to whole words") {
    CHECK(padded(0) == 0);
    CHECK(padded(1) == 8);
    CHECK(padded(8) == 8);
    CHECK(padded(9) == 16);
}

TEST_CASE("numbers take a word each") {
    CHECK(written(true) == Words{1});
    CHECK(written(-1) == Words{UINT64_MAX});
    CHECK(written(std::uint64_t{7}) == Words{7});
    CHECK(written(1.5) == Words{bits_of(1.5)});
}

TEST_CASE("text is its size, stored and original, and its bytes") {
    CHECK(written(std::string_view{}) == Words{0});
    const Words eight = written(std::string_view{"12345678"});
    CHECK(eight.size() == 2);
    CHECK(eight[0] == stored_and_original(8, 8));
    CHECK(std::memcmp(&eight[1], "12345678", 8) == 0);
    CHECK(written(std::string_view{"123456789"}).size() == 3);
}

TEST_CASE("text is cut at the limit, and its original size is kept") {
    const Words cut = written(std::string(100, 'x'), {10, 0});
    CHECK(cut.size() == 3);
    CHECK(cut[0] == stored_and_original(10, 100));
}

TEST_CASE("an original size beyond 32 bits is said to be the largest") {
    CHECK(stored_and_original(10, std::size_t{1} << 40) >> 32 == 0xFFFFFFFF);
    CHECK((stored_and_original(10, std::size_t{1} << 40) & 0xFFFFFFFF) == 10);
}

TEST_CASE("an absent optional takes one word, a present one that and its value") {
    CHECK(written(std::optional<int>{}) == Words{0});
    CHECK(written(std::optional{5}) == Words{1, 5});
    CHECK(written(std::optional{std::string{"12345678"}}).size() == 3);
    CHECK(written(std::optional<std::string>{}) == Words{0});
    CHECK(written(std::optional{std::vector{1, 2}}) == Words{1, stored_and_original(2, 2), 1, 2});
}

TEST_CASE("arrays are their size and their elements") {
    CHECK(written(std::vector<bool>{true, false}) == Words{stored_and_original(2, 2), 1, 0});
    CHECK(written(std::array{1.5}) == Words{stored_and_original(1, 1), bits_of(1.5)});
    CHECK(written(std::vector<int>{}) == Words{0});
    CHECK(written(std::vector<std::string>{"", "a"}).size() == 4);
}

TEST_CASE("arrays are cut at the limit, and their texts at theirs") {
    CHECK(written(std::vector<int>(100, 7), {0, 2}) == Words{stored_and_original(2, 100), 7, 7});
    const Words texts = written(std::vector<std::string>(3, std::string(20, 'x')), {8, 2});
    REQUIRE(texts.size() == 5);
    CHECK(texts[0] == stored_and_original(2, 3));
    CHECK(texts[1] == stored_and_original(8, 20));
}

TEST_CASE("the elements of a range are read once") {
    const Made made{3, 3};
    CHECK(drafted(made) == Words{stored_and_original(3, 3), stored_and_original(1, 1), word_of("x"),
                                 stored_and_original(2, 2), word_of("xx"),
                                 stored_and_original(3, 3), word_of("xxx")});
    CHECK(made.reads == 3);
}

TEST_CASE("of a range no more elements are read than are wanted") {
    const Made made{100, 100};
    drafted(made, {8, 2});
    CHECK(made.reads == 2);
}

TEST_CASE("a range with fewer elements than it says has those that it has") {
    const Made made{5, 2};
    CHECK(drafted(made)[0] == stored_and_original(2, 2));
    CHECK(made.reads == 2);
}

TEST_CASE("a range with more elements than it says has those that it says") {
    const Made made{2, 5};
    CHECK(drafted(made)[0] == stored_and_original(2, 2));
    CHECK(made.reads == 2);
}

TEST_CASE("a draft has no more than there is room for, and says what was cut") {
    for (std::size_t room = 16; room <= 160; room += 8) {
        const Made made{6, 6};
        const Words words = drafted(made, wide, room);
        CHECK(words.size() * 8 <= room);
        CHECK(words[0] >> 32U == 6);
        drafted(std::optional{std::string(100, 'y')}, wide, room);
        drafted(std::vector<int>(100, 7), wide, room);
    }
}

TEST_CASE("numbers in memory are those that were there when the attribute was made") {
    std::vector<int> numbers{1, 2};
    const auto stored = canonical(numbers);
    numbers.reserve(numbers.capacity());
    CHECK(stored.count == 2);
    CHECK(stored.data == numbers.data());
    CHECK(plume::detail::is_settled<decltype(canonical(numbers))>);
    CHECK_FALSE(plume::detail::is_settled<decltype(canonical(std::vector<bool>{}))>);
    CHECK_FALSE(plume::detail::is_settled<decltype(canonical(std::vector<std::string>{}))>);
}

TEST_CASE("a limit of nothing leaves the sizes") {
    CHECK(written(std::string{"text"}, {0, 0}) == Words{stored_and_original(0, 4)});
    CHECK(written(std::vector{1, 2}, {0, 0}) == Words{stored_and_original(0, 2)});
}

TEST_CASE("whatever is written is as long as it was measured") {
    std::mt19937 random{1};
    for (int i = 0; i < 2'000; ++i) {
        const Limits limits{static_cast<std::uint32_t>(random() % 40),
                            static_cast<std::uint32_t>(random() % 6)};
        std::vector<std::string> texts;
        for (std::size_t n = random() % 8; n > 0; --n) texts.emplace_back(random() % 50, 'x');
        written(texts, limits);
        written(std::optional{texts}, limits);
        written(std::string(random() % 100, 'y'), limits);
    }
}
