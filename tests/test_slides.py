"""Slides, PDFs and handouts: what a slide shows, where it breaks, and that nothing is lost on it in a real browser."""

import base64
import contextlib
import io
import os
import re
import subprocess
import sys
import zlib
from pathlib import Path

import nbformat
import pytest
from PIL import Image

from tools import layout, pdf
from tools.convert import ROOT, convert, dumps, sources
from tools.notebooks import book_edition, made
from tools.rules import KNOWN_TAGS
from tools.slides import BREAK, _row, _slides, slide_count, slide_edition

NAMES = [source.stem for source in sources()]
STAGE, WALL = {"width": 1280, "height": 720}, {"width": 1920, "height": 1080}
OFFLINE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"  # no other host has an address


def notebook(*cells):
    """A notebook of texts, and of pairs of code and what it shows."""
    made = []
    for cell in cells:
        if isinstance(cell, str):
            made.append(nbformat.v4.new_markdown_cell(cell))
        else:
            code = nbformat.v4.new_code_cell(cell[0])
            code.outputs = [nbformat.v4.new_output("display_data", data) for data in cell[1:]]
            made.append(code)
    return nbformat.v4.new_notebook(cells=made)


def tagged(nb, number, *tags):
    nb.cells[number].metadata["tags"] = list(tags)
    return nb


def decks(nb):
    """The sources of each slide, one text a slide."""
    found, nb = [[]], slide_edition(nb)
    for cell in nb.cells:
        if cell.source == BREAK or re.match("#{1,3} ", cell.source):
            found.append([])
        if cell.source != BREAK:
            found[-1].append(cell.source)
    return ["\n".join(texts) for texts in found if texts]


def png():
    file = io.BytesIO()
    Image.new("RGB", (640, 400), "white").save(file, "PNG")
    return {"image/png": base64.b64encode(file.getvalue()).decode(), "text/plain": "<Figure>"}


def test_first_slide_is_title_and_objectives():
    text = "# 1 Toys\n\n:::{admonition} In this chapter\n- You play.\n\nTime: a minute.\n:::\n\nA word.\n\n## Blocks"
    first, second, third = decks(notebook(text))
    assert first.startswith("# 1 Toys") and first.endswith(":::") and second == "A word." and third == "## Blocks"


def test_a_long_text_is_broken_between_its_parts_and_nothing_is_lost():
    part = "Some words that fill a good part of a line of a slide, again and again. " * 4
    lists = "\n".join(f"- entry {n}, which says something" for n in range(30))
    box = ":::{note}\n" + "\n\n".join(["In a box there is more to say, and it stays together."] * 4) + "\n:::"
    math = "$$\n\\sum_i x_i\n\n$$"
    code = "```python\nfor i in range(3):\n\n    print(i)\n```"
    text = "\n\n".join(["## Long", part, part, box, part, code, math, part, lists, box, part])
    found = decks(notebook("# 1 Title", text))
    assert 4 <= len(found) <= 9
    assert re.sub(r"\n+", "\n", "\n".join(found[1:])) == re.sub(r"\n+", "\n", text)
    for whole in (box, math, code):
        assert any(whole in slide for slide in found)
    for slide in layout.slides(notebook("# 1 Title", text)):
        assert sum(block.height for block in slide) <= layout.ROOM


def test_what_fits_stays_on_one_slide():
    assert len(decks(notebook("## One", ("f(1)", {"text/plain": "2"}), "And so it is."))) == 1


def test_nothing_follows_a_question_that_asks_for_a_guess():
    question = ":::{admonition} Predict first\n:class: predict\nUp or down?\n:::"
    found = decks(notebook("## One\n\nIt moves.\n\n" + question, ("f(1)", {"text/plain": "up"})))
    assert [question in slide for slide in found] == [True, False]


def test_code_that_draws_is_not_shown_and_its_figure_is():
    nb = slide_edition(notebook("## One", ("plt.plot(x)", png())))
    shown = [cell for cell in nb.cells if cell.cell_type == "code"]
    assert [cell.metadata["tags"] for cell in shown] == [["remove-input"]]
    assert "image/png" in shown[0].outputs[0].data


