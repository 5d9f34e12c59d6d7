// sqlite.cpp - what an instrumented SQLite connection costs a statement more than a plain one.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <plume/instrument/sqlite.hpp>
#include <plume/session.hpp>

#include "measure.hpp"

namespace {

/// A connection with a prepared look-up of one row by its key: the cheapest thing that applications
/// really do.
class Lookup {
  public:
    explicit Lookup(const std::string& file) {
        check(sqlite3_open(file.c_str(), &db_));
        check(sqlite3_exec(db_,
                           "CREATE TABLE IF NOT EXISTS item (id INTEGER PRIMARY KEY, name TEXT);"
                           "INSERT OR IGNORE INTO item VALUES (17, 'seventeen')",
                           nullptr, nullptr, nullptr));
        check(sqlite3_prepare_v2(db_, "SELECT name FROM item WHERE id = ?", -1, &query_, nullptr));
    }
    ~Lookup() {
        sqlite3_finalize(query_);
        sqlite3_close(db_);
    }
    Lookup(const Lookup&) = delete;
    Lookup& operator=(const Lookup&) = delete;

    /// One transaction around all look-ups: otherwise each would lock the file and unlock it, in
    /// ten times the time that is measured.
    void lock() {
        check(sqlite3_exec(db_, "BEGIN; SELECT * FROM item", nullptr, nullptr, nullptr));
    }
    void instrument() { check(plume::instrument(db_)); }

    /// The nanoseconds of one run, on average of so many.
    double run(int times) {
        const double begin = measure::now_ns();
        for (int i = 0; i < times; ++i) {
            sqlite3_bind_int(query_, 1, 17);
            while (sqlite3_step(query_) == SQLITE_ROW) {}
            sqlite3_reset(query_);
        }
        return (measure::now_ns() - begin) / times;
    }

  private:
    static void check(int code) {
        if (code == SQLITE_OK) return;
        std::fprintf(stderr, "sqlite: %s\n", sqlite3_errstr(code));
        std::exit(1);
    }
    sqlite3* db_ = nullptr;
    sqlite3_stmt* query_ = nullptr;
};

} // namespace

int main() {
    const std::string file =
        (std::filesystem::temp_directory_path() / "plume-benchmark.db").string();
    std::filesystem::remove(file);
    measure::run_on(-1);
    plume::Session session{{.service_name = "benchmark"}, measure::NullExporter{}};
    measure::run_on(0);
    double extra = 0;
    {
        Lookup plain{file}, traced{file};
        plain.lock();
        traced.lock();
        traced.instrument();
        // Bursts that fit the ring: what is measured is the application's side.
        constexpr int rounds = 400, burst = 500;
        std::vector<double> pairs, plains, differences;
        for (int i = 0; i < rounds; ++i) {
            const bool traced_first = i % 2 == 0;
            const double first = (traced_first ? traced : plain).run(burst);
            const double second = (traced_first ? plain : traced).run(burst);
            session.flush(std::chrono::seconds{10});
            if (i < rounds / 10) continue; // to warm up
            plains.push_back(traced_first ? second : first);
            differences.push_back(traced_first ? first - second : second - first);
            pairs.push_back(measure::clock_pair_ns());
        }
        const double pair = measure::median(pairs);
        extra = measure::median(differences) / pair;
        std::fprintf(stderr,
                     "sqlite: a look-up takes %.0f ns, traced %.0f ns more: %.2f clock pairs of "
                     "%.1f ns\n",
                     measure::median(plains), measure::median(differences), extra, pair);
    }
    std::filesystem::remove(file);
    const auto end = session.shutdown(std::chrono::seconds{10});
    if (!end.complete || end.stats.exporters.at(0).dropped.total() != 0) {
        std::fprintf(stderr, "sqlite: spans were lost\n");
        return 1;
    }
    std::printf("{\"sqlite\": {\"extra_clock_pairs\": %.3f}}\n", extra);
}
