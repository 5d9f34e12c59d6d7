#!/usr/bin/env python3
"""Compares the attribute keys and values that Plume can send with OpenTelemetry's registry.

    conventions.py [--write]

The version is the one that plume::schema_url names; npm fetches the registry once per machine. Keys
are the string literals of the headers that look like one. Each must be in the registry and not
deprecated, or in one of the lists below, which in turn may name nothing that is not there. The table
in docs/conventions.md has to be what comes out; --write makes it so.

Exit status 77, which Meson and automake read as "skipped", says that npm is missing.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from headers import ROOT, headers

# Keys that no convention has, and what they say.
OWN = {
    "plume.dropped_children": "children that are not there: no room, or too many below their root",
    "plume.suppressed_children": "children that are not there: their line was over its rate",
    "plume.truncated": "the span exceeded a packet, and was cut",
    "curl.appconnect_us": "libcurl's `CURLINFO_APPCONNECT_TIME_T`; the others likewise",
    "curl.connect_us": "",
    "curl.namelookup_us": "",
    "curl.pretransfer_us": "",
    "curl.redirect_us": "",
    "curl.starttransfer_us": "",
    "curl.total_us": "",
    "sqlite.trigger.name": "of the event `trigger`",
    # OpenTelemetry's "Mapping to non-OTLP Formats", and its transformation to Jaeger.
    "otel.dropped_attributes_count": "Jaeger has no field for it",
    "otel.dropped_events_count": "Jaeger has no field for it",
    "otel.dropped_links_count": "Jaeger has no field for it",
    "span.kind": "Jaeger has no field for it",
    "w3c.tracestate": "Jaeger has no field for it",
}
# Literals that look like a key and are none.
NOT_KEYS = {
    "trace.high": "where a link points, on its way through the ring",
    "trace.low": "likewise",
    "traces.jsonl": "a file",
}
# Attributes with well-known values whose registry allows any other.
OPEN = {"error.type"}

# Whose keys a file has: the first that fits.
SENDERS = [
    ("plume/instrument/httplib", "cpp-httplib"), ("plume/instrument/curl", "libcurl"),
    ("plume/instrument/detail/pq", "libpq"), ("plume/instrument/libpq", "libpq"),
    ("plume/instrument/detail/sqlite", "SQLite"), ("plume/instrument/sqlite", "SQLite"),
    ("plume/instrument/detail/query", "SQLite, libpq"),
    ("plume/instrument/detail/sql", "SQLite, libpq"),
    ("plume/instrument/", "HTTP"), ("plume/exporters/jaeger", "Jaeger exporter"),
    ("plume/exporters/otlp", "Jaeger, OTLP, JSONL exporters"),
    ("plume/exporters/detail/origins.hpp", "Jaeger, OTLP, JSONL exporters"),
    ("plume/collect/span_builder.hpp", "every span"), ("plume/record/annotate.hpp", "exceptions"),
    ("plume/trace/span_api.hpp", "exceptions"), ("plume/session/resource_detection.hpp", "resource"),
]
NO_SENDERS = ("plume/redaction", "plume/export/resource.hpp", "plume/exporters/console",
              "plume/exporters/jaeger/mapping.hpp", "plume/session/options.hpp", "plume/record/callsite.hpp")

PACKAGE = "@opentelemetry/semantic-conventions"
KEY = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)+\.?")
DOCUMENT = ROOT / "docs" / "conventions.md"
BEGIN, END = "<!-- keys: ./dev check conventions -->\n", "<!-- end of keys -->\n"


def version_followed() -> str:
    """The one that plume::schema_url names."""
    text = headers()["plume/core/version.hpp"].read_text(encoding="utf-8")
    return re.search(r'schema_url = "[^"]*/(\d+\.\d+\.\d+)"', text)[1]


def fetch(version: str) -> Path:
    """The unpacked package, in a cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "plume"
    place = cache / f"semantic-conventions-{version}"
    if place.is_dir():
        return place
    if not shutil.which("npm"):
        print("conventions: skipped: it needs npm, to fetch the registry", file=sys.stderr)
        sys.exit(77)
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as directory:
        subprocess.run(["npm", "pack", "--silent", f"{PACKAGE}@{version}"], cwd=directory,
                       check=True, stdout=subprocess.DEVNULL)
        [archive] = Path(directory).glob("*.tgz")
        subprocess.run(["tar", "-xzf", archive, "-C", directory], check=True)
        (Path(directory) / "package").rename(place)
    return place


class Registry:
    """What the package's constants and the comments in front of them say."""

    def __init__(self, package: Path):
        self.stability: dict[str, str] = {}
        self.values: dict[str, dict[str, bool]] = defaultdict(dict)  # whether it is deprecated
        keys: dict[str, str] = {}  # by the name of the constant
        values = []
        for stability in ("stable", "experimental"):
            text = (package / "dist" / f"{stability}_attributes.mjs").read_text(encoding="utf-8")
            pattern = r'/\*\*((?:(?!\*/).)*)\*/\s*const (\w+) = (?:\(key\) => )?["`]([^"`]*)["`];'
            for comment, name, literal in re.findall(pattern, text, re.S):
                deprecated = "@deprecated" in comment
                if name.startswith("ATTR_"):
                    key = keys[name] = literal.removesuffix("${key}")
                    word = "development" if stability == "experimental" else "stable"
                    self.stability[key] = "deprecated" if deprecated else word
                elif of := re.search(r"for attribute \{@link (\w+)\}", comment):
                    values.append((of[1], literal, deprecated))
        for name, literal, deprecated in values:
            self.values[keys[name]][literal] = deprecated
        if len(self.stability) < 500 or "http.request.method" not in self.values:
            sys.exit("conventions: the registry is written in another way than this reads it")


