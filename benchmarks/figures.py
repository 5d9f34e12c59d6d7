#!/usr/bin/env python3
"""Runs the programs that measure one thing each, and adds what they print to a JSON file.

    figures.py JSON PROGRAM...

A program prints one JSON object on stdout, such as {"sqlite": {"extra_clock_pairs": 3.1}}, and
whatever people want to read on stderr. It fails when it lost spans, or could not measure.
"""
import json
import subprocess
import sys


def main() -> None:
    path, *programs = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        result = json.load(file)
    for program in programs:
        run = subprocess.run([program], stdout=subprocess.PIPE, text=True, timeout=900, check=True)
        result.update(json.loads(run.stdout))
    with open(path, "w", encoding="utf-8") as file:
        json.dump(result, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
