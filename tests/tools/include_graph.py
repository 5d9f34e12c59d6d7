#!/usr/bin/env python3
"""Recomputes who includes whom, and fails when the house leans.

    include_graph.py [COMPILER]

A header includes lower floors, or neighbours on its own floor as long as no circle comes of it.
What instrumented code includes (plume.hpp) stays light: no heavy standard header, few lines. The
compiler (g++ unless given) tells what is really reached from there.
"""
import re
import subprocess
import sys

from headers import INCLUDE_DIRECTORIES, headers

# Every header has a floor; a folder stands for the files in it that are not named themselves.
FLOORS = {
    "plume/config.hpp": 0,
    "plume/atomic.hpp": 0,
    "plume/kinds.hpp": 0,
    "plume/span_limits.hpp": 0,
    "plume/environment.hpp": 0,
    "plume/version.hpp": 0,
    "plume/utf8.hpp": 0,
    "plume/disguise.hpp": 0,
    "plume/ids.hpp": 0,
    "plume/context_text.hpp": 0,
    "plume/clock.hpp": 0,
    "plume/policy.hpp": 0,
    "plume/attribute.hpp": 0,
    "plume/glob.hpp": 0,
    "plume/no_cancel.hpp": 0,
    "plume/random.hpp": 1,
    "plume/off.hpp": 1,
    "plume/time_map.hpp": 1,
    "plume/fields.hpp": 1,
    "plume/secret.hpp": 1,
    "plume/redact.hpp": 1,
    "plume/callsite.hpp": 1,
    "plume/record.hpp": 1,
    "plume/ring.hpp": 1,
    "plume/span_data.hpp": 1,
    "plume/owned_context.hpp": 1,
    "plume/resource.hpp": 2,
    "plume/redaction.hpp": 2,
    "plume/redaction/": 2,
    "plume/chunk.hpp": 2,
    "plume/lane.hpp": 2,
    "plume/scopes.hpp": 2,
    "plume/inherited.hpp": 2,
    "plume/registry.hpp": 2,
    "plume/sampling.hpp": 2,
    "plume/sampler.hpp": 2,
    "plume/runtime.hpp": 3,
    "plume/exporter.hpp": 3,
    "plume/site_table.hpp": 3,
    "plume/open_span.hpp": 3,
    "plume/unmatched.hpp": 3,
    "plume/scope_check.hpp": 3,
    "plume/module.hpp": 4,
    "plume/trace_start.hpp": 4,
    "plume/slow_path.hpp": 4,
    "plume/ends.hpp": 4,
    "plume/settle.hpp": 4,
    "plume/judge.hpp": 4,
    "plume/recording.hpp": 4,
    "plume/remarks.hpp": 4,
    "plume/run_time_key.hpp": 4,
    "plume/on_span.hpp": 4,
    "plume/span.hpp": 4,
    "plume/context.hpp": 4,
    "plume/bind_context.hpp": 4,
    "plume/composer.hpp": 4,
    "plume/assembler.hpp": 4,
    "plume/options.hpp": 4,
    "plume/exporter_factory.hpp": 4,
    "plume/process.hpp": 5,
    "plume/sampling_plan.hpp": 5,
    "plume/callsites.hpp": 5,
    "plume/site_watch.hpp": 5,
    "plume/sampler_sources.hpp": 5,
    "plume/worker.hpp": 5,
    "plume/collector.hpp": 5,
    "plume/macros.hpp": 5,
    "plume/propagation/propagators.hpp": 1,
    "plume/propagation/header_text.hpp": 1,
    "plume/propagation/trace_state.hpp": 1,
    "plume/propagation/": 5,
    "plume/plume.hpp": 6,
    "plume/engine.hpp": 6,
    "plume/session.hpp": 6,
    "plume/instrument/detail/": 6,
    "plume/instrument/curl/": 7,
    "plume/instrument/httplib/": 7,
    "plume/instrument/": 7,
    "plume/exporters/detail/": 4,
    "plume/exporters/console/": 5,
    "plume/exporters/memory/": 5,
    "plume/exporters/jaeger/": 5,
    "plume/exporters/otlp/": 5,
    "plume/exporters/jsonl/": 5,
    "plume/samplers/jaeger_remote/": 6,
    "plume/exporters/console.hpp": 7,
    "plume/exporters/memory.hpp": 7,
    "plume/exporters/jaeger.hpp": 7,
    "plume/exporters/otlp.hpp": 7,
    "plume/exporters/jsonl.hpp": 7,
    "plume/samplers/": 7,
}

