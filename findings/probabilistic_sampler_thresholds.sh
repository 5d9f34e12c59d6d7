#!/usr/bin/env bash
# The Collector's probabilistic_sampler, in its default mode (hash_seed), at 100 %:
#
#   Go github.com/open-telemetry/opentelemetry-collector-contrib/processor/probabilisticsamplerprocessor v0.165.1
#   drops every span whose trace state has a threshold (`ot=th:8`). No error reaches the sender; the log says so
#   at debug level. The modes equalizing and proportional keep all.
#
# Guess: 100 % keeps everything. Any SDK with a consistent ratio sampler loses all its spans there.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export GOPATH=$work/gopath GOFLAGS=-modcacherw
printf 'module finding\n\ngo 1.25\n' >go.mod
cat >main.go <<'END'
package main

import (
	"context"
	"fmt"

	sampler "github.com/open-telemetry/opentelemetry-collector-contrib/processor/probabilisticsamplerprocessor"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor/processortest"
)

func main() {
	factory := sampler.NewFactory()
	for _, mode := range []sampler.SamplerMode{"", "equalizing", "proportional"} {
		for _, state := range []string{"", "ot=th:8"} {
			config := factory.CreateDefaultConfig().(*sampler.Config)
			config.SamplingPercentage, config.Mode = 100, mode
			sink := new(consumertest.TracesSink)
			processor, err := factory.CreateTraces(context.Background(),
				processortest.NewNopSettings(factory.Type()), config, sink)
			if err != nil {
				panic(err)
			}
			traces := ptrace.NewTraces()
			spans := traces.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
			for i := byte(0); i < 100; i++ {
				span := spans.AppendEmpty() // the low 56 bits are above the threshold
				span.SetTraceID([16]byte{0: 1, 9: 128 + i})
				span.SetSpanID([8]byte{1})
				span.TraceState().FromRaw(state)
			}
			err = processor.ConsumeTraces(context.Background(), traces)
			fmt.Printf("mode %q, state %q: %d of 100, error %v\n", mode, state, sink.SpanCount(), err)
		}
	}
}
END
collector=go.opentelemetry.io/collector
go get github.com/open-telemetry/opentelemetry-collector-contrib/processor/probabilisticsamplerprocessor@v0.165.1 \
    $collector/consumer/consumertest@v0.165.0 $collector/processor/processortest@v0.165.0 >log 2>&1 || { cat log; exit 1; }
go run . | tee seen
diff seen - <<'END'
mode "", state "": 100 of 100, error <nil>
mode "", state "ot=th:8": 0 of 100, error <nil>
mode "equalizing", state "": 100 of 100, error <nil>
mode "equalizing", state "ot=th:8": 100 of 100, error <nil>
mode "proportional", state "": 100 of 100, error <nil>
mode "proportional", state "ot=th:8": 100 of 100, error <nil>
END
