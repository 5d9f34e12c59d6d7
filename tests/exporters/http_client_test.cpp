#include <plume/exporters/detail/http_client.hpp>

#include <chrono>
#include <csignal>
#include <initializer_list>
#include <string>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/catch.hpp"
#include "support/http_server.hpp"

using namespace std::chrono_literals;
using namespace plume::detail;
using plume::otlp_test::HttpServer;
using plume::otlp_test::Reply;
using plume::otlp_test::reply;
using Clock = std::chrono::steady_clock;

TEST_CASE("a response has its status, its body and Retry-After") {
    const HttpServer server{{reply(200, "hello", "Retry-After: 7")}};
    HttpClient client{{.url = server.url() + "/path", .headers = {"X-Mine: 1"}}};
    const HttpResponse response = client.post("a body", CancelFlag{});
    CHECK(response.ok());
    CHECK(response.status == 200);
    CHECK(response.body == "hello");
    CHECK(response.retry_after == 7s);
    CHECK(response.error.empty());
    const auto request = server.requests().at(0);
    CHECK(request.head.starts_with("POST /path HTTP/1.1\r\n"));
    CHECK(request.has_line("X-Mine: 1"));
    CHECK(request.has_line("User-Agent: plume"));
    CHECK(request.body == "a body");
}

TEST_CASE("what is there can be asked for, over the same connection") {
    const HttpServer server{{reply(200), reply(200, "hello"), reply(204)}};
    HttpClient client{{.url = server.url() + "/path", .longest_body = 4}};
    CHECK(client.post("a body", CancelFlag{}).ok());
    const HttpResponse response = client.get(CancelFlag{});
    CHECK(response.body == "hell");
    CHECK(response.cut);
    CHECK_FALSE(client.post("another", CancelFlag{}).cut);
    const auto requests = server.requests();
    CHECK(requests.at(1).head.starts_with("GET /path HTTP/1.1\r\n"));
    CHECK(requests.at(1).body.empty());
    CHECK(requests.at(2).head.starts_with("POST /path HTTP/1.1\r\n"));
    CHECK(requests.at(2).body == "another");
    CHECK(server.connections() == 1);
}

TEST_CASE("a response that has no end is left at its limit, and its status counts") {
    const std::string start = "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n";
    std::string chunks = start;
    for (int i = 0; i != 40; ++i) chunks += "8000\r\n" + std::string(0x8000, 'x') + "\r\n";
    std::string headers = "HTTP/1.1 200 X\r\n";
    for (int i = 0; i != 40; ++i) headers += "X-A: " + std::string(8000, 'y') + "\r\n";
    for (const std::string& bytes : {chunks, headers}) {
        const HttpServer server{{{bytes, false, true}}}; // and then nothing, without closing
        HttpClient client{{.url = server.url(), .timeout = 60s}};
        for (int i = 0; i != 2; ++i) {
            const HttpResponse response = client.post("", CancelFlag{});
            CHECK(response.status == 200);
            CHECK(response.cut);
            CHECK(response.body.size() <= 64 * 1024);
        }
        CHECK(server.connections() == 2);
    }
}

TEST_CASE("a request that is cut short while it connects leaves nothing behind") {
    // Nobody accepts, and the queue of one is full: what connects waits.
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(::bind(listener, generic, size) == 0);
    REQUIRE(::listen(listener, 0) == 0);
    REQUIRE(::getsockname(listener, generic, &size) == 0);
    const int waiting = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(::connect(waiting, generic, size) == 0);

    HttpClient client{{.url = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port))}};
    for (int i = 0; i != 3; ++i) {
        CancelFlag cancel;
        std::thread canceller{[&cancel] {
            std::this_thread::sleep_for(30ms);
            cancel.request();
        }};
        CHECK(client.get(cancel).cancelled); // LeakSanitizer counts what is left of it
        canceller.join();
    }
    ::close(waiting);
    ::close(listener);
}

TEST_CASE("a response that breaks off behind its status has that status") {
    const std::string head = "HTTP/1.1 503 X\r\nContent-Length: 100\r\n";
    for (const std::string& bytes : {head, head + "\r\n", head + "\r\nhalf"}) {
        const HttpServer server{{{bytes, true, false}}};
        const HttpResponse response =
            HttpClient{{.url = server.url(), .timeout = 60s}}.get(CancelFlag{});
        CHECK(response.status == 503);
        CHECK(response.cut);
        CHECK_FALSE(response.ok());
    }
}

TEST_CASE("interim responses are no status, and do not go on for ever") {
    std::string flood;
    for (int i = 0; i != 4000; ++i) flood += "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n";
    const HttpServer server{{{flood, false, true}}};
    HttpClient client{{.url = server.url(), .timeout = 60s}};
    const HttpResponse response = client.post("", CancelFlag{});
    CHECK(response.status == 0);
    CHECK_FALSE(response.error.empty());
}

