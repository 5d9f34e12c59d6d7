#include <plume/instrument/asio.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <memory_resource>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>

#include <plume/instrument/coroutine.hpp>

#include "support/catch.hpp"
#include "support/recorded.hpp"

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using namespace plume::literals;
using plume::bind_context;
using plume::CoroutineSpan;
using plume::current_context;
using plume::SpanContext;
using plume::test::recorded;

namespace {

constexpr SpanContext remote{{1, 2}, {3}, plume::trace_flags::sampled, true, {}, {}};
const auto soon = std::chrono::milliseconds{1};

/// Runs all that is to be done, on two threads; after each handler the thread must be clean.
void run(asio::io_context& io) {
    const auto work = [&io] {
        while (io.run_one() != 0) {
            PLUME_SPAN("unrelated");
        }
    };
    std::thread other{work};
    work();
    other.join();
}

struct Seen {
    std::string tree;
    std::size_t adopted = 0; ///< spans that should have no parent
    std::string scope_reports;
};
Seen of_handlers(const std::function<void()>& f) {
    const auto seen = recorded(f);
    Seen result;
    std::vector<plume::RecordedSpan> ours;
    for (const auto& span : seen.spans)
        if (span.name != "unrelated") ours.push_back(span);
        else if (span.parent_span_id.valid()) ++result.adopted;
    result.tree = plume::tree_of(ours);
    result.scope_reports = seen.scope_reports;
    return result;
}

/// A pair of connected sockets on the loopback interface.
std::pair<tcp::socket, tcp::socket> connected(asio::io_context& io) {
    tcp::acceptor acceptor{io, {asio::ip::address_v4::loopback(), 0}};
    tcp::socket client{io};
    client.connect(acceptor.local_endpoint());
    return {std::move(client), acceptor.accept()};
}

asio::awaitable<std::size_t> echo(tcp::socket& socket, std::string& buffer) {
    const CoroutineSpan span{PLUME_CALLSITE("echo")};
    buffer.resize(5);
    const std::size_t size =
        co_await asio::async_read(socket, asio::buffer(buffer), bind_context(asio::use_awaitable));
    { PLUME_SPAN("read"); }
    co_await asio::async_write(socket, asio::buffer(buffer), bind_context(asio::use_awaitable));
    PLUME_SPAN("written");
    co_return size;
}

asio::awaitable<void> serve(tcp::socket socket) {
    const CoroutineSpan span{PLUME_CALLSITE("serve")};
    std::string buffer;
    for (int i = 0; i < 2; ++i) co_await echo(socket, buffer);
    PLUME_SPAN("served");
}

asio::awaitable<void> ask(tcp::socket socket) {
    const CoroutineSpan span{PLUME_CALLSITE("ask")};
    asio::steady_timer timer{co_await asio::this_coro::executor, soon};
    for (int i = 0; i < 2; ++i) {
        co_await timer.async_wait(bind_context(asio::use_awaitable));
        std::string text = "hello";
        co_await asio::async_write(socket, asio::buffer(text), bind_context(asio::use_awaitable));
        std::string answer(5, ' ');
        co_await asio::async_read(socket, asio::buffer(answer), bind_context(asio::use_awaitable));
        CHECK(answer == text);
        PLUME_SPAN("answered");
    }
}

} // namespace

TEST_CASE("handlers of timers, posts and sockets run in the context in which they were bound") {
    const Seen seen = of_handlers([] {
        asio::io_context io{2};
        asio::steady_timer timer{io, soon};
        auto [client, server] = connected(io);
        std::array<char, 5> buffer{};
        {
            PLUME_SPAN("caller");
            timer.async_wait(bind_context([](error_code) { PLUME_SPAN("timer"); }));
            asio::post(io, bind_context([] { PLUME_SPAN("post"); }));
            asio::dispatch(io, bind_context([] { PLUME_SPAN("dispatch"); }));
            asio::async_read(server, asio::buffer(buffer),
                             bind_context([](error_code, std::size_t size) {
                                 PLUME_SPAN("read", "size"_a = size);
                             }));
            asio::async_write(
                client, asio::buffer("hello", 5),
                bind_context([kept = std::make_unique<int>(5)](error_code, std::size_t size) {
                    CHECK(size == static_cast<std::size_t>(*kept));
                    PLUME_SPAN("write");
                }));
        }
        run(io);
    });
    for (const char* name : {"timer", "post", "dispatch", "read", "write"})
        CHECK(seen.tree.find("\n  " + std::string{name}) != std::string::npos);
    CHECK(seen.adopted == 0);
    CHECK(seen.scope_reports.empty());
}