LIGHT_DOOR = "plume/plume.hpp"
HEAVY = {"iostream", "functional", "thread", "mutex", "regex", "chrono"}
HEAVY_FOLDERS = ("fmt/",)
MOST_LINES = {1: 50_000, 0: 1_000}  # by PLUME_ENABLED; preprocessed, as `g++ -E | wc -l` counts


def floor_of(name: str) -> int | None:
    if name in FLOORS:
        return FLOORS[name]
    return FLOORS.get(name[:name.rindex("/") + 1])


def graph() -> dict[str, list[str]]:
    """For each header the other headers of Plume that it includes."""
    include = re.compile(r'^\s*#\s*include\s*[<"](plume/[^>"]+)[>"]', re.M)
    return {name: include.findall(path.read_text(encoding="utf-8"))
            for name, path in headers().items()}


def circles(edges: dict[str, list[str]]) -> list[str]:
    """One sentence for each circle, found by walking until a header comes up again."""
    found, done = [], set()

    def walk(name: str, path: list[str]) -> None:
        if name in path:
            found.append("a circle: " + " -> ".join([*path[path.index(name):], name]))
        elif name not in done:
            for target in edges.get(name, []):
                walk(target, [*path, name])
            done.add(name)

    for name in edges:
        walk(name, [])
    return found


def wrong_arrows(edges: dict[str, list[str]]) -> list[str]:
    found = []
    for name, targets in edges.items():
        if floor_of(name) is None:
            found.append(f"{name} has no floor: give it one in {__file__}")
            continue
        for target in targets:
            if target not in edges:
                found.append(f"{name} includes {target}, which does not exist")
            elif floor_of(target) is not None and floor_of(target) > floor_of(name):
                found.append(f"{name} (floor {floor_of(name)}) includes upwards: "
                             f"{target} (floor {floor_of(target)})")
    return found


def preprocess(compiler: str, *flags: str) -> subprocess.CompletedProcess:
    """The light door, preprocessed: text on stdout, every file opened on stderr (-H)."""
    includes = [f"-I{directory}" for directory in INCLUDE_DIRECTORIES]
    return subprocess.run(
        [compiler, "-std=c++20", *includes, *flags, "-E", "-H", "-x", "c++", "-"],
        input=f"#include <{LIGHT_DOOR}>\n", text=True, capture_output=True)


def heavy_includes(opened: str) -> list[str]:
    """What is too heavy among the files that -H lists: one dot more is one level deeper."""
    found, path = [], []
    for dots, file in re.findall(r"^(\.+) (.*)$", opened, re.M):
        path[len(dots) - 1:] = [file]
        name = file.rsplit("/", 1)[-1]
        if name in HEAVY or any(f"/{folder}" in file for folder in HEAVY_FOLDERS):
            found.append(f"{LIGHT_DOOR} reaches <{name}>: " + " -> ".join(path))
    return found


def light_door(compiler: str) -> list[str]:
    found = []
    for enabled, most in MOST_LINES.items():
        done = preprocess(compiler, f"-DPLUME_ENABLED={enabled}")
        if done.returncode != 0:
            errors = [line for line in done.stderr.splitlines() if "error:" in line]
            found.append(f"{LIGHT_DOOR} cannot be preprocessed: " + "\n".join(errors))
            continue
        lines = done.stdout.count("\n")
        print(f"{LIGHT_DOOR} with PLUME_ENABLED={enabled}: {lines} lines preprocessed, "
              f"{most} allowed")
        if lines > most:
            found.append(f"{LIGHT_DOOR} with PLUME_ENABLED={enabled} has {lines} lines "
                         f"preprocessed; {most} are allowed")
        found += heavy_includes(done.stderr)
    return found


def main() -> int:
    compiler = sys.argv[1] if len(sys.argv) > 1 else "g++"
    edges = graph()
    problems = [*wrong_arrows(edges), *circles(edges), *light_door(compiler)]
    for text in problems:
        print("FAIL", text)
    print(f"{len(edges)} headers, {sum(map(len, edges.values()))} arrows, "
          f"{len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
