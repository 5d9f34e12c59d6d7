#include <plume/exporters/jsonl.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/otlp_read.hpp"
#include "support/otlp_text.hpp"
#include "support/random_batch.hpp"
#include "support/small_batch.hpp"

using namespace std::chrono_literals;
using namespace plume::otlp_test;
using plume::DropReason;
using plume::JsonlExporter;
using plume::JsonlOptions;
namespace fs = std::filesystem;

namespace {

/// An empty directory that goes with it.
class Directory {
  public:
    Directory() {
        std::string name = (fs::temp_directory_path() / "plume-jsonl-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    ~Directory() { fs::remove_all(path_); }
    Directory(const Directory&) = delete;
    Directory& operator=(const Directory&) = delete;

    [[nodiscard]] std::string operator/(std::string_view name) const {
        return (path_ / name).string();
    }

  private:
    fs::path path_;
};

std::string contents(const std::string& path) {
    std::ifstream file{path, std::ios::binary};
    std::ostringstream all;
    all << file.rdbuf();
    return all.str();
}

/// The lines of a file, which has to end with a line feed.
std::vector<std::string> lines_of(const std::string& path) {
    std::vector<std::string> lines;
    std::string all = contents(path);
    CHECK((all.empty() || all.back() == '\n'));
    std::istringstream stream{all};
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
}
std::size_t spans_in(const std::string& path) {
    std::size_t count = 0;
    for (const std::string& line : lines_of(path)) count += read_json(line).spans();
    return count;
}

plume::Outcome deliver(JsonlExporter& exporter, std::size_t spans = 1) {
    return exporter.deliver(SmallBatch{spans}.batch());
}

/// Bytes of a line with one small span.
std::size_t size_of_line() {
    const Directory directory;
    JsonlExporter exporter{{.path = directory / "one"}};
    CHECK(deliver(exporter).dropped.total() == 0);
    return contents(directory / "one").size();
}

} // namespace

TEST_CASE("a batch is a line of TracesData") {
    const Directory directory;
    const std::string path = directory / "traces.jsonl";
    JsonlExporter made{{.path = path, .code_attributes = false}};
    JsonlExporter exporter = std::move(made);
    const RandomBatch random{7, {.spans = 30, .longest_text = 100}};
    for (int i = 0; i != 3; ++i) {
        const plume::Outcome outcome = exporter.deliver(random.batch());
        CHECK(outcome.dropped.total() == 0);
        CHECK(outcome.error.empty());
    }
    exporter.close();
    const std::vector<std::string> lines = lines_of(path);
    CHECK(lines.size() == 3);
    for (const std::string& line : lines)
        CHECK(read_json(line).text() == otlp_text(random.batch()).text());
}

TEST_CASE("a line of the file says which line of source a span is from, unless told otherwise") {
    const Directory directory;
    const auto written = [&directory](const std::string& name, bool code) {
        JsonlExporter exporter{{.path = directory / name, .code_attributes = code}};
        CHECK(deliver(exporter).error.empty());
        return contents(directory / name);
    };
    CHECK(written("with", true).find(R"("code.file.path")") != std::string::npos);
    CHECK(written("without", false).find("code.") == std::string::npos);
}

TEST_CASE("a file that is there already is continued, behind whatever a crash left") {
    const Directory directory;
    const std::string path = directory / "traces.jsonl";
    std::ofstream{path} << "{\"resourceSp";
    for (int i = 0; i != 2; ++i) {
        JsonlExporter exporter{{.path = path, .sync = true}};
        CHECK(deliver(exporter).error.empty());
    }
    const std::vector<std::string> lines = lines_of(path);
    REQUIRE(lines.size() == 3);
    CHECK(lines[0] == "{\"resourceSp");
    CHECK(read_json(lines[1]).spans() == 1);
    CHECK(read_json(lines[2]).spans() == 1);
}

TEST_CASE("the file is not for everybody's eyes, and not for the programs that this one starts") {
    const Directory directory;
    const std::string path = directory / "traces.jsonl";
    JsonlExporter exporter{{.path = path}};
    CHECK(deliver(exporter).error.empty());
    struct stat status{};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 07) == 0);
    int inherited = 0;
    for (int descriptor = 3; descriptor != 256; ++descriptor) {
        struct stat open{};
        if (::fstat(descriptor, &open) == 0 && open.st_ino == status.st_ino &&
            open.st_dev == status.st_dev && (::fcntl(descriptor, F_GETFD) & FD_CLOEXEC) == 0)
            ++inherited;
    }
    CHECK(inherited == 0);
}

TEST_CASE("a large batch is cut into lines that other programs can read") {
    const Directory directory;
    const std::string path = directory / "traces.jsonl";
    JsonlExporter exporter{{.path = path, .max_line_bytes = 1000}};
    CHECK(deliver(exporter, 50).dropped.total() == 0);
    CHECK(spans_in(path) == 50);
    CHECK(lines_of(path).size() > 5);
    for (const std::string& line : lines_of(path)) CHECK(line.size() < 1500);
}

