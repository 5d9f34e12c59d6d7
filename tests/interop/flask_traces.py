#!/usr/bin/env python3
"""Runs the demo's three services against a running Jaeger, and reads back single traces that go from
Python to C++ and from C++ to Python, with the right parent at every hop: for each format of
propagation, and for both generations of the packages for Python.

usage: with_jaeger.sh flask_traces.py [--save FILE] BUILD
BUILD/examples has the storefront and the inventory. With --save, a trace through all services is
left in FILE as the query API returned it. What ./dev demo --flask prints is checked as well."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from pathlib import Path

import jaeger_query
from jaeger_demo import Span, is_within, pretty, tree_text, without_empty_members
from jaeger_query import tags_of

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FLASK = EXAMPLES / "flask"
TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"

# What both sides are told by OTEL_PROPAGATORS, and how a caller says in that format that it has
# decided against recording its trace.
FORMATS = {
    "tracecontext,baggage": {"traceparent": f"00-{TRACE}-{CALLER}-00"},
    "b3,baggage": {"b3": f"{TRACE}-{CALLER}-0"},
    "b3multi,baggage": {"X-B3-TraceId": TRACE, "X-B3-SpanId": CALLER, "X-B3-Sampled": "0"},
    "jaeger": {"uber-trace-id": f"{TRACE}:{CALLER}:0:0"},
}

# Baggage that Flask sets. Each of its last four characters has to be escaped on its way. (Escaped
# commas and semicolons don't get through cpp-httplib 0.11, see request_carrier.hpp.)
TIER = "gold=:ü%"

# What the generations name their spans, and by which protocol Jaeger has to have got them.
NAMES = {"today": {"route": "GET /external", "reviews": "GET /reviews/<sku>"},
         "tutorial": {"route": "/external", "reviews": "/reviews/<sku>"}}

FROM_STOREFRONT = """\
storefront: GET /items/{{sku}} (server)
  storefront: GET (client)
    inventory: GET /stock/{{sku}} (server)
      inventory: SELECT stock (client)
  storefront: GET (client)
    reviews: {reviews} (server)
      reviews: connect (client)
      reviews: SELECT reviews.db (client)
"""
FROM_FLASK = """\
reviews: {route} (server)
  reviews: GET (client)
""" + "".join("    " + line for line in FROM_STOREFRONT.splitlines(keepends=True))


class Service:
    """A process that has said where it listens."""

    def __init__(self, name, command, environment, folder):
        self.log = Path(folder) / f"{name}.log"
        with self.log.open("w", encoding="utf-8") as log:
            self._process = subprocess.Popen(command, env=environment, stderr=log,
                                             stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while not (said := re.search(rf"^{name}: listening on (\S+)$", self._text(), re.M)):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                sys.exit(f"{name} did not start:\n{self._text()}")
            time.sleep(0.02)
        self.url = said[1]

    def stop(self):
        """Lets it deliver its last spans. Returns how many these were in all."""
        self._process.send_signal(signal.SIGTERM)
        status = self._process.wait(timeout=30)
        account = re.search(r"^\w+: begun (\d+), exported (\d+), dropped 0 \(jaeger\)$",
                            self._text(), re.M)
        if status != 0 or not account or account[1] != account[2]:
            sys.exit(f"status {status}:\n{self._text()}")
        return int(account[1])

    def kill(self):
        self._process.kill()
        self._process.wait()

    def _text(self):
        return self.log.read_text(encoding="utf-8")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def get(url, headers=None):
    """The body and the trace of a response."""
    request = urllib.request.Request(url, headers=headers or {})
    with jaeger_query.OPENER.open(request, timeout=20) as response:
        return response.read().decode(), response.headers["X-Trace-Id"]


def send_requests(python, build, propagators, unsampled):
    """Returns the ids of two traces, from Flask and from the storefront, and how many spans all
    services say that they have delivered."""
    # Whoever runs this may have told other programs where their spans go.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("OTEL_")}
    environment |= {"OTEL_PROPAGATORS": propagators, "PYTHONDONTWRITEBYTECODE": "1",
                    "no_proxy": "127.0.0.1,localhost", "NO_PROXY": "127.0.0.1,localhost"}
    services = []
    with tempfile.TemporaryDirectory() as folder:
        def start(name, *command):
            services.append(Service(name, [*command, "--export", "jaeger"], environment, folder))
            return services[-1].url

        try:
            examples = build / "examples"
            inventory = start("inventory", examples / "inventory", "--port", "0")
            port = str(free_port())  # they ask one another
            reviews = start("reviews", python, FLASK / "app.py", "--port", "0", "--storefront",
                            f"http://127.0.0.1:{port}")
            storefront = start("storefront", examples / "storefront", "--port", port,
                               "--inventory", inventory, "--reviews", reviews)

            external = f"{reviews}/external?tier={urllib.parse.quote(TIER)}"
            text, from_flask = get(external)
            assert text == ("The storefront says: desk-lamp: 12 in stock, 4.5 of 5 stars.\n"), text
            text, from_storefront = get(f"{storefront}/items/oak-table")
            assert text == "oak-table: 3 in stock, 5.0 of 5 stars.\n", text
            text, trace = get(external, unsampled)  # of which nobody delivers anything
            assert trace == TRACE, f"Flask went on with {trace}"
            delivered = sum(service.stop() for service in reversed(services))
        finally:
            for service in services:
                service.kill()
    return from_flask, from_storefront, delivered


def trace_with(trace_id, spans, seconds=20):
    """A trace as Jaeger has it when it has that many spans, or after that time."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            (trace,) = jaeger_query.get(f"/api/traces/{trace_id}", raw="true")
        except urllib.error.HTTPError as error:
            assert error.code == 404, error
            trace = {"spans": []}
        if len(trace["spans"]) >= spans or time.monotonic() > deadline:
            return trace
        time.sleep(0.1)


