"""Runs chapters and says which are stale: `python -m tools.notebooks run|check [NAME ...]`.

A chapter is `notebooks/NN-name.py`, the source, and `NN-name.ipynb`, made from it in this direction only and kept
with its outputs. `run` executes the chapters of which some code or data changed and converts prose alone without a run;
`check` executes nothing, and lists what is stale and what breaks a rule of `tools.rules`.
"""

import argparse
import os
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from unittest import mock

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from tools.convert import ROOT, content, convert, dumps, sources
from tools.freshness import cells, code, fingerprint
from tools.outputs import keep_pictures, tidy
from tools.plain import plain
from tools.rules import complaints, executed
from tools.times import meter, record

CELL_TIMEOUT = 300  # seconds; a chapter's cells take 20 at most on a laptop
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "LOKY_MAX_CPU_COUNT"), "1"
)


def execute(nb: NotebookNode, timeout: int = CELL_TIMEOUT, **settings: str) -> NotebookNode:
    """Runs a notebook in place in a fresh kernel, on one thread, in an empty folder, at the quick budget.

    Arguments:
        nb: The notebook.
        timeout: Seconds for a cell.
        settings: Further environment variables of the kernel.

    Raises:
        CellExecutionError: from the first cell that fails; later cells are not run.
    """
    with tempfile.TemporaryDirectory() as folder:
        # No start-up files or settings of whoever runs this, and no path that works only in this tree.
        clean = {
            "IPYTHONDIR": f"{folder}/.ipython",
            "PYTHONHASHSEED": "0",
            "DMLIB_BUDGET": "quick",
            **ONE_THREAD,
            **settings,
        }
        with mock.patch.dict(os.environ, clean):
            os.environ.pop("MPLBACKEND", None)
            client = NotebookClient(
                nb,
                timeout=timeout,
                kernel_name="python3",
                resources={"metadata": {"path": folder}},
                extra_arguments=["--log-level=ERROR"],  # the kernel's own remarks on its sockets
            )
            meter(client)
            client.execute()
    return nb


def read(source: Path) -> NotebookNode | None:
    """Returns the stored notebook of a source, which is a plain one, or None."""
    path = source.with_suffix(".ipynb")
    return nbformat.read(path, as_version=4) if path.exists() else None


def made(source: Path, root: Path = ROOT) -> NotebookNode:
    """Returns the plain notebook of a source, not executed: what is stored, but for the outputs."""
    return plain(convert(source, root), int(source.name[:2]), root)


def book_edition(source: Path, root: Path = ROOT) -> NotebookNode:
    """Returns a chapter as the book's pages take it: its text in MyST, with the stored outputs.

    Raises:
        ValueError: The stored notebook has other code cells than the source.
    """
    old = read(source)
    if old is None or len(cells(old)) != len(cells(convert(source, root))):
        raise ValueError(f"{source.stem}: its notebook is not of this source; make notebooks ONLY={source.stem}")
    return _with_outputs_of(convert(source, root), old)


def problem(source: Path, root: Path = ROOT) -> str | None:
    """Says what is wrong between a source and its notebook, without running anything, or returns None.

    Arguments:
        source: The chapter's `.py`.
        root: The folder of the book.

    Returns:
        "missing", "failed: ...", "stale: ..." (its outputs come from other code or data: run it) or
        "drifted: ..." (only prose, comments or metadata differ: converting is enough); None when all is well.
    """
    new, old = made(source, root), read(source)
    if old is None:
        return "missing: it was never run"
    if (why := next(executed(old), None)) is not None:
        return f"failed: {why}"
    if old.metadata.get("dmlib", {}).get("sources") != fingerprint(new, root):
        return "stale: its code, code of dmlib that it runs, or its data changed since it was run"
    if list(map(code, cells(old))) != list(map(code, cells(new))):
        return "stale: the notebook's code is not the source's"
    if content(old) != content(new):
        return "drifted: text or metadata of the notebook are not the source's"
    return None


def _with_outputs_of(new: NotebookNode, old: NotebookNode) -> NotebookNode:
    """Puts kept outputs under code that is the same; only prose, comments, tags or the Colab cell changed."""
    for cell, before in zip(cells(new), cells(old), strict=True):
        cell.outputs = before.outputs
    for number, cell in enumerate((cell for cell in new.cells if cell.cell_type == "code"), start=1):
        cell.execution_count = number
        for output in cell.outputs:
            if "execution_count" in output:
                output.execution_count = number
    return new


def slowest(nb: NotebookNode) -> str:
    """Names the code cell of a fresh run that took longest."""
    took = {}
    for number, cell in enumerate((cell for cell in nb.cells if cell.cell_type == "code"), start=1):
        times = cell.metadata.get("execution", {})
        if "shell.execute_reply" in times:
            start, end = (datetime.fromisoformat(times[k]) for k in ("iopub.execute_input", "shell.execute_reply"))
            took[number] = (end - start).total_seconds()
    cell = max(took, key=took.get, default=None)
    return "" if cell is None else f"; cell {cell} took {took[cell]:.1f} s"


def run(source: Path, root: Path = ROOT, force: bool = False) -> str:
    """Brings a chapter's notebook up to date and writes it where it differs.

    Returns:
        "fresh", "converted" (no run was needed) or "ran", with the slowest cell.
    """
    why = problem(source, root)
    if why is None and not force:
        return "fresh"
    new, old = made(source, root), read(source)
    # Taken before the run: what changes while it lasts makes it stale.
    metadata = {**new.metadata, "dmlib": {"sources": fingerprint(new, root)}}
    if why is not None and why.startswith("drifted") and not force:
        new, done = _with_outputs_of(new, old), "converted"
    else:
        done = "ran" + slowest(execute(new))
        record(source, new, root)
        new = tidy(new)
        new = keep_pictures(new, old) if old is not None else new
    new.metadata = nbformat.from_dict(metadata)
    path, text = source.with_suffix(".ipynb"), dumps(new)
    if not path.exists() or path.read_text() != text:
        part = path.with_suffix(".ipynb.part")
        part.write_text(text)
        part.replace(path)
    return done


def chosen(names: list[str], root: Path = ROOT) -> list[Path]:
    """Returns the sources whose names begin with one of those given (`01`, `01-events`), all of them for none."""
    stems = [Path(name).stem for name in names]
    found = [source for source in sources(root) if not stems or source.stem.startswith(tuple(stems))]
    unknown = [stem for stem in stems if not any(source.stem.startswith(stem) for source in found)]
    if unknown:
        raise SystemExit(f"no chapter {', '.join(unknown)}; there are: {', '.join(s.stem for s in sources(root))}")
    return found


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Runs the command line and returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.notebooks", description=__doc__.partition("\n")[0])
    parser.add_argument("command", choices=["run", "check"])
    parser.add_argument("names", nargs="*", metavar="NAME", help="chapters, by the start of their names")
    parser.add_argument("--force", action="store_true", help="run them even where nothing changed")
    options = parser.parse_args(arguments)
    bad = 0
    for source in chosen(options.names, root):
        start = time.perf_counter()
        if options.command == "check":
            why = problem(source, root)
            found = [why] if why is not None else complaints(book_edition(source, root))
            bad += len(found)
            print(f"{source.stem:32} {'fresh' if not found else found[0]}")
            print("".join(f"{'':32} {complaint}\n" for complaint in found[1:]), end="")
            continue
        try:
            done = run(source, root, options.force)
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            print(f"{source.stem:32} FAILED; its notebook is left as it was\n{error}", file=sys.stderr)
            return 1
        print(f"{source.stem:32} {time.perf_counter() - start:6.1f} s  {done}", flush=True)
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
