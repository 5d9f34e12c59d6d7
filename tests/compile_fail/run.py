#!/usr/bin/env python3
"""Checks that code which must not compile does not, and that the compiler says why.

    run.py -- COMPILER [ARGUMENT...]

Every *.cpp beside this script starts with the line `// expect: SENTENCE`. It passes when the
compiler refuses it and prints the sentence, and accepts it with -DPLUME_COMPILE_FAIL_OK, which
takes the offending line away: so nothing but that line is what the compiler refused.
"""
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]


def compile(compiler: list[str], source: Path, *flags: str) -> tuple[bool, str]:
    # Compilers translate and quote by locale, and the sentences are ASCII.
    environment = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(
        [*compiler, f"-I{TESTS}", "-fsyntax-only", *flags, str(source)],
        env=environment, text=True, errors="replace",
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )
    return done.returncode == 0, done.stdout


def problem(compiler: list[str], source: Path) -> str:
    """What is wrong with this file, or nothing."""
    first_line = source.read_text(encoding="utf-8").partition("\n")[0]
    expected = re.fullmatch(r"// expect: (\S.*)", first_line)
    if not expected:
        return "the first line is not `// expect: SENTENCE`"

    accepted, output = compile(compiler, source, "-DPLUME_COMPILE_FAIL_OK")
    if not accepted:
        return f"refused even with PLUME_COMPILE_FAIL_OK:\n{output}"
    accepted, output = compile(compiler, source)
    if accepted:
        return f"it compiles, but should be refused with: {expected[1]}"
    if expected[1] not in output:
        return f"the compiler did not say: {expected[1]}\nIt said:\n{output}"
    return ""


def main() -> int:
    compiler = sys.argv[sys.argv.index("--") + 1:]
    sources = sorted(Path(__file__).parent.glob("*.cpp"))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        problems = list(pool.map(lambda source: problem(compiler, source), sources))

    for source, text in zip(sources, problems):
        print(f"FAIL {source.name}: {text}" if text else f"ok   {source.name}")
    failed = sum(map(bool, problems))
    print(f"{len(sources) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed or not sources else 0


if __name__ == "__main__":
    sys.exit(main())
