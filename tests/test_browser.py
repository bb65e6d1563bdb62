"""The built pages in a real browser (headless Chromium), for which no other host exists."""

import functools
import http.server
import io
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

HTML = Path(__file__).parent.parent / "_build" / "html"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

if not (HTML / "index.html").exists():
    pytest.skip("no _build/html: run `make book` first", allow_module_level=True)
if CHROMIUM is None:
    pytest.skip("no chromium on this machine: `apt install chromium`", allow_module_level=True)
playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright, which comes with dmlib[test]")
axe = pytest.importorskip("axe_playwright_python.base", reason="needs axe-playwright-python: dmlib[test]")

ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
ARGUMENTS += ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]  # no other host has an address
PAGES = sorted(f"{folder}/{file.name}" for folder in ("book", "notebooks") for file in (HTML / folder).glob("*.html"))
CHAPTERS = [page for page in PAGES if page.startswith("notebooks/")]
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # one connection for many files

    def log_message(self, *_):
        pass


@dataclass
class Site:
    """The served book, one open tab, and what went wrong in it."""

    url: str
    tab: "playwright.Page"
    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def open(self, page: str, viewport: dict[str, int] = DESKTOP) -> "playwright.Page":
        self.errors.clear()
        self.foreign.clear()
        self.tab.set_viewport_size(viewport)
        self.tab.goto(self.url + page, wait_until="load")
        return self.tab


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(QuietHandler, directory=HTML))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/"
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        tab = browser.new_context(color_scheme="light", reduced_motion="reduce").new_page()
        tab.set_default_timeout(60_000)  # a busy machine is slow; a fault fails sooner
        site = Site(url, tab)

        tab.on("request", lambda r: None if r.url.startswith((url, "data:")) else site.foreign.append(r.url))
        tab.on("console", lambda message: site.errors.append(message.text) if message.type == "error" else None)
        tab.on("pageerror", lambda error: site.errors.append(str(error)))
        tab.on("requestfailed", lambda request: site.errors.append(f"failed: {request.url}"))
        tab.on("response", lambda r: site.errors.append(f"{r.status}: {r.url}") if r.status >= 400 else None)
        yield site
        browser.close()
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module", params=PAGES)
def page(site, request) -> "playwright.Page":
    """One load of a page, shared by the tests that change nothing on it but its width and its colours."""
    tab = site.open(request.param)
    if tab.locator(".math").count():
        tab.wait_for_function(
            "document.querySelectorAll('mjx-container').length >= document.querySelectorAll('.math').length"
        )
    return tab


def test_page_loads_whole(site, page):
    """No console error, nothing asked of another host, every image drawn, every formula understood."""
    assert not site.errors
    assert not site.foreign
    page.wait_for_function("[...document.images].every(image => image.complete || image.loading == 'lazy')")
    assert not page.locator("i[class*=fa-]").count(), "an icon that was not drawn"
    undrawn = "[...document.querySelectorAll('article img, .logo img')].filter(i => !i.naturalWidth).map(i => i.src)"
    assert not page.evaluate(undrawn)
    assert not page.locator("mjx-merror, [data-mjx-error]").count(), "a formula that MathJax cannot read"


def test_page_fits(page):
    """No page scrolls sideways, on a phone or a desktop."""
    for viewport in (PHONE, DESKTOP):
        page.set_viewport_size(viewport)
        excess = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert excess <= 1, f"{page.url} scrolls sideways by {excess} px at {viewport['width']} px"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_page_is_accessible(page, theme):
    """axe-core finds nothing serious or critical, folded content included; in dark mode only colours can differ."""
    page.emulate_media(color_scheme=theme)
    page.wait_for_function("theme => document.documentElement.dataset.theme == theme", arg=theme)
    # Signatures and code look alike: the first dozen stand for all. So do formulae, in the colour of the text around
    # them. The thousands of spans in the others would take most of the time.
    page.evaluate("""() => {
        document.querySelectorAll('article details').forEach(fold => fold.open = true);
        document.querySelectorAll('dt.sig, .highlight').forEach((part, i) => part.toggleAttribute('skip', i > 11));
    }""")
    page.evaluate(axe.AXE_SCRIPT)
    options = {"resultTypes": ["violations"]} | ({"runOnly": ["color-contrast"]} if theme == "dark" else {})
    scope = {"exclude": [["mjx-container"], ["[skip]"]]}
    found = page.evaluate("([scope, options]) => axe.run(scope, options)", [scope, options])["violations"]
    page.emulate_media(color_scheme="light")
    serious = [
        f"{fault['id']} ({fault['impact']}): {node['target']} {node['html'][:200]} {node['failureSummary'][:300]}"
        for fault in found
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]
    assert not serious, "\n".join(serious)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_solutions_unfold_by_mouse_and_by_keyboard(site, chapter):
    tab = site.open(chapter)
    solutions = tab.locator(".tag_solution details")
    assert solutions.count() >= 1, f"{chapter} has no folded solution"
    for solution in solutions.all():
        summary, code = solution.locator("summary"), solution.locator("pre").first
        assert "solution" in summary.inner_text().lower()
        assert not code.is_visible()
        summary.click()
        assert code.is_visible() and "Hide" in summary.inner_text()
        summary.focus()
        tab.keyboard.press("Enter")
        assert not code.is_visible()