@pytest.mark.parametrize(
    "source, shown",
    [
        ("import numpy as np\n\nimport dmlib\n\nrun = dmlib.start(seed=1)", ""),
        ("import numpy as np\nfrom dmlib import (\n    metrics,\n)\n\nregion = (3.3, 3.7)", "region = (3.3, 3.7)"),
        ("x = 1\nimport late", "x = 1\nimport late"),
        ("# your code", ""),
        ("start = 3\n# your code", "start = 3\n# your code"),
        ("def f():\n    pass\n\n\nf()", "def f():\n    pass\n\nf()"),
        ("import a\n%timeit f()", "%timeit f()"),
    ],
)
def test_imports_and_blanks_are_not_shown(source, shown):
    assert layout.lecture_code(source) == shown


def test_answers_and_checks_are_not_shown():
    nb = notebook(
        "## One", ("assert x",), ("solve()",), ":::{dropdown} Answer\nBecause.\n:::", ":::{dropdown} Why?\nSo.\n:::"
    )
    tagged(nb, 1, "check", "remove-cell"), tagged(nb, 2, "solution", "hide-cell"), tagged(nb, 3, "solution")
    assert decks(nb) == ["## One\n:::{dropdown} Why?\nSo.\n:::"]


def test_code_too_long_for_a_slide_is_cut_between_statements():
    code = "\n".join(f"def f{n}(x):\n    y = x + {n}\n    return y\n" for n in range(18))
    found = decks(notebook("## Long", (code,)))
    pieces = [slide.removeprefix("## Long\n") for slide in found if slide != "## Long"]
    assert len(pieces) > 1 and all(piece.startswith("def ") for piece in pieces)
    assert re.findall(r"def f(\d+)", "\n".join(pieces)) == [str(n) for n in range(18)]


def test_a_long_table_is_cut_between_rows_that_stand_for_themselves():
    rows = "".join(
        f'<tr><th rowspan="3">{n}</th><td>a</td></tr><tr><td>b</td></tr><tr><td>c</td></tr>' for n in range(14)
    )
    table = f"<div><table><thead><tr><th>h</th></tr></thead><tbody>{rows}</tbody></table></div>"
    parts = [
        cell.outputs[0].data["text/html"]
        for cell in slide_edition(notebook("## One", ("t", {"text/html": table}))).cells
        if cell.cell_type == "code" and cell.outputs
    ]
    assert len(parts) > 1 and all(part.count("<thead>") == 1 for part in parts)
    for part in parts:
        assert re.search(r"<tbody>\s*<tr><th", part) and part.count("<tr>") == 1 + 3 * part.count("rowspan")
    assert sum(part.count("rowspan") for part in parts) == 14


def test_notes_belong_to_the_slide_before_them_and_to_no_other_edition():
    nb = tagged(notebook("## One\n\nA word.", "Say *this*.", "## Two"), 1, "notes")
    assert decks(nb) == ['## One\n\nA word.\n<aside class="notes">\n\nSay *this*.\n\n</aside>', "## Two"]
    assert "notes" in KNOWN_TAGS


def test_row_of_the_index_takes_the_number_of_a_title_or_of_its_file():
    assert ">13</span>" in _row("13-cathode", "13 CATHODE") and ">CATHODE</a>" in _row("13-cathode", "13 CATHODE")
    assert ">2</span>" in _row("02-merit", "Merit") and ">Merit</a>" in _row("02-merit", "Merit")


@pytest.mark.parametrize("name", NAMES)
def test_every_piece_of_a_chapter_fits_a_slide(name):
    nb = book_edition(ROOT / "notebooks" / f"{name}.py")
    for slide in _slides(nb):
        room = layout.ROOM - layout.AGAIN * (not slide[0].level)
        assert sum(block.height for block in slide) <= room, [block.cell.source for block in slide]


