#!/usr/bin/env bash
# W3C Trace Context, 3.2.2.5: a receiver of version 00 ignores flags that it does not know, and a sender
# sets them to zero. A header with the flags ff is valid: sampled, random, and six unknown bits.
#
#   package                           version   what leaves
#   npm   @opentelemetry/core         2.12.1    three digits of flags, "0ff": 56 characters, no valid header
#   Go    go.opentelemetry.io/otel    v1.47.0   no header: the trace begins anew
#   PyPI  opentelemetry-api           1.45.0    ff, all unknown bits passed on
#
# Guess: 01 or 03. A sender that uses a flag of a later level breaks traces behind JavaScript and Go.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
ids=0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331

python3 -m venv python
python/bin/pip -q install opentelemetry-api==1.45.0
python/bin/python >seen <<END
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator as W3C
out = {}
W3C().inject(out, W3C().extract({"traceparent": "00-$ids-ff"}))
print("python", out.get("traceparent"))
END

npm --silent init -y >/dev/null
npm --silent install @opentelemetry/api@1.9.1 @opentelemetry/core@2.12.1 >/dev/null
node >>seen <<END
const api = require("@opentelemetry/api");
const { W3CTraceContextPropagator } = require("@opentelemetry/core");
const w3c = new W3CTraceContextPropagator(), out = {};
w3c.inject(w3c.extract(api.ROOT_CONTEXT, { traceparent: "00-$ids-ff" }, api.defaultTextMapGetter), out,
           api.defaultTextMapSetter);
console.log("javascript", out.traceparent, out.traceparent.length);
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
	w3c, out := propagation.TraceContext{}, propagation.MapCarrier{}
	w3c.Inject(w3c.Extract(context.Background(), propagation.MapCarrier{"traceparent": "00-$ids-ff"}), out)
	fmt.Println("go", len(out), out["traceparent"])
}
END
go get go.opentelemetry.io/otel/propagation@v1.47.0 >/dev/null 2>&1
go run . >>../seen
cd ..

cat seen
diff seen - <<END
python 00-$ids-ff
javascript 00-$ids-0ff 56
go 0 
END