TEST_CASE("a bound handler keeps its executor, allocator and cancellation slot") {
    asio::io_context io;
    const auto strand = asio::make_strand(io);
    asio::cancellation_signal signal;
    const std::pmr::polymorphic_allocator<char> allocator{std::pmr::new_delete_resource()};
    const auto handler = bind_context(asio::bind_executor(
        strand, asio::bind_allocator(
                    allocator, asio::bind_cancellation_slot(signal.slot(), [](error_code) {}))));
    static_assert(
        std::is_same_v<asio::associated_executor_t<std::remove_const_t<decltype(handler)>>,
                       asio::strand<asio::io_context::executor_type>>);
    CHECK(asio::get_associated_executor(handler, io.get_executor()) == strand);
    CHECK(asio::get_associated_allocator(handler) == allocator);
    CHECK(asio::get_associated_cancellation_slot(handler) == signal.slot());

    const auto plain = bind_context([](error_code) {});
    CHECK(asio::get_associated_executor(plain, io.get_executor()) == io.get_executor());
}

TEST_CASE("a bound handler can be cancelled") {
    asio::io_context io;
    asio::cancellation_signal signal;
    asio::steady_timer timer{io, std::chrono::hours{1}};
    error_code result;
    timer.async_wait(bind_context(
        asio::bind_cancellation_slot(signal.slot(), [&](error_code error) { result = error; })));
    signal.emit(asio::cancellation_type::all);
    io.run();
    CHECK(result == asio::error::operation_aborted);
}

TEST_CASE("handlers on a strand run one at a time, each in its own context") {
    constexpr int requests = 100;
    int running = 0;
    int most = 0;
    const auto seen = recorded([&] {
        asio::io_context io{2};
        const auto strand = asio::make_strand(io);
        for (int i = 0; i < requests; ++i) {
            PLUME_SPAN("request", "id"_a = i);
            const auto task = [&, i] {
                most = std::max(most, ++running);
                PLUME_SPAN("task", "id"_a = i);
                --running;
            };
            if (i % 2 == 0) asio::post(strand, bind_context(task));
            else if (i % 4 == 1) asio::post(io, bind_context(asio::bind_executor(strand, task)));
            else asio::post(io, asio::bind_executor(strand, bind_context(task)));
        }
        run(io);
    });
    CHECK(most == 1);
    CHECK(seen.scope_reports.empty());
    std::size_t right = 0;
    for (const auto& span : seen.spans) {
        if (span.name != "task") continue;
        const auto parent =
            std::ranges::find(seen.spans, span.parent_span_id, &plume::RecordedSpan::span_id);
        if (parent != seen.spans.end() && parent->name == "request" &&
            parent->text("id") == span.text("id"))
            ++right;
    }
    CHECK(right == requests);
}

TEST_CASE("coroutines over real sockets keep their context from operation to operation") {
    const Seen seen = of_handlers([] {
        asio::io_context io{2};
        auto [client, server] = connected(io);
        {
            PLUME_SPAN("caller");
            asio::co_spawn(io, bind_context(ask(std::move(client))), asio::detached);
        }
        asio::co_spawn(io, bind_context(remote, serve(std::move(server))), asio::detached);
        run(io);
    });
    CHECK(seen.tree == "caller\n"
                       "  ask\n"
                       "    answered\n"
                       "    answered\n"
                       "serve\n"
                       "  echo\n"
                       "    read\n"
                       "    written\n"
                       "  echo\n"
                       "    read\n"
                       "    written\n"
                       "  served\n");
    CHECK(seen.adopted == 0);
    CHECK(seen.scope_reports.empty());
}

