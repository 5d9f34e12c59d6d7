#!/usr/bin/env python3
"""Rates that Jaeger's remote_sampling extension serves from a file arrive in a C++ program.

    remote_sampling.py SAMPLED STRATEGIES

SAMPLED is the program of sampled.cpp. STRATEGIES is the file that the running Jaeger serves, and
looks at every 100 ms or so: this writes it, and writes another one while the program runs.
"""
import json
import os
import subprocess
import sys
from pathlib import Path

ENDPOINT = "http://127.0.0.1:5778"  # as users write it, without a path
ROOTS = 2000


def strategies(marker: float, rates: dict[str, float], others: float) -> dict:
    operations = [{"operation": name, "type": "probabilistic", "param": rate}
                  for name, rate in {"marker": marker, **rates}.items()]
    return {
        "service_strategies": [{"service": "sampled", "type": "probabilistic", "param": others,
                                "operation_strategies": operations}],
        "default_strategy": {"type": "probabilistic", "param": 0.5},
    }


def serve(path: Path, content: dict) -> None:
    """All at once: Jaeger never sees half of it."""
    whole = path.with_suffix(".new")
    whole.write_text(json.dumps(content))
    os.replace(whole, path)


def wrong(counts: dict[str, int], rates: dict[str, float]) -> list[str]:
    """All or none exactly; a share within six deviations, which chance misses once in 10^9."""
    found = []
    for name, count in counts.items():
        rate = rates[name]
        slack = 6 * (ROOTS * rate * (1 - rate)) ** 0.5
        if abs(count - ROOTS * rate) > slack:
            found.append(f"{name}: {count} of {ROOTS} roots are recorded at a rate of {rate}")
    return found


def main() -> int:
    program, path = sys.argv[1], Path(sys.argv[2])
    # "GET *" is a name like any other: "GET /health" goes by what holds for the rest.
    first = {"checkout": 1, "GET *": 1, "pay": 0.25}
    second = {"checkout": 0, "GET *": 0.5, "pay": 1}
    problems = []
    serve(path, strategies(1, first, 0))
    with subprocess.Popen([program, ENDPOINT], text=True, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as running:
        for marker, rates, others in ((1, first, 0), (0, second, 0.5)):
            serve(path, strategies(marker, rates, others))
            running.stdin.write("\n")
            running.stdin.flush()
            counts = json.loads(running.stdout.readline())
            print("recorded of", ROOTS, "each:", counts)
            problems += wrong(counts, {**rates, "GET /health": others, "other": others})
        running.stdin.close()
    if running.returncode != 0:
        problems.append(f"{program} ended with {running.returncode}")
    for text in problems:
        print("FAIL", text)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
