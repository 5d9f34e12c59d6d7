// batch_processor.hpp - one exporter with its thread and its bounded queue: it waits, so that
// nobody else has to.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <plume/collect/chunk.hpp>
#include <plume/core/environment.hpp>
#include <plume/core/thread.hpp>
#include <plume/export/exporter.hpp>
#include <plume/export/stats.hpp>
#include <plume/trace/context.hpp>

namespace plume {
namespace [[gnu::visibility("hidden")]] detail {

/// How a batch processor is set up; shared by all of a session.
struct BatchProcessorSettings {
    std::size_t queue_spans;
    std::size_t queue_bytes; ///< that spans in the queue take
    std::size_t batch_spans;
    std::chrono::milliseconds batch_delay;
    const Resource* resource; ///< outlives its thread: see BatchProcessor::stop()
    Report report;
};

/// Accepts chunks from the collector without ever making it wait, and delivers batches of them.
class BatchProcessor {
  public:
    BatchProcessor(std::unique_ptr<Exporter> exporter, BatchProcessorSettings settings,
                   std::shared_ptr<const void> keep)
        : state_{std::make_shared<State>()} {
        state_->exporter = std::move(exporter);
        state_->settings = std::move(settings);
        state_->keep = std::move(keep);
        state_->name = state_->exporter->name();
        state_->taken.reserve(usual_pieces); // a batch can always have one
        state_->pieces.reserve(usual_pieces);
        prepare();
        thread_ = start_thread("plume-" + state_->name, [state = state_] { state->run(); });
    }
    BatchProcessor(const BatchProcessor&) = delete;
    BatchProcessor& operator=(const BatchProcessor&) = delete;
    /// After stop() there is nothing left to do: this is for a session that could not start.
    ~BatchProcessor() {
        if (thread_.joinable()) stop(deadline_after(std::chrono::seconds{1}));
    }

    /// Queues chunks; spans that find no room, or no memory, are dropped and counted.
    void offer(const std::vector<ChunkRef>& chunks) noexcept {
        if (chunks.empty()) return;
        State& s = *state_;
        std::unique_lock lock{s.mutex};
        const bool first = s.queue.empty();
        if (first) s.oldest = std::chrono::steady_clock::now();
        std::uint64_t lost = 0;
        std::uint64_t too_large = 0;
        for (const ChunkRef& chunk : chunks) {
            const std::size_t bytes = chunk->used_bytes();
            if (bytes > s.settings.queue_bytes && chunk->size() == 1) {
                ++too_large; // the assembler gives a large span a chunk of its own
                continue;
            }
            std::size_t taken = std::min(s.settings.queue_spans - s.queued, chunk->size());
            if (s.queued_bytes + bytes > s.settings.queue_bytes && s.queued != 0) taken = 0;
            if (taken != 0 && !s.append(chunk, taken, bytes)) taken = 0;
            if (taken != 0) s.queued_bytes += bytes;
            s.queued += taken;
            s.accepted += taken;
            lost += chunk->size() - taken;
        }
        s.dropped[DropReason::queue_full] += lost;
        s.dropped[DropReason::too_large] += too_large;
        // A full batch, or one whose delay will have passed before the thread looks by itself.
        if (s.waiting && (s.queued >= s.settings.batch_spans || s.half_full() ||
                          (first && s.settings.batch_delay < State::idle_interval)))
            s.work.notify_one();
        if (too_large != 0) s.say(lock, "a span is larger than Options::queue_bytes, dropping it");
        if (lost == 0) return;
        if (!std::exchange(s.overflowing, true)) s.say(lock, "queue full, dropping spans");
    }

    /// Everything accepted so far shall be delivered now. Does not wait.
    void request_flush() {
        const std::lock_guard lock{state_->mutex};
        state_->hurry_until = state_->accepted;
        state_->work.notify_one();
    }
    /// Waits for what request_flush() asked for; false if the deadline passed first, or a shutdown
    /// dropped spans meanwhile.
    bool wait(Deadline deadline) {
        std::unique_lock lock{state_->mutex};
        const bool settled = state_->done.wait_until(
            lock, deadline, [this] { return state_->settled >= state_->hurry_until; });
        return settled && state_->dropped[DropReason::shutdown] == 0;
    }

