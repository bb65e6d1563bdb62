"""A chapter's notebook from its source: jupytext py:percent in, nbformat out, the same bytes every time.

Its text is MyST, as the book's pages take it; `tools.plain` makes of it what notebooks are opened with elsewhere. The
chapter's number is that of its file, and is put here, once for all editions, before the title and into exercises,
figures and tables: "Figure 13.1".
"""

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
# What a tag implies; authors write the first tag only.
IMPLIED_TAGS = {"check": "remove-cell", "colab": "remove-cell", "notes": "remove-cell", "solution": "hide-cell"}
CLOSED = {"remove-cell", "hide-cell", "hide-input", "remove-input"}  # tags of code that is closed in JupyterLab too

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


def captioned(nb: NotebookNode, kind: str) -> list[NotebookNode]:
    """Returns the code cells that show a captioned "figure" or "table", in the order of their numbers."""
    return [cell for cell in nb.cells if cell.cell_type == "code" and caption_of(cell, kind)]


def caption_of(cell: NotebookNode, kind: str) -> dict[str, str]:
    """Returns caption and name of what a cell shows: `mystnb={"figure": ...}` or `table={...}` in its source."""
    metadata = cell.metadata.get("mystnb", {}) if kind == "figure" else cell.metadata
    return metadata.get(kind, {})


def numbers(nb: NotebookNode, chapter: int) -> dict[str, str]:
    """Returns the names of a chapter's figures and tables with what they are called: `fig-drawn` -> Figure 13.1."""
    return {
        caption_of(cell, kind).get("name", ""): f"{kind.capitalize()} {chapter}.{number}"
        for kind in ("figure", "table")
        for number, cell in enumerate(captioned(nb, kind), start=1)
    }


def _numbered(text: str, chapter: str, names: dict[str, str]) -> str:
    """Returns a text with the chapter's number in its title and its exercises, and references as links that say it."""
    text = re.sub(r"\A# (?!#)", f"# {chapter} ", text)
    text = re.sub(r"\b([Ee]xercise) (\d+)\b(?!\.\d)", rf"\g<1> {int(chapter)}.\2", text)
    return re.sub(r"\{numref\}`([\w-]+)`", lambda m: f"[{names.get(m[1], m[1])}](#{m[1]})", text)


def _table_caption(cell: NotebookNode, called: str) -> NotebookNode:
    """Returns the caption of the table that a cell shows, as the text cell that follows it."""
    table = caption_of(cell, "table")
    text = f"({table['name']})=\n:::{{div}} table-caption\n**{called}.** {table['caption']}\n:::"
    return nbformat.v4.new_markdown_cell(text, metadata={"tags": [*tags(cell), "caption"]})


def convert(source: Path, root: Path = ROOT) -> NotebookNode:
    """Returns the notebook of a source as the book's pages take it: in MyST, numbered, not executed."""
    nb = jupytext.reads(source.read_text(), fmt="py:percent")
    setup = colab_cell(root)
    if setup is not None:
        first = next((i for i, cell in enumerate(nb.cells) if cell.cell_type == "code"), len(nb.cells))
        nb.cells.insert(first, setup)
    nb.metadata = nbformat.from_dict(NOTEBOOK_METADATA)
    nb.nbformat, nb.nbformat_minor = 4, 5
    chapter = source.name[:2]
    names = numbers(nb, int(chapter))
    for cell in captioned(nb, "table"):
        nb.cells.insert(nb.cells.index(cell) + 1, _table_caption(cell, names[caption_of(cell, "table")["name"]]))
    seen: Counter[str] = Counter()
    for cell in nb.cells:
        # The id follows the author's text, so that an inserted cell or chapter does not rename all that follow.
        digest = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:8]
        cell.id = f"{digest}-{seen[digest]}" if seen[digest] else digest
        seen[digest] += 1
        if cell.cell_type == "markdown":
            cell.source = _numbered(cell.source, chapter, names)
        cell.metadata = {k: v for k, v in cell.metadata.items() if not k.startswith("lines_to_")}
        if tags(cell):
            implied = [IMPLIED_TAGS[tag] for tag in tags(cell) if tag in IMPLIED_TAGS]
            cell.metadata["tags"] = list(dict.fromkeys([*tags(cell), *implied]))
        if cell.cell_type == "code" and CLOSED.intersection(tags(cell)):
            cell.metadata["jupyter"] = {**cell.metadata.get("jupyter", {}), "source_hidden": True}
        cell.metadata = nbformat.from_dict(cell.metadata)
    return nb


def content(nb: NotebookNode) -> list[dict]:
    """Returns what source and notebook must share: the cells without their outputs."""
    return [{key: cell[key] for key in ("id", "cell_type", "source", "metadata")} for cell in nb.cells]


def dumps(nb: NotebookNode) -> str:
    """Returns the text of a notebook's file."""
    nbformat.validate(nb)
    return nbformat.writes(nb) + "\n"
