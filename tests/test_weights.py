"""Pages load what they show: icons in use, MathJax where there is mathematics, the search index for a search."""

import re
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("sphinx", reason="needs Sphinx, which comes with dmlib[book]")
ROOT = Path(__file__).parent.parent
sys.path.append(str(ROOT / "book" / "_ext"))
weights = pytest.importorskip("weights")

HTML = ROOT / "_build" / "html"
SCRIPT = (
    '(()=>{var c={sun:[512,512,[9728],"f185","M1"],"file-pdf":[512,512,[],"f1c1",["M2","M3"]],'
    'xmark:[384,512,[128473,10005,"close","times"],"f00d","M4"]};use(c)})();'
)
built = pytest.mark.skipif(not (HTML / "index.html").exists(), reason="no _build/html: run `make book` first")


@pytest.mark.parametrize(
    ("used", "kept"),
    [
        ({"sun"}, 'c={sun:[512,512,[9728],"f185","M1"]};'),
        ({"times", "file-pdf"}, '{"file-pdf":[512,512,[],"f1c1",["M2","M3"]],xmark:[384'),
        (set(), "c={};"),
    ],
)
def test_icons_in_use_stay_by_any_of_their_names(used, kept):
    smaller = weights.subset(SCRIPT, used)
    assert kept in smaller and smaller.startswith("(()=>{var c=") and smaller.endswith("use(c)})();")


@pytest.mark.parametrize(
    ("body", "maths"),
    [
        ('<div class="math notranslate nohighlight">', True),
        ('<span class="math notranslate">', True),
        ('<table class="dataframe course-table"><tr><th>$m_{jj}$</th></tr></table>', True),
        ("<table class='x'></table><pre>$HOME</pre>", False),
        ('<p class="aftermath">none</p>', False),
    ],
)
def test_where_there_is_mathematics(body, maths):
    assert bool(weights.MATHS.search(body)) == maths


def test_rules_of_icons_in_use_stay_with_the_characters_that_they_show():
    kept = '.fa-close:before,.fa-xmark:before{content:"\uf00d"}.x:after{content:"\\f107"}'
    assert weights.subset_rules('.fa-sun:before{content:"\uf185"}' + kept, {"close"}) == kept
    assert weights.characters(kept) == {0xF00D, 0xF107}


@built
def test_built_pages_are_light():
    """Fewer bytes than half of what the theme alone brings: 1.5 MB of script, 160 kB of font, 400 kB of style sheet."""
    static = HTML / "_static"
    icons, fonts = static / "scripts" / "fontawesome.js", static / "vendor" / "fontawesome" / "webfonts"
    assert icons.stat().st_size < 150_000 and not list(static.rglob("*.map"))
    assert {file.suffix for file in fonts.iterdir()} == {".woff"}
    assert sum(file.stat().st_size for file in fonts.iterdir()) < 20_000
    assert (static / "styles" / "pydata-sphinx-theme.css").stat().st_size < 350_000
    script = icons.read_text(encoding="utf-8")
    defined = {match[1] for match in weights.ICON.finditer(script)}
    assert {"bars", "download", "magnifying-glass", "circle-half-stroke"} <= defined
    for page in ("book/intro", "book/api", "notebooks/13-cathode"):
        text = (HTML / f"{page}.html").read_text(encoding="utf-8")
        assert ("tex-chtml.js" in text) == page.startswith("notebooks")
        assert "language_data.js" in text and "searchindex.js" not in text
    assert "searchindex.js" in (HTML / "search.html").read_text(encoding="utf-8")


@pytest.fixture
def theme(tmp_path):
    """The theme's files as they are installed, with one page."""
    source = Path(pytest.importorskip("pydata_sphinx_theme").__file__).parent / "theme/pydata_sphinx_theme/static"
    shutil.copytree(source, tmp_path / "_static")
    (tmp_path / "index.html").write_text('<i class="fa-solid fa-sun"></i>')
    return tmp_path


def slim(folder):
    weights.slim(SimpleNamespace(outdir=folder, builder=SimpleNamespace(name="html")), None)
    return {file.relative_to(folder): file.stat().st_size for file in folder.rglob("*") if file.is_file()}


def test_the_installed_theme_is_of_the_known_form(theme):
    before = sum(file.stat().st_size for file in theme.rglob("*") if file.is_file() and file.suffix != ".map")
    assert sum(slim(theme).values()) < before / 3
    sun = re.search(r'sun:\[\d+,\d+,\[[^]]*\],"f185","[^"]+"\]', (theme / "_static/scripts/fontawesome.js").read_text())
    assert sun


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("_static/scripts/fontawesome.js", "sun:[512,512,", "sun:[512.5,512,"),
        ("_static/styles/pydata-sphinx-theme.css", 'format("woff2")', "format(woff2)"),
        ("_static/styles/pydata-sphinx-theme.css", ":before{content:", ":before{speak:none;content:"),
    ],
)
def test_a_theme_of_another_form_stays_whole_and_warns(theme, monkeypatch, name, old, new):
    path = theme / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    before = {file.relative_to(theme): file.stat().st_size for file in theme.rglob("*") if file.is_file()}
    warnings = []
    monkeypatch.setattr(weights.logger, "warning", warnings.append)
    assert slim(theme) == before
    assert len(warnings) == 1 and "weights.py" in warnings[0]