TEST_CASE("a large span has a line of its own, and makes no other line too long") {
    const Directory directory;
    const std::string path = directory / "traces.jsonl";
    const std::string text(1'800, 'x');
    const plume::Attribute attribute{"text", text};
    std::vector<plume::SpanData> spans(5, small_span());
    spans[2].attribute_data = &attribute;
    spans[2].attribute_count = 1;
    JsonlExporter exporter{{.path = path, .max_line_bytes = 1000, .code_attributes = false}};
    CHECK(exporter.deliver(SmallBatch{spans}.batch()).dropped.total() == 0);
    const std::vector<std::string> lines = lines_of(path);
    REQUIRE(lines.size() == 3);
    CHECK(read_json(lines[0]).spans() == 2);
    CHECK(lines[0].size() < 2'000);
    CHECK(read_json(lines[1]).spans() == 1);
    CHECK(lines[1].size() > 2'000);
    CHECK(read_json(lines[2]).spans() == 2);
}

TEST_CASE("a full file makes way, and the oldest one goes") {
    const Directory directory;
    const std::string path = directory / "traces.jsonl";
    const std::size_t line = size_of_line();
    JsonlExporter exporter{{.path = path, .max_file_bytes = 2 * line + 1, .max_files = 2}};
    for (int i = 0; i != 9; ++i) CHECK(deliver(exporter).error.empty());
    CHECK(spans_in(path) == 1);
    CHECK(spans_in(path + ".1") == 2);
    CHECK(spans_in(path + ".2") == 2);
    CHECK_FALSE(fs::exists(path + ".3"));
}

TEST_CASE("without older files a full one starts anew") {
    const Directory directory;
    const std::string path = directory / "traces.jsonl";
    JsonlExporter exporter{{.path = path, .max_file_bytes = 2 * size_of_line(), .max_files = 0}};
    for (int i = 0; i != 5; ++i) CHECK(deliver(exporter).error.empty());
    CHECK(spans_in(path) == 1);
    CHECK_FALSE(fs::exists(path + ".1"));
}

TEST_CASE("a line that is larger than a file may be is written all the same") {
    const Directory directory;
    const std::string path = directory / "traces.jsonl";
    JsonlExporter exporter{{.path = path, .max_file_bytes = 10}};
    for (int i = 0; i != 3; ++i) CHECK(deliver(exporter, 2).dropped.total() == 0);
    for (const char* const number : {"", ".1", ".2"}) CHECK(spans_in(path + number) == 2);
}

TEST_CASE("an old file makes way, even if another run of the program began it") {
    const Directory directory;
    const std::string path = directory / "traces.jsonl";
    const JsonlOptions options{.path = path, .max_age = 30ms};
    {
        JsonlExporter exporter{options};
        CHECK(deliver(exporter).error.empty());
    }
    std::this_thread::sleep_for(40ms); // the age of a file is real time
    JsonlExporter exporter{options};
    CHECK(deliver(exporter).error.empty());
    CHECK(spans_in(path) == 1);
    CHECK(spans_in(path + ".1") == 1);
}

TEST_CASE("a file that can't make way grows on, and that is said") {
    const Directory directory;
    const std::string path = directory / "traces.jsonl";
    fs::create_directories(path + ".1/not empty");
    JsonlExporter exporter{{.path = path, .max_file_bytes = 10, .max_files = 1}};
    CHECK(deliver(exporter).error.empty());
    const plume::Outcome outcome = deliver(exporter);
    CHECK(outcome.dropped.total() == 0);
    CHECK(outcome.error.starts_with("can't rotate " + path + ": "));
    CHECK(spans_in(path) == 2);
}

TEST_CASE("a file that was moved or deleted is not written to any more") {
    const Directory directory;
    const std::string path = directory / "traces.jsonl";
    JsonlExporter exporter{{.path = path}};
    CHECK(deliver(exporter).error.empty());
    fs::rename(path, path + ".moved");
    CHECK(deliver(exporter, 2).error.empty());
    fs::remove(path);
    CHECK(deliver(exporter, 3).error.empty());
    CHECK(spans_in(path + ".moved") == 1);
    CHECK(spans_in(path) == 3);
}

TEST_CASE("a directory that is missing costs batches until it is there") {
    const Directory directory;
    const std::string path = directory / "logs/traces.jsonl";
    JsonlExporter exporter{{.path = path}};
    for (int i = 0; i != 2; ++i) {
        const plume::Outcome outcome = deliver(exporter, 4);
        CHECK(outcome.dropped[DropReason::transport] == 4);
        CHECK(outcome.dropped.total() == 4);
        CHECK(outcome.error == "can't open " + path + ": No such file or directory");
    }
    fs::create_directory(directory / "logs");
    CHECK(deliver(exporter).dropped.total() == 0);
    CHECK(spans_in(path) == 1);
}

TEST_CASE("a full device costs the batch") {
    if (!fs::exists("/dev/full")) return;
    JsonlExporter exporter{{.path = "/dev/full"}};
    const plume::Outcome outcome = deliver(exporter, 5);
    CHECK(outcome.dropped[DropReason::transport] == 5);
    CHECK(outcome.dropped.total() == 5);
    CHECK(outcome.error == "can't write to /dev/full: No space left on device");
}

TEST_CASE("a disk that is full holds no half lines, and goes on when there is room") {
    const Directory directory;
    const std::string mount = directory / "disk";
    fs::create_directory(mount);
    if (::mount("tmpfs", mount.c_str(), "tmpfs", 0, "size=64k") != 0) {
        WARN("not tested: mounting a small disk takes a privilege that is missing here");
        return;
    }
    const std::string path = mount + "/traces.jsonl";
    const std::string filler = mount + "/filler";
    std::ofstream{filler} << std::string(20'000, 'x');
    JsonlExporter exporter{{.path = path}};
    std::size_t dropped = 0;
    constexpr std::size_t batches = 100;
    for (std::size_t i = 0; i != batches; ++i) {
        const plume::Outcome outcome = deliver(exporter, 7); // two pages a line or less
        CHECK(outcome.dropped.total() == outcome.dropped[DropReason::transport]);
        if (outcome.dropped.total() != 0)
            CHECK(outcome.error == "can't write to " + path + ": No space left on device");
        dropped += outcome.dropped.total();
    }
    CHECK(dropped != 0);
    const std::size_t before = spans_in(path); // every line is whole
    CHECK(before + dropped == 7 * batches);
    fs::remove(filler);
    CHECK(deliver(exporter, 7).error.empty());
    CHECK(spans_in(path) == before + 7);
    exporter.close();
    CHECK(::umount2(mount.c_str(), MNT_DETACH) == 0);
}

TEST_CASE("a parent and its children write whole lines to one file, and rotate it once") {
    const Directory directory;
    const std::string path = directory / "traces.jsonl";
    const JsonlOptions options{
        .path = path, .max_file_bytes = 20 * size_of_line(), .max_files = 50};
    JsonlExporter exporter{options};
    CHECK(deliver(exporter).error.empty());
    constexpr int children = 3;
    constexpr int batches = 60;
    std::array<pid_t, children> pids{};
    const auto write_all = [&] {
        bool good = true;
        for (int i = 0; i != batches; ++i) good = deliver(exporter).error.empty() && good;
        return good;
    };
    for (pid_t& pid : pids) {
        pid = ::fork();
        if (pid != 0) continue;
        exporter.forked();
        ::_exit(write_all() ? 0 : 1);
    }
    CHECK(write_all());
    for (const pid_t pid : pids) {
        int status = -1;
        REQUIRE(::waitpid(pid, &status, 0) == pid);
        CHECK(status == 0);
    }
    std::size_t spans = spans_in(path);
    int files = 1;
    for (; fs::exists(path + "." + std::to_string(files)); ++files) {
        const std::size_t here = spans_in(path + "." + std::to_string(files));
        CHECK(here == 20);
        spans += here;
    }
    CHECK(spans == 1 + batches * (children + 1));
    CHECK(files == 13); // 241 lines, 20 in each
}

TEST_CASE("cancel ends the wait for a lock that somebody keeps") {
    const Directory directory;
    const std::string path = directory / "traces.jsonl";
    const int other = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    REQUIRE(::flock(other, LOCK_EX) == 0);
    JsonlExporter exporter{{.path = path}};
    exporter.cancel();
    const plume::Outcome outcome = deliver(exporter, 2);
    CHECK(outcome.dropped[DropReason::transport] == 2);
    CHECK(outcome.error.starts_with("can't lock " + path + ": "));
    ::close(other);
    CHECK(deliver(exporter).error.empty());
}

TEST_CASE("a pipe takes lines, and cancel ends the wait for its reader") {
    const Directory directory;
    const std::string path = directory / "pipe";
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    JsonlExporter exporter{{.path = path}};
    CHECK(deliver(exporter, 1).error.empty());
    exporter.cancel();
    CHECK(deliver(exporter, 1000).dropped[DropReason::transport] == 1000); // 64 KiB fit
}

TEST_CASE("lines go on into the file of a process that gives up its rights to look at the path") {
    const Directory directory;
    const std::string path = directory / "spans.jsonl";
    const std::string folder = directory / "";
    REQUIRE(::chmod(folder.c_str(), 0700) == 0);
    const plume::scene::Ended ended = plume::scene::in_child([&] {
        JsonlExporter exporter{{.path = path}};
        exporter.prepare();
        // To root no path is closed, and nobody else may change who they are.
        const bool given_up = ::geteuid() == 0 ? ::setgid(65534) == 0 && ::setuid(65534) == 0
                                               : ::chmod(folder.c_str(), 0) == 0;
        const SmallBatch small{3};
        const auto outcome = exporter.deliver(small.batch());
        if (given_up && outcome.dropped.total() == 0) plume::scene::print("written");
        static_cast<void>(::chmod(folder.c_str(), 0700)); // where it is still ours
    });
    CHECK(ended.output == "written");
    CHECK(contents(path).find("\"spans\"") != std::string::npos);
}
