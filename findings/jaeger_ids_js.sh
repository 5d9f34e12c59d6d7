#!/usr/bin/env bash
# Ids in `uber-trace-id` are hex of either case. W3C's traceparent knows lower case alone (3.2.2.3).
#
#   npm @opentelemetry/propagator-jaeger 2.12.0 with @opentelemetry/core 2.12.1: upper case stays in the context's
#   ids, and leaves in a traceparent that no receiver accepts. Its own W3C propagator refuses it too.
#
# Guess: ids become lower case where they are read. A service that translates from Jaeger's format to W3C's
# breaks the trace.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm --silent init -y >/dev/null
npm --silent install @opentelemetry/api@1.9.1 @opentelemetry/core@2.12.1 @opentelemetry/propagator-jaeger@2.12.0 >/dev/null
node <<'END' | tee seen
const api = require("@opentelemetry/api");
const { W3CTraceContextPropagator } = require("@opentelemetry/core");
const { JaegerPropagator } = require("@opentelemetry/propagator-jaeger");
const w3c = new W3CTraceContextPropagator(), out = {};
const headers = { "uber-trace-id": "0AF7651916CD43DD8448EB211C80319C:B7AD6B7169203331:0:1" };
const context = new JaegerPropagator().extract(api.ROOT_CONTEXT, headers, api.defaultTextMapGetter);
w3c.inject(context, out, api.defaultTextMapSetter);
const back = w3c.extract(api.ROOT_CONTEXT, out, api.defaultTextMapGetter);
console.log(out.traceparent, "read again:", api.trace.getSpanContext(back));
END
diff seen - <<'END'
00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01 read again: undefined
END
