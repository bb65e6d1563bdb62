"""Sphinx extension of the course: MathJax from the book itself, buttons from one URL, small repairs of the output."""

import importlib.util
import re
import shutil
from itertools import takewhile
from pathlib import Path

import sphinx_thebe
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ExtensionError

# What a page can ask for: the TeX to HTML bundle, its lazily loaded packages and fonts, the menu's English speech.
MATHJAX_FILES = (
    "tex-chtml.js",
    "input/tex/extensions/**/*.js",
    "output/chtml/fonts/woff-v2/*.woff",
    "a11y/*.js",
    "sre/mathmaps/base.json",
    "sre/mathmaps/en.json",
)


def configure(app: Sphinx, config: Config) -> None:
    """Derives the buttons from `repository.url` and points pages to the local MathJax."""
    config.mathjax_path = "mathjax/tex-chtml.js"
    options = config.html_theme_options
    options["logo"] = {"text": config.html_title, "alt_text": ""}
    options["navbar_persistent"] = []  # the side bar has the search field; a second one would cover the logo
    if options.get("repository_url"):
        options.update(use_repository_button=True, use_source_button=True, use_issues_button=True)
        return
    for key in ("repository_url", "launch_buttons"):
        options.pop(key, None)
    # Without a repository sphinx-thebe would write the address of an example repository into every page.
    for listeners in app.events.listeners.values():
        for listener in list(listeners):
            if listener.handler in (sphinx_thebe.init_thebe_core, sphinx_thebe.update_thebe_context):
                app.disconnect(listener.id)


def copy_mathjax(app: Sphinx, exception: Exception | None) -> None:
    """Copies the part of MathJax that pages use (3 MB of the package's 24) into the built book."""
    if exception or app.builder.format != "html":
        return
    package = importlib.util.find_spec("sphinx-mathjax-offline")
    if package is None or package.origin is None:
        raise ExtensionError("the pages need MathJax: pip install sphinx-mathjax-offline")
    source = Path(package.origin).parent / "static" / "mathjax"
    for pattern in MATHJAX_FILES:
        for file in source.glob(pattern):
            target = Path(app.outdir) / "_static" / "mathjax" / file.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists():
                shutil.copyfile(file, target)


def mark_prose(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Tells napoleon what is prose: left alone it takes a property or a "Returns:" up to the first colon for a type.

    A "Returns:" section may also be a list of `name: text`, where several values are returned.
    """
    if what in ("attribute", "property", "data") and lines:
        lines[0] = f": {lines[0]}"
    for i, line in enumerate(lines):
        if line.strip() != "Returns:":
            continue
        first = lines[i + 1]
        indent = first[: len(first) - len(first.lstrip())]
        section = takewhile(re.compile(re.escape(indent) + r"\s*\S").match, lines[i + 1 :])
        heads = [text for text in section if not text.startswith(indent + " ")]
        if all(re.match(r"\s*\w+: ", head) for head in heads):
            lines[i] = line.replace("Returns", "Returned values")
        else:
            lines[i + 1] = f"{indent}: {first.lstrip()}"


def repair_page(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document | None) -> None:
    """Mends two faults of the pages as they come.

    Lists of citations lose the role "list": screen readers stumble over entries that have another role. Sphinx writes
    the inline script of sphinx-thebe twice, and browsers refuse a constant that is declared again.
    """
    if body := context.get("body"):
        context["body"] = body.replace('<div role="list" class="citation-list">', '<div class="citation-list">')
    scripts = context["script_files"]  # changed in place: other extensions add to this very list
    once = {getattr(script, "attributes", {}).get("body") or id(script): script for script in reversed(scripts)}
    scripts[:] = reversed(once.values())


def name_theme(app: Sphinx, exception: Exception | None) -> None:
    """Makes pages light where no script runs; the theme leaves them without colours. Its script decides otherwise."""
    if exception or app.builder.format != "html":
        return
    for page in Path(app.outdir).rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        page.write_text(text.replace(' data-theme="auto">', ' data-theme="light">', 1), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("config-inited", configure, priority=100)  # before the theme reads its options
    app.connect("autodoc-process-docstring", mark_prose, priority=100)  # before napoleon
    app.connect("html-page-context", repair_page)
    app.connect("build-finished", copy_mathjax)
    app.connect("build-finished", name_theme)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
