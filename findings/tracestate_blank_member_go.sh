#!/usr/bin/env bash
# W3C Trace Context, 3.3.1.1 and 3.3.1.2: a list member is a key with its value, or optional white space, since
# several headers are joined by commas.
#
#   Go go.opentelemetry.io/otel v1.47.0: `a=1,,b=2` keeps both members, `a=1, ,b=2` loses both. The
#   traceparent stays valid, nothing is reported.
#
# Guess: nothing for nothing, blank or not, is left out alone, as in Python, JavaScript and Java. A proxy that
# joins an empty tracestate header to others with ", " costs every vendor its state behind a Go service.
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

	"go.opentelemetry.io/otel/propagation"
)

func main() {
	for _, state := range []string{"a=1,b=2", "a=1,,b=2", "a=1, ,b=2"} {
		w3c, out := propagation.TraceContext{}, propagation.MapCarrier{}
		w3c.Inject(w3c.Extract(context.Background(), propagation.MapCarrier{
			"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
			"tracestate":  state,
		}), out)
		fmt.Printf("%q becomes %q, traceparent %t\n", state, out["tracestate"], out["traceparent"] != "")
	}
}
END
go get go.opentelemetry.io/otel/propagation@v1.47.0 >/dev/null 2>&1
go run . | tee seen
diff seen - <<'END'
"a=1,b=2" becomes "a=1,b=2", traceparent true
"a=1,,b=2" becomes "a=1,b=2", traceparent true
"a=1, ,b=2" becomes "", traceparent true
END
