"""Slides from the chapters: `python -m tools.slides [NN ...]` writes `_build/slides/`, shown without a network.

A `##` heading opens a column of slides, a `###` heading the next slide of the column; `tools.layout` breaks what does
not fit. Solutions, hidden cells, code that draws and imports are left out. A text cell with the tag `notes` is what the
speaker sees beside the slide that it follows.
"""

import html
import itertools
import shutil
import sys
from pathlib import Path

import nbformat
import yaml
from docutils import nodes
from jupyter_book.config import get_final_config
from nbformat import NotebookNode
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils
from sphinx.writers.html5 import HTML5Translator
from sphinx_revealjs.writers import RevealjsSlideTranslator

from tools import layout
from tools.convert import ROOT, tags
from tools.notebooks import chosen

# A further slide of a section, under the same heading in small letters.
BREAK = "```{revealjs-break}\n:data-continued: true\n```"
LEFT_OUT = {"solution", "check", "colab", "remove-cell", "hide-cell"}  # tags
SHOWN = ("text/html", "image/svg+xml", "image/png", "image/jpeg", "text/markdown", "text/latex", "text/plain")
KEPT_HANDLERS = ("sphinx.", "course", "tools.slides")  # of pages and what is built; course brings MathJax
# reveal.js and its plugins come inside sphinx-revealjs; nothing is fetched.
SETTINGS = {
    "nb_mime_priority_overrides": [("revealjs", kind, 10 * place) for place, kind in enumerate(SHOWN, start=1)],
    "html_domain_indices": False,
    "html_copy_source": False,
    "bibtex_reference_style": "author_year",  # a number would need the list that the slides do not show
    "pygments_style": "a11y-high-contrast-light",
    "revealjs_html_theme": "revealjs-simple",
    "revealjs_style_theme": "white",
    "revealjs_static_path": [str(Path(__file__).parent / "deck")],
    "revealjs_css_files": ["pygments.css", "slides.css"],
    "revealjs_script_conf": {
        "width": 1280,
        "height": 720,
        "margin": 0,
        "center": False,
        "controlsLayout": "edges",
        "slideNumber": "c/t",
        "hash": True,
        "transition": "none",
        "pdfMaxPagesPerSlide": 1,
    },
    "revealjs_script_plugins": [
        {"src": "slides.js", "name": "FitSlides"},
        {"src": "revealjs/plugin/notes/notes.js", "name": "RevealNotes"},
    ],
}
INDEX = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Slides: {title}</title>
<link rel="icon" href="_static/favicon.svg">
<style>
body {{ max-width: 44rem; margin: 3rem auto; padding: 0 1.5rem; color: #222; background: #fff; }}
body {{ font: 1.1rem/1.6 system-ui, sans-serif; }}
h1 {{ line-height: 1.2; }}
h2 {{ font-size: 1.2rem; margin: 2rem 0 0.5rem; }}
ul {{ list-style: none; padding: 0; }}
li {{ display: flex; gap: 0.75rem; }}
.number {{ min-width: 1.6rem; text-align: right; font-variant-numeric: tabular-nums; }}
a {{ color: #0b5394; }}
kbd {{ border: 1px solid #999; border-radius: 0.2rem; padding: 0 0.35rem; font: 0.95em monospace; }}
</style>
</head>
<body>
<main>
<h1>Slides: {title}</h1>
<p><kbd>Space</kbd> goes on, <kbd>o</kbd> or <kbd>Esc</kbd> shows all slides, <kbd>s</kbd> opens the speaker view with
notes and the next slide, <kbd>f</kbd> fills the screen, <kbd>b</kbd> makes it black, <kbd>?</kbd> lists all keys.</p>
{parts}
</main>
</body>
</html>
"""


class SlideTranslator(RevealjsSlideTranslator):
    """Writes a slide's code as the book does, coloured when it is built."""

    visit_literal_block = HTML5Translator.visit_literal_block
    depart_literal_block = HTML5Translator.depart_literal_block


def slide_edition(nb: NotebookNode) -> NotebookNode:
    """Returns what slides show of a chapter in the book's edition, with breaks where further slides begin."""
    edition = nbformat.v4.new_notebook(metadata=nb.metadata)
    for number, slide in enumerate(_slides(nb)):
        if number and not slide[0].level:
            edition.cells.append(nbformat.v4.new_markdown_cell(BREAK))
        for _, run in itertools.groupby(slide, key=lambda block: id(block.cell)):
            edition.cells.append(_cell(list(run)))
    return edition


def slide_count(nb: NotebookNode) -> int:
    """Returns the number of slides of a chapter in the book's edition."""
    return len(_slides(nb))


def _slides(nb: NotebookNode) -> list[list[layout.Block]]:
    cells = [cell for cell in nb.cells if "notes" in tags(cell) or not LEFT_OUT & set(tags(cell))]
    return layout.slides(nbformat.v4.new_notebook(cells=cells))


def _cell(run: list[layout.Block]) -> NotebookNode:
    """Returns the cell that shows blocks that follow each other in it."""
    cell = run[0].cell
    if "notes" in tags(cell):
        return nbformat.v4.new_markdown_cell(f'<aside class="notes">\n\n{cell.source}\n\n</aside>')
    if run[0].lines is None or run[-1].lines is None:
        return cell
    lines = cell.source.splitlines()[run[0].lines[0] : run[-1].lines[1]]
    return nbformat.v4.new_markdown_cell("\n".join(lines))


def take_slides(app: Sphinx, docname: str, text: list[str]) -> None:
    """Turns a chapter in the book's edition into its slides."""
    if docname.startswith("notebooks/"):
        text[0] = nbformat.writes(slide_edition(nbformat.reads(text[0], as_version=4)))


def drop_page_handlers(app: Sphinx) -> None:
    """Disconnects what the book's theme and extensions do to pages: a slide has no side bar, buttons and icons."""
    for listener in [*app.events.listeners["html-page-context"], *app.events.listeners["build-finished"]]:
        if not listener.handler.__module__.startswith(KEPT_HANDLERS):
            app.disconnect(listener.id)


def keep_own_files(app: Sphinx, page: str, template: str, context: dict, doctree: object) -> None:
    """Keeps mathematics of the book's scripts and none of its styles, which are made for pages."""
    context["script_files"] = [js for js in context["script_files"] if "mathjax" in str(vars(js)).lower()]
    own = ("revealjs/", "pygments.css", "slides.css")
    context["css_files"] = [css for css in context["css_files"] if _file(css).startswith(own)]


def _file(asset: object) -> str:
    """Returns the name of a style sheet as reveal.js or Sphinx lists it."""
    return str(getattr(asset, "filename", asset)).removeprefix("_static/")


def unlink_pages(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Makes plain text of the links to pages that are no decks."""
    decks = {app.builder.get_relative_uri(docname, f"notebooks/{name}") for name in app.config.slides_decks}
    for link in list(doctree.findall(nodes.reference)):
        page = link.get("refuri", "").partition("#")[0]
        if link.get("internal") and page and page not in decks:
            link.replace_self(link.children)


def setup(app: Sphinx) -> None:
    """Registers this module as a Sphinx extension."""
    app.setup_extension("sphinx_revealjs")
    app.set_translator("revealjs", SlideTranslator)
    app.connect("source-read", take_slides, priority=600)  # after tools.pages, which gives the book's edition
    app.connect("builder-inited", drop_page_handlers, priority=900)
    app.connect("doctree-resolved", unlink_pages, priority=900)
    app.connect("html-page-context", keep_own_files, priority=900)
    app.add_config_value("slides_decks", [], "")


def build(only: list[str] | None = None, root: Path = ROOT) -> list[Path]:
    """Writes slides into `_build/slides/`, with an index, and returns their pages.

    Arguments:
        only: Chapters by the start of their names, as "13"; all of them for none.
        root: The folder of the book.
    """
    names = [source.stem for source in chosen(only or [], root)]
    target = root / "_build" / "slides"
    shutil.rmtree(target, ignore_errors=True)
    config, _ = get_final_config(
        user_yaml=root / "_config.yml", cli_config={"latex_individualpages": False}, sourcedir=root
    )
    extensions = [name for name in config["extensions"] if name != "sphinx.ext.viewcode"]  # it writes pages of its own
    config = {**config, **SETTINGS, "extensions": [*extensions, "tools.slides"], "slides_decks": names}
    with patch_docutils(), docutils_namespace():
        app = Sphinx(root, None, target, target / ".doctrees", "revealjs", config, status=None, warning=sys.stderr)
        app.build(filenames=[str(root / "notebooks" / f"{name}.ipynb") for name in names])
    titles = {name: app.env.titles[f"notebooks/{name}"].astext() for name in names}
    for other in (".doctrees", "book"):
        shutil.rmtree(target / other, ignore_errors=True)
    (target / "index.html").write_text(_index(root, config["html_title"], titles))
    return [target / "notebooks" / f"{name}.html" for name in names]


def _index(root: Path, title: str, titles: dict[str, str]) -> str:
    """Returns the page that lists the decks, part by part as the book does."""
    found = []
    for part in yaml.safe_load((root / "_toc.yml").read_text())["parts"]:
        names = [Path(chapter["file"]).name for chapter in part["chapters"] if "file" in chapter]
        rows = [_row(name, titles[name]) for name in names if name in titles]
        if rows:
            found.append(f"<h2>{html.escape(part['caption'])}</h2>\n<ul>\n" + "\n".join(rows) + "\n</ul>")
    return INDEX.format(title=html.escape(title), parts="\n".join(found))


def _row(name: str, title: str) -> str:
    number, _, rest = title.partition(" ") if title[:1].isdigit() else (str(int(name[:2])), "", title)
    return f'<li><span class="number">{number}</span><a href="notebooks/{name}.html">{html.escape(rest)}</a></li>'


if __name__ == "__main__":
    print(f"{len(build(sys.argv[1:]))} decks: open _build/slides/index.html")