    /// Lets the thread deliver what is queued and end; true if no span was dropped for that. At the
    /// deadline what is left counts as dropped; a deliver() that hangs keeps its thread, the
    /// exporter and what they need.
    bool stop(Deadline deadline) {
        State& s = *state_;
        std::unique_lock lock{s.mutex};
        s.stopping = true;
        s.hurry_until = s.accepted;
        s.work.notify_one();
        const auto now = std::chrono::steady_clock::now();
        const auto left = std::max(deadline - now, std::chrono::steady_clock::duration::zero());
        const auto grace = std::min<std::chrono::steady_clock::duration>(
            left / 10, std::chrono::milliseconds{250});
        if (!s.done.wait_until(lock, deadline - grace, [&s] { return s.ended; })) {
            s.cancelled = true; // what is queued is not tried any more
            s.exporter->cancel();
            s.done.wait_until(lock, deadline, [&s] { return s.ended; });
        }
        if (s.ended) {
            const bool complete = s.dropped[DropReason::shutdown] == 0;
            lock.unlock();
            thread_.join();
            return complete;
        }
        s.abandoned = true;
        s.dropped[DropReason::shutdown] += s.accepted - s.settled;
        s.settled = s.accepted;
        thread_.detach();
        return false;
    }

    /// In the child of a fork, within fork().
    void forked() noexcept { state_->exporter->forked(); }
    /// Later, where the thread is gone and the lock may be held by nobody: the exporter moves on,
    /// everything else is left behind.
    [[nodiscard]] std::unique_ptr<Exporter> take_exporter() noexcept {
        return std::move(state_->exporter);
    }

    /// Delivered and dropped so far; `pending` is left to the caller.
    [[nodiscard]] ExporterStats stats() const {
        const std::lock_guard lock{state_->mutex};
        return {state_->name, state_->delivered, state_->dropped, 0};
    }

  private:
    static constexpr std::size_t usual_pieces = 16;

    /// What it throws is no reason to have no session.
    void prepare() {
        try {
            state_->exporter->prepare();
        } catch (const std::exception& exception) {
            state_->settings.report("exporter " + state_->name + ": threw: " + exception.what());
        } catch (...) {
            state_->settings.report("exporter " + state_->name + ": threw: unknown exception");
        }
    }

    struct Piece {
        ChunkRef chunk;
        Batch::Piece spans;
        std::size_t bytes = 0; ///< of the chunk, while it is in the queue
    };

    struct State {
        std::unique_ptr<Exporter> exporter;
        std::string name;
        BatchProcessorSettings settings;
        std::shared_ptr<const void>
            keep; ///< what the batches refer to, should the thread outlive it

        std::mutex mutex;
        std::condition_variable work;
        std::condition_variable done;
        std::deque<Piece> queue;
        std::vector<Piece> taken; ///< by the thread: a batch
        std::vector<Batch::Piece> pieces;
        std::size_t queued = 0;
        std::size_t queued_bytes = 0;
        Deadline oldest; ///< when the queue was last empty
        std::uint64_t accepted = 0;
        std::uint64_t settled = 0; ///< delivered or dropped, of those accepted
        std::uint64_t hurry_until = 0;
        std::uint64_t delivered = 0;
        Drops dropped;
        bool waiting = false;
        bool stopping = false;
        bool cancelled = false;
        bool abandoned = false;
        bool ended = false;
        bool overflowing = false;
        Deadline last_loss;  ///< when the queue last had no room
        std::string trouble; ///< what it last failed with; empty while all is well

        /// How often an exporter that has nothing to deliver is called.
        static constexpr std::chrono::milliseconds idle_interval{250};

        /// False without memory.
        bool append(const ChunkRef& chunk, std::size_t spans, std::size_t bytes) noexcept {
            try {
                queue.push_back({chunk, chunk->spans().first(spans), bytes});
            } catch (const std::bad_alloc&) {
                return false;
            }
            return true;
        }

        /// Without the lock, so that whoever listens may ask for statistics. What memory is missing
        /// for is not said.
        void say(std::unique_lock<std::mutex>& lock, std::string_view what) noexcept {
            lock.unlock();
            try {
                settings.report("exporter " + name + ": " + std::string{what});
            } catch (const std::bad_alloc&) {}
            lock.lock();
        }

        /// By bytes: what comes during a delivery needs the other half.
        [[nodiscard]] bool half_full() const {
            return queued != 0 && queued_bytes >= settings.queue_bytes / 2;
        }

        [[nodiscard]] bool due(Deadline now) const {
            return queued >= settings.batch_spans || half_full() || stopping ||
                   (queued != 0 && (settled < hurry_until || now >= oldest + settings.batch_delay));
        }

