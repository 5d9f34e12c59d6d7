#!/usr/bin/env python3
"""Checks that PLUME_ENABLED=0 leaves nothing behind.

    identical.py -- COMPILER [ARGUMENT...]

Compiles instrumented.cpp once with PLUME_ENABLED=0 and once without any instrumentation, and
compares what the compiler made of it: every instruction, every section, every symbol. A third
object, with the instrumentation on, has to differ, or the comparison would prove nothing. All this
with the compiler that is given, and with the other one, if it is there.
"""
import re
import shutil
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


def compare(compiler):
    """What was compared, and whether it came out well."""
    name_of_compiler = Path(compiler[0]).name
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
                    yield (f"{name_of_compiler} {level}: {part} with PLUME_ENABLED=0 as in the plain "
                           f"file", made["off"][part] == made["plain"][part])
            yield (f"{name_of_compiler} {level}: with the instrumentation on, the code differs",
                   made["on"]["code"] != made["plain"]["code"])


def main():
    compiler = sys.argv[sys.argv.index("--") + 1:]
    is_clang = "clang" in Path(compiler[0]).name
    others = [name for name in (["g++"] if is_clang else ["clang++-19", "clang++"])
              if shutil.which(name)]
    compilers = [compiler, *([name, *compiler[1:]] for name in others[:1])]
    good = [0, 0]
    for each in compilers:
        for what, as_it_should in compare(each):
            good[as_it_should] += 1
            print(f"{'ok  ' if as_it_should else 'FAIL'} {what}", flush=True)
    skipped = 2 - len(compilers)
    if skipped:
        print("skip: no other compiler is there")
    print(f"{good[1]} passed, {good[0]} failed, {skipped} skipped")
    return 1 if good[0] else 0


if __name__ == "__main__":
    sys.exit(main())
