"""Tables and figures of the built chapters on a phone and on a desktop (headless Chromium)."""

import shutil
from pathlib import Path

import pytest

HTML = Path(__file__).parent.parent / "_build" / "html" / "notebooks"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

if not HTML.exists():
    pytest.skip("no _build/html: run `make book` first", allow_module_level=True)
if CHROMIUM is None:
    pytest.skip("no chromium on this machine: `apt install chromium`", allow_module_level=True)
playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright, which comes with dmlib[test]")

CHAPTERS = sorted(HTML.glob("[0-9]*.html"))
LABEL = 16.7  # px: the smaller letters of a figure (12 points at 100 dots an inch), where it has its own width
READABLE = 9
BOXES = "article .cell_output .text_html, article figure > a.image-reference"


@pytest.fixture(scope="module")
def tab():
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        tab = browser.new_page(viewport={"width": 390, "height": 844})
        yield tab
        browser.close()


@pytest.fixture(params=CHAPTERS, ids=lambda path: path.stem)
def phone(tab, request):
    tab.set_viewport_size({"width": 390, "height": 844})
    tab.goto(request.param.as_uri(), wait_until="load")
    tab.evaluate("document.querySelectorAll('article details').forEach(fold => fold.open = true)")
    return tab


def test_what_is_wide_scrolls_with_a_cue_and_by_keyboard(phone):
    phone.wait_for_timeout(500)  # the theme waits as long before it looks which boxes scroll
    boxes = phone.locator(BOXES).evaluate_all(
        """boxes => boxes.filter(box => box.scrollWidth > box.clientWidth + 1).map(box => [
            box.tabIndex, getComputedStyle(box).overflowX,
            getComputedStyle(box).backgroundImage.split('gradient').length - 1, box.outerHTML.slice(0, 80)])"""
    )
    assert boxes, "no table and no figure is wider than a phone"
    for place, overflow, gradients, html in boxes:
        assert place == 0 and overflow == "auto" and gradients == 4, html


def test_labels_of_figures_can_be_read_on_a_phone(phone):
    phone.wait_for_function("[...document.images].every(image => image.complete || image.loading == 'lazy')")
    scales = phone.locator("article figure > a.image-reference img").evaluate_all(
        "images => images.map(image => [image.clientWidth / parseFloat(image.style.width), image.alt])"
    )
    assert scales
    small = [(round(LABEL * scale, 1), alt) for scale, alt in scales if LABEL * scale < READABLE]
    assert not small


def test_figures_are_sharp(phone):
    phone.set_viewport_size({"width": 1280, "height": 900})
    phone.wait_for_function("[...document.images].every(image => image.complete || image.loading == 'lazy')")
    sizes = phone.locator("article figure > a.image-reference img").evaluate_all(
        "images => images.map(image => [image.naturalWidth, image.clientWidth, image.alt])"
    )
    assert not [alt for pixels, shown, alt in sizes if pixels < 1.9 * shown]


def test_headings_outweigh_those_below_them(phone):
    for width in (390, 1280):
        phone.set_viewport_size({"width": width, "height": 844})
        weights = [
            phone.locator(f"article {level}").first.evaluate(
                "h => [parseFloat(getComputedStyle(h).fontSize), +getComputedStyle(h).fontWeight]"
            )
            for level in ("h1", "h2", "h3")
            if phone.locator(f"article {level}").count()
        ]
        for above, below in zip(weights, weights[1:], strict=False):
            assert above[0] > below[0] and above[1] >= below[1]


def test_tables_have_one_row_of_headings_and_no_empty_one(phone):
    faults = phone.locator("article table.course-table").evaluate_all(
        """tables => tables.filter(table => table.querySelectorAll('th:empty').length ||
            [...table.tHead.rows].some(row => ![...row.cells].some(cell => cell.textContent))).map(t => t.outerHTML)"""
    )
    assert not faults
    assert not phone.locator("article table.dataframe:not(.course-table)").count(), "shown by plotting.table instead"


def test_the_cut_of_chapter_02_moves(tab):
    tab.set_viewport_size({"width": 390, "height": 844})
    tab.goto((HTML / "02-figures-of-merit.html").as_uri(), wait_until="load")
    slider = tab.get_by_label("cut on the missing momentum")
    slider.scroll_into_view_if_needed()
    shown = tab.locator("[id^=slider-] dl")
    assert "400 GeV" in shown.inner_text()
    before = slider.bounding_box()
    slider.fill("23")
    assert "660 GeV" in shown.inner_text() and "4.89 ± 0.21" in shown.inner_text()
    assert slider.bounding_box() == before, "the slider must not run away from the finger"
    figure = tab.locator("[id^=slider-] svg[role=img]").bounding_box()
    assert figure["width"] <= 390 and figure["height"] < 400, "figure and slider are in sight together"
