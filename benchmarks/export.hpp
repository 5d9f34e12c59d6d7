// export.hpp - how fast spans leave: collected, encoded and sent by one processor.
#pragma once

#include <functional>

struct ExportRates {
    double jaeger_udp_spans_per_s = 0;
    double otlp_spans_per_s = 0;
    double thrift_ns_per_span = 0;
};

/// Call it on the processor that is to do the work, with no session running; `on_another` moves the
/// thread that calls it to another processor, for the programs at the other end.
ExportRates measure_export(const std::function<void()>& on_another);
