#!/usr/bin/env python3
"""Recomputes who includes whom, and fails when the house leans.

    include_graph.py [COMPILER]

A header includes its own folder, and folders of lower rank; no circle comes of it, and no chain is
long. What instrumented code includes (plume.hpp) stays light: no heavy standard header, few lines. The
compiler (g++ unless given) tells what is really reached from there.
"""
import re
import subprocess
import sys

from headers import INCLUDE_DIRECTORIES, headers

# The architecture: a folder of plume/ includes folders of lower rank, and itself.
RANKS = {
    "core": 0,                   # words that everything else is made of
    "record": 1,                 # what the program's threads run
    "export": 1,                 # what leaves: spans, resources, and who takes them
    "trace": 2,                  # what users write
    "redaction": 2,
    "propagation": 3,
    "sampling": 3,
    "collect": 3,                # what the background threads run
    "session": 4,
    "instrument/detail": 5,
    "instrument/curl": 6,
    "instrument/httplib": 6,
    "instrument": 7,
    "exporters/detail": 2,
    "exporters/console": 3,
    "exporters/memory": 3,
    "exporters/jaeger": 3,
    "exporters/otlp": 3,
    "exporters/jsonl": 3,
    "exporters": 4,
    "samplers/jaeger_remote": 4,
    "samplers": 5,
    "": 9,                       # the doors: what README and docs tell users to include
}
MOST_DOORS = 16
LONGEST_CHAIN = 23

LIGHT_DOOR = "plume/plume.hpp"
HEAVY = {"iostream", "functional", "thread", "mutex", "regex", "chrono"}
HEAVY_FOLDERS = ("fmt/",)
MOST_LINES = {1: 33_000, 0: 200}  # by PLUME_ENABLED; preprocessed, as `g++ -E | wc -l` counts


def folder_of(name: str) -> str:
    return name.removeprefix("plume/").rpartition("/")[0]


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
    found = [f"plume/{folder} has no rank: give it one in {__file__}"
             for folder in sorted(set(map(folder_of, edges)) - RANKS.keys())]
    for name, targets in edges.items():
        for target in targets:
            here, there = folder_of(name), folder_of(target)
            if target not in edges:
                found.append(f"{name} includes {target}, which does not exist")
            elif here != there and RANKS.get(there, 0) >= RANKS.get(here, 0):
                found.append(f"{name} includes upwards: {target}")
    return found


def too_many_doors(edges: dict[str, list[str]]) -> list[str]:
    doors = [name for name in edges if folder_of(name) == ""]
    return [f"{len(doors)} headers lie directly in plume/: {MOST_DOORS} are allowed"
            ] if len(doors) > MOST_DOORS else []


def long_chains(edges: dict[str, list[str]]) -> list[str]:
    """The longest way from include to include, if it is too long."""
    longest: dict[str, list[str]] = {}

    def chain(name: str) -> list[str]:
        if name not in longest:
            longest[name] = [name, *max((chain(target) for target in edges.get(name, [])),
                                        key=len, default=[])]
        return longest[name]

    found = max(map(chain, edges), key=len)
    print(f"the longest chain has {len(found)} headers, {LONGEST_CHAIN} are allowed")
    return [f"a chain of {len(found)}: {' -> '.join(found)}"] if len(found) > LONGEST_CHAIN else []


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
    problems = [*wrong_arrows(edges), *circles(edges)]
    if not problems:  # a chain in a circle has no end
        problems = [*too_many_doors(edges), *long_chains(edges), *light_door(compiler)]
    for text in problems:
        print("FAIL", text)
    print(f"{len(edges)} headers, {sum(map(len, edges.values()))} arrows, "
          f"{len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
