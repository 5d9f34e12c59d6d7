#!/usr/bin/env bash
# Jaeger's propagation format: flags 1 is sampled, 2 is debug, "always sample", which outranks samplers.
#
#   PyPI opentelemetry-propagator-jaeger 1.45.1: `uber-trace-id` with flags 1 leaves with flags 03; a span that
#   its own sampler has taken leaves with 03 too. Java, Go and JavaScript send 1 or 01.
#
# Guess: 01. Behind a Python service every sampled trace is a debug trace, and samplers that respect the flag
# have nothing left to decide.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv python
python/bin/pip -q install opentelemetry-sdk==1.45.0 opentelemetry-propagator-jaeger==1.45.1
python/bin/python <<'END' | tee seen
from opentelemetry.propagators.jaeger import JaegerPropagator
from opentelemetry.sdk.trace import TracerProvider
passed, begun = {}, {}
JaegerPropagator().inject(passed, JaegerPropagator().extract(
    {"uber-trace-id": "0af7651916cd43dd8448eb211c80319c:b7ad6b7169203331:0:1"}))
with TracerProvider().get_tracer("finding").start_as_current_span("a"):
    JaegerPropagator().inject(begun)
print("passed on:", passed["uber-trace-id"].rsplit(":", 1)[1], "begun:", begun["uber-trace-id"].rsplit(":", 1)[1])
END
diff seen - <<'END'
passed on: 03 begun: 03
END