def test_answers_and_questions_unfold_by_keyboard(site):
    tab = site.open("notebooks/13-cathode.html")
    for kind in (".exercise details.sd-dropdown", "details.self-check"):
        folds = tab.locator(kind)
        assert folds.count() >= 2
        for fold in folds.all():
            text = fold.locator(".sd-summary-content")
            assert not text.is_visible()
            fold.locator("summary").focus()
            tab.keyboard.press("Enter")
            assert text.is_visible() and len(text.inner_text()) > 100


def test_search_finds(site):
    tab = site.open("search.html?q=pseudorapidity")
    tab.wait_for_selector("#search-results li a")
    assert "Glossary" in tab.locator("#search-results").inner_text()
    assert not site.foreign


def results(tab) -> "playwright.Locator":
    """The entries of a finished search."""
    tab.wait_for_function("document.querySelector('#search-results .search-summary')?.innerText.includes('finished')")
    return tab.locator("#search-results li")


@pytest.mark.parametrize(
    ("query", "chapter"),
    [
        ("CATHODE", "13-cathode"),
        ("r-anode", "14-r-anode"),
        ("ANODE", "12-anode"),
        ("CWoLa", "11-cwola"),
        ("nplm", "16-"),
    ],
)
def test_search_for_a_method_finds_its_chapter_first(site, query, chapter):
    found = results(site.open(f"search.html?q={query}"))
    assert found.count() > 3
    assert f"notebooks/{chapter}" in found.first.locator("a").get_attribute("href")


def test_search_for_a_term_shows_its_definition(site):
    definition = site.open("book/glossary.html").locator("#term-SIC ~ dd").first.text_content().strip()
    first = results(site.open("search.html?q=SIC")).first  # which is in "physics" too
    assert first.locator("a").inner_text() == "SIC (glossary)"
    first.locator(".context").wait_for()
    assert first.locator(".context").text_content() == definition and len(definition) > 50
    results(site.open("search.html?q=kernel+machine")).first.get_by_text("kernel machine (glossary)").wait_for()


def test_search_shows_results_while_one_types(site):
    """Without excerpts, which would ask for every page; the index is asked for when the field is entered."""
    tab = site.open("notebooks/11-cwola.html")
    asked = []
    tab.on("request", lambda request: asked.append(request.url.rsplit("/", 1)[-1]))
    assert tab.evaluate("Search.hasIndex()") is False
    tab.keyboard.press("Control+k")
    tab.keyboard.type("cathode")
    found = results(tab)
    assert "13-cathode" in found.first.locator("a").get_attribute("href")
    assert f"found {found.count()} page(s)" in tab.locator("#search-results [role=status]").inner_text()
    assert asked.count("searchindex.js") == 1 and not [name for name in asked if name.endswith(".html")]
    found.first.locator("a").click()
    tab.wait_for_url("**/notebooks/13-cathode.html*")
    assert not site.errors and not site.foreign


def test_search_in_a_book_opened_as_a_file(site):
    """There pages cannot be asked for: no excerpts, no failed requests, and a word on what to do."""
    tab = site.tab.context.browser.new_page()
    errors = []
    tab.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.goto(f"{(HTML / 'search.html').as_uri()}?q=CATHODE")
    assert "13 CATHODE" in results(tab).first.inner_text()
    assert "make serve" in tab.locator("#search-results").inner_text() and not errors
    tab.close()


def test_search_field_opens_and_leads_to_results(site):
    tab = site.open("book/intro.html")
    tab.keyboard.press("Control+k")
    tab.keyboard.type("working point")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/search.html?q=working+point*")
    tab.wait_for_selector("#search-results li a")


