"""A chapter as a plain notebook: what JupyterLab, Colab, Binder and a repository's page show of it is Markdown alone.

Boxes become quotations, what unfolds becomes <details>, citations become links, and a figure's caption, which the
book's pages take from the cell, follows the cell as text.
"""

import copy
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from pybtex.database import Entry, parse_file

from tools.convert import ROOT, caption_of, captioned, tags

BOXES = {"note": "Note", "tip": "Tip", "warning": "Warning", "important": "Important"}
_DIRECTIVE = re.compile(r"(:{3,})\{([\w-]+)\} *(.*)")
_ROLE = re.compile(r"(?<!`)\{([\w:-]+)\}`([^`]+)`")
_CODE = re.compile(r"(`{3,}|~{3,})")


def plain(nb: NotebookNode, chapter: int, root: Path = ROOT) -> NotebookNode:
    """Returns a copy of a chapter's notebook without MyST.

    Arguments:
        nb: The notebook, as `tools.convert.convert` makes it.
        chapter: Its number.
        root: The folder of the book, for its bibliography.

    Raises:
        ValueError: A text holds a directive or a role that has no plain form; it is named.
    """
    nb = copy.deepcopy(nb)
    bibliography = root / "book" / "references.bib"
    figures = {cell.id: number for number, cell in enumerate(captioned(nb, "figure"), start=1)}
    cells = []
    for cell in nb.cells:
        if "notes" in tags(cell):  # for the speaker of the slides alone
            continue
        cells.append(cell)
        if cell.cell_type == "markdown":
            cell.source = markdown(cell.source, bibliography)
        elif number := figures.get(cell.id):
            caption = f"**Figure {chapter}.{number}.** {caption_of(cell, 'figure')['caption']}"
            below = nbformat.v4.new_markdown_cell(markdown(caption, bibliography), id=f"{cell.id}-caption")
            below.metadata["tags"] = [*(tag for tag in tags(cell) if not tag.endswith("-input")), "caption"]
            cells.append(below)
    nb.cells = cells
    return nb


def markdown(text: str, bibliography: Path) -> str:
    """Returns a text in MyST as plain Markdown."""
    done: list[str] = []
    prose: list[str] = []  # lines since the last fence: a role or a link may go over the end of a line

    def finish() -> None:
        if prose:
            done.append(_inline("\n".join(prose), bibliography))
            prose.clear()

    rest = iter(text.splitlines())
    for line in rest:
        if fence := _CODE.match(line.lstrip()):
            if "{" in line:
                raise ValueError(f"{line.strip()!r} has no plain form; write it with colons, as :::{{note}}")
            finish()
            done += [line, *_until(rest, fence[1]), fence[1]]
        elif box := _DIRECTIVE.fullmatch(line):
            finish()
            body = re.sub(r"\A(:[\w-]+:.*(\n|\Z))*\n*", "", "\n".join(_until(rest, box[1])))
            done += _box(box[2], box[3], markdown(body, bibliography).strip())
        elif not re.fullmatch(r"\([\w-]+\)=", line):
            prose.append(line)
    finish()
    return "\n".join(done)


def _until(lines: Iterator[str], fence: str) -> list[str]:
    """Takes the lines up to the closing fence."""
    taken = []
    for line in lines:
        if line.strip() == fence:
            return taken
        taken.append(line)
    raise ValueError(f"{fence} is opened and not closed")


def _box(name: str, title: str, body: str) -> list[str]:
    if name == "div":
        return [body]
    if name == "dropdown":
        return [f"<details><summary>{_html(title)}</summary>", "", body, "", "</details>"]
    if name != "admonition" and name not in BOXES:
        raise ValueError(f"the directive {{{name}}} has no plain form in tools/plain.py")
    quoted = [f"**{title or BOXES[name]}**", "", *body.splitlines()]
    return [f"> {line}".rstrip() for line in quoted]


def _html(title: str) -> str:
    """A title's code as HTML: between tags Markdown is not read."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", title)


def _inline(text: str, bibliography: Path) -> str:
    """Returns a text with its roles written out, and without links to places that only the book's page has."""

    def written(role: re.Match) -> str:
        name, content = role.groups()
        if name == "cite":
            return f"[{', '.join(_citation(key.strip(), bibliography) for key in content.split(','))}]"
        if name in ("term", "ref", "doc"):
            return re.sub(r"\s*<[^>]*>$", "", content)
        raise ValueError(f"the role {{{name}}} has no plain form in tools/plain.py")

    return re.sub(r"\[([^\]]+)\]\(#[\w-]+\)", r"\1", _ROLE.sub(written, text))


def _citation(key: str, bibliography: Path) -> str:
    """Returns "[Hallin et al. 2021](address)" of an entry of the bibliography."""
    entries = _entries(bibliography, bibliography.stat().st_mtime_ns)
    if key not in entries:
        raise ValueError(f"{key} is not in {bibliography.name}")
    entry = entries[key]
    fields = entry.fields
    address = f"https://doi.org/{fields['doi']}" if "doi" in fields else f"https://arxiv.org/abs/{fields['eprint']}"
    return f"[{_authors(entry)} {fields['year']}]({address})"


def _authors(entry: Entry) -> str:
    people = entry.persons.get("author") or entry.persons["editor"]
    names = [" ".join(map(str, person.rich_prelast_names + person.rich_last_names)) for person in people]
    if len(names) > 2 or "others" in names:
        return f"{names[0]} et al."
    return " and ".join(names)


@lru_cache(maxsize=4)
def _entries(bibliography: Path, changed: int) -> dict[str, Entry]:
    return dict(parse_file(str(bibliography)).entries)
