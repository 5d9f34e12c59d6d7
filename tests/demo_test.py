#!/usr/bin/env python3
"""Runs the demo, and reads what its two services exported as OTLP/JSON lines.

    demo_test.py BUILD

BUILD/examples has the services. What only people can judge, such as how the trees look, is not
checked here; that the parts of a trace fit together is.
"""
import json
import re
import subprocess
import sys
import urllib.request
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SERVER, CLIENT, ERROR = 2, 3, 2


class Span:
    def __init__(self, service: str, fields: dict) -> None:
        self.service = service
        self.name = fields["name"]
        self.kind = fields["kind"]
        self.trace, self.id = fields["traceId"], fields["spanId"]
        self.parent = fields.get("parentSpanId", "")
        self.begin, self.end = int(fields["startTimeUnixNano"]), int(fields["endTimeUnixNano"])
        self.failed = fields.get("status", {}).get("code") == ERROR
        self.attributes = {one["key"]: next(iter(one["value"].values()))
                           for one in fields.get("attributes", [])}


def read_spans(path: Path) -> list[Span]:
    return [
        Span(next(one["value"]["stringValue"] for one in resource["resource"]["attributes"]
                  if one["key"] == "service.name"), fields)
        for line in path.read_text(encoding="utf-8").splitlines()
        for resource in json.loads(line)["resourceSpans"]
        for scope in resource["scopeSpans"]
        for fields in scope["spans"]
    ]


# What the conventions require of whoever serves, asks, and queries.
HTTP_SERVER = {"http.request.method": "GET", "url.scheme": "http", "server.address": "127.0.0.1",
               "network.protocol.version": "1.1"}
HTTP_CLIENT = {"http.request.method": "GET", "server.address": "127.0.0.1"}
QUERY = {"db.system.name": "sqlite", "db.namespace": "inventory.db",
         "db.query.summary": "SELECT stock"}


def check_attributes(span: Span) -> None:
    said = span.attributes
    if span.kind == SERVER:
        assert said.items() >= HTTP_SERVER.items(), said
        assert span.name == f"GET {said['http.route']}" and said["url.path"].startswith("/"), said
        assert int(said["server.port"]) > 0 and int(said["network.peer.port"]) > 0, said
    elif "db.system.name" in said:
        assert span.kind == CLIENT and said.items() >= QUERY.items(), said
        assert int(said["db.response.returned_rows"]) in (0, 1, 4), said
        # The one has a parameter, the other has none; values are in neither.
        assert said["db.query.text"] in (
            "SELECT sum(quantity) FROM stock WHERE sku = ? GROUP BY sku",
            "SELECT sku FROM stock GROUP BY sku ORDER BY total(quantity)"), said
    elif span.kind == CLIENT:
        assert said.items() >= HTTP_CLIENT.items(), said
        assert said["url.full"].startswith(f"http://127.0.0.1:{said['server.port']}/stock"), said


def check_demo(build: Path) -> None:
    done = subprocess.run(
        [ROOT / "examples/demo.sh", "--build", build, "--export", "console,jsonl"],
        stdout=subprocess.PIPE, text=True, timeout=60, check=True)
    spans = read_spans(build / "traces.jsonl")

    last = done.stdout.splitlines()[-1]
    numbers = [int(number) for number in re.findall(r"\d+", last)]
    assert numbers == [len(spans), len(spans), 0, len(spans), 0], last

    by_id = {(span.trace, span.id): span for span in spans}
    assert len(by_id) == len(spans)
    roots = 0
    for span in spans:
        check_attributes(span)
        if not span.parent:
            roots += 1
            assert (span.service, span.kind) == ("storefront", SERVER), span.name
            continue
        parent = by_id[span.trace, span.parent]
        # Who answers is done when all is sent, and who asks may have got it by then. But what it
        # did for the answer came before.
        end = span.end if span.service == parent.service else max(
            (child.end for child in spans if (child.trace, child.parent) == (span.trace, span.id)))
        assert parent.begin <= span.begin <= end <= parent.end, (
            span.name, span.begin - parent.begin, end - span.begin, parent.end - end)
        if span.service != parent.service:
            assert (span.kind, parent.kind) == (SERVER, CLIENT), span.name
            assert (parent.service, span.service) == ("storefront", "inventory")
            # Who asks fails with 4xx and 5xx, who answers with 5xx alone.
            status = int(span.attributes["http.response.status_code"])
            assert status == int(parent.attributes["http.response.status_code"])
            assert parent.failed == (status >= 400) and span.failed == (status >= 500)
        if span.failed and span.kind != 1:
            assert span.attributes["error.type"], span.name
    assert roots == 20

    names = Counter((span.service, span.name) for span in spans)
    requests = names["inventory", "GET /stock"] + names["inventory", "GET /stock/{sku}"]
    assert requests == names["storefront", "GET"] == names["inventory", "SELECT stock"] > 0
    assert set(names) == {
        ("storefront", "GET /"), ("storefront", "GET /orders/{id}"),
        ("storefront", "GET /external"), ("storefront", "storefront::order_page"),
        ("storefront", "GET"), ("inventory", "GET /stock"), ("inventory", "GET /stock/{sku}"),
        ("inventory", "SELECT stock")}
    assert [span.name for span in spans if span.service == "inventory" and span.failed
            and span.kind == CLIENT] == ["SELECT stock"]


# What a caller may send, and whether the trace goes on. W3C Trace Context Level 2.
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENTS = {
    f"00-{TRACE}-00f067aa0ba902b7-01": True,
    f"  00-{TRACE}-00f067aa0ba902b7-03\t": True,
    f"cc-{TRACE}-00f067aa0ba902b7-01": True,
    f"cc-{TRACE}-00f067aa0ba902b7-01-more": True,
    f"cc-{TRACE}-00f067aa0ba902b7-01.more": False,
    f"00-{TRACE}-00f067aa0ba902b7-01-more": False,
    f"00-{TRACE}-00f067aa0ba902b7-0": False,
    f"ff-{TRACE}-00f067aa0ba902b7-01": False,
    f"00-{TRACE.upper()}-00f067aa0ba902b7-01": False,
    f"00-{TRACE}-0000000000000000-01": False,
    f"00-{'0' * 32}-00f067aa0ba902b7-01": False,
    f"00_{TRACE}-00f067aa0ba902b7-01": False,
    "": False,
}


def check_traceparent(build: Path) -> None:
    with subprocess.Popen(
            [build / "examples/storefront", "--port", "0", "--colour", "never"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as service:
        try:
            url = service.stderr.readline().split()[-1]
            # Loopback is nothing for a proxy.
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            for traceparent, continues in TRACEPARENTS.items():
                request = urllib.request.Request(url, headers={"traceparent": traceparent})
                with opener.open(request, timeout=10) as response:
                    trace = response.headers["X-Trace-Id"]
                assert re.fullmatch("[0-9a-f]{32}", trace), trace
                assert (trace == TRACE) == continues, traceparent
        finally:
            service.terminate()
        service.wait(timeout=10)
        assert service.returncode == 0
        requests = len(TRACEPARENTS)
        last = service.stderr.read().splitlines()[-1]
        assert last == f"storefront: begun {requests}, exported {requests}, dropped 0 (console)", last


def main() -> int:
    build = Path(sys.argv[1]).resolve()
    check_demo(build)
    check_traceparent(build)
    return 0


if __name__ == "__main__":
    sys.exit(main())
