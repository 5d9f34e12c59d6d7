"""Tracing by the OpenTelemetry packages for Python: where spans go, and what became of them.

Works with both generations of requirements/: exporters that one of them lacks are imported only
where they are asked for."""

import os
import sys
from threading import Lock

# The stable names of attributes, which Plume has as well. Today's instrumentations know them when
# they are told so before they are imported, the tutorial's don't.
os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http,database")

from opentelemetry import trace  # noqa: E402
from opentelemetry.sdk.resources import Resource  # noqa: E402
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider  # noqa: E402
from opentelemetry.sdk.trace.export import (  # noqa: E402
    BatchSpanProcessor, SpanExporter, SpanExportResult)

from console import TreeExporter  # noqa: E402


def otlp_exporter():
    """Obeys OTEL_EXPORTER_OTLP_ENDPOINT and its relatives."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    return OTLPSpanExporter()


def jaeger_exporter():
    """Obeys OTEL_EXPORTER_JAEGER_AGENT_HOST and _PORT if the packages still speak Jaeger's own
    protocols, those of OTLP if they don't: Jaeger understands both."""
    try:
        from opentelemetry.exporter.jaeger.thrift import JaegerExporter
    except ImportError:
        return otlp_exporter()
    return JaegerExporter()


class Account(SpanProcessor):
    """Counts the spans that begin."""

    def __init__(self):
        self._begun = 0
        self._lock = Lock()
        self._exporters = []

    def on_start(self, span, parent_context=None):
        with self._lock:
            self._begun += 1

    def watch(self, name, exporter):
        watched = Counted(name, exporter)
        self._exporters.append(watched)
        return watched

    def print(self, service):
        """A line for each exporter, as the services in C++ print it."""
        for one in self._exporters:
            print(f"{service}: begun {self._begun}, exported {one.exported}, dropped "
                  f"{self._begun - one.exported} ({one.name})", file=sys.stderr)


class Counted(SpanExporter):
    """Another exporter, and how many spans it has exported."""

    def __init__(self, name, exporter):
        self.name = name
        self.exported = 0
        self._exporter = exporter

    def export(self, spans):
        result = self._exporter.export(spans)
        if result is SpanExportResult.SUCCESS:
            self.exported += len(spans)
        return result

    def shutdown(self):
        self._exporter.shutdown()


class Telemetry:
    """Tracing for the whole process, from its construction to shutdown(). What a trace looks like
    on its way to other services is up to OTEL_PROPAGATORS."""

    def __init__(self, service, exporters, columns, coloured):
        """`exporters`: a list with commas of console, jaeger and otlp."""
        makers = {"console": lambda: TreeExporter(service, columns, coloured),
                  "jaeger": jaeger_exporter, "otlp": otlp_exporter}
        self._service = service
        self._account = Account()
        self._provider = TracerProvider(resource=Resource.create({"service.name": service}))
        self._provider.add_span_processor(self._account)
        for name in exporters.split(","):
            if name not in makers:
                sys.exit(f'--export knows {", ".join(makers)}; not "{name}"')
            exporter = self._account.watch(name, makers[name]())
            self._provider.add_span_processor(
                BatchSpanProcessor(exporter, schedule_delay_millis=200))
        trace.set_tracer_provider(self._provider)

    def shutdown(self):
        """Delivers what is left, and prints where all spans went."""
        self._provider.shutdown()
        self._account.print(self._service)
