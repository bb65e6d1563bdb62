"""PDFs of what was built, through Chromium: `python -m tools.pdf slides|handout [NN ...]`.

`slides` writes `_build/slides/pdf/NN-name.pdf`, a slide a page; `handout` writes `_build/handout/NN-name.pdf`, the page
of the book on A4, without solutions.
"""

import argparse
import functools
import html
import http.server
import re
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tools.convert import ROOT
from tools.notebooks import chosen

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MISSING = "PDFs are printed by {what}, which is not installed; {how}"
PRINT = """
html { font-size: 10.5pt; }
.bd-article :is(.cell_output, mjx-container) { break-inside: avoid; }
.bd-article :is(h1, h2, h3, h4) { margin: 1.2em 0 0.5em; }
#jb-print-docs-body h1 { font-size: 19pt !important; margin: 0 0 0.8em; }
.bd-article h2 { font-size: 14pt; }
.bd-article h3 { font-size: 12pt; }
.bd-article pre { font-size: 8.5pt; }
.bd-article table { font-size: 8.5pt; }
.bd-article figure img { max-height: 9cm; width: auto; }
.bd-article a:not([href]) { color: inherit; text-decoration: none; }
.bd-article .references p { font-size: 9pt; margin: 0 0 0.3em; }
.bd-article .tag_solution, .bd-article details.answer, .bd-article :is(.headerlink, button),
.bd-header-article, .bd-sidebar-secondary, .prev-next-footer, .bd-footer, .bd-footer-content {
  display: none !important;
}
"""
# On paper a fold is of no use where it holds an answer, a link of none where it leads to another page of the book, and
# a number in brackets needs the list that stands on another page. Citations carry their entries as titles.
FOR_PAPER = """() => {
    const article = document.querySelector(".bd-article");
    for (const fold of article.querySelectorAll("details")) {
        fold.open = false;
        fold.classList.toggle("answer", /^\\s*Answer\\s*$/.test(fold.querySelector("summary").textContent));
    }
    const entries = new Map();
    for (const cited of article.querySelectorAll(".bibtex-citation a[title]"))
        entries.set(cited.textContent, cited.title);
    if (entries.size) {
        const list = document.createElement("section");
        list.className = "references";
        list.append(Object.assign(document.createElement("h2"), { textContent: "References" }));
        for (const [number, entry] of [...entries].sort((a, b) => a[0] - b[0]))
            list.append(Object.assign(document.createElement("p"), { textContent: `[${number}] ${entry}` }));
        article.append(list);
    }
}"""
UNLINK = """() => {
    for (const link of document.querySelectorAll("a[href]"))
        if (link.origin == location.origin && link.pathname != location.pathname) link.removeAttribute("href");
}"""
EDGE = "width:100%;margin:0 15mm;font:8pt sans-serif;color:#555"
HEADER = f"""<div style="{EDGE};display:flex;justify-content:space-between">
<span>{{book}}</span><span>{{title}}</span></div>"""
FOOTER = f"""<div style="{EDGE};text-align:right">
<span class="pageNumber"></span> / <span class="totalPages"></span></div>"""


class _Quiet(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serves a folder on this machine alone while the block lasts, and gives its address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def tab(*arguments: str) -> Iterator[Any]:
    """Opens a page of a Chromium without a window.

    Arguments:
        arguments: Switches of Chromium.

    Raises:
        SystemExit: Playwright or Chromium is missing; it says how to install it.
    """
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        how = "run `.venv/bin/pip install -c constraints.txt -e '.[test]'`"
        raise SystemExit(MISSING.format(what="Playwright", how=how)) from None
    own = next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_playwright() as driver:
        try:
            browser = driver.chromium.launch(executable_path=own, args=arguments)
        except Error:
            how = "run `apt install chromium`, or `.venv/bin/playwright install chromium`"
            raise SystemExit(MISSING.format(what="Chromium", how=how)) from None
        page = browser.new_context(color_scheme="light", reduced_motion="reduce").new_page()
        page.set_default_timeout(120_000)  # a busy machine is slow
        yield page
        browser.close()


def page_count(file: Path) -> int:
    """Returns the number of pages of a PDF as Chromium writes it."""
    return len(re.findall(rb"/Type\s*/Page\b", file.read_bytes()))


def slides(only: list[str] | None = None, root: Path = ROOT) -> list[Path]:
    """Prints the built slides, each a page of its own, and returns the files.

    Arguments:
        only: Chapters by the start of their names, as "13"; all of them for none.
        root: The folder of the book.

    Raises:
        SystemExit: The slides were not built, or a slide took more than a page.
    """
    built, names = root / "_build" / "slides", [source.stem for source in chosen(only or [], root)]
    _need(built, names, "make slides")
    written = []
    with served(built) as url, tab() as page:
        for name in names:
            page.goto(f"{url}notebooks/{name}.html?print-pdf")
            page.wait_for_function("document.querySelectorAll('.pdf-page').length == Reveal.getTotalSlides()")
            number = page.evaluate("Reveal.getTotalSlides()")
            written.append(_print(page, built / "pdf" / f"{name}.pdf", prefer_css_page_size=True))
            if (pages := page_count(written[-1])) != number:
                raise SystemExit(f"{name}: {number} slides and {pages} pages; a slide does not fit its page")
    return written


def handout(only: list[str] | None = None, root: Path = ROOT) -> list[Path]:
    """Prints the book's pages of chapters on A4, solutions left out, and returns the files.

    Arguments:
        only: Chapters by the start of their names, as "13"; all of them for none.
        root: The folder of the book.

    Raises:
        SystemExit: The book was not built.
    """
    built, names = root / "_build" / "html", [source.stem for source in chosen(only or [], root)]
    _need(built, names, "make book")
    book = html.escape(yaml.safe_load((root / "_config.yml").read_text())["title"])
    written = []
    with served(built) as url, tab() as page:
        for name in names:
            page.goto(f"{url}notebooks/{name}.html")
            page.evaluate("window.MathJax?.startup?.promise.then(() => {})")
            page.evaluate("Promise.all([...document.images].map(i => { i.loading = 'eager'; return i.decode(); }))")
            page.emulate_media(media="print", color_scheme="light")
            page.add_style_tag(content=PRINT)
            page.evaluate(FOR_PAPER)
            title = page.evaluate("document.querySelector('.bd-article h1').firstChild.textContent.trim()")
            edges = {"header_template": HEADER.format(book=book, title=html.escape(title)), "footer_template": FOOTER}
            margin = {"top": "18mm", "bottom": "16mm", "left": "15mm", "right": "15mm"}
            file = root / "_build" / "handout" / f"{name}.pdf"
            written.append(_print(page, file, format="A4", display_header_footer=True, margin=margin, **edges))
    return written


def _need(built: Path, names: list[str], command: str) -> None:
    for name in names:
        if not (built / "notebooks" / f"{name}.html").exists():
            raise SystemExit(f"{name} is not in {built.parent.name}/{built.name}; run `{command}` first")


def _print(page: Any, file: Path, **options: Any) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    page.evaluate(UNLINK)
    page.pdf(path=str(file), print_background=True, tagged=True, outline=True, **options)
    return file


def main(arguments: list[str] | None = None, root: Path = ROOT) -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.pdf", description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=["slides", "handout"])
    parser.add_argument("names", nargs="*", metavar="NAME", help="chapters, by the start of their names")
    options = parser.parse_args(arguments)
    for file in {"slides": slides, "handout": handout}[options.what](options.names, root):
        print(f"{file.relative_to(root)}: {page_count(file)} pages, {file.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    sys.exit(main())
