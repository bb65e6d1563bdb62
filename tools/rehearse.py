"""Runs the full branch of every chapter on a CPU in minutes: `python -m tools.rehearse [NAME ...]`.

The cells are the chapter's and the budget is full; trainings are short (`tools.cuts`), and check cells assert nothing,
since they judge numbers that only a whole training gives. Nothing is written. Two chapters run at a time.
"""

import argparse
import ast
import concurrent.futures
import sys
import time
from pathlib import Path

import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from tools.convert import ROOT, convert, tags
from tools.notebooks import chosen, execute, slowest

AT_A_TIME = 2
SETTINGS = {"DMLIB_BUDGET": "full", "DMLIB_DEVICE": "cpu", "PYTHONPATH": str(ROOT)}


class _NoAssertions(ast.NodeTransformer):
    def visit_Assert(self, node: ast.Assert) -> ast.Pass:
        return ast.Pass()


def rehearsal(source: Path, root: Path = ROOT) -> NotebookNode:
    """Returns the notebook that is run: a cell that cuts, and the chapter, its checks without assertions."""
    nb = convert(source, root)
    for cell in (cell for cell in nb.cells if "check" in tags(cell)):
        tree = ast.parse(TransformerManager().transform_cell(cell.source))
        cell.source = ast.unparse(_NoAssertions().visit(tree))
    kept = [cell for cell in nb.cells if "colab" not in tags(cell)]
    nb.cells = [nbformat.v4.new_code_cell("from tools.cuts import cut\n\ncut()"), *kept]
    return nb


def rehearse(source: Path, root: Path = ROOT) -> tuple[str, bool]:
    """Runs one chapter; returns a line to show, and whether all went well."""
    nb, start = rehearsal(source, root), time.perf_counter()
    try:
        execute(nb, timeout=900, **SETTINGS)
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        return f"{source.stem:32} FAILED\n{error}", False
    return f"{source.stem:32} {time.perf_counter() - start:6.1f} s  sound{slowest(nb)}", True


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Runs the command line and returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.rehearse", description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="chapters, by the start of their names")
    sound = True
    with concurrent.futures.ProcessPoolExecutor(AT_A_TIME) as pool:
        names = parser.parse_args(arguments).names
        for done in concurrent.futures.as_completed(pool.submit(rehearse, s, root) for s in chosen(names, root)):
            line, well = done.result()
            print(line, flush=True)
            sound &= well
    return int(not sound)


if __name__ == "__main__":
    sys.exit(main())
