"""Reads traces back from Jaeger's query API; where that is comes from with_jaeger.sh."""

import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request

import jaeger_v3

ADDRESS = os.environ.get("JAEGER_QUERY", "http://127.0.0.1:16686")
# A proxy, if there is one, is not for what stays on this machine.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def read(path, **parameters):
    """The body of the answer."""
    query = "?" + urllib.parse.urlencode(parameters) if parameters else ""
    with OPENER.open(f"{ADDRESS}{path}{query}", timeout=30) as response:
        return response.read().decode()


def json_values(text):
    """All that the text holds: v3 sends a value for each part of a long answer."""
    decoder, values, at = json.JSONDecoder(), [], 0
    while (at := len(text) - len(text[at:].lstrip())) < len(text):
        value, at = decoder.raw_decode(text, at)
        values.append(value)
    return values


def get_v3(path, service="", **_):
    """What the path of the older API gives, from v3. No traces are a 404 there."""
    if path == "/api/services":
        return json.loads(read("/api/v3/services"))["services"]
    if path.endswith("/operations"):
        service = urllib.parse.unquote(path.split("/")[-2])
        found = json.loads(read("/api/v3/operations", service=service))["operations"]
        return sorted({operation["name"] for operation in found})
    parameters = {"raw_traces": "true"}
    if path == "/api/traces":
        day = 24 * 3600
        stamp = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + offset))
                 for offset in (-day, day)]
        parameters = {"query.service_name": service, "query.num_traces": 100_000,
                      "query.search_depth": 100_000, "query.raw_traces": "true",
                      "query.start_time_min": stamp[0], "query.start_time_max": stamp[1]}
    try:
        answer = read(path.replace("/api/", "/api/v3/", 1), **parameters)
    except urllib.error.HTTPError as error:
        if error.code == 404 and "No traces found" in error.read().decode(errors="replace"):
            return []
        raise
    return jaeger_v3.traces_from(json_values(answer))


def get(path, **parameters):
    """The `data` of the answer. A Jaeger that has only v3 answers 404 to the older path."""
    try:
        return json.loads(read(path, **parameters))["data"]
    except urllib.error.HTTPError as error:
        if error.code != 404:
            raise
    return get_v3(path, **parameters)


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
