"""Measures the speeds that the course promises, in one table: `make bench`, or `python -m tests.benchmarks csv`.

Every `bench_*.py` beside this file has a function `measure()` that returns rows; each runs in a process of its own.
Names choose some of them; `book` stands for the run time of all chapters and of the book's HTML.
"""

import importlib
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.benchmarks import Row
from tools.convert import ROOT, convert, sources
from tools.notebooks import execute


def _timed(source: Path) -> float:
    start = time.perf_counter()
    execute(convert(source))
    return time.perf_counter() - start


def book() -> list[Row]:
    """Measures all chapters, two at a time with one thread each, and the HTML from executed notebooks."""
    start = time.perf_counter()
    with ProcessPoolExecutor(2) as pool:
        chapters = dict(zip(sources(), pool.map(_timed, sources()), strict=True))
    rows = [Row("all chapters, two at a time", time.perf_counter() - start, "<=", 900, "s")]
    rows += [Row(source.stem, seconds, "<=", 90, "s") for source, seconds in chapters.items()]
    with tempfile.TemporaryDirectory() as folder:
        command = [Path(sys.executable).with_name("jupyter-book"), "build", ROOT, "--path-output", folder, "--all"]
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        rows.append(Row("HTML from executed notebooks", time.perf_counter() - start, "<=", 90, "s"))
    return rows


def _measure(name: str) -> list[Row]:
    return importlib.import_module(f"tests.benchmarks.bench_{name}").measure()


def main(names: list[str]) -> int:
    """Prints the table as it grows and returns 1 where a target is missed."""
    missed = 0
    print(f"{'':48} {'measured':>12} {'target':>12}")
    for name in names or [*sorted(path.stem[6:] for path in Path(__file__).parent.glob("bench_*.py")), "book"]:
        if name == "book":
            rows = book()
        else:
            with ProcessPoolExecutor(1) as pool:
                rows = pool.submit(_measure, name).result()
        for row in rows:
            missed += not row.ok
            print(row, flush=True)
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
