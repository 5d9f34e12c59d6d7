// otlp_dump.cpp - writes random spans in both encodings, or sends some, for otlp_decode.py.
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include <plume/exporters/otlp.hpp>

#include "../support/otlp_text.hpp"
#include "../support/random_batch.hpp"

namespace {

using plume::otlp_test::RandomBatch;

template <class Encoder>
std::string encode(const plume::Batch& batch) {
    Encoder encoder;
    encoder.begin(batch.resource());
    for (const plume::SpanData& span : batch) encoder.add(span);
    return std::string{encoder.finish()};
}

int write_files(const std::string& directory) {
    constexpr std::uint64_t cases = 60;
    bool good = true;
    for (std::uint64_t seed = 1; seed <= cases; ++seed) {
        const RandomBatch random{seed,
                                 {.spans = 6, .longest_text = seed % 20 == 0 ? 60'000u : 60u}};
        const auto write = [&](const char* ending, const std::string& bytes) {
            std::ofstream file{directory + '/' + std::to_string(seed) + ending, std::ios::binary};
            good = good && file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
        };
        write(".pb", encode<plume::otlp::ProtobufEncoder>(random.batch()));
        write(".json", encode<plume::otlp::JsonEncoder>(random.batch()));
        write(".txt", plume::otlp_test::otlp_text(random.batch()).text());
    }
    return good ? 0 : 1;
}

/// To where the environment says.
int send() {
    std::vector<std::string> warnings;
    plume::OtlpOptions options = plume::OtlpOptions::from_environment(&warnings);
    options.code_attributes = false; // what is compared has none
    plume::OtlpExporter exporter{options};
    for (const std::string& warning : warnings) std::fprintf(stderr, "%s\n", warning.c_str());
    const RandomBatch random{1, {}};
    const plume::Outcome outcome = exporter.deliver(random.batch());
    std::fprintf(stderr, "%s\n", outcome.error.c_str());
    return outcome.dropped.total() == 0 && warnings.empty() ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 2) return std::fputs("usage: otlp_dump --send | DIRECTORY\n", stderr), 2;
    return argv[1] == std::string_view{"--send"} ? send() : write_files(argv[1]);
}