def literals(text: str):
    """String literals, without those in comments."""
    token = re.compile(r'//[^\n]*|/\*.*?\*/|"((?:[^"\\\n]|\\.)*)"|\'(?:[^\'\\\n]|\\.)+\'', re.S)
    return [match[1] for match in token.finditer(text) if match[1] is not None]


def without_comments(text: str) -> str:
    token = re.compile(r'(//[^\n]*|/\*.*?\*/)|("(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)+\')', re.S)
    return token.sub(lambda match: match[2] or " ", text)


class Found:
    """What the headers can send."""

    def __init__(self):
        self.keys: dict[str, list[str]] = defaultdict(list)  # and which files have it
        self.values: dict[str, set[str]] = defaultdict(set)
        for name, path in headers().items():
            text = without_comments(path.read_text(encoding="utf-8"))
            keys = {one for one in literals(text) if KEY.fullmatch(one)}
            keys |= {key for key in re.findall(r'\bKey<"([^"]+)">', text) if "." in key}
            for key in keys:
                self.keys[key].append(name)
            pair = r'"([a-z0-9_.]+)"(?:>\{\} =|,)\s*(?:std::string_view\s*)?\{?"([^"\\]*)"'
            for key, value in re.findall(pair, text):
                if key in keys:
                    self.values[key].add(value)
            if name.startswith("plume/instrument/"):  # the list of methods that HTTP has
                for several in re.findall(r'\{\s*((?:"[A-Z]+",?\s*){5,})\}', text):
                    if '"GET"' in several:  # and not one of SQL's words
                        self.values["http.request.method"].update(literals(several))


def senders_of(files: list[str]) -> str:
    names = []
    for file in files:
        if file.startswith(NO_SENDERS):
            continue
        for prefix, sender in SENDERS:
            if file.startswith(prefix):
                names.append(sender)
                break
        else:
            names.append(file)
    return ", ".join(dict.fromkeys(", ".join(sorted(set(names))).split(", ")))


def compare(found: Found, registry: Registry) -> list[str]:
    faults = []
    for key, files in sorted(found.keys.items()):
        stability = registry.stability.get(key)
        if key.endswith(".") and any(one.startswith(key) for one in registry.stability):
            continue
        if key in OWN or key in NOT_KEYS:
            if stability:
                faults.append(f'"{key}" has come into the registry: take it out of the list here')
        elif stability is None:
            faults.append(f'"{key}" is not in the registry ({", ".join(files)})')
        elif stability == "deprecated":
            faults.append(f'"{key}" is deprecated ({", ".join(files)})')
    for key in sorted({*OWN, *NOT_KEYS} - set(found.keys)):
        faults.append(f'"{key}" is in a list here, and in no header any more')
    for key, values in sorted(found.values.items()):
        known = registry.values.get(key)
        if not known:
            continue
        for value in sorted(values):
            if value not in known and key not in OPEN:
                faults.append(f'"{value}" is no value of "{key}"')
            elif known.get(value):
                faults.append(f'"{value}" is a deprecated value of "{key}"')
    return faults


def table(found: Found, registry: Registry, version: str) -> str:
    lines = [f"Of version {version}:", "", "| key | stability | sent by | well-known values |",
             "| --- | --- | --- | --- |"]
    for key, files in sorted(found.keys.items()):
        senders = senders_of(files)
        if key in OWN or key in NOT_KEYS or not senders:
            continue
        known = registry.values.get(key, {})
        values = ", ".join(f"`{one}`" for one in sorted(found.values[key]) if one in known)
        shown = key + "<key>" if key.endswith(".") else key
        lines.append(f"| `{shown}` | {registry.stability[key]} | {senders} | {values} |")
    lines += ["", "Plume's own, and those of Jaeger's format:", "",
              "| key | sent by | |", "| --- | --- | --- |"]
    lines += [f"| `{key}` | {senders_of(found.keys[key])} | {what} |"
              for key, what in sorted(OWN.items())]
    return "\n".join(lines) + "\n"


def main():
    version = version_followed()
    registry, found = Registry(fetch(version)), Found()
    faults = compare(found, registry)
    for fault in faults:
        print(f"conventions: {fault}", file=sys.stderr)
    if faults:
        sys.exit(1)
    text = DOCUMENT.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    wanted = before + BEGIN + table(found, registry, version) + END + after
    if "--write" in sys.argv[1:]:
        DOCUMENT.write_text(wanted, encoding="utf-8")
    elif wanted != text:
        sys.exit(f"conventions: {DOCUMENT.relative_to(ROOT)} is out of date: write it with "
                 "tests/tools/conventions.py --write")
    print(f"conventions: {len(found.keys)} literals agree with version {version}")


if __name__ == "__main__":
    main()
