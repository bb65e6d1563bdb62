"""Figures with a slider: the same bytes in every run, well-formed pages, artists where they belong, a real browser."""

import json
import re
import shutil
from html.parser import HTMLParser
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from dmlib import interactive, plotting

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
CUTS = np.linspace(200, 1000, 41)
VOID = {"input", "meta", "link"}


@pytest.fixture(autouse=True)
def style():
    with plt.rc_context():
        plotting.use_style()
        yield
    plt.close("all")


def two_panels():
    """A figure as chapters have it, its moving artists with their stops, and a readout."""
    rng = np.random.default_rng(1)
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8))
    bins = np.linspace(0, 1200, 61)
    left.hist(rng.exponential(150, 20_000), bins, histtype="stepfilled", label="background")
    left.hist(rng.normal(600, 200, 2_000), bins, histtype="step", label="signal")
    left.set(xlabel="missing momentum [GeV]", ylabel="events", yscale="log", xlim=(0, 1200))
    left.legend()
    eff_b = np.geomspace(1e-4, 1, 200)
    right.plot(eff_b, 5 * eff_b**0.1)
    right.set(xscale="log", xlabel=r"background efficiency $\epsilon_B$", ylabel="SI")
    line = left.axvline(CUTS[0], color="black")
    x = np.exp(-(CUTS - 200) / 150)
    (point,) = right.plot([1], [5], "o", color="black")
    moving = {line: {"x": CUTS}, point: {"x": x, "y": 5 * x**0.1}}
    readout = pd.DataFrame({"cut [GeV]": CUTS, "efficiency": x}).map("{:.3g}".format)
    return figure, moving, readout


def make(**changes):
    figure, moving, readout = two_panels()
    return interactive.slider(figure, moving, readout, **{"alt": "Two panels.", "label": "cut", "start": 3} | changes)


def data_of(page):
    return json.loads(re.search(r"const \{moves, rows\} = (.*);$", page, re.MULTILINE)[1])


