"""Copies of the notebooks for people: `python -m tools.editions student|live`.

`student` writes `_student/`: no solutions, no outputs. `live` fills `_live/`, a playground that git ignores: new and
untouched notebooks are refreshed, one that somebody worked in is never overwritten.
"""

import argparse
import copy
import hashlib
import json
import shutil
from pathlib import Path

import nbformat
from nbconvert.preprocessors import ClearOutputPreprocessor, TagRemovePreprocessor
from nbformat import NotebookNode

from tools.convert import ROOT


def student_edition(nb: NotebookNode) -> NotebookNode:
    """Returns a copy of a notebook without solutions and outputs; check cells stay, folded."""
    nb, _ = TagRemovePreprocessor(remove_cell_tags={"solution"}).preprocess(copy.deepcopy(nb), {})
    nb, _ = ClearOutputPreprocessor().preprocess(nb, {})
    nb.metadata.pop("dmlib", None)
    return nb


def student(root: Path = ROOT) -> list[Path]:
    """Writes the student edition anew into `_student/` and returns its notebooks."""
    folder = root / "_student"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    written = []
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        nbformat.write(student_edition(nbformat.read(path, as_version=4)), folder / path.name)
        written.append(folder / path.name)
    return written


def live(root: Path = ROOT) -> list[Path]:
    """Copies the notebooks into `_live/`, and returns those left alone because somebody worked in them."""
    folder, kept = root / "_live", []
    folder.mkdir(exist_ok=True)
    record = folder / ".copied.json"  # what was copied, to tell an untouched copy from an edited one
    copied = json.loads(record.read_text()) if record.exists() else {}
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        target, digest = folder / path.name, hashlib.sha256(path.read_bytes()).hexdigest()
        if target.exists():
            present = hashlib.sha256(target.read_bytes()).hexdigest()
            if present != copied.get(path.name) and present != digest:
                kept.append(target)
                continue
        shutil.copyfile(path, target)
        copied[path.name] = digest
    record.write_text(json.dumps(copied, indent=1))
    return kept


def main(arguments: list[str] | None = None, root: Path = ROOT) -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.editions", description=__doc__.partition("\n")[0])
    parser.add_argument("edition", choices=["student", "live"])
    if parser.parse_args(arguments).edition == "student":
        print(f"{len(student(root))} notebooks without solutions in _student/")
    else:
        for path in live(root):
            print(f"_live/{path.name}: your version is kept; delete or rename it to get the book's")


if __name__ == "__main__":
    main()
