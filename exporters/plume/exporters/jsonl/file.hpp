// file.hpp - a file that grows by whole lines, and makes way for a new one when large or old.
#pragma once

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <plume/exporters/detail/cancel.hpp>
#include <plume/exporters/detail/own_descriptor.hpp>

namespace plume::jsonl {

struct FileOptions {
    std::string path = {};
    std::uint64_t max_bytes = 0;          ///< 0: no limit
    std::chrono::milliseconds max_age{0}; ///< 0: no limit
    unsigned max_files = 0;               ///< older ones that are kept, `path`.1 the youngest
    bool sync = false;                    ///< wait for the disk after each line
};

/// Processes may share a path: a line goes in under flock(), and who finds that the path leads to
/// another file by then opens that one. So a log rotator may move or delete it at any time, too.
class File {
  public:
    explicit File(FileOptions options) : options_{std::move(options)} {}
    File(File&& other) noexcept
        : options_{std::move(other.options_)}, descriptor_{std::move(other.descriptor_)},
          born_{other.born_}, regular_{other.regular_} {}
    File& operator=(File&& other) noexcept {
        std::swap(options_, other.options_);
        std::swap(descriptor_, other.descriptor_);
        std::swap(born_, other.born_);
        std::swap(regular_, other.regular_);
        return *this;
    }
    ~File() { abandon(); }

    struct Result {
        bool written = false;
        std::string trouble; ///< a sentence, empty when all went well
    };

    /// Appends `line`, which ends in a line feed, as a whole or not at all. Opens the file if need
    /// be. Waits for other processes until `cancel`, five seconds at most.
    [[nodiscard]] Result append(std::string_view line, const detail::CancelFlag& cancel) {
        constexpr int patience = 10; // each turn, somebody else has moved the file meanwhile
        for (int turn = 0; turn != patience; ++turn) {
            // The program may have closed it, and the number may be another file's by now.
            if (!descriptor_.is_own() && !open()) return {false, sentence("can't open")};
            if (!regular_) return write(line, 0, cancel);
            if (!lock(cancel)) return {false, sentence("can't lock")};
            struct stat now{};
            std::string trouble;
            if (is_current(now)) {
                const auto size = static_cast<std::uint64_t>(now.st_size);
                const bool rotated = is_due(size, line.size()) && rotate(trouble);
                if (!rotated) {
                    Result result = write(line, size, cancel);
                    if (result.written) result.trouble = std::move(trouble);
                    ::flock(descriptor_.number(), LOCK_UN);
                    return result;
                }
            }
            close();
        }
        errno = EBUSY;
        return {false, sentence("can't keep up with what is done to")};
    }

    /// Opens the file early, with the rights of now. If that fails, append() tries again.
    void prepare() {
        if (!descriptor_.is_own()) (void)open();
    }
    /// The next append() opens the file again.
    void close() noexcept {
        if (descriptor_.is_own())
            ::flock(descriptor_.number(), LOCK_UN); // a child may have a copy of it
        abandon();
    }
    /// For the child after fork(): leaves the lock alone, which belongs to the parent.
    void abandon() noexcept { descriptor_.close(); }

  private:
    using Clock = std::chrono::system_clock; // files know no other

    [[nodiscard]] bool open() {
        constexpr mode_t mode = 0640; // what programs do is not everybody's business
        // O_NONBLOCK is for pipes: a reader that sleeps must not keep cancel() from working.
        descriptor_ = detail::OwnDescriptor{
            ::open(options_.path.c_str(),
                   O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, mode)};
        struct stat now{};
        if (!descriptor_.is_open() || ::fstat(descriptor_.number(), &now) != 0) return false;
        regular_ = S_ISREG(now.st_mode);
        born_ = Clock::now();
#ifdef STATX_BTIME
        struct statx more{}; // a program that is restarted often would never rotate by age else
        if (::statx(descriptor_.number(), "", AT_EMPTY_PATH, STATX_BTIME, &more) == 0 &&
            (more.stx_mask & STATX_BTIME) != 0)
            born_ =
                Clock::time_point{std::chrono::seconds{more.stx_btime.tv_sec} +
                                  std::chrono::milliseconds{more.stx_btime.tv_nsec / 1'000'000}};
#endif
        return true;
    }

