#!/usr/bin/env python3
"""One runtime in a process, however it was linked.

    run.py [--linking] -- COMPILER [ARGUMENT...]

Builds a program without -rdynamic, a library that it is linked with, and two that it opens, one of
them by the other compiler, all with hidden visibility, and runs it. With --linking also programs
of other kinds: static, optimised at link time, stripped of sections and symbols, by other linkers.
"""
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
TREE = "alone\n  leaf\n"


def run(*command, folder):
    done = subprocess.run(command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        sys.exit(f"{done.stdout}\nFAIL: {' '.join(command)}")
    return done.stdout


def four_modules(compiler, other, folder):
    hidden = ["-O1", "-g", "-fPIC", "-fvisibility=hidden"]

    def library(name, by, *flags):
        run(*by, *hidden, f"-DMODULE={name}", *flags, "-shared", str(HERE / "module.cpp"), "-o",
            f"lib{name}.so", folder=folder)

    library("linked", compiler, "-DWITH_SESSION")
    library("first", other, "-DWITH_SESSION")
    library("second", other)
    run(*compiler, "-O1", "-g", "-DMODULE=program", "-DWITH_SESSION", str(HERE / "program.cpp"),
        str(HERE / "module.cpp"), "-L.", "-llinked", "-Wl,-rpath,$ORIGIN", "-o", "program", folder=folder)
    return run("./program", folder=folder)


def alone(compiler, flags, folder):
    run(*compiler, "-O2", *flags, str(HERE / "alone.cpp"), "-o", "alone", folder=folder)
    if "-s" in flags:
        run("strip", "alone", folder=folder)
    return run("./alone", folder=folder)


def main():
    compiler = sys.argv[sys.argv.index("--") + 1:]
    others = [name for name in ("clang++-19", "clang++", "g++") if shutil.which(name) and name != compiler[0]]
    other = [others[0] if others else compiler[0], *compiler[1:]]
    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        output = four_modules(compiler, other, folder)
        print(f"{compiler[0]} and {other[0]}:\n{output}", end="")
        passed += output.count("ok  ")
        failed += output.count("FAIL")
        kinds = [["-static"], ["-flto"], ["-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections", "-s"],
                 ["-fvisibility=hidden", "-fPIE", "-pie"]]
        kinds += [[f"-fuse-ld={name}"] for name in ("gold", "lld") if shutil.which(f"ld.{name}")]
        for flags in kinds if "--linking" in sys.argv else []:
            found = alone(compiler, flags, folder)
            good = found == TREE
            print(f"{'ok  ' if good else 'FAIL'} {' '.join(flags)}")
            passed, failed = passed + good, failed + (not good)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