def test_pdf_tools_say_what_is_missing(tmp_path, monkeypatch):
    with pytest.raises(SystemExit, match="13-cathode is not in _build/slides; run `make slides` first"):
        pdf._need(tmp_path / "_build" / "slides", ["13-cathode"], "make slides")
    with pytest.raises(SystemExit, match="no chapter 77"):
        pdf.handout(["77"])
    monkeypatch.setitem(__import__("sys").modules, "playwright.sync_api", None)
    with pytest.raises(SystemExit, match=r"Playwright, which is not installed; run .*pip install"), pdf.tab():
        pass


# In a browser; what is built is built as by hand, in a process of its own


def python(*arguments):
    """Runs Python in the root of the project and returns what it printed."""
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


TOY = """\
# %% [markdown]
# # A toy
# A word to begin with.

# %% [markdown] tags=["notes"]
# Say *this* aloud: $x^2$.

# %% [markdown]
# ## Further
# Another word.

# %%
1 + 1
"""
FAULTS = r"""async () => {
    const faults = [];
    let where, stage;
    const fault = (what, part) =>
        faults.push(`${where} ${what}: <${part.tagName} class="${part.className}"> ${part.textContent.slice(0, 60)}`);

    function look(part) {
        const box = part.getBoundingClientRect(), style = getComputedStyle(part);
        if (!box.width || !box.height) return;
        if (box.left < stage.left - 1 || box.right > stage.right + 1) fault("outside the stage", part);
        if (box.top < stage.top - 1 || box.bottom > stage.bottom + 1) fault("outside the stage", part);
        const high = part.clientHeight && part.scrollHeight > part.clientHeight + 1;
        const wide = part.clientWidth && part.scrollWidth > part.clientWidth + 1;
        if (high && style.overflowY != "visible") fault("scrolls", part);
        if (wide && style.overflowX != "visible") fault("scrolls sideways", part);
        const letters = parseFloat(style.fontSize), least = part.closest("pre") ? 15 : 12;
        const has_text = [...part.childNodes].some((node) => node.nodeType == Node.TEXT_NODE && node.data.trim());
        if (has_text && letters < least) fault(`letters of ${letters} px`, part);
        const scale = stage.width / 1280, small = box.width < 400 * scale && box.height < 300 * scale;
        if (part.tagName == "IMG" && (!part.naturalWidth || small)) fault("a small figure", part);
    }

    for (const slide of Reveal.getSlides()) {
        const { h, v } = Reveal.getIndices(slide);
        where = `${h}/${v}`;
        Reveal.slide(h, v ?? 0);
        await new Promise(requestAnimationFrame);
        stage = Reveal.getSlidesElement().getBoundingClientRect();
        if (slide.getBoundingClientRect().bottom > stage.bottom + 1) fault("too high", slide);
        if (!slide.innerText.trim()) fault("empty", slide);
        const folds = [...slide.querySelectorAll("details")];
        for (const open of folds.length ? [false, true] : [false]) {
            for (const fold of folds) fold.open = open;
            for (const part of slide.querySelectorAll("*:not(mjx-container *, style, script, svg *)"))
                if (part.checkVisibility()) look(part);
        }
        for (const fold of folds) fold.open = false;
    }
    return faults;
}"""


@pytest.fixture(scope="module")
def browser():
    pytest.importorskip("playwright.sync_api", reason="needs playwright, which comes with dmlib[test]")
    if not any(map(pdf.shutil.which, pdf.BROWSERS)):
        pytest.skip("no chromium on this machine: `apt install chromium`")
    with pdf.tab("--no-sandbox", "--disable-background-networking", OFFLINE) as tab:
        tab.faults = []
        tab.on(
            "request",
            lambda r: None if "//127.0.0.1" in r.url or r.url.startswith("data:") else tab.faults.append(r.url),
        )
        tab.on(
            "console", lambda message: tab.faults.append(message.text) if message.type in ("error", "warning") else None
        )
        tab.on("pageerror", lambda error: tab.faults.append(str(error)))
        tab.on("response", lambda r: tab.faults.append(f"{r.status}: {r.url}") if r.status >= 400 else None)
        yield tab