    [[nodiscard]] bool lock(const detail::CancelFlag& cancel) const {
        constexpr std::chrono::milliseconds pause{2}; // about what writing a line takes
        for (int tries = 0; tries != 2'500; ++tries) {
            if (::flock(descriptor_.number(), LOCK_EX | LOCK_NB) == 0) return true;
            if (errno != EWOULDBLOCK && errno != EINTR) return true; // no locks there: do without
            if (!cancel.wait_for(pause)) break;
        }
        errno = EWOULDBLOCK;
        return false;
    }

    /// Whether the path still leads to the open file, and what that file is like.
    [[nodiscard]] bool is_current(struct stat& now) const noexcept {
        struct stat there{};
        if (::fstat(descriptor_.number(), &now) != 0) return false;
        // A process that gave up its rights may not look any more: what is open goes on.
        if (::stat(options_.path.c_str(), &there) != 0) return errno == EACCES;
        return now.st_ino == there.st_ino && now.st_dev == there.st_dev;
    }
    [[nodiscard]] bool is_due(std::uint64_t size, std::size_t more) const {
        if (size == 0) return false; // a line that is larger than the limit has a file of its own
        if (options_.max_bytes != 0 && size + more > options_.max_bytes) return true;
        return options_.max_age.count() != 0 && Clock::now() - born_ >= options_.max_age;
    }

    /// If it fails, the file goes on growing: too large is better than lost.
    [[nodiscard]] bool rotate(std::string& trouble) const {
        bool moved = true;
        for (unsigned i = options_.max_files; moved && i-- > 1;)
            moved = rename(numbered(i), numbered(i + 1)) || errno == ENOENT;
        if (moved) {
            moved = options_.max_files == 0 ? ::unlink(options_.path.c_str()) == 0
                                            : rename(options_.path, numbered(1));
        }
        if (!moved) trouble = sentence("can't rotate");
        return moved;
    }
    [[nodiscard]] std::string numbered(unsigned i) const {
        return options_.path + "." + std::to_string(i);
    }
    [[nodiscard]] static bool rename(const std::string& from, const std::string& to) noexcept {
        return std::rename(from.c_str(), to.c_str()) == 0;
    }

    /// A full disk takes half of a line: that half is cut off again.
    [[nodiscard]] Result write(std::string_view line, std::uint64_t size,
                               const detail::CancelFlag& cancel) const {
        char last = '\n'; // something else after a crash, or when cutting failed
        if (size != 0) (void)!::pread(descriptor_.number(), &last, 1, static_cast<off_t>(size - 1));
        const bool done = (last == '\n' || put("\n", cancel)) && put(line, cancel) &&
                          (!options_.sync || ::fdatasync(descriptor_.number()) == 0);
        if (done) return {true, {}};
        std::string trouble = sentence("can't write to");
        if (regular_) (void)!::ftruncate(descriptor_.number(), static_cast<off_t>(size));
        return {false, std::move(trouble)};
    }
    [[nodiscard]] bool put(std::string_view bytes, const detail::CancelFlag& cancel) const {
        while (!bytes.empty()) {
            const ssize_t count = ::write(descriptor_.number(), bytes.data(), bytes.size());
            if (count >= 0) bytes.remove_prefix(static_cast<std::size_t>(count));
            else if (errno == EAGAIN && cancel.wait_for(detail::CancelFlag::glance)) continue;
            else if (errno != EINTR) return false;
        }
        return true;
    }

    [[nodiscard]] std::string sentence(std::string_view what) const {
        return std::string{what} + ' ' + options_.path + ": " +
               std::generic_category().message(errno);
    }

    FileOptions options_;
    detail::OwnDescriptor descriptor_;
    Clock::time_point born_{};
    bool regular_ = false;
};

} // namespace plume::jsonl
