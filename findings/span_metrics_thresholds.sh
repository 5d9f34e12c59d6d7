#!/usr/bin/env bash
# The Collector's span metrics connector with its default configuration:
#
#   Go github.com/open-telemetry/opentelemetry-collector-contrib/connector/spanmetricsconnector v0.165.1
#   counts ten spans with `ot=th:8` as twenty calls, and ten with `ot=th:c` as forty; ten without a threshold as ten.
#
# Guess: ten calls each, as its documentation of `traces.span.metrics.calls` reads. The figure is right for traffic
# that was sampled by that threshold alone, and wrong where something behind the SDK has sampled again.
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
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/connector/spanmetricsconnector"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/connector/connectortest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

func calls(state string) (sum int64) {
	factory := spanmetricsconnector.NewFactory()
	config := factory.CreateDefaultConfig().(*spanmetricsconnector.Config)
	config.MetricsFlushInterval = 50 * time.Millisecond
	sink := new(consumertest.MetricsSink)
	connector, err := factory.CreateTracesToMetrics(context.Background(),
		connectortest.NewNopSettings(factory.Type()), config, sink)
	if err != nil {
		panic(err)
	}
	if err = connector.Start(context.Background(), componenttest.NewNopHost()); err != nil {
		panic(err)
	}
	traces := ptrace.NewTraces()
	resource := traces.ResourceSpans().AppendEmpty()
	resource.Resource().Attributes().PutStr("service.name", "shop")
	spans := resource.ScopeSpans().AppendEmpty().Spans()
	for i := byte(0); i < 10; i++ {
		span := spans.AppendEmpty()
		span.SetName("GET /")
		span.SetTraceID([16]byte{0: 1, 9: 240, 15: i + 1})
		span.SetSpanID([8]byte{1})
		span.TraceState().FromRaw(state)
		span.SetStartTimestamp(pcommon.NewTimestampFromTime(time.Now()))
		span.SetEndTimestamp(pcommon.NewTimestampFromTime(time.Now()))
	}
	if err = connector.ConsumeTraces(context.Background(), traces); err != nil {
		panic(err)
	}
	// Cumulative: the first flush of a series is a zero, the last one has all.
	for tries := 0; tries < 200 && sum == 0; tries++ {
		time.Sleep(50 * time.Millisecond)
		all := sink.AllMetrics()
		if len(all) == 0 {
			continue
		}
		metrics := all[len(all)-1].ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics()
		for i := 0; i < metrics.Len(); i++ {
			if metrics.At(i).Name() == "traces.span.metrics.calls" {
				sum = metrics.At(i).Sum().DataPoints().At(0).IntValue()
			}
		}
	}
	_ = connector.Shutdown(context.Background())
	return sum
}

func main() {
	for _, state := range []string{"", "ot=th:8", "ot=th:c"} {
		fmt.Printf("state %q: 10 spans, %d calls\n", state, calls(state))
	}
}
END
collector=go.opentelemetry.io/collector
go get github.com/open-telemetry/opentelemetry-collector-contrib/connector/spanmetricsconnector@v0.165.1 \
    $collector/connector/connectortest@v0.165.0 $collector/component/componenttest@v0.165.0 \
    $collector/consumer/consumertest@v0.165.0 >log 2>&1 || { cat log; exit 1; }
go run . | tee seen
diff seen - <<'END'
state "": 10 spans, 10 calls
state "ot=th:8": 10 spans, 20 calls
state "ot=th:c": 10 spans, 40 calls
END
