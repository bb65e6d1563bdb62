"""Sphinx extension: the fold of a page's subpages in the side bar has a name, which the theme leaves out."""

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx


def name_folds(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document | None) -> None:
    draw = context["generate_toctree_html"]

    def with_names(*arguments: Any, **options: Any) -> Any:
        tree = draw(*arguments, **options)
        for fold in tree.select("li.has-children > details > summary") if hasattr(tree, "select") else ():
            page = fold.find_parent("li").find("a")
            fold["aria-label"] = f"Pages under {page.get_text(strip=True)}"
        return tree

    context["generate_toctree_html"] = with_names


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", name_folds, priority=600)  # after the theme's
    return {"parallel_read_safe": True, "parallel_write_safe": True}
