// round_trips.hpp - what a client sends for one call: redirects and answers to challenges, too.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include <httplib.h>

#include <plume/instrument/httplib/members.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// Stands in the place of a client's logger during one call, counts the requests that are answered,
/// and hands on to the user's logger. Holds the lock that a client has while it sends: what is
/// changed of the client is for this call alone.
///
/// An answer 303 to what is neither GET nor HEAD is followed by a GET, for which cpp-httplib clears
/// all headers, those of the context too. So the client is stopped at such an answer, and goes on
/// by the same function of its own, with a GET that has headers.
class RoundTrips {
  public:
    explicit RoundTrips(httplib::ClientImpl& client)
        : client_{client}, lock_{client.*open(RequestMutex{})}, follow_{follows()},
          theirs_{std::exchange(logger(), Logger{this})} {}
    ~RoundTrips() {
        follows() = follow_;
        logger() = std::move(theirs_);
    }
    RoundTrips(const RoundTrips&) = delete;
    RoundTrips& operator=(const RoundTrips&) = delete;

    [[nodiscard]] std::int64_t count() const noexcept { return count_; }

    /// Whether the client has stopped at an answer with that status, and go_on() is to be called.
    [[nodiscard]] bool stopped(int status) const noexcept { return next_ && status == 303; }

    /// Sends the GET, with the headers that `add` puts in. The arguments are those of
    /// httplib::Client::send(); the response is the last one before and after.
    template <class Add>
    bool go_on(httplib::Request& request, httplib::Response& response, httplib::Error& error,
               const Add& add) {
        request = std::move(*next_);
        next_.reset();
        follows() = follow_;
        request.method = "GET";
        request.body.clear();
        request.content_length_ = 0;
        request.content_provider_ = nullptr;
        request.headers.clear();
        add(request.headers);
        error = httplib::Error::Success;
        const bool sent = (client_.*open(Redirect{}))(request, response, error);
        if (!sent && error == httplib::Error::Success) error = httplib::Error::Unknown;
        return sent;
    }
    /// The same for a call that returns a result.
    template <class Add>
    httplib::Result go_on(httplib::Result result, const Add& add) {
        httplib::Request request;
        httplib::Error error{};
        auto response = std::make_unique<httplib::Response>(std::move(result.value()));
        if (!go_on(request, *response, error, add)) response.reset();
        return httplib::Result{std::move(response), error, std::move(request.headers)};
    }

  private:
    /// Copied to clients that cpp-httplib makes for redirects to other hosts.
    struct Logger {
        RoundTrips* self;
        void operator()(const httplib::Request& request, const httplib::Response& response) const {
            self->answered(request, response);
        }
    };

    [[nodiscard]] httplib::Logger& logger() noexcept { return client_.*open(ClientLogger{}); }
    [[nodiscard]] bool& follows() noexcept { return client_.*open(FollowsLocation{}); }

    void answered(const httplib::Request& request, const httplib::Response& response) {
        ++count_;
        // Where the client has not stopped, it is another host's, and has sent the GET itself.
        next_.reset();
        follows() = follow_;
        if (follow_ && response.status == 303 && request.method != "GET" &&
            request.method != "HEAD") {
            next_ = request;
            follows() = false;
        }
        if (theirs_) theirs_(request, response);
    }

    httplib::ClientImpl& client_;
    std::unique_lock<std::recursive_mutex> lock_;
    bool follow_;
    httplib::Logger theirs_;
    std::optional<httplib::Request> next_;
    std::int64_t count_ = 0;
};

} // namespace detail
} // namespace plume
