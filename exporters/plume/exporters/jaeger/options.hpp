// options.hpp - where the Jaeger exporter sends to, and how.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace plume {

// Each member has an initialiser, or compilers warn where a designated one leaves it out.
struct JaegerOptions {
    std::string agent_host = "localhost"; ///< a name, an IPv4 or an IPv6 address
    std::uint16_t agent_port = 6831;      ///< Thrift compact, by UDP
    /// Bytes of a packet. Jaeger reads no more than 65,000 and loses the rest without a word.
    std::size_t max_packet_bytes = 65'000;

    /// Instead of an agent: "http://host:14268/api/traces". Thrift binary, by HTTP or HTTPS.
    std::string endpoint = {};
    /// Bytes of a body. Below what nginx lets through unless told otherwise (1 MiB).
    std::size_t max_body_bytes = 1'000'000;
    std::string user = {}; ///< basic authentication, unless empty
    std::string password = {};
    std::string ca_file = {};          ///< PEM; empty: the system's authorities
    std::string certificate_file = {}; ///< PEM, of this client; empty: none
    std::string key_file = {};         ///< PEM, of that certificate
    bool insecure_skip_verify = false; ///< takes any certificate: for tests only

    /// Before an HTTP request is repeated for the first time; then twice as long.
    std::chrono::milliseconds first_backoff{200};

    /// Of one HTTP request, or of the first lookup of the agent's name.
    std::chrono::milliseconds timeout{10'000};

    bool code_attributes = true;   ///< code.function.name, code.file.path, code.line.number
    bool thread_attributes = true; ///< thread.id, thread.name
};

} // namespace plume
