#!/usr/bin/env python3
"""Prints every public header, one a line, as users write it: plume/ids.hpp."""
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INCLUDE_DIRECTORIES = [ROOT / "include", ROOT / "exporters", ROOT / "samplers"]


def headers() -> dict[str, Path]:
    """Every public header: the name that users include it by, and where it is."""
    found = {}
    for directory in INCLUDE_DIRECTORIES:
        for path in sorted(directory.rglob("*.hpp")):
            found[path.relative_to(directory).as_posix()] = path
    return found


if __name__ == "__main__":
    print("\n".join(headers()))
