#!/usr/bin/env python3
"""Sends every kind of span to a running Jaeger, by each protocol, and compares what its query API
returns with what was recorded.  usage: with_jaeger.sh jaeger_roundtrip.py SPANS [EXPORTER...]
(the program spans.cpp; all its exporters, unless some are named)

Both sides become lines of text, so that a difference reads like a diff."""

import difflib
import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.parse
from collections import Counter
from pathlib import Path

import jaeger_query

EXPORTERS = ["jaeger-udp", "jaeger-http", "otlp-protobuf", "otlp-json"]
KINDS = {2: "server", 3: "client", 4: "producer", 5: "consumer"}
JSON_SAFE = 2**53 - 1  # beyond, the query API writes integers as text, for JavaScript's sake


# What should be there. Where the protocols differ, `thrift` says which one it is: Jaeger itself
# turns OTLP into its model, and leaves out what that has no place for.

def json_text(values):
    """An array as Go and Plume write it: shortest numbers, no blanks."""
    def element(value):
        if not isinstance(value, float):
            return json.dumps(value, ensure_ascii=False)
        text = repr(value)
        return text.removesuffix(".0")
    return "[" + ",".join(map(element, values)) + "]"


def tag_line(key, kind, value):
    if kind.endswith("[]"):
        kind, value = "string", json_text(value)
    if kind == "float64":
        value = float(value)
    return f"{key} {kind} {value!r}"


def tag_lines(attributes):
    return [tag_line(*attribute) for attribute in attributes]


def origin_tags(span):
    """Where it was recorded."""
    if span["function"]:
        yield "code.function.name", "string", span["function"]
    if span["file"]:
        yield "code.file.path", "string", span["file"]
        yield "code.line.number", "int64", span["line"]
    yield "thread.id", "int64", span["thread_id"]
    yield "thread.name", "string", span["thread_name"]


def own_tags(span, thrift):
    yield "otel.scope.name", "string", span["scope_name"]
    yield "otel.scope.version", "string", span["scope_version"]
    if span["kind"] in KINDS:
        yield "span.kind", "string", KINDS[span["kind"]]
    elif not thrift:
        yield "span.kind", "string", "internal"
    if span["status"] == 1:
        yield "otel.status_code", "string", "OK"
    if span["status"] == 2:
        yield "otel.status_code", "string", "ERROR"
        yield "error", "bool", True
        if span["message"]:
            yield "otel.status_description", "string", span["message"]
    if span["trace_state"]:
        yield "w3c.tracestate", "string", span["trace_state"]
    for what in ("attributes", "events", "links"):
        if thrift and span[f"dropped_{what}"]:
            yield f"otel.dropped_{what}_count", "int64", span[f"dropped_{what}"]


def expected_logs(span, thrift):
    for event in span["events"]:
        fields = tag_lines(event["attributes"])
        if not any(key == "event" for key, _, _ in event["attributes"]):
            fields.append(tag_line("event", "string", event["name"]))
        yield event["time_ns"] // 1000, fields
    for link in span["links"]:
        if thrift and link["attributes"]:  # a reference has no room for them
            yield span["begin_ns"] // 1000, tag_lines([
                ["event", "string", "link"], ["trace_id", "string", link["trace_id"]],
                ["span_id", "string", link["span_id"]], *link["attributes"]])


def expected_lines(span, thrift):
    begin, end = span["begin_ns"], span["end_ns"]
    least = 1 if thrift else 0  # OTLP has nanoseconds, and Jaeger's page cuts them off
    lines = [f"span {span['trace_id']} {span['span_id']} {span['name']!r}",
             f"  from {begin // 1000} for {max((end - begin) // 1000, least)}"]
    if span["parent_id"]:
        lines.append(f"  CHILD_OF {span['trace_id']} {span['parent_id']}")
    lines += [f"  FOLLOWS_FROM {link['trace_id']} {link['span_id']}" for link in span["links"]]
    tags = tag_lines([*span["attributes"], *origin_tags(span), *own_tags(span, thrift)])
    return lines + sorted(f"  tag {tag}" for tag in tags) + log_lines(expected_logs(span, thrift))


# What is there.

def found_tag(tag):
    value = tag["value"]
    if tag["type"] == "int64" and isinstance(value, str):
        value = int(value)
        assert abs(value) > JSON_SAFE, tag
    return tag_line(tag["key"], tag["type"], value)


def found_lines(span):
    lines = [f"span {span['traceID']} {span['spanID']} {span['operationName']!r}",
             f"  from {span['startTime']} for {span['duration']}"]
    lines += [f"  {r['refType']} {r['traceID']} {r['spanID']}" for r in span["references"]]
    logs = ((log["timestamp"], map(found_tag, log["fields"])) for log in span["logs"])
    return lines + sorted(f"  tag {found_tag(tag)}" for tag in span["tags"]) + log_lines(logs)


def log_lines(logs):
    """Their fields sorted: on the way through Thrift, Jaeger changes the order."""
    lines = []
    for time, fields in logs:
        lines.append(f"  log at {time}")
        lines += sorted(f"    {field}" for field in fields)
    return lines


def warnings_of(span, thrift):
    """What Jaeger has to say. It misses the remote parent, which never was. And in whole
    microseconds, which is all that Thrift has, a short span may seem to end after its parent: to
    Jaeger that looks like bad clocks. No span takes no time, by any protocol."""
    known = ["invalid parent span IDs=ff00000000000000;"]
    if thrift:
        known += ["clock skew adjustment disabled;"]
    return [warning for warning in span["warnings"] or [] if not warning.startswith(tuple(known))]


