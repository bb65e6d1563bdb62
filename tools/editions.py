"""Copies of the notebooks for people: `python -m tools.editions student|live`.

`student` writes `_student/`: no solutions, no outputs. `live` fills `_live/`, a playground that git ignores, without
outputs and with closed answers: new and untouched notebooks are refreshed, one that somebody worked in is never
overwritten unless it is named.
"""

import argparse
import ast
import copy
import hashlib
import json
import re
import shutil
import textwrap
from pathlib import Path

import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from nbconvert.preprocessors import ClearOutputPreprocessor, TagRemovePreprocessor
from nbformat import NotebookNode

from tools.convert import ROOT

_CHECK = """\
# Check your answer: run this cell once you have {spoken}.
missing = [name for name in {names} if name not in globals()]
if missing:
    print("Still to fill:", ", ".join(missing))
else:
{source}
    print("This agrees with the book.")
"""


def _tags(cell: NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])


def _names(source: str) -> tuple[set[str], set[str]]:
    """The names that a cell binds, and those that it uses before it binds them itself."""
    bound: set[str] = set()
    used: set[str] = set()
    for statement in ast.parse(TransformerManager().transform_cell(source)).body:
        nodes = list(ast.walk(statement))
        own = {node.arg for node in nodes if isinstance(node, ast.arg)}
        for node in nodes:
            if isinstance(node, ast.comprehension | ast.For):
                own |= _stored(node.target)
            elif isinstance(node, ast.FunctionDef | ast.ClassDef):
                own |= _stored(node)
        loaded = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
        used |= loaded - own - bound
        bound |= _stored(statement)
    return bound, used


def _stored(part: ast.AST) -> set[str]:
    stored = set()
    for node in ast.walk(part):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            stored.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            stored.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            stored |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
    return stored


def check_answers(nb: NotebookNode) -> None:
    """Turns each check that needs a solution's names into a visible one that says which are still to fill.

    Raises:
        ValueError: Another cell needs a solution, so that the notebook does not run without it.
    """
    given: set[str] = set()
    solved: set[str] = set()
    for cell in nb.cells:
        if cell.cell_type != "code":
            continue
        bound, used = _names(cell.source)
        if "solution" in _tags(cell):
            solved |= bound - given
            continue
        if needed := sorted((used & solved) - given):
            if "check" not in _tags(cell):
                raise ValueError(f"a cell needs {', '.join(needed)} of a solution: {cell.source.splitlines()[0]}")
            spoken = " and ".join(f"`{name}`" for name in needed)
            source = textwrap.indent(cell.source, "    ")
            cell.source = _CHECK.format(spoken=spoken, names=tuple(needed), source=source).rstrip()
            cell.metadata["tags"] = ["check-answer"]
            cell.metadata.pop("jupyter", None)
            continue
        given |= bound
        solved -= bound


def student_edition(nb: NotebookNode) -> NotebookNode:
    """Returns a copy of a notebook without solutions and outputs; checks of a solution become "Check your answer"."""
    nb = copy.deepcopy(nb)
    check_answers(nb)
    nb, _ = TagRemovePreprocessor(remove_cell_tags={"solution"}).preprocess(nb, {})
    return _without_outputs(nb)


def live_edition(nb: NotebookNode, outputs: bool = False) -> NotebookNode:
    """Returns a copy of a notebook with closed answers, and without outputs unless they are asked for."""
    nb = copy.deepcopy(nb)
    if outputs:
        for cell in nb.cells:
            if "solution" in _tags(cell) and cell.cell_type == "code":
                cell.outputs = []  # they would give the answer away
        nb.metadata.pop("dmlib", None)
        return nb
    return _without_outputs(nb)


def _without_outputs(nb: NotebookNode) -> NotebookNode:
    """Strips outputs in place, and folds the captions that tell what is to be seen."""
    for cell in nb.cells:
        if "caption" in _tags(cell):
            called, caption = re.fullmatch(r"\*\*(.+?)\.\*\* (.*)", cell.source, re.DOTALL).groups()
            cell.source = f"<details><summary>{called}</summary>\n\n{caption}\n\n</details>"
    nb, _ = ClearOutputPreprocessor().preprocess(nb, {})
    nb.metadata.pop("dmlib", None)
    return nb


def _notebooks(root: Path) -> list[Path]:
    return sorted((root / "notebooks").glob("*.ipynb"))


def student(root: Path = ROOT) -> list[Path]:
    """Writes the student edition anew into `_student/` and returns its notebooks."""
    folder = root / "_student"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    written = []
    for path in _notebooks(root):
        nbformat.write(student_edition(nbformat.read(path, as_version=4)), folder / path.name)
        written.append(folder / path.name)
    return written


def live(root: Path = ROOT, outputs: bool = False, reset: str = "") -> list[Path]:
    """Fills `_live/`, and returns the notebooks left alone because somebody worked in them.

    Arguments:
        root: The folder of the book.
        outputs: Keep the book's outputs, but those of solutions.
        reset: Chapters to write anew whatever is in them, as "03" or "03 11".

    Raises:
        ValueError: There is no such chapter.
    """
    folder, kept = root / "_live", []
    folder.mkdir(exist_ok=True)
    record = folder / ".copied.json"  # what was written, to tell an untouched copy from an edited one
    copied = json.loads(record.read_text()) if record.exists() else {}
    numbers = [path.name.split("-")[0] for path in _notebooks(root)]
    if unknown := set(reset.split()) - set(numbers):
        raise ValueError(f"no chapter {', '.join(sorted(unknown))}; there are {', '.join(numbers)}")
    for path in _notebooks(root):
        target = folder / path.name
        worked_in = target.exists() and _digest(target.read_text()) != copied.get(path.name)
        if worked_in and path.name.split("-")[0] not in reset.split():
            kept.append(target)
            continue
        text = nbformat.writes(live_edition(nbformat.read(path, as_version=4), outputs)) + "\n"
        target.write_text(text)
        copied[path.name] = _digest(text)
    record.write_text(json.dumps(copied, indent=1))
    return kept


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def main(arguments: list[str] | None = None, root: Path = ROOT) -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.editions", description=__doc__.partition("\n")[0])
    parser.add_argument("edition", choices=["student", "live"])
    parser.add_argument("--outputs", action="store_true", help="live: keep the book's outputs")
    parser.add_argument("--reset", default="", metavar="NN", help="live: write these chapters anew")
    chosen = parser.parse_args(arguments)
    if chosen.edition == "student":
        print(f"{len(student(root))} notebooks without solutions in _student/")
        return
    try:
        kept = live(root, chosen.outputs, chosen.reset)
    except ValueError as error:
        parser.error(str(error))
    for path in kept:
        number = path.name.split("-")[0]
        print(f"_live/{path.name}: your version is kept; make live RESET={number} writes the book's anew")


if __name__ == "__main__":
    main()
