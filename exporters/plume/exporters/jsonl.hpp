// jsonl.hpp - appends spans to a file, one OTLP/JSON TracesData object a line.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include <plume/export/exporter.hpp>
#include <plume/export/exporter_factory.hpp>
#include <plume/exporters/detail/cancel.hpp>
#include <plume/exporters/jsonl/file.hpp>
#include <plume/exporters/otlp/json.hpp>

namespace plume {

// Each member has an initialiser, or compilers warn where a designated one leaves it out.
struct JsonlOptions {
    std::string path = "traces.jsonl";
    /// A file that would grow beyond this becomes `path`.1 first, that one `path`.2, and so on;
    /// 0: it may grow for ever.
    std::uint64_t max_file_bytes = std::uint64_t{64} << 20;
    /// A file that is older than this does, too; 0: it may be as old as it likes.
    std::chrono::milliseconds max_age{0};
    /// Older files that are kept besides `path`; 0: what is full or old is deleted.
    unsigned max_files = 4;
    /// Wait for the disk after every line. Without, a crash of the machine, not of the program,
    /// may cost the last seconds.
    bool sync = false;
    /// A batch is cut into lines of about this size, and of twice this size at the most: the
    /// OpenTelemetry Collector's file receiver skips what is beyond 1 MiB. One span is never cut: a
    /// larger one has a longer line for itself.
    std::size_t max_line_bytes = std::size_t{512} << 10;

    bool code_attributes = true;   ///< code.function.name, code.file.path, code.line.number
    bool thread_attributes = true; ///< thread.id, thread.name
};

/// OTLP 1.11's file format: UTF-8, `\n`, and never half a line. What can't be written, for want of
/// room or of a directory, counts as DropReason::transport; the next batch tries again.
class JsonlExporter final : public Exporter {
  public:
    explicit JsonlExporter(JsonlOptions options = {})
        : max_line_bytes_{options.max_line_bytes},
          origins_{.code = options.code_attributes, .thread = options.thread_attributes},
          encoder_{origins_}, file_{jsonl::FileOptions{.path = std::move(options.path),
                                                       .max_bytes = options.max_file_bytes,
                                                       .max_age = options.max_age,
                                                       .max_files = options.max_files,
                                                       .sync = options.sync}} {}

    [[nodiscard]] Outcome deliver(const Batch& batch) override {
        Outcome outcome;
        for (auto span = batch.begin(); span != batch.end();) {
            const Line line = next_line(batch, span);
            jsonl::File::Result result = file_.append(line.text, cancel_);
            if (!result.written) outcome.dropped[DropReason::transport] += line.spans;
            if (!result.trouble.empty()) outcome.error = std::move(result.trouble);
        }
        cancel_.reset();
        return outcome;
    }

    [[nodiscard]] std::string_view name() const noexcept override { return "jsonl"; }
    void prepare() override { file_.prepare(); }
    void close() override { file_.close(); }

    /// Ends the wait for another process that writes to the file, or for the reader of a pipe.
    void cancel() noexcept override { cancel_.request(); }

    void forked() noexcept override {
        file_.abandon();
        // A fork amidst deliver() copied buffers that were being changed: they are left behind.
        ::new (static_cast<void*>(&encoder_)) otlp::JsonEncoder{origins_};
        cancel_.reset();
    }

  private:
    struct Line {
        std::string_view text;
        std::uint64_t spans = 0;
    };

    /// Encodes spans from `next` on, and leaves it at the one behind the line. A large span may end
    /// far beyond the limit: then the next line begins with it, so that no line which others can
    /// still read becomes one that they skip.
    [[nodiscard]] Line next_line(const Batch& batch, Batch::iterator& next) {
        const Batch::iterator first = next;
        Line line;
        Batch::iterator last;
        encoder_.begin(batch.resource());
        do {
            last = next;
            encoder_.add(*next++);
            ++line.spans;
        } while (next != batch.end() && encoder_.size() < max_line_bytes_);
        line.text = encoder_.finish_line();
        if (line.spans == 1 || line.text.size() <= 2 * max_line_bytes_) return line;
        encoder_.begin(batch.resource());
        for (next = first; next != last; ++next) encoder_.add(*next);
        return {encoder_.finish_line(), line.spans - 1};
    }

    std::size_t max_line_bytes_;
    otlp::OriginChoice origins_;
    otlp::JsonEncoder encoder_;
    jsonl::File file_;
    detail::CancelFlag cancel_;
};

namespace [[gnu::visibility("hidden")]] detail {
/// OTEL_TRACES_EXPORTER=jsonl works in a program that includes this header.
inline const bool jsonl_is_registered =
    register_exporter("jsonl", [](const std::function<void(std::string_view)>& report) {
        JsonlOptions options;
        if (const char* path = std::getenv("PLUME_JSONL_PATH"); path && *path != '\0')
            options.path = path;
        else
            report("OTEL_TRACES_EXPORTER=jsonl: PLUME_JSONL_PATH is not set: writing " +
                   options.path);
        return std::make_unique<JsonlExporter>(std::move(options));
    });
} // namespace detail

} // namespace plume
