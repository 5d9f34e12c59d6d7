#!/usr/bin/env python3
"""Counts the instructions of one span with callgrind, and adds them to the JSON of `overhead`.

    instructions.py OVERHEAD JSON

The difference between two runs of different length is what the spans in between cost: loop
included, start-up and background threads not. Repeatable, whatever else the machine does.
"""
import json
import re
import shutil
import subprocess
import sys
import tempfile

# The name of the case, and the function that counts for it.
CASES = {
    "clock_pair": "cases::clock_pair(int)",
    "empty_span": "cases::empty_span(int)",
    "attributes_3": "cases::attributes_3(int)",
    "nested_4": "cases::nested_4(int)",
    "root_span": "cases::empty_span(int)",
    "async_span": "cases::async_span(int)",
    "text_attribute": "cases::text_attribute(int)",
    "fields_6": "cases::fields_6(int)",
    "by_hand_6": "cases::by_hand_6(int)",
}


def instructions(program, case, function, count):
    with tempfile.NamedTemporaryFile() as out:
        run = subprocess.run(
            ["valgrind", "--tool=callgrind", f"--toggle-collect={function}",
             f"--callgrind-out-file={out.name}", program, f"--case={case}", f"--count={count}"],
            capture_output=True, text=True, timeout=300)
    found = re.search(r"Collected : (\d+)", run.stderr)
    if run.returncode != 0 or not found:
        raise RuntimeError(f"callgrind failed for {case}:\n{run.stderr[-2000:]}")
    return int(found.group(1))


def main():
    program, path = sys.argv[1:]
    if not shutil.which("valgrind"):
        print("instructions: skipped, there is no valgrind")
        return
    with open(path, encoding="utf-8") as file:
        result = json.load(file)
    per_span = {}
    for case, function in CASES.items():
        few, many = (instructions(program, case, function, count) for count in (1000, 3000))
        per_span[case] = (many - few) / 2000
        print(f"instructions per span, {case}: {per_span[case]:g}")
    result["instructions"] = per_span
    # What a struct of six members costs, as a ratio to these attributes written by hand.
    ratio = per_span["fields_6"] / per_span["by_hand_6"]
    result["fields"] = {"instructions_ratio": ratio}
    print(f"fields, instructions as a ratio to attributes by hand: {ratio:.3f}")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(result, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
