#include <plume/redact.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <unistd.h>

#include <plume/exporters/jaeger.hpp>
#include <plume/exporters/jsonl.hpp>
#include <plume/exporters/otlp.hpp>
#include <plume/fields.hpp>

#include "support/catch.hpp"
#include "support/http_server.hpp"
#include "support/recorded.hpp"

using namespace std::chrono_literals;
using namespace plume::literals;
using plume::hashed;
using plume::masked;
using plume::Secret;
using plume::secret;
using plume::otlp_test::HttpServer;
using plume::otlp_test::reply;
using plume::test::recorded;

namespace shop {

struct Customer {
    int id;
    std::string email;
    Secret<std::string> password;
    std::optional<Secret<std::string>> pin;
};
PLUME_REDACT(Customer, email);

} // namespace shop

namespace {

/// What becomes of a value of which there is only text.
std::string through(const plume::Options& options, const std::function<void()>& record) {
    return std::get<std::string>(*recorded(options, record).spans.at(0).attribute("k"));
}
template <class T>
std::string hash_through(std::string_view key, const T& value) {
    plume::Options options;
    options.hash_key = key;
    return through(options, [&] { PLUME_SPAN("span", "k"_a = hashed(value)); });
}

/// Text that occurs nowhere by chance.
std::string needle(std::mt19937_64& random) {
    std::string text = "needle";
    for (int i = 0; i < 24; ++i) text += "abcdefghijklmnopqrstuvwxyz"[random() % 26];
    return text;
}

std::string contents(const std::filesystem::path& path) {
    std::ifstream file{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
}

/// What a function leaves behind: in the ring, and with every exporter.
struct Traces {
    std::string ring;
    std::string memory;
    std::string jsonl;
    std::string jaeger;
    std::string otlp;

    [[nodiscard]] std::vector<std::pair<const char*, const std::string*>> all() const {
        return {{"ring", &ring},
                {"memory", &memory},
                {"jsonl", &jsonl},
                {"jaeger", &jaeger},
                {"otlp", &otlp}};
    }
};

std::string bodies(const HttpServer& server) {
    std::string all;
    for (const auto& request : server.requests()) all += request.body;
    return all;
}

Traces traces_of(const std::function<void()>& record) {
    Traces left;
    HttpServer jaeger{{reply(202)}};
    HttpServer otlp{{reply(200)}};
    const auto file = std::filesystem::temp_directory_path() /
                      ("plume-redact-" + std::to_string(getpid()) + ".jsonl");
    plume::MemoryExporter memory;
    plume::JaegerOptions to_jaeger;
    to_jaeger.endpoint = jaeger.url() + "/api/traces";
    plume::OtlpOptions to_otlp;
    to_otlp.endpoint = otlp.url();
    plume::JsonlOptions to_file;
    to_file.path = file.string();
    {
        plume::Session session{{.service_name = "test"},
                               memory,
                               plume::JaegerExporter{to_jaeger},
                               plume::OtlpExporter{to_otlp},
                               plume::JsonlExporter{to_file}};
        record();
        REQUIRE(session.flush(60s).complete);
        const plume::detail::Lane& lane = *plume::detail::own_lane();
        left.ring.assign(lane.memory, lane.capacity);
    }
    left.memory = tree_of(memory.spans(), {.attributes = true});
    for (const auto& span : memory.spans())
        for (const auto& event : span.events)
            for (const auto& [key, value] : event.attributes)
                if (const auto* const text = std::get_if<std::string>(&value)) left.memory += *text;
    left.jaeger = bodies(jaeger);
    left.otlp = bodies(otlp);
    left.jsonl = contents(file);
    std::filesystem::remove(file);
    return left;
}

} // namespace

TEST_CASE("nothing of a secret is recorded, whatever its type") {
    const auto seen = recorded([] {
        PLUME_SPAN("span", "text"_a = secret("a password"), "number"_a = secret(1234),
                   "list"_a = secret(std::vector{1, 2}), "other"_a = secret(std::monostate{}));
    });
    for (const char* const key : {"text", "number", "list", "other"})
        CHECK(std::get<std::string>(*seen["span"].attribute(key)) == "REDACTED");
}

TEST_CASE("a member type that is secret is REDACTED as an attribute too") {
    const Secret<int> pin{1234};
    CHECK(through({}, [&] { PLUME_SPAN("span", "k"_a = pin); }) == "REDACTED");
    CHECK(pin.reveal() == 1234);
}

TEST_CASE("a secret is used like its value on request") {
    Secret<std::string> password{"one"};
    password.reveal() += " two";
    CHECK(password == Secret<std::string>{"one two"});
    CHECK_FALSE(password == Secret<std::string>{});
    password = {"three"};
    CHECK(std::as_const(password).reveal() == "three");
    STATIC_REQUIRE_FALSE(std::is_convertible_v<Secret<std::string>, std::string>);
    STATIC_REQUIRE_FALSE(std::is_convertible_v<Secret<std::string>, std::string_view>);
}

TEST_CASE("a masked text or integer keeps its last four characters") {
    const auto mask = [](const auto& value) {
        return through({}, [&] { PLUME_SPAN("span", "k"_a = masked(value)); });
    };
    CHECK(mask("4111111111111234") == "****1234");
    CHECK(mask(std::string{"Grüße aus Köln"}) == "****Köln");
    CHECK(mask(4111111111111234) == "****1234");
    CHECK(mask(-12345678) == "****5678");
    CHECK(mask(std::numeric_limits<std::uint64_t>::max()) == "****1615");
    CHECK(mask(std::numeric_limits<std::int64_t>::min()) == "****5808");
    CHECK(mask("1234567") == "****");
    CHECK(mask('x') == "****");
    CHECK(mask("") == "****");
    CHECK(mask(static_cast<const char*>(nullptr)) == "****");
}

TEST_CASE("a hash is the SipHash of the value under the session's key, in every process") {
    const std::string hash = hash_through("a key of the team", "bob@example.org");
    std::string expected(plume::detail::hash_size, '\0');
    plume::detail::write_hash(expected.data(), "bob@example.org",
                              plume::detail::hash_key_of("a key of the team"));
    CHECK(hash == expected);
    CHECK(hash_through("a key of the team", std::string{"bob@example.org"}) == hash);
    CHECK(hash_through("another key", "bob@example.org") != hash);
    CHECK(hash_through("a key of the team", "bob@example.com") != hash);
}

TEST_CASE("a number has the hash of its digits") {
    CHECK(hash_through("key", 42) == hash_through("key", "42"));
    CHECK(hash_through("key", std::uint64_t{42}) == hash_through("key", 42));
    CHECK(hash_through("key", -7) == hash_through("key", "-7"));
    CHECK(hash_through("key", 'x') == hash_through("key", "x"));
}

TEST_CASE("without a key hashes are comparable within the process, and with nothing else") {
    const std::string random = hash_through("", "value");
    CHECK(hash_through("", "value") == random);
    CHECK(hash_through("", "other") != random);

    std::string of_no_key(plume::detail::hash_size, '\0');
    plume::detail::write_hash(of_no_key.data(), "value", {0, 0});
    CHECK(random != of_no_key);
    plume::detail::write_hash(of_no_key.data(), "value", plume::detail::hash_key_of(""));
    CHECK(random != of_no_key);

    CHECK(hash_through("key", "value") != random);
    CHECK(hash_through("", "value") != hash_through("key", "value")); // the key is not kept
}

TEST_CASE("what was a secret is in no byte of the ring, nor of what any exporter sends") {
    std::mt19937_64 random{20240611}; // any seed: what fails once, fails again
    for (int round = 0; round < 3; ++round) {
        const std::string hidden = needle(random);
        const std::string shown = "shown-" + std::to_string(round) + "-0123456789";
        const std::uint64_t number = random() | std::uint64_t{1} << 63U;
        const std::string digits = std::to_string(number);
        const shop::Customer customer{7, hidden, {hidden}, {{hidden}}};

        const Traces left = traces_of([&] {
            const auto door = [&](auto&& record) {
                record("shown"_a = shown, "secret"_a = secret(hidden), "hashed"_a = hashed(hidden),
                       "masked"_a = masked(hidden), "number"_a = hashed(number),
                       "masked.number"_a = masked(number), "customer"_a = plume::fields(customer),
                       "password"_a = customer.password);
            };
            door([](const auto&... all) {
                const plume::Span span{"span"_name, all...};
                span.set(all...);
                span.event("event"_name, all...);
                span.link(span.context(), all...);
                plume::set(all...);
                const plume::AsyncSpan async{"async"_name, all...};
            });
            PLUME_SPAN("macro", "shown"_a = shown, "secret"_a = secret(hidden),
                       "customer"_a = plume::fields(customer));
            PLUME_EVENT("event", "masked"_a = masked(hidden), "hashed"_a = hashed(hidden));
        });
        for (const auto& [where, bytes] : left.all()) {
            INFO(where);
            CHECK(bytes->find(shown) != std::string::npos); // so the search would find the secret
            CHECK(bytes->find("REDACTED") != std::string::npos);
            CHECK(bytes->find("****" + hidden.substr(hidden.size() - 4)) != std::string::npos);
            // One character more than a mask shows is too much.
            CHECK(bytes->find(hidden.substr(hidden.size() - 5)) == std::string::npos);
            CHECK(bytes->find(hidden.substr(0, 12)) == std::string::npos);
            CHECK(bytes->find(digits.substr(0, 12)) == std::string::npos);
            std::string binary(sizeof number, '\0');
            for (std::size_t i = 0; i < sizeof number; ++i)
                binary[i] = static_cast<char>(number >> (8 * i));
            CHECK(bytes->find(binary) == std::string::npos);
        }
    }
}
