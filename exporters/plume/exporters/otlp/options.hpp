// options.hpp - where OTLP goes and how: what a program sets, or its environment.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace plume {

enum class OtlpEncoding : std::uint8_t { protobuf, json };
enum class OtlpCompression : std::uint8_t { none, gzip };

// Each member has an initialiser, or compilers warn where a designated one leaves it out.
struct OtlpOptions {
    /// http or https; used as it is, but `/v1/traces` is added to a URL without a path.
    std::string endpoint = "http://localhost:4318/v1/traces";
    OtlpEncoding encoding = OtlpEncoding::protobuf;
    OtlpCompression compression = OtlpCompression::none;
    /// Sent with every request. Names are tokens, and values have no control characters but tabs:
    /// else the exporter says so when the session starts, and sends nothing.
    std::vector<std::pair<std::string, std::string>> headers = {};
    /// Of a request with all its retries, without the waits that Retry-After asks for. OTLP's
    /// default.
    std::chrono::milliseconds timeout{10'000};
    std::string ca_file = {};          ///< PEM; empty: the system's authorities
    std::string certificate_file = {}; ///< PEM, the client's own; empty: none
    std::string key_file = {};         ///< PEM, of that certificate

    /// A batch is sent in pieces of about this many bytes before compression: gRPC's usual limit
    /// for a message, a fifth of the OpenTelemetry Collector's for HTTP. One span is never split.
    std::size_t max_request_bytes = std::size_t{4} << 20;
    /// Before the first retry; the next waits are twice as long each, up to five seconds.
    std::chrono::milliseconds first_backoff{1'000};

    bool code_attributes = true;   ///< code.function.name, code.file.path, code.line.number
    bool thread_attributes = true; ///< thread.id, thread.name

    /// What OTEL_EXPORTER_OTLP_TRACES_* and OTEL_EXPORTER_OTLP_* say: ENDPOINT, HEADERS,
    /// COMPRESSION, TIMEOUT, PROTOCOL, CERTIFICATE, CLIENT_CERTIFICATE, CLIENT_KEY, INSECURE
    /// (OpenTelemetry 1.60, Protocol Exporter). A value that makes no sense leaves the default,
    /// and a sentence in `warnings`; never a value, which may be a secret. Not while another
    /// thread changes the environment.
    [[nodiscard]] static OtlpOptions from_environment(std::vector<std::string>* warnings = nullptr);
};

} // namespace plume
