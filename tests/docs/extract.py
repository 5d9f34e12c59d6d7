#!/usr/bin/env python3
"""Compiles and runs the code of README.md and docs/*.md.

    extract.py [--packages=NAME,...] -- COMPILER [ARGUMENT...]

A block of C++ takes part when an HTML comment stands right above it:

    <!-- compile -->              compiled as it is: a program, or declarations at file scope
    <!-- compile: statements -->  #include lines, namespaces and functions go to file scope, the
                                  rest into the body of a function
    <!-- run -->                  built and run; its stdout must equal the next ```text block, where
                                  an ellipsis (…) stands for any characters but a newline

What follows a colon is an annotation to the reader, except for the word `statements`. Lines after the
first one of the comment are put in front of the block: declarations that it needs and that would
bore the reader. Fails when a block does, or when there is no block at all.
"""
import os
import re
import shlex
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RUN_SECONDS = 60  # far more than an example of a document may take

COMMENT = re.compile(
    r"<!--\s*(compile|run)\b\s*(?::([^\n]*?))?\s*(?:\n(.*?))?-->\s*\Z", re.S)
FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```[ \t]*$", re.M | re.S)
# What `statements` puts at file scope, up to the brace that closes it. A function's first line has a
# type before its name and an opening brace; `worker([] {` is a call.
DEFINITION = re.compile(
    r"(namespace|struct|class|enum|template)\b"
    r"|(?!return |co_return |throw )[\w:<>,&*]+( [\w:<>,&*]+)* [&*]*\w+\([^\[{]*\)[^=\[{]*\{"
)


@dataclass
class Block:
    file: str
    line: int  # of the first line of code
    kind: str
    annotation: str
    hidden: str
    code: str
    expected: str | None


def blocks_of(path: Path) -> tuple[list[Block], int]:
    """The blocks that take part, and how many blocks of C++ do not."""
    text = path.read_text(encoding="utf-8")
    fences = list(FENCE.finditer(text))
    found, unmarked = [], 0
    for index, fence in enumerate(fences):
        if fence[1] != "cpp":
            continue
        # The comment has to end where the block begins; the last one before it is the one.
        above = text[fences[index - 1].end() if index else 0:fence.start()]
        comment = COMMENT.search(above[max(above.rfind("<!--"), 0):])
        if not comment:
            unmarked += 1
            continue
        after = fences[index + 1] if index + 1 < len(fences) else None
        found.append(Block(
            file=str(path.relative_to(ROOT)),
            line=text.count("\n", 0, fence.start(2)) + 1,
            kind=comment[1],
            annotation=(comment[2] or "").strip(),
            hidden=comment[3] or "",
            code=fence[2],
            expected=after[2] if after and after[1] == "text" else None,
        ))
    return found, unmarked


def in_a_function(block: Block) -> str:
    """The block with what belongs to file scope there, and the rest in a function's body."""
    outside, inside = [], []
    open_braces = 0
    for number, line in enumerate(block.code.splitlines(), block.line):
        if open_braces or DEFINITION.match(line):
            open_braces += line.count("{") - line.count("}")
            target = outside
        else:
            target = outside if line.startswith("#") else inside
        target += [f'#line {number} "{block.file}"', line]
    return "\n".join([*outside, "void statements_of_the_document() {", *inside, "}"])


def source_of(block: Block) -> str:
    if block.annotation == "statements":
        body = in_a_function(block)
    else:
        body = f'#line {block.line} "{block.file}"\n{block.code}'
    return f"{block.hidden}\n{body}\n"


def matches(expected: str, actual: str) -> bool:
    pattern = "[^\n]*".join(re.escape(part) for part in expected.split("…"))
    return re.fullmatch(pattern, actual) is not None


def problem(block: Block, compiler: list[str], libraries: list[str], work: Path) -> str:
    """What is wrong with this block, or nothing."""
    name = f"{block.file}_{block.line}".replace("/", "_")
    source, program = work / f"{name}.cpp", work / name
    source.write_text(source_of(block), encoding="utf-8")

    if block.kind == "run" and block.expected is None:
        return "no ```text block with the expected output follows"
    headers = [flag for flag in libraries if flag.startswith("-I")]
    goal = (["-o", str(program), *libraries] if block.kind == "run"
            else ["-fsyntax-only", *headers])
    built = subprocess.run([*compiler, str(source), *goal], text=True, errors="replace",
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if built.returncode != 0:
        return f"does not compile:\n{built.stdout}"
    if block.kind == "compile":
        return ""

    try:
        ran = subprocess.run([str(program)], cwd=work, capture_output=True, timeout=RUN_SECONDS)
    except subprocess.TimeoutExpired:
        return f"still runs after {RUN_SECONDS} s"
    output = ran.stdout.decode("utf-8", "replace")
    if ran.returncode != 0:
        return f"exit status {ran.returncode}\n{ran.stderr.decode('utf-8', 'replace')}"
    if not matches(block.expected, output):
        return f"should print:\n{block.expected}but prints:\n{output}"
    return ""


def main() -> int:
    split = sys.argv.index("--")
    compiler = sys.argv[split + 1:]
    libraries = []
    for option in sys.argv[1:split]:
        names = option.removeprefix("--packages=").split(",")
        flags = subprocess.run(["pkg-config", "--cflags", "--libs", *names],
                               check=True, text=True, stdout=subprocess.PIPE)
        libraries += shlex.split(flags.stdout)

    blocks, unmarked = [], 0
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        of_this_file, without_comment = blocks_of(path)
        blocks += of_this_file
        unmarked += without_comment

    with tempfile.TemporaryDirectory(prefix="plume-docs-") as work:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            problems = list(pool.map(
                lambda block: problem(block, compiler, libraries, Path(work)), blocks))

    for block, text in zip(blocks, problems):
        where = f"{block.file}:{block.line}"
        print(f"FAIL {where}: {text}" if text else f"ok   {where} ({block.kind})")
    if unmarked:
        print(f"{unmarked} blocks of C++ have no <!-- compile --> or <!-- run --> above them")
    if not blocks:
        print("FAIL: no block of code found in README.md and docs/*.md")
    failed = sum(map(bool, problems))
    print(f"{len(blocks) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed or not blocks else 0


if __name__ == "__main__":
    sys.exit(main())
