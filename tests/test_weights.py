"""Pages load what they show: icons in use, and MathJax where there is mathematics."""

import sys
from pathlib import Path

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


@built
def test_built_pages_are_light():
    icons = HTML / "_static" / "scripts" / "fontawesome.js"
    assert icons.stat().st_size < 150_000 and not list(icons.parent.glob("*.map"))
    script = icons.read_text(encoding="utf-8")
    defined = {match[1] for match in weights.ICON.finditer(script)}
    assert {"bars", "download", "magnifying-glass", "circle-half-stroke"} <= defined
    for page in ("book/intro", "book/api", "notebooks/13-cathode"):
        text = (HTML / f"{page}.html").read_text(encoding="utf-8")
        assert ("tex-chtml.js" in text) == page.startswith("notebooks")
