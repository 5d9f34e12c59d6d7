// address_book.hpp - where an agent's host name leads, looked up without waiting for a name server.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <plume/exporters/detail/cancel.hpp>

namespace plume::jaeger {

struct Address {
    sockaddr_storage storage = {};
    socklen_t size = 0;

    friend bool operator==(const Address& a, const Address& b) {
        return a.size == b.size && std::memcmp(&a.storage, &b.storage, a.size) == 0;
    }
};

struct Answer {
    std::vector<Address> addresses = {};
    std::string error = {}; ///< why there are none
};

/// getaddrinfo() for UDP; may take as long as the name servers. IPv4 comes first: agents listen
/// there, Go's "localhost" means 127.0.0.1, and UDP has no handshake to find out.
[[nodiscard]] inline Answer resolve(const std::string& host, std::uint16_t port, int flags = 0) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_DGRAM;
    hints.ai_flags = AI_NUMERICSERV | flags;
    addrinfo* found = nullptr;
    const int code = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
    if (code != 0) return {{}, ::gai_strerror(code)};
    Answer answer;
    for (const bool want_ipv4 : {true, false}) {
        for (const addrinfo* one = found; one; one = one->ai_next) {
            if ((one->ai_family == AF_INET) != want_ipv4) continue;
            Address& address = answer.addresses.emplace_back();
            std::memcpy(&address.storage, one->ai_addr, one->ai_addrlen);
            address.size = one->ai_addrlen;
        }
    }
    ::freeaddrinfo(found);
    return answer;
}

/// How a name is looked up, and how often; tests have their own.
struct Lookups {
    std::function<Answer(const std::string& host, std::uint16_t port)> resolve =
        [](const std::string& host, std::uint16_t port) { return jaeger::resolve(host, port); };
    std::chrono::milliseconds first_retry{1'000}; ///< doubles with each failure
    std::chrono::milliseconds refresh{30'000};    ///< and never exceeds this: agents move
};

/// Belongs to one thread. Lookups run in a thread of their own, because getaddrinfo() can't be cut
/// short; the one that is late is not waited for, and its answer serves a later batch.
class AddressBook {
  public:
    AddressBook(std::string host, std::uint16_t port, Lookups lookups)
        : host_{std::move(host)}, port_{port}, lookups_{std::move(lookups)} {
        // In a URL, an IPv6 address stands in brackets.
        if (host_.starts_with('[') && host_.ends_with(']'))
            host_ = host_.substr(1, host_.size() - 2);
        addresses_ = jaeger::resolve(host_, port_, AI_NUMERICHOST).addresses;
        numeric_ = !addresses_.empty();
    }

    /// Whether there is an address. Waits for one only if there was none so far.
    [[nodiscard]] bool ready(std::chrono::milliseconds patience,
                             const plume::detail::CancelFlag& cancel) {
        if (numeric_) return true;
        take_answer();
        if (!pending_ && Clock::now() >= next_) start();
        const auto deadline = Clock::now() + patience;
        while (addresses_.empty() && pending_ && Clock::now() < deadline) {
            if (!cancel.wait_for(std::chrono::milliseconds{1})) break;
            take_answer();
        }
        return !addresses_.empty();
    }

    /// Never shrinks to nothing: an old address is better than none.
    [[nodiscard]] const std::vector<Address>& addresses() const noexcept { return addresses_; }
    /// Grows when addresses() changes.
    [[nodiscard]] unsigned edition() const noexcept { return edition_; }
    /// Why there is no address.
    [[nodiscard]] std::string error() const {
        if (pending_) return "the host name is still being resolved";
        return "the host name does not resolve (" + error_ + ")";
    }

    /// The addresses don't work: look again, but not with every batch.
    void doubt() {
        if (numeric_ || pending_) return;
        next_ = std::min(next_, Clock::now() + retry_);
        retry_ = std::min(2 * retry_, lookups_.refresh);
    }

    /// For the child after fork(), where the thread of a lookup doesn't exist.
    void forked() noexcept { pending_.reset(); }

  private:
    using Clock = std::chrono::steady_clock;
    struct Pending {
        Answer answer;
        std::atomic<bool> done = false;
    };

    void start() {
        pending_ = std::make_shared<Pending>();
        std::thread{[pending = pending_, resolve = lookups_.resolve, host = host_, port = port_] {
            pending->answer = resolve(host, port);
            pending->done.store(true, std::memory_order_release); // pairs with take_answer()
        }}.detach();
    }

    void take_answer() {
        const bool done =
            pending_ && pending_->done.load(std::memory_order_acquire); // pairs with start()
        if (!done) return;
        Answer answer = std::move(pending_->answer);
        pending_.reset();
        if (answer.addresses.empty()) {
            error_ = std::move(answer.error);
            next_ = Clock::now() + retry_;
            retry_ = std::min(2 * retry_, lookups_.refresh);
            return;
        }
        next_ = Clock::now() + lookups_.refresh;
        retry_ = lookups_.first_retry;
        if (answer.addresses == addresses_) return;
        addresses_ = std::move(answer.addresses);
        ++edition_;
    }

    std::string host_;
    std::uint16_t port_;
    Lookups lookups_;
    std::vector<Address> addresses_;
    unsigned edition_ = 0;
    bool numeric_ = false;
    std::shared_ptr<Pending> pending_; // shared with the thread that looks it up
    std::string error_;
    Clock::time_point next_{};
    std::chrono::milliseconds retry_ = lookups_.first_retry;
};

} // namespace plume::jaeger