class Page(HTMLParser):
    """Reads a page, and fails where a tag is not closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags = [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def all(self, name):
        return [attributes for tag, attributes in self.tags if tag == name]


def test_same_figure_same_bytes():
    assert make().html == make().html and make().png == make().png
    assert make().html != make(start=4).html


def test_what_a_notebook_gets():
    shown = make()
    bundle = shown._repr_mimebundle_(include=None, exclude=None)
    assert bundle == {"text/html": shown.html, "image/png": shown.png, "text/plain": repr(shown)}
    assert shown.png.startswith(b"\x89PNG") and int.from_bytes(shown.png[16:20], "big") == 900
    assert repr(shown) == "Figure with a slider: cut, 41 stops from 200 to 1e+03"
    assert not plt.get_fignums()


def test_the_page_is_whole_light_and_needs_nothing():
    text = make(label="cut <", alt='A "quoted" alt & ε').html
    page = Page(text)
    (control,), (label,), (svg,) = page.all("input"), page.all("label"), page.all("svg")
    assert control["type"] == "range" and label["for"] == control["id"]
    assert (control["min"], control["max"], control["value"]) == ("0", "40", "3")
    assert control["aria-valuetext"] == "260"
    assert svg["role"] == "img" and svg["aria-label"] == 'A "quoted" alt & ε' and svg["viewbox"] == "0 0 648 273.6"
    assert [a for a in page.all("div") if "hidden" in a] and len(page.all("script")) == 1 and not page.all("style")
    assert {a["aria-live"] for a in page.all("div") if "aria-live" in a} == {"polite"}
    assert len(page.all("dt")) == len(page.all("dd")) == 2
    assert text.isascii() and len(text) < 80_000
    assert not re.search("https?:|xlink|fetch|import", text)
    assert not any({"src", "srcset"} & set(attributes) for _, attributes in page.tags)


def test_names_are_unique_and_lead_somewhere():
    one, two = make().html, make(start=4).html
    names = [attributes["id"] for text in (one, two) for _, attributes in Page(text).tags if "id" in attributes]
    assert len(set(names)) == len(names)
    for text in (one, two):
        (key,) = re.findall(r'^<div id="([^"]*)"', text)
        referred = re.findall(r'(?:href="#|url\(#)([^")]*)', text)
        assert referred and {*referred, *(name for name, *_ in data_of(text)["moves"])} <= set(names)
        assert all(name.startswith(f"{key}-") for name in referred)


def test_the_svg_is_a_picture_by_itself():
    svg = re.search("<svg.*</svg>", make().html, re.DOTALL)[0]
    assert ElementTree.fromstring(svg).get("viewBox")


def test_artists_stand_where_their_axes_say():
    """A known frame: 10 by 5 inches, axes from 10 % to 90 %, x linear from 0 to 100, y logarithmic from 1 to 1000."""
    figure = plt.figure(figsize=(10, 5), dpi=130, layout="none")
    ax = figure.add_axes((0.1, 0.1, 0.8, 0.8))
    ax.set(xlim=(0, 100), ylim=(1, 1000), yscale="log")
    line, (point,) = ax.axvline(77), ax.plot([5], [5], "o")  # not yet where they start
    level = ax.axhline(10)
    x, y = [10, 30, 90], [1, 10, 1000]
    moving = {line: {"x": x}, point: {"x": x, "y": y}, level: {"y": y}}
    shown = interactive.slider(figure, moving, pd.DataFrame({"x": x}), alt="Frame.", start=1)
    (_, *of_line), (_, *of_point), (_, *of_level) = data_of(shown.html)["moves"]
    right = [-0.2 * 576, 0, 0.6 * 576]  # of 80 % of 720 points
    down = [288 / 3, 0, -2 / 3 * 288]  # of 80 % of 360 points, downward
    assert of_line == [pytest.approx(right, abs=0.01), [0, 0, 0]]
    assert of_point == [pytest.approx(right, abs=0.01), pytest.approx(down, abs=0.01)]
    assert of_level == [[0, 0, 0], pytest.approx(down, abs=0.01)]
    # At the start the point lies at (30, 10): 72 + 0.3 * 576 from the left, 36 + 2/3 * 288 from the top.
    x, y = re.search(r'moving-1">.*?<use [^>]*x="([\d.]+)" y="([\d.]+)"', shown.html, re.DOTALL).groups()
    assert (float(x), float(y)) == (pytest.approx(72 + 0.3 * 576), pytest.approx(36 + 2 / 3 * 288))
    assert point.get_xydata().tolist() == [[30, 10]]


def test_offsets_are_those_of_the_layout_that_is_drawn():
    """Constrained layout moves the axes when it draws; the offsets are of the axes after that."""
    shown = make()
    (left, _) = re.findall(r'<clipPath [^>]*><rect x="[^"]*" y="[^"]*" width="([^"]*)"', shown.html)
    (_, right, down), _ = data_of(shown.html)["moves"]
    assert right == pytest.approx((CUTS - CUTS[3]) / 1200 * float(left), abs=0.01) and not any(down)


def test_texts_cannot_break_out():
    figure, moving, readout = two_panels()
    readout["</script><b>"] = "</script><!-- & \u2028"
    shown = interactive.slider(figure, moving, readout, alt="x", label='<i "')
    page = Page(shown.html)
    assert not page.all("b") and not page.all("i") and len(page.all("script")) == 1
    assert data_of(shown.html)["rows"][0][-1] == "</script><!-- & \u2028"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"start": 41}, "start=41: expected a stop, from 0 to 40"),
        ({"start": -1}, "start=-1: expected a whole number of 0 or more"),
        ({"start": 1.5}, "start=1.5: expected a whole number"),
        ({"alt": " "}, "alt=' ': expected a text"),
        ({"label": None}, "label=None: expected a text"),
    ],
)
def test_bad_settings_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        make(**change)


def test_bad_stops_are_refused():
    figure, moving, readout = two_panels()
    line, point = moving
    (curve,) = figure.axes[1].lines[:1]
    patch = figure.axes[0].patches[0]
    other = plt.figure().add_subplot().axvline(300)
    polar = plt.figure().add_subplot(projection="polar")
    (ray,) = polar.plot([1, 1], [0, 1])
    removed = figure.axes[0].axvline(300)
    removed.remove()
    for bad, message in [
        ({}, "moving: expected one artist or more"),
        ({line: {"x": CUTS[:-1]}}, r"x of Line2D.* one for each of the 41 stops, not an array of shape \(40,\)"),
        ({point: {"x": CUTS / 2000, "y": 3.0}}, r"y of Line2D.* of shape \(\)"),
        ({line: {"x": np.where(CUTS > 500, np.nan, CUTS)}}, "not finite"),
        ({line: {"x": CUTS + 900}}, "lie outside its axes, 0 to 1200"),
        ({point: {"x": CUTS * 0}}, "lie outside its axes"),
        ({line: {}}, r"needs coordinates 'x', 'y' or both, not \[\]"),
        ({line: {"z": CUTS}}, r"not \['z'\]"),
        ({line: {"y": CUTS}}, "whose points differ in y cannot move along it"),
        ({curve: {"x": CUTS / 2000}}, "whose points differ in x cannot move along it"),
        ({patch: {"x": CUTS}}, "expected lines, as of ax.axvline or ax.plot, not Polygon"),
        ({other: {"x": CUTS}}, "is not in the figure"),
        ({removed: {"x": CUTS}}, "is not in the figure"),
    ]:
        with pytest.raises(ValueError, match=message):
            interactive.slider(figure, bad, readout, alt="x")
    with pytest.raises(ValueError, match="axes that are not rectangular"):
        interactive.slider(polar.figure, {ray: {"x": CUTS / 1000}}, readout, alt="x")
    for bad in (readout[:0], readout[:1]):
        with pytest.raises(ValueError, match=r"two stops \(rows\) or more, not [01]"):
            interactive.slider(figure, moving, bad, alt="x")
    for bad in (CUTS, readout[[]]):
        with pytest.raises(ValueError, match="readout: expected a table"):
            interactive.slider(figure, moving, bad, alt="x")


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine: `apt install chromium`")
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: dmlib[test]")
    arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def file(tmp_path):
    """A page with two figures, as a book may have it."""
    head = '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Figures</title></head>'
    file = tmp_path / "page.html"
    body = f"<main><h1>Figures</h1>{make().html}{make(start=30).html}</main>"
    file.write_text(f"{head}<body>{body}</body></html>", encoding="utf-8")
    return file.as_uri()


@pytest.mark.slow
def test_the_slider_moves_its_own_figure(browser, file):
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    faults, asked = [], []
    tab.on("pageerror", lambda error: faults.append(str(error)))
    tab.on("console", lambda message: faults.append(message.text) if message.type in ("error", "warning") else None)
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(file)
    first, second = tab.locator("body > main > div").all()
    read = [figure.locator("dd").all_inner_texts() for figure in (first, second)]
    assert read == [["260", "0.67"], ["800", "0.0183"]]
    box = "g => { const b = g.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; }"
    line = first.locator("[id$=moving-0]")
    before, other = line.evaluate(box), second.locator("[id$=moving-0]").evaluate(box)
    tab.get_by_label("cut").first.focus()
    tab.keyboard.press("ArrowRight")
    assert first.locator("dd").all_inner_texts() == ["280", "0.587"]
    assert tab.get_by_label("cut").first.get_attribute("aria-valuetext") == "280"
    moves = data_of(first.inner_html())["moves"]
    assert line.get_attribute("transform") == f"translate({moves[0][1][4]},0)"
    drawn_at = first.locator("svg").bounding_box()["width"] / 648
    after = line.evaluate(box)
    assert after[0] - before[0] == pytest.approx(moves[0][1][4] * drawn_at, abs=0.1)
    assert after[1] == before[1]
    tab.keyboard.press("End")
    assert first.locator("dd").all_inner_texts() == ["1e+03", "0.00483"]
    assert second.locator("dd").all_inner_texts() == read[1]
    assert second.locator("[id$=moving-0]").evaluate(box) == other
    assert not faults and asked == [file]
    tab.close()


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 390])
def test_the_figure_fits_and_is_accessible(browser, file, width):
    axe = pytest.importorskip("axe_playwright_python.base", reason="needs axe-playwright-python: dmlib[test]")
    tab = browser.new_page(viewport={"width": width, "height": 844})
    tab.goto(file)
    assert tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    assert tab.get_by_role("slider").first.bounding_box()["height"] >= 24
    tab.evaluate(axe.AXE_SCRIPT)
    found = tab.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
    assert not [fault["id"] for fault in found if fault["impact"] in ("moderate", "serious", "critical")]
    tab.close()


@pytest.mark.slow
def test_without_scripts_the_picture_stands_and_the_slider_is_not_shown(browser, file):
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(file)
    assert tab.locator("svg").count() == 2 and tab.locator("svg").first.is_visible()
    assert not tab.locator("input").first.is_visible() and not tab.locator("dl").first.is_visible()
    context.close()
