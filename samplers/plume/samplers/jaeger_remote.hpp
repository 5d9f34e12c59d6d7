// jaeger_remote.hpp - a sampler whose rates a Jaeger collector or agent tells, while the program
// runs.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>

#include <plume/samplers/jaeger_remote/argument.hpp>
#include <plume/samplers/jaeger_remote/endpoint.hpp>
#include <plume/samplers/jaeger_remote/options.hpp>
#include <plume/samplers/jaeger_remote/poll.hpp>
#include <plume/sampling/sampler.hpp>
#include <plume/sampling/sources.hpp>

namespace plume {

/// Asks for the rates of the session's service, at once and then again and again, on a thread of
/// its own that is never traced; what is recorded never waits for it. Without a server, or with
/// answers that make no sense, what was last known holds; that is reported when it begins, and when
/// it is over. A process that forks goes on asking in both halves. jaeger_remote() makes a Sampler
/// of it.
class JaegerRemote : public SamplerSource {
  public:
    explicit JaegerRemote(JaegerRemoteOptions options) : options_{std::move(options)} {}
    JaegerRemote(const JaegerRemote&) = delete;
    JaegerRemote& operator=(const JaegerRemote&) = delete;
    ~JaegerRemote() override { stop(); }

    void start(Session session) override {
        stop();
        const auto report = session.report;
        const auto url = jaeger_sampling::url_for(options_.endpoint, session.service_name);
        if (!url) {
            report("sampler jaeger_remote: its endpoint is no http or https URL: keeping the rate "
                   "that it began with");
            return;
        }
        try {
            poll_ = std::make_unique<jaeger_sampling::Poll>(*url, options_, std::move(session));
            owner_ = ::getpid();
            poll_->start();
        } catch (const std::exception& exception) {
            poll_.reset();
            report(std::string{"sampler jaeger_remote: cannot ask: "} + exception.what());
        }
    }

    /// Does not wait for an answer that is on its way.
    void stop() noexcept override {
        if (!poll_) return;
        if (owner_ == ::getpid()) {
            poll_.reset();
            return;
        }
        // In the child of a fork: the thread is not there, and its locks may be held for ever.
        poll_->abandon();
        static_cast<void>(poll_.release());
    }

  private:
    JaegerRemoteOptions options_;
    std::unique_ptr<jaeger_sampling::Poll> poll_;
    pid_t owner_ = 0;
};

/// For Options::sampler, mostly within Sampler::parent_based(). Every session that is given it asks
/// for its own service. What Jaeger says becomes:
/// - probabilistic: Sampler::ratio()
/// - rate limiting: Sampler::rate_limited()
/// - by operation: for a root whose line of source has exactly that name, Sampler::at_least() with
///   its probability and the lower bound of all; for all other roots together one such sampler with
///   the probability of the rest. (Jaeger's own clients give each name of the rest its own bound.)
/// What has not changed from one answer to the next keeps the count of its rate.
[[nodiscard]] inline Sampler jaeger_remote(JaegerRemoteOptions options = {}) {
    Sampler initial = options.initial;
    return Sampler::from(std::make_shared<JaegerRemote>(std::move(options)), std::move(initial));
}

namespace [[gnu::visibility("hidden")]] detail {
/// OTEL_TRACES_SAMPLER=jaeger_remote works in a program that includes this header.
inline const bool jaeger_remote_is_registered =
    register_sampler("jaeger_remote", [](std::string_view argument,
                                         const std::function<void(std::string_view)>& report) {
        return std::optional{jaeger_remote(jaeger_sampling::options_from(argument, report))};
    });
} // namespace detail

} // namespace plume
