"""Reads traces back from Jaeger's query API; where that is comes from with_jaeger.sh."""

import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request

ADDRESS = os.environ.get("JAEGER_QUERY", "http://127.0.0.1:16686")
# A proxy, if there is one, is not for what stays on this machine.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def get(path, **parameters):
    """The `data` of the answer."""
    query = "?" + urllib.parse.urlencode(parameters) if parameters else ""
    with OPENER.open(f"{ADDRESS}{path}{query}", timeout=30) as response:
        return json.load(response)["data"]


def traces_of(service):
    """All of them, without what the query service changes or deduplicates for its page (raw)."""
    return get("/api/traces", service=service, limit=100_000, raw="true")


def spans_in(traces):
    return [span for trace in traces for span in trace["spans"]]


def wait_for_spans(service, count, seconds=20):
    """The traces of a service when they have that many spans, or what there is after that time."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            traces = traces_of(service)
        except (OSError, KeyError, json.JSONDecodeError) as error:  # still starting, it seems
            if time.monotonic() > deadline:
                raise SystemExit(f"{ADDRESS} does not answer: {error}") from error
            traces = []
        if len(spans_in(traces)) >= count or time.monotonic() > deadline:
            return traces
        time.sleep(0.1)


def tags_of(span_or_process):
    return {tag["key"]: tag["value"] for tag in span_or_process["tags"]}


def parent_of(span):
    """The id of the parent, or None."""
    for reference in span["references"]:
        if reference["refType"] == "CHILD_OF":
            return reference["spanID"]
    return None
