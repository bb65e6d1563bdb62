"""Sphinx extension: `{lessons}` is a table of the chapters for teachers, from their sources and their last run."""

import json
import re
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from tools.convert import convert, sources
from tools.notebooks import book_edition
from tools.slides import slide_count
from tools.times import TIMES

HEADS = ("chapter", "minutes", "code runs [s]", "longest cell [s]", "slides", "exercises", "needs")


def lesson(source: Path, root: Path) -> dict[str, str]:
    """Returns what the table says of a chapter, by its heads; a dash where it was not run since times are kept.

    Raises:
        ValueError: The opening box of the chapter does not say what it needs, or how long it takes.
    """
    text = "\n".join(cell.source for cell in convert(source, root).cells if cell.cell_type == "markdown")
    box = re.search(r"^You need: (.*?)\bTime:\s+(\d+)\s+minutes", text, re.DOTALL | re.MULTILINE)
    if box is None:
        raise ValueError(f"{source.name}: its opening lacks 'You need: ... Time: ... minutes'")
    times = json.loads((root / TIMES).read_text()) if (root / TIMES).exists() else {}
    ran = times.get(source.stem, {})
    asked = [int(minutes) for minutes in re.findall(r"^### Exercise .*\((\d+) min\)$", text, re.MULTILINE)]
    said = {
        "chapter": text.partition("\n")[0].removeprefix("# "),
        "minutes": box[2],
        "code runs [s]": str(ran.get("seconds", "–")),
        "longest cell [s]": str(ran.get("longest", "–")),
        "slides": str(slide_count(book_edition(source, root))),
        "exercises": f"{len(asked)} ({sum(asked)} min)",
        "needs": ", ".join(re.findall(r"\]\((\d\d)-[\w-]+\.ipynb\)", box[1])) or "–",
    }
    return {head: said[head] for head in HEADS}


class Lessons(SphinxDirective):
    """`{lessons}` is the table."""

    def run(self) -> list[nodes.Node]:
        root = Path(self.env.srcdir)
        pages = {source.stem[:2]: f"/notebooks/{source.stem}" for source in sources(root)}
        self.env.note_dependency(str(TIMES))
        rows, heads = [], []
        for source in sources(root):
            for file in (source, source.with_suffix(".ipynb")):
                self.env.note_dependency(str(file.relative_to(root)))
            entry = lesson(source, root)
            heads = list(entry)
            title = [self.link(entry.pop("chapter"), pages[source.stem[:2]])]
            needs = [self.link(number, pages[number]) for number in re.findall(r"\d+", entry["needs"])]
            entry["needs"] = "–" if not needs else ""
            cells = [[nodes.Text(value)] if value else [] for value in entry.values()]
            for number in needs:
                cells[-1] += [nodes.Text(", "), number] if cells[-1] else [number]
            rows.append(_row([title, *cells]))
        head = nodes.thead("", _row([[nodes.Text(head)] for head in heads]))
        columns = [nodes.colspec(colwidth=1) for _ in heads]
        group = nodes.tgroup("", *columns, head, nodes.tbody("", *rows), cols=len(heads))
        return [nodes.table("", group, classes=["lessons"])]

    def link(self, text: str, page: str) -> nodes.Node:
        return addnodes.pending_xref(
            "", nodes.inline("", text),
            reftype="doc", refdomain="std", refexplicit=True, reftarget=page, refdoc=self.env.docname,
        )  # fmt: skip


def _row(cells: list[list[nodes.Node]]) -> nodes.row:
    return nodes.row("", *(nodes.entry("", nodes.paragraph("", "", *cell)) for cell in cells))


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("lessons", Lessons)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
