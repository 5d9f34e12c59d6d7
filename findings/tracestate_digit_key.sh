#!/usr/bin/env bash
# W3C Trace Context Level 2, 3.3.1.3.1: a key begins with a letter or a digit. Level 1 allows a digit there
# only in front of an @.
#
#   package                           version   what leaves of `1a=x,b=2`
#   PyPI  opentelemetry-api           1.45.0    nothing
#   Go    go.opentelemetry.io/otel    v1.47.0   nothing
#   npm   @opentelemetry/core         2.12.1    `b=2`
#
# Guess: both members (the SDKs set Level 2's random flag), or at least b. One vendor's key of the newer
# level costs all other vendors their state, in silence.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
parent=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01

python3 -m venv python
python/bin/pip -q install opentelemetry-api==1.45.0
python/bin/python >seen 2>log <<END
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator as W3C
for state in ("a=x,b=2", "1a=x,b=2"):
    out = {}
    W3C().inject(out, W3C().extract({"traceparent": "$parent", "tracestate": state}))
    print("python", state, "becomes", out.get("tracestate", "nothing"))
END

npm --silent init -y >/dev/null
npm --silent install @opentelemetry/api@1.9.1 @opentelemetry/core@2.12.1 >/dev/null
node >>seen <<END
const api = require("@opentelemetry/api");
const { W3CTraceContextPropagator } = require("@opentelemetry/core");
for (const state of ["a=x,b=2", "1a=x,b=2"]) {
  const w3c = new W3CTraceContextPropagator(), out = {};
  const headers = { traceparent: "$parent", tracestate: state };
  w3c.inject(w3c.extract(api.ROOT_CONTEXT, headers, api.defaultTextMapGetter), out, api.defaultTextMapSetter);
  console.log("javascript", state, "becomes", out.tracestate ?? "nothing");
}
END

mkdir go && cd go
export GOPATH=$work/gopath GOFLAGS=-modcacherw
printf 'module finding\n\ngo 1.25\n' >go.mod
cat >main.go <<END
package main

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/propagation"
)

func main() {
	for _, state := range []string{"a=x,b=2", "1a=x,b=2"} {
		w3c, out := propagation.TraceContext{}, propagation.MapCarrier{}
		w3c.Inject(w3c.Extract(context.Background(), propagation.MapCarrier{
			"traceparent": "$parent", "tracestate": state}), out)
		becomes, found := out["tracestate"]
		if !found {
			becomes = "nothing"
		}
		fmt.Println("go", state, "becomes", becomes)
	}
}
END
go get go.opentelemetry.io/otel/propagation@v1.47.0 >/dev/null 2>&1
go run . >>../seen
cd ..

cat seen
diff seen - <<'END'
python a=x,b=2 becomes a=x,b=2
python 1a=x,b=2 becomes nothing
javascript a=x,b=2 becomes a=x,b=2
javascript 1a=x,b=2 becomes b=2
go a=x,b=2 becomes a=x,b=2
go 1a=x,b=2 becomes nothing
END
