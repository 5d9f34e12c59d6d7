#!/usr/bin/env python3
"""Adds up what `meson test` ran, and prints `N passed, N failed, N skipped` as its last line.

    summary.py BUILD/meson-logs/testlog.json

A program that reports its own cases (Catch2, or a script that closes with such a line) counts as
that many; any other test counts as one. Exit status 1 when something failed, when nothing ran,
and, with CI=true, when something was skipped.
"""
import json
import os
import re
import sys

CATCH_ALL_PASSED = re.compile(r"^All tests passed \(.* in (\d+) test cases?\)$", re.M)
CATCH_CASES = re.compile(r"^test cases: .*$", re.M)
OWN_LINE = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", re.M)


def cases(output: str) -> list[int] | None:
    """Passed, failed and skipped cases as the test itself reports them, if it does."""
    if own := OWN_LINE.findall(output):
        return [int(number) for number in own[-1]]
    if all_passed := CATCH_ALL_PASSED.findall(output):
        return [int(all_passed[-1]), 0, 0]
    if lines := CATCH_CASES.findall(output):
        def count(word: str) -> int:
            # "failed as expected" is what a test tagged [!shouldfail] wants.
            found = re.search(rf"(\d+) {word}(?! as expected)", lines[-1])
            return int(found[1]) if found else 0
        as_expected = re.search(r"(\d+) failed as expected", lines[-1])
        passed = count("passed") + (int(as_expected[1]) if as_expected else 0)
        return [passed, count("failed"), count("skipped")]
    return None


def main() -> int:
    total = [0, 0, 0]
    skipped_tests = []
    with open(sys.argv[1], encoding="utf-8") as log:
        for test in map(json.loads, log):
            good = test["result"] in ("OK", "EXPECTEDFAIL")
            skipped = test["result"] == "SKIP"
            counts = cases(test.get("stdout", ""))
            if counts is None or skipped:
                counts = [int(good), int(not good and not skipped), int(skipped)]
            elif not good and counts[1] == 0:
                counts[1] = 1  # every case passed, and yet: a leak, a race, a crash at exit
            if counts[2]:
                skipped_tests.append(test["name"])
            total = [sum(pair) for pair in zip(total, counts)]

    passed, failed, skipped = total
    refuse_skips = skipped and os.environ.get("CI") == "true"
    if skipped_tests:
        print("skipped something:", ", ".join(skipped_tests))
    if refuse_skips:
        print("CI=true: a skipped test is a failure")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or refuse_skips or passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
