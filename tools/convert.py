"""A chapter's notebook from its source: jupytext py:percent in, nbformat out, the same bytes every time."""

import hashlib
import re
import tomllib
from collections import Counter
from pathlib import Path

import jupytext
import nbformat
import yaml
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[1]
HELD_ON_COLAB = ("numpy", "scipy", "torch")
# What a tag implies; authors write the first tag only. Folded cells are closed in JupyterLab too.
IMPLIED_TAGS = {"check": "remove-cell", "colab": "remove-cell", "solution": "hide-cell"}

NOTEBOOK_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python", "pygments_lexer": "ipython3"},
}


def sources(root: Path = ROOT) -> list[Path]:
    """Returns the sources of all chapters, in the order of their numbers."""
    return sorted((root / "notebooks").glob("[0-9]*.py"))


def repository_url(root: Path = ROOT) -> str:
    """Returns `repository.url` of `_config.yml`, the one place that a fork edits; empty where there is none."""
    path = root / "_config.yml"
    config = yaml.safe_load(path.read_text()) if path.exists() else {}
    return ((config.get("repository") or {}).get("url") or "").rstrip("/")


def tags(cell: NotebookNode) -> list[str]:
    """Returns the tags of a cell."""
    return cell.metadata.get("tags", [])


def colab_cell(root: Path = ROOT) -> NotebookNode | None:
    """Returns the set-up cell for Colab, which does nothing elsewhere, or None without a repository.

    pip takes dmlib's requirements that Colab lacks and, by the constraint, leaves numpy, scipy and torch alone.
    """
    url = repository_url(root)
    if not url:
        return None
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    needed = [r for r in project["dependencies"] if re.match(r"[\w-]+", r)[0].lower() not in HELD_ON_COLAB]
    source = f"""\
# On Colab this installs dmlib and what it misses there; elsewhere it does nothing.
import sys

if "google.colab" in sys.modules:
    from importlib.metadata import version

    with open("held.txt", "w") as held:
        held.writelines(f"{{name}}=={{version(name)}}\\n" for name in {HELD_ON_COLAB})
    %pip install -q -c held.txt {" ".join(f'"{r}"' for r in needed)}
    %pip install -q --no-deps "{project["name"]} @ git+{url}\""""
    return nbformat.v4.new_code_cell(source, metadata={"tags": ["colab"]})


def convert(source: Path, root: Path = ROOT) -> NotebookNode:
    """Returns the notebook of a source, not executed."""
    nb = jupytext.reads(source.read_text(), fmt="py:percent")
    setup = colab_cell(root)
    if setup is not None:
        first = next((i for i, cell in enumerate(nb.cells) if cell.cell_type == "code"), len(nb.cells))
        nb.cells.insert(first, setup)
    nb.metadata = nbformat.from_dict(NOTEBOOK_METADATA)
    nb.nbformat, nb.nbformat_minor = 4, 5
    seen: Counter[str] = Counter()
    for cell in nb.cells:
        cell.metadata = {k: v for k, v in cell.metadata.items() if not k.startswith("lines_to_")}
        for tag in [tag for tag in tags(cell) if tag in IMPLIED_TAGS]:
            cell.metadata["tags"] = list(dict.fromkeys([*tags(cell), IMPLIED_TAGS[tag]]))
            if cell.cell_type == "code":
                cell.metadata["jupyter"] = {**cell.metadata.get("jupyter", {}), "source_hidden": True}
        cell.metadata = nbformat.from_dict(cell.metadata)
        # The id follows the text, so that an inserted cell does not rename all that follow.
        digest = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:8]
        cell.id = f"{digest}-{seen[digest]}" if seen[digest] else digest
        seen[digest] += 1
    return nb


def content(nb: NotebookNode) -> list[dict]:
    """Returns what source and notebook must share: the cells without their outputs."""
    return [{key: cell[key] for key in ("id", "cell_type", "source", "metadata")} for cell in nb.cells]


def dumps(nb: NotebookNode) -> str:
    """Returns the text of a notebook's file."""
    nbformat.validate(nb)
    return nbformat.writes(nb) + "\n"
