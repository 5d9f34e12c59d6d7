#!/usr/bin/env python3
"""Runs the models of tests/model on the real headers, then on headers with one mistake each.

    check.py [MODEL...]

A model must pass on the headers as they are, and fail on each mutant of mutants.txt.
"""

import pathlib
import subprocess
import sys

here = pathlib.Path(__file__).parent
root = here.parent.parent
build = root / "build-model"
warnings = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]


def run(model: str, directory: pathlib.Path, includes: list[str]) -> subprocess.CompletedProcess:
    program = directory / model
    subprocess.run(
        ["g++", "-std=c++20", "-O0", "-pthread", *warnings, "-I", str(here), *includes,
         "-I", str(root / "include"), str(here / f"{model}_model.cpp"), "-o", str(program)],
        check=True)
    return subprocess.run([program], timeout=120, capture_output=True, text=True)


def mutants() -> list[list[str]]:
    lines = (here / "mutants.txt").read_text().splitlines()
    return [[part.strip() for part in line.split(" | ")]
            for line in lines if line and not line.startswith("#")]


def main() -> int:
    models = sys.argv[1:] or sorted({line[0] for line in mutants()})
    failed = False
    for model in models:
        directory = build / model
        directory.mkdir(parents=True, exist_ok=True)
        result = run(model, directory, [])
        print(result.stdout, end="")
        if result.returncode != 0:
            failed = True
            continue
        for number, (of, header, text, instead) in enumerate(mutants()):
            if of != model:
                continue
            source = (root / "include" / "plume" / header).read_text()
            if source.count(text) != 1:
                print(f"{header} has {source.count(text)} times: {text}")
                failed = True
                continue
            mutant = directory / str(number)
            (mutant / "plume" / header).parent.mkdir(parents=True, exist_ok=True)
            (mutant / "plume" / header).write_text(source.replace(text, instead))
            result = run(model, mutant, ["-I", str(mutant)])
            if result.returncode != 1:
                print(f"{model}: not noticed in {header}: {instead} ({result.returncode})")
                failed = True
            else:
                fault = next(line for line in result.stdout.splitlines()
                             if not line.endswith(" orders"))
                print(f"  {fault}: {header}: {instead}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
