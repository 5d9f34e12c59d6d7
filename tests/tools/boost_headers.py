#!/usr/bin/env python3
"""Prints where the headers of a Boost are that names the members of structs (1.84 and newer).

They come from the package registry, once, into a cache. Exit status 77 says that they can't be had.
"""
import os
import subprocess
import sys
import venv
from pathlib import Path

VERSION = "1.85.0.post1"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "plume"
ENVIRONMENT = CACHE / f"venv-boost-{VERSION}"
READY = ENVIRONMENT / "ready"


def main() -> int:
    if not READY.exists():
        try:
            venv.create(ENVIRONMENT, with_pip=True, clear=True)
            subprocess.run([ENVIRONMENT / "bin" / "python", "-m", "pip", "install", "--quiet",
                            "--disable-pip-version-check", f"boost-headers=={VERSION}"],
                           check=True, timeout=300, stdout=sys.stderr)
        except (OSError, subprocess.SubprocessError) as error:
            print(f"skipped: no boost-headers {VERSION}: {error}", file=sys.stderr)
            return 77
        READY.touch()
    found = list(ENVIRONMENT.glob("lib/*/site-packages/boost_headers/include"))
    if not found:
        print(f"boost-headers {VERSION} has its headers elsewhere", file=sys.stderr)
        return 1
    print(found[0])
    return 0


if __name__ == "__main__":
    sys.exit(main())
