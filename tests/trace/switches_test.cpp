#include <plume/callsites.hpp>

#include <algorithm>
#include <atomic>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "support/catch.hpp"
#include "support/recorded.hpp"

using plume::CallsiteInfo;
using plume::callsites;
using plume::test::recorded;

namespace {

void never_called() { PLUME_SPAN("callsites.never", plume::client, "answer"_a = 42); }

void cache_read() { PLUME_SPAN("callsites.cache.read"); }
void cache_write() { PLUME_SPAN("callsites.cache.write"); }

const CallsiteInfo* find(const std::vector<CallsiteInfo>& list, std::string_view name) {
    const auto found = std::ranges::find(list, name, &CallsiteInfo::name);
    return found != list.end() ? &*found : nullptr;
}

/// Everything on at the end of the scope, whatever a test has switched.
struct AllOnAgain {
    AllOnAgain() = default;
    AllOnAgain(const AllOnAgain&) = delete;
    AllOnAgain& operator=(const AllOnAgain&) = delete;
    ~AllOnAgain() {
        plume::enable("*");
        plume::set_level(PLUME_LEVEL_TRACE);
    }
};

} // namespace

TEST_CASE("lines that never ran are listed, with what is known of them") {
    if (false) never_called();
    const std::vector<CallsiteInfo> list = callsites();
    const CallsiteInfo* line = find(list, "callsites.never");
    REQUIRE(line);
    CHECK(line->file.ends_with("switches_test.cpp"));
    CHECK(line->function.ends_with("never_called"));
    CHECK(line->line > 10);
    CHECK(line->what == "span");
    CHECK(line->kind == plume::SpanKind::client);
    CHECK(line->level == PLUME_LEVEL_SPAN);
    CHECK(line->keys == std::vector<std::string>{"answer"});
    CHECK(line->enabled);
}

TEST_CASE("a pattern switches lines off and on while a session runs") {
    const AllOnAgain at_the_end;
    const auto seen = recorded([] {
        PLUME_SPAN("work");
        cache_read();
        CHECK(plume::disable("callsites.cache.*") == 2);
        cache_read();
        cache_write();
        CHECK(plume::enable("callsites.cache.write") == 1);
        cache_read();
        cache_write();
    });
    CHECK(seen.tree() == "work\n  callsites.cache.read\n  callsites.cache.write\n");
}

TEST_CASE("what is switched off stays so in the next session, and is listed as off") {
    const AllOnAgain at_the_end;
    plume::disable("callsites.cache.?ead");
    const auto seen = recorded([] {
        cache_read();
        cache_write();
    });
    CHECK(seen.tree() == "callsites.cache.write\n");
    const std::vector<CallsiteInfo> list = callsites();
    CHECK_FALSE(find(list, "callsites.cache.read")->enabled);
    CHECK(find(list, "callsites.cache.write")->enabled);
}

TEST_CASE("a span that has begun ends though its line is switched off meanwhile") {
    const AllOnAgain at_the_end;
    const auto seen = recorded([] {
        PLUME_SPAN("callsites.outer");
        plume::disable("callsites.outer");
    });
    CHECK(seen.spans.size() == 1);
    CHECK(seen.stats.open == 0);
}

TEST_CASE("events are switched like spans") {
    const AllOnAgain at_the_end;
    const auto seen = recorded([] {
        PLUME_SPAN("work");
        PLUME_EVENT("callsites.event");
        plume::disable("callsites.event");
        PLUME_EVENT("callsites.event");
    });
    CHECK(seen["work"].events.size() == 1);
}

TEST_CASE("finer levels can be switched off at run time") {
    const AllOnAgain at_the_end;
    plume::set_level(0);
    CHECK(recorded([] { cache_read(); }).spans.empty());
    plume::set_level(PLUME_LEVEL_SPAN);
    CHECK(recorded([] { cache_read(); }).spans.size() == 1);
}

TEST_CASE("switches may be set while threads record") {
    const AllOnAgain at_the_end;
    std::atomic<bool> stop{false};
    recorded([&stop] {
        std::thread worker{[&stop] {
            for (int i = 0; i < 20'000 && !stop; ++i) cache_read(); // a queue holds them all
        }};
        for (int i = 0; i < 100; ++i) {
            plume::disable("callsites.*");
            plume::enable("callsites.*");
        }
        stop = true;
        worker.join();
    });
}

TEST_CASE("globs match as they do in a shell") {
    using plume::detail::matches_glob;
    CHECK(matches_glob("", "anything"));
    CHECK(matches_glob("*", ""));
    CHECK(matches_glob("cache.*", "cache.read"));
    CHECK_FALSE(matches_glob("cache.*", "cache"));
    CHECK(matches_glob("*.read", "cache.read"));
    CHECK(matches_glob("c*e.*d", "cache.read"));
    CHECK(matches_glob("ca?he*", "cache"));
    CHECK_FALSE(matches_glob("ca?he", "cahe"));
    CHECK_FALSE(matches_glob("a*b*c", "a b b"));
    CHECK(matches_glob("*a*a*a*", "banana"));
    CHECK_FALSE(matches_glob("a", ""));
}
