"""Sphinx extension: what search engines and messengers show of a page, its first paragraph unless it says otherwise.

A page overrides it with `html_meta: {description: ...}` under `myst:` in its head.
"""

from html import escape

from docutils import nodes
from sphinx.application import Sphinx

LENGTH = 200  # more is cut off by those who show it


def description(doctree: nodes.document) -> str:
    """The first paragraph of the text itself (not of a box, a list or a table), cut at a word."""
    for node in doctree.findall(nodes.paragraph):
        text = " ".join(node.astext().split())
        if isinstance(node.parent, nodes.section) and len(text) > 40:
            return text if len(text) <= LENGTH else text[: LENGTH - 1].rsplit(" ", 1)[0] + "…"
    return ""


def describe(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document | None) -> None:
    if doctree is None:
        return
    given = [node["content"] for node in doctree.findall(nodes.meta) if node.get("name") == "description"]
    title = next(doctree.findall(nodes.title)).astext()
    text = given[0] if given else description(doctree) or f"{title}. {app.config.html_title}"
    tags = {"og:title": title, "og:type": "article", "og:site_name": app.config.html_title, "og:description": text}
    lines = [f'<meta property="{key}" content="{escape(value)}">' for key, value in tags.items()]
    if not given:
        lines.insert(0, f'<meta name="description" content="{escape(text)}">')
    context["metatags"] = "\n".join([context.get("metatags", ""), *lines])


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", describe)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
