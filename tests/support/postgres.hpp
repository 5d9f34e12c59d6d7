// postgres.hpp - a PostgreSQL server for the length of a test program.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace plume::test {

/// In a folder of its own, on a socket there and on a port of 127.0.0.1. The server refuses to run
/// as root: then it runs as the user whom Debian's package makes for it.
class Postgres {
  public:
    /// The server of this program. Where none is installed, ends the program with 77, which Meson
    /// calls skipped; with a failure in CI.
    static const Postgres& server() {
        static const Postgres postgres;
        return postgres;
    }

    [[nodiscard]] std::string over_tcp() const {
        return "host=127.0.0.1 port=" + std::to_string(port_) + " user=plume dbname=postgres";
    }
    [[nodiscard]] std::string over_socket() const {
        return "host=" + folder_.string() + " port=" + std::to_string(port_) +
               " user=plume dbname=postgres";
    }
    [[nodiscard]] int port() const { return port_; }
    [[nodiscard]] std::string folder() const { return folder_.string(); }

    Postgres(const Postgres&) = delete;
    Postgres& operator=(const Postgres&) = delete;

  private:
    Postgres() : programs_{find_programs()}, port_{free_port()} {
        if (programs_.empty()) skip("there is no PostgreSQL server (Debian: postgresql)");
        const passwd* other = getuid() == 0 ? getpwnam("postgres") : nullptr;
        if (getuid() == 0 && !other) skip("this is root, and there is no user postgres");
        std::string name = (std::filesystem::temp_directory_path() / "plume-pg-XXXXXX").string();
        if (!mkdtemp(name.data())) throw std::runtime_error{"mkdtemp failed"};
        folder_ = name;
        if (other) {
            if (chown(name.c_str(), other->pw_uid, other->pw_gid) != 0)
                throw std::runtime_error{"chown failed"};
            as_user_ = "setpriv --reuid=postgres --regid=postgres --clear-groups ";
        }
        run("initdb", "-A trust -U plume --no-sync --no-instructions -E UTF8 --locale=C");
        run("pg_ctl", "-w -t 60 -l " + name + "/log -o \"-k " + name + " -p " +
                          std::to_string(port_) +
                          " -c listen_addresses=127.0.0.1 -c fsync=off -c autovacuum=off\" start");
    }
    ~Postgres() {
        run("pg_ctl", "-m immediate stop");
        std::filesystem::remove_all(folder_);
    }

    [[noreturn]] static void skip(const char* why) {
        std::fprintf(stderr, "skipped: %s\n", why);
        const char* ci = std::getenv("CI");
        std::_Exit(ci && std::string_view{ci} == "true" ? 1 : 77);
    }

    static std::filesystem::path find_programs() {
        const std::filesystem::path installed = "/usr/lib/postgresql"; // Debian, by version
        std::vector<std::filesystem::path> candidates;
        std::error_code none;
        for (const auto& version : std::filesystem::directory_iterator{installed, none})
            candidates.push_back(version.path() / "bin");
        candidates.emplace_back("/usr/bin");
        candidates.emplace_back("/usr/local/bin");
        for (const auto& candidate : candidates)
            if (std::filesystem::exists(candidate / "initdb")) return candidate;
        return {};
    }

    static int free_port() {
        const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        const bool bound = bind(socket, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                           getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0;
        close(socket);
        if (!bound) throw std::runtime_error{"no port is free"};
        return ntohs(address.sin_port);
    }

    void run(const char* program, const std::string& arguments) const {
        const std::string command = "cd / && " + as_user_ + (programs_ / program).string() +
                                    " -D " + (folder_ / "data").string() + " " + arguments + " > " +
                                    "/dev/null";
        if (std::system(command.c_str()) != 0)
            std::fprintf(stderr, "failed: %s\n", command.c_str());
    }

    std::filesystem::path programs_;
    int port_;
    std::filesystem::path folder_;
    std::string as_user_;
};

} // namespace plume::test
