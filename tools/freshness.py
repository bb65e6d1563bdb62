"""What a chapter's outputs were made from, as one hash: its code, the code of dmlib that it runs, tables, samples."""

import ast
import hashlib
import io
import json
import tokenize
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

from tools.convert import ROOT, tags
from tools.reach import PACKAGE, Part, Reach, Unit, plain

LOAD_TABLE = Unit(f"{PACKAGE}.results", "load")
CATALOGUE = (f"{PACKAGE}.samples", f"{PACKAGE}.challenge.blind")  # these name all sets


def cells(nb: NotebookNode) -> list[NotebookNode]:
    """Returns the code cells; the set-up cell for Colab makes no output and is left out."""
    return [cell for cell in nb.cells if cell.cell_type == "code" and "colab" not in tags(cell)]


def code(cell: NotebookNode) -> str:
    """Returns what a cell does, as a text that comments, formatting and docstrings leave as it is."""
    text = TransformerManager().transform_cell(cell.source)
    return f"{plain(ast.parse(text).body)!r} {_silent(text)}"


def _silent(text: str) -> bool:
    """Says whether a semicolon keeps the value of the last line from being shown."""
    tokens = [t for t in tokenize.generate_tokens(io.StringIO(text).readline) if t.string.strip()]
    return next((t.string == ";" for t in reversed(tokens) if t.type != tokenize.COMMENT), False)


@lru_cache(maxsize=4096)
def _digest(path: Path, changed: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _data(chapter: Part, reach: Reach, root: Path) -> Iterator[Path]:
    """Yields the files of stored tables and embedded samples that reached code names.

    A table counts, with the record of its study, where the chapter or code under it loads it by name; all do where a
    name is computed. A sample counts where its folder's name occurs in a string of the reached code, other than the
    catalogue's, which names them all.
    """
    folder = root / PACKAGE / "data"
    tables = sorted((folder / "results").glob("*.csv"))
    loaded = {table.stem for table in tables if {None, table.stem} & reach.arguments}
    yield from (table for table in tables if table.stem in loaded)
    for study in sorted((folder / "results").glob("*.json")):
        if loaded.intersection(json.loads(study.read_text()).get("tables", [])):
            yield study
    parts = [chapter, *(part for unit, part in reach.parts.items() if not unit.module.startswith(CATALOGUE))]
    for sample in sorted(path for path in folder.glob("*/") if path.name != "results"):
        if any(f"{sample.name}/" in text for part in parts for text in part.strings):
            yield from sorted(path for path in sample.rglob("*") if path.is_file())


def fingerprint(nb: NotebookNode, root: Path = ROOT) -> str:
    """Returns the hash of all that can change a chapter's outputs, apart from the versions of libraries.

    Prose does not count, nor do comments and docstrings: they are converted again without a run.
    """
    sources = [TransformerManager().transform_cell(cell.source) for cell in cells(nb)]
    chapter = Part(ast.parse("\n".join(sources)).body)
    reach = Reach(chapter, root, LOAD_TABLE)
    below = sorted(part.digest for part in reach.parts.values())
    data = [
        f"{path.relative_to(root)} {_digest(path, path.stat().st_mtime_ns)}" for path in _data(chapter, reach, root)
    ]
    return hashlib.sha256("\n".join([*map(code, cells(nb)), *below, *data]).encode()).hexdigest()