TEST_CASE("a header, a URL or a user with a control character is not sent, nor shown") {
    using namespace std::string_literals;
    const HttpServer server{{reply(200)}};
    for (const std::string& end : {"\r\nX-Two: b"s, "\n"s, "\r"s, "\0"s, "\x7f"s, "\x1b[31m"s}) {
        const std::string secret = "s3cret" + end;
        for (const HttpOptions& options : std::initializer_list<HttpOptions>{
                 {.url = server.url(), .headers = {"X-One: " + secret}},
                 {.url = server.url(), .headers = {secret}},
                 {.url = server.url() + "/?" + secret},
                 {.url = server.url(), .user = secret},
                 {.url = server.url(), .user = "u", .password = secret},
                 {.url = server.url(), .user_agent = secret}}) {
            HttpClient client{options};
            const HttpResponse response = client.post("", CancelFlag{});
            CHECK(response.status == 0);
            CHECK(response.refused);
            CHECK(response.error == client.fault());
            CHECK_FALSE(response.error.empty());
            CHECK(response.error.find("s3cret") == std::string::npos);
        }
    }
    CHECK(server.requests().empty());
}

TEST_CASE("Retry-After may be a date, and one that has passed is none") {
    const auto retry_after = [](const std::string& value) {
        const HttpServer server{{reply(503, "", "Retry-After: " + value)}};
        HttpClient client{{.url = server.url()}};
        return client.post("", CancelFlag{}).retry_after;
    };
    CHECK(retry_after("Fri, 01 Jan 2100 00:00:00 GMT") > 24h);
    CHECK(retry_after("Fri, 31 Dec 1999 23:59:59 GMT") == 0s);
    CHECK(retry_after("soon") == 0s);
}

TEST_CASE("a large body goes at once, without asking for leave to continue") {
    const HttpServer server{{reply(200)}};
    HttpClient client{{.url = server.url()}};
    const std::string body(3'000'000, 'b');
    const auto before = Clock::now();
    CHECK(client.post(body, CancelFlag{}).ok());
    CHECK(Clock::now() - before < 900ms); // libcurl would wait a second for 100 Continue
    CHECK(server.requests().at(0).body == body);
}

TEST_CASE("of a long response, the beginning is kept") {
    const HttpServer server{{reply(200, std::string(300'000, 'r'))}};
    HttpClient client{{.url = server.url()}};
    const HttpResponse response = client.post("", CancelFlag{});
    CHECK(response.ok());
    CHECK(response.body == std::string(64 * 1024, 'r'));
}

TEST_CASE("the connection is kept, also by a client that moves") {
    const HttpServer server{{reply(200)}};
    HttpClient first{{.url = server.url()}};
    CHECK(first.post("1", CancelFlag{}).ok());
    HttpClient second{std::move(first)};
    CHECK(second.post("2", CancelFlag{}).ok());
    CHECK(server.connections() == 1);
}

TEST_CASE("a connection that the server closed meanwhile is replaced at once") {
    Reply last = reply(200);
    last.close = true; // without a word of it in the headers
    const HttpServer server{{last, reply(200)}};
    HttpClient client{{.url = server.url()}};
    CHECK(client.post("1", CancelFlag{}).ok());
    CHECK(client.post("2", CancelFlag{}).ok());
    CHECK(server.connections() == 2);
}

TEST_CASE("a cancelled request ends soon, and says so") {
    const HttpServer server{{{"", false, true}}};
    HttpClient client{{.url = server.url()}};
    CancelFlag cancel;
    std::thread canceller{[&] {
        while (server.requests().empty()) std::this_thread::yield();
        cancel.request();
    }};
    const auto before = Clock::now();
    const HttpResponse response = client.post("", cancel);
    CHECK(Clock::now() - before < 1s); // and the time-out is ten
    canceller.join();
    CHECK(response.cancelled);
    CHECK(response.status == 0);
    cancel.reset();
    CHECK_FALSE(cancel.requested());
}

TEST_CASE("errors are told in the same words each time, without credentials") {
    const std::string url = HttpServer{{reply(200)}}.url();
    HttpClient client{{.url = "http://me:secret@" + url.substr(7) + "/a?key=secret#x"}};
    for (int i = 0; i != 2; ++i)
        CHECK(client.post("", CancelFlag{}).error == "Couldn't connect to server");
    CHECK(client.where() == url + "/a");
    CHECK(HttpClient{{.url = "no url at all"}}.where() == "invalid URL");
    CHECK(HttpClient{{.url = "ftp://127.0.0.1/"}}.post("", CancelFlag{}).error ==
          "Unsupported protocol");
}

TEST_CASE("a child leaves its parent's connection alone") {
    const HttpServer server{{reply(200)}};
    HttpClient client{{.url = server.url()}};
    CHECK(client.post("parent", CancelFlag{}).ok());
    const pid_t child = ::fork();
    if (child == 0) {
        client.forked();
        ::_exit(client.post("child", CancelFlag{}).ok() ? 0 : 1);
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    CHECK(status == 0);
    CHECK(client.post("parent again", CancelFlag{}).ok());
    CHECK(server.connections() == 2); // the parent's, used twice, and the child's
}

TEST_CASE("a held back SIGPIPE is swallowed, and one that was there before is not") {
    sigset_t sigpipe;
    sigset_t before;
    sigemptyset(&sigpipe);
    sigaddset(&sigpipe, SIGPIPE);
    const auto is_pending = [] {
        sigset_t pending;
        sigpending(&pending);
        return sigismember(&pending, SIGPIPE) == 1;
    };
    {
        const NoSigpipe guard;
        ::raise(SIGPIPE); // would end this program
        CHECK(is_pending());
    }
    CHECK_FALSE(is_pending());
    pthread_sigmask(SIG_BLOCK, &sigpipe, &before);
    ::raise(SIGPIPE);
    { const NoSigpipe guard; }
    CHECK(is_pending());
    int taken = 0;
    sigwait(&sigpipe, &taken);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}
