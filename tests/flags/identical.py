#!/usr/bin/env python3
"""Checks that PLUME_ENABLED=0 leaves nothing behind.

    identical.py -- COMPILER [ARGUMENT...]

Compiles instrumented.cpp once with PLUME_ENABLED=0 and once without any instrumentation, and
compares what the compiler made of it: every instruction, every section, every symbol. A third
object, with the instrumentation on, has to differ, or the comparison would prove nothing.
"""
import re
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).with_name("instrumented.cpp")


def run(*command):
    text = subprocess.run(command, check=True, text=True, capture_output=True).stdout
    # clang numbers the texts that it has seen, those that it did not keep included.
    return re.sub(r"\.L\.str(\.\d+)?", ".L.str", text)


def made_of(object_file):
    """The parts of an object that a program is linked from, without the name of the file."""
    code = run("objdump", "--disassemble", "--reloc", "--no-show-raw-insn", object_file)
    contents = run("objdump", "--full-contents", object_file)
    headers = run("objdump", "--section-headers", object_file)
    # Name and size of each section; offsets follow from them.
    sections = re.findall(r"^\s*\d+ (\S+)\s+([0-9a-f]{8})", headers, re.M)
    symbols = sorted(line[17:] for line in run("nm", object_file).splitlines())
    return {"code": code.split("file format")[1], "contents": contents.split("file format")[1],
            "sections": [section for section in sections if section[0] != ".comment"],
            "symbols": symbols}


def main():
    compiler = sys.argv[sys.argv.index("--") + 1:]
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for level in ("-O2", "-O0"):
            made = {}
            for name, flags in {"off": ["-DPLUME_ENABLED=0"], "plain": ["-DPLAIN"], "on": []}.items():
                object_file = f"{folder}/{name}.o"
                # What the plain file may be warned about is not Plume's.
                warnings = [] if name == "plain" else ["-Wall", "-Wextra", "-Werror"]
                run(*compiler, level, *warnings, *flags, "-c", str(SOURCE), "-o", object_file)
                made[name] = made_of(object_file)
            # Without optimisation the empty guard of PLUME_SPAN_AS and the calls on it are there.
            if level == "-O2":
                for part in made["off"]:
                    same = made["off"][part] == made["plain"][part]
                    print(f"{'ok  ' if same else 'FAIL'} {level}: {part} with PLUME_ENABLED=0 "
                          f"{'as' if same else 'not as'} in the plain file")
                    failed += not same
            differs = made["on"]["code"] != made["plain"]["code"]
            print(f"{'ok  ' if differs else 'FAIL'} {level}: with the instrumentation on, the code differs")
            failed += not differs
    print(f"{6 - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
