#!/usr/bin/env python3
"""Runs the demo against a running Jaeger, and reads back one trace for each of its requests, with
the spans of both services.  usage: with_jaeger.sh jaeger_demo.py [--save FILE] DEMO [ARGUMENT...]
(`--export jaeger` and `--export otlp` are appended)

With --save, the trace of the request that failed is left in FILE as the query API returned it."""

import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import jaeger_query
from jaeger_query import parent_of, tags_of

SERVICES = ("storefront", "inventory")
MILLISECOND = 1000  # Jaeger counts microseconds


class Span:
    """A span of a trace, and what Jaeger says elsewhere about it."""

    def __init__(self, trace, span):
        self.id, self.parent = span["spanID"], parent_of(span)
        self.name, self.tags = span["operationName"], tags_of(span)
        self.begin, self.end = span["startTime"], span["startTime"] + span["duration"]
        self.service = trace["processes"][span["processID"]]["serviceName"]
        self.kind = self.tags.get("span.kind", "internal")
        self.is_query = "db.system.name" in self.tags
        self.text = f"{self.service}: {self.name} ({self.kind})"


def tree_text(spans, parent=None, depth=0):
    children = sorted((s for s in spans.values() if s.parent == parent), key=lambda s: s.begin)
    return "".join("  " * depth + child.text + "\n" + tree_text(spans, child.id, depth + 1)
                   for child in children)


def is_within(span, parent, children):
    """Whether the times of a span are within those of its parent."""
    if span.service == parent.service:
        return parent.begin <= span.begin + 1 and span.end <= parent.end + 1  # rounded
    # Each process maps its own ticks to wall time. Who answers is done when all is sent, and who
    # asks may have got it by then; but what it did for the answer came before.
    end = max((child.end for child in children), default=span.begin)
    return parent.begin <= span.begin + MILLISECOND and end <= parent.end + MILLISECOND


def check_span(span, spans):
    """What holds for each span of the demo."""
    parent = spans.get(span.parent)
    children = [s for s in spans.values() if s.parent == span.id]
    if span.parent is None:
        assert (span.service, span.kind) == ("storefront", "server"), "the root"
    else:
        assert parent, f"the parent of {span.text} is missing"
        assert is_within(span, parent, children), f"{span.text} is not within its parent's time"
    if span.kind == "server":
        assert "http.response.status_code" in span.tags, f"{span.text} has no status"
        assert span.parent is None or (span.service, parent.service, parent.kind) == \
            ("inventory", "storefront", "client"), f"{span.text} was not asked by a client span"
    if span.service == "storefront" and span.kind == "client":
        assert [c.service for c in children] == ["inventory"], f"{span.text} reached nobody"
    if span.is_query:
        assert (span.kind, parent.service, parent.kind) == ("client", "inventory", "server"), \
            f"{span.text} is not below the request that made it"
    if span.service == "inventory" and span.kind == "server":
        assert any(c.is_query for c in children), f"{span.text} asked no database"


def check_trace(trace):
    """One request. Returns the name and the status of its root."""
    spans = {span["spanID"]: Span(trace, span) for span in trace["spans"]}
    try:
        assert len(spans) == len(trace["spans"]), "a span is there twice"
        (root,) = [s for s in spans.values() if s.parent is None]
        for span in spans.values():
            check_span(span, spans)
    except (AssertionError, ValueError) as wrong:
        sys.exit(f"trace {trace['traceID']}: {wrong}\n{tree_text(spans)}")
    for process in trace["processes"].values():
        tags = tags_of(process)
        assert process["serviceName"] in SERVICES and tags["telemetry.sdk.name"] == "plume", process
        assert isinstance(tags["process.pid"], int), process
    return root.name, root.tags["http.response.status_code"], bool(root.tags.get("error"))


def run_demo(command, exporter):
    """How many spans it says that it has sent."""
    # Whoever runs this may have told other programs where their spans go.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("OTEL_")}
    ran = subprocess.run([*command, "--export", exporter], env=environment, check=False,
                         stdout=subprocess.PIPE, text=True, timeout=600)
    account = re.search(r"^both: begun (\d+), exported (\d+), dropped 0 \(\w+\)$", ran.stdout, re.M)
    if ran.returncode != 0 or not account or account[1] != account[2]:
        sys.exit(f"{ran.stdout}\nthe demo ended with status {ran.returncode}")
    return int(account[1])


def new_traces(known, spans, seconds=20):
    """Those that are not in `known`, when they have that many spans."""
    deadline = time.monotonic() + seconds
    while True:
        traces = {}
        for service in SERVICES:  # a trace is found through either, and read as a whole
            for trace in jaeger_query.traces_of(service):
                if trace["traceID"] not in known:
                    traces[trace["traceID"]] = trace
        found = len(jaeger_query.spans_in(traces.values()))
        if found == spans:
            return traces
        if found > spans or time.monotonic() > deadline:
            sys.exit(f"the demo has sent {spans} spans, and Jaeger has {found}")
        time.sleep(0.1)


def check(command, exporter, known):
    spans = run_demo(command, exporter)
    traces = new_traces(known, spans)
    requests = Counter(check_trace(trace) for trace in traces.values())
    expected = {("GET /", 200, False): 4, ("GET /orders/{id}", 200, False): 11,
                ("GET /orders/{id}", 404, False): 1, ("GET /orders/{id}", 502, True): 1,
                ("GET /external", 200, False): 3}
    if requests != expected:
        sys.exit(f"{exporter}: expected the requests {expected}, found {dict(requests)}")
    print(f"demo --export {exporter}: {spans} spans came back as {len(traces)} traces, one for "
          "each request")
    return traces


def pretty(value, indent=""):
    """JSON whose innermost objects take one line each."""
    inner = indent + "  "
    nested = value.values() if isinstance(value, dict) else value
    if not isinstance(value, (dict, list)) or not any(isinstance(v, (dict, list)) for v in nested):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        lines = [inner + pretty(v, inner) for v in value]
        return "[\n" + ",\n".join(lines) + f"\n{indent}]"
    lines = [f"{inner}{json.dumps(k)}: {pretty(v, inner)}" for k, v in value.items()]
    return "{\n" + ",\n".join(lines) + f"\n{indent}}}"


def without_empty_members(trace):
    trace["spans"].sort(key=lambda span: span["startTime"])
    for part in (*trace["spans"], trace):
        for key in [key for key, value in part.items() if not value]:
            del part[key]
    return trace


def save(file, traces):
    """The trace of the request that failed."""
    (trace_id,) = [i for i, trace in traces.items() if check_trace(trace)[1] == 502]
    (trace,) = jaeger_query.get(f"/api/traces/{trace_id}")
    Path(file).write_text(pretty(without_empty_members(trace)) + "\n", encoding="utf-8")


def main(arguments):
    save_to = None
    if arguments[0] == "--save":
        save_to, *arguments = arguments[1:]
    first = check(arguments, "jaeger", known={})
    if save_to:
        save(save_to, first)
    check(arguments, "otlp", known=first)


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1:] == ["--save"]:
        sys.exit(__doc__)
    main(sys.argv[1:])
