"""Gives traces of Jaeger's API v3 (OTLP in JSON) the form of the older API, which v3 replaces."""

import json

KINDS = ["", "internal", "server", "client", "producer", "consumer"]
CODES = ["", "OK", "ERROR"]


def tag(key, kind, value):
    return {"key": key, "type": kind, "value": value}


def plain(value):
    """A value of OTLP as one of Python."""
    if "intValue" in value:
        return int(value["intValue"])
    if "arrayValue" in value:
        return [plain(element) for element in value["arrayValue"].get("values", [])]
    return next(iter(value.values()), "")


def tags_from(attributes):
    kinds = {"boolValue": "bool", "intValue": "int64", "doubleValue": "float64"}
    tags = []
    for attribute in attributes:
        value = attribute.get("value", {})
        kind = kinds.get(next(iter(value), ""), "string")
        found = plain(value)
        if isinstance(found, list):
            found = json.dumps(found, separators=(",", ":"), ensure_ascii=False)
        tags.append(tag(attribute["key"], kind, found))
    return tags


def number(value, names):
    """An enum of OTLP in JSON is a number or a name."""
    return value if isinstance(value, int) else names.index(value.rsplit("_", 1)[-1].lower())


def own_tags(span, scope):
    status = span.get("status", {})
    code = number(status.get("code", 0), ["unset", "ok", "error"])
    kind = KINDS[number(span.get("kind", 0), ["unspecified", *KINDS[1:]])]
    yield from (tag(f"otel.scope.{key}", "string", scope[key])
                for key in ("name", "version") if scope.get(key))
    if kind:
        yield tag("span.kind", "string", kind)
    if code == 2:
        yield tag("error", "bool", True)
    if code:
        yield tag("otel.status_code", "string", CODES[code])
    if status.get("message"):
        yield tag("otel.status_description", "string", status["message"])
    if span.get("traceState"):
        yield tag("w3c.tracestate", "string", span["traceState"])


def log_from(event):
    fields = tags_from(event.get("attributes", []))
    if event.get("name") and all(field["key"] != "event" for field in fields):
        fields.append(tag("event", "string", event["name"]))
    return {"timestamp": int(event["timeUnixNano"]) // 1000, "fields": fields}


def span_from(span, scope, process):
    begin, end = int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])
    references = [{"refType": "FOLLOWS_FROM", "traceID": link["traceId"], "spanID": link["spanId"]}
                  for link in span.get("links", [])]
    if span.get("parentSpanId"):
        references.insert(0, {"refType": "CHILD_OF", "traceID": span["traceId"],
                              "spanID": span["parentSpanId"]})
    return {"traceID": span["traceId"], "spanID": span["spanId"], "operationName": span["name"],
            "startTime": begin // 1000, "duration": (end - begin) // 1000,
            "references": references, "processID": process, "warnings": None,
            "tags": [*tags_from(span.get("attributes", [])), *own_tags(span, scope)],
            "logs": [log_from(event) for event in span.get("events", [])]}


def traces_from(answers):
    """Of one answer, or several of a stream."""
    traces = {}
    for answer in answers:
        for part in answer.get("result", answer).get("resourceSpans", []):
            tags = tags_from(part.get("resource", {}).get("attributes", []))
            service = next((t["value"] for t in tags if t["key"] == "service.name"), "")
            process = {"serviceName": service,
                       "tags": [t for t in tags if t["key"] != "service.name"]}
            for scope in part.get("scopeSpans", []):
                for span in scope.get("spans", []):
                    trace = traces.setdefault(span["traceId"], {
                        "traceID": span["traceId"], "spans": [], "processes": {}})
                    name = next((n for n, p in trace["processes"].items() if p == process),
                                f"p{len(trace['processes']) + 1}")
                    trace["processes"][name] = process
                    trace["spans"].append(span_from(span, scope.get("scope", {}), name))
    return list(traces.values())
