// console.hpp - prints traces: as trees for people, as lines for grep, as JSON for programs.
#pragma once

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include <plume/export/exporter.hpp>
#include <plume/export/exporter_factory.hpp>
#include <plume/exporters/console/held_spans.hpp>
#include <plume/exporters/console/json.hpp>
#include <plume/exporters/console/line.hpp>
#include <plume/exporters/console/look.hpp>
#include <plume/exporters/console/options.hpp>
#include <plume/exporters/console/tree_text.hpp>

namespace plume {

/// A tree has a line for each span, whose bar is heavy where the span itself worked, and thin where
/// one of its children did.
///
/// Each deliver() writes once, and flushes: what other code prints goes between batches.
///
/// In the tree form a span counts as delivered when it is accepted, and waits in memory for its
/// local root. If its tree can't be written later, the loss is counted in that deliver() or, as far
/// as it exceeds that batch, in the following ones, so that sums are right. What fails in the last
/// close() is not counted.
///
/// A reader that has gone away is an error (EPIPE) and no SIGPIPE: the session's threads have all
/// signals blocked. A reader that doesn't read blocks this exporter's thread, and nobody else.
class ConsoleExporter final : public Exporter {
  public:
    explicit ConsoleExporter(ConsoleOptions options = {})
        : options_{options}, look_{console::look_for(options)},
          state_{std::make_unique<State>(options.max_held_spans)} {}

    [[nodiscard]] Outcome deliver(const Batch& batch) override {
        const Working working{*state_};
        state_->service = batch.resource().service_name();
        switch (options_.form) {
        case ConsoleForm::tree: hold(batch); break;
        case ConsoleForm::line: lines(batch); break;
        case ConsoleForm::json: objects(batch); break;
        }
        write();
        return outcome(batch.size());
    }

    [[nodiscard]] std::string_view name() const noexcept override { return "console"; }

    /// Prints what has waited too long.
    void idle() override {
        const Working working{*state_};
        print_trees(options_.now(), options_.incomplete_after);
        write();
    }

    /// Prints all that still waits.
    void close() override {
        const Working working{*state_};
        print_trees(options_.now(), std::chrono::nanoseconds::zero());
        write();
    }

    /// What waits is the parent's, which prints it.
    void forked() noexcept override {
        State* const fresh = new (std::nothrow) State{options_.max_held_spans};
        if (!fresh) return;
        // A fork amidst deliver() copied containers that were being changed: they are given up
        // rather than destroyed.
        if (state_->working.load(std::memory_order_relaxed)) static_cast<void>(state_.release());
        state_.reset(fresh);
    }

  private:
    /// How far the text went when it had that many more spans in it.
    struct Mark {
        std::size_t end;
        std::uint64_t spans;
    };
    /// All that changes; on the heap, so that the exporter can be moved, and replaced after a fork.
    struct State {
        explicit State(std::size_t max_held_spans) : held{max_held_spans} {}

        console::HeldSpans held;
        console::Text text;
        std::vector<Mark> marks;
        std::string service;
        std::string error;
        std::uint64_t lost = 0; ///< not written, and not yet told
        // Relaxed: the fork itself orders what the child sees.
        std::atomic<bool> working = false;
    };
    struct Working {
        State& state;

        explicit Working(State& of) noexcept : state{of} {
            state.working.store(true, std::memory_order_relaxed);
        }
        ~Working() { state.working.store(false, std::memory_order_relaxed); }
        Working(const Working&) = delete;
        Working& operator=(const Working&) = delete;
    };

    void mark(std::uint64_t spans) { state_->marks.push_back({state_->text.size(), spans}); }

    void lines(const Batch& batch) {
        console::LineText printer{state_->text, look_};
        for (const SpanData& span : batch) {
            printer.print(span);
            mark(1);
        }
    }
    void objects(const Batch& batch) {
        console::JsonText printer{state_->text};
        for (const SpanData& span : batch) {
            printer.print(span, state_->service);
            mark(1);
        }
    }
    void hold(const Batch& batch) {
        const auto now = options_.now();
        for (const SpanData& span : batch) state_->held.add(span, now);
        print_trees(now, options_.incomplete_after);
    }
    void print_trees(console::HeldSpans::Time now, std::chrono::nanoseconds patience) {
        const std::vector<console::Tree> trees = state_->held.take(now, patience);
        if (trees.empty()) return;
        console::TreeText printer{state_->text, look_, console::columns_for(options_)};
        for (const console::Tree& tree : trees) {
            printer.print(tree, state_->service);
            mark(tree.branches.size());
        }
    }

    void write() {
        State& state = *state_;
        const std::size_t size = state.text.size();
        if (size == 0) return;
        errno = 0;
        std::size_t written = std::fwrite(state.text.data(), 1, size, options_.stream);
        if (written < size || std::fflush(options_.stream) != 0) {
            state.error = std::generic_category().message(errno);
            // When it is the flush that fails, nobody knows how much went out: none, to be safe.
            if (written == size) written = 0;
            for (const Mark& mark : state.marks)
                if (mark.end > written) state.lost += mark.spans;
        }
        state.marks.clear();
        // One batch of huge attributes should not keep its memory for ever.
        constexpr std::size_t keep = std::size_t{1} << 20;
        if (state.text.capacity() > keep) state.text = console::Text{};
        else state.text.clear();
    }

    [[nodiscard]] Outcome outcome(std::size_t accepted) {
        State& state = *state_;
        const std::uint64_t told = std::min<std::uint64_t>(state.lost, accepted);
        if (told == 0) return Outcome::delivered();
        state.lost -= told;
        return Outcome::failed(DropReason::transport, told,
                               fmt::format("cannot write to the console: {}", state.error));
    }

    ConsoleOptions options_;
    console::Look look_;
    std::unique_ptr<State> state_;
};

namespace [[gnu::visibility("hidden")]] detail {
/// OTEL_TRACES_EXPORTER=console works in a program that includes this header.
inline const bool console_is_registered =
    register_exporter("console", [](const std::function<void(std::string_view)>& report) {
        static_cast<void>(report);
        return std::make_unique<ConsoleExporter>();
    });
} // namespace detail

} // namespace plume
