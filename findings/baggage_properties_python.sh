#!/usr/bin/env bash
# W3C Baggage, 3.3.1: what follows a semicolon in a member is its properties, no part of its value.
#
#   PyPI opentelemetry-api 1.45.0: the value of `tier=gold;ttl=60` is "gold;ttl=60", and it leaves as
#   `tier=gold%3Bttl%3D60`: properties that no receiver behind it can tell from the value.
#
# Guess: the value is "gold". A comparison with "gold" fails in Python and in every service behind it as soon
# as somebody upstream adds a property.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv python
python/bin/pip -q install opentelemetry-api==1.45.0
python/bin/python <<'END' | tee seen
from opentelemetry import baggage
from opentelemetry.baggage.propagation import W3CBaggagePropagator
context = W3CBaggagePropagator().extract({"baggage": "tier=gold;ttl=60,region=eu"})
out = {}
W3CBaggagePropagator().inject(out, context)
print(baggage.get_baggage("tier", context), "leaves as", out["baggage"])
END
diff seen - <<'END'
gold;ttl=60 leaves as tier=gold%3Bttl%3D60,region=eu
END