@pytest.fixture(scope="module")
def site(browser):
    """The slides of all chapters, built anew and served."""
    python("-m", "tools.slides")
    with pdf.served(ROOT / "_build" / "slides") as url:
        yield url


@pytest.fixture(scope="module", params=NAMES)
def deck(request, site, browser):
    """One load of a deck, shared by the tests that only look at it."""
    browser.faults.clear()
    browser.set_viewport_size(STAGE)
    browser.goto(f"{site}notebooks/{request.param}.html")
    browser.wait_for_function("Reveal.isReady()")
    return browser


def serious(tab, part=None):
    """What axe-core finds serious or critical on a page, or in one part of it."""
    axe = pytest.importorskip("axe_playwright_python.base", reason="needs axe-playwright-python: dmlib[test]")
    tab.evaluate(axe.AXE_SCRIPT)
    scope = {"exclude": [["mjx-container"]]} | ({"include": [[part]]} if part else {})
    found = tab.evaluate("scope => axe.run(scope, {resultTypes: ['violations']})", scope)["violations"]
    return [
        f"{fault['id']}: {node['html'][:200]} {node['failureSummary'][:200]}"
        for fault in found
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]


@pytest.mark.slow
def test_deck_loads_alone_and_has_as_many_slides_as_were_counted(deck):
    name = Path(deck.url).name.partition(".")[0]
    assert not deck.faults
    assert deck.evaluate("Reveal.getTotalSlides()") == slide_count(book_edition(ROOT / "notebooks" / f"{name}.py"))
    assert deck.title().startswith(str(int(name[:2]))) or deck.title().startswith(name[:2])
    assert deck.evaluate("document.documentElement.lang") == "en"
    captions = deck.evaluate(
        "[...document.querySelectorAll('figcaption .caption-number')].map(c => c.textContent.trim())"
    )
    assert captions == [f"Figure {int(name[:2])}.{n + 1}" for n in range(len(captions))]


@pytest.mark.slow
@pytest.mark.parametrize("viewport", [STAGE, WALL], ids=["1280x720", "1920x1080"])
def test_no_slide_is_cut(deck, viewport):
    deck.set_viewport_size(viewport)
    deck.wait_for_function(f"Math.abs(Reveal.getScale() - {viewport['width'] / 1280}) < 0.01")
    faults = deck.evaluate(FAULTS)
    assert not faults, "\n".join(faults)


