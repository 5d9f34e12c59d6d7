#!/usr/bin/env python3
"""Starts what docs/deploy describes, each "host" on a loopback address of its own, sends spans in
at one end, and reads them back at the other.  usage: deploy.py SPANS   (the program spans.cpp)

    single.yaml      one Jaeger, which is stopped and started again before the spans are read
    agent.yaml       by UDP and OTLP; hands them to
    collector.yaml   which takes others directly; writes all to a Kafka broker, from which
    ingester.yaml    reads, stores, and answers queries
    gateway.yaml     hands the collector those traces that failed, and here no others

Exit status 77, which Meson and automake read as "skipped", says that Jaeger or Kafka can't be had."""

import base64
import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import uuid
from pathlib import Path

import jaeger_query
import jaeger_roundtrip

HERE = Path(__file__).resolve().parent
FILES = HERE.parents[1] / "docs" / "deploy"
# All of 127.0.0.0/8 is loopback on Linux, so each host has the standard ports. The first address is
# left to others.
AGENT, COLLECTOR, INGESTER, BROKER, GATEWAY = (f"127.0.0.{n}" for n in range(2, 7))


def tool(script):
    """The path that a get_ script prints."""
    ran = subprocess.run([HERE / script], check=False, stdout=subprocess.PIPE, text=True)
    if ran.returncode != 0:
        sys.exit(ran.returncode)
    return Path(ran.stdout.strip())


class Host:
    """A process that is up from here to the end of the `with`."""

    def __init__(self, directory, name, command, ready, **environment):
        self.name, self.log = name, Path(directory) / f"{name}.log"
        # Should this script be killed outright, the kernel ends the process.
        self.command = ["setpriv", "--pdeathsig", "TERM", *map(str, command)]
        self.ready, self.environment = ready, {**os.environ, **environment}

    def __enter__(self):
        begin = time.monotonic()
        if self.ready():
            sys.exit(f"{self.name}: its port is taken already")
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, env=self.environment, stdout=log,
                                            stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        while not self.ready():
            if self.process.poll() is not None or time.monotonic() - begin > 60:
                self.__exit__(RuntimeError)
                sys.exit(f"{self.name} is not ready after {time.monotonic() - begin:.0f} s")
            time.sleep(0.1)
        print(f"{self.name} is ready after {time.monotonic() - begin:.1f} s", flush=True)
        return self

    def __exit__(self, failed, *_):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if failed:
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
            lines = [line for line in lines if "\tinfo\t" not in line]
            print(f"--- {self.name}, the end of its log", *lines[-15:], sep="\n", file=sys.stderr)


def jaeger_host(program, directory, file, address, **environment):
    def ready():
        try:
            with jaeger_query.OPENER.open(f"http://{address}:13133/status", timeout=1):
                return True
        except (urllib.error.URLError, OSError):
            return False
    return Host(directory, file, [program, "--config", FILES / f"{file}.yaml"], ready,
                JAEGER_LISTEN_HOST=address, **environment)


