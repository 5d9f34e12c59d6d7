#!/usr/bin/env python3
"""Reads what Plume's OTLP encoders write with the official protobuf classes, and takes spans over
HTTP and TLS as a collector would.  usage: otlp_decode.py OTLP_DUMP   (the program otlp_dump.cpp)

It installs the official classes into a virtual environment of its own, once. Exit status 77, which
Meson and automake read as "skipped", says that they can't be had."""

import base64
import gzip
import http.server
import json
import math
import os
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import venv
from pathlib import Path

VERSION = "1.45.2"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "plume"
ENVIRONMENT = CACHE / f"venv-otlp-{VERSION}"
PYTHON = ENVIRONMENT / "bin" / "python"
READY = ENVIRONMENT / "ready"

if Path(sys.prefix).resolve() != ENVIRONMENT.resolve():
    if not READY.exists():
        try:
            venv.create(ENVIRONMENT, with_pip=True, clear=True)
            subprocess.run([PYTHON, "-m", "pip", "install", "--quiet",
                            "--disable-pip-version-check", f"opentelemetry-proto=={VERSION}"],
                           check=True, timeout=300)
        except (OSError, subprocess.SubprocessError) as error:
            print(f"otlp_decode: skipped: no opentelemetry-proto {VERSION}: {error}")
            sys.exit(77)
        READY.touch()
    os.execv(PYTHON, [str(PYTHON), *sys.argv])

from google.protobuf import json_format  # noqa: E402
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (  # noqa: E402
    ExportTraceServiceRequest)
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData  # noqa: E402


def quote(text):
    plain = (chr(b) if 32 <= b <= 126 and b not in (34, 92) else f"\\x{b:02x}"
             for b in text.encode())
    return '"' + "".join(plain) + '"'


def value_text(value):
    which = value.WhichOneof("value")
    content = getattr(value, which)
    if which == "string_value":
        return quote(content)
    if which == "bool_value":
        return "true" if content else "false"
    if which == "int_value":
        return str(content)
    if which == "double_value":
        bits = struct.unpack(">Q", struct.pack(">d", content))[0]
        return "nan" if math.isnan(content) else f"d{bits:016x}"
    assert which == "array_value", which
    return "[" + ", ".join(map(value_text, content.values)) + "]"


def attribute_lines(indent, attributes):
    return [f"{indent}{quote(a.key)} = {value_text(a.value)}" for a in attributes]


def span_lines(span):
    yield (f"  span {span.trace_id.hex()} {span.span_id.hex()} parent "
           f"{span.parent_span_id.hex() or '-'} kind {span.kind} name {quote(span.name)} from "
           f"{span.start_time_unix_nano} to {span.end_time_unix_nano} state "
           f"{quote(span.trace_state)} flags {span.flags} status {span.status.code} "
           f"{quote(span.status.message)} dropped {span.dropped_attributes_count} "
           f"{span.dropped_events_count} {span.dropped_links_count}")
    yield from attribute_lines("    ", span.attributes)
    for event in span.events:
        yield (f"    event {quote(event.name)} at {event.time_unix_nano} dropped "
               f"{event.dropped_attributes_count}")
        yield from attribute_lines("      ", event.attributes)
    for link in span.links:
        yield (f"    link {link.trace_id.hex()} {link.span_id.hex()} state "
               f"{quote(link.trace_state)} flags {link.flags} dropped "
               f"{link.dropped_attributes_count}")
        yield from attribute_lines("      ", link.attributes)


def text_of(message):
    """The same as OtlpText::text() in support/otlp_text.hpp."""
    (resource_spans,) = message.resource_spans
    lines = ["resource", *attribute_lines("  ", resource_spans.resource.attributes)]
    for scope_spans in resource_spans.scope_spans:
        lines.append(f"scope {quote(scope_spans.scope.name)} {quote(scope_spans.scope.version)}")
        for span in scope_spans.spans:
            lines += span_lines(span)
    return "\n".join(lines) + "\n"


def from_json(text):
    """OTLP/JSON differs from proto3's mapping in one point: ids are hexadecimal, not base64."""
    def fix(members):
        for key in ("traceId", "spanId", "parentSpanId"):
            if key in members:
                members[key] = base64.b64encode(bytes.fromhex(members[key])).decode()
        return members
    document = json.loads(text, object_hook=fix)
    return json_format.ParseDict(document, TracesData())


def check_files(program):
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run([program, directory], check=True)
        cases = sorted(Path(directory).glob("*.txt"))
        assert cases
        for case in cases:
            expected = case.read_text()
            data = case.with_suffix(".pb").read_bytes()
            message = ExportTraceServiceRequest.FromString(data)
            assert text_of(message) == expected, f"{case}: protobuf differs"
            assert message.SerializeToString() == data, f"{case}: not the bytes of protobuf's own"
            parsed = from_json(case.with_suffix(".json").read_text(encoding="utf-8"))
            assert text_of(parsed) == expected, f"{case}: JSON differs"
    print(f"{len(cases)} requests say the same in protobuf, in JSON and in SpanData")


class Collector(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append((self.path, self.headers, body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments):
        pass


def make_certificates(directory):
    """An authority, and what it vouches for: a server on 127.0.0.1, and a client."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=ca",
            "-days", "2")
    for name in ("server", "client"):
        (directory / "names").write_text("subjectAltName=IP:127.0.0.1\n")
        openssl("req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj",
                f"/CN={name}")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-CAcreateserial", "-out", f"{name}.pem", "-days", "2", "-extfile", "names")


def check_tls(program):
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        make_certificates(directory)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
        server.handle_error = lambda *_: None  # refused handshakes are what this is about
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(directory / "server.pem", directory / "server.key")
        context.load_verify_locations(directory / "ca.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def send(**variables):
            environment = {k: v for k, v in os.environ.items() if not k.startswith("OTEL_")}
            for key, value in variables.items():
                environment[f"OTEL_EXPORTER_OTLP_{key}"] = str(value)
            environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"127.0.0.1:{server.server_port}/base/"
            environment["OTEL_EXPORTER_OTLP_TIMEOUT"] = "800"
            return subprocess.run([program, "--send"], env=environment, check=False,
                                  capture_output=True, text=True, timeout=60)

        authority = {"CERTIFICATE": directory / "ca.pem"}
        identity = {"CLIENT_CERTIFICATE": directory / "client.pem",
                    "CLIENT_KEY": directory / "client.key"}
        assert send(**identity).returncode == 1, "a server of an unknown authority was trusted"
        assert send(**authority).returncode == 1, "a client without a certificate got through"
        assert not Collector.seen
        sent = send(**authority, **identity, COMPRESSION="gzip",
                    HEADERS="authorization=Bearer%20a%3D,x-tenant=7")
        assert sent.returncode == 0, sent.stderr
        ((path, headers, body),) = Collector.seen
        assert path == "/base/v1/traces", path
        assert headers["Authorization"] == "Bearer a=" and headers["X-Tenant"] == "7"
        assert headers["Content-Type"] == "application/x-protobuf"
        assert headers["User-Agent"].startswith("plume/"), headers["User-Agent"]
        text_of(ExportTraceServiceRequest.FromString(gzip.decompress(body)))
        server.shutdown()
    print("TLS with both certificates works, and nothing less does")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    check_files(sys.argv[1])
    check_tls(sys.argv[1])
