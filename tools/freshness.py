"""What a chapter's outputs were made from, as one hash: its code, the dmlib modules under it, their data."""

import ast
import hashlib
from functools import lru_cache
from pathlib import Path

from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

from tools.convert import ROOT, tags

PACKAGE = "dmlib"
CATALOGUE = ("dmlib/samples/", "dmlib/challenge.py")  # these name all sets


def code(nb: NotebookNode) -> str:
    """Returns the code of a notebook as plain Python; the set-up cell for Colab makes no output and is left out."""
    cells = [cell.source for cell in nb.cells if cell.cell_type == "code" and "colab" not in tags(cell)]
    return "\n".join(TransformerManager().transform_cell(source) for source in cells)


def _names(text: str, package: str) -> set[str]:
    """Returns the dotted names below the package that a piece of code imports or reaches as attributes."""
    tree = ast.parse(text)
    typing_only = {
        child
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for statement in node.body
        for child in ast.walk(statement)
    }
    names: set[str] = set()
    aliases: dict[str, str] = {}
    nodes = [node for node in ast.walk(tree) if node not in typing_only]
    for node in nodes:
        if isinstance(node, ast.Import):
            for item in node.names:
                names.add(item.name)
                local = item.asname or item.name.partition(".")[0]
                aliases[local] = item.name if item.asname else local
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            names.update(f"{base}.{item.name}" for item in node.names)
            aliases.update({item.asname or item.name: f"{base}.{item.name}" for item in node.names})
    for node in nodes:
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if parts and isinstance(node, ast.Name) and node.id in aliases:
            names.add(".".join([aliases[node.id], *reversed(parts)]))
    return {name for name in names if name.split(".")[0] == PACKAGE}


def _files(name: str, root: Path) -> list[Path]:
    """Returns the module files on the way down a dotted name: `dmlib.a.b.f` may pass `dmlib/a/b.py`."""
    found, folder = [root / PACKAGE / "__init__.py"], root / PACKAGE
    for part in name.split(".")[1:]:
        if (folder / part).is_dir():
            folder = folder / part
            found.append(folder / "__init__.py")
        else:
            found.append(folder / f"{part}.py")
            break
    return [path for path in found if path.exists()]


def modules(text: str, root: Path = ROOT) -> list[Path]:
    """Returns the files of dmlib that a piece of code imports, and those that they import, sorted."""
    seen: set[Path] = set()
    waiting = [(text, "")]
    while waiting:
        source, package = waiting.pop()
        for path in {path for name in _names(source, package) for path in _files(name, root)} - seen:
            seen.add(path)
            waiting.append((path.read_text(), ".".join(path.parent.relative_to(root).parts)))
    return sorted(seen)


@lru_cache
def _digest(path: Path, changed: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def fingerprint(nb: NotebookNode, root: Path = ROOT) -> str:
    """Returns the hash of all that can change a chapter's outputs, apart from the versions of libraries.

    Embedded samples count where their names occur in the chapter's code or in a module under it, other
    than those of the catalogue, which name them all. Prose does not count: it is converted again without a run.
    """
    text = code(nb)
    files = modules(text, root)
    inside = {path: path.relative_to(root).as_posix() for path in files}
    reached = text + "".join(path.read_text() for path in files if not inside[path].startswith(CATALOGUE))
    for folder in sorted((root / PACKAGE / "data").glob("*/")):
        if f"{folder.name}/" in reached:
            files += sorted(path for path in folder.rglob("*") if path.is_file())
    digests = [f"{path.relative_to(root).as_posix()} {_digest(path, path.stat().st_mtime_ns)}" for path in files]
    return hashlib.sha256("\n".join([text, *digests]).encode()).hexdigest()
