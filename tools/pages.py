"""Sphinx extension: a chapter's page is made from its source, and from the outputs that are kept in its notebook.

The notebooks themselves are plain, for those who open them elsewhere. A cell that waits for a reader's code has no
place on a page.
"""

import re
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from sphinx.application import Sphinx

from tools.convert import tags
from tools.notebooks import book_edition


def without_blanks(nb: NotebookNode) -> NotebookNode:
    """Hides the cells, and in place the lines, that only say where a reader's own code goes."""
    for cell in nb.cells:
        if "exercise" in tags(cell) and cell.cell_type == "code":
            cell.source = re.sub(r"\n*^# your code.*\Z", "", cell.source, flags=re.DOTALL | re.MULTILINE)
            if not cell.source:
                cell.metadata["tags"] = [*tags(cell), "remove-cell"]
    return nb


def take_source(app: Sphinx, docname: str, text: list[str]) -> None:
    """Gives Sphinx a chapter in the book's edition; what is for the speaker only the slides get."""
    if docname.startswith("notebooks/"):
        root = Path(app.srcdir)
        nb = without_blanks(book_edition(root / f"{docname}.py", root))
        if app.builder.name != "revealjs":
            nb.cells = [cell for cell in nb.cells if "notes" not in tags(cell)]
        text[0] = nbformat.writes(nb)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("source-read", take_source)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