TEST_CASE("coroutines side by side on one executor do not get into each other's context") {
    using namespace asio::experimental::awaitable_operators;
    const auto branch = [](int n) -> asio::awaitable<void> {
        const CoroutineSpan span{PLUME_CALLSITE("branch"), "n"_a = n};
        asio::steady_timer timer{co_await asio::this_coro::executor};
        for (int i = 0; i < 20; ++i) {
            timer.expires_after(std::chrono::microseconds{50});
            co_await timer.async_wait(bind_context(asio::use_awaitable));
            PLUME_SPAN("step", "n"_a = n);
        }
    };
    const auto both = [branch]() -> asio::awaitable<void> {
        const CoroutineSpan span{PLUME_CALLSITE("both")};
        // The operators await by their own tokens, so what comes next finds its context by itself.
        const SpanContext context = span.context();
        co_await (bind_context(branch(1)) && bind_context(branch(2)));
        co_await asio::dispatch(bind_context(context, asio::use_awaitable));
        PLUME_SPAN("after");
    };
    const auto seen = recorded([&] {
        asio::io_context io{2};
        asio::co_spawn(io, bind_context(both()), asio::detached);
        run(io);
    });
    CHECK(seen.scope_reports.empty());
    std::size_t right = 0;
    for (const auto& span : seen.spans) {
        if (span.name != "step") continue;
        const auto parent =
            std::ranges::find(seen.spans, span.parent_span_id, &plume::RecordedSpan::span_id);
        if (parent != seen.spans.end() && parent->name == "branch" &&
            parent->text("n") == span.text("n") && parent->parent_span_id == seen["both"].span_id)
            ++right;
    }
    CHECK(right == 40);
    CHECK(seen["after"].parent_span_id == seen["both"].span_id);
}

TEST_CASE("an operation that fails throws out of co_await, in context") {
    const Seen seen = of_handlers([] {
        asio::io_context io{2};
        auto [client, server] = connected(io);
        client.close();
        const auto reads = [](tcp::socket socket) -> asio::awaitable<void> {
            const CoroutineSpan span{PLUME_CALLSITE("reads")};
            std::array<char, 5> buffer{};
            co_await asio::async_read(socket, asio::buffer(buffer),
                                      bind_context(asio::use_awaitable));
        };
        asio::co_spawn(io, bind_context(remote, reads(std::move(server))),
                       [](const std::exception_ptr& thrown) { CHECK(thrown); });
        run(io);
    });
    CHECK(seen.tree == "reads !\n");
    CHECK(seen.adopted == 0);
}

TEST_CASE("coroutines that an io_context destroys in the middle end their spans") {
    const auto seen = recorded([] {
        asio::io_context io;
        const auto waits = []() -> asio::awaitable<void> {
            const CoroutineSpan span{PLUME_CALLSITE("waits")};
            asio::steady_timer timer{co_await asio::this_coro::executor, std::chrono::hours{1}};
            co_await timer.async_wait(bind_context(asio::use_awaitable));
        };
        asio::co_spawn(io, bind_context(remote, waits()), asio::detached);
        io.poll();
    });
    CHECK(seen.tree() == "waits\n");
    CHECK(seen.stats.open == 0);
    CHECK(seen.scope_reports.empty());
}

TEST_CASE("other completion tokens may be bound, and give what they give") {
    const auto seen = recorded([] {
        asio::io_context io;
        asio::steady_timer timer{io, soon};
        auto future = timer.async_wait(bind_context(asio::use_future([](error_code error) {
            PLUME_SPAN("future");
            return error ? 1 : 2;
        })));
        const auto token = bind_context(remote, asio::use_future);
        auto second = asio::post(io, token);
        io.run();
        CHECK(future.get() == 2);
        second.get();
        io.restart();
        auto later = [&] {
            PLUME_SPAN("caller");
            return asio::post(io, bind_context(asio::deferred));
        }();
        std::move(later)([] { PLUME_SPAN("deferred"); });
        io.run();
    });
    CHECK(seen["deferred"].parent_span_id == seen["caller"].span_id);
    CHECK_FALSE(seen["future"].parent_span_id.valid());
}