def test_dark_mode_switches_and_figures_stay_on_white(site):
    tab = site.open(CHAPTERS[0])
    background = "getComputedStyle(document.body).backgroundColor"
    seen = set()
    for _ in range(3):  # auto, light, dark
        tab.locator(".theme-switch-button").locator("visible=true").first.click()
        seen.add((tab.evaluate("document.documentElement.dataset.theme"), tab.evaluate(background)))
        figure = tab.locator("article figure img, article .cell_output img").first
        assert figure.evaluate("i => getComputedStyle(i).backgroundColor") == "rgb(255, 255, 255)"
        assert figure.evaluate("i => getComputedStyle(i).filter") == "none"
    assert {theme for theme, _ in seen} == {"light", "dark"} and len(seen) == 2
    tab.evaluate("localStorage.clear()")


def contrast(part: "playwright.Locator") -> float:
    """The contrast ratio (WCAG) in the picture of a part, between its ground and what stands out most from it."""
    picture = ImageOps.crop(Image.open(io.BytesIO(part.screenshot())).convert("RGB"), border=6)  # without its frame
    colours = sorted(picture.getcolors(maxcolors=2**24), reverse=True)
    channels = np.array([colour for _, colour in colours]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    light = linear @ [0.2126, 0.7152, 0.0722] + 0.05
    return float(np.maximum(light / light[0], light[0] / light).max())


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_pages_can_be_read_without_scripts(site, scheme):
    """Whatever the reader's system prefers: text stands out from its ground, the parts are there, answers unfold."""
    context = site.tab.context.browser.new_context(java_script_enabled=False, color_scheme=scheme)
    tab = context.new_page()
    tab.goto(site.url + "notebooks/13-cathode.html")
    for part in ("article p", "article .highlight pre", ".bd-sidebar-primary nav", "article .admonition"):
        assert contrast(tab.locator(part).locator("visible=true").first) > 7, part
    for part in ("article figure img", "article table", "article .exercise", ".bd-sidebar-secondary"):
        assert tab.locator(part).first.is_visible(), part
    solution = tab.locator(".tag_solution details").first
    solution.locator("summary").click()
    assert solution.locator("pre").first.is_visible()
    context.close()


def test_paper_holds_the_text_and_no_folded_answer(site):
    tab = site.open("notebooks/13-cathode.html")
    tab.emulate_media(media="print")
    seen = {
        name: tab.locator(name).first.is_visible()
        for name in (
            "h1.onlyprint, .onlyprint h1",
            ".exercise h3",
            "details.self-check",
            ".bd-sidebar-primary",
            ".copybtn",
        )
    }
    folds = tab.locator(".exercise details")
    answers = folds.evaluate_all("folds => folds.map(f => getComputedStyle(f).display)")
    where = tab.locator(".exercise").first.evaluate("e => getComputedStyle(e, '::after').content")
    folds.first.evaluate("fold => fold.open = true")  # what a reader has opened is printed
    opened = folds.first.is_visible()
    tab.emulate_media(media="screen")
    assert list(seen.values()) == [True, True, True, False, False]
    assert answers and set(answers) == {"none"} and "in the book" in where and opened


@pytest.mark.parametrize(
    "name", ["book/setup", "book/teaching", "notebooks/02-figures-of-merit", "notebooks/18-nplm-dimuon"]
)
def test_nothing_is_cut_on_paper(site, name):
    """At the width of A4 between margins of 15 mm nothing scrolls, and nothing that holds together breaks."""
    tab = site.open(f"{name}.html", {"width": 680, "height": 1000})
    tab.emulate_media(media="print")
    boxes = "article :is(pre, .text_html, .pst-scrollable-table-container, figure, mjx-container)"
    cut = tab.locator(boxes).evaluate_all(
        """parts => parts.filter(part => part.offsetParent && part.getBoundingClientRect().right
            + Math.max(0, part.scrollWidth - part.clientWidth) > document.documentElement.clientWidth + 1)
            .map(part => part.textContent.slice(0, 80))"""
    )
    breaks = tab.locator("article :is(.cell_input, figure, .admonition, tr)").evaluate_all(
        "parts => [...new Set(parts.map(part => getComputedStyle(part).breakInside))]"
    )
    tab.emulate_media(media="screen")
    assert not cut and breaks == ["avoid"]


@pytest.mark.parametrize("name", ["setup", "teaching"])
def test_tables_of_prose_can_be_read_on_a_phone(site, name):
    """Their columns are wide enough for some words a line, and the table scrolls in its box."""
    tab = site.open(f"book/{name}.html", PHONE)
    cells = tab.locator("article table:not(.lessons) td")
    assert cells.count() > 8
    narrow = "cells => cells.filter(c => c.innerText.length > 20 && c.clientWidth < 120).map(c => c.innerText)"
    assert not cells.evaluate_all(narrow)


def test_keyboard_skips_to_the_content(site):
    tab = site.open("book/intro.html")
    tab.keyboard.press("Tab")
    focused = tab.evaluate("document.activeElement.getAttribute('href')")
    assert focused == "#main-content"
    tab.wait_for_function("document.activeElement.getBoundingClientRect().top >= 0")  # it slides in
    tab.keyboard.press("Enter")
    tab.keyboard.press("Tab")
    assert tab.evaluate("!!document.activeElement.closest('#main-content')")


def test_navigation_opens_on_a_phone(site):
    tab = site.open("book/intro.html", PHONE)
    entry = tab.get_by_role("link", name="Glossary", exact=True).locator("visible=true")
    assert not entry.count()
    tab.locator(".primary-toggle").locator("visible=true").first.click()
    entry.first.click()
    tab.wait_for_url("**/glossary.html")


def open_tip(tab, index: int, by: str) -> "playwright.Locator":
    """Points at a term of the glossary, or goes there by the Tab key, and returns its tip."""
    term = tab.locator("a.glossary-term").nth(index)
    if by == "pointer":
        term.hover()
    else:
        term.focus()
        tab.keyboard.press("Shift+Tab")
        tab.keyboard.press("Tab")
        assert term.evaluate("term => term == document.activeElement")
    return tab.locator("a.glossary-term + .glossary-tip").nth(index)


@pytest.mark.parametrize("by", ["pointer", "keyboard"])
@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_every_definition_shows_on_the_screen(site, viewport, by):
    """Whole, near its word, without moving the text; Escape closes it, and the next place opens the next."""
    tab = site.open("notebooks/13-cathode.html", viewport)
    tab.wait_for_function(
        "document.querySelectorAll('mjx-container').length >= document.querySelectorAll('article .math').length"
    )
    count = tab.locator("a.glossary-term").count()
    assert count >= 10
    height = tab.evaluate("document.body.scrollHeight")
    for index in range(count):
        tip = open_tip(tab, index, by)
        assert tip.is_visible() and tab.locator(".glossary-tip:visible").count() == 1
        box, word = tip.bounding_box(), tab.locator("a.glossary-term").nth(index).bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= viewport["width"], index
        assert box["y"] >= 0 and box["y"] + box["height"] <= viewport["height"], index
        gaps = (box["y"] - word["y"] - word["height"], word["y"] - box["y"] - box["height"])
        assert -1 <= max(gaps) < 40, f"the tip of word {index} covers it, or is far away: {gaps}"
    assert tab.evaluate("document.body.scrollHeight") == height
    tab.keyboard.press("Escape")
    assert not tip.is_visible()
    assert open_tip(tab, 0, by).is_visible()


def test_the_pointer_reaches_a_definition(site):
    tab = site.open("notebooks/13-cathode.html")
    tip = open_tip(tab, 3, "pointer")
    box = tip.bounding_box()
    tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=20)
    assert tip.is_visible()
    tab.mouse.move(0, 0, steps=20)
    assert not tip.is_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_an_open_definition_is_accessible(site, theme):
    tab = site.open("notebooks/13-cathode.html")
    tab.emulate_media(color_scheme=theme)
    tab.wait_for_function("theme => document.documentElement.dataset.theme == theme", arg=theme)
    tip = open_tip(tab, 3, "keyboard")
    colours = tip.evaluate("""tip => {
        const style = getComputedStyle(tip, "::before");
        return [style.color, style.backgroundColor].map(colour => {
            const [r, g, b] = colour.match(/[\\d.]+/g).map(x => x / 255).map(
                x => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        });
    }""")
    assert (max(colours) + 0.05) / (min(colours) + 0.05) > 7  # axe does not see what a style sheet writes
    tab.evaluate(axe.AXE_SCRIPT)
    scope = {"include": [["article p"]], "exclude": [["mjx-container"]]}
    found = tab.evaluate("scope => axe.run(scope)", scope)["violations"]
    tab.emulate_media(color_scheme="light")
    assert not [(fault["id"], fault["nodes"][0]["html"]) for fault in found]


def test_code_with_links_is_copied_as_it_is(site):
    tab = site.open("notebooks/13-cathode.html")
    tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    cells = tab.locator(".cell_input .highlight:has(a):visible")
    assert cells.count() > 5
    for cell in cells.all():
        cell.hover()
        cell.locator("button.copybtn").click()
        assert tab.evaluate("navigator.clipboard.readText()").strip() == cell.locator("pre").inner_text().strip()