def check_trace(trace, expected):
    """Returns its spans by id."""
    spans = {span["spanID"]: Span(trace, span) for span in trace["spans"]}
    assert len(spans) == len(trace["spans"]), "a span is there twice"
    text = tree_text(spans)  # of what is below a root
    assert len(spans) == text.count("\n"), f"a parent is missing around\n{text}"
    assert text == expected, f"expected\n{expected}found\n{text}"
    for span in spans.values():
        children = [child for child in spans.values() if child.parent == span.id]
        if parent := spans.get(span.parent):
            assert is_within(span, parent, children), f"{span.text} is not within its parent's time"
    return spans


def check_origins(trace, generation):
    """That the spans are from where they should be, and came by the protocols that they should."""
    pinned = (FLASK / "requirements" / f"{generation}.txt").read_text(encoding="utf-8")
    for span in trace["spans"]:
        process = trace["processes"][span["processID"]]
        in_span, in_process = tags_of(span), tags_of(process)
        tags = in_process
        if process["serviceName"] == "reviews" and generation == "tutorial":
            # What an exporter for Jaeger's own protocol made of a resource then.
            tags = in_span
            assert not in_process, in_process
        sdk = tags["telemetry.sdk.name"], tags["telemetry.sdk.language"]
        if process["serviceName"] == "reviews":
            assert sdk == ("opentelemetry", "python"), sdk
            assert f"\nopentelemetry-sdk=={tags['telemetry.sdk.version']}\n" in pinned, tags
        else:
            assert sdk == ("plume", "cpp"), sdk


def check(python, generation, build, propagators, unsampled):
    """Returns the trace from Flask."""
    flask_id, storefront_id, delivered = send_requests(python, build, propagators, unsampled)
    names = NAMES[generation]
    expected = FROM_FLASK.format(**names)
    trace = trace_with(flask_id, expected.count("\n"))
    spans = check_trace(trace, expected)
    check_origins(trace, generation)
    for span in spans.values():
        # Of the three services, the inventory is the one that says what it was sent.
        is_told = (span.service, span.kind) == ("inventory", "server")
        assert span.tags.get("customer.tier") == (TIER if is_told else None), span.tags
    expected = FROM_STOREFRONT.format(**names)
    other = trace_with(storefront_id, expected.count("\n"))
    check_trace(other, expected)
    assert len(spans) + len(other["spans"]) == delivered, f"{delivered} spans were delivered"
    print(f"{generation}'s packages, {propagators}: {len(spans)} spans in one trace from Flask, "
          f"{len(other['spans'])} in one from the storefront", flush=True)
    return trace


def check_demo(generation, build):
    """That the demo prints, for each of the requests that involve Flask, the parts of all services
    that had to do with it."""
    ran = subprocess.run([EXAMPLES / "demo.sh", "--build", build, f"--flask={generation}"],
                         stdout=subprocess.PIPE, text=True, check=False, timeout=120)
    assert ran.returncode == 0, ran.stdout
    account = re.search(r"^all three: begun (\d+), exported (\d+), dropped 0 \(console\)$",
                        ran.stdout, re.M)
    assert account and account[1] == account[2], ran.stdout
    printed = {}  # the service of each part, by the path that was asked for
    for block in re.split(r"^==> curl http://[^/]*", ran.stdout, flags=re.M)[1:]:
        parts = re.findall(r"^(\w+) · ([0-9a-f]{32}) · ", block, re.M)
        assert len({trace for _, trace in parts}) == 1, f"not one trace: {block}"
        printed[block.split()[0]] = Counter(service for service, _ in parts)
    expected = {
        "/orders/1001": {"storefront": 1, "inventory": 1},
        "/reviews/desk-lamp": {"reviews": 1},
        "/items/wool-rug": {"storefront": 1, "inventory": 1, "reviews": 1},
        "/external": {"reviews": 2, "storefront": 1, "inventory": 1},
    }
    for path, services in expected.items():
        assert printed[path] == services, f"{path}: {printed[path]}"
    print(f"{generation}'s packages: the demo prints {account[1]} spans, those of a request together",
          flush=True)


def main(arguments):
    save_to = None
    if arguments[:1] == ["--save"]:
        save_to, *arguments = arguments[1:]
    (build,) = arguments
    pythons = {}
    for generation in NAMES:
        got = subprocess.run([FLASK / "get_python.sh", generation], stdout=subprocess.PIPE,
                             text=True, timeout=600, check=False)
        if got.returncode != 0:
            sys.exit(got.returncode)
        pythons[generation] = got.stdout.strip()
    build = Path(build).resolve()
    for generation, python in pythons.items():
        check_demo(generation, build)
        for propagators, unsampled in FORMATS.items():
            trace = check(python, generation, build, propagators, unsampled)
            if save_to and generation == "today":
                Path(save_to).write_text(pretty(without_empty_members(trace)) + "\n",
                                         encoding="utf-8")
                save_to = None


if __name__ == "__main__":
    if len(sys.argv) not in (2, 4):
        sys.exit(__doc__)
    main(sys.argv[1:])
