"""Sphinx extension: `{lessons}` is a table of the chapters for teachers, from their sources and their last run."""

import json
import re
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from tools.convert import convert, sources
from tools.notebooks import TIMES, book_edition
from tools.slides import slide_count

HEADS = ("chapter", "minutes", "runs [s]", "longest cell [s]", "slides", "exercises", "needs")


def lesson(source: Path, root: Path) -> dict[str, str]:
    """Returns what the table says of a chapter; a dash where it was not run since times are kept."""
    text = "\n".join(cell.source for cell in convert(source, root).cells if cell.cell_type == "markdown")
    times = json.loads((root / TIMES).read_text()) if (root / TIMES).exists() else {}
    ran = times.get(source.stem, {})
    asked = [int(minutes) for minutes in re.findall(r"^### Exercise .*\((\d+) min\)$", text, re.MULTILINE)]
    need = re.search(r"^You need: (.*?)\bTime:", text, re.DOTALL | re.MULTILINE)
    needed = re.findall(r"\]\((\d\d)-[\w-]+\.ipynb\)", need[1]) if need else []
    values = (
        text.partition("\n")[0].removeprefix("# "),
        re.search(r"\bTime:\s+(\d+)\s+minutes", text)[1],
        str(ran.get("seconds", "–")),
        str(ran.get("longest", "–")),
        str(slide_count(book_edition(source, root))),
        f"{len(asked)} ({sum(asked)} min)",
        ", ".join(needed) or "–",
    )
    return dict(zip(HEADS, values, strict=True))


class Lessons(SphinxDirective):
    """`{lessons}` is the table."""

    def run(self) -> list[nodes.Node]:
        root = Path(self.env.srcdir)
        self.env.note_dependency(str(TIMES))
        rows = []
        for source in sources(root):
            self.env.note_dependency(str(source.relative_to(root)))
            entry = lesson(source, root)
            link = addnodes.pending_xref(
                "", nodes.inline("", entry["chapter"]), reftype="doc", refdomain="std", refexplicit=True,
                reftarget=f"/notebooks/{source.stem}", refdoc=self.env.docname,
            )  # fmt: skip
            rows.append([link, *(nodes.Text(entry[head]) for head in HEADS[1:])])
        head = nodes.thead("", _row([nodes.Text(head) for head in HEADS]))
        body = nodes.tbody("", *(_row(cells) for cells in rows))
        columns = [nodes.colspec(colwidth=1) for _ in HEADS]
        return [nodes.table("", nodes.tgroup("", *columns, head, body, cols=len(HEADS)), classes=["lessons"])]


def _row(cells: list[nodes.Node]) -> nodes.row:
    return nodes.row("", *(nodes.entry("", nodes.paragraph("", "", cell)) for cell in cells))


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("lessons", Lessons)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
