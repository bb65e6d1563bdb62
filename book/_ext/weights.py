"""Sphinx extension: pages load what they show.

The theme's file of 2,000 icons keeps those in use, and MathJax comes only where there is mathematics.
"""

import re
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

logger = logging.getLogger(__name__)

# An icon in the theme's script: name, width, height, other names, code and outlines.
_ICON = r'"?([a-z0-9-]+)"?:\[\d+,\d+,\[([^\]]*)\],"[0-9a-f]*",(?:"[^"]*"|\[[^\]]*\])\]'
ICON, ICONS = re.compile(_ICON), re.compile(rf"\{{(?:{_ICON},)*{_ICON}\}}")
# Formulae of the text, and of tables that cells show.
MATHS = re.compile(r'class="[^"]*\bmath\b|<table[^>]*\bdataframe\b(?:(?!</table>).)*\$', re.DOTALL)


def without_mathjax(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document) -> None:
    """Takes MathJax off a page without mathematics; jupyter-book asks for all scripts on all pages."""
    if not MATHS.search(context.get("body") or ""):
        scripts = context["script_files"]  # changed in place: other extensions add to this very list
        scripts[:] = [script for script in scripts if "mathjax" not in repr(vars(script)).lower()]


def used_icons(folder: Path) -> set[str]:
    """Returns the names of the icons on built pages, and of those that scripts put there."""
    texts = [file.read_text(encoding="utf-8") for file in folder.rglob("*.html")]
    scripts = [file for file in folder.glob("_static/**/*.js") if "mathjax" not in file.parts]
    texts += [file.read_text(encoding="utf-8") for file in scripts if file.name != "fontawesome.js"]
    return {name for text in texts for name in re.findall(r"\bfa-([a-z0-9-]+)", text)}


def subset(script: str, used: set[str]) -> str:
    """Returns the script of the icons with those in use, by one of their names."""

    def kept(icons: re.Match) -> str:
        found = (icon for icon in ICON.finditer(icons[0]))
        return "{" + ",".join(i[0] for i in found if used & {i[1], *re.findall(r"[a-z][a-z0-9-]*", i[2])}) + "}"

    return ICONS.sub(kept, script)


def slim(app: Sphinx, exception: Exception | None) -> None:
    """Shrinks the icons, once all pages are written."""
    if exception or app.builder.format != "html":
        return
    folder = Path(app.outdir)
    path = folder / "_static" / "scripts" / "fontawesome.js"
    script = path.read_text(encoding="utf-8")
    smaller = subset(script, used_icons(folder))
    if len(smaller) > 200_000:
        logger.warning("the theme's fontawesome.js is not of the form that book/_ext/weights.py knows; it stays whole")
        return
    path.write_text(re.sub(r"\n//# sourceMappingURL=.*", "", smaller), encoding="utf-8")
    for unused in path.parent.glob("*.js.map"):
        unused.unlink()


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", without_mathjax, priority=800)
    app.connect("build-finished", slim, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