        void run() {
            const SuppressScope untraced;
            std::unique_lock lock{mutex};
            while (!abandoned) {
                if (!due(std::chrono::steady_clock::now())) {
                    waiting = true;
                    const auto timeout = work.wait_for(lock, pause());
                    waiting = false;
                    if (timeout == std::cv_status::timeout && queued == 0 && !stopping)
                        call(lock, [this] { exporter->idle(); });
                    continue;
                }
                if (queued == 0 || cancelled) break; // stopping
                take();
                deliver(lock);
            }
            if (!abandoned) {
                dropped[DropReason::shutdown] += accepted - settled;
                settled = accepted;
                queue.clear();
                queued_bytes = 0;
                call(lock, [this] { exporter->close(); });
            }
            ended = true;
            done.notify_all();
        }

        [[nodiscard]] std::chrono::steady_clock::duration pause() const {
            if (queued == 0) return idle_interval;
            const auto left = oldest + settings.batch_delay - std::chrono::steady_clock::now();
            return std::max<std::chrono::steady_clock::duration>(left,
                                                                 std::chrono::milliseconds{1});
        }

        /// What an exporter does besides delivering is not worth a program's end either.
        template <class F>
        void call(std::unique_lock<std::mutex>& lock, F&& f) {
            lock.unlock();
            std::string error;
            try {
                try {
                    f();
                } catch (const std::exception& exception) {
                    error = std::string{"threw: "} + exception.what();
                } catch (...) {
                    error = "threw: unknown exception";
                }
            } catch (const std::bad_alloc&) {} // no memory for what it said
            lock.lock();
            if (!error.empty()) say(lock, error);
        }

        /// Whether a batch can have one piece more.
        bool has_memory_for_one_more() noexcept {
            try {
                if (taken.size() == taken.capacity()) taken.reserve(2 * taken.size());
                pieces.reserve(taken.size() + 1);
            } catch (const std::bad_alloc&) {
                return false;
            }
            return true;
        }

        /// Moves the spans of one batch from the queue to `taken`: of fewer pieces without memory.
        void take() noexcept {
            taken.clear();
            std::size_t wanted = settings.batch_spans;
            while (wanted != 0 && !queue.empty() && has_memory_for_one_more()) {
                Piece& front = queue.front();
                const std::size_t count = std::min(wanted, front.spans.size());
                taken.push_back({front.chunk, front.spans.first(count)});
                front.spans = front.spans.subspan(count);
                if (front.spans.empty()) {
                    queued_bytes -= front.bytes;
                    queue.pop_front();
                }
                wanted -= count;
                queued -= count;
            }
            // What is left has waited since some time in between: not long, as a full batch was
            // there, or so many bytes.
            oldest = std::chrono::steady_clock::now();
        }

        void deliver(std::unique_lock<std::mutex>& lock) {
            lock.unlock();
            pieces.clear();
            for (const Piece& piece : taken) pieces.push_back(piece.spans);
            const Batch batch{*settings.resource, pieces};
            Outcome outcome = attempt(batch);
            const std::uint64_t lost =
                std::min<std::uint64_t>(outcome.dropped.total(), batch.size());
            taken.clear();
            lock.lock();
            if (!abandoned) tell(lock, outcome.error); // before: a flush has told what it found
            if (abandoned) return;
            // An exporter that claims to have dropped more than it got is believed up to that.
            if (lost == outcome.dropped.total()) dropped += outcome.dropped;
            else dropped[DropReason::rejected] += lost;
            delivered += batch.size() - lost;
            settled += batch.size();
            if (settled >= hurry_until) done.notify_all();
        }

        /// Trouble is told once when it begins or changes, and once when it is over.
        void tell(std::unique_lock<std::mutex>& lock, std::string& error) noexcept {
            if (error != trouble) {
                trouble.swap(error);
                say(lock, trouble.empty() ? std::string_view{"delivering again"} : trouble);
            }
            // Not at the first room that it finds: that may be taken again at once.
            if (overflowing && queued == 0) {
                overflowing = false;
                say(lock, "keeping up again");
            }
        }

        Outcome attempt(const Batch& batch) noexcept {
            try {
                try {
                    return exporter->deliver(batch);
                } catch (const std::exception& exception) {
                    return Outcome::failed(DropReason::rejected, batch.size(),
                                           std::string{"threw: "} + exception.what());
                } catch (...) {
                    return Outcome::failed(DropReason::rejected, batch.size(),
                                           "threw an unknown exception");
                }
            } catch (...) { // no memory for what it said
                return Outcome::failed(DropReason::rejected, batch.size(), "threw");
            }
        }
    };

    std::shared_ptr<State> state_;
    std::thread thread_;
};

} // namespace detail
} // namespace plume