class Mismatch(Exception):
    pass


def differ(what, expected, found, most=60):
    """Raises with a diff of lines, unless they are the same."""
    if expected == found:
        return
    diff = list(difflib.unified_diff(expected, found, "recorded", "read back", lineterm=""))
    more = [f"… and {len(diff) - most} lines more"] if len(diff) > most else []
    raise Mismatch("\n".join([what, *diff[:most], *more]))


def compare(service, recorded, traces, thrift):
    spans = jaeger_query.spans_in(traces)
    expected = {(s["trace_id"], s["span_id"]): expected_lines(s, thrift)
                for s in recorded["spans"]}
    counts = Counter((s["traceID"], s["spanID"]) for s in spans)
    differ(f"{service}: spans that are not there exactly once (trace, span, times)",
           sorted(f"{key[0]} {key[1]} 1 {lines[0]}" for key, lines in expected.items()
                  if counts[key] != 1),
           sorted(f"{key[0]} {key[1]} {count} {expected.get(key, ['unknown'])[0]}"
                  for key, count in counts.items() if count != 1 or key not in expected))
    found = {(s["traceID"], s["spanID"]): found_lines(s) for s in spans}
    wrong = [key for key, lines in expected.items() if found[key] != lines]
    differ(f"{service}: {len(wrong)} of {len(expected)} spans differ",
           [line for key in wrong for line in expected[key]],
           [line for key in wrong for line in found[key]])
    differ(f"{service}: warnings", [],
           [warning for span in spans for warning in warnings_of(span, thrift)])

    resource = sorted(tag_lines(recorded["resource"]))
    for trace in traces:
        for process in trace["processes"].values():
            tags = process["tags"]
            if thrift:  # it names the sender of a packet
                tags = [tag for tag in tags if tag["key"] != "client-uuid"]
                assert len(tags) + 1 == len(process["tags"]), process
            name = tag_line("service.name", "string", process["serviceName"])
            differ(f"{service}: tags of the process", resource,
                   sorted([name, *map(found_tag, tags)]))


def check_resource(service, resource):
    """The recorded one is compared with what Jaeger has; this says that it is worth that."""
    keys = {key: (kind, value) for key, kind, value in resource}
    assert keys["service.name"] == ("string", service), keys
    assert keys["telemetry.sdk.name"] == ("string", "plume"), keys
    assert keys["telemetry.sdk.language"] == ("string", "cpp"), keys
    assert re.fullmatch(r"\d+\.\d+\.\d+", keys["telemetry.sdk.version"][1]), keys
    assert keys["process.pid"][0] == "int64" and keys["process.pid"][1] > 1, keys


def send(program, exporter, service, host="127.0.0.1"):
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "recorded.json"
        local = {**os.environ, "no_proxy": host, "NO_PROXY": host}
        # Whoever runs this may have told other programs about a service of theirs.
        environment = {k: v for k, v in local.items() if not k.startswith("OTEL_")}
        ran = subprocess.run([program, exporter, service, str(file), host], env=environment,
                             check=False, capture_output=True, text=True, timeout=120)
        if ran.returncode != 0:
            raise Mismatch(f"{program} {exporter}: exit status {ran.returncode}\n{ran.stderr}")
        return json.loads(file.read_text(encoding="utf-8"))


def lost_packets():
    """Datagrams that found the receive buffer of port 6831 full: Linux counts them."""
    tables = [Path(f"/proc/net/{name}") for name in ("udp", "udp6")]
    sockets = [line.split() for table in tables if table.exists()
               for line in table.read_text(encoding="ascii").splitlines()[1:]]
    return sum(int(fields[-1]) for fields in sockets if fields[1].endswith(":1AAF"))


def check(service, recorded, thrift):
    """The search, then each trace by its id, as the page of Jaeger reads them."""
    spans = recorded["spans"]
    check_resource(service, recorded["resource"])
    compare(service, recorded, jaeger_query.wait_for_spans(service, len(spans)), thrift)
    names = jaeger_query.get(f"/api/services/{urllib.parse.quote(service)}/operations")
    differ(f"{service}: operations", sorted({span["name"] for span in spans}), sorted(names))
    ids = sorted({span["trace_id"] for span in spans})
    compare(service, recorded, [jaeger_query.get(f"/api/traces/{i}")[0] for i in ids], thrift)
    print(f"{service}: {len(spans)} spans in {len(ids)} traces came back as they were recorded")


def main():
    program, *exporters = sys.argv[1:]
    sent = {}
    for exporter in exporters or EXPORTERS:
        service = f"roundtrip-{exporter}"
        sent[service] = send(program, exporter, service), exporter.startswith("jaeger")
        check(service, *sent[service])
    # Whatever came late, came twice, or was changed by another sender, shows now.
    for service, (recorded, thrift) in sent.items():
        compare(service, recorded, jaeger_query.traces_of(service), thrift)
    services = jaeger_query.get("/api/services")
    differ("services", sorted(sent), sorted(name for name in services if name in sent))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    try:
        main()
    except Mismatch as mismatch:
        print(mismatch, file=sys.stderr)
        if lost_packets():
            print(f"{lost_packets()} UDP packets found Jaeger's receive buffer full",
                  file=sys.stderr)
        sys.exit(1)
