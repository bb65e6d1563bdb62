"""Sphinx extension: pages load what they show.

Of the theme's 2,000 icons, which it has three times (a script, fonts, a style sheet), those in use are kept. MathJax
comes only where there is mathematics.
"""

import logging as python_logging
import re
from pathlib import Path

from docutils import nodes
from fontTools.subset import Subsetter
from fontTools.ttLib import TTFont
from sphinx.application import Sphinx
from sphinx.util import logging

logger = logging.getLogger(__name__)
python_logging.getLogger("fontTools").setLevel(python_logging.WARNING)  # else it reports each table of a font

# An icon in the theme's script: name, width, height, other names, code and outlines.
_ICON = r'"?([a-z0-9-]+)"?:\[\d+,\d+,\[([^\]]*)\],"[0-9a-f]*",(?:"[^"]*"|\[[^\]]*\])\]'
ICON, ICONS = re.compile(_ICON), re.compile(rf"\{{(?:{_ICON},)*{_ICON}\}}")
# In its style sheet: the rule that draws an icon by a character of the icon font, and where the font is.
RULE = re.compile(r'((?:\.fa-[a-z0-9-]+::?before,?)+)\{content:"[^"]*"\}')
FONT = re.compile(r'url\(([^()]*/webfonts/[\w-]+)\.woff2\) format\("woff2"\),url\(\1\.ttf\) format\("truetype"\)')
# Formulae of the text, and of tables that cells show.
MATHS = re.compile(r'class="[^"]*\bmath\b|<table[^>]*\bdataframe\b(?:(?!</table>).)*\$', re.DOTALL)


def without_mathjax(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document) -> None:
    """Takes MathJax off a page without mathematics; Sphinx has it on every page that lists one with mathematics too."""
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


def subset_rules(style: str, used: set[str]) -> str:
    """Returns the style sheet without the rules of icons that are not in use."""
    return RULE.sub(lambda rule: rule[0] if used & set(re.findall(r"\.fa-([a-z0-9-]+)", rule[1])) else "", style)


def characters(style: str) -> set[int]:
    """Returns the code points of the icon font that a style sheet shows, written as they are or escaped."""
    escaped = {int(code, 16) for code in re.findall(r"\\([0-9a-fA-F]{2,5})\b", style)}
    return escaped | set(map(ord, re.findall("[\ue000-\uf8ff]", style)))


def shrink_font(path: Path, points: set[int]) -> None:
    """Writes a font with these characters alone beside its files, which are removed."""
    font = TTFont(path.with_suffix(".ttf"))
    subsetter = Subsetter()
    subsetter.populate(unicodes=points)
    subsetter.subset(font)
    font.flavor = "woff"  # Python has what this needs; woff2 wants another package
    font.save(path.with_suffix(".woff"))
    for suffix in (".ttf", ".woff2"):
        path.with_suffix(suffix).unlink()


def slim(app: Sphinx, exception: Exception | None) -> None:
    """Shrinks the icons, once all pages are written; files of a form that is not known stay whole, with a warning."""
    if exception or app.builder.name != "html":  # slides have another theme
        return
    folder = Path(app.outdir) / "_static"
    used = used_icons(Path(app.outdir))
    script = folder / "scripts" / "fontawesome.js"
    icons = subset(script.read_text(encoding="utf-8"), used)
    whole = {file: file.read_text(encoding="utf-8") for file in folder.rglob("*.css")}
    sheets = {file: subset_rules(style, used) for file, style in whole.items()}
    fonts = {(file.parent / font[1]).resolve() for file, style in sheets.items() for font in FONT.finditer(style)}
    if len(icons) > 200_000 or len(fonts) != 3 or sum(len(RULE.findall(style)) for style in whole.values()) < 1000:
        logger.warning("the theme's icons are not of the form that book/_ext/weights.py knows; they stay whole")
        return
    points = set().union(*map(characters, sheets.values()))
    for font in fonts:
        shrink_font(font, points)
    script.write_text(icons, encoding="utf-8")
    for file, style in sheets.items():
        file.write_text(FONT.sub(r'url(\1.woff) format("woff")', style), encoding="utf-8")
    for outdated in folder.rglob("*.map"):
        file = outdated.with_suffix("")
        text = file.read_text(encoding="utf-8")
        file.write_text(re.sub(r"\n?/[/*]# sourceMappingURL=\S*(?: ?\*/)?", "", text), encoding="utf-8")
        outdated.unlink()


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", without_mathjax, priority=800)
    app.connect("build-finished", slim, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