def kafka_host(jars, directory):
    """One node that is broker and controller."""
    data, properties = Path(directory) / "kafka", Path(directory) / "server.properties"
    properties.write_text(f"""
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{BROKER}:9093
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://{BROKER}:9092,CONTROLLER://{BROKER}:9093
advertised.listeners=PLAINTEXT://{BROKER}:9092
log.dirs={data}
num.partitions=3
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
group.initial.rebalance.delay.ms=0
""", encoding="utf-8")
    java = ["java", "-Xms64m", "-Xmx256m", "-cp", f"{jars}/*"]
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    subprocess.run([*java, "kafka.tools.StorageTool", "format", f"--cluster-id={cluster}",
                    "--config", str(properties)], check=True, timeout=60,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def ready():
        try:
            socket.create_connection((BROKER, 9092), timeout=1).close()
            return True
        except OSError:
            return False
    return Host(directory, "kafka", [*java, "kafka.Kafka", properties], ready)


class Sent:
    """Spans that one program has sent to one host; `keep` says which traces should get through."""

    def __init__(self, program, exporter, host, to, keep=lambda _: True):
        self.service, self.thrift = f"{exporter}-to-{to}", exporter.startswith("jaeger")
        self.recorded = jaeger_roundtrip.send(program, exporter, self.service, host)
        self.sent = len(self.recorded["spans"])
        traces = {}
        for span in self.recorded["spans"]:
            traces.setdefault(span["trace_id"], []).append(span)
        self.recorded["spans"] = [s for trace in traces.values() if keep(trace) for s in trace]

    def wait(self, seconds=20):
        expected = len(self.recorded["spans"])
        jaeger_query.wait_for_spans(self.service, expected, seconds)
        self.compare()
        print(f"{self.service}: {expected} of {self.sent} spans came back as they were recorded",
              flush=True)

    def compare(self):
        traces = jaeger_query.traces_of(self.service)
        jaeger_roundtrip.compare(self.service, self.recorded, traces, self.thrift)


def failed_or_slow(trace):
    duration_ns = max(s["end_ns"] for s in trace) - min(s["begin_ns"] for s in trace)
    return any(s["status"] == 2 for s in trace) or duration_ns >= 1_000_000_000


def check_single(jaeger, program, directory):
    def start():
        return jaeger_host(jaeger, directory, "single", AGENT, JAEGER_DATA=directory)
    jaeger_query.ADDRESS = f"http://{AGENT}:16686"
    with start():
        sent = [Sent(program, "jaeger-udp", AGENT, "single"),
                Sent(program, "otlp-protobuf", AGENT, "single")]
        for spans in sent:
            spans.wait()
    with start():
        for spans in sent:
            spans.wait()


def check_chain(jaeger, jars, program, directory):
    jaeger_query.ADDRESS = f"http://{INGESTER}:16686"
    broker = f"{BROKER}:9092"
    with contextlib.ExitStack() as hosts:
        hosts.enter_context(kafka_host(jars, directory))
        hosts.enter_context(
            jaeger_host(jaeger, directory, "ingester", INGESTER, KAFKA_BROKER=broker))
        hosts.enter_context(
            jaeger_host(jaeger, directory, "collector", COLLECTOR, KAFKA_BROKER=broker))
        hosts.enter_context(
            jaeger_host(jaeger, directory, "agent", AGENT, JAEGER_COLLECTOR=f"{COLLECTOR}:4317"))
        hosts.enter_context(
            jaeger_host(jaeger, directory, "gateway", GATEWAY, JAEGER_COLLECTOR=f"{COLLECTOR}:4317",
                        DECISION_WAIT="2s", KEEP_PERCENT="0"))
        sent = [Sent(program, "otlp-protobuf", GATEWAY, "gateway", failed_or_slow),
                Sent(program, "jaeger-udp", AGENT, "agent"),
                Sent(program, "otlp-json", AGENT, "agent"),
                Sent(program, "otlp-protobuf", COLLECTOR, "collector"),
                Sent(program, "jaeger-http", COLLECTOR, "collector")]
        for spans in sent:
            spans.wait(seconds=90)  # the ingester finds a topic that is new within 10 to 30 s
        for spans in sent:
            spans.compare()  # with what came late, or twice


def main(program):
    jaeger = tool("get_jaeger.sh")
    for file in sorted(FILES.glob("*.yaml")):
        ran = subprocess.run([jaeger, "validate", "--config", file], check=False, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        if ran.returncode != 0:
            sys.exit(f"{file.name} is not valid:\n{ran.stdout}")
    with open(jaeger.with_name("deploy.lock"), "wb") as lock:  # the ports are fixed: take turns
        fcntl.flock(lock, fcntl.LOCK_EX)
        with tempfile.TemporaryDirectory(prefix="plume-deploy-") as directory:
            check_single(jaeger, program, directory)
            check_chain(jaeger, tool("get_kafka.sh"), program, directory)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        main(sys.argv[1])
    except jaeger_roundtrip.Mismatch as mismatch:
        sys.exit(str(mismatch))