@pytest.mark.slow
def test_slides_are_accessible(deck):
    deck.set_viewport_size(STAGE)
    number = deck.evaluate("Reveal.getTotalSlides()")
    for index in (0, number // 3, 2 * number // 3):
        deck.evaluate("i => { const {h, v} = Reveal.getIndices(Reveal.getSlides()[i]); Reveal.slide(h, v); }", index)
        found = serious(deck, "section.present > section.present")
        assert not found, "\n".join(found)


@pytest.mark.slow
def test_index_lists_every_deck_with_its_number(site, browser):
    browser.faults.clear()
    browser.goto(f"{site}index.html")
    links = browser.evaluate("[...document.querySelectorAll('li')].map(l => [l.innerText, l.querySelector('a').href])")
    assert [href.rpartition("/")[2].removesuffix(".html") for _, href in links] == NAMES
    assert [int(re.match(r"\d+", text)[0]) for text, _ in links] == [int(name[:2]) for name in NAMES]
    assert browser.locator("h2").count() >= 3 and browser.evaluate("document.documentElement.lang") == "en"
    assert not (found := serious(browser)), "\n".join(found)
    assert not browser.faults


@pytest.mark.slow
def test_pdf_of_slides_has_a_page_a_slide_and_letters(site):
    assert python("-m", "tools.pdf", "slides", "13").startswith("_build/slides/pdf/13-cathode.pdf: ")
    file = ROOT / "_build/slides/pdf/13-cathode.pdf"
    assert pdf.page_count(file) == slide_count(book_edition(ROOT / "notebooks/13-cathode.py"))
    content = file.read_bytes()
    assert re.search(rb"/MediaBox \[0 0 960 540\]", content)  # points: 1280 by 720 pixels
    assert written(content) >= pdf.page_count(file)


@pytest.mark.slow
def test_handout_is_a4_with_letters_and_without_answers(browser):
    if not (ROOT / "_build/html/notebooks/13-cathode.html").exists():
        pytest.skip("no _build/html: run `make book` first")
    python("-m", "tools.pdf", "handout", "13")
    file = ROOT / "_build/handout/13-cathode.pdf"
    content = file.read_bytes()
    assert 5 <= pdf.page_count(file) <= 15 and written(content) >= pdf.page_count(file)
    assert re.search(rb"/MediaBox \[0 0 595\.\d+ 842\.\d+\]", content)
    with pdf.served(ROOT / "_build" / "html") as url:
        browser.goto(f"{url}notebooks/13-cathode.html")
        browser.emulate_media(media="print")
        browser.add_style_tag(content=pdf.PRINT)
        browser.evaluate(pdf.FOR_PAPER)
        shown = browser.locator(".bd-article").inner_text()
        browser.emulate_media(media="screen")
    assert "Exercise 13.1" in shown and "References" in shown and "Hallin" in shown
    assert "spoilt = resonant" not in shown and "\nAnswer" not in shown


def written(content: bytes) -> int:
    """Counts the streams of a PDF that write letters, each with a table of what they mean."""
    assert b"/ToUnicode" in content
    found = 0
    for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", content, re.DOTALL):
        with contextlib.suppress(zlib.error):  # the streams of fonts and pictures are packed otherwise
            found += b" Tj" in (text := zlib.decompress(stream)) or b" TJ" in text
    return found


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """A book of one chapter with notes for the speaker."""
    root = tmp_path_factory.mktemp("toy")
    for folder in ("book", "notebooks"):
        (root / folder).mkdir()
    (root / "_config.yml").write_text(
        "title: Toys\nonly_build_toc_files: true\nexecute: {execute_notebooks: 'off'}\n"
        "parse: {myst_enable_extensions: [dollarmath, colon_fence]}\n"
        "sphinx: {local_extensions: {tools.pages: .}, config: {language: en}}\n"
    )
    (root / "_toc.yml").write_text(
        "format: jb-book\nroot: book/intro\nparts:\n- caption: Play & rest\n  chapters:\n  - file: notebooks/01-toy\n"
    )
    (root / "book/intro.md").write_text("# Toys\n")
    source = root / "notebooks/01-toy.py"
    source.write_text(TOY)
    source.with_suffix(".ipynb").write_text(dumps(made(source, root)))
    return root


@pytest.mark.slow
def test_notes_are_for_the_speaker_view_only(toy, browser):
    assert "Say *this*" in str(convert(toy / "notebooks/01-toy.py", toy).cells)
    python("-c", f"from pathlib import Path; from tools.slides import build; build(root=Path({str(toy)!r}))")
    page = (toy / "_build/slides/notebooks/01-toy.html").read_text()
    first, further = re.findall(r"<section >(?!\s*<section)(.*?)</section>", page, re.DOTALL)
    assert re.search(r'<aside class="notes">\s*<p>Say <em>this</em> aloud', first) and "notes" not in further
    with pdf.served(toy / "_build/slides") as url:
        browser.goto(f"{url}index.html")
        assert "Play & rest" in browser.locator("main").inner_text()
        browser.goto(f"{url}notebooks/01-toy.html")
        browser.wait_for_function("Reveal.isReady()")
        assert not browser.locator("aside.notes").is_visible()
        assert not (found := serious(browser)), "\n".join(found)
        with browser.expect_popup() as opened:
            browser.keyboard.press("s")
        speaker = opened.value
        speaker.wait_for_selector(".speaker-controls-notes .value em")
        assert "Say this aloud" in speaker.locator(".speaker-controls-notes").inner_text()
        speaker.close()

    command = [Path(sys.executable).with_name("jupyter-book"), "build", toy, "-q"]
    subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=True)
    page = (toy / "_build/html/notebooks/01-toy.html").read_text()
    assert "Another word" in page and "aloud" not in page
