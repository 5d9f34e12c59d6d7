// poll.hpp - the thread that asks Jaeger for the rates of a service.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <plume/core/thread.hpp>
#include <plume/core/version.hpp>
#include <plume/exporters/detail/cancel.hpp>
#include <plume/exporters/detail/http_client.hpp>
#include <plume/samplers/jaeger_remote/answer.hpp>
#include <plume/samplers/jaeger_remote/options.hpp>
#include <plume/samplers/jaeger_remote/strategy.hpp>
#include <plume/sampling/sampler.hpp>
#include <plume/trace/context.hpp>

namespace plume::jaeger_sampling {

/// Asks from start() until its destruction, which does not wait for an answer.
class Poll {
  public:
    Poll(std::string url, const JaegerRemoteOptions& options, SamplerSource::Session session)
        : client_{{.url = std::move(url),
                   .headers = {"Accept: application/json"},
                   .user_agent = "plume/" + std::string{version},
                   .timeout = within_reason(options.timeout),
                   .longest_body = longest_answer}},
          interval_{within_reason(options.interval)}, session_{std::move(session)} {}
    Poll(const Poll&) = delete;
    Poll& operator=(const Poll&) = delete;
    ~Poll() {
        {
            const std::lock_guard lock{mutex_};
            stopping_ = true;
        }
        cancel_.request();
        wake_.notify_one();
        if (thread_.joinable()) thread_.join();
    }

    /// Throws std::system_error if there is no thread to be had.
    void start() {
        thread_ = plume::detail::start_thread("plume-sampling", [this] { run(); });
    }

    /// In the child of a fork, where it must not be destroyed: leaves the parent's connection
    /// alone.
    void abandon() noexcept { client_.forked(); }

  private:
    /// Room for most_operations, with names longer than people read.
    static constexpr std::size_t longest_answer = std::size_t{1} << 20U;

    /// 0 would be no time, or no end of it.
    [[nodiscard]] static std::chrono::milliseconds within_reason(std::chrono::milliseconds time) {
        return std::clamp<std::chrono::milliseconds>(time, std::chrono::milliseconds{1},
                                                     std::chrono::hours{24});
    }

    void run() noexcept {
        const SuppressScope untraced;
        std::unique_lock lock{mutex_};
        while (!stopping_) {
            lock.unlock();
            try {
                ask();
            } catch (const std::exception& exception) {
                fail(Trouble::resources, exception.what());
            }
            lock.lock();
            wake_.wait_for(lock, interval_, [this] { return stopping_; });
        }
    }

    void ask() {
        const plume::detail::HttpResponse response = client_.get(cancel_);
        if (response.cancelled) return;
        if (response.status == 0) return fail(Trouble::transport, response.error);
        if (!response.ok())
            return fail(Trouble::status, "answers " + std::to_string(response.status));
        if (response.cut)
            return fail(Trouble::answer, "answers with more than 1 MiB, or breaks off");
        Answer answer = read_answer(response.body);
        if (!answer.strategy)
            return fail(Trouble::answer, "answers with " + std::string{answer.trouble});
        if (last_ != answer.strategy) {
            session_.update(maker_.make(*answer.strategy)); // keeps memory for good
            last_ = std::move(answer.strategy);
        }
        if (std::exchange(trouble_, Trouble::none) != Trouble::none)
            say("answers again: using its rates");
    }

    enum class Trouble : std::uint8_t { none, transport, status, answer, resources };

    /// Told once for each kind of trouble in a row, however often it asks.
    void fail(Trouble trouble, std::string_view what) noexcept {
        if (std::exchange(trouble_, trouble) == trouble) return;
        try {
            say(std::string{what} + ": keeping the rates that hold");
        } catch (...) { // no memory for a sentence
            session_.report("sampler jaeger_remote: out of memory");
        }
    }
    void say(const std::string& what) {
        session_.report("sampler jaeger_remote: " + client_.where() + ": " + what);
    }

    plume::detail::HttpClient client_;
    plume::detail::CancelFlag cancel_;
    std::chrono::milliseconds interval_;
    SamplerSource::Session session_;
    SamplerMaker maker_;
    std::optional<Strategy> last_; ///< what was made a sampler
    Trouble trouble_ = Trouble::none;

    std::mutex mutex_; // of stopping_
    std::condition_variable wake_;
    bool stopping_ = false;
    std::thread thread_;
};

} // namespace plume::jaeger_sampling
