#!/usr/bin/env python3
"""Links the modules of this folder in the ways that change who shares what, and runs each program.

    run.py [SESSION_ARCHIVE] -- COMPILER [ARGUMENT...]

SESSION_ARCHIVE holds session.cpp, position-independent: it takes long to compile, and is the same in
every way of linking. The last line counts; what this machine cannot do is told and counted as
skipped.
"""
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
NAMES = ["program", "linked", "one", "two"]


class Failed(Exception):
    pass


def run(*command: str | Path, **options) -> str:
    done = subprocess.run([str(word) for word in command], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, **options)
    if done.returncode != 0:
        raise Failed(f"{' '.join(map(str, command))}\n{done.stdout}")
    return done.stdout


class Workshop:
    def __init__(self, folder: Path, compiler: list[str], session: Path | None):
        self.folder = folder
        self.compiler = compiler
        # The same objects serve several ways of linking: each is compiled once.
        self.pool = ThreadPoolExecutor(os.cpu_count())
        self.objects = {}
        self.session = session or self.object("session.cpp", "session", compiler, "-O1",
                                              "-fvisibility=hidden").result()

    def object(self, source: str, name: str, compiler: list[str], *flags: str):
        key = (source, name, compiler[0], *flags)
        if key not in self.objects:
            target = self.folder / f"{len(self.objects)}_{name}.o"

            def compile() -> Path:
                run(*compiler, "-fPIC", *flags, f"-DNAME={name}", "-c", HERE / source, "-o", target)
                return target

            self.objects[key] = self.pool.submit(compile)
        return self.objects[key]

    def spans(self, flags: list[str], compilers: dict[str, list[str]]) -> dict:
        return {name: self.object("spans.cpp", name, compilers.get(name, self.compiler), *flags)
                for name in NAMES}

    def link(self, way: str, spans: dict, *flags: str, strip: bool = False,
             driver: list[str] | None = None) -> Path:
        folder = self.folder / way
        folder.mkdir()
        driver = [(driver or self.compiler)[0], "-pthread", *flags]
        for name in ["linked", "one", "two"]:
            # -Bsymbolic: a library that is opened uses its own code, whatever the others export.
            run(*driver, "-shared", "-Wl,-Bsymbolic", spans[name].result(), self.session,
                "-o", folder / f"lib{name}.so")
        program = self.object("program.cpp", "program_main", self.compiler, "-O1")
        run(*driver, program.result(), spans["program"].result(), self.session, f"-L{folder}",
            "-llinked", f"-Wl,-rpath,{folder}", "-ldl", "-o", folder / "program")
        if strip:
            run("strip", *folder.iterdir())
        return folder

    def check(self, folder: Path) -> None:
        run(folder / "program", folder / "libone.so", folder / "libtwo.so", timeout=60)


def other_compiler(compiler: list[str]) -> list[str] | None:
    """clang for g++, g++ for clang, with the same arguments; None if it is not there."""
    is_clang = "clang" in Path(compiler[0]).name
    for name in ["g++"] if is_clang else ["clang++-19", "clang++"]:
        if shutil.which(name):
            return [name, *compiler[1:]]
    return None


def links_with(compiler: list[str], folder: Path, flag: str) -> bool:
    source = folder / "empty.cpp"
    source.write_text("int main() {}\n")
    done = subprocess.run([compiler[0], flag, source, "-o", folder / "empty"],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return done.returncode == 0


def ways(shop: Workshop):
    """Name and function of each way; no function where this machine has not what it takes."""
    usual = ["-O2", "-fvisibility=hidden", "-ffunction-sections", "-fdata-sections"]
    other = other_compiler(shop.compiler)
    spans = shop.spans(usual, {})
    visible = shop.spans(["-O0"], {})
    optimised = shop.spans([*usual, "-flto"], {})
    mixed = shop.spans(usual, {"linked": other, "two": other}) if other else None

    def linked(way: str, objects: dict, *flags: str, **options):
        return lambda: shop.check(shop.link(way, objects, *flags, **options))

    yield "two compilers", mixed and linked("mixed", mixed)
    yield "default visibility, not optimised", linked("visible", visible)
    yield "unused sections dropped, and stripped", linked("small", spans, "-Wl,--gc-sections",
                                                          strip=True)
    # clang's intermediate code wants a linker that reads it.
    lto = ["-flto", *(["-fuse-ld=lld"] if "clang" in shop.compiler[0] else [])]
    yield "-flto", linked("lto", optimised, *lto, "-O2")
    for linker in ["gold", "lld"]:
        flag = f"-fuse-ld={linker}"
        driver = shop.compiler
        if not links_with(driver, shop.folder, flag) and other:
            driver = other  # Debian's lld-19 is known to clang-19 alone
        good = links_with(driver, shop.folder, flag)
        yield linker, linked(linker, spans, flag, "-Wl,--gc-sections",
                             driver=driver) if good else None

    def static():
        main = shop.object("static.cpp", "main", shop.compiler, "-O1", "-DMODULES_STATIC")
        for extra in [[], ["-Wl,--gc-sections", "-s"]]:
            said = run(shop.compiler[0], "-pthread", "-static", *extra, main.result(),
                       spans["program"].result(), spans["linked"].result(), shop.session, "-o",
                       shop.folder / "static")
            if said:
                raise Failed(f"the linker is not silent:\n{said}")
            run(shop.folder / "static", timeout=60)

    yield "static", static if links_with(shop.compiler, shop.folder, "-static") else None

    def no_unique_symbols():
        """A library with a symbol that is unique in the process would never be unloaded."""
        for name, objects in [("visible", visible), ("optimised", spans)]:
            # Without the session, for which the standard library has some of its own.
            library = shop.folder / f"{name}.so"
            run(shop.compiler[0], "-shared", objects["one"].result(), "-o", library)
            unique = [line for line in run("nm", "-C", library).splitlines() if " u " in line]
            if unique:
                raise Failed(f"{name}:\n" + "\n".join(unique))

    yield "no unique symbols", no_unique_symbols

    def one_note():
        folder = shop.link("notes", spans)
        for module in folder.iterdir():
            notes = run("readelf", "-nW", module).count("Plume")
            if notes != 1:
                raise Failed(f"{module.name} has {notes} notes of Plume")

    yield "one note a module", one_note


def main() -> int:
    separator = sys.argv.index("--")
    session = Path(sys.argv[1]).resolve() if separator == 2 else None
    compiler = sys.argv[separator + 1:]
    counts = {"ok": 0, "FAIL": 0, "skip": 0}
    with tempfile.TemporaryDirectory() as folder:
        for name, way in ways(Workshop(Path(folder), compiler, session)):
            word, why = "skip", ""
            try:
                if way:
                    way()
                    word = "ok"
            except (Failed, subprocess.TimeoutExpired) as failure:
                word, why = "FAIL", f": {failure}"
            counts[word] += 1
            print(f"{word:4} {name}{why}", flush=True)
    print(f"{counts['ok']} passed, {counts['FAIL']} failed, {counts['skip']} skipped")
    return 1 if counts["FAIL"] else 0


if __name__ == "__main__":
    sys.exit(main())
