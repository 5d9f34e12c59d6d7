#!/usr/bin/env bash
# B3 allows ids without a sampling decision: the receiver decides. What the four SDKs pass on:
#
#   package                                                   version   b3 (one header)  X-B3-Sampled
#   PyPI  opentelemetry-propagator-b3                         1.45.1    1 (sampled)      0 (denied)
#   npm   @opentelemetry/propagator-b3                        2.12.0    0                0
#   Maven opentelemetry-extension-trace-propagators           1.68.0    0                0
#   Go    go.opentelemetry.io/contrib/propagators/b3          v1.47.0   absent           absent
#
# Guess: all pass on what they got. Python turns the same state into a yes or a no, depending on the
# number of headers; JavaScript and Java turn "you decide" into "no", and the trace is lost behind them.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
trace=0af7651916cd43dd8448eb211c80319c
span=b7ad6b7169203331

python3 -m venv python
python/bin/pip -q install opentelemetry-api==1.45.0 opentelemetry-sdk==1.45.0 opentelemetry-propagator-b3==1.45.1
python/bin/python >seen <<END
from opentelemetry.propagators.b3 import B3MultiFormat, B3SingleFormat
one, many = {}, {}
B3SingleFormat().inject(one, B3SingleFormat().extract({"b3": "$trace-$span"}))
B3MultiFormat().inject(many, B3MultiFormat().extract({"x-b3-traceid": "$trace", "x-b3-spanid": "$span"}))
print("python", one["b3"].removeprefix("$trace-$span"), many.get("x-b3-sampled", "absent"))
END

npm --silent init -y >/dev/null
npm --silent install @opentelemetry/api@1.9.1 @opentelemetry/core@2.12.0 @opentelemetry/propagator-b3@2.12.0 >/dev/null
node >>seen <<END
const api = require("@opentelemetry/api");
const { B3Propagator, B3InjectEncoding: E } = require("@opentelemetry/propagator-b3");
const pass = (encoding, headers) => {
  const propagator = new B3Propagator({ injectEncoding: encoding }), out = {};
  propagator.inject(propagator.extract(api.ROOT_CONTEXT, headers, api.defaultTextMapGetter), out,
                    api.defaultTextMapSetter);
  return out;
};
const one = pass(E.SINGLE_HEADER, { b3: "$trace-$span" })["b3"];
const many = pass(E.MULTI_HEADER, { "x-b3-traceid": "$trace", "x-b3-spanid": "$span" });
console.log("javascript", one.replace("$trace-$span", ""), many["x-b3-sampled"] ?? "absent");
END

cat >pom.xml <<'END'
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>finding</groupId><artifactId>finding</artifactId><version>1</version><dependencies><dependency>
<groupId>io.opentelemetry</groupId><artifactId>opentelemetry-extension-trace-propagators</artifactId>
<version>1.68.0</version></dependency></dependencies></project>
END
mvn -q -B dependency:copy-dependencies -DoutputDirectory=lib >/dev/null
cat >Pass.java <<END
import io.opentelemetry.context.Context;
import io.opentelemetry.context.propagation.*;
import io.opentelemetry.extension.trace.propagation.B3Propagator;
import java.util.*;
public class Pass {
  static Map<String, String> pass(TextMapPropagator propagator, Map<String, String> headers) {
    TextMapGetter<Map<String, String>> getter = new TextMapGetter<>() {
      public Iterable<String> keys(Map<String, String> map) { return map.keySet(); }
      public String get(Map<String, String> map, String key) { return map.get(key.toLowerCase()); }
    };
    Map<String, String> out = new HashMap<>();
    propagator.inject(propagator.extract(Context.root(), headers, getter), out,
                      (map, key, value) -> map.put(key.toLowerCase(), value));
    return out;
  }
  public static void main(String[] arguments) {
    String one = pass(B3Propagator.injectingSingleHeader(), Map.of("b3", "$trace-$span")).get("b3");
    Map<String, String> many = pass(B3Propagator.injectingMultiHeaders(),
                                    Map.of("x-b3-traceid", "$trace", "x-b3-spanid", "$span"));
    System.out.println("java " + one.replace("$trace-$span", "") + " "
                       + many.getOrDefault("x-b3-sampled", "absent"));
  }
}
END
java -cp 'lib/*' Pass.java >>seen

mkdir go && cd go
export GOPATH=$work/gopath GOFLAGS=-modcacherw
printf 'module finding\n\ngo 1.25\n' >go.mod
cat >main.go <<END
package main

import (
	"context"
	"fmt"
	"strings"

	"go.opentelemetry.io/contrib/propagators/b3"
	"go.opentelemetry.io/otel/propagation"
)

func pass(encoding b3.Encoding, headers map[string]string) propagation.MapCarrier {
	propagator, out := b3.New(b3.WithInjectEncoding(encoding)), propagation.MapCarrier{}
	propagator.Inject(propagator.Extract(context.Background(), propagation.MapCarrier(headers)), out)
	return out
}

func main() {
	one := pass(b3.B3SingleHeader, map[string]string{"b3": "$trace-$span"})["b3"]
	one = strings.TrimPrefix(one, "$trace-$span")
	many := pass(b3.B3MultipleHeader, map[string]string{"x-b3-traceid": "$trace", "x-b3-spanid": "$span"})
	sampled, found := many["x-b3-sampled"]
	if one == "" {
		one = "absent"
	}
	if !found {
		sampled = "absent"
	}
	fmt.Println("go", one, sampled)
}
END
go get go.opentelemetry.io/contrib/propagators/b3@v1.47.0 >/dev/null 2>&1
go run . >>../seen
cd ..

cat seen
diff seen - <<'END'
python -1 0
javascript -0 0
java -0 0
go absent absent
END
