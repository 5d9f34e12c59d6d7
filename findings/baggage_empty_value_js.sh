#!/usr/bin/env bash
# W3C Baggage, 3.3.1: value = *baggage-octet. A value may be empty.
#
#   npm @opentelemetry/core 2.12.1: `flag=,tier=gold` arrives and leaves without `flag`; a member whose value
#   is not empty stays. The same package sends members with empty values, which it does not read.
#
# Guess: `flag` is there with an empty value, as in Python, Go and Java.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm --silent init -y >/dev/null
npm --silent install @opentelemetry/api@1.9.1 @opentelemetry/core@2.12.1 >/dev/null
node <<'END' | tee seen
const api = require("@opentelemetry/api");
const { W3CBaggagePropagator } = require("@opentelemetry/core");
const w3c = new W3CBaggagePropagator(), out = {}, made = {};
const context = w3c.extract(api.ROOT_CONTEXT, { baggage: "flag=,tier=gold" }, api.defaultTextMapGetter);
w3c.inject(context, out, api.defaultTextMapSetter);
console.log("read:", api.propagation.getBaggage(context).getEntry("flag"), "sent:", out.baggage);
const own = api.propagation.createBaggage({ flag: { value: "" }, tier: { value: "gold" } });
w3c.inject(api.propagation.setBaggage(api.ROOT_CONTEXT, own), made, api.defaultTextMapSetter);
console.log("made:", own.getEntry("flag").value === "", "sent:", made.baggage);
END
diff seen - <<'END'
read: undefined sent: tier=gold
made: true sent: flag=,tier=gold
END
