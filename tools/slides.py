"""Slides from the executed notebooks: `python -m tools.slides` writes `_build/slides/`, shown without a network.

A `##` heading opens a column of slides; a `###` heading, every further text cell, and a figure after other code open
the next slide of the column. Solutions are left out, and so is what the book's pages hide (`remove-*` tags).
"""

import copy
import html
import itertools
import shutil
import sys
from pathlib import Path

import nbformat
from jupyter_book.config import get_final_config
from nbformat import NotebookNode
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

from tools.convert import ROOT, tags

BREAK = "```{revealjs-break}\n:notitle:\n```"
STYLE = """
.reveal { font-size: 24px; }
.reveal .slides { text-align: left; }
.reveal h1, .reveal h2, .reveal h3 { text-transform: none; }
.reveal pre { width: 100%; font-size: 18px; box-shadow: none; }
.reveal pre code { max-height: none; }
.reveal .slides section { max-height: 100vh; overflow-y: auto; }
.reveal img { max-height: 62vh; width: auto; background: white; margin: 0 auto; display: block; }
.reveal figcaption, .reveal .caption { font-size: 18px; }
.reveal table { font-size: 18px; }
.reveal details > summary { cursor: pointer; }
.reveal a.headerlink, .reveal button.copybtn { display: none; }
"""
SHOWN = ("text/html", "image/svg+xml", "image/png", "image/jpeg", "text/markdown", "text/latex", "text/plain")
# reveal.js and its plugins come inside sphinx-revealjs; nothing is fetched.
SETTINGS = {
    "nb_mime_priority_overrides": [("revealjs", kind, 10 * place) for place, kind in enumerate(SHOWN, start=1)],
    "revealjs_style_theme": "white",
    "revealjs_css_files": ["revealjs/plugin/highlight/zenburn.css", "slides.css"],
    "revealjs_script_conf": {"width": 1280, "height": 800, "margin": 0.04, "slideNumber": "c/t", "hash": True},
    "revealjs_script_plugins": [
        {"src": "revealjs/plugin/highlight/highlight.js", "name": "RevealHighlight"},
        {"src": "revealjs/plugin/notes/notes.js", "name": "RevealNotes"},
    ],
}


def _opens(cell: NotebookNode, before: NotebookNode) -> bool:
    """Says whether a cell needs a break before it: text that opens no section, or a figure after other code."""
    if cell.cell_type == "markdown":
        return not cell.source.lstrip().startswith(("# ", "## ", "### "))
    has_figure = any("image/png" in output.get("data", {}) for output in cell.outputs)
    return has_figure and before.cell_type == "code"


def slide_edition(nb: NotebookNode) -> NotebookNode:
    """Returns a copy of the notebook without solutions and hidden cells, with breaks between slides."""
    nb = copy.deepcopy(nb)
    shown = [cell for cell in nb.cells if not {"solution", "remove-cell"} & set(tags(cell))]
    nb.cells = shown[:1]
    for before, cell in itertools.pairwise(shown):
        nb.cells += [nbformat.v4.new_markdown_cell(BREAK), cell] if _opens(cell, before) else [cell]
    return nb


def _split(app: Sphinx, docname: str, source: list[str]) -> None:
    """Turns the text of a notebook that Sphinx has read into its slide edition."""
    if docname.startswith("notebooks/"):
        source[0] = nbformat.writes(slide_edition(nbformat.reads(source[0], as_version=4)))


def _scripts(app: Sphinx, page: str, template: str, context: dict, doctree: object) -> None:
    """Keeps mathematics and tabs of the book's scripts; its buttons have no place on a slide."""
    context["script_files"] = [
        js for js in context["script_files"] if "mathjax" in str(vars(js)).lower() or "design-tabs" in str(js.filename)
    ]


def setup(app: Sphinx) -> None:
    """Registers this module as a Sphinx extension."""
    app.setup_extension("sphinx_revealjs")
    app.connect("source-read", _split)
    app.connect("html-page-context", _scripts, priority=900)


def build(root: Path = ROOT) -> list[Path]:
    """Writes the slides of all chapters into `_build/slides/`, with an index, and returns their pages."""
    target = root / "_build" / "slides"
    shutil.rmtree(target, ignore_errors=True)
    config, _ = get_final_config(
        user_yaml=root / "_config.yml", cli_config={"latex_individualpages": False}, sourcedir=root
    )
    config = {**config, **SETTINGS, "extensions": [*config["extensions"], "tools.slides"]}
    chapters = sorted((root / "notebooks").glob("*.ipynb"))
    with patch_docutils(), docutils_namespace():
        app = Sphinx(root, None, target, target / ".doctrees", "revealjs", config, status=None, warning=sys.stderr)
        app.build(filenames=[str(path) for path in chapters])
    (target / "_static" / "slides.css").write_text(STYLE)
    pages = [target / "notebooks" / f"{path.stem}.html" for path in chapters]
    titles = [nbformat.read(path, as_version=4).cells[0].source.partition("\n")[0].lstrip("# ") for path in chapters]
    links = [
        f'<li><a href="notebooks/{page.name}">{html.escape(title)}</a></li>'
        for page, title in zip(pages, titles, strict=True)
    ]
    (target / "index.html").write_text(f"<!doctype html><title>Slides</title><ol>{''.join(links)}</ol>\n")
    return pages


if __name__ == "__main__":
    print(f"{len(build())} decks: open _build/slides/index.html")
