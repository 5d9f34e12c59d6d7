#!/usr/bin/env bash
# Jaeger's propagation format: baggage travels as `uberctx-KEY`, values percent-encoded.
#
#   package                                             version   what becomes of `uberctx-city: k%C3%B6ln`
#   Go    go.opentelemetry.io/contrib/propagators/jaeger  v1.47.0   nothing: reads and writes no baggage
#   Maven opentelemetry-extension-trace-propagators      1.68.0    "k%C3%B6ln", never decoded; a value "köln" that
#                                                                  the program sets leaves unencoded
#   PyPI  opentelemetry-propagator-jaeger                1.45.1    decoded and encoded again
#
# Guess: as in Python. A value with a blank or an umlaut means one thing in Python and another in Java.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export JAVA_TOOL_OPTIONS=-Dfile.encoding=UTF-8 LC_ALL=C.UTF-8
ids=0af7651916cd43dd8448eb211c80319c:b7ad6b7169203331:0:1

python3 -m venv python
python/bin/pip -q install opentelemetry-sdk==1.45.0 opentelemetry-propagator-jaeger==1.45.1
python/bin/python >seen <<END
from opentelemetry import baggage
from opentelemetry.propagators.jaeger import JaegerPropagator
context, out = JaegerPropagator().extract({"uber-trace-id": "$ids", "uberctx-city": "k%C3%B6ln"}), {}
JaegerPropagator().inject(out, context)
print("python", ascii(baggage.get_baggage("city", context)), out["uberctx-city"])
END

cat >pom.xml <<'END'
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>finding</groupId><artifactId>finding</artifactId><version>1</version><dependencies><dependency>
<groupId>io.opentelemetry</groupId><artifactId>opentelemetry-extension-trace-propagators</artifactId>
<version>1.68.0</version></dependency></dependencies></project>
END
mvn -q -B dependency:copy-dependencies -DoutputDirectory=lib >/dev/null 2>&1
cat >Pass.java <<END
import io.opentelemetry.api.baggage.Baggage;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.propagation.*;
import io.opentelemetry.extension.trace.propagation.JaegerPropagator;
import java.util.*;
public class Pass {
  public static void main(String[] arguments) {
    TextMapGetter<Map<String, String>> getter = new TextMapGetter<>() {
      public Iterable<String> keys(Map<String, String> map) { return map.keySet(); }
      public String get(Map<String, String> map, String key) { return map.get(key); }
    };
    Map<String, String> made = new HashMap<>();
    JaegerPropagator jaeger = JaegerPropagator.getInstance();
    Context context = jaeger.extract(Context.root(), Map.of("uber-trace-id", "$ids", "uberctx-city", "k%C3%B6ln"), getter);
    Baggage own = Baggage.builder().put("city", "k\u00f6ln").build();
    jaeger.inject(context.with(own), made, Map::put);
    System.out.println("java " + Baggage.fromContext(context).getEntryValue("city")
                       + " " + made.get("uberctx-city").equals("k\u00f6ln"));
  }
}
END
java -cp 'lib/*' Pass.java 2>/dev/null >>seen

mkdir go && cd go
export GOPATH=$work/gopath GOFLAGS=-modcacherw
printf 'module finding\n\ngo 1.25\n' >go.mod
cat >main.go <<END
package main

import (
	"context"
	"fmt"

	"go.opentelemetry.io/contrib/propagators/jaeger"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/propagation"
)

func main() {
	out := propagation.MapCarrier{}
	ctx := jaeger.Jaeger{}.Extract(context.Background(),
		propagation.MapCarrier{"uber-trace-id": "$ids", "uberctx-city": "k%C3%B6ln"})
	jaeger.Jaeger{}.Inject(ctx, out)
	fmt.Println("go", baggage.FromContext(ctx).Len(), len(out))
}
END
go get go.opentelemetry.io/contrib/propagators/jaeger@v1.47.0 >/dev/null 2>&1
go run . >>../seen
cd ..

cat seen
diff seen - <<'END'
python 'k\xf6ln' k%C3%B6ln
java k%C3%B6ln true
go 0 1
END
